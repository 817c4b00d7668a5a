//! The one visitor of fields, an event's and a span's alike: what is rendered, and by which rules
//! it is cleaned where the stack has no sanitizing root.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use soliplex_sanitize::{KeyVerdict, Rules};
use soliplex_wire::encode::Value;
use tracing_core::Field;
use tracing_core::field::Visit;

use super::plan::{Part, Plan, PlannedField};
use super::render::{self, bounded};

/// What takes a redacted number's place when the stack has no sanitizing root.
const REDACTED: &str = "[REDACTED]";

/// Who is handed the values: a record, or a span's memory.
pub(crate) trait Take {
    /// Takes a field's value, clean.
    fn take(&mut self, field: &PlannedField, value: Value<'_>);

    /// Whether an error under a name of its own is to be told as *the* error, too.
    fn wants_error(&self) -> bool {
        false
    }

    /// Takes such an error's text, clean.
    fn take_error(&mut self, _: &str) {}
}

/// Renders and cleans each field and hands it on.
pub(crate) struct Visitor<'a, T> {
    pub(crate) plan: &'a Plan,
    /// Present when the stack does not sanitize: then this copy is.
    pub(crate) rules: Option<&'a Rules>,
    /// Where a value is rendered before it is known to be clean.
    pub(crate) rendered: &'a mut String,
    pub(crate) to: T,
}

impl<T: Take> Visitor<'_, T> {
    #[inline]
    fn number(&mut self, field: &Field, value: Value<'_>) {
        let Some(field) = self.plan.field(field) else {
            return;
        };
        match self.rules {
            None => self.to.take(field, value),
            Some(_) => match field.verdict {
                KeyVerdict::Keep => self.to.take(field, value),
                KeyVerdict::Redact => self.to.take(field, Value::Str(REDACTED)),
                KeyVerdict::Drop => {}
            },
        }
    }

    #[inline]
    fn text(&mut self, field: &PlannedField, text: &str) {
        let text = bounded(text);
        match self.rules {
            None => self.to.take(field, Value::Str(&text)),
            Some(rules) if field.keeps_text() => {
                let clean = rules.sanitize_value(field.name, &text);
                self.to.take(field, Value::Str(&clean));
            }
            Some(_) => {}
        }
    }

    /// Tells an error under the name that it has as a record's error.
    fn error(&mut self, text: &str) {
        const NAME: &str = "error";
        let text = bounded(text);
        match self.rules {
            None => self.to.take_error(&text),
            Some(rules) if rules.key(NAME) != KeyVerdict::Drop => {
                let clean: Cow<'_, str> = rules.sanitize_value(NAME, &text);
                self.to.take_error(&clean);
            }
            Some(_) => {}
        }
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
        if let Some(field) = self.plan.field(field) {
            self.to.take(field, Value::Bool(value));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if let Some(field) = self.plan.field(field) {
            self.text(field, value);
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let Some(field) = self.plan.field(field) else {
            return;
        };
        render::error(self.rendered, value);
        self.rendered(|visitor, text| {
            visitor.text(field, text);
            if field.part == Part::Attribute && visitor.to.wants_error() {
                visitor.error(text);
            }
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let Some(field) = self.plan.field(field) else {
            return;
        };
        render::debug(self.rendered, value);
        self.rendered(|visitor, text| visitor.text(field, text));
    }
}
