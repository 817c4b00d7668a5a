//! Writing a record once, straight into bytes.
//!
//! An application's thread writes the [`Members`] of a record: everything that is known there and
//! then. Whoever sends it writes the [`Head`] in front: ids and times, which are kept as numbers
//! until then. Joined they are the same JSON that [`LogRecord`] serializes to.
//!
//! ```
//! use soliplex_wire::{LogRecord, Severity, encode::{Head, Members}};
//!
//! let mut members = Vec::new();
//! let mut writer = Members::begin(&mut members, Severity::Info, "auth");
//! writer.attribute("attempt", 2_i64);
//! writer.attribute("method", "card");
//! writer.message("signed in");
//! writer.end();
//!
//! let mut json = Vec::new();
//! Head { seq: Some(7), session_id: Some("s-1"), ..Head::default() }.join(&members, &mut json);
//!
//! let record = LogRecord::parse(std::str::from_utf8(&json).unwrap()).unwrap();
//! assert_eq!(record.seq, Some(7));
//! assert_eq!(record.attributes.get("attempt"), Some(&2_i64.into()));
//! ```

use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::record::field;
use crate::{ActiveRun, Attributes, Batch, LogRecord, Receipt, Severity, SpanId, TraceId};

/// Appends `value` as JSON.
pub fn json(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    // A Vec takes every write, and our values have no way to refuse: keys are text, numbers finite.
    let _ = serde_json::to_writer(out, value);
}

