//! What is said to a server, and other values that no name tells, but where they stand:
//! `AUTH hunter2`, `a1 LOGIN ann hunter2`, `db.example.org:5432:shop:app:hunter2`.

use super::ends::{after_separator, bare_end, closing_quote, opening_quote};
use super::key::Look;
use crate::rules::catalog::Rule;
use crate::rules::keys::Strength;
use crate::rules::prose::is_mixed;
use crate::rules::scan::Scan;

/// A verb has so many arguments that the last one can be a password.
const MAX_ARGUMENTS: usize = 4;

/// The fields of a line of a file of passwords, of which the last is one.
const FIELDS: usize = 4;

/// The longest of them.
const MAX_FIELD_BYTES: usize = 64;

impl Scan<'_> {
    /// Looks at the separator at `at`, whose name is no name.
    pub(super) fn told_by_place(&mut self, at: usize, look: Look) {
        let b = self.b;
        if look == Look::Host {
            return self.listed_password(at);
        }
        if look == Look::Part {
            return self.part(at + 1);
        }
        let Some(value_at) = after_separator(b, at) else {
            return;
        };
        if look == Look::Spelled {
            self.value_within(value_at, Strength::Certain, b'=', None, 0);
        } else {
            self.spoken(value_at);
        }
    }

    /// `HOST:5432:database:user:password`, as PostgreSQL's clients keep them; the first colon is at
    /// `at`.
    fn listed_password(&mut self, at: usize) {
        let b = self.b;
        let mut from = at + 1;
        for n in 1..FIELDS {
            let field = b[from..].iter().take(MAX_FIELD_BYTES);
            let part = |c: &u8| c.is_ascii_graphic() && !matches!(c, b':' | b'/' | b'"' | b',');
            let length = field.take_while(|c| part(c)).count();
            let field = &b[from..from + length];
            let is_port = (4..=5).contains(&length) && field.iter().all(u8::is_ascii_digit);
            if length == 0 || n == 1 && !is_port || b.get(from + length) != Some(&b':') {
                return;
            }
            from += length + 1;
        }
        let end = bare_end(b, from, false);
        let last = b
            .get(end)
            .is_none_or(|c| matches!(c, b'\n' | b'\r' | b'"' | b'\'' | b'\\'));
        if is_mixed(&b[from..end]) && last && !b[from..end].contains(&b':') {
            self.looked(end - at);
            self.push(from, end, Rule::Key);
        }
    }

    /// `AUTH …`, `"auth" "…"`, `a1 LOGIN ann …` at `at`.
    pub(in crate::rules) fn spoken(&mut self, at: usize) {
        let b = self.b;
        // A tag, as mail is asked for with.
        let (first, next) = argument(b, at);
        let is = |word: (usize, usize), verb: &str| {
            b[word.0..word.1].eq_ignore_ascii_case(verb.as_bytes())
        };
        let (second, after) = argument(b, next);
        let (arguments, login) = if is(first, "AUTH") {
            (next, false)
        } else if is(first, "LOGIN") {
            (next, true)
        } else if is(second, "LOGIN") {
            (after, true)
        } else if is(first, "HELLO") && is(argument(b, after).0, "AUTH") {
            (argument(b, after).1, false)
        } else {
            return;
        };
        let mut last = None;
        let mut rest = arguments;
        for n in 0..MAX_ARGUMENTS {
            let (word, next) = argument(b, rest);
            if word.0 == word.1 {
                break;
            }
            last = Some((n, word));
            rest = next;
        }
        let Some((n, (open, stop))) = last else {
            return;
        };
        let counted = if login { n == 1 } else { n < 2 };
        let value = &b[open..stop];
        self.looked(stop - at);
        if counted && is_mixed(value) && !self.is_marker(value) {
            self.push(open, stop, Rule::Key);
        }
    }
}

/// The word at `at`, quoted or not, and where the next one begins; empty at the end of a line.
fn argument(b: &[u8], at: usize) -> ((usize, usize), usize) {
    let at = at.min(b.len());
    let (open, stop, end) = match opening_quote(b, at) {
        Some((open, mark)) => {
            let stop = closing_quote(b, open, mark.0, mark.1);
            (open, stop, (stop + mark.1 + 1).min(b.len()))
        }
        None => {
            let part = |c: &&u8| c.is_ascii_graphic() && !matches!(c, b'"' | b'\'' | b'\\' | b']');
            let length = b[at..].iter().take(MAX_WORD_BYTES).take_while(part).count();
            (at, at + length, at + length)
        }
    };
    let spaces = b[end..].iter().take(2).take_while(|c| **c == b' ').count();
    ((open, stop), end + spaces)
}

/// No password is longer.
const MAX_WORD_BYTES: usize = 128;
