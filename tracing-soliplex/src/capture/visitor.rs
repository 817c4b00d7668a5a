//! The one visitor of fields, an event's and a span's alike: how each is rendered. What it visits
//! is clean: the stack's root has seen to that, or the export layer has.

use std::error::Error;
use std::fmt;

use soliplex_wire::encode::Value;
use tracing_core::Field;
use tracing_core::field::Visit;

use super::plan::{Part, Plan, PlannedField};
use super::render::{self, MAX_TEXT_BYTES, bounded};

/// Who is handed the values: a record, or a span's memory.
pub(crate) trait Take {
    /// Takes a field's value.
    fn take(&mut self, field: &PlannedField, value: Value<'_>);

    /// Whether an error under a name of its own is to be told as *the* error, too.
    fn wants_error(&self) -> bool {
        false
    }

    /// Takes such an error's text.
    fn take_error(&mut self, _: &str) {}
}

/// Renders each field and hands it on.
pub(crate) struct Visitor<'a, T> {
    pub(crate) plan: &'a Plan,
    /// Where a value is rendered before it is handed on.
    pub(crate) rendered: &'a mut String,
    pub(crate) to: &'a mut T,
}

impl<T: Take> Visitor<'_, T> {
    #[inline(always)]
    fn plain(&mut self, field: &Field, value: Value<'_>) {
        if let Some(field) = self.plan.field(field.index()) {
            self.to.take(field, value);
        }
    }

    #[inline(always)]
    fn text(&mut self, field: &PlannedField, text: &str) {
        if text.len() <= MAX_TEXT_BYTES {
            return self.to.take(field, Value::Str(text));
        }
        self.long_text(field, text);
    }

    #[cold]
    fn long_text(&mut self, field: &PlannedField, text: &str) {
        self.to.take(field, Value::Str(&bounded(text)));
    }

    /// Lends out the rendered text while it is handed on, and takes it back.
    #[inline]
    fn rendered(&mut self, hand_on: impl FnOnce(&mut Self, &str)) {
        let text = std::mem::take(self.rendered);
        hand_on(self, &text);
        *self.rendered = text;
    }
}

impl<T: Take> Visit for Visitor<'_, T> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.plain(field, Value::F64(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, Value::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, Value::U64(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, Value::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if let Some(field) = self.plan.field(field.index()) {
            self.text(field, value);
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let Some(field) = self.plan.field(field.index()) else {
            return;
        };
        render::error(self.rendered, value);
        self.rendered(|visitor, text| {
            visitor.text(field, text);
            if field.part == Part::Attribute && visitor.to.wants_error() {
                visitor.to.take_error(&bounded(text));
            }
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let Some(field) = self.plan.field(field.index()) else {
            return;
        };
        render::debug(self.rendered, value);
        self.rendered(|visitor, text| visitor.text(field, text));
    }
}
