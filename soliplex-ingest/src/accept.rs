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
use jiff::Timestamp;
use soliplex_wire::{Answer, BadRecord, EnvelopeRef, LogRecordRef, Rejected, Severity, Uuid};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::auth::{Authenticator, Identity};
use crate::body;
use crate::config::Limits;
use crate::error::{IngestError, RATE_LIMIT};
use crate::forward::{Forwarder, Outcome, Upstream};
use crate::metrics::{Metrics, Reason};
use crate::otlp::{self, Arrival, Window, packed};
use crate::rate_limit::{Cost, RateLimits, Remaining};
use crate::spool::{Batch, Facts, Spool};
use to_the_end::ToTheEnd;

mod to_the_end;

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
    /// Whether batches are kept as the upstream takes them, compressed.
    fn keeps_gzip(&self) -> bool {
        match self {
            Delivery::Spool { forwarder, .. } => forwarder.takes_gzip(),
            Delivery::Passthrough { .. } => false,
        }
    }

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
    let (batch, verdict, remaining) = app.read(&body, &identity)?;
    // What was read has served; while the disk is waited for, the encoded bytes are enough.
    drop((body, room));
    // A client that hangs up cancels its handler. A batch that is half kept and not counted would
    // be worse than one that nobody waits for, so from here on the work is the server's own.
    let kept = Arc::clone(&app).keep_and_count(batch, verdict, slot);
    let answer = ToTheEnd::new(kept).await?;
    Ok(respond(&answer, remaining))
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
struct Judged<'a> {
    /// The envelope without the records that repeat another.
    envelope: EnvelopeRef<'a>,
    ids: Vec<Uuid>,
    records: usize,
    urgent: bool,
    verdict: Verdict,
}

/// What there is to say of a batch once its good records are kept.
struct Verdict {
    /// Good records that repeat an id of the same batch.
    repeated: u64,
    /// Records that are wrong, by their place in the batch.
    bad: Vec<(usize, BadRecord)>,
    without_session: u64,
    /// Records whose claimed user is not the session's.
    mismatches: u64,
    redactions: u64,
}

fn judge<'a>(mut envelope: EnvelopeRef<'a>, identity: &Identity) -> Judged<'a> {
    let read = envelope.records.iter().enumerate();
    let bad: Vec<_> = read
        .filter_map(|(index, record)| Some((index, *record.as_ref().err()?)))
        .collect();
    let before = envelope.records.len();
    let ids = keep_first_of_each_id(&mut envelope.records);
    let user = identity.user.as_deref();
    let receipt = envelope.receipt.as_ref();
    let mut verdict = Verdict {
        repeated: (before - envelope.records.len()) as u64,
        bad,
        without_session: 0,
        mismatches: 0,
        redactions: receipt.map_or(0, |receipt| {
            let counts = receipt.redactions.values();
            counts.fold(0, |sum, count| sum.saturating_add(*count))
        }),
    };
    let (mut records, mut urgent) = (0, false);
    for record in envelope.records.iter_mut().flatten() {
        let _ = record.truncate();
        records += 1;
        urgent |= record.severity >= Severity::Error;
        verdict.without_session += u64::from(record.session_id.is_none());
        let is_strange =
            matches!((&record.user_id, user), (Some(claimed), Some(user)) if claimed != user);
        verdict.mismatches += u64::from(is_strange);
    }
    Judged {
        envelope,
        ids,
        records,
        urgent,
        verdict,
    }
}

/// Leaves out the records that repeat an id; gives the ids that are left.
fn keep_first_of_each_id(records: &mut Vec<Result<LogRecordRef<'_>, BadRecord>>) -> Vec<Uuid> {
    let ids: Vec<Uuid> = ids(records).collect();
    let mut sorted = ids.clone();
    // Our client's ids are in order already, which sorting sees at once.
    sorted.sort_unstable();
    if sorted.is_sorted_by(|one, next| one < next) {
        return ids;
    }
    let mut seen = HashSet::with_capacity(ids.len());
    records.retain(|record| match record {
        Ok(record) => record.id.is_none_or(|id| seen.insert(id)),
        Err(_) => true,
    });
    self::ids(records).collect()
}

fn ids(records: &[Result<LogRecordRef<'_>, BadRecord>]) -> impl Iterator<Item = Uuid> {
    records.iter().flatten().filter_map(|record| record.id)
}

impl Judged<'_> {
    fn arrival<'s>(
        &'s self,
        received_at: Timestamp,
        identity: &'s Identity,
        logfire: bool,
    ) -> Arrival<'s> {
        let receipt = self.envelope.receipt.as_ref();
        Arrival {
            received_at,
            sent_at: self.envelope.sent_at,
            user: identity.user.as_deref(),
            session: identity.session.as_deref(),
            issuer: identity.issuer.as_deref(),
            rules: receipt.map(|receipt| receipt.rules.as_str()),
            logfire,
        }
    }

    /// Appends the good records as OTLP.
    fn encode(&self, out: &mut Vec<u8>, arrival: &Arrival<'_>) -> Facts {
        let good = self.envelope.records.iter().flatten();
        otlp::encode(out, &self.envelope.resource, good, arrival)
    }
}

impl Verdict {
    fn answer(&self, kept: Kept) -> Answer {
        let rejected = self.bad.iter().map(|(index, record)| Rejected {
            index: Some(*index),
            id: record.id,
            reason: record.error.to_string(),
        });
        Answer {
            accepted: kept.records,
            duplicates: kept.duplicates + self.repeated,
            rejected: rejected.collect(),
        }
    }
}

impl App {
    /// From a body to what is kept of it, if its quotas allow.
    fn read(
        &self,
        body: &[u8],
        identity: &Identity,
    ) -> Result<(Batch, Verdict, Option<Remaining>), IngestError> {
        self.metrics.body(body.len() as u64);
        let received_at = Timestamp::now();
        let judged = judge(EnvelopeRef::parse(body)?, identity);
        let cost = Cost {
            records: judged.records,
            bytes: body.len(),
            urgent: judged.urgent,
        };
        let remaining = self.rates.charge(identity, cost)?;
        let arrival = judged.arrival(received_at, identity, self.logfire);
        let (request, facts) = if self.delivery.keeps_gzip() {
            packed::pack_written(|out| judged.encode(out, &arrival))
        } else {
            // Bytes of OTLP are some more than those of the JSON they come from.
            let mut request = Vec::with_capacity(body.len() + body.len() / 2);
            let facts = judged.encode(&mut request, &arrival);
            (request, facts)
        };
        let batch = Batch {
            request,
            facts,
            ids: judged.ids,
        };
        Ok((batch, judged.verdict, remaining))
    }

    /// Keeps and counts a batch.
    async fn keep_and_count(
        self: Arc<Self>,
        batch: Batch,
        verdict: Verdict,
        _slot: OwnedSemaphorePermit,
    ) -> Result<Answer, IngestError> {
        let answer = verdict.answer(self.keep(batch).await?);
        self.count(&verdict, &answer);
        Ok(answer)
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

    fn count(&self, verdict: &Verdict, answer: &Answer) {
        let bad = verdict.bad.iter();
        bad.for_each(|(_, record)| self.metrics.rejected(&record.error));
        let all = answer.accepted + answer.duplicates + verdict.bad.len() as u64;
        self.metrics
            .received(all, answer.accepted, answer.duplicates);
        self.metrics
            .strange_identities(verdict.without_session, verdict.mismatches);
        self.metrics.redactions(verdict.redactions);
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