/// Appends `text` as a JSON string. Most text needs no escape; what does goes the general way.
fn text(out: &mut Vec<u8>, text: &str) {
    if !is_plain(text.as_bytes()) {
        return json(out, text);
    }
    out.reserve(text.len() + 2);
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// Whether JSON writes these bytes as they are: RFC 8259, section 7. Looks at eight at a time.
fn is_plain(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    // A space, which needs no escape, fills up the last word.
    let mut last = [b' '; 8];
    last[..rest.len()].copy_from_slice(rest);
    let words = words.iter().chain(std::iter::once(&last));
    words.fold(0, |found, word| found | escaped(u64::from_le_bytes(*word))) == 0
}

/// Marks the high bit of at least one byte if any is a control character, a quote or a backslash,
/// and none otherwise (Bit Twiddling Hacks, "Determine if a word has a byte less than n").
const fn escaped(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let control = word.wrapping_sub(ONES * b' ' as u64) & !word;
    let quote = quote.wrapping_sub(ONES) & !quote;
    let backslash = backslash.wrapping_sub(ONES) & !backslash;
    (control | quote | backslash) & HIGHS
}

fn integer(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Bytes of `value` as JSON.
pub(crate) fn encoded_len(value: &(impl Serialize + ?Sized)) -> usize {
    struct Count(usize);

    impl Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut count = Count(0);
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}

/// The value of an attribute, borrowed: what a field of an event can hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Text.
    Str(&'a str),
    /// True or false.
    Bool(bool),
    /// A whole number.
    I64(i64),
    /// A whole number; beyond `i64` it is written as text.
    U64(u64),
    /// A number with a fraction; infinite and NaN are written as text.
    F64(f64),
    /// A value that is JSON already.
    Json(&'a [u8]),
}

macro_rules! value_from {
    ($($type:ty => $variant:ident),*) => {$(
        impl<'a> From<$type> for Value<'a> {
            fn from(value: $type) -> Self {
                Value::$variant(value)
            }
        }
    )*};
}

value_from!(&'a str => Str, bool => Bool, i64 => I64, u64 => U64, f64 => F64);

impl Value<'_> {
    /// Appends the value as JSON, in the shape [`AnyValue`](crate::AnyValue) reads back.
    pub fn write(self, out: &mut Vec<u8>) {
        match self {
            Value::Str(value) => text(out, value),
            Value::Bool(true) => out.extend_from_slice(b"true"),
            Value::Bool(false) => out.extend_from_slice(b"false"),
            Value::I64(number) => integer(out, number),
            Value::U64(number) if i64::try_from(number).is_ok() => integer(out, number),
            Value::U64(number) => json(out, &number.to_string()),
            Value::F64(number) if number.is_finite() => json(out, &number),
            Value::F64(number) => json(out, &number.to_string()),
            Value::Json(bytes) => out.extend_from_slice(bytes),
        }
    }
}

/// The members of a record that are known where it happens, being written.
///
/// Attributes come first, then the rest in any order; a record without attributes never opens their
/// object.
#[derive(Debug)]
#[must_use = "a record is whole only after `end`"]
pub struct Members<'a> {
    out: &'a mut Vec<u8>,
    attributes: Place,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Before,
    Inside,
    After,
}

impl<'a> Members<'a> {
    /// Appends level and logger to `out`.
    pub fn begin(out: &'a mut Vec<u8>, severity: Severity, logger: &str) -> Self {
        let mut members = Members {
            out,
            attributes: Place::Before,
        };
        if severity != Severity::Unspecified {
            members.member(field::LEVEL);
            text(members.out, severity.level());
            members.out.push(b',');
        }
        members.member(field::LOGGER);
        text(members.out, logger);
        members
    }

    /// Appends an attribute. The caller sees to it that each key comes once.
    pub fn attribute<'v>(&mut self, key: &str, value: impl Into<Value<'v>>) {
        debug_assert_ne!(
            self.attributes,
            Place::After,
            "attributes come before all else"
        );
        self.out.push(b',');
        if self.attributes == Place::Before {
            self.member(field::ATTRIBUTES);
            self.out.push(b'{');
            self.attributes = Place::Inside;
        }
        text(self.out, key);
        self.out.push(b':');
        value.into().write(self.out);
    }

    /// Says how many attributes were left out.
    pub fn dropped_attributes(&mut self, count: u32) {
        self.after_attributes(field::DROPPED_ATTRIBUTES_COUNT, &count);
    }

    /// Appends the message.
    pub fn message(&mut self, message: &str) {
        self.text_member(field::MESSAGE, message);
    }

    /// Appends the error, its sources included.
    pub fn error(&mut self, error: &str) {
        self.text_member(field::ERROR, error);
    }

    /// Appends the stack trace.
    pub fn stack_trace(&mut self, stack_trace: &str) {
        self.text_member(field::STACK_TRACE, stack_trace);
    }

    /// Appends trace and span id.
    pub fn trace(&mut self, trace_id: TraceId, span_id: SpanId) {
        self.after_attributes(field::TRACE_ID, &trace_id.to_string());
        self.after_attributes(field::SPAN_ID, &span_id.to_string());
    }

    /// Appends who was logged in.
    pub fn user_id(&mut self, user_id: &str) {
        self.text_member(field::USER_ID, user_id);
    }

    /// Appends the agent run in whose course it happened.
    pub fn active_run(&mut self, run: &ActiveRun) {
        self.after_attributes(field::ACTIVE_RUN, run);
    }

    /// Appends members that were encoded beforehand, by [`binding`].
    pub fn encoded(&mut self, members: &[u8]) {
        self.close_attributes();
        self.out.extend_from_slice(members);
    }

    /// Appends what led up to it: a sequence of [`Breadcrumb`](crate::Breadcrumb)s, or of
    /// [`BreadcrumbRef`](crate::BreadcrumbRef)s, oldest first.
    pub fn breadcrumbs(&mut self, breadcrumbs: &(impl Serialize + ?Sized)) {
        self.after_attributes(field::BREADCRUMBS, breadcrumbs);
    }

    /// Ends the record's members.
    pub fn end(mut self) {
        self.close_attributes();
    }

    fn after_attributes(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.close_attributes();
        self.out.push(b',');
        self.member(name);
        json(self.out, value);
    }

    fn text_member(&mut self, name: &str, value: &str) {
        self.close_attributes();
        self.out.push(b',');
        self.member(name);
        text(self.out, value);
    }

    fn close_attributes(&mut self) {
        if self.attributes == Place::Inside {
            self.out.push(b'}');
        }
        self.attributes = Place::After;
    }

    /// Our own names need no escape.
    fn member(&mut self, name: &str) {
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }
}

/// The members that say who was logged in and which agent run it was, for many records to share.
pub fn binding(user_id: Option<&str>, active_run: Option<&ActiveRun>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut members = Members {
        out: &mut out,
        attributes: Place::After,
    };
    if let Some(user_id) = user_id {
        members.user_id(user_id);
    }
    if let Some(run) = active_run {
        members.active_run(run);
    }
    out
}

/// Appends the members of a whole record: all that [`Head`] does not hold.
///
/// The slow road, for a record that had to be taken apart to be cut.
pub fn members(record: &LogRecord, out: &mut Vec<u8>) {
    let mut members = Members::begin(out, record.severity, &record.logger);
    let mut value = Vec::new();
    for (key, attribute) in record.attributes.iter() {
        value.clear();
        json(&mut value, attribute);
        members.attribute(key, Value::Json(&value));
    }
    if record.attributes.dropped() > 0 {
        members.dropped_attributes(record.attributes.dropped());
    }
    members.message(&record.message);
    if let Some(error) = &record.error {
        members.error(error);
    }
    if let Some(stack_trace) = &record.stack_trace {
        members.stack_trace(stack_trace);
    }
    if let (Some(trace_id), Some(span_id)) = (record.trace_id, record.span_id) {
        members.trace(trace_id, span_id);
    }
    if let Some(user_id) = &record.user_id {
        members.user_id(user_id);
    }
    if let Some(run) = &record.active_run {
        members.active_run(run);
    }
    if !record.breadcrumbs.is_empty() {
        members.breadcrumbs(&record.breadcrumbs);
    }
    members.end();
}

/// The members of a record that are the same for many, or are numbers until it is sent.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Head<'a> {
    /// See [`LogRecord::id`](crate::LogRecord::id).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// See [`LogRecord::seq`](crate::LogRecord::seq).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// See [`LogRecord::timestamp`](crate::LogRecord::timestamp).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Timestamp>,
    /// See [`LogRecord::install_id`](crate::LogRecord::install_id).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub install_id: Option<&'a str>,
    /// See [`LogRecord::session_id`](crate::LogRecord::session_id).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<&'a str>,
}

