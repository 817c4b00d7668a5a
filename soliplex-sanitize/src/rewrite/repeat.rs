//! Text that was found clean a moment ago.
//!
//! What a callsite says is mostly what it said the last time: a literal message, a method, a route.
//! A thread remembers the last clean text of its callsites, and what is the same byte for byte need
//! not be looked at again. Only text in which no rule sees anything is kept.

use super::scratch::{Recorded, Rendered};
use crate::rules::Names;

/// Callsites remembered by one thread; those that share a place take turns.
const PLACES: usize = 64;

/// Longer text varies, and would be copied for nothing.
const MAX_BYTES: usize = 256;

/// So often in a row may a callsite say something new before it is taken for one that always does.
const MAX_CHANGES: u8 = 8;

/// So many changes are made up for by one repeat: what comes back now and then is no text that stays.
const WORTH_OF_A_REPEAT: u8 = 4;

/// The last clean texts of one thread.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    /// Empty until something is remembered, and of [`PLACES`] from then on.
    places: Vec<Last>,
}

/// The last clean text of one callsite.
#[derive(Debug, Default)]
struct Last {
    /// Whose it is, as told by the names' id; zero for none.
    names: u64,
    /// Where each value in it ends.
    ends: Ends,
    /// How often something else was said here than before, less what repeats have made up for.
    changes: u8,
    text: String,
}

/// Where the values of a text end, and whose they are, sixteen bits a value: a NUL inside a value
/// must not pass for the one behind it, nor what was harmless under one name for the same under
/// another, where a field that is absent prints nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ends(u128);

impl Default for Ends {
    /// No value yet. Zero is left for more than can be told.
    fn default() -> Ends {
        Ends(1)
    }
}

impl Ends {
    /// Those of all texts among these values.
    fn of(recorded: &[Recorded]) -> Ends {
        let mut ends = Ends::default();
        for recorded in recorded {
            if let Rendered::Str(range) | Rendered::Debug(range) = &recorded.value {
                ends.add(recorded.index, range.end);
            }
        }
        ends
    }

    /// One more value, that of the field at `index`, which ends here.
    fn add(&mut self, index: usize, end: usize) {
        let room = self.0.leading_zeros() >= 16 && self.0 != 0 && index < 1 << 7;
        self.0 = if room {
            self.0 << 16 | (index << 9 | end & 0x1ff) as u128
        } else {
            0
        };
    }
}

impl Repeats {
    /// Whether this is what the callsite said the last time, and it was clean.
    #[inline]
    pub(super) fn knows(&mut self, names: &Names, recorded: &[Recorded], printed: &str) -> bool {
        let Some(last) = self.places.get_mut(place(names)) else {
            return false;
        };
        // Most of what is another text is told by the first look.
        let known =
            last.names == names.id && last.text == printed && last.ends == Ends::of(recorded);
        if known {
            last.changes = last.changes.saturating_sub(WORTH_OF_A_REPEAT);
        }
        known
    }

    /// Keeps what the callsite has said, which was clean.
    pub(super) fn keep(&mut self, names: &Names, recorded: &[Recorded], printed: &str) {
        if names.id == 0 || printed.len() > MAX_BYTES {
            return;
        }
        if self.places.is_empty() {
            self.places.resize_with(PLACES, Last::default);
        }
        if let Some(last) = self.places.get_mut(place(names)) {
            // What never repeats itself is kept now and then, to see whether it has begun to.
            last.changes = last.changes.wrapping_add(1);
            if last.changes > MAX_CHANGES && !last.changes.is_multiple_of(MAX_CHANGES) {
                return;
            }
            let ends = Ends::of(recorded);
            if ends.0 == 0 {
                return;
            }
            last.names = names.id;
            last.ends = ends;
            last.text.clear();
            // At once as much as it may ever need, so that a longer text never allocates.
            last.text.reserve(MAX_BYTES);
            last.text.push_str(printed);
        }
    }
}

/// Ids are given one after the other, so callsites spread evenly.
#[inline]
fn place(names: &Names) -> usize {
    names.id as usize % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyVerdict;

    fn names(id: u64) -> Names {
        Names {
            id,
            names: Box::default(),
        }
    }

    /// Values as they lie in a scratch, each behind the one before it.
    fn values(texts: &[&str]) -> (Vec<Recorded>, String) {
        let (mut recorded, mut printed) = (Vec::new(), String::new());
        for (index, text) in texts.iter().enumerate() {
            let start = printed.len();
            printed.push_str(text);
            recorded.push(Recorded {
                index,
                value: Rendered::Str(start..printed.len()),
                verdict: KeyVerdict::Keep,
                suspect: false,
            });
            printed.push('\0');
        }
        (recorded, printed)
    }

    /// Whether `now` is taken for what was kept of `before`.
    fn check(before: (u64, &[&str]), now: (u64, &[&str]), expected: bool) {
        let mut repeats = Repeats::default();
        let (recorded, printed) = values(before.1);
        repeats.keep(&names(before.0), &recorded, &printed);
        let (recorded, printed) = values(now.1);
        let known = repeats.knows(&names(now.0), &recorded, &printed);
        assert_eq!(known, expected, "{before:?} {now:?}");
    }

    #[test]
    fn only_the_same_text_of_the_same_callsite_is_known() {
        check((1, &["GET", "done"]), (1, &["GET", "done"]), true);
        check((1, &["GET", "done"]), (1, &["PUT", "done"]), false);
        check((1, &["GET", "done"]), (2, &["GET", "done"]), false);
        check((1, &["GET"]), (1 + PLACES as u64, &["GET"]), false);
        // A callsite that is not remembered shares its id with others.
        check((0, &["GET"]), (0, &["GET"]), false);
    }

    #[test]
    fn a_callsite_that_begins_to_repeat_itself_is_noticed_soon() {
        let mut repeats = Repeats::default();
        let mut known = |text: &str| {
            let (recorded, printed) = values(&[text]);
            let known = repeats.knows(&names(1), &recorded, &printed);
            if !known {
                repeats.keep(&names(1), &recorded, &printed);
            }
            known
        };
        for n in 0..100 {
            assert!(!known(&n.to_string()), "{n} is new");
        }
        let first = (0..100).position(|_| known("the same"));
        assert!(
            first.is_some_and(|n| n <= usize::from(MAX_CHANGES)),
            "{first:?}"
        );
    }

    #[test]
    fn a_nul_inside_a_value_does_not_pass_for_its_end() {
        check((1, &["a\0b"]), (1, &["a", "b"]), false);
        check((1, &["a", "b"]), (1, &["a\0b"]), false);
        check((1, &["a\0", "b"]), (1, &["a", "\0b"]), false);
    }

    #[test]
    fn what_is_long_or_has_many_values_is_not_kept() {
        let long = "x".repeat(MAX_BYTES);
        check((1, &[&long]), (1, &[&long]), false);
        check((1, &[""; 8]), (1, &[""; 8]), false);
        check((1, &[""; 30]), (1, &[""; 30]), false);
        check((1, &[""; 7]), (1, &[""; 7]), true);
    }
}
