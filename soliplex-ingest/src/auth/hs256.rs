//! Sessions signed with a shared secret, and minting them: for development, or one service for
//! itself.

use std::time::Duration;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde_json::{Map, Value};

use super::issuer::Key;
use crate::config::{AuthConfig, AuthMode, Secret};

/// Why no session could be minted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MintError {
    /// Only a shared secret can sign; public keys only verify.
    #[error("sessions can only be minted with auth.mode = \"hs256\"")]
    NoSecret,
    /// The signature failed.
    #[error("the session could not be signed")]
    Sign(#[source] jsonwebtoken::errors::Error),
}

pub(super) fn key(secret: &Secret) -> Key {
    Key {
        kid: None,
        algorithm: Algorithm::HS256,
        key: DecodingKey::from_secret(secret.reveal().as_bytes()),
    }
}

/// Mints a session for `user` that the same configuration accepts, valid from now on for
/// `lifetime`.
pub fn mint(
    config: &AuthConfig,
    user: &str,
    session: Option<&str>,
    lifetime: Duration,
) -> Result<String, MintError> {
    let AuthMode::Hs256(secret) = &config.mode else {
        return Err(MintError::NoSecret);
    };
    let now = Timestamp::now().as_second();
    let expires = now.saturating_add(i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX));
    let mut claims = Map::new();
    claims.insert("iat".to_owned(), now.into());
    claims.insert("exp".to_owned(), expires.into());
    claims.extend(
        config
            .issuers
            .first()
            .map(|issuer| ("iss".to_owned(), Value::from(issuer.as_str()))),
    );
    claims.extend(
        config
            .audiences
            .first()
            .map(|audience| ("aud".to_owned(), Value::from(audience.as_str()))),
    );
    claims.extend(session.map(|session| (config.session_claim.clone(), Value::from(session))));
    claims.insert(config.user_claim.clone(), user.into());
    let key = EncodingKey::from_secret(secret.reveal().as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).map_err(MintError::Sign)
}
