//! `key=value` in text, in all its spellings.
//!
//! `password=…`, `"password": "…"`, `\"password\":\"…\"`, `Password => '…'`, query strings, header
//! lines, Rust `Debug` output, XML elements: the separator is found first, the key is read to its
//! left and judged by its words, and only then is the value on its right looked at. A key inside
//! prose ("invalid token: unexpected end") is told from a field by what its value looks like.

mod ends;
mod named;
mod shapes;

use ends::{
    after_separator, bare_stop, bare_trimmed, closes_string, element_end, is_quote_at, line_end,
    skip_spaces, skip_wrappers,
};
pub(super) use ends::{bare_end, closing_quote, opening_quote};
use shapes::{is_grouped, is_handle, is_number, is_object, is_plain_word, is_reference};

use std::ops::Range;

use super::catalog::Rule;
use super::entropy::{SHORTEST_RANDOM_BYTES, is_benign_word, looks_random, looks_secret};
use super::keys::{MAX_KEY_BYTES, Strength, is_stem, may_follow};
use super::scan::{Scan, own_slashes};
use super::span::Fill;
use super::steps::steps;

/// A list or map that has not ended by then is not one.
pub(super) const MAX_CONTAINER_BYTES: usize = 64 * 1024;

/// A seed phrase has twelve to twenty-four words, each of three to eight letters.
const MIN_MNEMONIC_WORDS: usize = 12;
const MAX_MNEMONIC_WORDS: usize = 24;

/// Password in Russian, Chinese, Japanese, Korean, Greek, Arabic, Hebrew, and with marks.
const FOREIGN_PASSWORDS: &[&str] = &[
    "пароль",
    "Пароль",
    "密码",
    "密碼",
    "口令",
    "パスワード",
    "비밀번호",
    "κωδικός",
    "كلمة المرور",
    "סיסמה",
    "jelszó",
    "mật khẩu",
    "contraseña",
    "Contraseña",
    "hasło",
    "Hasło",
    "lösenord",
    "Lösenord",
    "şifre",
];

/// No credential behind an unknown scheme is shorter.
const MIN_CREDENTIAL_BYTES: usize = 8;

/// An element with longer attributes is none whose text is a secret.
const MAX_ELEMENT_BYTES: usize = 256;

/// How many brackets of a list or map that is cut short are looked behind.
const MAX_OPENINGS: usize = 4;

/// The name under which single sign-on posts who somebody is.
pub(super) const ASSERTION: &[u8] = b"SAMLResponse";

/// A value that need not be secret is looked at no further than this.
const MAX_HINT_BYTES: usize = 600;

/// What a quick look at the name left of a separator says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// It is no key.
    Nothing,
    /// It holds a stem of a sensitive word.
    Stem,
    /// It does not end as a bare name does.
    Unclear,
}

/// The key left of a separator.
struct Key {
    start: usize,
    end: usize,
    /// The quote around it and the backslashes before the quote.
    quote: Option<(u8, usize)>,
}

