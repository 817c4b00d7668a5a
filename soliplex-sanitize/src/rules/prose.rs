//! Passwords and codes that no separator introduces: told in a sentence, or beside their name.
//!
//! `password is hunter2`, `otp 123456`, `123456 is your login code`, `("password", "hunter2")`,
//! `PASS hunter2!`. The word before says what it is; the value must not look like the next word of
//! the sentence.

use super::catalog::Rule;
use super::entropy::is_benign_word;
use super::keys::Strength;
use super::pairs::{bare_end, closing_quote, opening_quote};
use super::scan::Scan;
use super::steps::steps;

/// How far behind a number the word that says what it is may stand.
const MAX_SENTENCE_BYTES: usize = 48;

/// A code that is sent to somebody has so many digits.
const MAX_CODE_DIGITS: usize = 8;

/// How far behind the `@` of a database's user his password is told.
const MAX_IDENTITY_BYTES: usize = 96;

/// A told password is no longer.
pub(super) const MAX_PASSWORD_BYTES: usize = 128;

impl Scan<'_> {
    /// Looks at a word that ends before `end` like `password`.
    pub(super) fn told_password(&mut self, end: usize) {
        let b = self.b;
        if !ends_with(&b[..end], b"password") {
            return;
        }
        self.looks += 1;
        match b.get(end) {
            Some(b' ') => self.password_in_sentence(end + 1),
            Some(b'"' | b'\'' | b'\\') => self.password_after_name(end),
            // `Password("…")`
            Some(b'(') => self.quoted_password(end + 1),
            _ => {}
        }
    }

    /// `PASS hunter2!`, as FTP and POP3 send it, and `requirepass hunter2`; `end` is the space behind
    /// the word.
    pub(super) fn told_pass(&mut self, end: usize) {
        let b = self.b;
        let length = b[..end].iter().rev().take(16).take_while(|c| is_name(**c));
        let word = &b[end - length.count()..end];
        let sent = word == b"PASS";
        let set = [&b"requirepass"[..], b"masterpass", b"storepass", b"keypass"].contains(&word);
        if !sent && !set {
            return;
        }
        let (open, stop) = match opening_quote(b, end + 1) {
            Some((open, mark)) => (open, closing_quote(b, open, mark.0, mark.1)),
            None => (end + 1, bare_end(b, end + 1, false)),
        };
        let value = &b[open..stop];
        let last = !matches!(b.get(stop), Some(b' ' | b')'));
        // A test passes too, and says which.
        let drawn = value.iter().any(|c| is_symbol(*c)) || is_interspersed(value);
        let named = value.iter().any(|c| matches!(c, b'_' | b'.' | b':'));
        let secret = is_mixed(value) && (set || last && drawn && !named);
        self.looked(stop - end);
        if secret && !self.is_marker(value) {
            self.push(open, stop, Rule::Key);
        }
    }

    /// `'ann'@'%' IDENTIFIED BY 'hunter2'`, as SQL says it; `at` is behind the `@`.
    pub(super) fn identified(&mut self, at: usize) {
        let b = self.b;
        let rest = &b[at..b.len().min(at + MAX_IDENTITY_BYTES)];
        const BY: &[u8] = b" IDENTIFIED BY ";
        let Some(n) = memchr::memmem::find(rest, BY) else {
            return;
        };
        let from = at + n + BY.len();
        let from = from + usize::from(b[from..].starts_with(b"PASSWORD ")) * b"PASSWORD ".len();
        let Some((open, mark)) = opening_quote(b, from) else {
            return;
        };
        let stop = closing_quote(b, open, mark.0, mark.1);
        self.looked(stop - at);
        if stop > open && !self.is_marker(&b[open..stop]) {
            self.push(open, stop, Rule::Key);
        }
    }

    /// `password is …`, `password '…'`, `password hunter2!`.
    fn password_in_sentence(&mut self, at: usize) {
        let b = self.b;
        let word_end = bare_end(b, at, false);
        let verb = matches!(&b[at..word_end], b"is" | b"was" | b"to" | b"of");
        let at = if verb && b.get(word_end) == Some(&b' ') {
            word_end + 1
        } else {
            at
        };
        let at = at + usize::from(b.get(at) == Some(&b'('));
        if let Some((open, mark)) = opening_quote(b, at) {
            let end = closing_quote(b, open, mark.0, mark.1);
            self.looked(end - open);
            let value = &b[open..end];
            let shaped = !value.contains(&b' ') && value.len() <= MAX_PASSWORD_BYTES;
            if shaped && is_mixed(value) && !self.is_marker(value) {
                self.push(open, end, Rule::Key);
            }
            return;
        }
        let end = bare_end(b, at, false);
        let value = &b[at..end];
        // `machine host login ann password …`
        let netrc = !verb && follows_login(&b[..at]);
        let secret = if verb || netrc {
            is_mixed(value) || netrc && !is_benign_word(value)
        } else {
            is_mixed(value) && (value.iter().any(|c| is_symbol(*c)) || is_interspersed(value))
        };
        if secret && !self.is_covered(at) && !self.starts_with_marker(at) {
            self.push(at, end, Rule::Key);
        }
    }

    fn quoted_password(&mut self, at: usize) {
        let b = self.b;
        let Some((open, mark)) = opening_quote(b, at) else {
            // `setPassword(…)`
            let end = bare_end(&b[..b.len().min(at + MAX_PASSWORD_BYTES)], at, false);
            if b.get(end) != Some(&b')') {
                return;
            }
            let value = &b[at..end];
            let told = value.iter().any(|c| is_symbol(*c)) || is_interspersed(value);
            if is_mixed(value) && told && !value.contains(&b'.') {
                self.push(at, end, Rule::Key);
            }
            return;
        };
        let end = closing_quote(b, open, mark.0, mark.1);
        self.looked(end - open);
        let value = &b[open..end];
        if is_mixed(value) && !self.is_marker(value) {
            self.push(open, end, Rule::Key);
        }
    }

    /// `("password", "…")`, and `name="password"` before a form's part.
    fn password_after_name(&mut self, end: usize) {
        let b = self.b;
        let slashes = b[end..].iter().take_while(|c| **c == b'\\').count();
        let mark = end + slashes;
        if !matches!(b.get(mark), Some(b'"' | b'\'')) {
            return;
        }
        let rest = &b[mark + 1..];
        let breaks: [&[u8]; 3] = [b"\r\n\r\n", b"\n\n", b"\\r\\n\\r\\n"];
        if let Some(line) = breaks.into_iter().find(|line| rest.starts_with(line)) {
            let at = mark + 1 + line.len();
            let stop = b[at..]
                .iter()
                .take(MAX_PASSWORD_BYTES)
                .position(|c| matches!(c, b'\r' | b'\n' | b'\\' | b'"'))
                .unwrap_or(0);
            if !self.is_marker(&b[at..at + stop]) {
                self.push(at, at + stop, Rule::Key);
            }
            return;
        }
        self.next_string(mark, Strength::Certain);
    }

    /// The string behind a comma, when the quote at `mark` ends a name: in a tuple, or in the list
    /// of a command's arguments.
    pub(super) fn next_string(&mut self, mark: usize, strength: Strength) {
        let b = self.b;
        if strength < Strength::Likely || b.get(mark + 1) != Some(&b',') {
            return;
        }
        let space = usize::from(b.get(mark + 2) == Some(&b' '));
        let at = mark + 2 + space;
        let at = at + usize::from(b.get(at) == Some(&b'b'));
        let Some((open, quote)) = opening_quote(b, at.min(b.len())) else {
            return;
        };
        let end = closing_quote(b, open, quote.0, quote.1);
        self.looked(end - mark);
        let value = &b[open..end];
        // A list of names says nothing of what stands under them.
        let plain = value
            .iter()
            .all(|c| c.is_ascii_lowercase() || matches!(c, b'_' | b'-' | b' '));
        if !plain && !is_benign_word(value) && !self.is_marker(value) {
            self.push(open, end, Rule::Key);
        }
    }

    /// Looks at a number of four digits or more that begins at `start`.
    pub(super) fn told_code(&mut self, start: usize) {
        let b = self.b;
        let run = b[start..]
            .iter()
            .take(MAX_CODE_DIGITS + 1)
            .take_while(|c| c.is_ascii_digit())
            .count();
        let end = start + run;
        steps(run);
        let next = b.get(end).copied().unwrap_or(b' ');
        let goes_on = next.is_ascii_alphanumeric()
            || matches!(next, b'_' | b'-' | b'/' | b':' | b'%')
            || next == b'.' && b.get(end + 1).is_some_and(u8::is_ascii_alphanumeric);
        if run > MAX_CODE_DIGITS || goes_on || self.is_covered(start) {
            return;
        }
        let to_do = run == 6 && is_purpose(&b[end..]);
        if is_yours(&b[end..]) {
            self.looked(MAX_SENTENCE_BYTES);
        }
        if is_code(b, start, run, to_do) || is_explained(&b[end..]) {
            self.push(start, end, Rule::Key);
        }
    }
}

