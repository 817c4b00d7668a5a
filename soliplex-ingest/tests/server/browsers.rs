//! What a browser is let do, and from where: nothing, until origins are configured.

use reqwest::Method;
use reqwest::header::HeaderMap;

use crate::road::{Road, with_road};

const OURS: &str = "https://app.example";
const FOREIGN: &str = "https://evil.example";
const CONFIGURED: &str = "---\n[cors]\norigins = ['https://app.example']";

/// A header as text; empty where there is none.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

/// Whether a list of header names has a name in it.
fn lists(headers: &HeaderMap, list: &str, name: &str) -> bool {
    let mut names = header(headers, list).split(',');
    names.any(|listed| listed.trim() == name)
}

/// What a browser asks before it posts.
async fn preflight(road: &Road, origin: &str) -> HeaderMap {
    let url = format!("{}/api/v1/logs", road.base);
    let request = road.client.request(Method::OPTIONS, url);
    let request = request
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization,content-encoding,content-type",
        );
    request.send().await.unwrap().headers().clone()
}

/// A batch that is posted and taken, as from a page of `origin`.
async fn post(road: &Road, origin: &str) -> HeaderMap {
    let request = road.request(r#"{"logs":[]}"#).header("origin", origin);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200, "{origin}");
    response.headers().clone()
}

#[tokio::test]
async fn pages_of_a_configured_origin_may_post_and_read_when_to_return_and_no_others_may() {
    with_road(CONFIGURED, async |road| {
        for (origin, allowed) in [(OURS, OURS), (FOREIGN, "")] {
            let asked = preflight(road, origin).await;
            let posted = post(road, origin).await;
            for headers in [&asked, &posted] {
                let answer = header(headers, "access-control-allow-origin");
                assert_eq!(answer, allowed, "{origin}");
                // Sessions are sent as tokens; a browser's own credentials are not asked for.
                assert_eq!(header(headers, "access-control-allow-credentials"), "");
                // What is kept of one origin's answer is not shown to another.
                assert!(lists(headers, "vary", "origin"), "{headers:?}");
            }
            assert_eq!(header(&asked, "access-control-allow-methods"), "POST");
            for name in ["authorization", "content-type", "content-encoding"] {
                assert!(
                    lists(&asked, "access-control-allow-headers", name),
                    "{name}"
                );
            }
            for name in ["retry-after", "ratelimit", "ratelimit-policy"] {
                assert!(
                    lists(&posted, "access-control-expose-headers", name),
                    "{name}"
                );
            }
        }
    })
    .await;
}

#[tokio::test]
async fn without_configured_origins_no_page_is_told_that_it_may() {
    with_road("", async |road| {
        for origin in [OURS, FOREIGN, "null"] {
            for headers in [preflight(road, origin).await, post(road, origin).await] {
                let mut names = headers.keys().map(|name| name.as_str());
                assert!(
                    !names.any(|name| name.starts_with("access-control-")),
                    "{origin}: {headers:?}"
                );
            }
        }
    })
    .await;
}