impl Scan<'_> {
    /// Looks at the separator at `at` and, when its key is sensitive, redacts the value.
    pub(super) fn pair(&mut self, at: usize) {
        let b = self.b;
        if b[at] == b'=' && at > 0 && matches!(b[at - 1], b'=' | b'!' | b'<' | b'>' | b'~') {
            return;
        }
        if at < self.container_until || self.is_covered(at) {
            return;
        }
        let look = self.look_at_key(at);
        if look == Look::Nothing {
            return;
        }
        let Some(key) = key_before(b, at) else {
            return self.foreign(at);
        };
        // The user of a URL, whose password is read at its `@`.
        if b[at] == b':' && b[..key.start].ends_with(b"://") {
            return;
        }
        let Some(value_at) = after_separator(b, at) else {
            return;
        };
        // Where something was redacted before, as it is wherever redacted text is read again.
        if self.starts_with_marker(value_at) {
            return;
        }
        if self.grant(&key, value_at) {
            return;
        }
        let Some(strength) = self
            .key_strength(&key, look == Look::Stem)
            .or_else(|| self.attribute(&key))
        else {
            if key.start > 0 && !b[key.start - 1].is_ascii() {
                return self.foreign(at);
            }
            return self.contact(&key, value_at);
        };
        let name = &b[key.start..key.end];
        if is_header(name) && b[at] != b'>' {
            return self.header_value(name, value_at, key.quote);
        }
        // An arrow from a name to its value says no more than a colon.
        let (separator, strength) = if is_arrow(b, at) {
            (b':', strength.min(Strength::Likely))
        } else {
            (b[at], strength)
        };
        self.value(value_at, strength, separator, key.quote);
    }

    /// A word for password in letters that no name is otherwise read in.
    fn foreign(&mut self, at: usize) {
        let b = self.b;
        let name = b[..at].trim_ascii_end();
        let named = FOREIGN_PASSWORDS
            .iter()
            .any(|word| name.ends_with(word.as_bytes()));
        if named && let Some(value_at) = after_separator(b, at) {
            self.value(value_at, Strength::Certain, b[at], None);
        }
    }

    /// A quick look at the name left of a separator: most have nothing to say.
    fn look_at_key(&self, at: usize) -> Look {
        let b = self.b;
        let mut end = at;
        if end > 0 && b[end - 1] == b' ' {
            end -= 1;
        }
        if end == 0 || !b[end - 1].is_ascii_alphanumeric() || !self.table.denied.is_empty() {
            return Look::Unclear;
        }
        // Backwards, so that the name's beginning need not be looked for first.
        let floor = end.saturating_sub(MAX_KEY_BYTES);
        let mut last = 0;
        for (i, &c) in b[floor..end].iter().enumerate().rev() {
            let letter = NAME_BYTES[usize::from(c)];
            steps(1);
            if !c.is_ascii() {
                return Look::Unclear;
            }
            if letter == 0 {
                break;
            }
            last = (last >> 5) | usize::from(letter & 31) << 10;
            if is_stem(last) && may_follow((floor + i).checked_sub(1).map(|i| b[i]), last) {
                return Look::Stem;
            }
        }
        // Names that are not sensitive by themselves, and the verb of a sentence.
        let ends: &[&[u8]] = match b[end - 1] | 0x20 {
            b'e' => &[b"value", b"phone", b"mobile", b"latitude", b"longitude"],
            b'c' => &[b"mac"],
            b'w' => &[b"pw"],
            b'd' => &[b"bssid", b"macid"],
            b'g' => &[b"lng", b"string"],
            b'l' => &[b"tel", b"cell"],
            b'n' => &[b"telefon", b"lon"],
            b'r' => &[b"hwaddr", b"macaddr"],
            b's' => &[
                b" is",
                b" was",
                b"macaddress",
                b"mac_address",
                b"mac address",
            ],
            b't' => &[b"lat"],
            b'x' => &[b"fax"],
            b'y' => &[b"handy", b"entry", b"property"],
            _ => return Look::Nothing,
        };
        let named = |name: &&[u8]| ends_with_ignore_case(&b[..end], name);
        if ends.iter().any(named) {
            Look::Unclear
        } else {
            Look::Nothing
        }
    }

    /// A key is judged with up to three words before it when they stand apart: `api key: …`.
    fn key_strength(&mut self, key: &Key, has_stem: bool) -> Option<Strength> {
        let b = self.b;
        let name = &b[key.start..key.end];
        // The verb's subject is the name: `verification code is: 123456`.
        let verb = name.eq_ignore_ascii_case(b"is") || name.eq_ignore_ascii_case(b"was");
        if !has_stem && !verb && !self.table.may_name_secret(name) {
            return None;
        }
        let own = self.judged(0, key.start..key.end);
        if own.is_some_and(|s| s > Strength::Hint) || key.quote.is_some() {
            return own;
        }
        let mut start = key.start;
        for _ in 0..2 {
            if start < 2 || b[start - 1] != b' ' || !b[start - 2].is_ascii_alphabetic() {
                break;
            }
            start -= 1;
            while start > 0 && b[start - 1].is_ascii_alphabetic() && key.end - start < MAX_KEY_BYTES
            {
                start -= 1;
            }
        }
        if start < key.start {
            self.judged(1, start..key.end).or(own)
        } else {
            own
        }
    }

    /// Judges a name, unless it is the one judged last: texts that repeat a pair repeat its name.
    fn judged(&mut self, words: usize, name: Range<usize>) -> Option<Strength> {
        let b = self.b;
        let (last, strength) = &self.judged[words];
        if b[last.clone()] == b[name.clone()] {
            return *strength;
        }
        let strength = self.table.strength(&b[name.clone()]);
        self.judged[words] = (name, strength);
        strength
    }

    fn value(&mut self, at: usize, strength: Strength, separator: u8, quote: Option<(u8, usize)>) {
        self.value_within(at, strength, separator, quote, 0);
    }

    fn value_within(
        &mut self,
        at: usize,
        strength: Strength,
        separator: u8,
        quote: Option<(u8, usize)>,
        depth: usize,
    ) {
        let b = self.b;
        let whole = at;
        let at = skip_wrappers(b, at);
        let Some(&first) = b.get(at) else { return };
        if is_reference(&b[at..]) {
            return;
        }
        if let Some((open, mark)) = opening_quote(b, at) {
            if closes_string(b, open, mark.1, quote) {
                return;
            }
            let end = closing_quote(b, open, mark.0, mark.1);
            self.looked(end - whole);
            let value = &b[open..end];
            let secret = match strength {
                Strength::Hint => looks_random(value),
                Strength::Likely | Strength::Certain => !value.is_empty() && !is_benign_word(value),
            };
            if secret && !self.is_marker(value) {
                self.push(open, end, Rule::Key);
            }
            return;
        }
        // `api_key: ApiKey { inner: "…" }`
        let name = b[at..]
            .iter()
            .take(MAX_KEY_BYTES)
            .take_while(|c| c.is_ascii_alphanumeric());
        let opened = if first.is_ascii_uppercase() {
            name.count()
        } else {
            0
        };
        if opened > 0 && strength > Strength::Hint && wraps_string(&b[at + opened..]) {
            self.container(at + opened + 1, quote);
            return;
        }
        if let Some(end) = mnemonic_end(b, at).filter(|_| strength > Strength::Hint) {
            return self.push(at, end, Rule::Key);
        }
        if matches!(first, b'{' | b'[') {
            if strength == Strength::Hint || self.starts_with_marker(at) {
                return;
            }
            let next = b.get(at + 1).copied().unwrap_or(b' ');
            let structured = quote.is_some()
                || first == b'{'
                || matches!(next, b'"' | b'\'' | b'\\' | b'{' | b'\n');
            if structured
                && !self.container(at, quote)
                && !next.is_ascii_whitespace()
                && depth < MAX_OPENINGS
            {
                // Cut short: what can be read of it goes.
                self.value_within(at + 1, strength, separator, quote, depth + 1);
            }
            return;
        }
        let end = if separator == b'>' {
            let end = element_end(b, at);
            self.looked(end - at);
            end
        } else {
            let until = if strength == Strength::Hint {
                b.len().min(at + MAX_HINT_BYTES)
            } else {
                b.len()
            };
            self.bare_end(at, until, quote.is_some())
        };
        // `--secret <secret> --next <next>` is no element.
        if separator == b'>' && b.get(end) == Some(&b'<') && b.get(end + 1) != Some(&b'/') {
            return;
        }
        let value = &b[at..end];
        let is_short = strength == Strength::Hint && value.len() < SHORTEST_RANDOM_BYTES;
        if value.is_empty() || is_short || is_benign_word(value) || self.is_marker(value) {
            return;
        }
        let prose =
            b.get(at.wrapping_sub(1)) == Some(&b' ') && separator == b':' || separator == b'>';
        let digits = value.iter().all(u8::is_ascii_digit);
        let is_json_number = quote.is_some() && is_number(value);
        let secret = match strength {
            _ if is_handle(value) => false,
            Strength::Hint => looks_random(value),
            Strength::Likely if is_json_number => true,
            // `Token(12)` counts; `Some(1234)` is one.
            Strength::Likely if digits && at > whole && !b[whole..].starts_with(b"Some(") => false,
            Strength::Likely if is_object(value) => false,
            Strength::Likely if digits => value.len() >= 4,
            Strength::Likely if prose => looks_secret(value) || is_grouped(value),
            Strength::Likely => {
                value.len() >= 3 && !(value.iter().all(u8::is_ascii_alphabetic) && value.len() < 6)
            }
            Strength::Certain if prose && !self.value_ends_line(end) => {
                !is_plain_word(value) || value.len() > 14
            }
            Strength::Certain => true,
        };
        if secret {
            match quote {
                Some((_, slashes)) if is_json_number => {
                    self.push_fill(at, end, Rule::Key, Fill::Quoted(slashes as u8))
                }
                _ => self.push(at, end, Rule::Key),
            }
        }
    }

    /// Where the bare value at `at` ends, or `until`. Values that overlap share their end, which is
    /// looked for once.
    fn bare_end(&mut self, at: usize, until: usize, in_json: bool) -> usize {
        let seen = &mut self.bare_seen[usize::from(in_json)];
        if !seen.contains(&at) {
            *seen = at..at;
        }
        let stop = bare_stop(&self.b[..until], at, seen.end.clamp(at, until), in_json);
        // A backslash just before `until` may turn out to end the value after all.
        let sure = if stop == until { stop - 1 } else { stop };
        seen.end = seen.end.max(sure);
        bare_trimmed(&self.b[..until], at, stop)
    }

    /// Whether a value is the last thing said: `password: swordfish`, not `password: no such user`.
    fn value_ends_line(&self, end: usize) -> bool {
        self.b.get(end).is_none_or(|b| !matches!(b, b' '))
    }

    /// Redacts every string and number inside a list or map, keeping its shape; false when it does
    /// not end.
    fn container(&mut self, at: usize, quote: Option<(u8, usize)>) -> bool {
        let b = self.b;
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
                b'{' | b'[' | b'(' => depth += 1,
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
                    if !is_name && end > open && !self.is_marker(&b[open..end]) {
                        self.push(open, end, Rule::Key);
                    }
                    i = end + mark.1;
                }
                c if c.is_ascii_alphanumeric() || c == b'-' => {
                    i = self.element(i, quote);
                    continue;
                }
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

    /// Redacts a bare word or number inside a container, unless it names something; where it ends.
    fn element(&mut self, at: usize, quote: Option<(u8, usize)>) -> usize {
        let b = self.b;
        let end = bare_end(b, at, true).max(at + 1);
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
        // `name: value`, `Name(…`, `Name { …`.
        if let Some(n) = word.iter().position(|c| matches!(c, b':' | b'(')) {
            return at + n.max(1);
        }
        let names = b.get(end) == Some(&b':') || b[end..].starts_with(b" {");
        if !names && !is_benign_word(word) {
            self.push(at, end, Rule::Key);
        }
        end
    }

    /// The value of a header runs to the end of its line, whatever stands in it.
    fn header_value(&mut self, name: &[u8], at: usize, quote: Option<(u8, usize)>) {
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
            if !b
                .get(next)
                .is_some_and(|c| c.is_ascii_alphanumeric() || *c == b'_')
            {
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

/// The bytes of a bare name, by their lowest five bits and a mark; all others are zero.
static NAME_BYTES: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut c = 0;
    while c < 256 {
        let byte = c as u8;
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'$') {
            bytes[c] = byte & 31 | 32;
        }
        c += 1;
    }
    bytes
};

