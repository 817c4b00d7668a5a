//! One issuer of sessions: its keys, and what a session of it must say.

use std::path::PathBuf;
use std::sync::Arc;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde_json::{Map, Value};

use super::jwks::KeySet;
use super::{AuthError, AuthSetupError, hs256, pem};
use crate::config::{JwksConfig, Secret};

/// One key and the one algorithm it verifies.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) kid: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

/// Keys, and the claims that must go with them.
pub(super) struct Issuer {
    pub(super) keys: Keys,
    /// Accepted `iss` claims; with any, `iss` is required.
    pub(super) issuers: Vec<String>,
    /// Accepted `aud` claims; with any, `aud` is required.
    pub(super) audiences: Vec<String>,
    pub(super) leeway_seconds: u64,
}

pub(super) enum Keys {
    Fixed(Vec<Key>),
    Rotating(Arc<KeySet>),
}

impl Keys {
    pub(super) fn shared(secret: &Secret) -> Keys {
        Keys::Fixed(vec![hs256::key(secret)])
    }

    pub(super) fn pem(files: &[PathBuf]) -> Result<Keys, AuthSetupError> {
        Ok(Keys::Fixed(pem::read(files)?))
    }

    pub(super) async fn jwks(config: &JwksConfig) -> Result<Keys, AuthSetupError> {
        let set = KeySet::open(config).await;
        set.map(|set| Keys::Rotating(Arc::new(set)))
            .map_err(AuthSetupError::KeySet)
    }

    /// The key set, where it is one that rotates.
    pub(super) fn rotating(&self) -> Option<&Arc<KeySet>> {
        match self {
            Keys::Rotating(set) => Some(set),
            Keys::Fixed(_) => None,
        }
    }
}

impl Issuer {
    /// The claims of a session that holds.
    pub(super) async fn verify(
        &self,
        token: &str,
        header: &Header,
    ) -> Result<Map<String, Value>, AuthError> {
        match &self.keys {
            Keys::Fixed(keys) => self.verify_with(token, header, keys),
            Keys::Rotating(set) => {
                let keys = set.find(header.kid.as_deref()).await?;
                self.verify_with(token, header, &keys)
            }
        }
    }

    fn verify_with(
        &self,
        token: &str,
        header: &Header,
        keys: &[Key],
    ) -> Result<Map<String, Value>, AuthError> {
        let mut refusal = AuthError::Invalid;
        let candidates = keys
            .iter()
            .filter(|key| key.algorithm == header.alg && key.answers_to(header.kid.as_deref()));
        for key in candidates {
            match jsonwebtoken::decode(token, &key.key, &self.validation(key.algorithm)) {
                Ok(data) => return Ok(data.claims),
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
}

impl Key {
    fn answers_to(&self, kid: Option<&str>) -> bool {
        match (&self.kid, kid) {
            (Some(own), Some(asked)) => own == asked,
            _ => true,
        }
    }
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
