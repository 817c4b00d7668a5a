//! Passwords that no separator introduces: told in a sentence, or beside their name.
//!
//! `password is hunter2`, `("password", "hunter2")`, `PASS hunter2!`. The word before says what it
//! is; the value must not look like the next word of the sentence.

use super::catalog::Rule;
use super::entropy::is_benign_word;
use super::keys::Strength;
use super::pairs::{bare_end, closing_quote, opening_quote};
use super::routers::scrambled;
use super::scan::{LOOK, Scan};

/// A told password is no longer.
pub(super) const MAX_PASSWORD_BYTES: usize = 128;

impl Scan<'_> {
    /// Looks at a word that ends before `end` like `password`.
    pub(super) fn told_password(&mut self, end: usize) {
        let b = self.b;
        if !ends_with(&b[..end], b"password") {
            return;
        }
        self.looks += LOOK;
        match b.get(end) {
            Some(b' ') => self.password_in_sentence(end + 1),
            Some(b'\t' | b'|') => self.password_in_column(end + 1),
            Some(b'"' | b'\'' | b'\\') => self.password_after_name(end),
            // `Password("…")`
            Some(b'(') => self.quoted_password(end + 1),
            Some(b')' | b',') => self.inserted(end),
            _ => {}
        }
    }

    /// `PASS hunter2!`, as FTP and POP3 send it, `requirepass hunter2`, and what goes by a word of few
    /// letters; `end` is the space behind the word.
    pub(super) fn told_pass(&mut self, end: usize) {
        let b = self.b;
        let length = b[..end].iter().rev().take(16).take_while(|c| is_name(**c));
        let word = &b[end - length.count()..end];
        if word.len() == 3 {
            return self.told_card_code(end);
        }
        if word.ends_with(b"-server") {
            return self.configured(end + 1);
        }
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
        let drawn = is_drawn(value);
        let named = value.iter().any(|c| matches!(c, b'_' | b'.' | b':'));
        let said = last && follows_client(&b[..end - word.len()]);
        let secret = is_mixed(value) && (set || said || last && drawn && !named);
        self.looked(stop - end);
        if secret && !self.is_marker(value) {
            self.push(open, stop, Rule::Key);
        }
    }

    /// `password is …`, `password '…'`, `password hunter2!`.
    fn password_in_sentence(&mut self, at: usize) {
        let b = self.b;
        let name = &b[..at];
        if let Some((open, stop)) = scrambled(b, at) {
            return self.push(open, stop, Rule::Key);
        }
        let Some((at, verb)) = behind_verb(b, at) else {
            return;
        };
        let bracketed = b.get(at) == Some(&b'(');
        let at = at + usize::from(bracketed);
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
        let owner = owner_before(name);
        let secret = match owner {
            // `machine host login ann password …`
            Some(Owner::Login) if !verb => is_mixed(value) || !is_benign_word(value),
            _ if verb => is_mixed(value),
            Some(_) => is_given(value),
            None if bracketed && b.get(end) == Some(&b')') => is_given(value),
            None => is_mixed(value) && is_drawn(value),
        };
        self.looked(end.saturating_sub(name.len()));
        if secret && !self.is_covered(at) && !self.starts_with_marker(at) {
            self.push(at, end, Rule::Key);
        }
    }

    /// `password|hunter2`, as tables have it; a heading goes on with a word.
    fn password_in_column(&mut self, at: usize) {
        let b = self.b;
        let end = bare_end(b, at, false);
        if is_given(&b[at..end]) && !self.starts_with_marker(at) {
            self.looked(end - at);
            self.push(at, end, Rule::Key);
        }
    }

    fn quoted_password(&mut self, at: usize) {
        let b = self.b;
        let Some((open, mark)) = opening_quote(b, at) else {
            // `setPassword(…)`
            let until = b.len().min(at + MAX_PASSWORD_BYTES);
            if memchr::memchr(b')', &b[at..b.len().min(until + 1)]).is_none() {
                return;
            }
            let end = bare_end(&b[..until], at, false);
            if b.get(end) != Some(&b')') {
                return;
            }
            let value = &b[at..end];
            let told = is_drawn(value);
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
}

/// The word that ends just before a space, and what stands before it.
pub(super) fn last_word(text: &[u8]) -> (&[u8], &[u8]) {
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

/// `> `, `C: `, or the line in which somebody said who he is: what a client sends follows.
fn follows_client(text: &[u8]) -> bool {
    let near = &text[text.len().saturating_sub(MAX_USER_LINE_BYTES)..];
    let marks = [&b"> "[..], b"C: ", b"\"", b"b'"];
    marks.iter().any(|mark| near.ends_with(mark))
        || near.ends_with(b"\n") && memchr::memmem::find(near, b"USER ").is_some()
}

/// `USER ann` and the break of its line.
const MAX_USER_LINE_BYTES: usize = 64;

/// Where a value begins behind `is`, `was set to`, `for Ann is` or `for Ann:`, and whether one of
/// these stands there; nothing where a name is all that follows.
fn behind_verb(b: &[u8], at: usize) -> Option<(usize, bool)> {
    let word = |at: usize| (at, bare_end(b, at, false));
    let next = |end: usize| (b.get(end) == Some(&b' ')).then_some(end + 1);
    let text = |(from, to): (usize, usize)| &b[from..to];
    let is_verb = |word: &[u8]| matches!(word, b"is" | b"was" | b"to" | b"of");
    let first = word(at);
    if text(first) == b"for" {
        let mut from = next(first.1)?;
        for _ in 0..2 {
            let name = word(from);
            if b[name.1..].starts_with(b": ") {
                let kind = [&b"user"[..], b"username", b"account"].contains(&text(name));
                return (!kind).then_some((name.1 + 2, true));
            }
            from = next(name.1)?;
            let verb = word(from);
            if is_verb(text(verb)) {
                return Some((next(verb.1)?, true));
            }
        }
        return None;
    }
    let mut from = at;
    let mut verb = false;
    for _ in 0..3 {
        let (at, end) = word(from);
        let said = is_verb(&b[at..end]);
        let set =
            matches!(&b[at..end], b"set" | b"changed" | b"reset") && b[end..].starts_with(b" to ");
        let named = &b[at..end] == b"from" && matches!(b.get(end + 1), Some(b'\'' | b'"'));
        match next(end) {
            Some(next) if said || set || named => from = next,
            _ => break,
        }
        verb |= said;
    }
    Some((from, verb))
}

/// Who a password is said to belong to, or what is done with it.
#[derive(Clone, Copy)]
enum Owner {
    /// `login NAME password`
    Login,
    /// `username NAME password`, `with password`
    Other,
}

/// The owner told before the `password ` that ends a text.
fn owner_before(text: &[u8]) -> Option<Owner> {
    let (_, rest) = last_word(text);
    let (before, _) = last_word(rest);
    if INTRODUCTIONS
        .iter()
        .any(|word| before.eq_ignore_ascii_case(word))
    {
        return Some(Owner::Other);
    }
    let rest = rest.trim_ascii_end();
    let name = rest
        .iter()
        .rev()
        .take(64)
        .take_while(|c| !c.is_ascii_whitespace())
        .count();
    let (owner, _) = last_word(rest[..rest.len() - name].trim_ascii_end());
    match owner {
        b"login" => Some(Owner::Login),
        b"user" | b"username" | b"neighbor" | b"-u" => Some(Owner::Other),
        _ => None,
    }
}

/// What stands before `password` where one follows.
const INTRODUCTIONS: [&[u8]; 12] = [
    b"with",
    b"using",
    b"old",
    b"new",
    b"temp",
    b"temporary",
    b"default",
    b"initial",
    b"wifi",
    b"wi-fi",
    b"enable",
    b"smtp",
];

/// What may be a password where one must stand.
fn is_given(value: &[u8]) -> bool {
    is_mixed(value) && value.len() > 5 && !names_method(value)
}

/// `sha256`: how a password is kept.
fn names_method(value: &[u8]) -> bool {
    [
        "sha", "md5", "bcrypt", "scrypt", "argon", "pbkdf", "utf", "policy", "hash",
    ]
    .iter()
    .any(|method| {
        value.len() >= method.len() && value[..method.len()].eq_ignore_ascii_case(method.as_bytes())
    })
}

/// Letters with digits or symbols between them: no word of a sentence.
pub(super) fn is_mixed(value: &[u8]) -> bool {
    let any = |is: fn(&u8) -> bool| value.iter().any(is);
    let letters = any(u8::is_ascii_alphabetic);
    (5..=MAX_PASSWORD_BYTES).contains(&value.len())
        && letters
        && (any(u8::is_ascii_digit) || any(|c| is_symbol(*c)) || capitals_inside(value) >= 3)
        && !matches!(value[0], b'<' | b'$' | b'{' | b'[' | b'(' | b'%' | b'/')
        && !value.contains(&b'(')
        && !value.contains(&b'/')
}

/// What no word of a language looks like.
fn is_drawn(value: &[u8]) -> bool {
    value.iter().any(|c| is_symbol(*c)) || is_interspersed(value)
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
