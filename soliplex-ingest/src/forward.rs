//! From the spool to the upstream: what waits is lent, posted, and confirmed once it was taken.
//!
//! | the upstream answers | what becomes of the batches |
//! |---|---|
//! | 2xx | confirmed |
//! | 2xx with partial success | confirmed; the request is kept as a dead letter that says how many were refused |
//! | 429, 502, 503, 504, no answer | kept; tried again after `Retry-After`, else after 1, 2, 4 … 60 s with jitter |
//! | 401, 403, 404, 3xx | kept; tried again every minute with the token read anew: a setting is wrong, not a record |
//! | 413 | split until it fits; a single record that does not fit becomes a dead letter |
//! | 400, 422, other 4xx | split to find the record that is refused; that one becomes a dead letter |
//! | 500 and other 5xx | a dead letter: OTLP forbids sending it again unasked |
//!
//! Nothing durable is given up for its age. While the upstream fails, one request probes it; when it
//! takes one, all permitted requests run again. A process killed between the upstream's answer and the
//! next commit sends those requests once more under the same ids; no other road forwards twice.

mod outcome;
mod upstream;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use prost::Message as _;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use outcome::{Cause, Outcome};
pub use upstream::{Upstream, UpstreamError};

use crate::config::ForwardConfig;
use crate::dead_letters::{DeadLetter, DeadLetters};
use crate::metrics::{Metrics, Reason};
use crate::otlp::{self, Window};
use crate::spool::{Batch, Facts, Loan, Spool};

/// How the upstream is doing, as readiness tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForwardState {
    /// Requests are taken, or none has been needed yet.
    Flowing,
    /// Requests fail in a way that passes.
    Retrying(Cause),
    /// Requests are refused for a setting: token, endpoint.
    Held(Cause),
}

/// What runs the road to the upstream.
#[derive(Debug)]
pub struct Forwarder {
    spool: Arc<Spool>,
    upstream: Arc<Upstream>,
    dead_letters: Arc<DeadLetters>,
    metrics: Arc<Metrics>,
    state: Mutex<ForwardState>,
    window: Window,
    in_flight: usize,
    request_bytes: usize,
    request_records: usize,
    linger: Duration,
}

/// What the next request has to wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Pace {
    Go,
    Later {
        after: Option<Duration>,
        cause: Cause,
    },
    Hold {
        cause: Cause,
    },
}

impl Forwarder {
    /// A forwarder from `spool` to `upstream`; [`run`](Forwarder::run) starts it.
    pub fn new(
        config: &ForwardConfig,
        spool: Arc<Spool>,
        upstream: Arc<Upstream>,
        dead_letters: Arc<DeadLetters>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Forwarder {
            spool,
            upstream,
            dead_letters,
            metrics,
            state: Mutex::new(ForwardState::Flowing),
            window: Window {
                max_age: config.max_age,
                max_ahead: config.max_ahead,
            },
            in_flight: config.in_flight,
            request_bytes: config.request_bytes,
            request_records: config.request_records,
            linger: config.linger,
        }
    }

    /// How the upstream is doing.
    pub fn state(&self) -> ForwardState {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How many dead letters are on disk.
    pub fn dead_letters(&self) -> u64 {
        self.dead_letters
            .list()
            .map_or(0, |letters| letters.len() as u64)
    }

    /// Forwards until `stop` turns true; then goes on while the upstream takes what is left, and returns
    /// at the first failure or when nothing is left.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut requests = JoinSet::new();
        let mut failures = 0_u32;
        let mut not_before = Instant::now();
        loop {
            let allowed = if failures == 0 { self.in_flight } else { 1 };
            while requests.len() < allowed && Instant::now() >= not_before {
                let loans = self.spool.peek(self.request_records, self.request_bytes);
                if loans.is_empty() {
                    break;
                }
                let this = Arc::clone(&self);
                requests.spawn(async move { this.deliver(loans).await });
            }
            let stopping = *stop.borrow();
            if stopping && requests.is_empty() && (failures > 0 || !self.spool.has_ready()) {
                return;
            }
            let idle = !self.spool.has_ready();
            tokio::select! {
                Some(pace) = requests.join_next(), if !requests.is_empty() => {
                    // A panic in one request costs that request; its batches are lent again after a restart.
                    let pace = pace.unwrap_or(Pace::Later { after: None, cause: Cause::Internal });
                    failures = if pace == Pace::Go { 0 } else { failures.saturating_add(1) };
                    not_before = Instant::now() + self.note(&pace, failures);
                }
                () = self.spool.arrived(), if idle => {
                    if !stopping && self.spool.ready_bytes() < self.request_bytes as u64 {
                        not_before = not_before.max(Instant::now() + self.linger);
                    }
                }
                () = tokio::time::sleep_until(not_before), if !idle && requests.len() < allowed => {}
                changed = stop.changed(), if !stopping => {
                    // A sender that is gone asks for the same thing.
                    if changed.is_err() { return; }
                    if failures == 0 { not_before = Instant::now(); }
                }
            }
        }
    }

