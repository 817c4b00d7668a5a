//! The memory that rewriting works in, kept by each thread from event to event.
//!
//! It is taken out of its thread-local while in use: an event logged from within finds the place
//! empty and works in fresh memory, so nothing is ever borrowed across foreign code. In the
//! steady state no event allocates.

use std::{cell::Cell, error::Error, ops::Range, rc::Rc};

use tracing_core::Field;

use super::{
    limits::{MAX_KEPT_BYTES, MAX_KEPT_VALUES},
    repeat::Repeats,
};
use crate::KeyVerdict;

/// What one event's visit left behind.
#[derive(Debug)]
pub(super) struct Scratch {
    /// All text of the event as it was printed, each value followed by a NUL.
    pub(super) printed: String,
    /// All clean text of the event; in `printed`'s order, with or without the NULs.
    pub(super) text: String,
    /// All clean byte strings of the event, end to end.
    pub(super) bytes: Vec<u8>,
    /// All numbers of 128 bits.
    pub(super) signed: Vec<i128>,
    pub(super) unsigned: Vec<u128>,
    /// All errors.
    pub(super) errors: Vec<Box<dyn Error + 'static>>,
    /// The values in the order they were visited.
    pub(super) recorded: Vec<Recorded>,
    /// Their fields, which only a late record needs to have kept.
    pub(super) fields: Vec<Field>,
    /// Whether the first value is the event's message, as tracing's macros have it.
    pub(super) begins_with_message: bool,
    /// Whether a name tells something of its value.
    pub(super) named: bool,
    /// Survives from event to event.
    pub(super) repeats: Repeats,
}

/// One field with its clean value.
#[derive(Debug)]
pub(super) struct Recorded {
    /// The field's place in its set.
    pub(super) index: usize,
    pub(super) value: Rendered,
    /// What the rules say of the field's name.
    pub(super) verdict: KeyVerdict,
    /// Whether the name may tell what the text does not, and the text is of that kind; once all text
    /// is settled, whether it had to be sanitized by itself.
    pub(super) suspect: bool,
}

/// A value of the kind it was recorded as; text and bytes lie in [`Scratch`].
///
/// The widest numbers and the errors lie in [`Scratch`] too: they would make every value larger,
/// slower to move, and in need of being dropped. Text refers to `printed` until it is settled, then
/// to `text`; all else is clean from the start.
#[derive(Debug)]
pub(super) enum Rendered {
    Bool(bool),
    I64(i64),
    U64(u64),
    I128(usize),
    U128(usize),
    F64(f64),
    Str(Range<usize>),
    Debug(Range<usize>),
    Bytes(Range<usize>),
    Error(usize),
}

impl Scratch {
    /// Has this thread's scratch filled, empty as it is, and then lent to `lend`; a new one if that
    /// is in use further up the stack, or if the thread is ending.
    #[inline]
    pub(super) fn with<R>(
        fill: impl FnOnce(&mut Scratch),
        lend: impl FnOnce(&Rc<Scratch>) -> R,
    ) -> R {
        let kept = KEPT.try_with(Cell::take).ok().flatten();
        let mut scratch = kept.unwrap_or_else(|| Rc::new(Scratch::new()));
        // Nobody else has it, here as below: whoever it was lent to has given it back.
        if let Some(scratch) = Rc::get_mut(&mut scratch) {
            fill(scratch);
        }
        // Should one of the two panic, the scratch goes with it and the next event makes another.
        let result = lend(&scratch);
        if let Some(mine) = Rc::get_mut(&mut scratch) {
            mine.clear();
            // An ending thread keeps nothing, which is what dropping the scratch here amounts to.
            let _ = KEPT.try_with(|kept| kept.set(Some(scratch)));
        }
        result
    }

    /// A clean text, once it is settled.
    #[inline(always)]
    pub(super) fn text(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// The clean message, once it is settled, where it stands first.
    #[inline]
    pub(super) fn message(&self) -> Option<&str> {
        let first = self.recorded.first().filter(|_| self.begins_with_message)?;
        match &first.value {
            Rendered::Str(range) | Rendered::Debug(range) => self.text.get(range.clone()),
            _ => None,
        }
    }

    fn new() -> Scratch {
        Scratch {
            printed: String::new(),
            text: String::new(),
            bytes: Vec::new(),
            signed: Vec::new(),
            unsigned: Vec::new(),
            errors: Vec::new(),
            recorded: Vec::new(),
            fields: Vec::new(),
            begins_with_message: false,
            named: false,
            repeats: Repeats::default(),
        }
    }

    fn clear(&mut self) {
        for text in [&mut self.printed, &mut self.text] {
            text.clear();
            if text.capacity() > MAX_KEPT_BYTES {
                text.shrink_to(MAX_KEPT_BYTES);
            }
        }
        self.begins_with_message = false;
        self.named = false;
        clear(&mut self.bytes, MAX_KEPT_BYTES);
        clear(&mut self.signed, MAX_KEPT_VALUES);
        clear(&mut self.unsigned, MAX_KEPT_VALUES);
        clear(&mut self.errors, MAX_KEPT_VALUES);
        clear(&mut self.recorded, MAX_KEPT_VALUES);
        clear(&mut self.fields, MAX_KEPT_VALUES);
    }
}

#[inline]
fn clear<T>(values: &mut Vec<T>, kept: usize) {
    if !values.is_empty() {
        values.clear();
        if values.capacity() > kept {
            values.shrink_to(kept);
        }
    }
}

thread_local! {
    static KEPT: Cell<Option<Rc<Scratch>>> = const { Cell::new(None) };
}
