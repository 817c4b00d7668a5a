//! Where fields go: an event's into its record, a span's into the span, to be copied into the
//! records of the events inside it.

use std::ops::Range;

use soliplex_sanitize::{CleanValue, CleanValues};
use soliplex_wire::encode::{Buffer, Members, Value};
use soliplex_wire::limits::{MAX_ATTRIBUTES, MAX_RECORD_BYTES};

use super::Texts;
use super::plan::{Bits, Part, Plan, PlannedField};
use super::render::{MAX_TEXT_BYTES, bounded};
use super::visitor::Take;

// === impl EventFields ===

/// Writes an event's fields into a record.
pub(crate) struct EventFields<'a, 'b> {
    members: &'b mut Members<'a>,
    texts: &'b mut Texts,
    plan: &'b Plan,
    /// The fields written as attributes.
    written: Bits,
    dropped: u32,
}

impl<'a, 'b> EventFields<'a, 'b> {
    pub(crate) fn new(
        members: &'b mut Members<'a>,
        texts: &'b mut Texts,
        plan: &'b Plan,
    ) -> EventFields<'a, 'b> {
        EventFields {
            members,
            texts,
            plan,
            written: 0,
            dropped: 0,
        }
    }

    /// Takes all values from the root's memory; false if some of them are to be had by a visit only.
    #[inline]
    pub(crate) fn take_all(&mut self, values: CleanValues<'_>) -> bool {
        let Some(all) = values.all() else {
            return false;
        };
        for lent in all {
            let Some(field) = self.plan.field(lent.index()) else {
                continue;
            };
            match lent.value() {
                Some(CleanValue::Str(text)) if text.len() > MAX_TEXT_BYTES => {
                    self.take_long(field, text);
                }
                Some(CleanValue::Str(text)) => self.take(field, Value::Str(text)),
                Some(CleanValue::Bool(value)) => self.take(field, Value::Bool(value)),
                Some(CleanValue::I64(value)) => self.take(field, Value::I64(value)),
                Some(CleanValue::U64(value)) => self.take(field, Value::U64(value)),
                Some(CleanValue::F64(value)) => self.take(field, Value::F64(value)),
                None => {}
            }
        }
        true
    }

    #[cold]
    fn take_long(&mut self, field: &PlannedField, text: &str) {
        self.take(field, Value::Str(&bounded(text)));
    }

    /// Writes what a span around the event holds: the event's own fields win over it, and so do
    /// those of the nearer spans, which come first.
    pub(crate) fn inherit(&mut self, span: &SpanFields) {
        for (name, attribute) in span.iter() {
            if !self.has(name) && self.admit(name) {
                self.members.written_attribute(attribute);
            }
        }
    }

    /// Writes what is no field of the event, unless one of this name was written before.
    pub(crate) fn add(&mut self, name: &'static str, value: &str) {
        if !self.has(name) && self.admit(name) {
            self.members.attribute(name, value);
        }
    }

    /// Ends the attributes.
    #[inline]
    pub(crate) fn end(&mut self) {
        if self.dropped > 0 {
            self.members.dropped_attributes(self.dropped);
        }
    }

    #[inline(always)]
    fn attribute(&mut self, field: &PlannedField, value: Value<'_>) {
        // Only where two fields share a name can there be one before this one.
        if self.plan.repeats && self.has(field.name) {
            return;
        }
        if field.bit == 0 {
            self.dropped += 1;
            return;
        }
        self.write(field, value);
    }

    #[inline(always)]
    fn write(&mut self, field: &PlannedField, value: Value<'_>) {
        self.written |= field.bit;
        self.members.prepared_attribute(&field.key, value);
    }

    /// Written at once where nothing can follow that belongs to it, and gathered otherwise.
    #[inline]
    fn message(&mut self, field: &PlannedField, text: &str) {
        if field.is_only && !self.members.is_in_attributes() {
            self.members.message(text);
            self.texts.message_is_written = true;
        } else {
            append(&mut self.texts.message, text);
        }
    }

