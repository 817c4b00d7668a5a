//! The ids of the records that came within the window.
//!
//! On disk an id is its 16 bytes, one value a commit. In memory it is 8 bytes of a keyed hash: with
//! 3.6 million ids the chance that a new record looks like one of them is one in 5 · 10¹².

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher, RandomState};
use std::time::Duration;

use uuid::Uuid;

/// The ids of one commit: when they came, and how many.
#[derive(Clone, Copy, Debug)]
struct Group {
    key: u64,
    at_ms: u64,
    len: usize,
}

/// The remembered ids.
#[derive(Debug)]
pub(super) struct Seen {
    marks: HashSet<u64, BuildHasherDefault<AsIs>>,
    groups: VecDeque<Group>,
    hasher: RandomState,
    window: Duration,
    max_ids: usize,
    /// Ids that had to go before their window was over.
    early: u64,
}

impl Seen {
    pub(super) fn new(window: Duration, max_ids: usize) -> Self {
        Seen {
            marks: HashSet::default(),
            groups: VecDeque::new(),
            hasher: RandomState::new(),
            window,
            max_ids,
            early: 0,
        }
    }

    /// Remembers an id; `false` when it was remembered already.
    pub(super) fn insert(&mut self, id: Uuid) -> bool {
        self.marks.insert(self.mark(id))
    }

    /// Forgets ids whose records were not kept after all, or whose time is over.
    pub(super) fn forget(&mut self, ids: &[Uuid]) {
        for id in ids {
            let mark = self.mark(*id);
            self.marks.remove(&mark);
        }
    }

    /// Notes that the ids of a commit are on disk under `key`.
    pub(super) fn committed(&mut self, key: u64, at_ms: u64, len: usize) {
        self.groups.push_back(Group { key, at_ms, len });
    }

    /// The key of the oldest commit whose ids need not be remembered any longer, if there is one.
    /// The caller removes it from disk and then [forgets](Seen::forget) its ids.
    pub(super) fn pop_expired(&mut self, now_ms: u64) -> Option<u64> {
        let oldest = self.groups.front()?;
        let window_ms = u64::try_from(self.window.as_millis()).unwrap_or(u64::MAX);
        let over = now_ms.saturating_sub(oldest.at_ms) >= window_ms;
        let crowded = self.marks.len() > self.max_ids && oldest.len > 0;
        if !over && !crowded {
            return None;
        }
        if !over {
            if self.early == 0 {
                tracing::warn!(
                    "more ids come than limits.dedupe_ids holds for limits.dedupe_window_seconds; \
                     a record sent again late is forwarded again"
                );
            }
            self.early += oldest.len as u64;
        }
        self.groups.pop_front().map(|group| group.key)
    }

    /// When the oldest remembered ids came, in milliseconds since 1970.
    pub(super) fn oldest_ms(&self) -> Option<u64> {
        self.groups.front().map(|group| group.at_ms)
    }

    /// How many ids are remembered.
    pub(super) fn len(&self) -> usize {
        self.marks.len()
    }

    /// How many ids had to go before their window was over.
    pub(super) fn early(&self) -> u64 {
        self.early
    }

    fn mark(&self, id: Uuid) -> u64 {
        self.hasher.hash_one(id.as_bytes())
    }
}

/// The marks are hashes already.
#[derive(Debug, Default)]
pub(super) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, mark: u64) {
        self.0 = mark;
    }
}
