//! What the application asks for: a flush, an end, a change of mind.

use tokio::time::Instant;

use super::Worker;
use super::host::Ready;
use crate::batch;
use crate::command::{Command, Consent, Flush, FlushReport, StoredDeadLetter};
use crate::diagnostics::{State, Stats};
use crate::queue::Position;
use crate::session::Facts;
use crate::spool::StoredRecord;

/// The most that wait for files which another process has: threads, each with one question.
const MAX_WAITING: usize = 16;

/// A flush that is waited for.
pub(super) struct PendingFlush {
    pub(super) flush: Flush,
    /// The end of the queue when it was asked for.
    end: Position,
    /// How far [`Worker::left`] has to come, known once everything before `end` is stored.
    goal: Option<u64>,
    before: Stats,
    /// Whether the worker ends with it.
    is_last: bool,
}

impl Worker {
    pub(super) fn obey(&mut self, command: Command) {
        let now = Instant::now();
        match command {
            Command::Flush(flush) => self.begin_flush(flush, false),
            Command::Shutdown(flush, reply) => {
                self.begin_flush(flush, true);
                self.stopping.push(reply);
            }
            Command::SetEnabled(enabled) => self.enabled = enabled,
            Command::SetConsent(consent, obeyed) => {
                self.settings.consent = consent;
                if consent == Consent::Denied {
                    self.begin_wipe();
                    obeyed();
                } else {
                    self.on_readmitted = Some(obeyed);
                }
            }
            Command::Suspend(reply) => reply(self.suspend()),
            Command::Resume(resumed) => {
                if self.on_resume.len() == MAX_WAITING {
                    // A host that tries again and again; who asked first has long given up.
                    self.on_resume.pop_front();
                }
                self.on_resume.push_back(resumed);
                self.resume();
            }
            Command::Test(event) => self.begin_test(event),
            Command::Changed => {
                self.pace.changed(now);
                self.host.changed();
                self.due = now;
            }
            Command::Network { online, is_another } => self.network_changed(online, is_another),
            Command::SetEndpoint(endpoint) => self.set_endpoint(endpoint),
            Command::DeadLetters(reply) => reply(self.dead_letters()),
        }
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

    /// A flush begins, perhaps the last: what is in the queue now has to be stored first, and then
    /// delivered.
    pub(super) fn begin_flush(&mut self, flush: Flush, is_last: bool) {
        self.host.changed();
        self.pace.hurry(Instant::now());
        self.flushes.push(PendingFlush {
            flush,
            end: self.queue.end(),
            goal: None,
            before: self.diagnostics.stats(),
            is_last,
        });
    }

    /// Looks after the flushes: sets a goal for those whose records are stored by now.
    pub(super) fn aim_flushes(&mut self) {
        let is_aimed = |pending: &PendingFlush| pending.goal.is_some();
        if !self.suspended && !self.flushes.iter().all(is_aimed) {
            self.tell_losses();
        }
        self.count_lost();
        let waiting = self.spool.stats().records();
        let goal = self.left + waiting;
        for pending in &mut self.flushes {
            if pending.goal.is_none() && (self.suspended || self.intake.has_reached(pending.end)) {
                pending.goal = Some(goal);
                self.to_send = waiting;
            }
        }
    }

    /// Whether nothing can be delivered until something changes.
    pub(super) fn is_in_vain(&self, now: Instant) -> bool {
        let is_stopped = match self.state() {
            State::Disabled | State::Offline => true,
            // A token or an answer may still be under way.
            State::Parked => self.flying.is_none() && self.pace.wait_until(now).is_some(),
            State::Active | State::BackingOff => false,
        };
        is_stopped || matches!(self.host.last(), Ready::Nobody | Ready::NoToken)
    }

    /// Answers the flushes that have come to an end: all delivered, too late, or in vain.
    pub(super) fn answer_flushes(&mut self) {
        if self.flushes.is_empty() {
            return;
        }
        let now = Instant::now();
        let in_vain = self.is_in_vain(now);
        let left = self.left;
        let ended = |pending: &PendingFlush| {
            let stored = |goal| left >= goal || in_vain;
            pending.goal.is_some_and(stored) || now >= pending.flush.deadline
        };
        let ended: Vec<PendingFlush> = self.flushes.extract_if(.., |it| ended(it)).collect();
        self.is_over |= ended.iter().any(|pending| pending.is_last);
        self.report_to(ended);
    }

    /// Answers whoever still waits for a flush or a test event, as the worker is about to end.
    pub(super) fn answer_everybody(&mut self) {
        self.give_up_tests();
        let waiting = std::mem::take(&mut self.flushes);
        self.report_to(waiting);
    }

    fn report_to(&mut self, flushes: Vec<PendingFlush>) {
        if flushes.is_empty() {
            return;
        }
        self.publish();
        let stats = self.diagnostics.stats();
        for pending in flushes {
            (pending.flush.reply)(FlushReport::between(&pending.before, &stats));
        }
    }
}
