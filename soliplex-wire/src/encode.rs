//! Writing a record once, straight into bytes.
//!
//! An application's thread writes the [`Members`] of a record: everything that is known there and
//! then, with its values packed, which is quick. Whoever stores it has them [printed](print()).
//! Whoever sends it writes the [`Head`] in front: ids and times, which are kept as numbers until
//! then. Joined they are the same JSON that [`LogRecord`] serializes to.
//!
//! ```
//! use soliplex_wire::{LogRecord, Severity, encode::{self, Buffer, Head, Members}};
//!
//! let mut packed = Buffer::new();
//! let mut writer = Members::begin(&mut packed, Severity::Info, "auth");
//! writer.attribute("attempt", 2_i64);
//! writer.attribute("method", "card");
//! writer.message("signed in");
//! writer.end();
//!
//! let mut members = Buffer::new();
//! encode::print(&packed, &mut members)?;
//! let mut json = Vec::new();
//! Head { seq: Some(7), session_id: Some("s-1"), ..Head::default() }.join(&members, &mut json);
//!
//! let record = LogRecord::parse(std::str::from_utf8(&json).unwrap()).unwrap();
//! assert_eq!(record.seq, Some(7));
//! assert_eq!(record.attributes.get("attempt"), Some(&2_i64.into()));
//! # Ok::<(), encode::PrintError>(())
//! ```

use std::io::{self, Write};

use serde::Serialize;

mod breadcrumb;
mod buffer;
mod head;
mod instant;
mod number;
mod packed;
mod prepared;
mod print;
mod text;
mod value;

pub use buffer::Buffer;
pub use head::{Head, batch};
use packed::text;
pub use prepared::{Key, Opening};
pub use print::{PrintError, print};
pub use value::Value;

use crate::record::field;
use crate::{ActiveRun, Breadcrumb, BreadcrumbRef, LogRecord, Severity, SpanId, TraceId};

