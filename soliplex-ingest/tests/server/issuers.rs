//! Several issuers, each with keys of its own: nobody speaks for another.

use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::json;
use soliplex_ingest::auth::{AuthError, Authenticator, Identity};

use crate::provider::Provider;
use crate::road::{Road, data_dir, record};
use crate::tokens::{
    EC, OTHER_RSA, RSA, authenticator, jane, key_file, rsa, sign, verify_token, with,
};
use crate::upstream::{Upstream, text};

const CAMPUS: &str = "https://campus.example/realms/app";
const PARTNER: &str = "https://partner.example";

fn jane_of(issuer: &str) -> Identity {
    Identity {
        issuer: Some(issuer.into()),
        ..jane()
    }
}

fn of(issuer: &str, audience: &str) -> serde_json::Value {
    with(json!({ "iss": issuer, "aud": audience }))
}

/// The campus publishes a key set, the partner has given a file.
fn settings(campus: &Provider) -> String {
    let (url, file) = (&campus.url, key_file("ec.pem"));
    format!(
        "mode = 'issuers'\naudiences = ['telemetry']\njwks_cooldown_seconds = 0\n\
         [auth.issuer_keys]\n'{CAMPUS}' = '{url}'\n'{PARTNER}' = {file:?}\n\
         [auth.issuer_audiences]\n'{PARTNER}' = 'logs field'"
    )
}

async fn campus_and_partner() -> (Provider, Authenticator) {
    let campus = Provider::start().await;
    campus.publish(&[("c1", &rsa(RSA), Algorithm::RS256)]);
    let auth = authenticator(&settings(&campus)).await;
    (campus, auth)
}

fn ec() -> EncodingKey {
    EncodingKey::from_ec_pem(EC.as_bytes()).unwrap()
}

#[tokio::test]
async fn each_issuer_is_held_to_its_own_keys_and_audiences() {
    let (_campus, auth) = campus_and_partner().await;
    let campus =
        |kid, key: &str, audience| sign(Algorithm::RS256, &rsa(key), kid, &of(CAMPUS, audience));
    let partner = |audience| sign(Algorithm::ES256, &ec(), None, &of(PARTNER, audience));
    for (case, token, expected) in [
        (
            "the campus",
            campus(Some("c1"), RSA, "telemetry"),
            Ok(jane_of(CAMPUS)),
        ),
        (
            "the campus, no key named",
            campus(None, RSA, "telemetry"),
            Ok(jane_of(CAMPUS)),
        ),
        ("the partner", partner("logs"), Ok(jane_of(PARTNER))),
        (
            "the partner's second audience",
            partner("field"),
            Ok(jane_of(PARTNER)),
        ),
        (
            "the campus's audience at the partner",
            partner("telemetry"),
            Err(AuthError::Elsewhere),
        ),
        (
            "the partner's audience at the campus",
            campus(Some("c1"), RSA, "logs"),
            Err(AuthError::Elsewhere),
        ),
        (
            "another key in the campus's name",
            campus(Some("c1"), OTHER_RSA, "telemetry"),
            Err(AuthError::Invalid),
        ),
        (
            "the partner's key in the campus's name",
            sign(Algorithm::ES256, &ec(), None, &of(CAMPUS, "telemetry")),
            Err(AuthError::Invalid),
        ),
        (
            "the campus's key in the partner's name",
            sign(
                Algorithm::RS256,
                &rsa(RSA),
                Some("c1"),
                &of(PARTNER, "logs"),
            ),
            Err(AuthError::Invalid),
        ),
        (
            "an issuer nobody knows",
            sign(
                Algorithm::RS256,
                &rsa(RSA),
                Some("c1"),
                &of("https://evil.example", "telemetry"),
            ),
            Err(AuthError::Elsewhere),
        ),
        (
            "an issuer that ends otherwise",
            sign(
                Algorithm::RS256,
                &rsa(RSA),
                Some("c1"),
                &of(&format!("{CAMPUS}/"), "telemetry"),
            ),
            Err(AuthError::Elsewhere),
        ),
        (
            "a list of issuers",
            sign(
                Algorithm::RS256,
                &rsa(RSA),
                None,
                &with(json!({ "iss": [CAMPUS, PARTNER] })),
            ),
            Err(AuthError::Claims),
        ),
    ] {
        assert_eq!(verify_token(&auth, &token).await, expected, "{case}");
    }
}