    /// Keeps the state for readiness, says what changed, and tells how long to wait.
    fn note(&self, pace: &Pace, failures: u32) -> Duration {
        let (state, wait) = match pace {
            Pace::Go => (ForwardState::Flowing, Duration::ZERO),
            Pace::Later { after, cause } => {
                let wait = after.map_or_else(
                    || outcome::backoff(failures),
                    |after| after.min(MAX_RETRY_AFTER),
                );
                (ForwardState::Retrying(cause.clone()), wait)
            }
            Pace::Hold { cause } => (ForwardState::Held(cause.clone()), HOLD_INTERVAL),
        };
        let mut known = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if *known != state {
            match &state {
                ForwardState::Flowing => tracing::info!("the upstream takes records again"),
                ForwardState::Retrying(cause) => {
                    tracing::warn!(%cause, "the upstream fails; records wait")
                }
                ForwardState::Held(cause) => {
                    tracing::error!(%cause, "the upstream refuses us; check forward.endpoint and forward.token; records wait");
                }
            }
            *known = state;
        }
        wait
    }

    /// Posts lent batches until each is confirmed, dead or released.
    async fn deliver(&self, loans: Vec<Loan>) -> Pace {
        let mut groups = vec![loans];
        while let Some(group) = groups.pop() {
            let outcome = match self.join(&group) {
                Some(request) => self.upstream.post(request).await,
                // Nothing of the group could be read; it stays on disk for an operator to look at.
                None => Outcome::Accepted,
            };
            let pace = match outcome {
                Outcome::TooLarge | Outcome::Refused(_) if group.len() > 1 => {
                    let (left, right) = group.split_at(group.len() / 2);
                    groups.push(right.to_vec());
                    groups.push(left.to_vec());
                    Pace::Go
                }
                Outcome::TooLarge | Outcome::Refused(_) => {
                    self.deliver_in_parts(group[0], outcome).await
                }
                outcome => self.settle(&group, outcome).await,
            };
            if pace != Pace::Go {
                let seqs: Vec<u64> = groups.iter().flatten().map(|loan| loan.seq).collect();
                self.spool.release(&seqs);
                return pace;
            }
        }
        Pace::Go
    }

    /// The bytes of one request for these batches, times moved into the window.
    fn join(&self, group: &[Loan]) -> Option<Vec<u8>> {
        let mut request =
            Vec::with_capacity(group.iter().map(|loan| loan.facts.bytes as usize).sum());
        for loan in group {
            match self.spool.read(loan.seq) {
                Ok(Some(batch)) => request.extend(self.fit(batch, loan.facts)),
                Ok(None) => {}
                Err(error) => tracing::error!(%error, seq = loan.seq, "a batch cannot be read"),
            }
        }
        (!request.is_empty()).then_some(request)
    }

    fn fit(&self, batch: Vec<u8>, facts: Facts) -> Vec<u8> {
        let now = u64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(0);
        if self.window.holds(facts.earliest, facts.latest, now) {
            return batch;
        }
        // What this server encoded it can decode; were it not so, the upstream may still take it.
        self.window.fit(&batch, now).unwrap_or(batch)
    }

    /// Ends the loan of a group for an outcome that holds for all of it.
    async fn settle(&self, group: &[Loan], outcome: Outcome) -> Pace {
        let seqs: Vec<u64> = group.iter().map(|loan| loan.seq).collect();
        let records: u64 = group.iter().map(|loan| u64::from(loan.facts.records)).sum();
        match outcome {
            Outcome::Accepted => {
                self.metrics.forwarded(records);
                self.spool.confirm(seqs);
                Pace::Go
            }
            Outcome::Partial { .. } | Outcome::Unwanted(_) => {
                let request = self.join(group).unwrap_or_default();
                if self
                    .bury((group[0].seq, 0), &request, records, &outcome)
                    .await
                {
                    self.spool.confirm(seqs);
                    Pace::Go
                } else {
                    self.spool.release(&seqs);
                    Pace::Later {
                        after: None,
                        cause: Cause::Internal,
                    }
                }
            }
            Outcome::Later { after, cause } => {
                self.spool.release(&seqs);
                Pace::Later { after, cause }
            }
            Outcome::Held(cause) => {
                self.spool.release(&seqs);
                Pace::Hold { cause }
            }
            // Handled where the group is known to be one batch.
            Outcome::TooLarge | Outcome::Refused(_) => Pace::Go,
        }
    }