/// Reads the key that ends at the separator.
fn key_before(b: &[u8], at: usize) -> Option<Key> {
    let mut end = at;
    // `:=`, `||=`, `?=`.
    while end > 0 && at - end < 2 && matches!(b[end - 1], b':' | b'?' | b'|') && b[at] == b'=' {
        end -= 1;
    }
    // `=>` is reported at its `=`, and `->` is not a pair.
    while end > 0 && at - end < 4 && matches!(b[end - 1], b' ' | b'\t') {
        end -= 1;
    }
    if end == 0 {
        return None;
    }
    if is_arrow(b, at) {
        end -= 1;
        while end > 0 && at - end < 4 && b[end - 1] == b' ' {
            end -= 1;
        }
    } else if b[at] == b'>' {
        if b[at - 1] == b'"' {
            return element_with_attributes(b, at);
        }
        let start = word_start(b, end);
        // An element's name, not a comparison.
        return (start > 0 && b[start - 1] == b'<' && start < end).then_some(Key {
            start,
            end,
            quote: None,
        });
    }
    // `headers["password"] = …`
    if b[end - 1] == b']' && end > 1 && matches!(b[end - 2], b'"' | b'\'') {
        end -= 1;
    }
    if matches!(b[end - 1], b'"' | b'\'' | b'`') {
        let mark = b[end - 1];
        let close = end - 1 - own_slashes(&b[..end - 1]);
        let floor = close.saturating_sub(MAX_KEY_BYTES);
        let start = b[floor..close]
            .iter()
            .rposition(|&c| c == mark)
            // A fragment of a larger text may have lost the opening one.
            .map_or_else(|| word_start(b, close), |p| floor + p + 1);
        return (start < close).then_some(Key {
            start,
            end: close,
            quote: Some((mark, end - 1 - close)),
        });
    }
    let start = word_start(b, end);
    (start < end).then_some(Key {
        start,
        end,
        quote: None,
    })
}

