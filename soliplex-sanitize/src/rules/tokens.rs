//! Long words: keys of vendors, JSON web tokens, wallets, and what looks random beside a word that
//! sounds like a secret.

mod beside;

pub(super) use beside::ends_like_secret_word;

use super::base64::decode;
use super::catalog::Rule;
use super::encoded::{may_be_base64, may_be_hex};
use super::runs::{And, run_start};
use super::scan::Scan;
use super::steps::steps;
use super::vehicles::VIN_BYTES;
use super::vendors;

/// A word of this length is looked at though it has no digit.
const LONG_NAME_BYTES: usize = 20;

/// No key of any vendor is longer; what follows is text again.
const MAX_TOKEN_BYTES: usize = 8192;

/// How far before a `+` the beginning of a key is looked for.
const MAX_BROKEN_BYTES: usize = 256;

impl Scan<'_> {
    /// Looks at a long word (letters, digits, `_`, `-`) whose last character is at `at`.
    pub(super) fn long_word(&mut self, at: usize) {
        let b = self.b;
        let end = at + 1;
        let mut start = run_start(b, end, And::Dashes);
        // The gate does not see how a very long word began.
        if end - start < LONG_NAME_BYTES && !b[start..end].iter().any(u8::is_ascii_digit) {
            return;
        }
        // What stands before the word may tell it, dashes and all: `ya29.-…`, `Q~_…`.
        let lead = start;
        while start < end && matches!(b[start], b'-' | b'_') {
            start += 1;
        }
        if end - start < 12 || self.is_covered(start) {
            return;
        }
        // A letter after an odd backslash belongs to the escape.
        if start > 0 && b[start - 1] == b'\\' && matches!(b[start], b'n' | b't' | b'r') {
            start += 1;
        }
        if self.vendor_key(start, end) {
            return;
        }
        // Most long words are names, of classes and the like; a key without digits is one known by
        // its beginning.
        let before = if start > 0 { b[start - 1] } else { b' ' };
        if !b[start..end].iter().any(u8::is_ascii_digit) {
            if b[start..end].eq_ignore_ascii_case(b"ConvertTo-SecureString") {
                return self.secured(end);
            }
            if before == b'/' && end - start >= 20 && self.webhook(start, end) {
                return;
            }
            if may_be_base64(&b[start..end]) {
                self.encoded(start);
            }
            return;
        }
        let found = match before {
            b'.' | b'~' | b'/' | b':' | b'|' | b'=' | b'@' => {
                self.dotted_vendor_key(start)
                    || before == b':' && self.dumped_hash(start, end)
                    || self.joined_key(start, end)
                    || self.webhook(start, end)
                    || matches!(before, b'.' | b'/') && self.inside_hash(start, end)
            }
            b'-' | b'_' if lead < start => {
                self.dotted_vendor_key(lead) || self.joined_key(lead, end)
            }
            b'+' => self.broken_vendor_key(start) || self.inside_hash(start, end),
            b'$' => self.dollar_key(start, end) || self.hashed_password(start, end),
            b'}' => self.hashed_password(start, end),
            b'[' => self.push_token(start, end),
            _ => false,
        };
        if found
            || self.web_token(start, end)
            || self.dotted_key(start, end)
            || self.tilde_key(start, end)
            || self.shaped_key(start, end)
            || self.account_or_wallet(start, end)
            || end - start == VIN_BYTES && self.vehicle(start, end)
            || may_be_base64(&b[start..]) && self.encoded(start)
            || may_be_hex(&b[start..end]) && self.hex_encoded(start, end)
            || may_be_long(&b[end..]) && self.storage_key(start, end)
        {
            return;
        }
        self.random_beside_secret(start, end);
    }

    /// `ann:500:…:31d6cfe0d16ae931b73c59d7e0c089c0:::`, as Windows' accounts are dumped.
    fn dumped_hash(&mut self, start: usize, end: usize) -> bool {
        let word = &self.b[start..end];
        let found = word.len() == 32
            && word.iter().all(u8::is_ascii_hexdigit)
            && self.b[end..].starts_with(b":::");
        if found {
            self.push(start, end, Rule::Entropy);
        }
        found
    }

    /// A vendor's prefix at the start of the word.
    fn vendor_key(&mut self, start: usize, end: usize) -> bool {
        let b = self.b;
        let limit = b.len().min(start + MAX_TOKEN_BYTES);
        let Some(length) = vendors::find(&b[start..limit]) else {
            return false;
        };
        // What goes on without a mark beyond what is read of it is no text: left, it would be the
        // next reading's key.
        let stop = if length == MAX_TOKEN_BYTES {
            end.max(limit)
        } else {
            start + length
        };
        self.push(start, stop, Rule::ApiKey);
        true
    }

    /// A prefix that ends in a dot, and so stands before the word.
    fn dotted_vendor_key(&mut self, start: usize) -> bool {
        let b = self.b;
        let limit = |from: usize| b.len().min(from + MAX_TOKEN_BYTES);
        let mut from = start;
        // `hvs.`, `SG.`, `dp.st.dev.`, `sha256~`, `1//0`, `xoxe.`: up to three short pieces before
        // the word.
        for _ in 0..3 {
            if from < 2 || !matches!(b[from - 1], b'.' | b'~' | b'/') {
                break;
            }
            let mut piece = from - 1;
            while piece > 0
                && from - piece < 26
                && (is_word(b[piece - 1]) || b[piece - 1] == b'/' && b[piece] == b'/')
            {
                piece -= 1;
            }
            if piece == from - 1 && b[piece] != b'/' {
                break;
            }
            from = piece;
            if let Some(length) =
                vendors::find(&b[from..limit(from)]).filter(|n| from + n > start + 10)
            {
                self.push(from, from + length, Rule::ApiKey);
                return true;
            }
        }
        false
    }

    /// A key in base64 whose `+` makes it look like several words.
    fn broken_vendor_key(&mut self, start: usize) -> bool {
        let b = self.b;
        let before = b[..start]
            .iter()
            .rev()
            .take(MAX_BROKEN_BYTES)
            .take_while(|c| is_word(**c) || matches!(c, b'+' | b'/' | b'='))
            .count();
        let from = start - before;
        let limit = b.len().min(from + MAX_TOKEN_BYTES);
        match vendors::find(&b[from..limit]) {
            Some(length) if from + length > start => {
                self.push(from, from + length, Rule::ApiKey);
                true
            }
            _ => false,
        }
    }

    /// `header.payload.signature`, where the header is base64 of JSON.
    #[inline(always)]
    fn web_token(&mut self, start: usize, end: usize) -> bool {
        let b = self.b;
        if !(b[start..].starts_with(b"eyJ") || b[start..].starts_with(b"ewo"))
            || !opens_json(&b[start..end])
        {
            return false;
        }
        let mut stop = end;
        let mut parts = 1;
        while parts < 5 && b.get(stop) == Some(&b'.') {
            let part = b[stop + 1..]
                .iter()
                .take(MAX_TOKEN_BYTES)
                .take_while(|c| is_word(**c) || matches!(c, b'=' | b'+' | b'/'))
                .count();
            steps(part);
            if part < 2 {
                break;
            }
            stop += 1 + part;
            parts += 1;
        }
        if parts == 1 {
            let more = b[end..]
                .iter()
                .take(MAX_TOKEN_BYTES)
                .take_while(|c| is_word(**c) || matches!(c, b'=' | b'+' | b'/'))
                .count();
            stop = end + more;
        }
        if parts < 2 && stop - start < 30 {
            return false;
        }
        self.push(start, stop, Rule::Jwt);
        true
    }
}

