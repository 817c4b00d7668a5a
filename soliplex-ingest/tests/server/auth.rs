//! Sessions that hold and sessions that do not, under every kind of key.

use std::path::PathBuf;

use axum::http::HeaderMap;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value, json};
use soliplex_ingest::auth::{AuthError, Authenticator, Identity};

use crate::road::{Road, SECRET, data_dir};
use crate::tokens::{
    EC, ED, OTHER_RSA, RSA, RSA_PUBLIC, authenticator, base64url, claims, hs256, jane, key_file,
    now, rsa, sign, verify, verify_token, with,
};
use crate::upstream::Upstream;

/// An authenticator of one kind, and a key whose sessions it accepts when their claims are right.
struct Kind {
    name: &'static str,
    auth: Authenticator,
    algorithm: Algorithm,
    key: EncodingKey,
    /// Whom it accepts at best.
    identity: Identity,
}

impl Kind {
    fn sign(&self, claims: &Value) -> String {
        sign(self.algorithm, &self.key, None, claims)
    }
}

/// Every kind that asks for an issuer and an audience: what is refused under one is under all.
async fn kinds() -> [Kind; 3] {
    let accepted = "issuers = ['https://id.example']\naudiences = ['telemetry']";
    let files = [key_file("ed.pem"), key_file("rsa.pem")];
    let file = key_file("rsa.pem");
    let other = key_file("ec.pem");
    [
        Kind {
            name: "hs256",
            auth: authenticator(&format!("hs256_secret = '{SECRET}'\n{accepted}")).await,
            algorithm: Algorithm::HS256,
            key: EncodingKey::from_secret(SECRET.as_bytes()),
            identity: jane(),
        },
        Kind {
            name: "pem",
            auth: authenticator(&format!("mode = 'pem'\npem_files = {files:?}\n{accepted}")).await,
            algorithm: Algorithm::RS256,
            key: rsa(RSA),
            identity: jane(),
        },
        Kind {
            name: "issuers",
            auth: authenticator(&format!(
                "mode = 'issuers'\naudiences = ['telemetry']\n[auth.issuer_keys]\n\
                 'https://id.example' = {file:?}\n'https://other.example' = {other:?}"
            ))
            .await,
            algorithm: Algorithm::RS256,
            key: rsa(RSA),
            identity: Identity {
                issuer: Some("https://id.example".into()),
                ..jane()
            },
        },
    ]
}

async fn pem_authenticator() -> Authenticator {
    let files: Vec<PathBuf> = ["rsa.pem", "ec.pem", "ed.pem"]
        .into_iter()
        .map(key_file)
        .collect();
    authenticator(&format!("mode = 'pem'\npem_files = {files:?}")).await
}

#[tokio::test]
async fn every_allowed_algorithm_verifies_with_its_own_key() {
    let auth = pem_authenticator().await;
    for (algorithm, key) in [
        (Algorithm::RS256, rsa(RSA)),
        (
            Algorithm::ES256,
            EncodingKey::from_ec_pem(EC.as_bytes()).unwrap(),
        ),
        (
            Algorithm::EdDSA,
            EncodingKey::from_ed_pem(ED.as_bytes()).unwrap(),
        ),
    ] {
        assert_eq!(
            verify_token(&auth, &sign(algorithm, &key, None, &claims())).await,
            Ok(jane()),
            "{algorithm:?}"
        );
    }
}

#[tokio::test]
async fn a_key_verifies_no_algorithm_but_its_own() {
    let auth = pem_authenticator().await;
    // The classic: the public key, which everybody has, taken for a shared secret.
    let public_as_secret = EncodingKey::from_secret(RSA_PUBLIC.as_bytes());
    for (name, token) in [
        (
            "HS256 with the public key",
            sign(Algorithm::HS256, &public_as_secret, None, &claims()),
        ),
        (
            "RS512 with the right key",
            sign(Algorithm::RS512, &rsa(RSA), None, &claims()),
        ),
        (
            "PS256 with the right key",
            sign(Algorithm::PS256, &rsa(RSA), None, &claims()),
        ),
        (
            "RS256 with another key",
            sign(Algorithm::RS256, &rsa(OTHER_RSA), None, &claims()),
        ),
    ] {
        assert_eq!(
            verify_token(&auth, &token).await,
            Err(AuthError::Invalid),
            "{name}"
        );
    }
    let auth = &kinds().await[0].auth;
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        let token = sign(
            algorithm,
            &EncodingKey::from_secret(SECRET.as_bytes()),
            None,
            &claims(),
        );
        assert_eq!(
            verify_token(auth, &token).await,
            Err(AuthError::Invalid),
            "{algorithm:?}"
        );
    }
}

