//! Names and values that no separator joins: `{password,<<"…">>}`, `:password "…"`, and the parts of
//! a form.

use super::ends::{closing_quote, opening_quote};
use crate::rules::catalog::Rule;
use crate::rules::entropy::is_benign_word;
use crate::rules::keys::{MAX_KEY_BYTES, Strength};
use crate::rules::scan::Scan;
use crate::rules::steps::steps;

/// No value of these is longer.
const MAX_VALUE_BYTES: usize = 512;

impl Scan<'_> {
    /// `{password,<<"hunter2">>}` in Erlang; the first `>` is at `at`, behind a quote.
    pub(super) fn binary(&mut self, at: usize) {
        let b = self.b;
        let floor = at.saturating_sub(MAX_VALUE_BYTES);
        let Some(stop) = at.checked_sub(1).filter(|stop| b[*stop] == b'"') else {
            return;
        };
        let Some(open) = memchr::memrchr(b'"', &b[floor..stop]).map(|n| floor + n) else {
            return;
        };
        steps(at - open);
        let Some(before) = b[..open].strip_suffix(b"<<") else {
            return;
        };
        let before = before.trim_ascii_end();
        let Some(name) = before.strip_suffix(b",") else {
            return;
        };
        let name = name.strip_suffix(b"\">>").unwrap_or(name);
        let length = name.iter().rev().take(MAX_KEY_BYTES);
        let length = length.take_while(|c| is_part(**c)).count();
        self.told_value(&name[name.len() - length..], open + 1, stop);
    }

    /// Whether `:password "hunter2"` begins with the colon at `at`, and not the value of a pair
    /// before a string: `password :hunter2 "…"`.
    pub(super) fn keyword(&mut self, at: usize) -> bool {
        let b = self.b;
        let name = b[at + 1..].iter().take(MAX_KEY_BYTES);
        let end = at + 1 + name.take_while(|c| is_part(**c)).count();
        if end == at + 1 || !b[end..].starts_with(b" \"") {
            return false;
        }
        let Some((open, mark)) = opening_quote(b, end + 1) else {
            return false;
        };
        let stop = closing_quote(b, open, mark.0, mark.1);
        self.looked(stop - at);
        let name = &b[at + 1..end];
        self.told_value(name, open, stop);
        self.table.strength(name).is_some()
    }

    /// `form-data; name="pin"`, an empty line, and the part's text; the quote is at `at`.
    pub(super) fn part(&mut self, at: usize) {
        let b = self.b;
        let name = b[at + 1..].iter().take(MAX_KEY_BYTES);
        let end = at + 1 + name.take_while(|c| is_part(**c)).count();
        let breaks = [
            &b"\"\r\n\r\n"[..],
            b"\"\n\n",
            b"\"\\r\\n\\r\\n",
            b"\"\\n\\n",
        ];
        let Some(gap) = breaks.iter().find(|gap| b[end..].starts_with(gap)) else {
            return;
        };
        let open = end + gap.len();
        let text = b[open..].iter().take(MAX_VALUE_BYTES);
        let length = text.take_while(|c| !matches!(c, b'\r' | b'\n' | b'\\' | b'"'));
        let stop = open + length.count();
        self.looked(stop - at);
        self.told_value(&b[at + 1..end], open, stop);
    }

    fn told_value(&mut self, name: &[u8], open: usize, stop: usize) {
        let value = &self.b[open..stop];
        if self.table.strength(name) > Some(Strength::Hint)
            && !value.is_empty()
            && !is_benign_word(value)
            && !self.is_marker(value)
        {
            self.push(open, stop, Rule::Key);
        }
    }
}

fn is_part(c: u8) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.')
}
