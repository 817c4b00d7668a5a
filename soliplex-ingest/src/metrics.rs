//! The server's own counters, as Prometheus reads them.
//!
//! They add up: what was received is what was forwarded, a duplicate, rejected, dead or still
//! pending,
//!
//! ```text
//! received + recovered = forwarded + duplicates + rejected + dead + pending
//! ```
//!
//! where `recovered` is what waited on disk when this process started. A record counts as received
//! when its request is answered with 200; a refused request is counted by status and none of its
//! records here.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use soliplex_wire::RecordError;

use crate::forward::Outcome;
use crate::spool::Pending;

mod account;
mod page;

pub use account::Account;
use page::{Histogram, Page};

/// Why a record ended as a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The upstream refused it for good.
    Refused,
    /// It is too large for the upstream even alone.
    TooLarge,
    /// The upstream failed over it in a way OTLP forbids to try again.
    UpstreamError,
    /// The upstream took the rest of its request and did not say which it left.
    Partial,
    /// This server's disk does not give it back; it is tried again at the next start.
    Unreadable,
}

impl Reason {
    const ALL: [Reason; 5] = [
        Reason::Refused,
        Reason::TooLarge,
        Reason::UpstreamError,
        Reason::Partial,
        Reason::Unreadable,
    ];

    /// The word in counters and dead letters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::Refused => "refused",
            Reason::TooLarge => "too_large",
            Reason::UpstreamError => "upstream_error",
            Reason::Partial => "partial_success",
            Reason::Unreadable => "unreadable",
        }
    }
}

/// Every counter of the server.
#[derive(Debug, Default)]
pub struct Metrics {
    received: AtomicU64,
    accepted: AtomicU64,
    recovered: AtomicU64,
    duplicates: AtomicU64,
    rejected: [AtomicU64; REJECTIONS.len()],
    forwarded: AtomicU64,
    dead: [AtomicU64; Reason::ALL.len()],
    dead_letters_evicted: AtomicU64,
    body_bytes: AtomicU64,
    without_session: AtomicU64,
    user_mismatches: AtomicU64,
    redactions: AtomicU64,
    stores_set_aside: AtomicU64,
    panics: AtomicU64,
    connections_refused: AtomicU64,
    answers: [AtomicU64; STATUSES.len() + 1],
    upstream: [AtomicU64; OUTCOMES.len()],
    answer_latency: Histogram,
    upstream_latency: Histogram,
}

/// What is read where it is kept, when somebody asks.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Gauges {
    /// What waits for the upstream.
    pub pending: Pending,
    /// Dead letters on disk.
    pub dead_letters: u64,
    /// The age of the oldest remembered id: the window of duplicates that is really kept.
    pub oldest_id: Duration,
    /// Ids that had to be forgotten before the configured window was over.
    pub ids_forgotten_early: u64,
    /// The age of the identity provider's keys, the oldest of several issuers'; zero where none are
    /// fetched.
    pub keys_age: Duration,
}

impl Metrics {
    pub(crate) fn recovered(&self, records: u64) {
        add(&self.recovered, records);
    }

    pub(crate) fn store_set_aside(&self) {
        add(&self.stores_set_aside, 1);
    }

    /// Counts the records of an answered request.
    pub(crate) fn received(&self, records: u64, accepted: u64, duplicates: u64) {
        add(&self.received, records);
        add(&self.accepted, accepted);
        add(&self.duplicates, duplicates);
    }

    pub(crate) fn rejected(&self, error: &RecordError) {
        let kind = match error {
            RecordError::NotAnObject => 0,
            RecordError::WrongType { .. } => 1,
            RecordError::IdTooLong { .. } => 2,
            _ => 3,
        };
        add(&self.rejected[kind], 1);
    }

    pub(crate) fn forwarded(&self, records: u64) {
        add(&self.forwarded, records);
    }

    pub(crate) fn dead(&self, reason: Reason, records: u64) {
        add(&self.dead[reason as usize], records);
    }

    pub(crate) fn dead_letters_evicted(&self, letters: u64) {
        add(&self.dead_letters_evicted, letters);
    }

    pub(crate) fn body(&self, bytes: u64) {
        add(&self.body_bytes, bytes);
    }

    pub(crate) fn strange_identities(&self, without_session: u64, mismatches: u64) {
        add(&self.without_session, without_session);
        add(&self.user_mismatches, mismatches);
    }

    pub(crate) fn redactions(&self, count: u64) {
        add(&self.redactions, count);
    }

    pub(crate) fn connection_refused(&self) {
        add(&self.connections_refused, 1);
    }

    pub(crate) fn panicked(&self) {
        add(&self.panics, 1);
    }

    pub(crate) fn answered(&self, status: u16, took: Duration) {
        let at = STATUSES
            .iter()
            .position(|known| *known == status)
            .unwrap_or(STATUSES.len());
        add(&self.answers[at], 1);
        self.answer_latency.observe(took);
    }

    pub(crate) fn upstream_request(&self, outcome: &Outcome, took: Duration) {
        self.upstream_latency.observe(took);
        let at = match outcome {
            Outcome::Accepted => 0,
            Outcome::Partial { .. } => 1,
            Outcome::TooLarge => 2,
            Outcome::Refused(..) => 3,
            Outcome::Unwanted(..) => 4,
            Outcome::Held(_) => 5,
            Outcome::Later { .. } => 6,
        };
        add(&self.upstream[at], 1);
    }

