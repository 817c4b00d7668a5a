//! Long words: keys of vendors, JSON web tokens, wallets, and what looks random beside a word that
//! sounds like a secret.

use super::base64::decode;
use super::catalog::Rule;
use super::context::{is_gap, word_before};
use super::encoded::{may_be_base64, may_be_hex};
use super::entropy::looks_random;
use super::keys::{Strength, has_stem};
use super::runs::{And, run_start};
use super::scan::Scan;
use super::schemes::decodes_to_pair;
use super::steps::steps;
use super::vehicles::VIN_BYTES;
use super::vendors;

/// A word of this length is looked at though it has no digit.
const LONG_NAME_BYTES: usize = 22;

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

    /// A random word after `token`, `credential`, `bearer` and their like.
    fn random_beside_secret(&mut self, start: usize, end: usize) {
        let b = self.b;
        // Most long words say already that they are not random.
        let may_go_on = b.get(end).is_some_and(|c| is_token(*c));
        if end - start < 16 && !may_go_on {
            return;
        }
        // And stand beside no other word.
        let apart = start > 0 && is_gap(b[start - 1]);
        if !apart {
            return;
        }
        let before = word_before(b, start);
        if before == b"base64" && is_picture(&b[..start]) {
            return;
        }
        // All of them are of three to eleven letters, and nearly all words before a long one are
        // not.
        let underlined = before.contains(&b'_');
        if !(3..=if underlined { 24 } else { 11 }).contains(&before.len())
            || !before[0].is_ascii_alphabetic()
        {
            return;
        }
        let named = with_dashes(b, start, before);
        let joined = named.len() > before.len() || underlined;
        let certain = joined && self.table.strength(named) == Some(Strength::Certain)
            || [&b"token"[..], b"apikey"]
                .iter()
                .any(|word| before.eq_ignore_ascii_case(word));
        // Most words hold no stem of one of these, and "base64" alone of them has none.
        let may_be = has_stem(before) || before.len() == b"base64".len();
        let is = |word: &&str| before.eq_ignore_ascii_case(word.as_bytes());
        if !(certain || may_be && SECRET_WORDS.iter().any(is)) {
            return;
        }
        let more = b[end..]
            .iter()
            .take(MAX_TOKEN_BYTES)
            .take_while(|c| is_token(**c))
            .count();
        steps(more);
        let stop = b[..end + more]
            .iter()
            .rposition(|c| *c != b'.')
            .map_or(end, |n| n + 1)
            .max(end);
        let word = &b[start..stop];
        let is_path = word.contains(&b'/') && word.contains(&b'.');
        // Hex is most often a hash, but not where the word before leaves no doubt.
        let shortest = if joined { 16 } else { 32 };
        let hex = certain && word.len() >= shortest && word.iter().all(u8::is_ascii_hexdigit);
        let wrapped = word.len() < 64 && word.len().is_multiple_of(4) && {
            decodes_to_pair(word) && word.iter().any(u8::is_ascii_uppercase)
        };
        if (looks_random(word) || hex || wrapped) && !is_path {
            // `creds name:password`.
            let pair = b[stop..]
                .iter()
                .skip(1)
                .take(MAX_TOKEN_BYTES)
                .take_while(|c| is_token(**c))
                .count();
            let paired = b.get(stop) == Some(&b':') && looks_random(&b[stop + 1..stop + 1 + pair]);
            let stop = if paired { stop + 1 + pair } else { stop };
            self.push(start, stop, Rule::Entropy);
        }
    }
}

/// `data:image/png;base64,`: what follows is seen, not kept secret.
fn is_picture(before: &[u8]) -> bool {
    let near = &before[before.len().saturating_sub(MAX_MEDIA_BYTES)..];
    let kinds = [&b"image/"[..], b"font/", b"audio/", b"video/"];
    let told = |kind: &&[u8]| memchr::memmem::find(near, kind).is_some();
    near.ends_with(b";base64,") && kinds.iter().any(told)
}

/// `image/svg+xml;charset=utf-8;base64,`
const MAX_MEDIA_BYTES: usize = 48;

/// Whether base64 may go on here, or be filled up.
#[inline]
fn may_be_long(rest: &[u8]) -> bool {
    match rest.first() {
        Some(b'+' | b'/') => true,
        Some(b'=') => rest.get(1) == Some(&b'='),
        _ => false,
    }
}

const SECRET_WORDS: &[&str] = &[
    "token",
    "key",
    "secret",
    "credential",
    "credentials",
    "password",
    "apikey",
    "passphrase",
    "cred",
    "creds",
    "jwt",
    "auth",
    "secrets",
    "keys",
    "tokens",
    "base64",
];

/// Whether a name ends like a word that makes a random text beside it a secret.
pub(super) fn ends_like_secret_word(name: &[u8]) -> bool {
    SECRET_WORDS.iter().any(|word| {
        let tail = name.len().checked_sub(word.len());
        tail.is_some_and(|at| name[at..].eq_ignore_ascii_case(word.as_bytes()))
    })
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

/// A word, and those that dashes join to its front where nothing else stands between it and `end`:
/// `X-Api-Key 4f9c…`, where a colon was left out.
fn with_dashes<'b>(b: &'b [u8], end: usize, word: &'b [u8]) -> &'b [u8] {
    let at = end.saturating_sub(1 + word.len());
    if at == 0 || b[at - 1] != b'-' || !b[at..].starts_with(word) {
        return word;
    }
    let dashed = b[..at].iter().rev().take(24).take_while(|c| is_word(**c));
    &b[at - dashed.count()..end - 1]
}

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
