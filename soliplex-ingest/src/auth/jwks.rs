//! A key set that rotates.
//!
//! The set is read in the background, at the start, at its interval, and oftener while it has no
//! keys; and, when a token names a key that is not in it, once more: by one request for all that
//! wait, whatever becomes of it. A failed read, or one that gives no usable key, keeps the keys of
//! the last good one; after a few intervals of that they count as stale, because among them may be
//! one that has been withdrawn.
//!
//! Made-up key ids must not make this server flood the identity provider. So after a read none is
//! asked for by a key id within the cooldown, but one: after a good read the first unknown id is
//! looked for at once, because a provider may sign with a key in the moment it publishes it, and a
//! client that is told 401 waits for another token. Thus there are two such reads in a cooldown at
//! most, and a new key is refused only when made-up ids have spent both, until the cooldown is over.
//!
//! An id that is in none of the keys is answered by the provider's last word: 401 if that was a key
//! set, 503 if there was none.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::AuthError;
use super::issuer::Key;
use crate::config::{JwksConfig, JwksSource};
use crate::error::Chain;

/// Why a key set could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeySetError {
    /// The file cannot be read.
    #[error("the key set's file cannot be read")]
    File(#[source] std::io::Error),
    /// The identity provider did not answer as it should.
    #[error("the key set cannot be fetched")]
    Fetch(#[source] reqwest::Error),
    /// What came is too long.
    #[error("the key set is longer than 1 MiB")]
    TooLong,
    /// What came is not a key set.
    #[error("what was read is not a key set")]
    NotAKeySet(#[source] serde_json::Error),
    /// What came holds no key that may sign a session.
    #[error("the key set has no usable key")]
    NoKeys,
}

pub(super) struct KeySet {
    source: Source,
    refresh: Duration,
    cooldown: Duration,
    held: RwLock<Held>,
    /// Held while reading: whoever waits for it finds the work done.
    last_read: Mutex<LastRead>,
}

#[derive(Default)]
struct Held {
    keys: Arc<Vec<Key>>,
    /// When they were read.
    since: Option<Instant>,
}

enum Source {
    File(PathBuf),
    Url(reqwest::Client, String),
}

#[derive(Default)]
struct LastRead {
    /// When it began.
    began: Option<Instant>,
    /// When it ended; never, if the client that it was for hung up.
    ended: Option<Instant>,
    /// Whether it gave a key set.
    is_good: bool,
    /// Whether it came before the cooldown was over.
    is_early: bool,
}

impl KeySet {
    /// Reads the set's file. A provider is asked later: a server that waited for one that is down
    /// would not start.
    pub(super) async fn open(config: &JwksConfig) -> Result<KeySet, KeySetError> {
        let source = match &config.source {
            JwksSource::File(path) => Source::File(path.clone()),
            JwksSource::Url(url) => {
                let client = reqwest::Client::builder()
                    .timeout(FETCH_TIMEOUT)
                    .build()
                    .map_err(KeySetError::Fetch)?;
                Source::Url(client, url.clone())
            }
        };
        let set = KeySet {
            source,
            refresh: config.refresh.max(Duration::from_secs(1)),
            cooldown: config.cooldown,
            held: RwLock::default(),
            last_read: Mutex::default(),
        };
        if matches!(set.source, Source::File(_)) {
            set.read(&mut *set.last_read.lock().await).await?;
        }
        Ok(set)
    }

    /// The keys to try for a token that names `kid`.
    pub(super) async fn find(&self, kid: Option<&str>) -> Result<Arc<Vec<Key>>, AuthError> {
        let keys = self.keys();
        if knows(&keys, kid) {
            return Ok(keys);
        }
        let asked = Instant::now();
        let mut last = self.last_read.lock().await;
        let keys = self.keys();
        if knows(&keys, kid) {
            return Ok(keys);
        }
        let is_over = last.began.is_none_or(|at| at.elapsed() >= self.cooldown);
        let is_early = !is_over && last.is_good && !last.is_early;
        // A read that ended while this one waited was for both.
        if last.ended.is_none_or(|ended| ended < asked) && (is_over || is_early) {
            self.read_or_warn(&mut last).await;
            last.is_early = is_early;
        }
        let keys = self.keys();
        if knows(&keys, kid) {
            Ok(keys)
        } else if last.is_good {
            Err(AuthError::Invalid)
        } else {
            Err(AuthError::KeysUnavailable)
        }
    }

    /// Reads the set again and again, as often as is configured, and oftener until it has keys.
    pub(super) async fn keep_fresh(&self) {
        let mut is_due = !self.has_keys();
        loop {
            if is_due {
                self.refresh().await;
            }
            is_due = true;
            let pause = if self.has_keys() {
                self.refresh
            } else {
                self.refresh.min(UNTIL_KEYS)
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Reads the set again, whatever it holds.
    pub(super) async fn refresh(&self) {
        self.read_or_warn(&mut *self.last_read.lock().await).await;
    }

    pub(super) fn has_keys(&self) -> bool {
        !self.keys().is_empty()
    }

    /// How long ago the keys were read; `None` while there are none.
    pub(super) fn age(&self) -> Option<Duration> {
        self.held().since.map(|since| since.elapsed())
    }

    /// Whether the keys should have been read again long ago.
    pub(super) fn is_stale(&self) -> bool {
        let limit = self.refresh.saturating_mul(MAX_MISSED_READS);
        self.age().is_some_and(|age| age > limit)
    }

    fn keys(&self) -> Arc<Vec<Key>> {
        Arc::clone(&self.held().keys)
    }

    fn held(&self) -> RwLockReadGuard<'_, Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read_or_warn(&self, last: &mut LastRead) {
        let Err(error) = self.read(last).await else {
            return;
        };
        let error = Chain(&error);
        if self.has_keys() {
            tracing::warn!(%error, "the key set could not be read; the keys of the last time stay");
        } else {
            tracing::warn!(%error, "the identity provider's keys are not there yet; sessions are refused with 503 until they are");
        }
    }

    async fn read(&self, last: &mut LastRead) -> Result<(), KeySetError> {
        // Before the wait: a client that hangs up ends the read, and the next must not start at
        // once.
        *last = LastRead {
            began: Some(Instant::now()),
            ..LastRead::default()
        };
        let loaded = self.load().await;
        last.ended = Some(Instant::now());
        let keys = loaded?;
        last.is_good = true;
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = Held {
            keys: Arc::new(keys),
            since: last.ended,
        };
        Ok(())
    }

    async fn load(&self) -> Result<Vec<Key>, KeySetError> {
        let json = match &self.source {
            Source::File(path) => tokio::fs::read(path).await.map_err(KeySetError::File)?,
            Source::Url(client, url) => fetch(client, url).await?,
        };
        let set: JwkSet = serde_json::from_slice(&json).map_err(KeySetError::NotAKeySet)?;
        let keys: Vec<Key> = set.keys.iter().filter_map(key).collect();
        // A provider that shows none is being set up or broken; its last keys serve better.
        if keys.is_empty() {
            return Err(KeySetError::NoKeys);
        }
        Ok(keys)
    }
}

async fn fetch(client: &reqwest::Client, url: &str) -> Result<Vec<u8>, KeySetError> {
    let response = client
        .get(url)
        .send()
        .await
        .and_then(reqwest::Response::error_for_status);
    // The address may hold a credential; the error must not.
    let mut response = response.map_err(|error| KeySetError::Fetch(error.without_url()))?;
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| KeySetError::Fetch(error.without_url()))?
    {
        if body.len() + chunk.len() > MAX_SET_BYTES {
            return Err(KeySetError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn knows(keys: &[Key], kid: Option<&str>) -> bool {
    match kid {
        Some(kid) => keys.iter().any(|key| key.kid.as_deref() == Some(kid)),
        None => !keys.is_empty(),
    }
}

/// A signing key of an allowed kind; a shared secret in a public set is refused like everything
/// else.
fn key(jwk: &Jwk) -> Option<Key> {
    if !matches!(
        jwk.common.public_key_use,
        None | Some(PublicKeyUse::Signature)
    ) {
        return None;
    }
    let (algorithm, named) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        _ => return None,
    };
    if jwk
        .common
        .key_algorithm
        .is_some_and(|stated| stated != named)
    {
        return None;
    }
    let key = DecodingKey::from_jwk(jwk).ok()?;
    Some(Key {
        kid: jwk.common.key_id.clone(),
        algorithm,
        key,
    })
}

const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a provider is asked that has not given any keys yet: nobody can post until it has.
const UNTIL_KEYS: Duration = Duration::from_secs(5);

/// Intervals after which keys are stale: a provider that restarts misses one read, not three.
const MAX_MISSED_READS: u32 = 3;

/// Dozens of keys with their certificate chains are a tenth of this.
const MAX_SET_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests;
