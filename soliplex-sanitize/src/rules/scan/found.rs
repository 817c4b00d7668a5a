//! What a reading has found, and what becomes of a text in which it found too much.

use std::cell::Cell;
use std::mem;

use super::MAX_SPANS;
use crate::rules::catalog::Rule;
use crate::rules::gate;
use crate::rules::span::{Fill, Source, Span};

/// What a reading has found.
pub(in crate::rules) struct Found {
    /// In order and without overlaps.
    pub(in crate::rules) spans: Vec<Span>,
    /// Whether every verifier has read its neighborhood only, and of a text in plain.
    pub(super) is_near: bool,
}

impl Found {
    /// Leaves its memory to the thread's next find.
    pub(in crate::rules) fn give_back(mut self) {
        if self.spans.capacity() <= MAX_KEPT_SPANS {
            self.spans.clear();
            // A thread that is ending keeps nothing.
            let _ = SPARE.try_with(|spare| spare.set(mem::take(&mut self.spans)));
        }
    }
}

/// Memory for spans, perhaps some that was given back.
pub(super) fn memory() -> Vec<Span> {
    SPARE.try_with(Cell::take).unwrap_or_default()
}

/// As many as a long line has.
const MAX_KEPT_SPANS: usize = 64;

thread_local! {
    static SPARE: Cell<Vec<Span>> = const { Cell::new(Vec::new()) };
}

/// Lets all go that follows `full_at`: from the last of the spans on that end well before it, where
/// there are so many, else from a space. Answers where that is.
pub(super) fn give_up_rest(full_at: usize, b: &[u8], spans: &mut Vec<Span>) -> usize {
    if full_at == usize::MAX {
        return b.len();
    }
    // Inside a window, shapes come in any order.
    let known = full_at.saturating_sub(gate::WINDOW);
    let start = if spans.len() < MAX_SPANS {
        memchr::memrchr2(b' ', b'\n', &b[..known]).map_or(0, |space| space + 1)
    } else {
        let ends = spans.iter().map(|span| span.end);
        let from = ends.filter(|end| *end <= known).max().unwrap_or(0);
        spans.retain(|span| span.start < from);
        // It begins inside the last one, but never inside a character.
        let mut start = from.saturating_sub(1);
        while start > 0 && b[start] & 0xc0 == 0x80 {
            start -= 1;
        }
        start
    };
    spans.push(Span {
        start,
        end: b.len(),
        source: Source::Builtin(Rule::Key),
        fill: Fill::Marker,
    });
    start
}