#[tokio::test]
async fn claims_must_be_there_be_right_and_be_of_their_type() {
    for kind in kinds().await {
        check_claims(&kind).await;
    }
}

async fn check_claims(kind: &Kind) {
    let Kind { name, auth, .. } = kind;
    let good = kind.sign(&claims());
    assert_eq!(
        verify_token(auth, &good).await,
        Ok(kind.identity.clone()),
        "{name}"
    );
    let soon = now();
    for (changes, expected) in [
        (json!({ "exp": null }), AuthError::Claims),
        (json!({ "exp": soon - 61 }), AuthError::Expired),
        (
            json!({ "exp": (soon + 600).to_string() }),
            AuthError::Claims,
        ),
        (json!({ "exp": [soon + 600] }), AuthError::Invalid),
        (json!({ "exp": -1 }), AuthError::Claims),
        (json!({ "exp": true }), AuthError::Claims),
        (json!({ "nbf": soon + 120 }), AuthError::NotYet),
        (json!({ "nbf": "0" }), AuthError::Claims),
        (json!({ "iss": null }), AuthError::Claims),
        (
            json!({ "iss": "https://evil.example" }),
            AuthError::Elsewhere,
        ),
        (json!({ "iss": 7 }), AuthError::Claims),
        (json!({ "aud": null }), AuthError::Claims),
        (json!({ "aud": "billing" }), AuthError::Elsewhere),
        (json!({ "aud": ["billing", "chat"] }), AuthError::Elsewhere),
        (json!({ "aud": { "telemetry": true } }), AuthError::Claims),
        (json!({ "sub": null }), AuthError::Claims),
        (json!({ "sub": "" }), AuthError::Claims),
        (json!({ "sub": ["jane"] }), AuthError::Invalid),
        (json!({ "sub": "j".repeat(257) }), AuthError::Claims),
    ] {
        let token = kind.sign(&with(changes.clone()));
        assert_eq!(
            verify_token(auth, &token).await,
            Err(expected),
            "{name}: {changes}"
        );
    }
    for changes in [
        json!({ "exp": soon - 50 }),
        json!({ "nbf": soon + 50 }),
        json!({ "aud": ["chat", "telemetry"] }),
    ] {
        let token = kind.sign(&with(changes.clone()));
        assert_eq!(
            verify_token(auth, &token).await,
            Ok(kind.identity.clone()),
            "{name}, within the leeway: {changes}"
        );
    }
}

#[tokio::test]
async fn a_token_that_was_tampered_with_is_refused() {
    for kind in kinds().await {
        check_tampering(&kind).await;
    }
}

