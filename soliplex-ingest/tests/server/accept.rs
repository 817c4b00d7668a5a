//! What a client may send, and what it is told.

use serde_json::{Value, json};
use soliplex_wire::limits::{MAX_DEPTH, TRUNCATED};

use crate::road::{record, records, uid, with_road};
use crate::upstream::{body_text, text};

#[tokio::test]
async fn every_refusal_is_a_problem_that_echoes_nothing() {
    with_road("", async |road| {
        for (name, body, header, status) in [
            ("not JSON", &b"{canary"[..], ("x", "x"), 400),
            ("not UTF-8", b"{\"logs\":[\"\xff\"]}", ("x", "x"), 400),
            ("not a batch", br#"{"canary":1}"#, ("x", "x"), 422),
            ("an array", br#"["canary"]"#, ("x", "x"), 422),
            ("not gzip", b"canary", ("content-encoding", "gzip"), 400),
            ("brotli", b"canary", ("content-encoding", "br"), 415),
            ("text", b"canary", ("content-type", "text/plain"), 415),
            (
                "a form",
                b"canary=1",
                ("content-type", "application/x-www-form-urlencoded"),
                415,
            ),
        ] {
            let mut request = road.request(body).build().unwrap();
            request
                .headers_mut()
                .insert(header.0, header.1.parse().unwrap());
            let response = road.client.execute(request).await.unwrap();
            assert_eq!(response.status(), status, "{name}");
            assert_eq!(
                response.headers()["content-type"],
                "application/problem+json",
                "{name}"
            );
            let text = response.text().await.unwrap();
            assert!(!text.contains("canary"), "{name}: {text}");
            let problem: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(problem["status"], status);
        }
    })
    .await;
}

#[tokio::test]
async fn one_bad_record_never_fails_its_batch() {
    let upstream = with_road("", async |road| {
        let logs = json!([record(0, "info", "first"), 7, { "message": 404, "id": uid(9) }, { "installId": "x".repeat(300) },
            record(1, "info", "last"), record(1, "info", "last again")]);
        let (status, answer) = road.post(&json!({ "logs": logs })).await;
        assert_eq!(status, 200);
        let reason = |index: u64, reason: &str| json!({ "index": index, "reason": reason });
        assert_eq!(
            answer,
            json!({ "accepted": 2, "duplicates": 1, "rejected": [
                reason(1, "expected a JSON object"),
                { "index": 2, "id": uid(9), "reason": "message: expected a string" },
                reason(3, "installId: expected at most 256 bytes"),
            ] })
        );
        let (_, metrics) = road.get("/metrics").await;
        assert!(metrics.contains("records_received_total 6"), "{metrics}");
        assert!(metrics.contains("records_rejected_total{reason=\"wrong_type\"} 1"));
    })
    .await;
    upstream.seen(|seen| {
        assert_eq!(
            seen.records.iter().map(body_text).collect::<Vec<_>>(),
            ["first", "last"]
        );
    });
}

#[tokio::test]
async fn paths_and_methods_answer_properly() {
    with_road("", async |road| {
        for (method, path, status, allow) in [
            ("GET", "/api/v1/logs", 405, Some("POST, OPTIONS")),
            ("HEAD", "/api/v1/logs", 405, Some("POST, OPTIONS")),
            ("PUT", "/api/v1/logs", 405, Some("POST, OPTIONS")),
            ("OPTIONS", "/api/v1/logs", 204, Some("POST, OPTIONS")),
            ("POST", "/healthz", 405, Some("GET, HEAD")),
            ("GET", "/healthz", 200, None),
            ("HEAD", "/healthz", 200, None),
            ("GET", "/readyz", 200, None),
            ("GET", "/metrics", 200, None),
            ("GET", "/openapi.json", 200, None),
            ("GET", "/", 404, None),
            ("POST", "/api/v1/log", 404, None),
        ] {
            let url = format!("{}{path}", road.base);
            let response = road
                .client
                .request(method.parse().unwrap(), url)
                .send()
                .await
                .unwrap();
            assert_eq!(response.status(), status, "{method} {path}");
            let allowed = response
                .headers()
                .get("allow")
                .map(|value| value.to_str().unwrap());
            assert_eq!(allowed, allow, "{method} {path}");
            assert!(
                !response
                    .headers()
                    .contains_key("access-control-allow-origin")
            );
        }
    })
    .await;
}

#[tokio::test]
async fn the_existing_dart_client_is_served_unchanged() {
    let upstream = with_road("", async |road| {
        let batch = json!({
            "resource": { "service.name": "soliplex", "device.alias": "tablet" },
            "logs": [
                { "timestamp": "2026-02-06T12:00:00.000Z", "level": "warning", "logger": "Auth", "message": "snake",
                  "attributes": {}, "error": "FormatException: bad", "stack_trace": "#0 main", "span_id": null,
                  "trace_id": null, "install_id": "i-1", "session_id": "s-1", "user_id": null,
                  "active_run": { "thread_id": "t-1", "run_id": null },
                  "breadcrumbs": [{ "timestamp": "2026-02-06T11:59:59.000Z", "level": "info", "logger": "Router",
                                    "message": "opened", "category": "ui" }] },
                { "timestamp": "2026-02-06T12:00:00.000Z", "level": "error", "logger": "X",
                  "message": "[record exceeded 65536B after truncation]", "installId": null, "sessionId": null },
            ],
        });
        let (status, answer) = road.post(&batch).await;
        assert_eq!((status, &answer["accepted"]), (200, &json!(2)), "{answer}");
    })
    .await;
    upstream.seen(|seen| {
        let snake = seen
            .records
            .iter()
            .find(|record| body_text(record) == "snake")
            .unwrap();
        for (key, value) in [
            ("install.id", "i-1"),
            ("session.id", "s-1"),
            ("exception.type", "FormatException"),
            ("exception.stacktrace", "#0 main"),
            ("thread_id", "t-1"),
            ("client_timestamp", "2026-02-06T12:00:00Z"),
        ] {
            assert_eq!(text(snake, key), value, "{key}");
        }
        assert!(text(snake, "breadcrumbs").contains("opened"));
        let placeholder = seen
            .records
            .iter()
            .find(|record| body_text(record) != "snake")
            .unwrap();
        assert_eq!(text(placeholder, "install.id"), "unknown");
        assert_eq!(seen.resources[0]["device.alias"], "tablet");
    });
}

#[tokio::test]
async fn a_session_over_its_cap_is_told_when_to_return_and_its_errors_still_pass() {
    let more = "---\n[limits]\nrecords_per_minute_per_session = 100";
    with_road(more, async |road| {
        let response = road
            .request(json!({ "logs": records(0..80) }).to_string())
            .send()
            .await
            .unwrap();
        assert_eq!(response.headers()["ratelimit"], r#""session";r=10"#);
        let response = road
            .request(json!({ "logs": records(100..150) }).to_string())
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 429);
        let headers = response.headers().clone();
        let wait: u64 = headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait));
        assert!(
            headers["ratelimit"]
                .to_str()
                .unwrap()
                .starts_with(r#""session";r=0;t="#)
        );
        assert!(
            headers["ratelimit-policy"]
                .to_str()
                .unwrap()
                .contains(r#""session";q=100;qu="records";w=60"#)
        );
        let problem: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        assert_eq!(problem["violated-policies"], json!(["session"]));
        let crash =
            json!({ "logs": [record(200, "fatal", "crash"), record(201, "info", "led up to it")] });
        assert_eq!(road.post(&crash).await.0, 200);
    })
    .await;
}

#[tokio::test]
async fn an_address_is_refused_before_its_token_is_looked_at() {
    let more = "---\n[limits]\nrequests_per_minute_per_address = 2";
    with_road(more, async |road| {
        let anonymous = || {
            road.client
                .post(format!("{}/api/v1/logs", road.base))
                .body("{}")
        };
        assert_eq!(anonymous().send().await.unwrap().status(), 401);
        assert_eq!(anonymous().send().await.unwrap().status(), 401);
        assert_eq!(anonymous().send().await.unwrap().status(), 429);
    })
    .await;
}

#[tokio::test]
async fn deep_nesting_many_keys_and_long_keys_are_bounded_not_refused() {
    let upstream = with_road("", async |road| {
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        let wide: Vec<String> = (0..300).map(|key| format!("\"k{key:03}\":1")).collect();
        let long = format!("\"{}\":1", "x".repeat(5000));
        let body = format!(
            r#"{{"logs":[{{"message":"deep","attributes":{{"a":{deep}}}}},
                {{"message":"wide","attributes":{{{}}}}},{{"message":"long","attributes":{{{long}}}}}]}}"#,
            wide.join(",")
        );
        let response = road.request(body).send().await.unwrap();
        let answer: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        assert_eq!(answer, json!({ "accepted": 3, "duplicates": 0, "rejected": [] }));
    })
    .await;
    upstream.seen(|seen| {
        let deep = seen
            .records
            .iter()
            .find(|record| body_text(record) == "deep")
            .unwrap();
        // As deep as may be, the attributes themselves being a level; then it says there was more.
        let kept = text(deep, "a");
        assert_eq!(
            kept.matches("ArrayValue {").count(),
            MAX_DEPTH - 1,
            "{kept}"
        );
        assert!(kept.contains(TRUNCATED), "{kept}");
        let wide = seen
            .records
            .iter()
            .find(|record| body_text(record) == "wide")
            .unwrap();
        assert!(wide.attributes.len() <= 140 && wide.dropped_attributes_count == 300 - 128);
        let long = seen
            .records
            .iter()
            .find(|record| body_text(record) == "long")
            .unwrap();
        assert!(
            long.attributes
                .iter()
                .all(|attribute| attribute.key.len() <= 256)
        );
    });
}

#[tokio::test]
async fn the_openapi_document_names_every_status_of_the_contract() {
    with_road("", async |road| {
        let document: Value = serde_json::from_str(&road.get("/openapi.json").await.1).unwrap();
        let responses = &document["paths"]["/api/v1/logs"]["post"]["responses"];
        for status in [
            "200", "400", "401", "408", "413", "415", "422", "429", "500", "502", "503",
        ] {
            assert!(responses[status].is_object(), "{status}");
        }
    })
    .await;
}

#[tokio::test]
async fn tls_is_served_when_a_certificate_is_configured() {
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/server/keys");
    let more =
        format!("---\n[tls]\ncertificate_file = '{keys}/tls.pem'\nkey_file = '{keys}/tls.key'");
    with_road(&more, async |road| {
        let certificate = reqwest::Certificate::from_pem(include_bytes!("keys/tls.pem")).unwrap();
        let client = reqwest::Client::builder()
            .tls_certs_only([certificate])
            .build()
            .unwrap();
        let url = road.base.replace("http://", "https://");
        let response = client.get(format!("{url}/healthz")).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "ok\n");
        assert!(
            road.client
                .get(format!("{}/healthz", road.base))
                .send()
                .await
                .is_err()
        );
    })
    .await;
}