    /// The sums of the conservation law; they balance whenever no request is under way.
    pub fn account(&self, pending: Pending) -> Account {
        Account {
            received: read(&self.received),
            recovered: read(&self.recovered),
            forwarded: read(&self.forwarded),
            duplicates: read(&self.duplicates),
            rejected: self.rejected.iter().map(read).sum(),
            dead: self.dead.iter().map(read).sum(),
            pending: pending.records,
        }
    }

    /// Everything, in Prometheus's text format.
    pub fn render(&self, now: &Gauges) -> String {
        let pending = now.pending;
        let mut page = Page(String::with_capacity(8192));
        page.counter(
            "records_received_total",
            "Records in requests answered with 200.",
            read(&self.received),
        );
        page.counter(
            "records_accepted_total",
            "Records that were new and are kept.",
            read(&self.accepted),
        );
        page.counter(
            "records_recovered_total",
            "Records that waited on disk at the start.",
            read(&self.recovered),
        );
        page.counter(
            "records_duplicate_total",
            "Records that had come before.",
            read(&self.duplicates),
        );
        page.counters(
            "records_rejected_total",
            "Records that cannot be taken as they are.",
            "reason",
            REJECTIONS.iter().copied().zip(&self.rejected),
        );
        page.counter(
            "records_forwarded_total",
            "Records the upstream took.",
            read(&self.forwarded),
        );
        page.counters(
            "records_dead_total",
            "Records the upstream refused for good, or the disk does not give back.",
            "reason",
            Reason::ALL
                .iter()
                .map(|reason| reason.as_str())
                .zip(&self.dead),
        );
        page.gauge(
            "records_pending",
            "Records that wait for the upstream.",
            pending.records,
        );
        page.gauge(
            "batches_pending",
            "Batches that wait for the upstream.",
            pending.batches,
        );
        page.gauge(
            "spool_bytes",
            "Bytes of OTLP that wait for the upstream.",
            pending.bytes,
        );
        page.gauge("dead_letters", "Dead letters on disk.", now.dead_letters);
        page.gauge(
            "dedupe_oldest_id_age_seconds",
            "How far back duplicates are known: the age of the oldest remembered id.",
            now.oldest_id.as_secs(),
        );
        page.gauge(
            "keys_age_seconds",
            "How long ago the identity provider's keys were read, the oldest of several issuers'.",
            now.keys_age.as_secs(),
        );
        page.counter(
            "dead_letters_evicted_total",
            "Dead letters that had to go for newer ones.",
            read(&self.dead_letters_evicted),
        );
        page.counter(
            "body_bytes_total",
            "Bytes of bodies, decompressed.",
            read(&self.body_bytes),
        );
        page.counter(
            "records_without_session_total",
            "Records that named no session.",
            read(&self.without_session),
        );
        page.counter(
            "records_user_mismatch_total",
            "Records that claim another user than their session's.",
            read(&self.user_mismatches),
        );
        page.counter(
            "client_redactions_total",
            "Redactions the clients report.",
            read(&self.redactions),
        );
        page.counter(
            "stores_set_aside_total",
            "Damaged stores set aside.",
            read(&self.stores_set_aside),
        );
        page.counter(
            "dedupe_ids_forgotten_early_total",
            "Record ids forgotten before limits.dedupe_window_seconds, for want of limits.dedupe_ids.",
            now.ids_forgotten_early,
        );
        page.counter(
            "panics_total",
            "Requests that ended in a defect of this server.",
            read(&self.panics),
        );
        page.counter(
            "connections_refused_total",
            "Connections closed because their address had limits.connections_per_address.",
            read(&self.connections_refused),
        );
        let statuses: Vec<String> = STATUSES
            .iter()
            .map(u16::to_string)
            .chain(["other".to_owned()])
            .collect();
        page.counters(
            "answers_total",
            "Answers by status.",
            "status",
            statuses.iter().map(String::as_str).zip(&self.answers),
        );
        page.counters(
            "upstream_requests_total",
            "Requests to the upstream by what became of them.",
            "outcome",
            OUTCOMES.iter().copied().zip(&self.upstream),
        );
        self.answer_latency
            .render(&mut page, "answer_seconds", "How long answers take.");
        self.upstream_latency.render(
            &mut page,
            "upstream_seconds",
            "How long requests to the upstream take.",
        );
        page.0
    }
}

/// Counters carry no other data with them, so no order between them is needed.
fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

const REJECTIONS: [&str; 4] = ["not_an_object", "wrong_type", "id_too_long", "other"];
const OUTCOMES: [&str; 7] = [
    "accepted",
    "partial_success",
    "too_large",
    "refused",
    "upstream_error",
    "held",
    "later",
];
/// Every status there is; the contract's document names the same.
pub(crate) const STATUSES: [u16; 13] = [
    200, 400, 401, 404, 405, 408, 413, 415, 422, 429, 500, 502, 503,
];

#[cfg(test)]
mod tests;