impl Head<'_> {
    /// Appends the whole record: this head, then the `members` written earlier.
    pub fn join(&self, members: &[u8], out: &mut Vec<u8>) {
        json(out, self);
        // The head's closing brace makes room for the members, parted by a comma if both have any.
        out.pop();
        if out.last() != Some(&b'{') && !members.is_empty() {
            out.push(b',');
        }
        out.extend_from_slice(members);
        out.push(b'}');
    }
}

/// Appends a whole batch: the envelope, and in it the records joined from their two pieces.
pub fn batch<'r>(
    resource: &Attributes,
    sent_at: Timestamp,
    receipt: Option<&Receipt>,
    records: impl IntoIterator<Item = (Head<'r>, &'r [u8])>,
    out: &mut Vec<u8>,
) {
    let logs: [(); 0] = [];
    json(
        out,
        &Batch {
            resource,
            sent_at,
            receipt,
            logs,
        },
    );
    // The records are the envelope's last field, and so far an empty array.
    out.truncate(out.len().saturating_sub(b"]}".len()));
    for (index, (head, members)) in records.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        head.join(members, out);
    }
    out.extend_from_slice(b"]}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Envelope;

    #[test]
    fn every_character_at_every_place_is_written_as_serde_json_writes_it() {
        for c in ('\0'..='\u{ff}').chain(['€', '😀']) {
            for place in 0..20 {
                let mut value = "x".repeat(place);
                value.push(c);
                value.push_str("yz");
                let mut out = Vec::new();
                text(&mut out, &value);
                assert_eq!(out, serde_json::to_vec(&value).unwrap(), "{c:?} at {place}");
            }
        }
    }

    #[test]
    fn a_joined_batch_is_the_batch() {
        let resource: Attributes = [("service.name", "app")].into_iter().collect();
        for count in 0..3 {
            let records: Vec<LogRecord> = (0..count)
                .map(|seq| LogRecord {
                    seq: Some(seq),
                    message: "m".into(),
                    ..LogRecord::default()
                })
                .collect();
            let pieces: Vec<(Head<'_>, Vec<u8>)> = records
                .iter()
                .map(|record| {
                    let mut body = Vec::new();
                    members(record, &mut body);
                    (
                        Head {
                            seq: record.seq,
                            ..Head::default()
                        },
                        body,
                    )
                })
                .collect();
            let mut json = Vec::new();
            let joined = pieces.iter().map(|(head, body)| (*head, &body[..]));
            batch(&resource, Timestamp::UNIX_EPOCH, None, joined, &mut json);
            let envelope = Envelope::parse(&json).unwrap();
            assert_eq!(
                envelope.records,
                records.into_iter().map(Ok).collect::<Vec<_>>()
            );
            assert_eq!(envelope.resource, resource);
        }
    }
}
