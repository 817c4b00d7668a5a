//! Sessions that hold and sessions that do not, under every kind of key.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::routing::get;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value, json};
use soliplex_ingest::Config;
use soliplex_ingest::auth::{AuthError, Authenticator, Identity};

use crate::road::{Road, SECRET, data_dir};
use crate::upstream::Upstream;

const RSA: &str = include_str!("keys/rsa.key");
const OTHER_RSA: &str = include_str!("keys/other-rsa.key");
const EC: &str = include_str!("keys/ec.key");
const ED: &str = include_str!("keys/ed.key");
const RSA_PUBLIC: &str = include_str!("keys/rsa.pem");

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn claims() -> Value {
    json!({ "sub": "jane", "sid": "login-7", "exp": now() + 600, "iss": "https://id.example", "aud": "telemetry" })
}

/// The claims with some replaced; null takes one out.
fn with(changes: Value) -> Value {
    let mut claims = claims();
    let map = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        map.insert(name.clone(), value.clone());
    }
    map.retain(|_, value| !value.is_null());
    claims
}

fn rsa(pem: &str) -> EncodingKey {
    EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap()
}

fn sign(algorithm: Algorithm, key: &EncodingKey, kid: Option<&str>, claims: &Value) -> String {
    let header = Header {
        kid: kid.map(str::to_owned),
        ..Header::new(algorithm)
    };
    jsonwebtoken::encode(&header, claims, key).unwrap()
}

fn hs256(claims: &Value) -> String {
    sign(
        Algorithm::HS256,
        &EncodingKey::from_secret(SECRET.as_bytes()),
        None,
        claims,
    )
}

fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for sextet in 0..=chunk.len() {
            text.push(char::from(
                ALPHABET[(bits >> (18 - 6 * sextet) & 63) as usize],
            ));
        }
    }
    text
}

fn key_file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/server/keys")
        .join(name)
}

async fn authenticator(auth: &str) -> Authenticator {
    let config = Config::from_toml(&format!("[auth]\n{auth}")).unwrap();
    Authenticator::try_new(&config.auth).await.unwrap()
}

async fn hs256_authenticator() -> Authenticator {
    authenticator(&format!(
        "hs256_secret = '{SECRET}'\nissuers = ['https://id.example']\naudiences = ['telemetry']"
    ))
    .await
}

async fn pem_authenticator() -> Authenticator {
    let files: Vec<PathBuf> = ["rsa.pem", "ec.pem", "ed.pem"]
        .into_iter()
        .map(key_file)
        .collect();
    authenticator(&format!("mode = 'pem'\npem_files = {files:?}")).await
}

async fn verify(authenticator: &Authenticator, authorization: &str) -> Result<Identity, AuthError> {
    let mut headers = HeaderMap::new();
    headers.insert(
        "authorization",
        HeaderValue::from_str(authorization).unwrap(),
    );
    authenticator.verify(&headers).await
}

async fn verify_token(authenticator: &Authenticator, token: &str) -> Result<Identity, AuthError> {
    verify(authenticator, &format!("Bearer {token}")).await
}

fn jane() -> Identity {
    Identity {
        user: Some("jane".into()),
        session: Some("login-7".into()),
    }
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
    let auth = hs256_authenticator().await;
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        let token = sign(
            algorithm,
            &EncodingKey::from_secret(SECRET.as_bytes()),
            None,
            &claims(),
        );
        assert_eq!(
            verify_token(&auth, &token).await,
            Err(AuthError::Invalid),
            "{algorithm:?}"
        );
    }
}

#[tokio::test]
async fn claims_must_be_there_be_right_and_be_of_their_type() {
    let auth = hs256_authenticator().await;
    assert_eq!(verify_token(&auth, &hs256(&claims())).await, Ok(jane()));
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
        let token = hs256(&with(changes.clone()));
        assert_eq!(
            verify_token(&auth, &token).await,
            Err(expected),
            "{changes}"
        );
    }
    for changes in [
        json!({ "exp": soon - 50 }),
        json!({ "nbf": soon + 50 }),
        json!({ "aud": ["chat", "telemetry"] }),
    ] {
        let token = hs256(&with(changes.clone()));
        assert_eq!(
            verify_token(&auth, &token).await,
            Ok(jane()),
            "within the leeway: {changes}"
        );
    }
}

