//! From the spool to the server: when to send, what to send, what came of it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::host::Ready;
use super::{Settings, Worker};
use crate::batch;
use crate::command::Consent;
use crate::delivery::{InHand, Pace, Verdict};
use crate::diagnostics::{Diagnostic, DiscardReason, State};
use crate::exporter::http::Endpoint;
use crate::exporter::{Export, ExportOutcome, Exporting, Token};
use crate::queue::Position;
use crate::session::Facts;
use crate::spool::{Cursor, DeadLetter, Peeked, Spool};

/// Errors are sent at once, but not oftener than this: an error in a loop is no reason to storm.
const URGENT_EVERY: Duration = Duration::from_secs(1);

/// The name under which the spool keeps the pace of delivery, behind a checksum of the endpoint: of
/// another one it says nothing.
const PACE: &str = "pace";

/// A batch between peek and confirm.
pub(super) struct Hand {
    pub(super) peeked: Peeked,
    pub(super) facts: Facts,
    pub(super) fates: InHand,
}

/// A request between question and answer.
pub(super) struct Flight {
    pub(super) answer: Exporting,
    token: Option<Token>,
}

impl Worker {
    pub(super) fn state(&self) -> State {
        match self.host.last() {
            _ if !self.may_send() => State::Disabled,
            Ready::Offline => State::Offline,
            Ready::NoToken | Ready::Nobody => State::Parked,
            Ready::Yes(_) => self.pace.state(),
        }
    }

    pub(super) fn may_send(&self) -> bool {
        self.enabled
            && !self.suspended
            && self.exporter.is_some()
            && self.settings.consent == Consent::Granted
    }

    /// Sends the next request, if it is time for one.
    pub(super) fn depart(&mut self) {
        let now = Instant::now();
        self.look_for_occasion(now);
        let waits = self.pace.wait_until(now).is_some() || self.store_retry.is_some();
        if self.flying.is_some() || self.to_send == 0 || waits || !self.may_send() {
            return;
        }
        let Ready::Yes(token) = self.host.ask(now) else {
            return;
        };
        if !self.pace.admits(token.as_ref(), now) || !self.take_in_hand() {
            return;
        }
        let (Some(hand), Some(exporter)) = (&self.hand, &self.exporter) else {
            return;
        };
        let Some(range) = hand.fates.next() else {
            // Every record has met its fate, but the store failed to say so.
            return self.confirm();
        };
        let body = batch::body(
            &hand.facts,
            &hand.peeked.records,
            range,
            self.clock.now(),
            self.receipts.pending(),
        );
        self.diagnostics.exports.fetch_add(1, Ordering::Relaxed);
        let answer = exporter.export(Export {
            body,
            token: token.clone(),
        });
        self.flying = Some(Flight { answer, token });
    }

    /// Remembers where the queue ended when an error was noticed. To be called before the queue is
    /// read: the error was pushed before it was noticed, so what is read then has it.
    pub(super) fn notice_errors(&mut self) {
        if self.wake.take_urgent() {
            self.urgent = Some(self.queue.end());
        }
    }

    /// Delivery is due every so often, and soon after an error has been stored. What is waiting
    /// then is sent batch after batch.
    pub(super) fn look_for_occasion(&mut self, now: Instant) {
        let rested = self
            .last_urgent
            .is_none_or(|last| now.duration_since(last) >= URGENT_EVERY);
        let stored = |end: &mut Position| self.intake.has_reached(*end);
        let urgent = rested && self.urgent.take_if(stored).is_some();
        if urgent {
            self.last_urgent = Some(now);
        }
        if urgent || now >= self.due {
            self.due = now + self.settings.flush_interval;
            let untold = self.spool.untold().len() as u64;
            let waiting = self.spool.stats().records() + untold;
            self.to_send = self.to_send.max(waiting);
        }
    }

    /// Has a batch in hand, peeking one if need be; `false` when there is none.
    pub(super) fn take_in_hand(&mut self) -> bool {
        self.let_go_of_what_went();
        if self.hand.is_some() {
            return true;
        }
        self.tell_losses();
        match self.spool.peek(Cursor::default(), batch::PEEK) {
            Ok(Some(peeked)) => {
                let facts = batch::facts(&peeked.facts, &self.settings.service_name);
                let ids = batch::ids(&peeked.records);
                let unreadable: Vec<usize> = (0..ids.len())
                    .filter(|place| ids[*place].is_none())
                    .collect();
                let fates = InHand::without(ids.len(), &unreadable).with_ids(ids);
                self.hand = Some(Hand {
                    peeked,
                    facts,
                    fates,
                });
                true
            }
            Ok(None) => {
                self.to_send = 0;
                false
            }
            Err(error) => {
                self.store_failed(&error);
                false
            }
        }
    }

