//! The ids of the records that came within the window.
//!
//! On disk an id is its 16 bytes, one value a commit. In memory it is 61 bits of a keyed hash: with
//! two million ids the chance that a new record looks like one of them is one in 10¹². Commits
//! that follow each other within a thousandth of the window are forgotten together, so that many
//! small ones take no memory each.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, RandomState};
use std::ops::RangeInclusive;
use std::time::Duration;

use uuid::Uuid;

use super::marks::Marks;

/// The ids of commits that followed each other: under which keys, when they came, and how many.
#[derive(Clone, Copy, Debug)]
struct Group {
    first: u64,
    last: u64,
    began_ms: u64,
    ended_ms: u64,
    len: usize,
}

/// The remembered ids.
#[derive(Debug)]
pub(super) struct Seen {
    marks: Marks,
    groups: VecDeque<Group>,
    hasher: RandomState,
    window_ms: u64,
    max_ids: usize,
    /// Ids that had to go before their window was over.
    early: u64,
}

impl Seen {
    pub(super) fn new(window: Duration, max_ids: usize) -> Self {
        Seen {
            marks: Marks::new(),
            groups: VecDeque::new(),
            hasher: RandomState::new(),
            window_ms: u64::try_from(window.as_millis()).unwrap_or(u64::MAX),
            max_ids,
            early: 0,
        }
    }

    /// Remembers an id; `false` when it was remembered already.
    pub(super) fn insert(&mut self, id: Uuid) -> bool {
        self.marks.insert(self.mark(id))
    }

    /// Remembers ids; gives those that are new, and those that were remembered already.
    pub(super) fn insert_all(&mut self, ids: Vec<Uuid>) -> (Vec<Uuid>, Vec<Uuid>) {
        let marks: Vec<u64> = ids.iter().map(|id| self.mark(*id)).collect();
        self.marks.look_at(&marks);
        let (mut new, mut known) = (Vec::with_capacity(ids.len()), Vec::new());
        for (id, mark) in ids.into_iter().zip(marks) {
            if self.marks.insert(mark) {
                new.push(id);
            } else {
                known.push(id);
            }
        }
        (new, known)
    }

    /// Forgets ids whose records were not kept after all, or whose time is over.
    pub(super) fn forget(&mut self, ids: &[Uuid]) {
        for id in ids {
            let mark = self.mark(*id);
            self.marks.remove(mark);
        }
    }

    /// Notes that the ids of a commit are on disk under `key`.
    pub(super) fn committed(&mut self, key: u64, at_ms: u64, len: usize) {
        let together = |group: &&mut Group| {
            at_ms.saturating_sub(group.began_ms) <= self.window_ms / GROUPS
                && group.len + len <= self.max_ids / GROUPS as usize
        };
        if let Some(group) = self.groups.back_mut().filter(together) {
            group.last = key;
            group.ended_ms = at_ms;
            group.len += len;
        } else {
            self.groups.push_back(Group {
                first: key,
                last: key,
                began_ms: at_ms,
                ended_ms: at_ms,
                len,
            });
        }
    }

    /// Forgets the ids of the oldest commits, which `ids` reads by their keys, if they need not be
    /// remembered any longer; the keys are to be removed from disk.
    ///
    /// Ids that cannot be read and whose time is over stay marked until the next start: a few bytes,
    /// no harm. Those that only go for want of room are kept: marks that stay would make everything
    /// after them go too.
    pub(super) fn pop_expired(
        &mut self,
        now_ms: u64,
        ids: impl FnOnce(RangeInclusive<u64>) -> Option<Vec<Uuid>>,
    ) -> Option<RangeInclusive<u64>> {
        let oldest = self.groups.front()?;
        let over = now_ms.saturating_sub(oldest.ended_ms) >= self.window_ms;
        let crowded = self.marks.len() > self.max_ids && oldest.len > 0;
        if !over && !crowded {
            return None;
        }
        let found = ids(oldest.first..=oldest.last);
        if !over && found.is_none() {
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
        self.forget(&found.unwrap_or_default());
        self.groups
            .pop_front()
            .map(|group| group.first..=group.last)
    }

    /// When the oldest remembered ids came, in milliseconds since 1970.
    pub(super) fn oldest_ms(&self) -> Option<u64> {
        self.groups.front().map(|group| group.began_ms)
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

/// Groups that a full window, or a full number of ids, is made of at most.
const GROUPS: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn a_day_of_small_commits_is_some_thousand_groups() {
        let mut seen = Seen::new(DAY, 2_000_000);
        for second in 0..86_400 {
            seen.committed(second * 7, second * 1000, 1);
        }
        assert!(seen.groups.len() <= 1025, "{}", seen.groups.len());
        // Nothing is forgotten before its own time is over, nor a thousandth of the window later.
        let day_ms = 86_400_000;
        let read = |_| Some(Vec::new());
        assert_eq!(seen.pop_expired(day_ms, read), None);
        let first = seen.pop_expired(day_ms + 84_375, read).unwrap();
        assert_eq!(first, 0..=84 * 7);
        assert_eq!(seen.pop_expired(day_ms + 84_375, read), None);
    }

    #[test]
    fn with_few_ids_or_a_short_window_each_commit_stands_alone() {
        for (window, max_ids) in [(DAY, 10), (Duration::from_millis(1000), 2_000_000)] {
            let mut seen = Seen::new(window, max_ids);
            (0..5).for_each(|key| seen.committed(key, key * 10, 1));
            assert_eq!(seen.groups.len(), 5, "{window:?} {max_ids}");
        }
    }

    /// The marks of ids that cannot be read stay: were their commits given up for want of room, there
    /// would still be none, and all that came later would go too.
    #[test]
    fn ids_that_go_for_want_of_room_go_only_when_they_can_be_read() {
        let mut seen = Seen::new(DAY, 2);
        let ids: Vec<Uuid> = (0..3).map(Uuid::from_u128).collect();
        for (key, id) in ids.iter().enumerate() {
            assert!(seen.insert(*id));
            seen.committed(key as u64, 1000 * key as u64, 1);
        }
        assert_eq!(seen.pop_expired(3000, |_| None), None);
        assert_eq!((seen.len(), seen.early()), (3, 0));
        let day_ms = 86_400_000;
        assert!(seen.pop_expired(2 * day_ms, |_| None).is_some());
        assert_eq!(seen.len(), 3, "their marks stay until the next start");
    }
}