async fn check_tampering(kind: &Kind) {
    let good = kind.sign(&claims());
    let parts: Vec<&str> = good.split('.').collect();
    let part = |json: Value| base64url(json.to_string().as_bytes());
    let header = |extra: Value| {
        let mut header = Map::new();
        header.insert("alg".into(), json!(kind.algorithm));
        header.extend(extra.as_object().unwrap().clone());
        let header: Header = serde_json::from_value(Value::Object(header)).unwrap();
        jsonwebtoken::encode(&header, &claims(), &kind.key).unwrap()
    };
    let rsa_jwk =
        serde_json::to_value(Jwk::from_encoding_key(&rsa(RSA), Algorithm::RS256).unwrap()).unwrap();
    let unsigned = |alg: &str| format!("{}.{}.", part(json!({ "alg": alg })), part(claims()));
    for (name, token) in [
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("none", unsigned("none")),
        ("None", unsigned("None")),
        (
            "no algorithm",
            format!(
                "{}.{}.{}",
                part(json!({ "typ": "JWT" })),
                parts[1],
                parts[2]
            ),
        ),
        (
            "another payload",
            format!(
                "{}.{}.{}",
                parts[0],
                part(with(json!({ "sub": "root" }))),
                parts[2]
            ),
        ),
        (
            "another header",
            format!(
                "{}.{}.{}",
                part(json!({ "alg": kind.algorithm, "typ": "x" })),
                parts[1],
                parts[2]
            ),
        ),
        ("half a signature", good[..good.len() - 20].to_owned()),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("four parts", format!("{good}.x")),
        ("nothing", String::new()),
        ("dots", "..".to_owned()),
        (
            "no JSON",
            format!("{}.{}.{}", base64url(b"{"), parts[1], parts[2]),
        ),
        ("its own key", header(json!({ "jwk": rsa_jwk }))),
        (
            "an address for keys",
            header(json!({ "jku": "https://evil.example/keys" })),
        ),
        ("a certificate", header(json!({ "x5c": ["MIIB"] }))),
        (
            "an address for certificates",
            header(json!({ "x5u": "https://evil.example/cert" })),
        ),
        (
            "critical extensions",
            header(json!({ "crit": ["b64"], "b64": false })),
        ),
    ] {
        assert_eq!(
            verify_token(&kind.auth, &token).await,
            Err(AuthError::Invalid),
            "{}: {name}",
            kind.name
        );
    }
}

#[tokio::test]
async fn the_header_is_bounded_and_its_scheme_is_bearer_in_any_case() {
    let auth = &kinds().await[0].auth;
    let good = hs256(&claims());
    let long = hs256(&with(json!({ "more": "x".repeat(9000) })));
    for (authorization, expected) in [
        (format!("bearer {good}"), Ok(jane())),
        (format!("BEARER  {good} "), Ok(jane())),
        (format!("Bearer {long}"), Err(AuthError::TooLong)),
        (format!("Basic {good}"), Err(AuthError::Missing)),
        (good.clone(), Err(AuthError::Missing)),
        ("Bearer".to_owned(), Err(AuthError::Missing)),
    ] {
        assert_eq!(verify(auth, &authorization).await, expected);
    }
    assert_eq!(
        auth.verify(&HeaderMap::new()).await,
        Err(AuthError::Missing)
    );
}

#[tokio::test]
async fn subject_and_session_come_from_the_configured_claims() {
    let auth = authenticator(&format!(
        "hs256_secret = '{SECRET}'\nuser_claim = 'email'\nsession_claim = 'session_state'"
    ))
    .await;
    let token = hs256(
        &json!({ "exp": now() + 60, "email": "a@example.org", "session_state": 7, "sub": "jane" }),
    );
    let identity = Identity {
        user: Some("a@example.org".into()),
        session: Some("7".into()),
        issuer: None,
    };
    assert_eq!(verify_token(&auth, &token).await, Ok(identity));
}

#[tokio::test]
async fn a_refusal_is_a_401_that_says_why_and_never_what() {
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    let mut road = Road::start(dir.path(), &upstream.endpoint(), "").await;
    road.token = hs256(&with(json!({ "exp": now() - 3600, "sub": "canary" })));
    let response = road.request(r#"{"logs":[]}"#).send().await.unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(
        response.headers()["www-authenticate"],
        "Bearer error=\"invalid_token\""
    );
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    let body = response.text().await.unwrap();
    assert!(
        body.contains("the token has expired") && !body.contains("canary"),
        "{body}"
    );
    let _ = road.stop().await;
}

#[tokio::test]
async fn where_authentication_is_disabled_everyone_may_post_and_nobody_is_named() {
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    let road = Road::start(
        dir.path(),
        &upstream.endpoint(),
        "---\n[auth]\nmode = 'disabled'",
    )
    .await;
    let post = road
        .client
        .post(format!("{}/api/v1/logs", road.base))
        .body(r#"{"logs":[{"userId":"u"}]}"#);
    assert_eq!(post.send().await.unwrap().status(), 200);
    let _ = road.stop().await;
    upstream.seen(|seen| {
        assert_eq!(crate::upstream::text(&seen.records[0], "enduser.id"), "");
        assert_eq!(crate::upstream::text(&seen.records[0], "user.id"), "u");
    });
}
