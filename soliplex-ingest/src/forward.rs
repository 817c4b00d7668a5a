//! From the spool to the upstream: what waits is lent, posted, and confirmed once it was taken.
//!
//! | the upstream answers | what becomes of the batches |
//! |---|---|
//! | 2xx | confirmed |
//! | 2xx with partial success | confirmed; the request is kept as a dead letter that says how many were refused |
//! | 429, 502, 503, 504, no answer | kept; tried again after `Retry-After` (up to an hour), else after 1, 2, 4 … 60 s with jitter |
//! | 401, 403, 404, 3xx | kept; tried again every minute with the token read anew: a setting is wrong, not a record |
//! | 413 | split until it fits; a single record that does not fit becomes a dead letter |
//! | 400, 422, other 4xx | split to find the record that is refused; that one becomes a dead letter |
//! | 500 and other 5xx | a dead letter: OTLP forbids sending it again unasked; the next request waits 1, 2, 4 … 60 s |
//!
//! Nothing durable is given up for its age. While the upstream fails, one request of one batch
//! probes it; when it takes one, all permitted requests run again. An upstream that answers
//! everything with 500, or refuses every record, so costs one batch a probe, and readiness says so;
//! the batches behind it wait.
//!
//! A process killed between the upstream's answer and the next commit sends those requests once
//! more under the same ids. A batch that is sent in parts is confirmed when its last part is
//! settled: a kill before that, or a disk that does not take the parts that are left, repeats the
//! parts that were taken. Where the answer was a refusal, the dead letter that a killed process had
//! written stays, though the batch is sent once more; if it is taken then, sending that letter again
//! repeats it. No other road forwards twice.
//!
//! A batch that the disk does not give back is kept for three attempts, the store opened anew
//! before each, and then left where it is, counted as `unreadable`; the next start tries it again.

mod deliver;
mod outcome;
mod pace;
mod parts;
mod upstream;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use outcome::{Cause, Outcome, Said};
pub use upstream::{Upstream, UpstreamError};

use crate::config::ForwardConfig;
use crate::dead_letters::DeadLetters;
use crate::metrics::Metrics;
use crate::otlp::Window;
use crate::spool::Spool;
use deliver::{End, Unread};
use pace::Pacer;

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
    unread: Unread,
    window: Window,
    in_flight: usize,
    request_bytes: usize,
    request_records: usize,
    linger: Duration,
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
            unread: Unread::default(),
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

    /// Whether batches are to be compressed before they are kept.
    pub(crate) fn takes_gzip(&self) -> bool {
        self.upstream.takes_gzip()
    }

    /// How many dead letters are on disk; zero where that cannot be told.
    pub async fn dead_letters(&self) -> u64 {
        let letters = Arc::clone(&self.dead_letters);
        tokio::task::spawn_blocking(move || letters.count().unwrap_or(0))
            .await
            .unwrap_or(0)
    }

    /// Forwards until `stop` turns true; then goes on while the upstream takes what is left, and
    /// returns at the first failure or when nothing is left.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut requests = JoinSet::new();
        let mut pacer = Pacer::new(Instant::now());
        loop {
            let allowed = if pacer.is_failing() {
                1
            } else {
                self.in_flight
            };
            while requests.len() < allowed && Instant::now() >= pacer.not_before() {
                let loans = if pacer.is_failing() {
                    // A probe risks one batch: an upstream that refuses everything for good costs
                    // no more.
                    self.spool.peek(1, 1)
                } else {
                    self.spool.peek(self.request_records, self.request_bytes)
                };
                if loans.is_empty() {
                    break;
                }
                let (this, epoch) = (Arc::clone(&self), pacer.epoch());
                requests.spawn(async move { (epoch, this.deliver(loans).await) });
            }
            let stopping = *stop.borrow();
            if stopping && requests.is_empty() && (pacer.is_failing() || !self.spool.has_ready()) {
                return;
            }
            let idle = !self.spool.has_ready();
            tokio::select! {
                Some(ended) = requests.join_next(), if !requests.is_empty() => {
                    // A panic in one request costs that request; its batches are lent again after a
                    // restart.
                    let (epoch, end) = ended.unwrap_or((pacer.epoch(), End::PANIC));
                    if let Some(state) = pacer.note(Instant::now(), epoch, &end.pace) {
                        self.tell(state);
                    }
                    self.spool.release(&end.back);
                }
                () = self.spool.arrived(), if idle => {
                    if !stopping && self.spool.ready_bytes() < self.request_bytes as u64 {
                        pacer.linger(Instant::now() + self.linger);
                    }
                }
                () = tokio::time::sleep_until(pacer.not_before()), if !idle && requests.len() < allowed => {}
                changed = stop.changed(), if !stopping => {
                    // A sender that is gone asks for the same thing.
                    if changed.is_err() { return; }
                    pacer.hurry(Instant::now());
                }
            }
        }
    }

    /// Keeps the state for readiness, and says what changed.
    fn tell(&self, state: ForwardState) {
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
    }
}

#[cfg(test)]
mod tests;
