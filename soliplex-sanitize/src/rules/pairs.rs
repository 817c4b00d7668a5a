//! `key=value` in text, in all its spellings.
//!
//! `password=…`, `"password": "…"`, `\"password\":\"…\"`, `Password => '…'`, query strings, header
//! lines, Rust `Debug` output, XML elements: the separator is found first, the key is read to its
//! left and judged by its words, and only then is the value on its right looked at. A key inside
//! prose ("invalid token: unexpected end") is told from a field by what its value looks like.

mod carriers;
mod containers;
mod ends;
mod headers;
mod key;
mod mnemonics;
mod named;
mod shapes;
mod spoken;

use ends::{after_separator, bare_stop, bare_trimmed, element_end, skip_wrappers};
pub(super) use ends::{bare_end, closes_string, closing_quote, opening_quote};
use headers::is_header;
use key::{Key, Look, ends_with_ignore_case, is_arrow, key_before};
use mnemonics::mnemonic_end;
use named::names_session;
use shapes::{
    grouped_end, is_call, is_filled_in, is_grouped, is_handle, is_hashing, is_instance, is_number,
    is_object, is_plain_word, is_reference, is_remark, is_share, is_step, is_symbol, is_variable,
    lone_element_end, refers,
};

use super::catalog::Rule;
use super::entropy::{SHORTEST_RANDOM_BYTES, is_benign_word, looks_random, looks_secret};
use super::fold::is_quoted_printable;
use super::keys::{MAX_KEY_BYTES, Strength, holds_settings, says_let_in};
use super::scan::Scan;
use super::span::Fill;

/// A list or map that has not ended by then is not one.
pub(super) const MAX_CONTAINER_BYTES: usize = 64 * 1024;

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

/// How many brackets of a list or map that is cut short are looked behind.
const MAX_OPENINGS: usize = 4;

/// The name under which single sign-on posts who somebody is.
pub(super) const ASSERTION: &[u8] = b"SAMLResponse";

/// A value that need not be secret is looked at no further than this.
const MAX_HINT_BYTES: usize = 600;

