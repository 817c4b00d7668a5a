//! Reading a record: either spelling of each field, one clear reason when it cannot be read.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use uuid::Uuid;

use super::instant::{is_as_written, timestamp};
use super::{ActiveRun, LogRecord, LogRecordRef, field};
use crate::json::Json;
use crate::limits::{MAX_BREADCRUMBS, MAX_DEPTH, MAX_ID_BYTES, MAX_LOGGER_BYTES};
use crate::truncate::cut_borrowed;
use crate::value::Text;
use crate::{AnyValueRef, Breadcrumb, Category, MapRef, Severity};

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

/// A record of a batch that was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadRecord {
    /// The record's id, where it could be read: before or after what is wrong.
    pub id: Option<Uuid>,
    /// What is wrong.
    pub error: RecordError,
}

impl fmt::Display for BadRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for BadRecord {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl LogRecord {
    /// Reads one record from its JSON text.
    ///
    /// # Errors
    ///
    /// As [`LogRecordRef::parse`].
    pub fn parse(json: &str) -> Result<LogRecord, RecordError> {
        LogRecordRef::parse(json)
            .map(LogRecordRef::into_owned)
            .map_err(|bad| bad.error)
    }
}

impl<'a> LogRecordRef<'a> {
    /// Reads one record from its JSON text.
    ///
    /// # Errors
    ///
    /// [`RecordError`] says which field is wrong and what belongs there. Fields that are absent,
    /// `null`, unknown or only badly formed (a timestamp that is no RFC 3339 instant, a trace id
    /// that is no id) are no errors: the first two are absent, an unknown field and a strange
    /// timestamp are kept as attributes under `extra.`, and a strange trace or span id is left out,
    /// as OTLP asks.
    pub fn parse(json: &'a str) -> Result<LogRecordRef<'a>, BadRecord> {
        let mut record = LogRecordRef::default();
        let mut json = serde_json::Deserializer::from_str(json);
        let read = Reader(&mut record).deserialize(&mut json);
        let read = read.and_then(|read| json.end().map(|()| read));
        match read.unwrap_or(Err(RecordError::NotAnObject)) {
            Ok(()) => Ok(record),
            Err(error) => Err(BadRecord {
                id: record.id,
                error,
            }),
        }
    }
}

/// Says the first thing wrong with a record; its id is read whatever comes of the rest.
struct Reader<'s, 'a>(&'s mut LogRecordRef<'a>);

impl<'de> DeserializeSeed<'de> for Reader<'_, 'de> {
    type Value = Result<(), RecordError>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_, 'de> {
    type Value = Result<(), RecordError>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Reader(record) = self;
        while let Some(Text(name)) = map.next_key()? {
            let value = map.next_value::<AnyValueRef<'de>>()?;
            if matches!(value, AnyValueRef::Null) {
                continue;
            }
            if let Err(error) = record.set(name, value) {
                record.id = id_after(record.id, &mut map)?;
                return Ok(Err(error));
            }
        }
        record.attributes.settle();
        Ok(Ok(()))
    }
}

/// The id of a record that is wrong, sought in the rest of it where it has not come yet.
fn id_after<'de, A: MapAccess<'de>>(
    mut id: Option<Uuid>,
    map: &mut A,
) -> Result<Option<Uuid>, A::Error> {
    while let Some(Text(name)) = map.next_key()? {
        if id.is_none() && name == field::ID {
            id = match map.next_value()? {
                AnyValueRef::String(text) => uuid(&text).ok(),
                _ => None,
            };
        } else {
            map.next_value::<IgnoredAny>()?;
        }
    }
    Ok(id)
}

impl<'a> LogRecordRef<'a> {
    /// Reads a record in which everything is right; `None` where something may not be.
    pub(crate) fn read(&mut self, json: &mut Json<'a>) -> Option<()> {
        json.object(|json, name| {
            if json.is_at_string() {
                return self.set(name, json.string()?).ok();
            }
            match json.value(MAX_DEPTH)? {
                AnyValueRef::Null => Some(()),
                value => self.set(name, value).ok(),
            }
        })?;
        self.attributes.settle();
        Some(())
    }

    /// Sets the field of a name.
    fn set(&mut self, name: Cow<'a, str>, given: impl Given<'a>) -> Result<(), RecordError> {
        match &*name {
            field::ID => self.id = Some(uuid(&given.text(field::ID)?)?),
            field::SEQ => self.seq = Some(count(field::SEQ, given.value())?),
            field::TIMESTAMP => self.set_timestamp(given.text(field::TIMESTAMP)?),
            field::LEVEL => {
                let text = given.text(field::LEVEL)?;
                match Severity::from_level(&text) {
                    Some(severity) => self.severity = severity,
                    None => self.severity_text = Some(text),
                }
            }
            field::LOGGER => {
                self.logger = given.text(field::LOGGER)?;
                cut_borrowed(&mut self.logger, MAX_LOGGER_BYTES);
            }
            field::MESSAGE => self.message = given.text(field::MESSAGE)?,
            field::ATTRIBUTES => {
                let values = map(field::ATTRIBUTES, given.value())?;
                self.attributes.extend(values);
            }
            field::DROPPED_ATTRIBUTES_COUNT | "dropped_attributes_count" => {
                let dropped = count(field::DROPPED_ATTRIBUTES_COUNT, given.value())?;
                self.attributes
                    .count_dropped(u32::try_from(dropped).unwrap_or(u32::MAX));
            }
            field::ERROR => self.error = Some(given.text(field::ERROR)?),
            field::STACK_TRACE | "stack_trace" => {
                self.stack_trace = Some(given.text(field::STACK_TRACE)?);
            }
            field::TRACE_ID | "trace_id" => {
                self.trace_id = given.text(field::TRACE_ID)?.parse().ok();
            }
            field::SPAN_ID | "span_id" => self.span_id = given.text(field::SPAN_ID)?.parse().ok(),
            field::INSTALL_ID | "install_id" => self.install_id = id(field::INSTALL_ID, given)?,
            field::SESSION_ID | "session_id" => self.session_id = id(field::SESSION_ID, given)?,
            field::USER_ID | "user_id" => self.user_id = id(field::USER_ID, given)?,
            field::ACTIVE_RUN | "active_run" => self.active_run = active_run(given.value())?,
            field::BREADCRUMBS => self.breadcrumbs = breadcrumbs(given.value())?,
            _ => self
                .attributes
                .push(Cow::Owned(format!("{}{name}", field::EXTRA)), given.value()),
        }
        Ok(())
    }

