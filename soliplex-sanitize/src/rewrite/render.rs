//! The visitor that renders each value once.
//!
//! Kinds are kept: a string stays a string, a number a number, a `Debug` prints its clean text as
//! it stands. Only a number that the rules object to has to become a string, since a marker is
//! one. Text is printed here and cleaned in `settle`, all of it at once; bytes, errors and
//! numbers, which are rarer or need no look at all, are cleaned at once.

use std::{
    borrow::Cow,
    cell::Cell,
    error::Error,
    fmt::{self, Write as _},
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
};

use tracing_core::{Field, field::Visit};

use super::{
    RewriterId,
    error::CleanError,
    keys::Name,
    limits::{MAX_LAST_WORD_BYTES, MAX_NESTED_RENDERINGS, MAX_VALUE_BYTES, TRUNCATED, UNPRINTABLE},
    scratch::{Recorded, Rendered, Scratch},
};
use crate::{KeyVerdict, Rules};

/// Fills a scratch with every value it is shown.
pub(super) struct Renderer<'a> {
    rules: &'a Rules,
    rewriter: RewriterId,
    scratch: &'a mut Scratch,
    keeps_fields: bool,
}

impl Visit for Renderer<'_> {
    fn record_bool(&mut self, field: &Field, value: bool) {
        if let Some(verdict) = self.kept(field) {
            self.push(field, verdict, Rendered::Bool(value));
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        let long = value.unsigned_abs() >= SHORTEST_SECRET_NUMBER;
        self.number(field, Rendered::I64(value), long, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        let long = value >= SHORTEST_SECRET_NUMBER;
        self.number(field, Rendered::U64(value), long, value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        let long = value.unsigned_abs() >= u128::from(SHORTEST_SECRET_NUMBER);
        self.scratch.signed.push(value);
        let number = Rendered::I128(self.scratch.signed.len() - 1);
        self.number(field, number, long, value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        let long = value >= u128::from(SHORTEST_SECRET_NUMBER);
        self.scratch.unsigned.push(value);
        let number = Rendered::U128(self.scratch.unsigned.len() - 1);
        self.number(field, number, long, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // Printing a number with decimals costs more than all the rest, and few names make it tell.
        let long = value.abs() >= SHORTEST_SECRET_NUMBER as f64
            || (value.fract() != 0.0 && self.name(field).hides_decimals);
        self.number(field, Rendered::F64(value), long, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let Some(verdict) = self.kept(field) else {
            return;
        };
        let start = self.scratch.printed.len();
        self.scratch.printed.push_str(&within_bound(value));
        let range = self.printed_from(start);
        self.push(field, verdict, Rendered::Str(range));
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        let Some(verdict) = self.kept(field) else {
            return;
        };
        let value = value.get(..MAX_VALUE_BYTES).unwrap_or(value);
        let start = self.scratch.bytes.len();
        if verdict == KeyVerdict::Keep {
            // Printed as a list of numbers, text would slip past every rule.
            for chunk in value.utf8_chunks() {
                let clean = self.rules.sanitize_kept(field.name(), chunk.valid());
                self.scratch.bytes.extend_from_slice(clean.as_bytes());
                self.scratch.bytes.extend_from_slice(chunk.invalid());
            }
        } else {
            let text = String::from_utf8_lossy(value);
            let clean = self.rules.sanitize_value(field.name(), &text);
            self.scratch.bytes.extend_from_slice(clean.as_bytes());
        }
        let range = start..self.scratch.bytes.len();
        self.push(field, verdict, Rendered::Bytes(range));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let Some(verdict) = self.kept(field) else {
            return;
        };
        let error = CleanError::new(value, &mut |text| {
            let mut printed = String::new();
            print(text, &mut printed);
            let clean = self.rules.sanitize_value(field.name(), &printed);
            clean.into_owned()
        });
        self.push(field, verdict, Rendered::Error(Box::new(error)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let Some(verdict) = self.kept(field) else {
            return;
        };
        let start = self.scratch.printed.len();
        print(value, &mut self.scratch.printed);
        let range = self.printed_from(start);
        self.push(field, verdict, Rendered::Debug(range));
    }
}

impl<'a> Renderer<'a> {
    pub(super) fn new(
        rules: &'a Rules,
        rewriter: RewriterId,
        scratch: &'a mut Scratch,
    ) -> Renderer<'a> {
        Renderer {
            rules,
            rewriter,
            scratch,
            keeps_fields: false,
        }
    }

    /// Also keeps the fields themselves, which a late record is rebuilt from.
    pub(super) fn keeping_fields(self) -> Renderer<'a> {
        Renderer {
            keeps_fields: true,
            ..self
        }
    }

    /// What the rules say of the field's name; `None` if it is left out.
    fn kept(&mut self, field: &Field) -> Option<KeyVerdict> {
        let verdict = self.name(field).verdict;
        (verdict != KeyVerdict::Drop).then_some(verdict)
    }

    #[inline]
    fn name(&mut self, field: &Field) -> Name {
        let keys = &mut self.scratch.keys;
        keys.name(self.rules, self.rewriter, field.name())
    }

    // Inlined so that the value is built where it will lie.
    #[inline(always)]
    fn push(&mut self, field: &Field, verdict: KeyVerdict, value: Rendered) {
        if self.keeps_fields {
            self.scratch.fields.push(field.clone());
        }
        self.scratch.recorded.push(Recorded {
            name: field.name(),
            index: field.index(),
            value,
            verdict,
            suspect: false,
        });
    }

    /// The text printed from `start` on, which a NUL sets off from the next.
    fn printed_from(&mut self, start: usize) -> Range<usize> {
        let end = self.scratch.printed.len();
        self.scratch.printed.push('\0');
        start..end
    }

    /// Keeps a number as it is unless its name or, if it is `long` enough, its digits give it away.
    fn number(&mut self, field: &Field, number: Rendered, long: bool, text: impl fmt::Display) {
        let Some(verdict) = self.kept(field) else {
            return;
        };
        if verdict == KeyVerdict::Keep && !long {
            return self.push(field, verdict, number);
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
            return self.push(field, verdict, number);
        };
        self.scratch.printed.push_str(&clean);
        let range = self.printed_from(start);
        self.push(field, verdict, Rendered::Str(range));
    }
}

/// Appends the `Debug` text of `value`, or what stands for it if it has none.
fn print(value: &dyn fmt::Debug, text: &mut String) {
    let start = text.len();
    let Some(_nested) = Nested::enter() else {
        text.push_str(UNPRINTABLE);
        return;
    };
    let mut room = Room {
        left: MAX_VALUE_BYTES,
        text,
    };
    let printed = catch_unwind(AssertUnwindSafe(|| write!(room, "{value:?}")));
    let full = room.left == 0;
    match printed {
        Ok(Ok(())) => {}
        Ok(Err(fmt::Error)) if full => {
            text.truncate(last_word(text, start));
            text.push_str(TRUNCATED);
        }
        Ok(Err(fmt::Error)) | Err(_) => {
            text.truncate(start);
            text.push_str(UNPRINTABLE);
        }
    }
}

/// `value`, or its head if it is over the bound.
fn within_bound(value: &str) -> Cow<'_, str> {
    if value.len() <= MAX_VALUE_BYTES {
        return Cow::Borrowed(value);
    }
    let mut head = head(value, MAX_VALUE_BYTES).to_owned();
    head.truncate(last_word(&head, 0));
    head.push_str(TRUNCATED);
    Cow::Owned(head)
}

/// The longest head of `text` of at most `bytes` that ends between two characters.
fn head(text: &str, bytes: usize) -> &str {
    let mut ends = (0..=bytes).rev();
    ends.find_map(|end| text.get(..end)).unwrap_or_default()
}

/// Where the last word of the text that began at `start` begins, looking back a bounded way.
fn last_word(text: &str, start: usize) -> usize {
    let text = text.as_bytes();
    let floor = text.len().saturating_sub(MAX_LAST_WORD_BYTES).max(start);
    let tail = text.get(floor..).unwrap_or_default();
    let word = tail.iter().rposition(u8::is_ascii_whitespace);
    word.map_or(text.len(), |at| floor + at + 1)
}

/// A text that takes no more than it has room for.
struct Room<'a> {
    text: &'a mut String,
    /// Bytes; zero once something did not fit.
    left: usize,
}

impl fmt::Write for Room<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        if let Some(left) = self.left.checked_sub(piece.len()) {
            self.text.push_str(piece);
            self.left = left;
            return Ok(());
        }
        self.text.push_str(head(piece, self.left));
        self.left = 0;
        Err(fmt::Error)
    }
}

/// One rendering on this thread, counted while it lasts.
struct Nested;

impl Nested {
    /// `None` if too many are under way already.
    fn enter() -> Option<Nested> {
        let depth = RENDERING.get();
        (depth < MAX_NESTED_RENDERINGS).then(|| {
            RENDERING.set(depth + 1);
            Nested
        })
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        RENDERING.set(RENDERING.get().saturating_sub(1));
    }
}

/// Whether this thread is inside a value's own printing.
pub(crate) fn is_rendering() -> bool {
    RENDERING.get() > 0
}

thread_local! {
    static RENDERING: Cell<u8> = const { Cell::new(0) };
}

/// Numbers below this have fewer than nine digits: too few for a social security, telephone or
/// card number, so only their name can give them away.
const SHORTEST_SECRET_NUMBER: u64 = 100_000_000;
