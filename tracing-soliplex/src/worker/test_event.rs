//! A test event that is looked for among what leaves the spool.

use tokio::time::Instant;

use super::Worker;
use super::host::Ready;
use super::send::Hand;
use crate::command::{Consent, Flush, TestEvent, TestOutcome};
use crate::diagnostics::State;

/// A test event whose fate is waited for.
pub(super) struct PendingTest {
    event: TestEvent,
    outcome: Option<TestOutcome>,
}

impl Worker {
    /// Has everything up to the test event delivered at once.
    pub(super) fn begin_test(&mut self, event: TestEvent) {
        let deadline = event.deadline;
        self.tests.push(PendingTest {
            event,
            outcome: None,
        });
        self.begin_flush(
            Flush {
                deadline,
                reply: Box::new(drop),
            },
            false,
        );
    }

    /// Looks for test events among records that have met their fate.
    pub(super) fn find_tests(&mut self, hand: &Hand) {
        let context = hand.facts.context();
        for pending in &mut self.tests {
            let event = &pending.event;
            let is_it = |seq| context == Some(event.context) && seq == event.seq;
            let records = &hand.peeked.records;
            let Some(place) = records.iter().position(|record| is_it(record.seq)) else {
                continue;
            };
            let letter = hand.fates.dead.iter().find(|(record, _)| *record == place);
            pending.outcome = Some(match letter {
                None => TestOutcome::Delivered,
                Some((_, reason)) => TestOutcome::Rejected {
                    reason: reason.clone(),
                },
            });
        }
    }

    /// Says what became of the test events of which that is known, and of those that are no longer
    /// waited for. To be called before the flushes are answered.
    pub(super) fn answer_tests(&mut self) {
        let now = Instant::now();
        let in_vain = self.is_in_vain(now);
        let ended = |pending: &PendingTest| {
            let event = &pending.event;
            let is_stored = self.intake.has_reached(event.end);
            pending.outcome.is_some() || (in_vain && is_stored) || now >= event.deadline
        };
        let ended: Vec<PendingTest> = self.tests.extract_if(.., |test| ended(test)).collect();
        for PendingTest { event, outcome } in ended {
            (event.reply)(outcome.unwrap_or_else(|| self.still_waiting()));
        }
    }

    /// The worker ends, and nobody will know what became of them.
    pub(super) fn give_up_tests(&mut self) {
        for PendingTest { event, outcome } in std::mem::take(&mut self.tests) {
            (event.reply)(outcome.unwrap_or_else(|| self.still_waiting()));
        }
    }

    fn why_disabled(&self) -> &'static str {
        match self.settings.consent {
            Consent::Pending => "nothing is sent before the user has given consent",
            Consent::Denied => "nothing is sent: the user has withdrawn consent",
            Consent::Granted if !self.enabled => "nothing is sent: delivery is switched off",
            Consent::Granted if self.suspended => "nothing is sent while the files are let go of",
            Consent::Granted => "nothing is sent: there is no endpoint",
        }
    }

    fn still_waiting(&self) -> TestOutcome {
        let state = self.state();
        let reason = match (self.host.last(), state) {
            (_, State::Disabled) => self.why_disabled(),
            (Ready::Offline, _) => "there is no network",
            (Ready::Nobody, _) => "nobody is logged in: there is no token",
            (Ready::NoToken, _) => "what was given as a token cannot be one",
            (Ready::Yes(_), State::Active) => "there was no answer in time",
            (Ready::Yes(_), _) => {
                let error = self.diagnostics.stats().last_error;
                let reason = error.unwrap_or_else(|| "the server could not be reached".to_owned());
                return TestOutcome::Waiting { state, reason };
            }
        };
        TestOutcome::Waiting {
            state,
            reason: reason.to_owned(),
        }
    }
}
