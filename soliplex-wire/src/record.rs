//! One record: what happened, when, where, and to whom.

use std::fmt;

use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};
use uuid::Uuid;

use crate::{Attributes, Breadcrumb, Severity, SpanId, TraceId};

mod borrowed;
mod instant;
mod parse;

pub use borrowed::LogRecordRef;
pub use parse::{BadRecord, RecordError};

/// The names of a record's fields on the wire.
pub(crate) mod field {
    pub(crate) const ID: &str = "id";
    pub(crate) const SEQ: &str = "seq";
    pub(crate) const TIMESTAMP: &str = "timestamp";
    pub(crate) const LEVEL: &str = "level";
    pub(crate) const LOGGER: &str = "logger";
    pub(crate) const MESSAGE: &str = "message";
    pub(crate) const ATTRIBUTES: &str = "attributes";
    pub(crate) const DROPPED_ATTRIBUTES_COUNT: &str = "droppedAttributesCount";
    pub(crate) const ERROR: &str = "error";
    pub(crate) const STACK_TRACE: &str = "stackTrace";
    pub(crate) const TRACE_ID: &str = "traceId";
    pub(crate) const SPAN_ID: &str = "spanId";
    pub(crate) const INSTALL_ID: &str = "installId";
    pub(crate) const SESSION_ID: &str = "sessionId";
    pub(crate) const USER_ID: &str = "userId";
    pub(crate) const ACTIVE_RUN: &str = "activeRun";
    pub(crate) const THREAD_ID: &str = "threadId";
    pub(crate) const RUN_ID: &str = "runId";
    pub(crate) const BREADCRUMBS: &str = "breadcrumbs";
    pub(crate) const CATEGORY: &str = "category";

    /// The prefix under which a field that is none of these is kept as an attribute.
    pub(crate) const EXTRA: &str = "extra.";
}

/// One record, owned and sanitized.
///
/// Every field may be absent; a record is whole when it says what its writer knew.
///
/// `Debug` shows which record it is and how large, never what it says.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct LogRecord {
    /// The record's own id, a UUIDv7 from our client. Sending twice under one id is harmless.
    pub id: Option<Uuid>,
    /// The record's place in its session, from 1. A gap is a loss.
    pub seq: Option<u64>,
    /// When it happened, by the device's clock.
    pub timestamp: Option<Timestamp>,
    /// How bad it is.
    pub severity: Severity,
    /// The level as it was sent, when it is none of ours.
    pub severity_text: Option<String>,
    /// Which part of the application tells: the `target` of a tracing event.
    pub logger: String,
    /// What happened.
    pub message: String,
    /// What is known about it.
    pub attributes: Attributes,
    /// The error it is about, its sources included.
    pub error: Option<String>,
    /// Where that error came from.
    pub stack_trace: Option<String>,
    /// The trace it belongs to, when a tracing layer made one.
    pub trace_id: Option<TraceId>,
    /// The span it happened in, when a tracing layer made one.
    pub span_id: Option<SpanId>,
    /// The installation, for as long as it lives.
    pub install_id: Option<String>,
    /// The run of the application.
    pub session_id: Option<String>,
    /// Who was logged in when it happened.
    pub user_id: Option<String>,
    /// The agent run in whose course it happened.
    pub active_run: Option<ActiveRun>,
    /// What led up to it, oldest first; only on errors.
    pub breadcrumbs: Vec<Breadcrumb>,
}

/// The agent run an application was in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActiveRun {
    /// The conversation.
    pub thread_id: Option<String>,
    /// The run within it.
    pub run_id: Option<String>,
}

impl fmt::Debug for LogRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogRecord")
            .field("id", &self.id)
            .field("seq", &self.seq)
            .field("severity", &self.severity)
            .field("logger", &self.logger)
            .field("message_bytes", &self.message.len())
            .field("attributes", &self.attributes)
            .finish_non_exhaustive()
    }
}

impl LogRecord {
    /// The record's size on the wire, in bytes of JSON.
    pub fn encoded_len(&self) -> usize {
        crate::encode::encoded_len(self)
    }
}

impl Serialize for LogRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = Fields(serializer.serialize_map(None)?);
        map.optional(field::ID, &self.id)?;
        map.optional(field::SEQ, &self.seq)?;
        map.optional(field::TIMESTAMP, &self.timestamp)?;
        match (&self.severity_text, self.severity) {
            (Some(text), Severity::Unspecified) => map.0.serialize_entry(field::LEVEL, text)?,
            (None, Severity::Unspecified) => {}
            (_, severity) => map.0.serialize_entry(field::LEVEL, severity.level())?,
        }
        map.0.serialize_entry(field::LOGGER, &self.logger)?;
        map.0.serialize_entry(field::MESSAGE, &self.message)?;
        if !self.attributes.is_empty() {
            map.0.serialize_entry(field::ATTRIBUTES, &self.attributes)?;
        }
        if self.attributes.dropped() > 0 {
            map.0
                .serialize_entry(field::DROPPED_ATTRIBUTES_COUNT, &self.attributes.dropped())?;
        }
        map.optional(field::ERROR, &self.error)?;
        map.optional(field::STACK_TRACE, &self.stack_trace)?;
        map.optional(field::TRACE_ID, &self.trace_id.map(|id| id.to_string()))?;
        map.optional(field::SPAN_ID, &self.span_id.map(|id| id.to_string()))?;
        map.optional(field::INSTALL_ID, &self.install_id)?;
        map.optional(field::SESSION_ID, &self.session_id)?;
        map.optional(field::USER_ID, &self.user_id)?;
        map.optional(field::ACTIVE_RUN, &self.active_run)?;
        if !self.breadcrumbs.is_empty() {
            map.0
                .serialize_entry(field::BREADCRUMBS, &self.breadcrumbs)?;
        }
        map.0.end()
    }
}

impl Serialize for ActiveRun {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = Fields(serializer.serialize_map(None)?);
        map.optional(field::THREAD_ID, &self.thread_id)?;
        map.optional(field::RUN_ID, &self.run_id)?;
        map.0.end()
    }
}

/// A map being written, from which absent fields are left out.
struct Fields<M>(M);

impl<M: SerializeMap> Fields<M> {
    fn optional<T: Serialize>(&mut self, name: &str, value: &Option<T>) -> Result<(), M::Error> {
        match value {
            Some(value) => self.0.serialize_entry(name, value),
            None => Ok(()),
        }
    }
}