/// `->` between a name and its value.
fn is_arrow(b: &[u8], at: usize) -> bool {
    b[at] == b'>' && at > 0 && b[at - 1] == b'-'
}

/// `<wsse:Password Type="…">`, `<entry key="password">`: the element's name, or what one of its
/// attributes says that it holds.
fn element_with_attributes(b: &[u8], at: usize) -> Option<Key> {
    let floor = at.saturating_sub(MAX_ELEMENT_BYTES);
    let open = floor + memchr::memrchr(b'<', &b[floor..at])?;
    steps(at - open);
    let name = b[open + 1..at].iter().position(|c| *c == b' ')? + open + 1;
    let tag = &b[name..at];
    let key = |start: usize, end: usize| Key {
        start,
        end,
        quote: None,
    };
    for attribute in [&b" key=\""[..], b" name=\"", b" id=\""] {
        if let Some(n) = memchr::memmem::find(tag, attribute) {
            let start = name + n + attribute.len();
            let end = start + memchr::memchr(b'"', &b[start..at])?;
            return (start < end).then(|| key(start, end));
        }
    }
    Some(key(open + 1, name))
}

fn word_start(b: &[u8], end: usize) -> usize {
    let floor = end.saturating_sub(MAX_KEY_BYTES);
    let mut start = end;
    while start > floor && NAME_BYTES[usize::from(b[start - 1])] != 0 {
        start -= 1;
    }
    steps(end - start);
    start
}

