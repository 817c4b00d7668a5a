//! Who is talking: the installation, the session, the user, and what is true of the process.
//!
//! A record is bound to these when it is captured and keeps them, however much later it is sent
//! and whoever is logged in by then.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use soliplex_wire::limits::{MAX_ID_BYTES, TRUNCATED};
use soliplex_wire::{AnyValue, Attributes, Severity, Uuid};

use crate::packed::{Kind, PackedHead};

/// The facts of one run of the application.
pub(crate) struct Session {
    /// Identifies these facts in packed records: the session id's first half.
    context: u64,
    facts: Vec<u8>,
    session_id: Uuid,
    seq: AtomicU64,
    user_id: RwLock<Option<String>>,
}

/// What is the same for all records of a session, as it is stored: JSON, to outlive this version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Facts {
    pub(crate) install_id: String,
    pub(crate) session_id: String,
    pub(crate) resource: BTreeMap<String, AnyValue>,
}

impl Session {
    /// A new session of this installation. The resource is sanitized by the caller.
    pub(crate) fn new(install_id: &str, resource: &Attributes) -> Session {
        let session_id = Uuid::new_v4();
        let facts = Facts {
            install_id: install_id.to_owned(),
            session_id: session_id.to_string(),
            resource: resource.clone().into_iter().collect(),
        };
        Session {
            context: context(session_id),
            facts: facts.to_json(),
            session_id,
            seq: AtomicU64::new(0),
            user_id: RwLock::new(None),
        }
    }

    pub(crate) fn context(&self) -> u64 {
        self.context
    }

    /// The facts as JSON, see [`Facts`].
    pub(crate) fn facts(&self) -> &[u8] {
        &self.facts
    }

    pub(crate) fn session_id(&self) -> Uuid {
        self.session_id
    }

    /// The head of the next record; its number is one more than the last one's.
    pub(crate) fn head(&self, severity: Severity, unix_nanos: i64) -> PackedHead {
        let seq = self.seq.fetch_add(1, Ordering::Relaxed) + 1;
        PackedHead {
            kind: Kind::Record,
            severity,
            context: self.context,
            id: self.record_id(seq, unix_nanos),
            seq,
            unix_nanos,
        }
    }

    /// The head under which the facts themselves travel. They are no record and take no number, or
    /// every session would begin with a gap.
    pub(crate) fn announcement(&self) -> PackedHead {
        PackedHead {
            kind: Kind::Context,
            severity: Severity::Unspecified,
            context: self.context,
            id: self.session_id,
            seq: 0,
            unix_nanos: 0,
        }
    }

    /// An id for the record with this number: UUIDv7, RFC 9562 section 5.7.
    ///
    /// The random part comes from the session's own id and the number by a bijection, so that ids
    /// of one session cannot meet, and no record costs a system call for random bytes.
    fn record_id(&self, seq: u64, unix_nanos: i64) -> Uuid {
        let (key, more) = self.session_id.as_u64_pair();
        let mixed = mix(seq ^ key);
        let mut random = [0; 10];
        random[..2].copy_from_slice(&more.to_le_bytes()[..2]);
        random[2..].copy_from_slice(&mixed.to_le_bytes());
        // Version and variant take six of the bits; fold the ones they hide into the spare bytes.
        random[1] ^= random[2];
        let millis = u64::try_from(unix_nanos / 1_000_000).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    /// Records captured from now on belong to this user. An id over its limit is cut, for a server
    /// would refuse every record that bears it.
    pub(crate) fn set_user_id(&self, mut user_id: Option<String>) {
        if let Some(id) = &mut user_id
            && id.len() > MAX_ID_BYTES
        {
            let mut end = MAX_ID_BYTES - TRUNCATED.len();
            while !id.is_char_boundary(end) {
                end -= 1;
            }
            id.truncate(end);
            id.push_str(TRUNCATED);
        }
        *self.user_id.write().unwrap_or_else(PoisonError::into_inner) = user_id;
    }

    /// Lends the user id to `use_it`, which must not log.
    pub(crate) fn with_user_id(&self, use_it: impl FnOnce(&str)) {
        if let Some(user_id) = &*self.user_id.read().unwrap_or_else(PoisonError::into_inner) {
            use_it(user_id);
        }
    }
}

impl Facts {
    /// `None` when the JSON is none of ours.
    pub(crate) fn from_json(json: &[u8]) -> Option<Facts> {
        serde_json::from_slice(json).ok()
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut json = Vec::new();
        soliplex_wire::encode::json(&mut json, self);
        json
    }

    /// What packed records call these facts.
    pub(crate) fn context(&self) -> Option<u64> {
        Uuid::parse_str(&self.session_id).ok().map(context)
    }
}

fn context(session_id: Uuid) -> u64 {
    session_id.as_u64_pair().0
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("session_id", &self.session_id)
            .finish_non_exhaustive()
    }
}

/// The finalizer of SplitMix64: every number goes to another, and neighbors far apart.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_of_a_session_never_meet_and_tell_their_time() {
        let session = Session::new("install", &Attributes::new());
        let millis = 1_770_379_200_123;
        let ids: HashSet<Uuid> = (0..100_000)
            .map(|seq| session.record_id(seq, millis * 1_000_000))
            .collect();
        assert_eq!(ids.len(), 100_000);
        for id in ids.iter().take(10) {
            assert_eq!(id.get_version_num(), 7);
            let (seconds, nanos) = id.get_timestamp().unwrap().to_unix();
            assert_eq!(
                (seconds * 1000 + u64::from(nanos) / 1_000_000) as i64,
                millis
            );
        }
    }

    #[test]
    fn a_user_is_known_only_while_logged_in() {
        let session = Session::new("install", &Attributes::new());
        let user = || {
            let mut seen = None;
            session.with_user_id(|user_id| seen = Some(user_id.to_owned()));
            seen
        };
        assert_eq!(user(), None);
        session.set_user_id(Some("ada".into()));
        assert_eq!(user().as_deref(), Some("ada"));
        session.set_user_id(Some("é".repeat(MAX_ID_BYTES)));
        assert!(user().is_some_and(|id| id.len() <= MAX_ID_BYTES && id.ends_with(TRUNCATED)));
        session.set_user_id(None);
        assert_eq!(user(), None);
    }

    #[test]
    fn the_facts_are_read_back() {
        let resource = [("service.name", "app")].into_iter().collect();
        let session = Session::new("install", &resource);
        let facts: Facts = serde_json::from_slice(session.facts()).unwrap();
        assert_eq!(facts.session_id, session.session_id().to_string());
        assert_eq!(facts.resource["service.name"], "app".into());
    }
}
