//! Who posts: from the `Authorization` header to an [`Identity`].
//!
//! A key decides which algorithm it verifies; a token's header only helps to find the key. `exp` is
//! required, `nbf` is checked, `iss` and `aud` are required when configured. A token that brings
//! its own key (`jwk`, `jku`, `x5c`, `x5u`) or asks for extensions (`crit`) is refused: RFC 8725,
//! sections 3.1 to 3.10.
//!
//! A token that does not hold is a 401; a key set that cannot be fetched is a 503, since a client
//! that is told 401 stops sending.

pub mod hs256;
mod jwks;
mod pem;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde_json::{Map, Value};
use soliplex_wire::limits::{MAX_ID_BYTES, MAX_TOKEN_BYTES};

use crate::config::{AuthConfig, AuthMode};
use jwks::KeySet;
pub use jwks::KeySetError;

/// Who a session was issued to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The user; `None` only where authentication is disabled.
    pub user: Option<String>,
    /// The session's own id, where the token has one.
    pub session: Option<String>,
}

/// Why a request has no identity. Holds no part of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// No `Authorization` header with the scheme `Bearer`.
    #[error("send the session's token as Authorization: Bearer")]
    Missing,
    /// The token is over its limit.
    #[error("the token is longer than 8 KiB")]
    TooLong,
    /// Not a token, or one that does not verify.
    #[error("the token does not verify")]
    Invalid,
    /// Over.
    #[error("the token has expired")]
    Expired,
    /// Not yet.
    #[error("the token is not valid yet")]
    NotYet,
    /// For somebody else, or from somebody else.
    #[error("the token was issued by or for somebody else")]
    Elsewhere,
    /// A claim that is needed is absent or of another type.
    #[error("the token lacks a claim: exp, the user's, or iss and aud where they are configured")]
    Claims,
    /// The identity provider's keys cannot be had now.
    #[error("the identity provider's keys cannot be fetched now")]
    KeysUnavailable,
}

