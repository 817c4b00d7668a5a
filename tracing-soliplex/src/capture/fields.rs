//! The fields of events and spans: which becomes what part of a record, and how it is rendered.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Write as _};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use soliplex_sanitize::{KeyVerdict, Rules};
use soliplex_wire::encode::{Members, Value};
use soliplex_wire::limits::{MAX_ATTRIBUTES, MAX_RECORD_BYTES, TRUNCATED};
use tracing_core::Field;
use tracing_core::field::Visit;

use super::Texts;

/// Bytes of one text that are looked at. What is longer than a whole record may be is cut before
/// it is escaped, so that one huge value costs its thread a bounded time.
const MAX_TEXT_BYTES: usize = 2 * MAX_RECORD_BYTES;

/// Errors under an error that are told. A chain this long has a loop or no meaning.
const MAX_SOURCES: usize = 16;

/// What a value becomes when its own `Debug` or `Display` panics.
const UNPRINTABLE: &str = "[UNPRINTABLE]";

/// What takes a redacted number's place when the stack has no sanitizing root.
const REDACTED: &str = "[REDACTED]";

/// Where a field's value goes.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Message,
    Error,
    StackTrace,
    Attribute,
}

impl Part {
    /// By the names people already use: `error!(error = %e)`, `err = &e as &dyn Error`,
    /// OpenTelemetry's `exception.stacktrace`.
    fn of(name: &str) -> Part {
        match name {
            "message" => Part::Message,
            "error" | "err" | "exception.message" => Part::Error,
            "stack_trace" | "stackTrace" | "backtrace" | "exception.stacktrace" => Part::StackTrace,
            _ => Part::Attribute,
        }
    }
}

// === impl EventFields ===

/// Writes an event's fields into a record.
pub(crate) struct EventFields<'a, 'b> {
    members: &'b mut Members<'a>,
    texts: &'b mut Texts,
    /// Present when the stack does not sanitize: then this copy is.
    rules: Option<&'b Rules>,
    /// Whether this is a `log` record: then the bridge's own `log.` fields are no attributes, for
    /// the metadata has them already.
    pub(crate) from_log: bool,
    dropped: u32,
}

impl<'a, 'b> EventFields<'a, 'b> {
    pub(crate) fn new(
        members: &'b mut Members<'a>,
        texts: &'b mut Texts,
        rules: Option<&'b Rules>,
    ) -> Self {
        EventFields {
            members,
            texts,
            rules,
            from_log: false,
            dropped: 0,
        }
    }

    /// Writes an attribute unless one of this name was written before: the event's own field wins
    /// over the span's, the nearer span's over the farther one's.
    pub(crate) fn attribute<'v>(&mut self, name: &'static str, value: impl Into<Value<'v>>) {
        if self.texts.names.contains(&name) || (self.from_log && name.starts_with("log.")) {
            return;
        }
        if self.texts.names.len() == MAX_ATTRIBUTES {
            self.dropped += 1;
            return;
        }
        self.texts.names.push(name);
        self.members.attribute(name, value);
    }

    /// Ends the attributes.
    pub(crate) fn end(self) {
        if self.dropped > 0 {
            self.members.dropped_attributes(self.dropped);
        }
    }

    fn number(&mut self, field: &Field, value: Value<'_>) {
        match key(self.rules, field.name()) {
            KeyVerdict::Keep => self.attribute(field.name(), value),
            KeyVerdict::Redact => self.attribute(field.name(), REDACTED),
            KeyVerdict::Drop => {}
        }
    }

    fn text(&mut self, name: &'static str, text: &str) {
        let text = bounded(text);
        let Some(clean) = sanitized(self.rules, name, &text) else {
            return;
        };
        let texts = &mut *self.texts;
        match Part::of(name) {
            Part::Message => append(&mut texts.message, &clean),
            Part::Error => append(&mut texts.error, &clean),
            Part::StackTrace => append(&mut texts.stack_trace, &clean),
            Part::Attribute => self.attribute(name, &*clean),
        }
    }

    /// Renders into the thread's buffer, which is lent out and put back.
    fn rendered(&mut self, name: &'static str, render: impl FnOnce(&mut String)) {
        let mut text = std::mem::take(&mut self.texts.rendered);
        text.clear();
        render(&mut text);
        self.text(name, &text);
        self.texts.rendered = text;
    }
}

