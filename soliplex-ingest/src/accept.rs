//! One batch from a client: read it, judge each record, keep what is good, say what became of all.
//!
//! The order is from cheap to dear, and nothing is read for a stranger: address, session, body,
//! batch, quotas, disk. One bad record never fails its batch.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Json;
use axum::extract::{Extension, Request, State};
use axum::http::HeaderValue;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use jiff::Timestamp;
use soliplex_wire::limits::MAX_RECORD_BYTES;
use soliplex_wire::{Answer, Envelope, LogRecord, Rejected, Severity, Uuid};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::auth::{Authenticator, Identity};
use crate::body;
use crate::config::Limits;
use crate::error::{IngestError, RATE_LIMIT};
use crate::forward::{Forwarder, Outcome, Upstream};
use crate::metrics::{Metrics, Reason};
use crate::otlp::{self, Arrival, Window};
use crate::rate_limit::{Cost, RateLimits, Remaining};
use crate::spool::{Batch, Facts, Spool};

/// What every request shares.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) auth: Authenticator,
    pub(crate) rates: RateLimits,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) delivery: Delivery,
    pub(crate) limits: Limits,
    pub(crate) logfire: bool,
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) room: body::Room,
    pub(crate) draining: AtomicBool,
}

/// Where accepted records go.
#[derive(Debug)]
pub(crate) enum Delivery {
    /// To the disk first; the forwarder does the rest.
    Spool {
        spool: Arc<Spool>,
        forwarder: Arc<Forwarder>,
    },
    /// To the upstream, while the client waits.
    Passthrough {
        upstream: Arc<Upstream>,
        window: Window,
    },
}

impl Delivery {
    /// Returns when nothing can be written any more for a defect; never where nothing is written.
    pub(crate) async fn writer_gone(&self) {
        match self {
            Delivery::Spool { spool, .. } => spool.gone().await,
            Delivery::Passthrough { .. } => std::future::pending().await,
        }
    }
}

/// A client's address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// The handler of `POST /api/v1/logs`.
pub(crate) async fn logs(
    State(app): State<Arc<App>>,
    Extension(Peer(peer)): Extension<Peer>,
    request: Request,
) -> Result<Response, IngestError> {
    if app.draining.load(Ordering::Relaxed) {
        return Err(IngestError::Draining);
    }
    app.rates.charge_address(peer.ip())?;
    let (head, body) = request.into_parts();
    let identity = app.auth.verify(&head.headers).await?;
    let room = app
        .room
        .reserve(&head.headers, &body, app.limits.body_bytes)
        .ok_or(IngestError::Busy)?;
    let body = body::read(
        &head.headers,
        body,
        app.limits.body_bytes,
        app.limits.body_timeout,
    )
    .await?;
    let slot = app.slot().await?;
    // A client that hangs up cancels its handler. A batch that is half kept and not counted would
    // be worse than one that nobody waits for, so from here on the work is the server's own.
    match tokio::spawn(Arc::clone(&app).take((body, room), identity, slot)).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(IngestError::Draining),
        },
    }
}

fn respond(answer: &Answer, remaining: Option<Remaining>) -> Response {
    let mut response = Json(answer).into_response();
    if let Some(remaining) = remaining
        && let Ok(value) =
            HeaderValue::try_from(format!("\"{}\";r={}", remaining.policy, remaining.units))
    {
        response.headers_mut().insert(RATE_LIMIT, value);
    }
    response
}

/// What became of the records that were good.
#[derive(Clone, Copy, Default)]
struct Kept {
    records: u64,
    duplicates: u64,
}

/// A batch with each of its records judged.
struct Judged {
    /// What is left of the envelope: everything but its good records.
    envelope: Envelope,
    good: Vec<LogRecord>,
    ids: Vec<Uuid>,
    /// Good records that repeat an id of the same batch.
    repeated: u64,
    rejected: Vec<Rejected>,
    urgent: bool,
}

fn judge(mut envelope: Envelope, oversize: bool) -> Judged {
    let records = std::mem::take(&mut envelope.records);
    let mut judged = Judged {
        envelope,
        good: Vec::with_capacity(records.len()),
        ids: Vec::with_capacity(records.len()),
        repeated: 0,
        rejected: Vec::new(),
        urgent: false,
    };
    let mut ids = HashSet::with_capacity(records.len());
    for (index, record) in records.into_iter().enumerate() {
        match record {
            Err(error) => {
                judged.rejected.push(Rejected {
                    index,
                    id: None,
                    reason: error.to_string(),
                });
                judged.envelope.records.push(Err(error));
            }
            Ok(record) if record.id.is_some_and(|id| !ids.insert(id)) => judged.repeated += 1,
            Ok(mut record) => {
                // Measuring a record costs; a body below one record's limit has none above it.
                if oversize {
                    let _ = record.truncate();
                }
                judged.urgent |= record.severity >= Severity::Error;
                judged.ids.extend(record.id);
                judged.good.push(record);
            }
        }
    }
    judged
}

