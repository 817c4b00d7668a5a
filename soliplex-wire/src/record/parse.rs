//! Reading a record: either spelling of each field, one clear reason when it cannot be read.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::{ActiveRun, LogRecord, field};
use crate::limits::{MAX_BREADCRUMBS, MAX_ID_BYTES, MAX_LOGGER_BYTES};
use crate::truncate::cut_text;
use crate::{AnyValue, Breadcrumb, Category, Severity};

/// Why a record was not accepted. Never holds any part of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordError {
    /// The record is not a JSON object, or holds text or a number JSON does not allow.
    NotAnObject,
    /// A field holds a value of another kind.
    WrongType {
        /// The field, in the wire's own spelling.
        field: &'static str,
        /// What belongs there.
        expected: &'static str,
    },
    /// An id is longer than [`MAX_ID_BYTES`].
    IdTooLong {
        /// The field, in the wire's own spelling.
        field: &'static str,
    },
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecordError::NotAnObject => f.write_str("expected a JSON object"),
            RecordError::WrongType { field, expected } => write!(f, "{field}: expected {expected}"),
            RecordError::IdTooLong { field } => {
                write!(f, "{field}: expected at most {MAX_ID_BYTES} bytes")
            }
        }
    }
}

impl std::error::Error for RecordError {}

impl LogRecord {
    /// Reads one record from its JSON text.
    ///
    /// # Errors
    ///
    /// [`RecordError`] says which field is wrong and what belongs there. Fields that are absent,
    /// `null`, unknown or only badly formed (a timestamp that is no RFC 3339 instant, a trace id
    /// that is no id) are no errors: the first two are absent, an unknown field and a strange
    /// timestamp are kept as attributes under `extra.`, and a strange trace or span id is left out,
    /// as OTLP asks.
    pub fn parse(json: &str) -> Result<LogRecord, RecordError> {
        let Parsed(record) = serde_json::from_str(json).map_err(|_| RecordError::NotAnObject)?;
        record
    }
}

/// What a record's text says, or the first thing wrong with it.
struct Parsed(Result<LogRecord, RecordError>);

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Record;

        impl<'de> Visitor<'de> for Record {
            type Value = Parsed;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a record")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parsed, A::Error> {
                let mut record = LogRecord::default();
                while let Some(name) = map.next_key::<String>()? {
                    let value = map.next_value::<AnyValue>()?;
                    if value == AnyValue::Null {
                        continue;
                    }
                    if let Err(error) = record.set(name, value) {
                        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                        return Ok(Parsed(Err(error)));
                    }
                }
                Ok(Parsed(Ok(record)))
            }
        }

        deserializer.deserialize_map(Record)
    }
}

impl LogRecord {
    fn set(&mut self, name: String, value: AnyValue) -> Result<(), RecordError> {
        match name.as_str() {
            field::ID => self.id = Some(uuid(value)?),
            field::SEQ => self.seq = Some(count(field::SEQ, value)?),
            field::TIMESTAMP => self.set_timestamp(text(field::TIMESTAMP, value)?),
            field::LEVEL => {
                let level = text(field::LEVEL, value)?;
                match Severity::from_level(&level) {
                    Some(severity) => self.severity = severity,
                    None => self.severity_text = Some(level),
                }
            }
            field::LOGGER => {
                self.logger = text(field::LOGGER, value)?;
                cut_text(&mut self.logger, MAX_LOGGER_BYTES);
            }
            field::MESSAGE => self.message = text(field::MESSAGE, value)?,
            field::ATTRIBUTES => self.set_attributes(value)?,
            field::DROPPED_ATTRIBUTES_COUNT | "dropped_attributes_count" => {
                let dropped = count(field::DROPPED_ATTRIBUTES_COUNT, value)?;
                self.attributes
                    .count_dropped(u32::try_from(dropped).unwrap_or(u32::MAX));
            }
            field::ERROR => self.error = Some(text(field::ERROR, value)?),
            field::STACK_TRACE | "stack_trace" => {
                self.stack_trace = Some(text(field::STACK_TRACE, value)?);
            }
            field::TRACE_ID | "trace_id" => {
                self.trace_id = text(field::TRACE_ID, value)?.parse().ok();
            }
            field::SPAN_ID | "span_id" => self.span_id = text(field::SPAN_ID, value)?.parse().ok(),
            field::INSTALL_ID | "install_id" => self.install_id = id(field::INSTALL_ID, value)?,
            field::SESSION_ID | "session_id" => self.session_id = id(field::SESSION_ID, value)?,
            field::USER_ID | "user_id" => self.user_id = id(field::USER_ID, value)?,
            field::ACTIVE_RUN | "active_run" => self.active_run = active_run(value)?,
            field::BREADCRUMBS => self.breadcrumbs = breadcrumbs(value)?,
            _ => self
                .attributes
                .insert(format!("{}{name}", field::EXTRA), value),
        }
        Ok(())
    }

