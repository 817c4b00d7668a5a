//! Who posts: from the `Authorization` header to an [`Identity`].
//!
//! A key decides which algorithm it verifies; a token's header only helps to find the key. `exp` is
//! required, `nbf` is checked, `iss` and `aud` are required when configured. Where there are several
//! issuers each has keys of its own, and no other's verify its sessions. A token that brings
//! its own key (`jwk`, `jku`, `x5c`, `x5u`) or asks for extensions (`crit`) is refused: RFC 8725,
//! sections 3.1 to 3.10.
//!
//! A token that does not hold is a 401; a key set that cannot be fetched is a 503, since a client
//! that is told 401 stops sending.

pub mod hs256;
mod issuer;
mod jwks;
mod pem;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use jsonwebtoken::Header;
use serde_json::{Map, Value};
use soliplex_wire::limits::{MAX_ID_BYTES, MAX_TOKEN_BYTES};
use tokio::task::JoinSet;

use crate::config::{AuthConfig, AuthMode, IssuerConfig, IssuerKeys};
use issuer::{Issuer, Keys};
use jwks::KeySet;
pub use jwks::KeySetError;

/// Who a session was issued to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The user; `None` only where authentication is disabled.
    pub user: Option<String>,
    /// The session's own id, where the token has one.
    pub session: Option<String>,
    /// Which of several issuers it is of: two of them may know a user by the same name. `None`
    /// where there is one set of keys.
    pub issuer: Option<Arc<str>>,
}

/// Whose keys a server has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeysAtHand {
    /// Issuers whose keys are at hand.
    pub present: usize,
    /// Issuers whose keys have never been fetched: their sessions are answered with 503.
    pub missing: usize,
    /// Issuers that are present, but whose keys could not be read again for three times
    /// `auth.jwks_refresh_seconds`: a key withdrawn since then still verifies sessions.
    pub stale: usize,
    /// The age of the keys that were fetched longest ago; zero where none are fetched.
    pub oldest: Duration,
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
    /// A PEM file cannot be read.
    #[error("a file in auth.pem_files or auth.issuer_keys cannot be read")]
    PemFile(#[source] std::io::Error),
    /// A PEM file holds no key of a known kind.
    #[error(
        "a file in auth.pem_files or auth.issuer_keys holds no RSA, P-256 or Ed25519 public key"
    )]
    PemKey,
    /// The key set cannot be used at all.
    #[error("the key set in auth.jwks_file, auth.jwks_url or auth.issuer_keys cannot be used")]
    KeySet(#[source] KeySetError),
}

/// Verifies sessions.
pub struct Authenticator {
    trusted: Trusted,
    user_claim: String,
    session_claim: String,
}

enum Trusted {
    /// One set of keys, whatever `iss` claims it accepts.
    One(Box<Issuer>),
    /// Several issuers, by their `iss` claim.
    Named(BTreeMap<Arc<str>, Issuer>),
    Everyone,
}

impl Authenticator {
    /// Reads the keys that are in files. A provider's are fetched by
    /// [`keep_fresh`](Authenticator::keep_fresh), or when the first session comes.
    pub async fn try_new(config: &AuthConfig) -> Result<Authenticator, AuthSetupError> {
        let one = |keys| {
            Trusted::One(Box::new(Issuer {
                keys,
                issuers: config.issuers.clone(),
                audiences: config.audiences.clone(),
                leeway_seconds: config.leeway.as_secs(),
            }))
        };
        let trusted = match &config.mode {
            AuthMode::Hs256(secret) => one(Keys::shared(secret)),
            AuthMode::Pem(files) => one(Keys::pem(files)?),
            AuthMode::Jwks(jwks) => one(Keys::jwks(jwks).await?),
            AuthMode::Issuers(issuers) => {
                let mut named = BTreeMap::new();
                for issuer in issuers {
                    let trusted = named_issuer(issuer, config.leeway.as_secs()).await?;
                    named.insert(Arc::from(issuer.issuer.as_str()), trusted);
                }
                Trusted::Named(named)
            }
            AuthMode::Disabled => {
                tracing::warn!(
                    "authentication is DISABLED: anyone who reaches this server can post records"
                );
                Trusted::Everyone
            }
        };
        Ok(Authenticator {
            trusted,
            user_claim: config.user_claim.clone(),
            session_claim: config.session_claim.clone(),
        })
    }