/// Whether the words before a number say that it is a code.
///
/// `to_do` says that they are followed by what the code is good for: `enter 123456 to confirm`.
fn is_code(b: &[u8], start: usize, digits: usize, to_do: bool) -> bool {
    let (mut word, mut rest) = last_word(&b[..start]);
    let verb = matches!(word, b"is" | b"was");
    if verb {
        (word, rest) = last_word(rest);
    }
    let (before, _) = last_word(rest);
    let is = |word: &[u8], names: &[&str]| {
        names
            .iter()
            .any(|name| word.eq_ignore_ascii_case(name.as_bytes()))
    };
    if is(word, &["otp", "totp", "passcode", "2fa", "mfa"]) {
        return true;
    }
    if is(word, &["pin"]) {
        return digits <= 6;
    }
    if to_do && is(word, &["use", "enter"]) {
        return true;
    }
    if is(word, &["password", "passwd"]) {
        return verb || is(before, &["time", "one-time"]);
    }
    if is(word, &["code", "token"]) {
        let of_login = [
            "verification",
            "security",
            "login",
            "auth",
            "authentication",
            "authorization",
            "confirmation",
            "activation",
            "sms",
            "mfa",
            "2fa",
            "otp",
            "totp",
            "time",
            "one-time",
            "pin",
            "recovery",
            "backup",
            "pairing",
            "invite",
            "unlock",
            "access",
            "google",
        ];
        return is(before, &of_login)
            || digits >= 5 && is(before, &["your", "my", "enter"])
            || to_do && is(before, &["use"]);
    }
    false
}