#[tokio::test]
async fn strangers_and_other_issuers_sessions_never_reach_a_provider() {
    let (campus, auth) = campus_and_partner().await;
    for kid in 0..100 {
        let kid = kid.to_string();
        for issuer in ["https://evil.example", PARTNER] {
            let token = sign(Algorithm::RS256, &rsa(RSA), Some(&kid), &of(issuer, "logs"));
            assert!(verify_token(&auth, &token).await.is_err());
        }
    }
    assert_eq!(campus.asked(), 1, "once, at the start");
}

#[tokio::test]
async fn an_issuer_without_keys_costs_its_own_sessions_alone_and_readiness_says_so() {
    let campus = Provider::start().await;
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    let more = format!("---\n[auth]\n{}", settings(&campus));
    let mut road = Road::start(dir.path(), &upstream.endpoint(), &more).await;
    let post = async |road: &mut Road, token| {
        road.token = token;
        let response = road.request(r#"{"logs":[]}"#).send().await.unwrap();
        response.status().as_u16()
    };
    let at_campus = sign(
        Algorithm::RS256,
        &rsa(RSA),
        Some("c1"),
        &of(CAMPUS, "telemetry"),
    );
    let at_partner = sign(Algorithm::ES256, &ec(), None, &of(PARTNER, "logs"));
    assert_eq!(post(&mut road, at_campus.clone()).await, 503);
    assert_eq!(post(&mut road, at_partner.clone()).await, 200);
    let (status, page) = road.get("/readyz").await;
    let said = "the keys of 1 of 2 issuers have not been fetched yet";
    assert!(
        status == 200 && page.contains("degraded") && page.contains(said),
        "{page}"
    );

    campus.publish(&[("c1", &rsa(RSA), Algorithm::RS256)]);
    assert_eq!(post(&mut road, at_campus).await, 200);
    assert!(road.get("/readyz").await.1.contains("\"ready\""));
    let _ = road.stop().await;
}

#[tokio::test]
async fn one_name_at_two_issuers_is_two_users_upstream() {
    let campus = Provider::start().await;
    campus.publish(&[("c1", &rsa(RSA), Algorithm::RS256)]);
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    let more = format!("---\n[auth]\n{}", settings(&campus));
    let mut road = Road::start(dir.path(), &upstream.endpoint(), &more).await;
    road.token = sign(
        Algorithm::RS256,
        &rsa(RSA),
        Some("c1"),
        &of(CAMPUS, "telemetry"),
    );
    road.accept(&[record(0, "info", "at the campus")]).await;
    road.token = sign(Algorithm::ES256, &ec(), None, &of(PARTNER, "logs"));
    // What a client says of its issuer is moved aside; the session's word stands.
    let mut liar = record(1, "info", "at the partner");
    liar["attributes"] = json!({ "soliplex.auth.issuer": CAMPUS });
    road.accept(&[liar]).await;
    let _ = road.stop().await;
    upstream.seen(|seen| {
        assert_eq!(seen.violations, Vec::<String>::new());
        let mut told: Vec<_> = seen
            .records
            .iter()
            .map(|record| {
                (
                    text(record, "enduser.id"),
                    text(record, "soliplex.auth.issuer"),
                )
            })
            .collect();
        told.sort();
        assert_eq!(
            told,
            [
                ("jane".into(), CAMPUS.into()),
                ("jane".into(), PARTNER.into())
            ]
        );
    });
}
