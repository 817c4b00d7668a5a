//! Text in base64 or in hex that holds something to hide: `cGFzc3dvcmQ9aHVudGVyMjI=`.
//!
//! Few words are that of nothing but letters, digits and signs, so that the first few letters
//! rule nearly all of them out. What one decodes to is read like any other text, once.

use super::base64::{MAX_DECODED_BYTES, decode};
use super::catalog::Rule;
use super::scan::Scan;
use super::span::Source;
use super::steps::steps;
use super::tokens::is_word;

/// No pair and no address is shorter in base64.
const MIN_ENCODED_BYTES: usize = 15;

/// A social security number has eleven bytes, each of which takes two.
const MIN_HEX_BYTES: usize = 22;

/// So many bytes of a text tell it from a hash, of which one in eighty thousand has as many.
const HEX_HEAD: usize = 11;

/// So many letters tell nearly every word from a text.
const HEAD_BYTES: usize = 12;

impl Scan<'_> {
    /// Looks inside the word that begins at `start`.
    pub(super) fn encoded(&mut self, start: usize) -> bool {
        let b = self.b;
        if self.is_decoded {
            return false;
        }
        let before = start.checked_sub(1).map_or(b' ', |at| b[at]);
        // Without its beginning it does not decode.
        if matches!(before, b'+' | b'/') {
            return false;
        }
        let letters = b[start..].iter().take(MAX_DECODED_BYTES);
        let letters = letters.take_while(|c| is_word(**c) || matches!(c, b'+' | b'/'));
        let end = start + letters.count();
        if end - start < MIN_ENCODED_BYTES {
            return false;
        }
        let (plain, length) = decode(&b[start..end]);
        let plain = &plain[..length];
        if !plain.iter().all(|c| is_text(*c) || *c == 0) {
            return false;
        }
        // A user and a password, as SASL sends them.
        let sent = plain.iter().filter(|c| **c == 0).count() == 2 && plain.last() != Some(&0);
        let rule = match sent {
            true => Some(Rule::Basic),
            false => self.first_in(plain),
        };
        let padding = b[end..].iter().take(2).take_while(|c| **c == b'=');
        match rule {
            Some(rule) => self.push(start, end + padding.count(), rule),
            None => return false,
        }
        true
    }

    /// Looks inside the word from `start` to `end`, which may be text in hex: a hash has other bytes,
    /// and says so with its first ones.
    pub(super) fn hex_encoded(&mut self, start: usize, end: usize) -> bool {
        let word = &self.b[start..end];
        if !word.len().is_multiple_of(2)
            || self.is_decoded
            || !word.iter().step_by(2).take(HEX_HEAD).all(leads_hex)
            || word.len() > 2 * MAX_DECODED_BYTES
        {
            return false;
        }
        let mut plain = [0; MAX_DECODED_BYTES];
        for (byte, pair) in plain.iter_mut().zip(word.chunks(2)) {
            let digit = |c: u8| char::from(c).to_digit(16);
            let (Some(high), Some(low)) = (digit(pair[0]), digit(pair[1])) else {
                return false;
            };
            *byte = (high << 4 | low) as u8;
        }
        steps(word.len());
        let plain = &plain[..word.len() / 2];
        if !plain.iter().all(|c| is_text(*c)) {
            return false;
        }
        let found = self.first_in(plain);
        if let Some(rule) = found {
            self.push(start, end, rule);
        }
        found.is_some()
    }

    /// The rule that finds something first in what a word decodes to.
    fn first_in(&self, plain: &[u8]) -> Option<Rule> {
        let mut inner = Scan::decoded(self.table, plain);
        inner.run();
        inner.spans.first().and_then(|span| match span.source {
            Source::Builtin(rule) => Some(rule),
            Source::User(_) => None,
        })
    }
}

/// Whether a word may be base64 of a text: every third byte of one has its upper six bits in a letter
/// of its own.
#[inline]
pub(super) fn may_be_base64(word: &[u8]) -> bool {
    let Some(head) = word.first_chunk::<HEAD_BYTES>() else {
        return false;
    };
    leads_text(head[0]) && leads_text(head[4]) && leads_text(head[8])
}

/// Whether a word may be hex of a text.
#[inline]
pub(super) fn may_be_hex(word: &[u8]) -> bool {
    word.len() >= MIN_HEX_BYTES && leads_hex(&word[0]) && leads_hex(&word[2]) && leads_hex(&word[4])
}

/// Whether a digit in hex may begin a byte of text.
fn leads_hex(c: &u8) -> bool {
    matches!(c, b'2'..=b'7')
}

/// Whether a letter of base64 may begin a byte of text: a space and what follows it, or NUL.
fn leads_text(c: u8) -> bool {
    matches!(c, b'I'..=b'Z' | b'a'..=b'f' | b'A')
}

fn is_text(c: u8) -> bool {
    matches!(c, b' '..=b'~' | b'\n' | b'\r' | b'\t')
}