/// ` { inner: "…` behind the name of a type.
fn wraps_string(rest: &[u8]) -> bool {
    let Some(fields) = rest.strip_prefix(b" { ") else {
        return false;
    };
    let name = fields.iter().take(MAX_KEY_BYTES);
    let length = name
        .take_while(|c| c.is_ascii_alphanumeric() || **c == b'_')
        .count();
    fields[length..].starts_with(b": \"")
}

/// Where a list of twelve words or more ends, as wallets and recovery keys are told.
fn mnemonic_end(b: &[u8], at: usize) -> Option<usize> {
    let mut end = at;
    let mut words = 0;
    while words < MAX_MNEMONIC_WORDS {
        let from = if words > 0 { end + 1 } else { at };
        let rest = b[from.min(b.len())..].iter();
        let length = rest.take(9).take_while(|c| c.is_ascii_lowercase()).count();
        if !(3..=8).contains(&length) {
            break;
        }
        end = from + length;
        words += 1;
        if b.get(end) != Some(&b' ') {
            break;
        }
    }
    steps(end - at);
    (words >= MIN_MNEMONIC_WORDS).then_some(end)
}

/// What may be the name of a scheme in `Authorization: SCHEME …`.
fn is_scheme_name(word: &[u8]) -> bool {
    (2..=24).contains(&word.len())
        && word[0].is_ascii_uppercase()
        && word.iter().all(|c| c.is_ascii_alphanumeric() || *c == b'-')
}

/// Headers whose value is more than one word.
fn is_header(name: &[u8]) -> bool {
    [&b"authorization"[..], b"cookie", b"cookies"]
        .iter()
        .any(|h| ends_with_ignore_case(name, h))
}

fn ends_with_ignore_case(name: &[u8], end: &[u8]) -> bool {
    name.len() >= end.len() && name[name.len() - end.len()..].eq_ignore_ascii_case(end)
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
