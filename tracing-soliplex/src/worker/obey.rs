//! What the application asks for: a flush, an end, a change of mind.

use tokio::time::Instant;

use super::Worker;
use crate::batch;
use crate::command::{Command, Consent, Flush, FlushReport, StoredDeadLetter};
use crate::diagnostics::{DiscardReason, State, Stats};
use crate::session::Facts;
use crate::spool::StoredRecord;

/// A flush that is waited for.
pub(super) struct PendingFlush {
    pub(super) flush: Flush,
    /// How far [`Worker::left`] has to come.
    goal: u64,
    before: Stats,
}

impl Worker {
    pub(super) fn obey(&mut self, command: Command) {
        let now = Instant::now();
        match command {
            Command::Flush(flush) => self.begin_flush(flush),
            Command::Shutdown(flush, reply) => {
                self.begin_flush(flush);
                self.stopping = Some(reply);
            }
            Command::SetEnabled(enabled) => self.enabled = enabled,
            Command::SetConsent(consent) => {
                self.settings.consent = consent;
                if consent == Consent::Denied {
                    self.wipe();
                }
            }
            Command::Suspend(reply) => reply(self.suspend()),
            Command::Resume => self.resume(),
            Command::Changed => {
                self.pace.changed(now);
                self.due = now;
            }
            Command::DeadLetters(reply) => reply(self.dead_letters()),
        }
    }

    /// Consent is withdrawn: what is on its way is called back, what is stored is deleted.
    pub(super) fn wipe(&mut self) {
        (self.flying, self.hand, self.to_send) = (None, None, 0);
        while self.intake.discard_queued(DiscardReason::Denied) {}
        let records = self.spool.stats().records();
        match self.spool.wipe() {
            Ok(()) => {
                self.discarded(DiscardReason::Denied, records, None);
                self.left += records;
            }
            Err(error) => self.store_failed(&error),
        }
        self.publish();
    }

    pub(super) fn dead_letters(&mut self) -> Vec<StoredDeadLetter> {
        let letters = self.spool.dead_letters().unwrap_or_default();
        letters
            .into_iter()
            .map(|letter| {
                let facts = Facts::default();
                let record = StoredRecord {
                    seq: letter.seq,
                    payload: letter.payload,
                };
                let body = batch::body(&facts, &[record], 0..1, self.clock.now(), None);
                StoredDeadLetter::new(letter.reason, &body)
            })
            .collect()
    }

    /// The barrier: everything that is in the queue now is in the spool before the wait begins.
    pub(super) fn begin_flush(&mut self, flush: Flush) {
        let before = self.diagnostics.stats();
        if !self.suspended {
            self.drain_through(self.queue.end());
        }
        let waiting = self.spool.stats().records();
        self.to_send = waiting;
        self.pace.hurry(Instant::now());
        self.flushes.push(PendingFlush {
            flush,
            goal: self.left + waiting,
            before,
        });
    }

    /// Answers the flushes that have come to an end: all delivered, too late, or in vain.
    pub(super) fn answer_flushes(&mut self) {
        let now = Instant::now();
        let in_vain = match self.state() {
            State::Disabled | State::Offline => true,
            // A token or an answer may still be under way.
            State::Parked => self.flying.is_none() && self.pace.wait_until(now).is_some(),
            State::Active | State::BackingOff => false,
        };
        let waiting_for_login = self.flying.is_none()
            && self
                .settings
                .token_provider
                .as_ref()
                .is_some_and(|provider| provider().is_none());
        let left = self.left;
        let ended = |pending: &PendingFlush| {
            left >= pending.goal || now >= pending.flush.deadline || in_vain || waiting_for_login
        };
        if self.flushes.is_empty() {
            return;
        }
        self.publish();
        let stats = self.diagnostics.stats();
        for pending in self.flushes.extract_if(.., |pending| ended(pending)) {
            (pending.flush.reply)(FlushReport::between(&pending.before, &stats));
        }
    }
}