/// Whether base64 may go on here, or be filled up.
#[inline]
fn may_be_long(rest: &[u8]) -> bool {
    match rest.first() {
        Some(b'+' | b'/') => true,
        Some(b'=') => rest.get(1) == Some(&b'='),
        _ => false,
    }
}

/// A byte of an opaque token in any usual alphabet.
pub(super) fn is_token(c: u8) -> bool {
    is_word(c) || matches!(c, b'+' | b'/' | b'=' | b'.' | b'~')
}

#[inline]
pub(super) fn is_word(c: u8) -> bool {
    WORD_BYTES[usize::from(c)]
}

static WORD_BYTES: [bool; 256] = {
    let mut bytes = [false; 256];
    let mut c = 0;
    while c < 256 {
        bytes[c] = (c as u8).is_ascii_alphanumeric() || matches!(c as u8, b'_' | b'-');
        c += 1;
    }
    bytes
};

/// Whether base64 text decodes to something that begins like an object with a name.
fn opens_json(text: &[u8]) -> bool {
    let (head, length) = decode(&text[..text.len().min(44)]);
    let head = &head[..length];
    let mut rest = head.iter().skip_while(|c| c.is_ascii_whitespace());
    rest.next() == Some(&b'{')
        && rest.find(|c| !c.is_ascii_whitespace()) == Some(&b'"')
        && head
            .iter()
            .skip(2)
            .filter(|c| c.is_ascii_graphic() || **c == b' ')
            .count()
            * 10
            >= (head.len().saturating_sub(2)) * 7
}

pub(super) fn is_mixed(word: &[u8]) -> bool {
    word.iter().any(u8::is_ascii_digit)
        && word.iter().any(u8::is_ascii_uppercase)
        && word.iter().any(u8::is_ascii_lowercase)
}
