//! `Bearer …` and `Basic …`, wherever they stand.

use super::base64::{MAX_DECODED_BYTES, decode};
use super::catalog::Rule;
use super::entropy::is_uuid;
use super::keys::Strength;
use super::scan::{LOOK, Scan};
use super::steps::steps;
use super::tokens::{is_mixed, is_word};

impl Scan<'_> {
    /// `Bearer …` and `Basic …`, wherever they stand; `at` is the space after the word.
    pub(super) fn scheme(&mut self, at: usize) {
        let b = self.b;
        let word = &b[at.saturating_sub(6)..at];
        let bearer = word.eq_ignore_ascii_case(b"bearer");
        let whole = |n: usize| at == n || !b[at - n - 1].is_ascii_alphanumeric();
        let basic =
            !bearer && word.len() > 4 && word[word.len() - 5..].eq_ignore_ascii_case(b"basic");
        if !(bearer && whole(6) || basic && whole(5)) {
            return;
        }
        self.looks += LOOK;
        let mut start = at;
        while start < b.len()
            && start - at < 4
            && matches!(b[start], b' ' | b':' | b'=' | b'"' | b'\'')
        {
            start += 1;
        }
        // A header folded behind its scheme.
        let folded = start == at && matches!(b.get(at), Some(b'\n' | b'\r'));
        if folded {
            start = skip_blanks(b, at);
        }
        let length = b[start..]
            .iter()
            .take_while(|c| {
                is_word(**c)
                    || matches!(
                        c,
                        b'.' | b'~'
                            | b'+'
                            | b'/'
                            | b'='
                            | b'%'
                            | b'!'
                            | b'*'
                            | b':'
                            | b'|'
                            | b'$'
                            | b'@'
                    )
            })
            .count();
        steps(length);
        let mut end = start + length;
        // Columns follow: a token of several parts has its `|` within the first few bytes.
        if let Some(column) = b[start..end]
            .iter()
            .skip(COLUMN_BYTES)
            .position(|c| *c == b'|')
        {
            let stop = start + COLUMN_BYTES + column;
            let part = b[stop + 1..end]
                .split(|c| *c == b'|')
                .next()
                .unwrap_or_default();
            end = if is_second_half(part) {
                stop + 1 + part.len()
            } else {
                stop
            };
        }
        while end > start && matches!(b[end - 1], b'.' | b':' | b'!') {
            end -= 1;
        }
        let token = &b[start..end];
        // `token_type=bearer expires_in=3600`: a pair of its own.
        let name = token
            .iter()
            .take_while(|c| c.is_ascii_lowercase() || **c == b'_');
        let name = name.count();
        if name > 0
            && token.get(name) == Some(&b'=')
            && token.get(name + 1) != Some(&b'=')
            && self.is_own_pair(&token[..name], &token[name + 1..])
        {
            return;
        }
        if folded && (token.len() < FOLDED_BYTES || !is_mixed(token)) {
            return;
        }
        let digit = token.iter().any(u8::is_ascii_digit);
        let upper = token.iter().any(u8::is_ascii_uppercase);
        let lower = token.iter().any(u8::is_ascii_lowercase);
        if bearer {
            let secret = token.len() >= 4
                && (digit
                    || (upper && lower && !is_title(token))
                    || token.len() > 20
                    || token.contains(&b'_')
                    || token.contains(&b'.') && token.len() > 8
                    || token.contains(&b'-') && token.len() > 8);
            if secret {
                self.push(start, end, Rule::Bearer);
            }
        } else if token.len() >= 8 && token.len().is_multiple_of(4) && decodes_to_pair(token) {
            self.push(start, end, Rule::Basic);
        }
    }

    /// Whether a pair behind `Bearer` is read as one: its name is sensitive, or its value no secret.
    fn is_own_pair(&self, name: &[u8], value: &[u8]) -> bool {
        let number = value.len() <= MAX_SECONDS_DIGITS && value.iter().all(u8::is_ascii_digit);
        let word = |c: &u8| c.is_ascii_lowercase() || matches!(c, b'_' | b':' | b'/');
        let words = value.len() <= MAX_WORDS_BYTES && value.iter().all(word);
        !value.is_empty() && (number || words) || self.table.strength(name) > Some(Strength::Hint)
    }
}

/// `expires_in=3600`, and the time in seconds.
const MAX_SECONDS_DIGITS: usize = 10;

/// `error=insufficient_scope`
const MAX_WORDS_BYTES: usize = 18;

/// A column is shorter, or has no digit or no letter.
const PART_BYTES: usize = 8;

/// Whether what stands behind a token's `|` is more of it, and no column of its own.
fn is_second_half(part: &[u8]) -> bool {
    let digit = part.iter().any(u8::is_ascii_digit);
    part.len() >= PART_BYTES && digit && part.iter().any(u8::is_ascii_alphabetic) && !is_uuid(part)
}

/// `12|laravel…`: what stands before the `|` of a token is a number.
const COLUMN_BYTES: usize = 12;

/// A folded header's credential has at least as many bytes, or it is the next line's first word.
const FOLDED_BYTES: usize = 16;

/// The first byte at or after `at` that is no white space of the next few lines.
fn skip_blanks(b: &[u8], at: usize) -> usize {
    at + b[at..]
        .iter()
        .take(12)
        .take_while(|c| c.is_ascii_whitespace())
        .count()
}

/// `Token`, `Authentication`: a word with a capital.
fn is_title(word: &[u8]) -> bool {
    word[0].is_ascii_uppercase() && word[1..].iter().all(u8::is_ascii_lowercase)
}

/// `user:password` in base64.
pub(super) fn decodes_to_pair(text: &[u8]) -> bool {
    let (plain, length) = decode(&text[..text.len().min(MAX_DECODED_BYTES)]);
    let plain = &plain[..length];
    plain.contains(&b':') && plain.iter().all(|c| (b' '..0x7f).contains(c) || *c >= 0x80)
}