/// Appends `value` as JSON.
pub fn json(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    // A Vec takes every write, and our values have no way to refuse: keys are text, numbers finite.
    let _ = serde_json::to_writer(out, value);
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

/// The members of a record that are known where it happens, being written, for [`print()`] to make
/// JSON of.
///
/// Attributes come together; the rest comes before or behind them in any order. A record without
/// attributes never opens their object.
#[derive(Debug)]
#[must_use = "a record is whole only after `end`"]
pub struct Members<'a> {
    out: &'a mut Buffer,
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
    pub fn begin(out: &'a mut Buffer, severity: Severity, logger: &str) -> Self {
        let mut members = Members::new(out);
        if severity != Severity::Unspecified {
            members.member(field::LEVEL);
            text(members.out, severity.level());
            members.out.piece(b",");
        }
        members.member(field::LOGGER);
        text(members.out, logger);
        members
    }

    /// Begins with a level and a logger that were encoded beforehand.
    #[inline]
    pub fn open(out: &'a mut Buffer, opening: &Opening) -> Self {
        let members = Members::new(out);
        opening.append(members.out);
        members
    }

    #[inline]
    fn new(out: &'a mut Buffer) -> Self {
        Members {
            out,
            attributes: Place::Before,
        }
    }

    /// Appends an attribute. The caller sees to it that each key comes once.
    pub fn attribute<'v>(&mut self, key: &str, value: impl Into<Value<'v>>) {
        self.attribute_by(|out| {
            out.piece(b",");
            text(out, key);
            out.piece(b":");
            value.into().pack(out);
        });
    }

    /// Appends an attribute whose name was encoded beforehand.
    #[inline(always)]
    pub fn prepared_attribute(&mut self, key: &Key, value: Value<'_>) {
        let first = self.begin_attribute();
        key.write(value, self.out);
        self.has_begun(first);
    }

    /// Appends an attribute that [`Key::write`] has written.
    #[inline]
    pub fn written_attribute(&mut self, attribute: &[u8]) {
        self.attribute_by(|out| out.bytes(attribute));
    }

    /// Whether an attribute was appended, and nothing else since.
    #[inline]
    pub fn is_in_attributes(&self) -> bool {
        self.attributes == Place::Inside
    }

    /// Says how many attributes were left out.
    pub fn dropped_attributes(&mut self, count: u32) {
        self.after_attributes(field::DROPPED_ATTRIBUTES_COUNT, &count);
    }

    /// Appends the message.
    #[inline]
    pub fn message(&mut self, message: &str) {
        self.close_attributes();
        self.out.piece(&MESSAGE);
        text(self.out, message);
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
        if !members.is_empty() {
            self.close_attributes();
            self.out.bytes(members);
        }
    }

    /// Appends what led up to it, oldest first.
    pub fn breadcrumbs(&mut self, breadcrumbs: &[Breadcrumb]) {
        self.breadcrumbs_by(|tell| {
            let borrowed = breadcrumbs.iter().map(Breadcrumb::borrowed);
            borrowed.for_each(|breadcrumb| tell(&breadcrumb));
        });
    }

    /// The same, with `tell` to hand over one breadcrumb after the other.
    pub fn breadcrumbs_by(&mut self, tell: impl FnOnce(&mut dyn FnMut(&BreadcrumbRef<'_>))) {
        self.close_attributes();
        self.out.piece(b",");
        self.member(field::BREADCRUMBS);
        let mut before = b'[';
        tell(&mut |breadcrumb| {
            self.out.piece(&[std::mem::replace(&mut before, b',')]);
            breadcrumb::write(self.out, breadcrumb);
        });
        if before == b'[' {
            self.out.piece(b"[");
        }
        self.out.piece(b"]");
    }

    /// Ends the record's members.
    #[inline]
    pub fn end(mut self) {
        self.close_attributes();
    }

    /// Appends an attribute by `write`, which begins it with a comma.
    #[inline(always)]
    fn attribute_by(&mut self, write: impl FnOnce(&mut Buffer)) {
        let first = self.begin_attribute();
        write(self.out);
        self.has_begun(first);
    }

    /// Opens the attributes if this is the first one, and says where that stands.
    #[inline(always)]
    fn begin_attribute(&mut self) -> Option<usize> {
        debug_assert_ne!(self.attributes, Place::After, "attributes come together");
        (self.attributes == Place::Before).then(|| {
            self.attributes = Place::Inside;
            self.out.piece(&ATTRIBUTES);
            self.out.len()
        })
    }

    /// Before the first one stands the brace instead of a comma.
    #[inline(always)]
    fn has_begun(&mut self, first: Option<usize>) {
        if let Some(first) = first {
            self.out.replace(first, b'{');
        }
    }

    fn after_attributes(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.close_attributes();
        self.out.piece(b",");
        self.member(name);
        self.out.json(value);
    }

    #[inline]
    fn text_member(&mut self, name: &str, value: &str) {
        self.close_attributes();
        self.out.piece(b",");
        self.member(name);
        text(self.out, value);
    }

    #[inline]
    fn close_attributes(&mut self) {
        if self.attributes == Place::Inside {
            self.out.piece(b"}");
            self.attributes = Place::After;
        }
    }

    /// Our own names need no escape.
    #[inline]
    fn member(&mut self, name: &str) {
        self.out.piece(b"\"");
        self.out.bytes(name.as_bytes());
        self.out.piece(b"\":");
    }
}

/// Before the attributes, but for their opening brace.
const ATTRIBUTES: [u8; field::ATTRIBUTES.len() + 4] = member(field::ATTRIBUTES);

/// Before the message.
const MESSAGE: [u8; field::MESSAGE.len() + 4] = member(field::MESSAGE);

/// How a member begins that follows another one. Our own names need no escape.
const fn member<const N: usize>(name: &str) -> [u8; N] {
    let mut opening = [b','; N];
    let (mut to, mut name) = (2, name.as_bytes());
    opening[1] = b'"';
    while let Some((byte, rest)) = name.split_first() {
        opening[to] = *byte;
        (to, name) = (to + 1, rest);
    }
    opening[to] = b'"';
    opening[to + 1] = b':';
    opening
}

/// The members that say who was logged in and which agent run it was, packed, for many records to
/// share.
pub fn binding(user_id: Option<&str>, active_run: Option<&ActiveRun>) -> Vec<u8> {
    let mut out = Buffer::new();
    let mut members = Members::new(&mut out);
    if let Some(user_id) = user_id {
        members.user_id(user_id);
    }
    if let Some(run) = active_run {
        members.active_run(run);
    }
    members.end();
    out.into_vec()
}

/// Appends the members of a whole record, packed: all that [`Head`] does not hold.
///
/// The slow road, for a record that had to be taken apart to be cut.
pub fn members(record: &LogRecord, out: &mut Buffer) {
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
