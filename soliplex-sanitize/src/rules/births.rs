//! The day on which somebody was born: `born 1980-02-03`, `DOB 02/03/1980`.
//!
//! A date is one only behind a word that says so; most dates are those of logs.

use super::catalog::Rule;
use super::scan::Scan;

/// How far before a date the word that says so is looked for.
const MAX_WORDS: usize = 3;

/// `1980-02-03` and `02/03/1980`.
const DATE_BYTES: usize = 10;

impl Scan<'_> {
    /// Looks at a year that begins at `start`.
    pub(super) fn born_in(&mut self, start: usize) -> bool {
        let b = self.b;
        let Some(date) = b.get(start..start + DATE_BYTES) else {
            return false;
        };
        let dated = date[4] == b'-' && date[7] == b'-' && is_day(&date[8..], &date[5..7]);
        self.birth(start, dated && is_year(&date[..4]))
    }

    /// Looks at a year of a century that people live in, which ends at `at`, with a day and a month
    /// before it in either order; the gate has seen that ten bytes are there.
    pub(super) fn born_until(&mut self, at: usize) -> bool {
        let b = self.b;
        let start = at + 1 - DATE_BYTES;
        let date = &b[start..=at];
        let (first, second) = (&date[..2], &date[3..5]);
        let dated = date[2] == date[5] && (is_day(first, second) || is_day(second, first));
        self.birth(start, dated)
    }

    fn birth(&mut self, start: usize, is_date: bool) -> bool {
        let b = self.b;
        let end = start + DATE_BYTES;
        let edge = |c: Option<&u8>| c.is_some_and(u8::is_ascii_alphanumeric);
        let alone = !edge(start.checked_sub(1).map(|at| &b[at])) && !edge(b.get(end));
        let found = is_date && alone && follows_birth(&b[..start]);
        if found {
            self.push(start, end, Rule::Birth);
        }
        found
    }
}

/// Whether the words before a date say that somebody was born then.
fn follows_birth(text: &[u8]) -> bool {
    let mut rest = text;
    for _ in 0..MAX_WORDS {
        let apart = rest.iter().rev().take(3);
        let apart =
            apart.take_while(|c| matches!(c, b' ' | b':' | b'=' | b'(' | b'.' | b'"' | b'_'));
        rest = &rest[..rest.len() - apart.count()];
        let letters = rest.iter().rev().take(14);
        let length = letters.take_while(|c| c.is_ascii_alphabetic()).count();
        let (before, word) = rest.split_at(rest.len() - length);
        let is = |words: &[&str]| {
            let mut words = words.iter();
            words.any(|w| word.eq_ignore_ascii_case(w.as_bytes()))
        };
        if is(BIRTHS)
            || is(&["b"])
                && before.len() > 3
                && before[before.len() - 4..].eq_ignore_ascii_case(b"d.o.")
        {
            return true;
        }
        if !is(&["on", "is", "was", "am", "date", "the", "of"]) {
            return false;
        }
        rest = before;
    }
    false
}

const BIRTHS: &[&str] = &[
    "born",
    "dob",
    "birth",
    "birthday",
    "birthdate",
    "geb",
    "geboren",
    "geburtsdatum",
    "naissance",
    "nacimiento",
];

fn is_year(digits: &[u8]) -> bool {
    digits.iter().all(u8::is_ascii_digit) && matches!(&digits[..2], b"19" | b"20")
}

/// Whether a month has such a day, or some month does.
fn is_day(day: &[u8], month: &[u8]) -> bool {
    let number = |two: &[u8]| match two {
        [a @ b'0'..=b'9', b @ b'0'..=b'9'] => Some((a - b'0') * 10 + (b - b'0')),
        _ => None,
    };
    matches!((number(day), number(month)), (Some(1..=31), Some(1..=12)))
}
