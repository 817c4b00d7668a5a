//! One request's way: read what was lent, post it, and settle what becomes of it.
//!
//! Nothing is counted before it is settled, so that what is released after all is counted once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::Forwarder;
use super::outcome::{Cause, Outcome};
use super::pace::Pace;
use crate::dead_letters::DeadLetter;
use crate::error::Chain;
use crate::metrics::Reason;
use crate::otlp::packed;
use crate::spool::{Loan, StoreError};

/// How a request ended.
pub(super) struct End {
    pub(super) pace: Pace,
    /// Batches to put back, once the pace is noted: put back before, they would be lent again at
    /// once.
    pub(super) back: Vec<u64>,
}

impl End {
    /// Of a request that ended in a defect.
    pub(super) const PANIC: End = End {
        pace: INTERNAL,
        back: Vec::new(),
    };
}

/// Batches that could not be read, and how often that was tried.
#[derive(Debug, Default)]
pub(super) struct Unread(Mutex<BTreeMap<u64, u32>>);

/// A batch that could not be read; without an error when the store does not have it whole.
pub(super) struct NoBatch {
    loan: Loan,
    error: Option<StoreError>,
}

/// A request's body.
enum Outgoing {
    /// An encoded request.
    Plain(Vec<u8>),
    /// The same, compressed.
    Gzip(Vec<u8>),
}

/// What a request comes to; told to the metrics when its batches leave.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) forwarded: u64,
    pub(super) dead: Vec<(Reason, u64)>,
}

impl Forwarder {
    /// Posts lent batches until each is confirmed, dead or given back.
    pub(super) async fn deliver(&self, loans: Vec<Loan>) -> End {
        let mut back = Vec::new();
        let pace = self.deliver_groups(loans, &mut back).await;
        End { pace, back }
    }

    async fn deliver_groups(&self, loans: Vec<Loan>, back: &mut Vec<u64>) -> Pace {
        let mut groups = vec![loans];
        while let Some(group) = groups.pop() {
            let pace = match self.outgoing(&group) {
                Ok(outgoing) => match self.post(outgoing).await {
                    Outcome::TooLarge | Outcome::Refused(..) if group.len() > 1 => {
                        let (left, right) = group.split_at(group.len() / 2);
                        groups.push(right.to_vec());
                        groups.push(left.to_vec());
                        Pace::Go
                    }
                    outcome @ (Outcome::TooLarge | Outcome::Refused(..)) => {
                        self.deliver_in_parts(group[0], outcome, back).await
                    }
                    outcome => self.settle(&group, outcome, back).await,
                },
                Err(missing) => {
                    self.miss(missing).await;
                    back.extend(seqs(&group));
                    INTERNAL
                }
            };
            if pace != Pace::Go {
                back.extend(groups.iter().flatten().map(|loan| loan.seq));
                return pace;
            }
        }
        Pace::Go
    }

    /// One request's body for these batches; all of them or none.
    fn outgoing(&self, group: &[Loan]) -> Result<Outgoing, NoBatch> {
        let now = now_nanos();
        let fits = |loan: &Loan| (self.window).holds(loan.facts.earliest, loan.facts.latest, now);
        if self.upstream.takes_gzip() && group.iter().all(fits) {
            let batches: Vec<_> = group
                .iter()
                .map(|loan| self.read(loan))
                .collect::<Result<_, _>>()?;
            if let Some(body) = packed::gzip(&batches) {
                return Ok(Outgoing::Gzip(body));
            }
        }
        self.join(group).map(Outgoing::Plain)
    }

    async fn post(&self, outgoing: Outgoing) -> Outcome {
        match outgoing {
            Outgoing::Plain(request) => self.upstream.post(request).await,
            Outgoing::Gzip(body) => self.upstream.post_gzip(body).await,
        }
    }

    /// The bytes of one encoded request for these batches, times moved into the window; all of
    /// them or none.
    pub(super) fn join(&self, group: &[Loan]) -> Result<Vec<u8>, NoBatch> {
        let now = now_nanos();
        let bytes = group.iter().map(|loan| loan.facts.bytes as usize).sum();
        let mut request = Vec::with_capacity(bytes);
        for loan in group {
            let batch = packed::unpack(self.read(loan)?).map_err(|_| NoBatch {
                loan: *loan,
                error: None,
            })?;
            if self
                .window
                .holds(loan.facts.earliest, loan.facts.latest, now)
            {
                request.extend_from_slice(&batch);
            } else {
                request.extend(self.window.fit_now(batch));
            }
        }
        Ok(request)
    }

    /// A lent batch as it is kept.
    fn read(&self, loan: &Loan) -> Result<Vec<u8>, NoBatch> {
        let read = self.spool.read(loan.seq);
        let missing = |error| NoBatch { loan: *loan, error };
        let batch = read
            .map_err(|error| missing(Some(error)))?
            .ok_or_else(|| missing(None))?;
        self.unread.forget(loan.seq);
        Ok(batch)
    }

    /// Has the store opened anew, and gives up a batch that is not read even then.
    pub(super) async fn miss(&self, NoBatch { loan, error }: NoBatch) {
        let seq = loan.seq;
        let attempts_over = match &error {
            None => true,
            Some(error) => {
                tracing::error!(error = %Chain(error), seq, "a batch cannot be read");
                // Where the store cannot even be opened, the batch is not what is wrong.
                self.spool.reopen().await.is_ok() && self.unread.count(seq) >= MAX_READS
            }
        };
        if attempts_over {
            tracing::error!(
                seq,
                records = loan.facts.records,
                "a batch is left unread until the next start"
            );
            self.unread.forget(seq);
            self.metrics
                .dead(Reason::Unreadable, loan.facts.records.into());
            self.spool.set_apart(seq);
        }
    }

