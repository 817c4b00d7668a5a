//! A record as it is read: its texts still stand in the body they came from.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use uuid::Uuid;

use super::{ActiveRun, LogRecord};
use crate::limits::MAX_RECORD_BYTES;
use crate::{AnyValueRef, AttributesRef, Breadcrumb, Severity, SpanId, TraceId, Truncated};

/// A [`LogRecord`] whose texts are borrowed from the body it was read from.
///
/// Reading one costs an allocation for its attributes and no other, unless its texts have escapes
/// or it carries a run or breadcrumbs. The fields are those of [`LogRecord`].
///
/// `Debug` shows which record it is and how large, never what it says.
#[derive(Clone, Default)]
pub struct LogRecordRef<'a> {
    /// The record's own id.
    pub id: Option<Uuid>,
    /// The record's place in its session, from 1.
    pub seq: Option<u64>,
    /// When it happened, by the device's clock.
    pub timestamp: Option<Timestamp>,
    /// The same as it was sent, where it would be written just so.
    pub timestamp_text: Option<Cow<'a, str>>,
    /// How bad it is.
    pub severity: Severity,
    /// The level as it was sent, when it is none of ours.
    pub severity_text: Option<Cow<'a, str>>,
    /// Which part of the application tells.
    pub logger: Cow<'a, str>,
    /// What happened.
    pub message: Cow<'a, str>,
    /// What is known about it.
    pub attributes: AttributesRef<'a>,
    /// The error it is about.
    pub error: Option<Cow<'a, str>>,
    /// Where that error came from.
    pub stack_trace: Option<Cow<'a, str>>,
    /// The trace it belongs to.
    pub trace_id: Option<TraceId>,
    /// The span it happened in.
    pub span_id: Option<SpanId>,
    /// The installation.
    pub install_id: Option<Cow<'a, str>>,
    /// The run of the application.
    pub session_id: Option<Cow<'a, str>>,
    /// Who was logged in when it happened.
    pub user_id: Option<Cow<'a, str>>,
    /// The agent run in whose course it happened.
    pub active_run: Option<ActiveRun>,
    /// What led up to it, oldest first.
    pub breadcrumbs: Vec<Breadcrumb>,
}

impl fmt::Debug for LogRecordRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogRecordRef")
            .field("id", &self.id)
            .field("seq", &self.seq)
            .field("severity", &self.severity)
            .field("logger", &self.logger)
            .field("message_bytes", &self.message.len())
            .field("attributes", &self.attributes)
            .finish_non_exhaustive()
    }
}

impl LogRecordRef<'_> {
    /// The record with texts of its own.
    pub fn into_owned(self) -> LogRecord {
        LogRecord {
            id: self.id,
            seq: self.seq,
            timestamp: self.timestamp,
            severity: self.severity,
            severity_text: self.severity_text.map(Cow::into_owned),
            logger: self.logger.into_owned(),
            message: self.message.into_owned(),
            attributes: self.attributes.into_owned(),
            error: self.error.map(Cow::into_owned),
            stack_trace: self.stack_trace.map(Cow::into_owned),
            trace_id: self.trace_id,
            span_id: self.span_id,
            install_id: self.install_id.map(Cow::into_owned),
            session_id: self.session_id.map(Cow::into_owned),
            user_id: self.user_id.map(Cow::into_owned),
            active_run: self.active_run,
            breadcrumbs: self.breadcrumbs,
        }
    }

    /// Cuts the record until it fits [`MAX_RECORD_BYTES`], as [`LogRecord::truncate`] does.
    pub fn truncate(&mut self) -> Truncated {
        if self.longest() <= MAX_RECORD_BYTES {
            return Truncated::default();
        }
        let mut record = std::mem::take(self).into_owned();
        let cut = record.truncate();
        *self = record.into();
        cut
    }

    /// Bytes of JSON that the record cannot exceed. Cheap, where measuring means writing it.
    fn longest(&self) -> usize {
        let optional = |text: &Option<Cow<'_, str>>| text.as_deref().map_or(0, str::len);
        // Ids of at most 256 bytes, numbers, and the names of the fields.
        let mut texts = self.logger.len()
            + self.message.len()
            + optional(&self.severity_text)
            + optional(&self.error)
            + optional(&self.stack_trace)
            + optional(&self.install_id)
            + optional(&self.session_id)
            + optional(&self.user_id);
        if let Some(run) = &self.active_run {
            texts += [&run.thread_id, &run.run_id]
                .into_iter()
                .flatten()
                .map(String::len)
                .sum::<usize>();
        }
        let mut fixed = FIXED_BYTES;
        for breadcrumb in &self.breadcrumbs {
            texts += breadcrumb.logger.len()
                + breadcrumb.message.len()
                + breadcrumb.category.as_str().len();
            fixed += FIXED_BYTES;
        }
        let attributes: usize = self
            .attributes
            .iter()
            .map(|(key, value)| ESCAPED * key.len() + SCALAR_BYTES + longest(value))
            .sum();
        ESCAPED * texts + fixed + attributes
    }
}

/// Bytes of JSON that a value cannot exceed.
fn longest(value: &AnyValueRef<'_>) -> usize {
    match value {
        AnyValueRef::String(text) => ESCAPED * text.len() + SCALAR_BYTES,
        AnyValueRef::Array(values) => values
            .iter()
            .map(|value| SCALAR_BYTES + longest(value))
            .sum::<usize>(),
        AnyValueRef::Map(map) => map
            .iter()
            .map(|(key, value)| ESCAPED * key.len() + SCALAR_BYTES + longest(value))
            .sum::<usize>(),
        _ => SCALAR_BYTES,
    }
}

/// Bytes of JSON that one byte of text becomes at the most: `\u0000`.
const ESCAPED: usize = 6;

/// More than a number, or than the brackets, quotes, colon and comma around a text.
const SCALAR_BYTES: usize = 32;

/// More than the names of all of a record's fields with their ids, numbers and times.
const FIXED_BYTES: usize = 1024;

impl From<LogRecord> for LogRecordRef<'_> {
    fn from(record: LogRecord) -> Self {
        LogRecordRef {
            id: record.id,
            seq: record.seq,
            timestamp: record.timestamp,
            timestamp_text: None,
            severity: record.severity,
            severity_text: record.severity_text.map(Cow::Owned),
            logger: Cow::Owned(record.logger),
            message: Cow::Owned(record.message),
            attributes: record.attributes.into(),
            error: record.error.map(Cow::Owned),
            stack_trace: record.stack_trace.map(Cow::Owned),
            trace_id: record.trace_id,
            span_id: record.span_id,
            install_id: record.install_id.map(Cow::Owned),
            session_id: record.session_id.map(Cow::Owned),
            user_id: record.user_id.map(Cow::Owned),
            active_run: record.active_run,
            breadcrumbs: record.breadcrumbs,
        }
    }
}
