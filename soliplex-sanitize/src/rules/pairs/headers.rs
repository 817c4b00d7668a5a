//! Headers whose value is more than one word: `Authorization` and cookies.

use super::ends::{
    bare_end, closes_string, closing_quote, line_end, opening_quote, skip_spaces, skip_wrappers,
};
use super::ends_with_ignore_case;
use super::shapes::is_plain_word;
use crate::rules::catalog::Rule;
use crate::rules::entropy::is_benign_word;
use crate::rules::keys::Strength;
use crate::rules::scan::Scan;

impl Scan<'_> {
    /// The value of a header runs to the end of its line, whatever stands in it.
    pub(super) fn header_value(&mut self, name: &[u8], at: usize, quote: Option<(u8, usize)>) {
        let b = self.b;
        let at = skip_wrappers(b, at);
        if matches!(b.get(at), Some(b'{' | b'[')) {
            return self.value(at, Strength::Certain, b':', quote);
        }
        if let Some((open, mark)) = opening_quote(b, at) {
            if closes_string(b, open, mark.1, quote) {
                return;
            }
            let end = closing_quote(b, open, mark.0, mark.1);
            self.looked(end - at);
            if end > open && !self.is_marker(&b[open..end]) && !is_benign_word(&b[open..end]) {
                self.push(open, end, Rule::Key);
            }
            return;
        }
        if ends_with_ignore_case(name, b"cookie") || ends_with_ignore_case(name, b"cookies") {
            return self.cookies(at);
        }
        let word_end = bare_end(b, at, false);
        let scheme = &b[at..word_end];
        let mut end = word_end;
        let next_end = bare_end(b, (word_end + 1).min(b.len()), false);
        let folded = skip_spaces(b, word_end);
        if is_scheme(scheme) && folded > word_end + 1 && matches!(b[folded - 1], b' ' | b'\t') {
            // A folded header goes on in the next line, indented.
            end = bare_end(b, folded, false);
            if self.starts_with_marker(folded) || end == folded {
                return;
            }
        } else if is_scheme(scheme) && b.get(word_end) == Some(&b' ') {
            end = bare_end(b, word_end + 1, false);
            if is_listing_scheme(scheme) {
                end = line_end(b, word_end);
                self.looked(end - at);
            } else if self.starts_with_marker(word_end + 1) || end == word_end + 1 {
                return;
            }
        } else if b.get(word_end) == Some(&b' ')
            && next_end - word_end > MIN_CREDENTIAL_BYTES
            && is_scheme_name(scheme)
            && b[word_end + 1..next_end].iter().any(u8::is_ascii_digit)
        {
            // One of the schemes that nobody has registered; some list what they need.
            let lists = b[word_end + 1..next_end].contains(&b'=') && b.get(next_end) == Some(&b',');
            end = if lists || b.get(next_end) == Some(&b'"') {
                line_end(b, word_end)
            } else {
                next_end
            };
        } else if scheme.is_empty()
            || is_benign_word(scheme)
            || self.is_marker(scheme)
            || (b.get(at.wrapping_sub(1)) == Some(&b' ')
                && is_plain_word(scheme)
                && b.get(word_end) == Some(&b' '))
        {
            return;
        }
        self.push(at, end, Rule::Key);
    }

    /// `a=1; b=2; Path=/`, as far as it goes.
    fn cookies(&mut self, at: usize) {
        let b = self.b;
        let mut end = at;
        let mut found = false;
        loop {
            let start = end;
            let stop = bare_end(b, start, false);
            if stop == start || (!found && !b[start..stop].contains(&b'=')) {
                break;
            }
            found = true;
            end = stop;
            let next = if b.get(stop) == Some(&b';') {
                skip_spaces(b, stop + 1)
            } else {
                break;
            };
            if !is_cookie(&b[next..]) {
                break;
            }
            end = next;
        }
        self.looked(end - at);
        if found {
            self.push(at, end, Rule::Cookie);
        }
    }
}

/// `name=…`, `Secure`: a cookie's next part, and no text that follows the header.
fn is_cookie(rest: &[u8]) -> bool {
    let name = rest.iter().take(MAX_COOKIE_NAME_BYTES);
    let name = name.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.'));
    let length = name.count();
    let flags = ["secure", "httponly", "partitioned"];
    let is_flag = |flag: &str| rest[..length].eq_ignore_ascii_case(flag.as_bytes());
    length > 0 && (rest.get(length) == Some(&b'=') || flags.into_iter().any(is_flag))
}

/// The name of a cookie is no longer.
const MAX_COOKIE_NAME_BYTES: usize = 128;

/// No credential behind an unknown scheme is shorter.
const MIN_CREDENTIAL_BYTES: usize = 8;

/// What may be the name of a scheme in `Authorization: SCHEME …`.
fn is_scheme_name(word: &[u8]) -> bool {
    (2..=24).contains(&word.len())
        && word[0].is_ascii_uppercase()
        && word.iter().all(|c| c.is_ascii_alphanumeric() || *c == b'-')
}

/// Headers whose value is more than one word.
pub(super) fn is_header(name: &[u8]) -> bool {
    [&b"authorization"[..], b"cookie", b"cookies"]
        .iter()
        .any(|h| ends_with_ignore_case(name, h))
}

pub(super) fn is_scheme(word: &[u8]) -> bool {
    [
        "bearer",
        "basic",
        "token",
        "apikey",
        "api-key",
        "negotiate",
        "ntlm",
        "digest",
        "hawk",
        "oauth",
        "aws4-hmac-sha256",
        "key",
        "splunk",
        "genie",
        "genieKey",
        "sharedkey",
        "bot",
        "dpop",
        "ssws",
        "jwt",
        "mac",
        "signature",
        "hmac-sha256",
        "sharedkeylite",
        "edgegrid",
    ]
    .iter()
    .any(|s| word.eq_ignore_ascii_case(s.as_bytes()))
}

fn is_listing_scheme(word: &[u8]) -> bool {
    [
        "digest",
        "hawk",
        "oauth",
        "aws4-hmac-sha256",
        "mac",
        "signature",
        "edgegrid",
    ]
    .iter()
    .any(|s| word.eq_ignore_ascii_case(s.as_bytes()))
}
