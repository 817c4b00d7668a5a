//! The visitor that renders each value once.
//!
//! Kinds are kept: a string stays a string, a number a number, a `Debug` prints its clean text as
//! it stands. Only a number that the rules object to has to become a string, since a marker is
//! one. Text is printed here and cleaned in `settle`, all of it at once; bytes, errors and
//! numbers, which are rarer or need no look at all, are cleaned at once.

use std::{
    borrow::Cow,
    error::Error,
    fmt::{self, Write as _},
    ops::Range,
};

use tracing_core::{Field, field::Visit};

use super::{
    error::CleanError,
    limits::MAX_VALUE_BYTES,
    print::{bytes_head, print, push_head},
    scratch::{Recorded, Rendered, Scratch},
};
use crate::{KeyVerdict, Rules, rules::Name};

/// Fills a scratch with every value it is shown.
pub(super) struct Renderer<'a> {
    rules: &'a Rules,
    /// What is known of the callsite of an event or a new span.
    names: &'a [Name],
    /// What is known of a late record's, found out at its first field.
    late: &'a [Name],
    scratch: &'a mut Scratch,
    keeps_fields: bool,
}

// Each method has a short road for what is nearly always the case: the name is known and says
// nothing about such a value. What else there is lies out of its way.
impl Visit for Renderer<'_> {
    fn record_bool(&mut self, field: &Field, value: bool) {
        match self.names.get(field.index()) {
            Some(name) if name.verdict != KeyVerdict::Drop => {
                push(self.scratch, field, name, Rendered::Bool(value));
            }
            _ => self.other(field, Rendered::Bool(value)),
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        match self.names.get(field.index()) {
            Some(name) if value.unsigned_abs() < name.first_secret_number => {
                push(self.scratch, field, name, Rendered::I64(value));
            }
            _ => self.number(field, Rendered::I64(value), &value, |name| {
                value.unsigned_abs() >= name.first_secret_number
            }),
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match self.names.get(field.index()) {
            Some(name) if value < name.first_secret_number => {
                push(self.scratch, field, name, Rendered::U64(value));
            }
            _ => self.number(field, Rendered::U64(value), &value, |name| {
                value >= name.first_secret_number
            }),
        }
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.scratch.signed.push(value);
        let number = Rendered::I128(self.scratch.signed.len() - 1);
        self.number(field, number, &value, |name| {
            value.unsigned_abs() >= u128::from(name.first_secret_number)
        });
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.scratch.unsigned.push(value);
        let number = Rendered::U128(self.scratch.unsigned.len() - 1);
        self.number(field, number, &value, |name| {
            value >= u128::from(name.first_secret_number)
        });
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        match self.names.get(field.index()) {
            Some(name) if value.abs() < name.first_secret_float && !name.hides_decimals => {
                push(self.scratch, field, name, Rendered::F64(value));
            }
            _ => self.number(field, Rendered::F64(value), &value, |name| {
                value.abs() >= name.first_secret_float
                    || (name.hides_decimals && value.fract() != 0.0)
            }),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let print = |text: &mut String| match value.len() {
            ..=MAX_VALUE_BYTES => text.push_str(value),
            _ => push_head(value, text),
        };
        match self.names.get(field.index()) {
            Some(name) if name.verdict != KeyVerdict::Drop => {
                let range = printed(self.scratch, print);
                push(self.scratch, field, name, Rendered::Str(range));
            }
            _ => self.other_text(field, print, Rendered::Str),
        }
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        let Some(name) = self.kept(field) else {
            return;
        };
        let (value, end) = bytes_head(value);
        let start = self.scratch.bytes.len();
        if name.verdict == KeyVerdict::Keep {
            // Printed as a list of numbers, text would slip past every rule.
            for chunk in value.utf8_chunks() {
                let clean = self.rules.sanitize_kept(field.name(), chunk.valid());
                self.scratch.bytes.extend_from_slice(clean.as_bytes());
                self.scratch.bytes.extend_from_slice(chunk.invalid());
            }
            self.scratch.bytes.extend_from_slice(end.as_bytes());
        } else {
            let text = String::from_utf8_lossy(value);
            let clean = self.rules.sanitize_value(field.name(), &text);
            self.scratch.bytes.extend_from_slice(clean.as_bytes());
        }
        let range = start..self.scratch.bytes.len();
        self.push(field, &name, Rendered::Bytes(range));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let Some(name) = self.kept(field) else {
            return;
        };
        let error = CleanError::new(value, &mut |text| {
            let mut printed = String::new();
            print(text, &mut printed);
            let clean = self.rules.sanitize_value(field.name(), &printed);
            clean.into_owned()
        });
        self.scratch.errors.push(Box::new(error));
        let last = self.scratch.errors.len() - 1;
        self.push(field, &name, Rendered::Error(last));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match self.names.get(field.index()) {
            Some(name) if name.verdict != KeyVerdict::Drop => {
                let range = printed(self.scratch, |text| print(value, text));
                push(self.scratch, field, name, Rendered::Debug(range));
            }
            _ => self.other_text(field, |text| print(value, text), Rendered::Debug),
        }
    }
}

impl<'a> Renderer<'a> {
    /// `names` are those of the callsite, if it is known and remembered.
    pub(super) fn new(
        rules: &'a Rules,
        names: &'a [Name],
        scratch: &'a mut Scratch,
    ) -> Renderer<'a> {
        Renderer {
            rules,
            names,
            late: &[],
            scratch,
            keeps_fields: false,
        }
    }

    /// For a late record, which does not say its callsite, and is rebuilt from its fields.
    pub(super) fn of_record(rules: &'a Rules, scratch: &'a mut Scratch) -> Renderer<'a> {
        Renderer {
            keeps_fields: true,
            ..Renderer::new(rules, &[], scratch)
        }
    }

    /// Keeps a text whose field's name is not known or may be left out.
    #[cold]
    fn other_text(
        &mut self,
        field: &Field,
        print: impl FnOnce(&mut String),
        kind: fn(Range<usize>) -> Rendered,
    ) {
        if let Some(name) = self.kept(field) {
            let range = printed(self.scratch, print);
            self.push(field, &name, kind(range));
        }
    }

    /// The same for a value as it is.
    #[cold]
    fn other(&mut self, field: &Field, value: Rendered) {
        if let Some(name) = self.kept(field) {
            self.push(field, &name, value);
        }
    }

    /// What the rules say of the field's name; `None` if it is left out.
    fn kept(&mut self, field: &Field) -> Option<Name> {
        let name = match self.names.get(field.index()) {
            Some(name) => *name,
            None => self.find_out(field),
        };
        (name.verdict != KeyVerdict::Drop).then_some(name)
    }

    /// What the rules say of a field of a late record, or of a callsite that is not remembered.
    #[cold]
    fn find_out(&mut self, field: &Field) -> Name {
        if self.late.is_empty() {
            self.late = &self.rules.names(field.callsite()).names;
        }
        let known = self.late.get(field.index()).copied();
        known.unwrap_or_else(|| self.rules.name_of(field))
    }

    fn push(&mut self, field: &Field, name: &Name, value: Rendered) {
        if self.keeps_fields {
            self.scratch.fields.push(field.clone());
        }
        push(self.scratch, field, name, value);
    }

    /// Keeps a number as it is unless its name gives it away or, if it is `long` for this name, its
    /// digits may.
    #[inline(never)]
    fn number(
        &mut self,
        field: &Field,
        number: Rendered,
        text: &dyn fmt::Display,
        long: impl FnOnce(&Name) -> bool,
    ) {
        let Some(name) = self.kept(field) else {
            return;
        };
        if name.verdict == KeyVerdict::Keep && !long(&name) {
            return self.push(field, &name, number);
        }
        let start = self.scratch.printed.len();
        // Writing a number to a string does not fail.
        let _ = write!(self.scratch.printed, "{text}");
        let printed = self.scratch.printed.get(start..).unwrap_or_default();
        let clean = match self.rules.sanitize_value(field.name(), printed) {
            Cow::Owned(clean) => Some(clean),
            Cow::Borrowed(clean) => (clean != printed).then(|| clean.to_owned()),
        };
        self.scratch.printed.truncate(start);
        let Some(clean) = clean else {
            return self.push(field, &name, number);
        };
        self.scratch.printed.push_str(&clean);
        let range = ended(self.scratch, start);
        self.push(field, &name, Rendered::Str(range));
    }
}

// Inlined, and called where a value is made, so that it is built where it will lie: one that is built
// elsewhere and moved is read back before it has left the processor's store buffer.
#[inline(always)]
fn push(scratch: &mut Scratch, field: &Field, name: &Name, value: Rendered) {
    let suspect = name.tells || name.verdict != KeyVerdict::Keep;
    scratch.named |= suspect;
    scratch.recorded.push(Recorded {
        index: field.index(),
        value,
        verdict: name.verdict,
        suspect,
    });
}

/// The field's text, which `print` appends.
#[inline(always)]
fn printed(scratch: &mut Scratch, print: impl FnOnce(&mut String)) -> Range<usize> {
    let start = scratch.printed.len();
    print(&mut scratch.printed);
    ended(scratch, start)
}

/// The field's text, printed from `start` on, which a NUL sets off from the next.
#[inline(always)]
fn ended(scratch: &mut Scratch, start: usize) -> Range<usize> {
    let end = scratch.printed.len();
    scratch.printed.push('\0');
    start..end
}
