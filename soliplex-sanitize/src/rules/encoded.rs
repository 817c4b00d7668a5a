//! Text in base64 that holds something to hide: `cGFzc3dvcmQ9aHVudGVyMjI=`.
//!
//! Few words are base64 of nothing but letters, digits and signs, so that the first few letters
//! rule nearly all of them out. What one decodes to is read like any other text, once.

use super::base64::{MAX_DECODED_BYTES, decode};
use super::catalog::Rule;
use super::scan::Scan;
use super::span::Source;
use super::tokens::is_word;

/// No pair and no address is shorter in base64.
const MIN_ENCODED_BYTES: usize = 16;

/// So many letters tell nearly every word from a text.
const HEAD_BYTES: usize = 12;

impl Scan<'_> {
    /// Looks inside the word that begins at `start`.
    pub(super) fn encoded(&mut self, start: usize) -> bool {
        let b = self.b;
        // Every third byte of a text has its upper six bits in a letter of its own.
        let leads = b.get(start..start + HEAD_BYTES).into_iter();
        let leads = leads.flat_map(|head| head.iter().step_by(4));
        if self.is_decoded || leads.filter(|c| leads_text(**c)).count() < HEAD_BYTES / 4 {
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
        let (plain, length) = decode(&b[start..end]);
        let plain = &plain[..length];
        if end - start < MIN_ENCODED_BYTES || !plain.iter().all(|c| is_text(*c) || *c == 0) {
            return false;
        }
        // A user and a password, as SASL sends them.
        let sent = plain.iter().filter(|c| **c == 0).count() == 2 && plain.last() != Some(&0);
        let rule = if sent {
            Some(Rule::Basic)
        } else {
            let mut inner = Scan::decoded(self.table, plain);
            inner.run();
            inner.first_found()
        };
        let padding = b[end..].iter().take(2).take_while(|c| **c == b'=');
        match rule {
            Some(rule) => self.push(start, end + padding.count(), rule),
            None => return false,
        }
        true
    }

    fn first_found(&self) -> Option<Rule> {
        self.spans.first().and_then(|span| match span.source {
            Source::Builtin(rule) => Some(rule),
            Source::User(_) => None,
        })
    }
}

/// Whether a letter of base64 may begin a byte of text: a space and what follows it, or NUL.
fn leads_text(c: u8) -> bool {
    matches!(c, b'I'..=b'Z' | b'a'..=b'f' | b'A')
}

fn is_text(c: u8) -> bool {
    matches!(c, b' '..=b'~' | b'\n' | b'\r' | b'\t')
}
