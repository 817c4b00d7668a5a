//! Lists and maps under a sensitive name: all that is in them goes, and their shape stays.

use super::MAX_CONTAINER_BYTES;
use super::ends::{closes_string, closing_quote, is_quote_at, opening_quote, skip_spaces};
use super::shapes::is_number;
use crate::rules::catalog::Rule;
use crate::rules::entropy::is_benign_word;
use crate::rules::keys::{MAX_KEY_BYTES, Strength, is_set_to, is_setting};
use crate::rules::scan::Scan;
use crate::rules::span::Fill;
use crate::rules::steps::steps;

impl Scan<'_> {
    /// Redacts every string and number inside a list or map, keeping its shape; false when it does
    /// not end.
    pub(super) fn container(&mut self, at: usize, quote: Option<(u8, usize)>) -> bool {
        self.container_but(at, quote, false)
    }

    /// As [`Scan::container`]; of one that holds settings, what a setting is set to stays.
    pub(super) fn container_but(
        &mut self,
        at: usize,
        quote: Option<(u8, usize)>,
        settings: bool,
    ) -> bool {
        let b = self.b;
        let mut kept = false;
        let limit = b
            .len()
            .min(at + self.container_budget.min(MAX_CONTAINER_BYTES));
        let before = self.span_count();
        let mut depth = 0_usize;
        let mut i = at;
        while i < limit {
            match b[i] {
                b'[' if self.starts_with_marker(i) => {
                    i += memchr::memchr(b']', &b[i..]).unwrap_or(0);
                }
                b'{' | b'[' | b'(' => {
                    depth += 1;
                    kept = false;
                }
                b'}' | b']' | b')' => {
                    depth -= 1;
                    if depth == 0 {
                        steps(i - at);
                        self.looked(i - at);
                        self.container_until = i;
                        return true;
                    }
                }
                b'"' | b'\'' | b'\\' => {
                    let Some((open, mark)) = opening_quote(b, i) else {
                        i += 1;
                        continue;
                    };
                    if closes_string(b, open, mark.1, quote) {
                        break;
                    }
                    let end = closing_quote(b, open, mark.0, mark.1);
                    // Fewer backslashes end the text that the container stands in.
                    if mark.0 == b'"' && !is_quote_at(b, end, mark) {
                        break;
                    }
                    let after = skip_spaces(b, (end + mark.1 + 1).min(b.len()));
                    let is_name = b.get(after) == Some(&b':');
                    if is_name {
                        kept = settings && self.is_kept_setting(&b[open..end]);
                    } else if !(kept && is_set_to(&b[open..end]))
                        && end > open
                        && !self.is_marker(&b[open..end])
                    {
                        self.push(open, end, Rule::Key);
                    }
                    i = end + mark.1;
                }
                c if c.is_ascii_alphanumeric() || c == b'-' => {
                    let count = self.span_count();
                    let end = self.element(i, quote);
                    if kept && is_set_to(&b[i..end]) {
                        self.forget_spans(count);
                    }
                    if b.get(end) == Some(&b':') {
                        kept = settings && self.is_kept_setting(&b[i..end]);
                    }
                    i = end;
                    continue;
                }
                b',' => kept = false,
                _ => {}
            }
            i += 1;
        }
        steps(i.saturating_sub(at));
        self.looked(i.saturating_sub(at));
        // Containers that do not end may be read this often and no oftener.
        self.container_budget = self.container_budget.saturating_sub(i.saturating_sub(at));
        self.forget_spans(before);
        false
    }

    fn is_kept_setting(&self, name: &[u8]) -> bool {
        is_setting(name) && self.table.strength(name) <= Some(Strength::Hint)
    }

    /// Redacts a bare word or number inside a container, unless it names something; where it ends.
    pub(super) fn element(&mut self, at: usize, quote: Option<(u8, usize)>) -> usize {
        let b = self.b;
        let end = self.bare_end(at, b.len(), true).max(at + 1);
        // `name: value`, `Name(…`, `Name { …`.
        let mut name = b[at..end].iter().take(MAX_KEY_BYTES);
        if let Some(n) = name.position(|c| matches!(c, b':' | b'(')) {
            return at + n.max(1);
        }
        let word = &b[at..end];
        if is_number(word) {
            match quote {
                Some((_, slashes)) => {
                    self.push_fill(at, end, Rule::Key, Fill::Quoted(slashes as u8))
                }
                None => self.push(at, end, Rule::Key),
            }
            return end;
        }
        let names = b.get(end) == Some(&b':') || b[end..].starts_with(b" {");
        if !names && !is_benign_word(word) {
            self.push(at, end, Rule::Key);
        }
        end
    }
}
