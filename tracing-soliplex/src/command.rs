//! What the application asks of the worker, and what it is told.

use std::fmt;

use soliplex_wire::{Envelope, LogRecord};
use tokio::time::Instant;

use crate::diagnostics::{DiscardReason, State, Stats};
use crate::exporter::http::Endpoint;
use crate::queue::Position;

/// What the application asks of the worker.
pub(crate) enum Command {
    /// Deliver what has been logged so far.
    Flush(Flush),
    /// The same, then end; the reply is called when all files are closed.
    Shutdown(Flush, Box<dyn FnOnce() + Send>),
    /// Send, or only store.
    SetEnabled(bool),
    /// What the user allows; called when it is so: where they allow again what they had not, when
    /// all is wiped and another session has begun.
    SetConsent(Consent, Box<dyn FnOnce() + Send>),
    /// Store everything, let go of the files, and rest; the reply says whether that was done.
    Suspend(Box<dyn FnOnce(bool) + Send>),
    /// Take the files again and go on; called when that is done, at once where they are ours.
    Resume(Box<dyn FnOnce() + Send>),
    /// Deliver everything up to a test event, and say what became of it.
    Test(TestEvent),
    /// The token may have changed.
    Changed,
    /// There is a network, or there is none any more.
    Network {
        online: bool,
        /// Whether it is known to have been another before.
        is_another: bool,
    },
    /// Batches go elsewhere from now on.
    SetEndpoint(Endpoint),
    /// Which records the server will never take.
    DeadLetters(Box<dyn FnOnce(Vec<StoredDeadLetter>) + Send>),
}

/// What the user of the device allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consent {
    /// Not asked yet: records are stored and held.
    Pending,
    /// Records are stored and sent.
    #[default]
    Granted,
    /// Nothing is captured, and what was stored is wiped.
    Denied,
}

/// A flush under way.
pub(crate) struct Flush {
    pub(crate) deadline: Instant,
    pub(crate) reply: Box<dyn FnOnce(FlushReport) + Send>,
}

/// What a flush achieved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "a flush that could not deliver everything says so here"]
pub struct FlushReport {
    /// Records the server confirmed while the flush lasted.
    pub delivered: u64,
    /// Records still waiting. They are kept, and sent later.
    pub waiting: u64,
    /// Records given up while the flush lasted, by reason.
    pub discarded: Vec<(DiscardReason, u64)>,
}

impl FlushReport {
    /// Whether nothing is left waiting.
    pub fn is_complete(&self) -> bool {
        self.waiting == 0
    }

    pub(crate) fn between(before: &Stats, after: &Stats) -> FlushReport {
        let earlier = |reason| {
            let known = before.discarded.iter().find(|(known, _)| *known == reason);
            known.map_or(0, |(_, count)| *count)
        };
        let discarded = after
            .discarded
            .iter()
            .map(|(reason, count)| (*reason, count.saturating_sub(earlier(*reason))));
        FlushReport {
            delivered: after.delivered.saturating_sub(before.delivered),
            waiting: after.waiting,
            discarded: discarded.filter(|(_, count)| *count > 0).collect(),
        }
    }
}

impl fmt::Display for FlushReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} delivered, {} waiting", self.delivered, self.waiting)?;
        for (reason, count) in &self.discarded {
            write!(f, ", {count} discarded ({reason})")?;
        }
        Ok(())
    }
}

/// A test event on its way.
pub(crate) struct TestEvent {
    /// The session it belongs to.
    pub(crate) context: u64,
    pub(crate) seq: u64,
    /// The end of the queue behind it.
    pub(crate) end: Position,
    pub(crate) deadline: Instant,
    pub(crate) reply: Box<dyn FnOnce(TestOutcome) + Send>,
}

/// What became of a test event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TestOutcome {
    /// The server has it.
    Delivered,
    /// The server will never take it.
    Rejected {
        /// Why, in the server's words.
        reason: String,
    },
    /// It is kept and will be sent; this is why it has not arrived yet.
    Waiting {
        /// What delivery is doing.
        state: State,
        /// Why, in words.
        reason: String,
    },
    /// It was not captured: the pipeline is switched off, without consent, or without its files, or
    /// its queue is full.
    NotCaptured,
}

/// A record the server will never take as it is, kept on the device for whoever wants to know.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredDeadLetter {
    /// Why the server would not take it.
    pub reason: String,
    /// The record, sanitized as it was sent.
    pub record: LogRecord,
}

impl StoredDeadLetter {
    pub(crate) fn new(reason: String, batch: &[u8]) -> StoredDeadLetter {
        let record = Envelope::parse(batch)
            .ok()
            .and_then(|envelope| envelope.records.into_iter().next().and_then(Result::ok));
        StoredDeadLetter {
            reason,
            record: record.unwrap_or_default(),
        }
    }
}

/// The record's body is for whoever asks for it, not for a log line.
impl fmt::Debug for StoredDeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredDeadLetter")
            .field("reason", &self.reason)
            .field("seq", &self.record.seq)
            .finish_non_exhaustive()
    }
}