    /// Ends the loan of a group for an outcome that holds for all of it.
    async fn settle(&self, group: &[Loan], outcome: Outcome, back: &mut Vec<u64>) -> Pace {
        let records: u64 = group.iter().map(|loan| u64::from(loan.facts.records)).sum();
        let mut tally = Tally::default();
        match outcome {
            Outcome::Accepted => {
                tally.forwarded = records;
                self.end(seqs(group), &tally);
                Pace::Go
            }
            Outcome::Partial { .. } | Outcome::Unwanted(..) => {
                // Read a second time: keeping every request for these rare cases would cost its
                // memory always.
                let kept = match self.join(group) {
                    Ok(request) => {
                        let place = (group[0].seq, 0);
                        self.bury(place, &request, records, &outcome, &mut tally)
                            .await
                    }
                    Err(missing) => {
                        self.miss(missing).await;
                        false
                    }
                };
                let partial = matches!(outcome, Outcome::Partial { .. });
                if kept || partial {
                    if !kept {
                        // The upstream has these; sent again, most would arrive twice.
                        tracing::error!(%outcome, "what was refused is known by number only");
                        tally.add(&outcome, records);
                    }
                    self.end(seqs(group), &tally);
                } else {
                    back.extend(seqs(group));
                    return INTERNAL;
                }
                after_refusal(&outcome)
            }
            Outcome::Later { after, cause } => {
                back.extend(seqs(group));
                Pace::Later { after, cause }
            }
            Outcome::Held(cause) => {
                back.extend(seqs(group));
                Pace::Hold { cause }
            }
            // Handled where the group is known to be one batch.
            Outcome::TooLarge | Outcome::Refused(..) => Pace::Go,
        }
    }

    /// Removes what is settled, and counts it.
    pub(super) fn end(&self, seqs: Vec<u64>, tally: &Tally) {
        self.count(tally);
        self.spool.confirm(seqs);
    }

    pub(super) fn count(&self, tally: &Tally) {
        self.metrics.forwarded(tally.forwarded);
        for (reason, records) in &tally.dead {
            self.metrics.dead(*reason, *records);
        }
    }

    /// Keeps a refused request as a dead letter; `false` when the disk did not take it.
    pub(super) async fn bury(
        &self,
        place: (u64, u64),
        request: &[u8],
        records: u64,
        outcome: &Outcome,
        tally: &mut Tally,
    ) -> bool {
        let (rejected, reason) = rejected(outcome, records);
        let letter = DeadLetter::new(place, reason, outcome.told(), rejected, records, request);
        let dead_letters = Arc::clone(&self.dead_letters);
        let kept = tokio::task::spawn_blocking(move || dead_letters.put(&letter)).await;
        match kept {
            Ok(Ok(evicted)) => {
                tracing::warn!(records = rejected, reason = reason.as_str(), %outcome, "the upstream refused records; they are dead letters");
                tally.add(outcome, records);
                self.metrics.dead_letters_evicted(evicted);
                true
            }
            Ok(Err(error)) => {
                tracing::error!(error = %Chain(&error), "a dead letter could not be written");
                false
            }
            Err(_) => false,
        }
    }
}

impl Tally {
    pub(super) fn add(&mut self, outcome: &Outcome, records: u64) {
        let (rejected, reason) = rejected(outcome, records);
        self.forwarded += records - rejected;
        self.dead.push((reason, rejected));
    }
}

impl Unread {
    /// Counts one more attempt.
    fn count(&self, seq: u64) -> u32 {
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let attempts = attempts.entry(seq).or_default();
        *attempts += 1;
        *attempts
    }

    fn forget(&self, seq: u64) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&seq);
    }
}

/// How many of a request's records an outcome refuses for good, and why.
fn rejected(outcome: &Outcome, records: u64) -> (u64, Reason) {
    match outcome {
        Outcome::Partial { rejected, .. } => ((*rejected).min(records), Reason::Partial),
        Outcome::TooLarge => (records, Reason::TooLarge),
        Outcome::Unwanted(..) => (records, Reason::UpstreamError),
        _ => (records, Reason::Refused),
    }
}

/// The pace after a request of which nothing was taken: the next one may fare no better.
pub(super) fn after_refusal(outcome: &Outcome) -> Pace {
    let status = match outcome {
        Outcome::Refused(status, _) | Outcome::Unwanted(status, _) => *status,
        Outcome::TooLarge => 413,
        _ => return Pace::Go,
    };
    Pace::Later {
        after: None,
        cause: Cause::Status(status),
    }
}

fn now_nanos() -> u64 {
    u64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(0)
}

fn seqs(group: &[Loan]) -> Vec<u64> {
    group.iter().map(|loan| loan.seq).collect()
}

/// The pace after a failure of this server's own.
pub(super) const INTERNAL: Pace = Pace::Later {
    after: None,
    cause: Cause::Internal,
};

/// Attempts to read a batch, seconds apart: a hiccup of a network disk passes in that time.
const MAX_READS: u32 = 3;
