//! From the queue into the spool, and looking after both: room, age, damage.

use std::error::Error;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::Worker;
use super::send::Hand;
use crate::command::Consent;
use crate::diagnostics::{Diagnostic, DiscardReason};
use crate::queue::Position;
use crate::spool::{AppendError, EvictReason};
use crate::start_marker;
use crate::store;

/// How often age and size are looked after.
const TIDY_EVERY: Duration = Duration::from_secs(10);

/// How long a failing store is left alone before it is tried again.
pub(super) const STORE_RETRY: Duration = Duration::from_secs(1);

impl Worker {
    pub(super) fn take_in(&mut self) {
        let now = Instant::now();
        let rests = [self.store_retry, self.disk_full_until];
        if rests.into_iter().flatten().any(|retry| retry > now) {
            return;
        }
        if self.diagnostics.take_unsanitized_stack() {
            self.diagnostics.report(&Diagnostic::UnsanitizedStack);
        }
        let moved = match self.settings.consent {
            // A thread that had begun to log before consent was withdrawn ends after the wipe.
            Consent::Denied => self.intake.run_denied(&mut self.spool),
            Consent::Granted | Consent::Pending => self.intake.run(&mut self.spool),
        };
        self.moved = matches!(moved, Ok(1..));
        self.stored(moved);
    }

    /// Takes note of how an attempt to store something went.
    pub(super) fn stored(&mut self, moved: Result<u64, AppendError>) {
        let now = Instant::now();
        match moved {
            Ok(moved) => {
                (self.store_retry, self.disk_full_until) = (None, None);
                if moved > 0 {
                    self.store_failing = false;
                    self.last_record = now;
                }
            }
            Err(AppendError::Full) => self.make_room(),
            Err(error @ AppendError::DiskFull) => {
                self.disk_full_until = Some(now + STORE_RETRY);
                self.report_store(&error);
            }
            Err(error) => self.store_failed(&error),
        }
        self.publish();
    }

    /// Does what threads that log have left for us: puts what is owed into the queue, and has
    /// breadcrumbs belong to the session that began.
    pub(super) fn pay(&self) {
        if let Some(capture) = self.capture.upgrade() {
            start_marker::pay(&capture);
            self.breadcrumbs.follow(|| capture.session.session_id());
        }
    }

    /// Takes in until everything before `end` is in the spool, or the spool takes no more.
    pub(super) fn drain_through(&mut self, end: Position) {
        while !self.intake.has_reached(end) {
            // Room that was made is progress too: once may not be enough for what is to be stored.
            let before = (self.intake.progress(), self.left);
            self.take_in();
            if (self.intake.progress(), self.left) == before {
                break;
            }
        }
    }

    /// The spool is at its bound: what is worth least goes, be it stored or to be stored.
    pub(super) fn make_room(&mut self) {
        if self.evict() == Some(0) {
            self.intake.discard_lowest(DiscardReason::SpoolFull);
        }
    }

    /// Evicts what is due; returns how many records went, or nothing when the store failed.
    pub(super) fn evict(&mut self) -> Option<u64> {
        let is_settled = |hand: &Hand| hand.fates.next().is_none();
        if self.hand.as_ref().is_some_and(is_settled) {
            // All of it was answered for, and only its confirmation failed.
            self.confirm();
            if self.hand.is_some() {
                return None;
            }
        }
        let is_on_its_way = self.flying.is_some();
        let may_have_arrived = |hand: &&Hand| is_on_its_way || hand.fates.may_have_arrived();
        let spared = self.hand.as_ref().filter(may_have_arrived);
        self.spool.keep(spared.map(|hand| &hand.peeked.handle));
        let now = self.calendar.trusted(self.clock.moment());
        let evictions = match self.spool.evict(now) {
            Ok(evictions) => evictions,
            Err(error) => {
                self.store_failed(&error);
                return None;
            }
        };
        let mut evicted = 0;
        for eviction in evictions {
            let reason = match eviction.reason {
                EvictReason::Bytes => DiscardReason::SpoolFull,
                EvictReason::Age => DiscardReason::Expired,
            };
            self.diagnostics.count(reason, eviction.records);
            evicted += eviction.records;
        }
        self.left += evicted;
        Some(evicted)
    }

    pub(super) fn tidy(&mut self) {
        let now = Instant::now();
        if now.duration_since(self.last_tidy) < TIDY_EVERY {
            return;
        }
        self.last_tidy = now;
        self.evict();
        if self.hand.is_none()
            && let Err(error) = self.spool.compact_if_worth()
        {
            self.store_failed(&error);
        }
        self.publish();
    }

    /// Counts what the disk took from the store, in the same moment in which it no longer waits.
    pub(super) fn count_lost(&mut self) {
        let losses = self.spool.take_losses();
        self.diagnostics
            .count(DiscardReason::SpoolDamaged, losses.unreadable_records);
        self.left += losses.unreadable_records;
        if let Some(aside) = losses.set_aside {
            self.left += store::report(&aside, &self.diagnostics);
        }
    }

    /// Leaves the store alone for a while. Its failure is reported once, not at each attempt.
    pub(super) fn store_failed(&mut self, error: &dyn Error) {
        self.store_retry = Some(Instant::now() + STORE_RETRY);
        self.report_store(error);
    }

    fn report_store(&mut self, error: &dyn Error) {
        if std::mem::replace(&mut self.store_failing, true) {
            return;
        }
        let error = store::chain(error);
        self.diagnostics
            .report(&Diagnostic::StoreUnavailable { error });
    }

    pub(super) fn publish(&mut self) {
        self.count_lost();
        // What stands in for a spool that was let go of says nothing of what waits there.
        if !self.suspended {
            let records = self.spool.stats().records();
            self.diagnostics.spooled.store(records, Ordering::Relaxed);
            if self.store.path.is_some() {
                self.intake.session().run.note_stored(records);
            }
        }
        self.diagnostics.set_state(self.state());
        for (reason, count) in self.diagnostics.take_unreported() {
            self.diagnostics
                .report(&Diagnostic::Discarded { reason, count });
        }
    }
}