impl Scan<'_> {
    /// Looks at the separator at `at` and, when its key is sensitive, redacts the value.
    pub(super) fn pair(&mut self, at: usize) {
        let b = self.b;
        if b[at] == b'=' && at > 0 && matches!(b[at - 1], b'=' | b'!' | b'<' | b'>' | b'~') {
            return;
        }
        if b[at] == b'=' && matches!(b.get(at + 1), Some(b'2'..=b'7')) {
            self.needs_fold |= is_quoted_printable(b, at);
        }
        if at < self.container_until || self.is_covered(at) {
            return;
        }
        // `:password "…"`, as in EDN.
        if b[at] == b':' && at > 0 && matches!(b[at - 1], b' ' | b'{' | b'(') && self.keyword(at) {
            return;
        }
        let look = self.look_at_key(at);
        if look == Look::Nothing {
            return;
        }
        if b[at] == b'>' && b[..at].ends_with(b"\"") && b[at..].starts_with(b">>") {
            return self.binary(at);
        }
        if matches!(look, Look::Spelled | Look::Spoken | Look::Host | Look::Part) {
            return self.told_by_place(at, look);
        }
        let Some(key) = key_before(b, at) else {
            return self.foreign(at);
        };
        // The user of a URL, whose password is read at its `@`.
        if b[at] == b':' && b[..key.start].ends_with(b"://") {
            return;
        }
        let name = &b[key.start..key.end];
        if self.is_named_by_marker(&key) {
            return;
        }
        let Some(value_at) = after_separator(b, at) else {
            return;
        };
        let bold = b[value_at..].starts_with(b"** ");
        let value_at = if bold { value_at + 3 } else { value_at };
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
            if !name.is_ascii() || key.start > 0 && !b[key.start - 1].is_ascii() {
                return self.foreign(at);
            }
            return self.contact(&key, value_at);
        };
        let told = strength == Strength::Hint
            && (name.eq_ignore_ascii_case(b"code") && self.sent_code(key.start, value_at)
                || names_session(name) && self.short_session(value_at));
        if told {
            return;
        }
        // Where a shell works.
        if name == b"PWD" {
            let at = opening_quote(b, value_at).map_or(value_at, |(open, _)| open);
            if b.get(at) == Some(&b'/') {
                return;
            }
        }
        if says_let_in(name, &b[value_at..]) {
            return;
        }
        if is_header(name) && b[at] != b'>' {
            return self.header_value(name, value_at, key.quote);
        }
        if refers(b, name, value_at) || strength < Strength::Certain && is_symbol(b, at) {
            return;
        }
        // `auth: {type: oidc, retries: 3, …}`
        if b.get(value_at) == Some(&b'{')
            && holds_settings(name)
            && self.container_but(value_at, key.quote, true)
        {
            return;
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
        let name = name.strip_suffix(b"\"").unwrap_or(name);
        if b[at] == b'>' && name.ends_with(b"redis") && b.get(at + 1) == Some(&b' ') {
            return self.spoken(at + 2);
        }
        let named = FOREIGN_PASSWORDS
            .iter()
            .any(|word| name.ends_with(word.as_bytes()));
        if named && let Some(value_at) = after_separator(b, at) {
            self.value(value_at, Strength::Certain, b[at], None);
        }
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
        if is_reference(&b[at..]) || is_remark(&b[at..]) {
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
            if secret && !self.is_marker(value) && !is_filled_in(value) {
                self.push(open, end, Rule::Key);
            }
            // `password = "…" -> "…"`: what it becomes.
            if let Some(becomes) = b[end..].strip_prefix(b"\" -> ").filter(|_| depth == 0) {
                self.value_within(b.len() - becomes.len(), strength, separator, quote, 1);
            }
            return;
        }
        // `password: &str = "…"`
        if first == b'&' && depth == 0 {
            let typed = [&b"&str = "[..], b"&'static str = "];
            if let Some(kind) = typed.iter().find(|kind| b[at..].starts_with(kind)) {
                return self.value_within(at + kind.len(), strength, b'=', quote, 1);
            }
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
        if let Some(end) = mnemonic_end(b, at, strength) {
            return self.push(at, end, Rule::Key);
        }
        if matches!(first, b'{' | b'[') {
            if strength == Strength::Hint || self.starts_with_marker(at) {
                return;
            }
            // `"X-Auth-Token":[]string{"…"}`
            if b[at..].starts_with(b"[]string{") {
                self.container(at + b"[]string".len(), quote);
                return;
            }
            if let Some(end) = lone_element_end(b, at).filter(|_| quote.is_none()) {
                return self.push(at + 1, end, Rule::Key);
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
        // Nor is `AUTH <password> called …`.
        if separator == b'>' && b[whole - 1] == b' ' && b.get(end) != Some(&b'<') {
            return;
        }
        let end = grouped_end(b, at, end);
        let value = &b[at..end];
        // `password: &str = "…"`
        if depth == 0 && is_benign_word(value) && b[end..].starts_with(b" = \"") {
            return self.value_within(end + 3, strength, b'=', quote, 1);
        }
        // `password = crypt('…', …)`
        if strength == Strength::Certain && is_hashing(value) {
            if value.ends_with(b"(") && opening_quote(b, end).is_some() {
                self.value_within(end, strength, b'=', quote, 1);
            }
            return;
        }
        let is_short = strength == Strength::Hint && value.len() < SHORTEST_RANDOM_BYTES;
        if value.is_empty() || is_short || is_benign_word(value) || self.is_marker(value) {
            return;
        }
        let prose =
            b.get(at.wrapping_sub(1)) == Some(&b' ') && separator == b':' || separator == b'>';
        let digits = value.iter().all(|c| c.is_ascii_digit() || *c == b' ');
        let is_json_number = quote.is_some() && is_number(value);
        let secret = match strength {
            Strength::Hint => looks_random(value),
            _ if is_handle(value) || is_variable(value) || is_instance(value) => false,
            _ if is_call(value, b.get(end)) => false,
            // `pam_unix(gdm-password:auth)`
            _ if separator == b':' && b.get(end) == Some(&b')') && is_step(value) => false,
            Strength::Likely if is_json_number => true,
            // `Token(12)` counts; `Some(1234)` is one.
            Strength::Likely if digits && at > whole && !b[whole..].starts_with(b"Some(") => false,
            Strength::Likely if is_object(value) || is_share(value) && value.len() < 6 => false,
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
    pub(super) fn bare_end(&mut self, at: usize, until: usize, in_json: bool) -> usize {
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
        // In a line of code, it is the type of something.
        self.b.get(end).is_none_or(|b| !matches!(b, b' ' | b'`'))
    }
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