impl Visit for EventFields<'_, '_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.number(field, Value::F64(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, Value::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, Value::U64(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        // True and false tell no secret, whatever they are called.
        self.attribute(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.rendered(field.name(), |text| render_error(text, value));
        // An error under a name of its own is the record's error too, unless it has one.
        if Part::of(field.name()) == Part::Attribute && self.texts.error.is_empty() {
            self.rendered("error", |text| render_error(text, value));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.rendered(field.name(), |text| {
            render(text, |text| write!(text, "{value:?}"))
        });
    }
}

// === impl SpanFields ===

/// A span's fields, rendered when they were recorded, kept in the span.
#[derive(Debug, Default)]
pub(crate) struct SpanFields {
    json: Vec<u8>,
    values: Vec<(&'static str, Range<usize>)>,
}

impl SpanFields {
    /// The fields in the order in which they were first recorded, each as JSON.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, Value<'_>)> {
        self.values.iter().map(|(name, range)| {
            let json = self.json.get(range.clone()).unwrap_or(b"null");
            (*name, Value::Json(json))
        })
    }

    /// Takes over what was recorded later.
    pub(crate) fn extend(&mut self, late: &SpanFields) {
        late.iter().for_each(|(name, value)| self.set(name, value));
    }

    fn set(&mut self, name: &'static str, value: Value<'_>) {
        let start = self.json.len();
        value.write(&mut self.json);
        let range = start..self.json.len();
        if let Some((_, known)) = self.values.iter_mut().find(|(known, _)| *known == name) {
            *known = range;
        } else if self.values.len() < MAX_ATTRIBUTES {
            self.values.push((name, range));
        }
        if self.json.len() > MAX_RECORD_BYTES {
            self.forget_replaced();
        }
    }

    /// A field recorded again and again leaves its old values behind; now and then they are
    /// swept out.
    fn forget_replaced(&mut self) {
        let mut json = Vec::new();
        for (_, range) in &mut self.values {
            let start = json.len();
            json.extend_from_slice(self.json.get(range.clone()).unwrap_or(b"null"));
            *range = start..json.len();
        }
        self.json = json;
    }
}

/// Renders a span's fields into [`SpanFields`].
pub(crate) struct SpanVisitor<'a> {
    pub(crate) fields: &'a mut SpanFields,
    pub(crate) rules: Option<&'a Rules>,
}

impl SpanVisitor<'_> {
    fn number(&mut self, field: &Field, value: Value<'_>) {
        match key(self.rules, field.name()) {
            KeyVerdict::Keep => self.fields.set(field.name(), value),
            KeyVerdict::Redact => self.fields.set(field.name(), Value::Str(REDACTED)),
            KeyVerdict::Drop => {}
        }
    }

    fn text(&mut self, name: &'static str, text: &str) {
        if let Some(clean) = sanitized(self.rules, name, &bounded(text)) {
            self.fields.set(name, Value::Str(&clean));
        }
    }
}

impl Visit for SpanVisitor<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.number(field, Value::F64(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, Value::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, Value::U64(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.fields.set(field.name(), Value::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut text = String::new();
        render_error(&mut text, value);
        self.text(field.name(), &text);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = String::new();
        render(&mut text, |text| write!(text, "{value:?}"));
        self.text(field.name(), &text);
    }
}

// === Rules ===

fn key(rules: Option<&Rules>, name: &str) -> KeyVerdict {
    rules.map_or(KeyVerdict::Keep, |rules| rules.key(name))
}

/// The text as it may be kept; `None` when it may not be kept at all. A message always may.
fn sanitized<'t>(rules: Option<&Rules>, name: &str, text: &'t str) -> Option<Cow<'t, str>> {
    let Some(rules) = rules else {
        return Some(Cow::Borrowed(text));
    };
    let kept = Part::of(name) == Part::Message || rules.key(name) != KeyVerdict::Drop;
    kept.then(|| rules.sanitize_value(name, text))
}

// === Rendering ===

/// Renders what is not ours to trust: a `Debug` that panics ends here, not in the application.
fn render(text: &mut String, write: impl FnOnce(&mut String) -> fmt::Result) {
    let rendered = catch_unwind(AssertUnwindSafe(|| write(text)));
    if !matches!(rendered, Ok(Ok(()))) {
        text.clear();
        text.push_str(UNPRINTABLE);
    }
}

/// An error and its sources, outermost first. A source whose text the error above already tells,
/// as many do, is not told twice.
fn render_error(text: &mut String, error: &(dyn Error + 'static)) {
    render(text, |text| {
        write!(text, "{error}")?;
        let mut source = error.source();
        for _ in 0..MAX_SOURCES {
            let Some(inner) = source else { break };
            let told = inner.to_string();
            if !text.ends_with(&told) {
                write!(text, ": {told}")?;
            }
            source = inner.source();
        }
        Ok(())
    });
}

fn append(part: &mut String, text: &str) {
    if !part.is_empty() {
        part.push_str(": ");
    }
    part.push_str(text);
}

fn bounded(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_TEXT_BYTES {
        return Cow::Borrowed(text);
    }
    let mut end = MAX_TEXT_BYTES;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Cow::Owned([&text[..end], TRUNCATED].concat())
}
