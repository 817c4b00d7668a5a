//! What was given up for one reason: in all, and what nobody has been told of yet.

use std::sync::atomic::{AtomicU64, Ordering};

use super::DiscardReason;
use crate::packed::PackedHead;
use crate::session::{self, Session};
use crate::spool::Loss;

/// Added to on any thread.
#[derive(Debug, Default)]
pub(super) struct Discards {
    total: AtomicU64,
    unreported: AtomicU64,
    /// Records of which nothing more is known.
    nameless: AtomicU64,
    /// Those of which is known where they stood, of every other session of the run: what is told
    /// several times a second spans two sessions at the most.
    gaps: [Gap; 2],
}

#[derive(Debug)]
struct Gap {
    count: AtomicU64,
    /// The first and the last [place](session::place).
    first: AtomicU64,
    last: AtomicU64,
}

impl Default for Gap {
    fn default() -> Gap {
        Gap {
            count: AtomicU64::new(0),
            first: AtomicU64::new(u64::MAX),
            last: AtomicU64::new(0),
        }
    }
}

impl Discards {
    pub(super) fn count(&self, count: u64) {
        self.total.fetch_add(count, Ordering::Relaxed);
        self.unreported.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn remember(&self, count: u64) {
        self.nameless.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn remember_record(&self, head: &PackedHead) {
        let place = session::place(head);
        let gap = &self.gaps[usize::from(session::generation(place)) % 2];
        gap.first.fetch_min(place, Ordering::Relaxed);
        gap.last.fetch_max(place, Ordering::Relaxed);
        // Last, so that who takes the count finds the edges.
        gap.count.fetch_add(1, Ordering::Release);
    }

    pub(super) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    pub(super) fn take_unreported(&self) -> u64 {
        self.unreported.swap(0, Ordering::Relaxed)
    }

    pub(super) fn take(&self, reason: DiscardReason, session: &Session) -> Vec<Loss> {
        let gaps = self.gaps.iter().filter_map(|gap| gap.take(reason, session));
        let nameless = match self.nameless.swap(0, Ordering::Relaxed) {
            0 => None,
            count => Some(Loss::counted(reason.as_str(), count)),
        };
        gaps.chain(nameless).collect()
    }
}

impl Gap {
    fn take(&self, reason: DiscardReason, session: &Session) -> Option<Loss> {
        let count = self.count.swap(0, Ordering::Acquire);
        if count == 0 {
            return None;
        }
        let first = self.first.swap(u64::MAX, Ordering::Relaxed);
        let last = self.last.swap(0, Ordering::Relaxed);
        let loss = Loss::counted(reason.as_str(), count);
        if first > last || session::generation(first) != session::generation(last) {
            return Some(loss);
        }
        Some(Loss {
            seqs: Some((session::seq_at(first), session::seq_at(last))),
            ..loss.of(session.context_at(first), None)
        })
    }
}

#[cfg(test)]
mod tests {
    use soliplex_wire::{Attributes, Severity};

    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn a_loss_is_told_once_and_in_its_own_session_and_counted_for_good() {
        let session = Session::new("install", &Attributes::new());
        let discards = Discards::default();
        let reason = DiscardReason::QueueFull;
        let before = session.context();
        let discard = |times| {
            for _ in 0..times {
                discards.count(1);
                discards.remember_record(&session.head(Severity::Info, 0));
            }
        };
        discard(3);
        let next = session.take_next().unwrap();
        session.has_begun(next, &SystemClock);
        discard(2);
        discards.count(4);
        discards.remember(4);
        let mut told: Vec<_> = discards
            .take(reason, &session)
            .into_iter()
            .map(|loss| (loss.context, loss.count, loss.seqs))
            .collect();
        told.sort_by_key(|(_, count, _)| std::cmp::Reverse(*count));
        assert_eq!(
            told,
            [
                (None, Some(4), None),
                (Some(before), Some(3), Some((2, 4))),
                (Some(session.context()), Some(2), Some((2, 3))),
            ]
        );
        assert_eq!(discards.take(reason, &session), []);
        assert_eq!(discards.total(), 9);
    }
}
