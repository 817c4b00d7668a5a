//! Printing what is not ours to trust: it may panic, have no end, be huge, or log itself.

use std::{
    cell::Cell,
    fmt::{self, Write as _},
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::limits::{
    MAX_LAST_WORD_BYTES, MAX_NESTED_RENDERINGS, MAX_VALUE_BYTES, TRUNCATED, UNPRINTABLE,
};

/// Appends the `Debug` text of `value`, or what stands for it if it has none.
pub(super) fn print(value: &dyn fmt::Debug, text: &mut String) {
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
            text.truncate(last_word(text.as_bytes(), start));
            text.push_str(TRUNCATED);
        }
        Ok(Err(fmt::Error)) | Err(_) => {
            text.truncate(start);
            text.push_str(UNPRINTABLE);
        }
    }
}

/// Appends the head of a value that is over the bound.
#[cold]
pub(super) fn push_head(value: &str, text: &mut String) {
    let head = head(value, MAX_VALUE_BYTES);
    text.push_str(head.split_at(last_word(head.as_bytes(), 0)).0);
    text.push_str(TRUNCATED);
}

/// The head of a byte string and what ends it: nothing, unless it is over the bound.
pub(super) fn bytes_head(value: &[u8]) -> (&[u8], &'static str) {
    match value.get(..MAX_VALUE_BYTES) {
        Some(head) if head.len() < value.len() => (head.split_at(last_word(head, 0)).0, TRUNCATED),
        _ => (value, ""),
    }
}

/// The longest head of `text` of at most `bytes` that ends between two characters.
fn head(text: &str, bytes: usize) -> &str {
    let mut ends = (0..=bytes).rev();
    ends.find_map(|end| text.get(..end)).unwrap_or_default()
}

/// Where the last word of the text that began at `start` begins, looking back a bounded way.
fn last_word(text: &[u8], start: usize) -> usize {
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
