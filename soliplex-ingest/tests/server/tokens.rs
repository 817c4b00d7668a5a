//! Keys, the sessions they sign, and what an authenticator says of a session.

use std::path::PathBuf;

use axum::http::{HeaderMap, HeaderValue};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use soliplex_ingest::Config;
use soliplex_ingest::auth::{AuthError, Authenticator, Identity};

use crate::road::SECRET;

pub(crate) const RSA: &str = include_str!("keys/rsa.key");
pub(crate) const OTHER_RSA: &str = include_str!("keys/other-rsa.key");
pub(crate) const EC: &str = include_str!("keys/ec.key");
pub(crate) const ED: &str = include_str!("keys/ed.key");
pub(crate) const RSA_PUBLIC: &str = include_str!("keys/rsa.pem");

pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

pub(crate) fn claims() -> Value {
    json!({ "sub": "jane", "sid": "login-7", "exp": now() + 600, "iss": "https://id.example", "aud": "telemetry" })
}

/// The claims with some replaced; null takes one out.
pub(crate) fn with(changes: Value) -> Value {
    let mut claims = claims();
    let map = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        map.insert(name.clone(), value.clone());
    }
    map.retain(|_, value| !value.is_null());
    claims
}

pub(crate) fn rsa(pem: &str) -> EncodingKey {
    EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap()
}

pub(crate) fn sign(
    algorithm: Algorithm,
    key: &EncodingKey,
    kid: Option<&str>,
    claims: &Value,
) -> String {
    let header = Header {
        kid: kid.map(str::to_owned),
        ..Header::new(algorithm)
    };
    jsonwebtoken::encode(&header, claims, key).unwrap()
}

pub(crate) fn hs256(claims: &Value) -> String {
    sign(
        Algorithm::HS256,
        &EncodingKey::from_secret(SECRET.as_bytes()),
        None,
        claims,
    )
}

pub(crate) fn base64url(bytes: &[u8]) -> String {
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

pub(crate) fn key_file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/server/keys")
        .join(name)
}

pub(crate) async fn authenticator(auth: &str) -> Authenticator {
    let config = Config::from_toml(&format!("[auth]\n{auth}")).unwrap();
    let auth = Authenticator::try_new(&config.auth).await.unwrap();
    auth.read_keys().await;
    auth
}

pub(crate) async fn verify(
    authenticator: &Authenticator,
    authorization: &str,
) -> Result<Identity, AuthError> {
    let mut headers = HeaderMap::new();
    headers.insert(
        "authorization",
        HeaderValue::from_str(authorization).unwrap(),
    );
    authenticator.verify(&headers).await
}

pub(crate) async fn verify_token(
    authenticator: &Authenticator,
    token: &str,
) -> Result<Identity, AuthError> {
    verify(authenticator, &format!("Bearer {token}")).await
}

pub(crate) fn jane() -> Identity {
    Identity {
        user: Some("jane".into()),
        session: Some("login-7".into()),
        issuer: None,
    }
}