    fn set_timestamp(&mut self, text: Cow<'a, str>) {
        match timestamp(&text) {
            Some(timestamp) => {
                self.timestamp = Some(timestamp);
                self.timestamp_text = is_as_written(&text).then_some(text);
            }
            None => self.attributes.push(
                Cow::Owned(format!("{}{}", field::EXTRA, field::TIMESTAMP)),
                AnyValueRef::String(text),
            ),
        }
    }
}

/// What a field is given: a text that was read as one, or a value of any kind but null.
trait Given<'a> {
    /// The text that belongs in `field`.
    fn text(self, field: &'static str) -> Result<Cow<'a, str>, RecordError>;

    fn value(self) -> AnyValueRef<'a>;
}

impl<'a> Given<'a> for Cow<'a, str> {
    fn text(self, _: &'static str) -> Result<Cow<'a, str>, RecordError> {
        Ok(self)
    }

    fn value(self) -> AnyValueRef<'a> {
        AnyValueRef::String(self)
    }
}

impl<'a> Given<'a> for AnyValueRef<'a> {
    fn text(self, field: &'static str) -> Result<Cow<'a, str>, RecordError> {
        match self {
            AnyValueRef::String(text) => Ok(text),
            _ => Err(wrong(field, "a string")),
        }
    }

    fn value(self) -> AnyValueRef<'a> {
        self
    }
}

fn wrong(field: &'static str, expected: &'static str) -> RecordError {
    RecordError::WrongType { field, expected }
}

/// An id; the empty one is none.
fn id<'a>(field: &'static str, given: impl Given<'a>) -> Result<Option<Cow<'a, str>>, RecordError> {
    let text = given.text(field)?;
    if text.len() > MAX_ID_BYTES {
        return Err(RecordError::IdTooLong { field });
    }
    Ok((!text.is_empty()).then_some(text))
}

fn uuid(text: &str) -> Result<Uuid, RecordError> {
    text.parse().map_err(|_| wrong(field::ID, "a UUID"))
}

fn count(field: &'static str, value: AnyValueRef<'_>) -> Result<u64, RecordError> {
    match value {
        AnyValueRef::Int(number) => u64::try_from(number).ok(),
        _ => None,
    }
    .ok_or(wrong(field, "a whole number, not negative"))
}

fn map<'a>(field: &'static str, value: AnyValueRef<'a>) -> Result<MapRef<'a>, RecordError> {
    match value {
        AnyValueRef::Map(values) => Ok(values),
        _ => Err(wrong(field, "an object")),
    }
}

fn active_run(value: AnyValueRef<'_>) -> Result<Option<ActiveRun>, RecordError> {
    let mut run = ActiveRun::default();
    for (name, value) in map(field::ACTIVE_RUN, value)? {
        let id = |field| Ok(id(field, value)?.map(Cow::into_owned));
        match &*name {
            field::THREAD_ID | "thread_id" => run.thread_id = id(field::THREAD_ID)?,
            field::RUN_ID | "run_id" => run.run_id = id(field::RUN_ID)?,
            _ => {}
        }
    }
    Ok((run != ActiveRun::default()).then_some(run))
}

fn breadcrumbs(value: AnyValueRef<'_>) -> Result<Vec<Breadcrumb>, RecordError> {
    let AnyValueRef::Array(values) = value else {
        return Err(wrong(field::BREADCRUMBS, "an array of objects"));
    };
    let newest = values.len().saturating_sub(MAX_BREADCRUMBS);
    values.into_iter().skip(newest).map(breadcrumb).collect()
}

fn breadcrumb(value: AnyValueRef<'_>) -> Result<Breadcrumb, RecordError> {
    let wrong = || wrong(field::BREADCRUMBS, "an array of objects with string fields");
    let mut breadcrumb = Breadcrumb::default();
    for (name, value) in map(field::BREADCRUMBS, value)? {
        let AnyValueRef::String(text) = value else {
            return Err(wrong());
        };
        match &*name {
            field::TIMESTAMP => breadcrumb.timestamp = timestamp(&text),
            field::LEVEL => breadcrumb.severity = Severity::from_level(&text).unwrap_or_default(),
            field::LOGGER => breadcrumb.logger = text.into_owned(),
            field::MESSAGE => breadcrumb.message = text.into_owned(),
            field::CATEGORY => breadcrumb.category = Category::from(&*text),
            _ => {}
        }
    }
    Ok(breadcrumb)
}