    fn set_timestamp(&mut self, text: String) {
        match timestamp(&text) {
            Some(timestamp) => self.timestamp = Some(timestamp),
            None => self
                .attributes
                .insert(format!("{}{}", field::EXTRA, field::TIMESTAMP), text),
        }
    }

    fn set_attributes(&mut self, value: AnyValue) -> Result<(), RecordError> {
        self.attributes.extend(map(field::ATTRIBUTES, value)?);
        Ok(())
    }
}

/// An RFC 3339 instant; without an offset, as Dart prints a local time, it is taken for UTC.
fn timestamp(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| {
        let local: DateTime = text.parse().ok()?;
        local
            .to_zoned(TimeZone::UTC)
            .ok()
            .map(|zoned| zoned.timestamp())
    })
}

fn wrong(field: &'static str, expected: &'static str) -> RecordError {
    RecordError::WrongType { field, expected }
}

fn text(field: &'static str, value: AnyValue) -> Result<String, RecordError> {
    match value {
        AnyValue::String(text) => Ok(text),
        _ => Err(wrong(field, "a string")),
    }
}

/// An id; the empty one is none.
fn id(field: &'static str, value: AnyValue) -> Result<Option<String>, RecordError> {
    let text = text(field, value)?;
    if text.len() > MAX_ID_BYTES {
        return Err(RecordError::IdTooLong { field });
    }
    Ok((!text.is_empty()).then_some(text))
}

fn uuid(value: AnyValue) -> Result<uuid::Uuid, RecordError> {
    text(field::ID, value)?
        .parse()
        .map_err(|_| wrong(field::ID, "a UUID"))
}

fn count(field: &'static str, value: AnyValue) -> Result<u64, RecordError> {
    match value {
        AnyValue::Int(number) => u64::try_from(number).ok(),
        _ => None,
    }
    .ok_or(wrong(field, "a whole number, not negative"))
}

fn map(field: &'static str, value: AnyValue) -> Result<BTreeMap<String, AnyValue>, RecordError> {
    match value {
        AnyValue::Map(values) => Ok(values),
        _ => Err(wrong(field, "an object")),
    }
}

fn active_run(value: AnyValue) -> Result<Option<ActiveRun>, RecordError> {
    let mut run = ActiveRun::default();
    for (name, value) in map(field::ACTIVE_RUN, value)? {
        match name.as_str() {
            field::THREAD_ID | "thread_id" => run.thread_id = id(field::THREAD_ID, value)?,
            field::RUN_ID | "run_id" => run.run_id = id(field::RUN_ID, value)?,
            _ => {}
        }
    }
    Ok((run != ActiveRun::default()).then_some(run))
}

fn breadcrumbs(value: AnyValue) -> Result<Vec<Breadcrumb>, RecordError> {
    let AnyValue::Array(values) = value else {
        return Err(wrong(field::BREADCRUMBS, "an array of objects"));
    };
    let newest = values.len().saturating_sub(MAX_BREADCRUMBS);
    values.into_iter().skip(newest).map(breadcrumb).collect()
}

fn breadcrumb(value: AnyValue) -> Result<Breadcrumb, RecordError> {
    let wrong = || wrong(field::BREADCRUMBS, "an array of objects with string fields");
    let mut breadcrumb = Breadcrumb::default();
    for (name, value) in map(field::BREADCRUMBS, value)? {
        let AnyValue::String(text) = value else {
            return Err(wrong());
        };
        match name.as_str() {
            field::TIMESTAMP => breadcrumb.timestamp = timestamp(&text),
            field::LEVEL => breadcrumb.severity = Severity::from_level(&text).unwrap_or_default(),
            field::LOGGER => breadcrumb.logger = text,
            field::MESSAGE => breadcrumb.message = text,
            field::CATEGORY => breadcrumb.category = Category::from(text.as_str()),
            _ => {}
        }
    }
    Ok(breadcrumb)
}
