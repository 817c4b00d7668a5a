//! Names that are not sensitive by themselves, and say so only of some values.

use super::{ASSERTION, Key, bare_end, opening_quote};
use crate::rules::catalog::Rule;
use crate::rules::keys::{MAX_KEY_BYTES, Strength};
use crate::rules::scan::Scan;

/// No authorization code and no ticket is shorter.
const MIN_GRANT_BYTES: usize = 12;

/// Fifteen digits and as many separators as anyone writes.
const MAX_PHONE_BYTES: usize = 28;

impl Scan<'_> {
    /// What was granted to a client, in the query of the address it comes back by.
    pub(super) fn grant(&mut self, key: &Key, at: usize) -> bool {
        let b = self.b;
        let name = &b[key.start..key.end];
        let in_query = key.start > 0 && matches!(b[key.start - 1], b'?' | b'&' | b'#');
        let granted = name.eq_ignore_ascii_case(b"code") || name.eq_ignore_ascii_case(b"ticket");
        let asserted = name.eq_ignore_ascii_case(ASSERTION);
        if !(in_query && granted || asserted) {
            return false;
        }
        let end = bare_end(b, at, false);
        let value = &b[at..end];
        let any = |is: fn(&u8) -> bool| value.iter().any(is);
        let drawn = any(u8::is_ascii_digit) && any(u8::is_ascii_alphabetic)
            || any(u8::is_ascii_lowercase) && any(u8::is_ascii_uppercase);
        let secret = value.len() >= MIN_GRANT_BYTES && drawn;
        if secret {
            self.push(at, end, Rule::Key);
        }
        secret
    }

    /// `<add key="Password" value="…"/>`: the name stands in the attribute before.
    pub(super) fn attribute(&self, key: &Key) -> Option<Strength> {
        let b = self.b;
        if !b[key.start..key.end].eq_ignore_ascii_case(b"value") {
            return None;
        }
        let before = b[..key.start].trim_ascii_end().strip_suffix(b"\"")?;
        let floor = before.len().saturating_sub(MAX_KEY_BYTES);
        let open = floor + before[floor..].iter().rposition(|c| *c == b'"')?;
        let names = [&b"key="[..], b"name="];
        names
            .iter()
            .any(|name| before[..open].ends_with(name))
            .then(|| self.table.strength(&before[open + 1..]))?
    }

    /// A telephone number in whatever groups, after a name that says so.
    pub(super) fn contact(&mut self, key: &Key, at: usize) {
        let b = self.b;
        let name = &b[key.start..key.end];
        let called = [
            "phone",
            "mobile",
            "tel",
            "cell",
            "telefon",
            "fax",
            "handy",
            "telephone",
        ]
        .iter()
        .any(|word| name.eq_ignore_ascii_case(word.as_bytes()));
        if !called {
            return;
        }
        let at = opening_quote(b, at).map_or(at, |(open, _)| open);
        // A sign is not part of one.
        if b.get(at) == Some(&b'-') {
            return;
        }
        let length = b[at..]
            .iter()
            .take(MAX_PHONE_BYTES)
            .take_while(|c| {
                c.is_ascii_digit() || matches!(c, b' ' | b'-' | b'.' | b'/' | b'(' | b')' | b'+')
            })
            .count();
        let Some(last) = b[at..at + length].iter().rposition(u8::is_ascii_digit) else {
            return;
        };
        let end = at + last + 1;
        let number = &b[at..end];
        let count = |is: fn(&&u8) -> bool| number.iter().filter(is).count();
        let digits = count(|c| c.is_ascii_digit());
        let grouped = count(|c| matches!(c, b' ' | b'-' | b'/')) > 0;
        // A plain number is one of eight digits or more, and has no decimals.
        let whole = count(|c| **c == b'.') != 1;
        let goes_on = b
            .get(end)
            .is_some_and(|c| c.is_ascii_alphanumeric() || *c == b'_');
        if (grouped && digits == 7 || (8..=15).contains(&digits)) && (grouped || whole) && !goes_on
        {
            self.push(at, end, Rule::Phone);
        }
    }
}