    /// Sends nothing again that was told as lost since it was peeked.
    fn let_go_of_what_went(&mut self) {
        // What has met its fate is not sent, but confirmed.
        let waits = |hand: &mut Hand| hand.fates.next().is_some();
        if let Some(hand) = self.hand.take_if(waits)
            // Where that cannot be told, it is peeked again; the server knows the ids.
            && self.spool.has_all(&hand.peeked.handle).unwrap_or(false)
        {
            self.hand = Some(hand);
        }
    }

    /// An answer has come.
    pub(super) fn arrive(&mut self, outcome: ExportOutcome) {
        let now = Instant::now();
        let token = self.flying.take().and_then(|flight| flight.token);
        let Some(hand) = &mut self.hand else { return };
        let before = self.pace.state();
        match hand.fates.settle(outcome) {
            Verdict::Split => self.confirm(),
            Verdict::Next => {
                self.pace.succeeded();
                self.receipts.sent();
                if before != State::Active {
                    self.diagnostics.report(&Diagnostic::Recovered);
                }
                if self.pace_is_kept {
                    self.remember_pace();
                }
                self.confirm();
            }
            Verdict::Later { retry_after, error } => {
                self.pace.failed(now, retry_after);
                self.diagnostics.failures.fetch_add(1, Ordering::Relaxed);
                self.diagnostics.report(&Diagnostic::ExportFailed { error });
                self.remember_pace();
            }
            Verdict::Unauthorized { error } => {
                self.pace.unauthorized(now, token);
                self.remember_pace();
                self.parked(before, error);
            }
            Verdict::Misplaced { error } => {
                self.pace.misplaced(now);
                self.remember_pace();
                self.parked(before, error);
            }
        }
        self.publish();
    }

    /// Reported when it begins, not each time it is found to go on.
    pub(super) fn parked(&self, before: State, error: String) {
        self.diagnostics.failures.fetch_add(1, Ordering::Relaxed);
        if before != State::Parked {
            self.diagnostics.report(&Diagnostic::Parked { error });
        }
    }

    /// A device that is restarted while the server is down, or wants nothing of it, does not start
    /// over at a second. What cannot be stored is no loss: it would only be tried a little sooner.
    pub(super) fn remember_pace(&mut self) {
        let pace = self.pace.to_bytes(Instant::now(), self.clock.unix_nanos());
        let kept = [&self.settings.checksum()[..], &pace].concat();
        if self.spool.put_meta(PACE, &kept).is_ok() {
            self.pace_is_kept = self.pace.state() != State::Active;
        }
    }

    /// When every record in hand has met its fate, they leave the spool.
    pub(super) fn confirm(&mut self) {
        let Some(hand) = self.hand.take() else { return };
        if hand.fates.next().is_some() {
            self.hand = Some(hand);
            return;
        }
        let dead: Vec<DeadLetter<'_>> = hand
            .fates
            .dead
            .iter()
            .map(|(record, reason)| DeadLetter {
                record: *record,
                reason,
            })
            .collect();
        let confirmed = self
            .spool
            .confirm(&hand.peeked.handle, &dead, hand.fates.unnamed);
        match confirmed {
            Ok(confirmed) => {
                // What was evicted while in hand has been counted there.
                let refused = confirmed.refused + confirmed.unnamed;
                self.diagnostics
                    .delivered
                    .fetch_add(confirmed.delivered(), Ordering::Relaxed);
                self.diagnostics
                    .duplicates
                    .fetch_add(hand.fates.duplicates, Ordering::Relaxed);
                self.diagnostics.count(DiscardReason::Rejected, refused);
                self.find_tests(&hand);
                self.store_failing = false;
                // What left has made room on a full disk.
                self.disk_full_until = None;
                self.left += confirmed.records;
                self.to_send = self.to_send.saturating_sub(confirmed.records.max(1));
            }
            // Kept in hand, and confirmed again when the store is back: it may have been done.
            Err(error) => {
                self.store_failed(&error);
                self.hand = Some(hand);
            }
        }
    }
}

impl Settings {
    fn checksum(&self) -> [u8; 4] {
        let endpoint = self.endpoint.as_ref().map_or("", Endpoint::as_str);
        crc32fast::hash(endpoint.as_bytes()).to_le_bytes()
    }

    /// Goes on at the pace of an earlier start, if the spool has kept it; whether it has.
    pub(super) fn resume(&self, pace: &mut Pace, spool: &mut Spool, unix_nanos: i64) -> bool {
        let kept = spool.meta(PACE).ok().flatten().unwrap_or_default();
        let Some((of, Ok(bytes))) = kept
            .split_first_chunk()
            .map(|(of, bytes)| (of, bytes.try_into()))
        else {
            return false;
        };
        let is_of_this = *of == self.checksum();
        if is_of_this {
            pace.resume(bytes, Instant::now(), unix_nanos);
        }
        is_of_this
    }
}