#[tokio::test]
async fn a_token_that_was_tampered_with_is_refused() {
    let auth = hs256_authenticator().await;
    let good = hs256(&claims());
    let parts: Vec<&str> = good.split('.').collect();
    let part = |json: Value| base64url(json.to_string().as_bytes());
    let header = |extra: Value| {
        let mut header = Map::new();
        header.insert("alg".into(), "HS256".into());
        header.extend(extra.as_object().unwrap().clone());
        let header: Header = serde_json::from_value(Value::Object(header)).unwrap();
        jsonwebtoken::encode(
            &header,
            &claims(),
            &EncodingKey::from_secret(SECRET.as_bytes()),
        )
        .unwrap()
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
                part(json!({ "alg": "HS256", "typ": "x" })),
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
            verify_token(&auth, &token).await,
            Err(AuthError::Invalid),
            "{name}"
        );
    }
}

#[tokio::test]
async fn the_header_is_bounded_and_its_scheme_is_bearer_in_any_case() {
    let auth = hs256_authenticator().await;
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
        assert_eq!(verify(&auth, &authorization).await, expected);
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

/// An identity provider: what it answers with, and how often it was asked.
#[derive(Clone, Default)]
struct Provider {
    set: Arc<std::sync::Mutex<Option<Value>>>,
    asked: Arc<AtomicUsize>,
    url: String,
}

impl Provider {
    async fn start() -> Provider {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let provider = Provider {
            url,
            ..Default::default()
        };
        let this = provider.clone();
        let answer = move || {
            this.asked.fetch_add(1, Ordering::SeqCst);
            let set = this.set.lock().unwrap().clone();
            std::future::ready(set.map_or(Err(StatusCode::BAD_GATEWAY), |set| Ok(set.to_string())))
        };
        let router = Router::new().route("/keys", get(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }

    fn publish(&self, keys: &[(&str, &EncodingKey, Algorithm)]) {
        let keys = keys.iter().map(|(kid, key, algorithm)| {
            let mut jwk = Jwk::from_encoding_key(key, *algorithm).unwrap();
            jwk.common.key_id = Some((*kid).to_owned());
            jwk
        });
        *self.set.lock().unwrap() = Some(json!({ "keys": keys.collect::<Vec<_>>() }));
    }

    fn fail(&self) {
        *self.set.lock().unwrap() = None;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    async fn authenticator(&self, cooldown: u64) -> Authenticator {
        let url = &self.url;
        authenticator(&format!(
            "mode = 'jwks'\njwks_url = '{url}'\njwks_cooldown_seconds = {cooldown}"
        ))
        .await
    }
}

#[tokio::test]
async fn a_rotated_key_is_fetched_when_its_first_token_comes() {
    let provider = Provider::start().await;
    provider.publish(&[("old", &rsa(RSA), Algorithm::RS256)]);
    let auth = provider.authenticator(0).await;
    assert_eq!(
        verify_token(
            &auth,
            &sign(Algorithm::RS256, &rsa(RSA), Some("old"), &claims())
        )
        .await,
        Ok(jane())
    );
    provider.publish(&[("new", &rsa(OTHER_RSA), Algorithm::RS256)]);
    let rotated = sign(Algorithm::RS256, &rsa(OTHER_RSA), Some("new"), &claims());
    assert_eq!(verify_token(&auth, &rotated).await, Ok(jane()));
    assert_eq!(provider.asked(), 2);
    let old = sign(Algorithm::RS256, &rsa(RSA), Some("old"), &claims());
    assert_eq!(verify_token(&auth, &old).await, Err(AuthError::Invalid));
}

#[tokio::test]
async fn a_flood_of_unknown_key_ids_reaches_the_provider_once() {
    let provider = Provider::start().await;
    provider.publish(&[("k", &rsa(RSA), Algorithm::RS256)]);
    let auth = provider.authenticator(3600).await;
    for kid in 0..200 {
        let token = sign(
            Algorithm::HS256,
            &EncodingKey::from_secret(b"x"),
            Some(&kid.to_string()),
            &claims(),
        );
        // Not "invalid": within the cooldown nobody knows whether the provider has it by now.
        assert_eq!(
            verify_token(&auth, &token).await,
            Err(AuthError::KeysUnavailable)
        );
    }
    assert_eq!(provider.asked(), 1);
    assert_eq!(
        verify_token(
            &auth,
            &sign(Algorithm::RS256, &rsa(RSA), Some("k"), &claims())
        )
        .await,
        Ok(jane())
    );
}

#[tokio::test]
async fn known_keys_outlive_the_provider_and_unknown_ones_are_no_fault_of_the_client() {
    let provider = Provider::start().await;
    provider.publish(&[("k", &rsa(RSA), Algorithm::RS256)]);
    let auth = provider.authenticator(0).await;
    provider.fail();
    let unknown = sign(Algorithm::RS256, &rsa(OTHER_RSA), Some("new"), &claims());
    assert_eq!(
        verify_token(&auth, &unknown).await,
        Err(AuthError::KeysUnavailable)
    );
    assert_eq!(
        verify_token(
            &auth,
            &sign(Algorithm::RS256, &rsa(RSA), Some("k"), &claims())
        )
        .await,
        Ok(jane())
    );
}

#[tokio::test]
async fn a_set_without_a_usable_key_replaces_no_good_one() {
    let provider = Provider::start().await;
    provider.publish(&[("k", &rsa(RSA), Algorithm::RS256)]);
    let auth = provider.authenticator(0).await;
    provider.publish(&[]);
    let unknown = sign(Algorithm::RS256, &rsa(OTHER_RSA), Some("new"), &claims());
    assert_eq!(
        verify_token(&auth, &unknown).await,
        Err(AuthError::KeysUnavailable)
    );
    let known = sign(Algorithm::RS256, &rsa(RSA), Some("k"), &claims());
    assert_eq!(verify_token(&auth, &known).await, Ok(jane()));
}

#[tokio::test]
async fn a_server_whose_provider_is_down_is_not_ready_and_answers_503() {
    let provider = Provider::start().await;
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    let url = &provider.url;
    let more = format!("---\n[auth]\nmode = 'jwks'\njwks_url = '{url}'\njwks_cooldown_seconds = 0");
    let mut road = Road::start(dir.path(), &upstream.endpoint(), &more).await;
    road.token = sign(Algorithm::RS256, &rsa(RSA), Some("k"), &claims());
    let response = road.request(r#"{"logs":[]}"#).send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(road.get("/readyz").await.0, 503);
    provider.publish(&[("k", &rsa(RSA), Algorithm::RS256)]);
    assert_eq!(
        road.request(r#"{"logs":[]}"#)
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(road.get("/readyz").await.0, 200);
    let _ = road.stop().await;
}

#[tokio::test]
async fn a_key_set_gives_only_signing_keys_of_the_allowed_kinds() {
    let jwk = |key: &EncodingKey, algorithm, kid: &str, changes: Value| {
        let mut jwk =
            serde_json::to_value(Jwk::from_encoding_key(key, algorithm).unwrap()).unwrap();
        jwk["kid"] = kid.into();
        let map = jwk.as_object_mut().unwrap();
        map.extend(changes.as_object().unwrap().clone());
        jwk
    };
    let shared = EncodingKey::from_secret(SECRET.as_bytes());
    let ec = EncodingKey::from_ec_pem(EC.as_bytes()).unwrap();
    let set = json!({ "keys": [
        jwk(&rsa(RSA), Algorithm::RS256, "enc", json!({ "use": "enc" })),
        jwk(&rsa(RSA), Algorithm::RS256, "rs512", json!({ "alg": "RS512" })),
        jwk(&shared, Algorithm::HS256, "shared", json!({})),
        jwk(&ec, Algorithm::ES256, "good", json!({ "use": "sig" })),
    ] });
    let dir = data_dir();
    let file = dir.path().join("keys.json");
    std::fs::write(&file, set.to_string()).unwrap();
    let auth = authenticator(&format!(
        "mode = 'jwks'\njwks_file = {file:?}\njwks_cooldown_seconds = 0"
    ))
    .await;
    for (token, expected) in [
        (
            sign(Algorithm::RS256, &rsa(RSA), Some("enc"), &claims()),
            Err(AuthError::Invalid),
        ),
        (
            sign(Algorithm::RS512, &rsa(RSA), Some("rs512"), &claims()),
            Err(AuthError::Invalid),
        ),
        (
            sign(Algorithm::HS256, &shared, Some("shared"), &claims()),
            Err(AuthError::Invalid),
        ),
        (
            sign(Algorithm::ES256, &ec, Some("good"), &claims()),
            Ok(jane()),
        ),
        (sign(Algorithm::ES256, &ec, None, &claims()), Ok(jane())),
    ] {
        assert_eq!(verify_token(&auth, &token).await, expected);
    }
}
