//! Numbers and quotes inside JSON, which must stay JSON when a number becomes a marker.

use super::Scan;
use crate::rules::steps::steps;

impl Scan<'_> {
    /// Whether the range is a bare number in JSON, whose marker must be quoted to stay JSON, and
    /// the backslashes such a quote needs.
    pub(super) fn json_number(&self, start: usize, end: usize) -> Option<u8> {
        let b = self.b;
        if !b[start..end]
            .iter()
            .all(|c| c.is_ascii_digit() || matches!(c, b'-' | b'.'))
        {
            return None;
        }
        // An address has more of them.
        if b[start..end].iter().filter(|c| **c == b'.').count() > 1 {
            return None;
        }
        let after = b[end..].iter().find(|c| !c.is_ascii_whitespace());
        if !matches!(after, Some(b',' | b'}' | b']')) {
            return None;
        }
        let left = b[..start].trim_ascii_end();
        match left.last() {
            Some(b':') => {
                let name = left[..left.len() - 1]
                    .trim_ascii_end()
                    .strip_suffix(b"\"")?;
                // A name may begin with a colon, too.
                if name.ends_with(b"{") {
                    return None;
                }
                Some(own_slashes(name) as u8)
            }
            Some(b'[' | b',') if self.is_structure && !self.is_in_string(start) => {
                Some(self.nesting(start))
            }
            _ => None,
        }
    }

    /// Whether a string that is no JSON of its own is open at `at`, judged by the nearest quote
    /// before it that can only open a string or only close one.
    fn is_in_string(&self, at: usize) -> bool {
        let b = self.b;
        let floor = at.saturating_sub(MAX_ELEMENT_BYTES);
        let mut level = None;
        let mut in_string = false;
        let mut until = at;
        while let Some(quote) = memchr::memrchr(b'"', &b[floor..until]).map(|n| floor + n) {
            steps(until - quote);
            until = quote;
            let own = own_slashes(&b[..quote]);
            if *level.get_or_insert(own) != own {
                continue;
            }
            let before = b[..quote - own].trim_ascii_end().last();
            let after = b[quote + 1..].trim_ascii_start().first();
            if matches!(after, Some(b'[' | b'{')) {
                return false;
            }
            let opens = matches!(before, None | Some(b'[' | b'{' | b',' | b':'));
            let closes = matches!(after, None | Some(b',' | b']' | b'}' | b':'));
            if opens != closes {
                return opens != in_string;
            }
            in_string = !in_string;
        }
        in_string
    }

    /// The backslashes that a quote at `at` would need, judged by the nearest quote before it: JSON
    /// inside a JSON string has one more than the string's own.
    fn nesting(&self, at: usize) -> u8 {
        let b = self.b;
        let floor = at.saturating_sub(MAX_ELEMENT_BYTES);
        let Some(quote) = b[floor..at]
            .iter()
            .rposition(|c| *c == b'"')
            .map(|n| floor + n)
        else {
            return 0;
        };
        let own = own_slashes(&b[..quote]) as u8;
        let opens = matches!(b.get(quote + 1), Some(b'[' | b'{'));
        if opens { 2 * own + 1 } else { own }
    }
}

/// How far before a number in a list a quote is looked for.
const MAX_ELEMENT_BYTES: usize = 256;

/// Strings inside strings are told this deep; a quote there has fifteen backslashes.
const MAX_QUOTING: u32 = 4;

/// The backslashes that are the quote's own, of those that `text` before it ends in. Strings inside
/// strings give a quote 1, 3 or 7, and each backslash that ends the quoted text twice as many as
/// the quote's own and two more: the own ones are the lowest bits of the sum.
pub(in crate::rules) fn own_slashes(text: &[u8]) -> usize {
    let run = text.iter().rev().take_while(|c| **c == b'\\').count();
    steps(run);
    (1 << run.trailing_ones().min(MAX_QUOTING)) - 1
}