impl Judged {
    /// The good records as OTLP.
    fn encode(&mut self, received_at: Timestamp, identity: &Identity, logfire: bool) -> Batch {
        let receipt = self.envelope.receipt.as_ref();
        let arrival = Arrival {
            received_at,
            sent_at: self.envelope.sent_at,
            user: identity.user.as_deref(),
            session: identity.session.as_deref(),
            rules: receipt.map(|receipt| receipt.rules.as_str()),
            logfire,
        };
        let (request, facts) = otlp::encode(&self.envelope.resource, &self.good, &arrival);
        // The records have served; while the disk is waited for, their bytes are enough.
        self.good = Vec::new();
        Batch {
            request,
            facts,
            ids: std::mem::take(&mut self.ids),
        }
    }

    fn answer(&mut self, kept: Kept) -> Answer {
        Answer {
            accepted: kept.records,
            duplicates: kept.duplicates + self.repeated,
            rejected: std::mem::take(&mut self.rejected),
        }
    }
}

/// Records whose identity an operator may want to ask about.
#[derive(Clone, Copy)]
struct Strange {
    without_session: u64,
    mismatches: u64,
}

impl Strange {
    fn among(records: &[LogRecord], identity: &Identity) -> Self {
        let count = |strange: &dyn Fn(&LogRecord) -> bool| {
            records.iter().filter(|record| strange(record)).count() as u64
        };
        Strange {
            without_session: count(&|record| record.session_id.is_none()),
            mismatches: count(
                &|record| matches!((&record.user_id, &identity.user), (Some(claimed), Some(user)) if claimed != user),
            ),
        }
    }
}

impl App {
    /// Judges, keeps and counts a batch.
    async fn take(
        self: Arc<Self>,
        (body, room): (Bytes, OwnedSemaphorePermit),
        identity: Identity,
        _slot: OwnedSemaphorePermit,
    ) -> Result<Response, IngestError> {
        self.metrics.body(body.len() as u64);
        let received_at = Timestamp::now();
        let envelope = Envelope::parse(&body)?;
        let mut judged = judge(envelope, body.len() > MAX_RECORD_BYTES);
        let cost = Cost {
            records: judged.good.len(),
            bytes: body.len(),
            urgent: judged.urgent,
        };
        drop((body, room));
        let remaining = self.rates.charge(&identity, cost)?;

        let strange = Strange::among(&judged.good, &identity);
        let batch = judged.encode(received_at, &identity, self.logfire);
        let kept = self.keep(batch).await?;
        let answer = judged.answer(kept);
        self.count(&judged, &answer, strange);
        Ok(respond(&answer, remaining))
    }

    /// Returns once no request is worked on any more.
    pub(crate) async fn until_idle(&self) {
        let all = u32::try_from(self.limits.concurrent_requests).unwrap_or(u32::MAX);
        // Closed by nobody; were it closed, there would be nothing to wait for.
        let _ = self.slots.acquire_many(all).await;
    }

    async fn slot(&self) -> Result<OwnedSemaphorePermit, IngestError> {
        let slot = Arc::clone(&self.slots).acquire_owned();
        match tokio::time::timeout(MAX_WAIT_FOR_SLOT, slot).await {
            Ok(Ok(slot)) => Ok(slot),
            Ok(Err(_)) => Err(IngestError::Draining),
            Err(_) => Err(IngestError::Busy),
        }
    }

    async fn keep(&self, batch: Batch) -> Result<Kept, IngestError> {
        let facts = batch.facts;
        if facts.records == 0 {
            return Ok(Kept::default());
        }
        match &self.delivery {
            Delivery::Spool { spool, .. } => {
                let appended = spool.append(batch).await?;
                Ok(Kept {
                    records: appended.records.into(),
                    duplicates: appended.duplicates.into(),
                })
            }
            Delivery::Passthrough { upstream, window } => {
                let records = u64::from(facts.records);
                let outcome = upstream.post(in_window(batch.request, facts, window)).await;
                let dead = match outcome {
                    Outcome::Accepted => 0,
                    Outcome::Partial { rejected, .. } => rejected.min(records),
                    outcome => return Err(IngestError::Upstream(outcome)),
                };
                self.metrics.forwarded(records - dead);
                self.metrics.dead(Reason::Partial, dead);
                Ok(Kept {
                    records,
                    duplicates: 0,
                })
            }
        }
    }

    fn count(&self, judged: &Judged, answer: &Answer, strange: Strange) {
        let rejected = judged
            .envelope
            .records
            .iter()
            .filter_map(|record| record.as_ref().err());
        let mut all = answer.accepted + answer.duplicates;
        for error in rejected {
            self.metrics.rejected(error);
            all += 1;
        }
        self.metrics
            .received(all, answer.accepted, answer.duplicates);
        self.metrics
            .strange_identities(strange.without_session, strange.mismatches);
        if let Some(receipt) = &judged.envelope.receipt {
            self.metrics.redactions(
                receipt
                    .redactions
                    .values()
                    .fold(0, |sum, count| sum.saturating_add(*count)),
            );
        }
    }
}

fn in_window(bytes: Vec<u8>, facts: Facts, window: &Window) -> Vec<u8> {
    let now = u64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(0);
    if window.holds(facts.earliest, facts.latest, now) {
        return bytes;
    }
    // What was encoded a moment ago can be decoded.
    window.fit(&bytes, now).unwrap_or(bytes)
}

/// How long a request waits for others to finish before it is told to come back.
const MAX_WAIT_FOR_SLOT: Duration = Duration::from_secs(5);
