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
        if b.get(at + cookie_name(b, at)) != Some(&b'=') {
            return;
        }
        loop {
            let stop = cookie_end(b, end);
            end = stop;
            if b.get(stop) != Some(&b';') {
                break;
            }
            let next = skip_spaces(b, stop + 1);
            if !is_cookie(b, stop + 1, next) {
                break;
            }
            end = next;
        }
        self.looked(end - at);
        if end > at {
            self.push(at, end, Rule::Cookie);
        }
    }
}

/// Where a cookie ends, which may hold what separates the values of other pairs, and brackets that
/// it has opened itself.
fn cookie_end(b: &[u8], at: usize) -> usize {
    let mut opened = 0_usize;
    let mut end = at;
    loop {
        let from = end;
        end = bare_end(b, end, false);
        match b.get(end) {
            Some(b'&' | b'|') => {}
            Some(b'[') => opened += 1,
            Some(b']' | b'}' | b')') => {
                let more = b[from..end]
                    .iter()
                    .filter(|c| matches!(c, b'{' | b'(' | b'['));
                opened += more.count();
                if opened == 0 {
                    return end;
                }
                opened -= 1;
            }
            _ => return end,
        }
        end += 1;
    }
}

/// `name=…`, `Secure`, `8f3k…`: a cookie's next part, and no text that follows the header.
fn is_cookie(b: &[u8], gap: usize, at: usize) -> bool {
    let length = cookie_name(b, at);
    // What has no `=` is a cookie only in the same line, and before a space only if it is no word.
    let ends = || match b.get(at + length) {
        None | Some(b';' | b'"' | b'\'' | b'\n' | b'\r' | b'\\') => true,
        Some(b' ') => b[at..at + length].iter().any(u8::is_ascii_digit),
        _ => false,
    };
    let alone = || ends() && !b[gap..at].contains(&b'\n');
    length > 0 && (b.get(at + length) == Some(&b'=') || alone())
}

/// How long the name is that begins at `at`.
fn cookie_name(b: &[u8], at: usize) -> usize {
    let name = b[at..].iter().take(MAX_COOKIE_NAME_BYTES);
    name.take_while(|c| is_cookie_name(**c)).count()
}

/// Browsers send more in a name than RFC 6265 lets them; what ends the string around it is no part.
fn is_cookie_name(c: u8) -> bool {
    c.is_ascii_graphic() && !matches!(c, b'=' | b';' | b',' | b'"' | b'\'' | b'\\' | b'<' | b'>')
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
