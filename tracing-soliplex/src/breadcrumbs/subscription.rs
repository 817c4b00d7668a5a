//! The records as they come, for a view that follows along.
//!
//! A subscription reads the ring at a pace of its own; whoever logs knows nothing of it. So it can
//! lag by as much as the ring holds, and what it comes too late for it is told the number of.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Breadcrumbs;
use super::filter::Filter;
use super::recent::RecentRecord;
use super::ring::Found;
use super::slot::Slot;

/// How often the ring is looked at while something is waited for: a view that is a twentieth of a
/// second behind looks live.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long a record that others have overtaken is waited for. It is being written, which takes
/// less than a microsecond of its thread's time, or was skipped.
const PATIENCE: Duration = Duration::from_millis(100);

/// The longest wait that makes a point in time.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// Hands out records as they are kept. Made by [`Soliplex::subscribe`](crate::Soliplex::subscribe).
///
/// It never slows down who logs. It may lag by as many records as are
/// [kept](crate::Builder::breadcrumbs); then it is told how many it has missed.
///
/// It is an iterator that ends when nothing more is there at the moment, and goes on later;
/// [`next_timeout`](Subscription::next_timeout) waits.
pub struct Subscription {
    breadcrumbs: Arc<Breadcrumbs>,
    filter: Filter,
    next: u64,
    /// Since when the record at `next` is waited for although younger ones are there.
    waits_since: Option<Instant>,
    missed: u64,
}

/// What a [`Subscription`] hands out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Update {
    /// A record that the filter shows, oldest first.
    Record(RecentRecord),
    /// So many records, whether the filter would have shown them or not, were gone before this
    /// subscription came to them.
    Missed(u64),
}

impl Subscription {
    pub(crate) fn new(breadcrumbs: Arc<Breadcrumbs>, filter: Filter) -> Subscription {
        Subscription {
            next: breadcrumbs.ring.tail(),
            breadcrumbs,
            filter,
            waits_since: None,
            missed: 0,
        }
    }

    /// The next update, waited for at most that long. Not for a thread that has to stay
    /// responsive.
    pub fn next_timeout(&mut self, timeout: Duration) -> Option<Update> {
        let deadline = Instant::now() + timeout.min(LONGEST);
        loop {
            if let Some(update) = self.next() {
                return Some(update);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            std::thread::sleep(LOOK_EVERY.min(left));
        }
    }

    pub(super) fn next_at(&mut self, now: Instant) -> Option<Update> {
        let mut slot = Slot::new();
        loop {
            let tail = self.breadcrumbs.ring.tail();
            if self.breadcrumbs.is_refused() {
                // What the user does not allow to be kept was not missed either.
                (self.next, self.waits_since, self.missed) = (tail, None, 0);
                return None;
            }
            // What was cleared away was not missed. And a damaged file was begun anew.
            self.next = self.next.min(tail).max(self.breadcrumbs.ring.cleared());
            let oldest = self.breadcrumbs.ring.oldest(tail);
            if self.next < oldest {
                self.miss(oldest - self.next);
            }
            if self.next >= tail {
                return self.tell_missed();
            }
            match self.breadcrumbs.ring.read(self.next, &mut slot) {
                Found::Whole => {}
                Found::Gone => {
                    self.miss(1);
                    continue;
                }
                Found::Pending if self.is_patient(now) => return self.tell_missed(),
                Found::Pending => {
                    self.miss(1);
                    continue;
                }
            }
            // The order counts: what is missing came before the record.
            if let Some(missed) = self.tell_missed() {
                return Some(missed);
            }
            let record = self.breadcrumbs.recent_record(self.next, &mut slot);
            (self.next, self.waits_since) = (self.next + 1, None);
            match record {
                Some(record) if self.filter.shows(&record) => return Some(Update::Record(record)),
                Some(_) => {}
                None => self.missed += 1,
            }
        }
    }

    fn is_patient(&mut self, now: Instant) -> bool {
        let since = *self.waits_since.get_or_insert(now);
        now.saturating_duration_since(since) < PATIENCE
    }

    fn miss(&mut self, count: u64) {
        self.missed += count;
        (self.next, self.waits_since) = (self.next + count, None);
    }

    fn tell_missed(&mut self) -> Option<Update> {
        let missed = std::mem::take(&mut self.missed);
        (missed > 0).then_some(Update::Missed(missed))
    }
}

impl Iterator for Subscription {
    type Item = Update;

    fn next(&mut self) -> Option<Update> {
        self.next_at(Instant::now())
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}