    /// Halves a refused batch until every part is taken or is a single record that is not.
    async fn deliver_in_parts(&self, loan: Loan, first: Outcome) -> Pace {
        let Some(whole) = self.join(&[loan]) else {
            self.spool.confirm(vec![loan.seq]);
            return Pace::Go;
        };
        let mut parts = vec![(whole, loan.facts.records, Some(first))];
        let mut refusals = 0;
        let mut buried = 0_u64;
        while let Some((request, records, known)) = parts.pop() {
            let outcome = match known {
                Some(outcome) => outcome,
                None => self.upstream.post(request.clone()).await,
            };
            match outcome {
                Outcome::Accepted => self.metrics.forwarded(records.into()),
                Outcome::TooLarge | Outcome::Refused(_)
                    if records > 1 && refusals < MAX_REFUSALS =>
                {
                    refusals += 1;
                    if let Ok((left, right)) = otlp::halves(&request) {
                        for half in [right, left] {
                            let records = u32::try_from(otlp::count(&half)).unwrap_or(u32::MAX);
                            parts.push((half.encode_to_vec(), records, None));
                        }
                    }
                }
                Outcome::Later { .. } | Outcome::Held(_) => {
                    parts.push((request, records, None));
                    return self.keep_parts(loan.seq, parts, outcome).await;
                }
                outcome => {
                    // A place in the name for each part, so that a repetition overwrites and does not add.
                    if !self
                        .bury((loan.seq, buried), &request, records.into(), &outcome)
                        .await
                    {
                        parts.push((request, records, None));
                        let later = Outcome::Later {
                            after: None,
                            cause: Cause::Internal,
                        };
                        return self.keep_parts(loan.seq, parts, later).await;
                    }
                    buried += 1;
                }
            }
        }
        self.spool.confirm(vec![loan.seq]);
        Pace::Go
    }

    /// Puts the parts that are left in the place of the batch they came from.
    async fn keep_parts(
        &self,
        seq: u64,
        parts: Vec<(Vec<u8>, u32, Option<Outcome>)>,
        outcome: Outcome,
    ) -> Pace {
        let batches = parts
            .into_iter()
            .rev()
            .filter_map(|(request, _, _)| {
                let decoded =
                    otlp::proto::ExportLogsServiceRequest::decode(request.as_slice()).ok()?;
                let facts = Facts::of(&decoded, request.len());
                Some(Batch {
                    request,
                    facts,
                    ids: Vec::new(),
                })
            })
            .collect();
        if self.spool.split(seq, batches).await.is_err() {
            // The whole batch is still there; some of its records go twice, none is lost.
            self.spool.release(&[seq]);
        }
        match outcome {
            Outcome::Later { after, cause } => Pace::Later { after, cause },
            Outcome::Held(cause) => Pace::Hold { cause },
            _ => Pace::Go,
        }
    }

    /// Keeps a refused request as a dead letter; `false` when the disk did not take it.
    async fn bury(
        &self,
        place: (u64, u64),
        request: &[u8],
        records: u64,
        outcome: &Outcome,
    ) -> bool {
        let (rejected, reason) = match outcome {
            Outcome::Partial { rejected, .. } => ((*rejected).min(records), Reason::Partial),
            Outcome::TooLarge => (records, Reason::TooLarge),
            Outcome::Unwanted(_) => (records, Reason::UpstreamError),
            _ => (records, Reason::Refused),
        };
        let letter = DeadLetter::new(
            place,
            reason,
            outcome.to_string(),
            rejected,
            records,
            request,
        );
        let dead_letters = Arc::clone(&self.dead_letters);
        let kept = tokio::task::spawn_blocking(move || dead_letters.put(&letter)).await;
        match kept {
            Ok(Ok(evicted)) => {
                tracing::warn!(records = rejected, reason = reason.as_str(), %outcome, "the upstream refused records; they are dead letters");
                self.metrics.forwarded(records - rejected);
                self.metrics.dead(reason, rejected);
                self.metrics.dead_letters_evicted(evicted);
                true
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "a dead letter could not be written");
                false
            }
            Err(_) => false,
        }
    }
}

/// How often a wrong setting is tried again.
const HOLD_INTERVAL: Duration = Duration::from_secs(60);

/// The longest Retry-After that is believed; a typing error upstream must not stop us for a year.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// Refusals of one batch's parts before the rest is given up as it is: four bad records of a hundred are
/// found one by one, a batch that is bad throughout does not cost two hundred requests.
const MAX_REFUSALS: u32 = 32;