/// Why authentication cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthSetupError {
    /// A file in `auth.pem_files` cannot be read.
    #[error("a file in auth.pem_files cannot be read")]
    PemFile(#[source] std::io::Error),
    /// A file in `auth.pem_files` holds no key of a known kind.
    #[error("a file in auth.pem_files holds no RSA, P-256 or Ed25519 public key")]
    PemKey,
    /// The key set cannot be used at all.
    #[error("auth.jwks_file or auth.jwks_url cannot be used")]
    KeySet(#[source] KeySetError),
}

/// One key and the one algorithm it verifies.
#[derive(Clone)]
struct Key {
    kid: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// Verifies sessions.
pub struct Authenticator {
    keys: Keys,
    user_claim: String,
    session_claim: String,
    issuers: Vec<String>,
    audiences: Vec<String>,
    leeway_seconds: u64,
}

enum Keys {
    Fixed(Vec<Key>),
    Rotating(KeySet),
    Disabled,
}

impl Authenticator {
    /// Reads the keys. A key set that cannot be fetched now is fetched later.
    pub async fn try_new(config: &AuthConfig) -> Result<Authenticator, AuthSetupError> {
        let keys = match &config.mode {
            AuthMode::Hs256(secret) => Keys::Fixed(vec![hs256::key(secret)]),
            AuthMode::Pem(files) => Keys::Fixed(pem::read(files)?),
            AuthMode::Jwks(jwks) => {
                Keys::Rotating(KeySet::open(jwks).await.map_err(AuthSetupError::KeySet)?)
            }
            AuthMode::Disabled => {
                tracing::warn!(
                    "authentication is DISABLED: anyone who reaches this server can post records"
                );
                Keys::Disabled
            }
        };
        Ok(Authenticator {
            keys,
            user_claim: config.user_claim.clone(),
            session_claim: config.session_claim.clone(),
            issuers: config.issuers.clone(),
            audiences: config.audiences.clone(),
            leeway_seconds: config.leeway.as_secs(),
        })
    }

    /// The identity behind a request.
    pub async fn verify(&self, headers: &HeaderMap) -> Result<Identity, AuthError> {
        let keys = match &self.keys {
            Keys::Disabled => return Ok(Identity::default()),
            Keys::Fixed(keys) => {
                let (token, header) = token(headers)?;
                return self.verify_with(token, &header, keys.iter());
            }
            Keys::Rotating(set) => set,
        };
        let (token, header) = token(headers)?;
        let found = keys.find(header.kid.as_deref()).await?;
        self.verify_with(token, &header, found.iter())
    }

    /// Reads the key set again, at its interval, for as long as the server runs.
    pub async fn refresh_forever(&self) {
        match &self.keys {
            Keys::Rotating(set) => set.refresh_forever().await,
            Keys::Fixed(_) | Keys::Disabled => std::future::pending().await,
        }
    }

    /// Whether keys are at hand; `false` while an identity provider has never answered.
    pub fn has_keys(&self) -> bool {
        match &self.keys {
            Keys::Rotating(set) => set.has_keys(),
            Keys::Fixed(_) | Keys::Disabled => true,
        }
    }

    fn verify_with<'a>(
        &self,
        token: &str,
        header: &Header,
        keys: impl Iterator<Item = &'a Key>,
    ) -> Result<Identity, AuthError> {
        let mut refusal = AuthError::Invalid;
        for key in
            keys.filter(|key| key.algorithm == header.alg && key.answers_to(header.kid.as_deref()))
        {
            match jsonwebtoken::decode::<Map<String, Value>>(
                token,
                &key.key,
                &self.validation(key.algorithm),
            ) {
                Ok(data) => return self.identity(&data.claims),
                Err(error) => {
                    // A signature that holds says more than one that does not.
                    if let Some(reason) = reason(error.kind()) {
                        refusal = reason;
                    }
                }
            }
        }
        Err(refusal)
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = self.leeway_seconds;
        validation.validate_nbf = true;
        let mut required = vec!["exp"];
        if !self.issuers.is_empty() {
            validation.set_issuer(&self.issuers);
            required.push("iss");
        }
        if self.audiences.is_empty() {
            validation.validate_aud = false;
        } else {
            validation.set_audience(&self.audiences);
            required.push("aud");
        }
        validation.set_required_spec_claims(&required);
        validation
    }

    fn identity(&self, claims: &Map<String, Value>) -> Result<Identity, AuthError> {
        let user = claim(claims, &self.user_claim).ok_or(AuthError::Claims)?;
        Ok(Identity {
            user: Some(user),
            session: claim(claims, &self.session_claim),
        })
    }
}

impl Key {
    fn answers_to(&self, kid: Option<&str>) -> bool {
        match (&self.kid, kid) {
            (Some(own), Some(asked)) => own == asked,
            _ => true,
        }
    }
}

/// The bearer token and its header, before anything in it is believed.
fn token(headers: &HeaderMap) -> Result<(&str, Header), AuthError> {
    let value = headers.get(AUTHORIZATION).ok_or(AuthError::Missing)?;
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .ok_or(AuthError::Missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(AuthError::Missing);
    }
    let token = token.trim();
    if token.len() > MAX_TOKEN_BYTES {
        return Err(AuthError::TooLong);
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| AuthError::Invalid)?;
    let brings_key = header.jku.is_some()
        || header.jwk.is_some()
        || header.x5u.is_some()
        || header.x5c.is_some();
    if brings_key || header.crit.is_some() {
        return Err(AuthError::Invalid);
    }
    Ok((token, header))
}

fn reason(kind: &ErrorKind) -> Option<AuthError> {
    match kind {
        ErrorKind::ExpiredSignature => Some(AuthError::Expired),
        ErrorKind::ImmatureSignature => Some(AuthError::NotYet),
        ErrorKind::InvalidIssuer | ErrorKind::InvalidAudience => Some(AuthError::Elsewhere),
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) => {
            Some(AuthError::Claims)
        }
        _ => None,
    }
}

/// A claim as text; numbers are ids too.
fn claim(claims: &Map<String, Value>, name: &str) -> Option<String> {
    let text = match claims.get(name)? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty() && text.len() <= MAX_ID_BYTES).then_some(text)
}

impl std::fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticator").finish_non_exhaustive()
    }
}