    /// The identity behind a request.
    pub async fn verify(&self, headers: &HeaderMap) -> Result<Identity, AuthError> {
        let (token, header, name, issuer) = match &self.trusted {
            Trusted::Everyone => return Ok(Identity::default()),
            Trusted::One(issuer) => {
                let (token, header) = token(headers)?;
                (token, header, None, &**issuer)
            }
            Trusted::Named(issuers) => {
                let (token, header) = token(headers)?;
                // What is not verified yet only chooses whose keys are to verify it.
                let claimed = claimed_issuer(token)?;
                let found = issuers.get_key_value(claimed.as_str());
                let (name, issuer) = found.ok_or(AuthError::Elsewhere)?;
                (token, header, Some(Arc::clone(name)), issuer)
            }
        };
        let claims = issuer.verify(token, &header).await?;
        Ok(Identity {
            user: Some(claim(&claims, &self.user_claim).ok_or(AuthError::Claims)?),
            session: claim(&claims, &self.session_claim),
            issuer: name,
        })
    }

    /// Reads each key set once, one after the other.
    pub async fn read_keys(&self) {
        for set in self.key_sets() {
            set.refresh().await;
        }
    }

    /// Reads the key sets, at once and then at their interval, until what is returned is dropped;
    /// none waits for another. Needs a runtime to run on.
    #[must_use = "the reading ends when this is dropped"]
    pub fn keep_fresh(&self) -> JoinSet<()> {
        let mut reading = JoinSet::new();
        for set in self.key_sets() {
            let set = Arc::clone(set);
            reading.spawn(async move { set.keep_fresh().await });
        }
        reading
    }

    /// Whose keys have been fetched, and whose never yet.
    pub fn keys_at_hand(&self) -> KeysAtHand {
        let mut at_hand = KeysAtHand::default();
        for issuer in self.issuers() {
            match issuer.keys.rotating() {
                Some(set) if !set.has_keys() => at_hand.missing += 1,
                set => {
                    at_hand.present += 1;
                    at_hand.stale += usize::from(set.is_some_and(|set| set.is_stale()));
                    let age = set.and_then(|set| set.age()).unwrap_or_default();
                    at_hand.oldest = at_hand.oldest.max(age);
                }
            }
        }
        at_hand
    }

    fn key_sets(&self) -> impl Iterator<Item = &Arc<KeySet>> {
        self.issuers().filter_map(|issuer| issuer.keys.rotating())
    }

    fn issuers(&self) -> impl Iterator<Item = &Issuer> {
        let (one, named) = match &self.trusted {
            Trusted::One(issuer) => (Some(&**issuer), None),
            Trusted::Named(issuers) => (None, Some(issuers.values())),
            Trusted::Everyone => (None, None),
        };
        one.into_iter().chain(named.into_iter().flatten())
    }
}

async fn named_issuer(
    config: &IssuerConfig,
    leeway_seconds: u64,
) -> Result<Issuer, AuthSetupError> {
    let keys = match &config.keys {
        IssuerKeys::Pem(file) => Keys::pem(std::slice::from_ref(file))?,
        IssuerKeys::Jwks(jwks) => Keys::jwks(jwks).await?,
    };
    Ok(Issuer {
        keys,
        issuers: vec![config.issuer.clone()],
        audiences: config.audiences.clone(),
        leeway_seconds,
    })
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

/// The issuer a token claims to be of; nothing has been verified.
fn claimed_issuer(token: &str) -> Result<String, AuthError> {
    let claims: Map<String, Value> =
        jsonwebtoken::dangerous::insecure_decode_claims(token).map_err(|_| AuthError::Invalid)?;
    match claims.get("iss") {
        Some(Value::String(issuer)) => Ok(issuer.clone()),
        _ => Err(AuthError::Claims),
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