fn is_yours(rest: &[u8]) -> bool {
    rest.starts_with(b" is your ") || rest.starts_with(b" as your ")
}

/// Whether the words behind a number say so: `123456 is your login code`.
fn is_explained(rest: &[u8]) -> bool {
    let sentence = &rest[..rest.len().min(MAX_SENTENCE_BYTES)];
    let words: [&[u8]; 5] = [b"code", b"OTP", b"PIN", b"passcode", b"password"];
    is_yours(rest)
        && words
            .iter()
            .any(|word| memchr::memmem::find(sentence, word).is_some())
}

/// ` to verify`, ` to log in`: what a code is entered for.
fn is_purpose(rest: &[u8]) -> bool {
    let Some(verb) = rest.strip_prefix(b" to ") else {
        return false;
    };
    [
        &b"verify"[..],
        b"confirm",
        b"log",
        b"sign",
        b"reset",
        b"complete",
        b"authenticate",
        b"continue",
        b"activate",
        b"unlock",
        b"finish",
        b"access",
    ]
    .iter()
    .any(|purpose| verb.starts_with(purpose))
}

/// The word that ends just before a space, and what stands before it.
fn last_word(text: &[u8]) -> (&[u8], &[u8]) {
    let text = text.strip_suffix(b" ").unwrap_or(text);
    let length = text
        .iter()
        .rev()
        .take(24)
        .take_while(|c| is_name(**c))
        .count();
    let (rest, word) = text.split_at(text.len() - length);
    (word, rest)
}

/// Whether `… login NAME password ` ends here.
fn follows_login(text: &[u8]) -> bool {
    let (_, rest) = last_word(text);
    let rest = rest.trim_ascii_end();
    let name = rest
        .iter()
        .rev()
        .take(64)
        .take_while(|c| !c.is_ascii_whitespace())
        .count();
    rest[..rest.len() - name]
        .trim_ascii_end()
        .ends_with(b"login")
}

/// Letters with digits or symbols between them: no word of a sentence.
fn is_mixed(value: &[u8]) -> bool {
    let any = |is: fn(&u8) -> bool| value.iter().any(is);
    let letters = any(u8::is_ascii_alphabetic);
    (5..=MAX_PASSWORD_BYTES).contains(&value.len())
        && letters
        && (any(u8::is_ascii_digit) || any(|c| is_symbol(*c)) || capitals_inside(value) >= 3)
        && !matches!(value[0], b'<' | b'$' | b'{' | b'[' | b'(' | b'%' | b'/')
        && !value.contains(&b'(')
        && !value.contains(&b'/')
}

/// Eight letters and digits or more, a digit among the letters: `w1f1Pass` and no `sha256`.
fn is_interspersed(value: &[u8]) -> bool {
    let alone = value.iter().all(u8::is_ascii_alphanumeric);
    let letters = value.iter().filter(|c| c.is_ascii_alphabetic()).count();
    let inside = value.windows(3).any(|three| {
        three[0].is_ascii_alphabetic()
            && three[1].is_ascii_digit()
            && three[2].is_ascii_alphabetic()
    });
    value.len() >= 8 && alone && letters >= 4 && inside
}

/// How often a capital follows a small letter: names of things have one or two.
fn capitals_inside(value: &[u8]) -> usize {
    value
        .windows(2)
        .filter(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase())
        .count()
}

fn is_symbol(c: u8) -> bool {
    matches!(
        c,
        b'!' | b'@' | b'#' | b'$' | b'%' | b'^' | b'&' | b'*' | b'+' | b'~'
    )
}

pub(super) fn is_name(c: u8) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_')
}

fn ends_with(text: &[u8], word: &[u8]) -> bool {
    text.len() >= word.len() && text[text.len() - word.len()..].eq_ignore_ascii_case(word)
}