    fn has(&self, name: &str) -> bool {
        self.plan.names(self.written, name) || self.texts.inherited.contains(&name)
    }

    /// Whether one more attribute, which is no field of the event, is within the limit.
    fn admit(&mut self, name: &'static str) -> bool {
        let attributes = self.written.count_ones() as usize + self.texts.inherited.len();
        let admitted = attributes < MAX_ATTRIBUTES;
        if admitted {
            self.texts.inherited.push(name);
        } else {
            self.dropped += 1;
        }
        admitted
    }
}

impl Take for EventFields<'_, '_> {
    #[inline(always)]
    fn take(&mut self, field: &PlannedField, value: Value<'_>) {
        if field.is_plain {
            return self.write(field, value);
        }
        match (field.part, value) {
            (Part::Message, Value::Str(text)) => self.message(field, text),
            (Part::Error, Value::Str(text)) => append(&mut self.texts.error, text),
            (Part::StackTrace, Value::Str(text)) => append(&mut self.texts.stack_trace, text),
            (Part::Told, _) => {}
            _ => self.attribute(field, value),
        }
    }

    fn wants_error(&self) -> bool {
        self.texts.error.is_empty()
    }

    fn take_error(&mut self, text: &str) {
        append(&mut self.texts.error, text);
    }
}

fn append(part: &mut String, text: &str) {
    if !part.is_empty() {
        part.push_str(": ");
    }
    part.push_str(text);
}

// === impl SpanFields ===

/// A span's fields, written when they were recorded, kept in the span.
#[derive(Debug, Default)]
pub(crate) struct SpanFields {
    written: Buffer,
    /// Where in `written` each attribute stands, in the order in which they were first recorded.
    attributes: Vec<(&'static str, Range<usize>)>,
    /// How often fields had been forgotten when these were told.
    forgotten: u64,
}

impl SpanFields {
    /// None yet, where fields have been forgotten so often.
    pub(crate) fn new(forgotten: u64) -> SpanFields {
        SpanFields {
            forgotten,
            ..SpanFields::default()
        }
    }

    /// Whether they have not been forgotten since.
    pub(crate) fn is_known(&self, forgotten: u64) -> bool {
        self.forgotten == forgotten
    }

    /// Takes over what was recorded later.
    pub(crate) fn extend(&mut self, late: &SpanFields) {
        for (name, attribute) in late.iter() {
            self.set(name, |written| written.bytes(attribute));
        }
    }

    /// The attributes, each as [`Members::written_attribute`] takes it.
    fn iter(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        let whole = |(name, range): &(&'static str, Range<usize>)| {
            Some((*name, self.written.get(range.clone())?))
        };
        self.attributes.iter().filter_map(whole)
    }

    fn set(&mut self, name: &'static str, write: impl FnOnce(&mut Buffer)) {
        let start = self.written.len();
        write(&mut self.written);
        let range = start..self.written.len();
        if let Some((_, known)) = self.attributes.iter_mut().find(|(known, _)| *known == name) {
            *known = range;
        } else if self.attributes.len() < MAX_ATTRIBUTES {
            self.attributes.push((name, range));
        }
        if self.written.len() > MAX_RECORD_BYTES {
            self.forget_replaced();
        }
    }

    /// A field recorded again and again leaves its old values behind; now and then they are
    /// swept out.
    fn forget_replaced(&mut self) {
        let mut written = Buffer::new();
        for (_, range) in &mut self.attributes {
            let start = written.len();
            written.bytes(self.written.get(range.clone()).unwrap_or_default());
            *range = start..written.len();
        }
        self.written = written;
    }
}

impl Take for SpanFields {
    fn take(&mut self, field: &PlannedField, value: Value<'_>) {
        self.set(field.name, |written| field.key.write(value, written));
    }
}
