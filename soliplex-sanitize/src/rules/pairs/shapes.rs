//! What a bare value looks like.

use crate::rules::entropy::is_benign_word;
use crate::rules::keys::judge;

/// What stands for a value that is filled in elsewhere: `$PASSWORD`, `${…}`, `$(…)`, `{{ … }}`.
pub(super) fn is_reference(text: &[u8]) -> bool {
    let name = |c: &u8| c.is_ascii_uppercase() || *c == b'_';
    match text {
        [b'$', b'{' | b'(', ..] | [b'{', b'{', ..] => true,
        [b'$', rest @ ..] => {
            let length = rest.iter().take_while(|c| name(c)).count();
            length > 1 && rest.get(length).is_none_or(|c| !c.is_ascii_graphic())
        }
        _ => false,
    }
}

/// `0x14ed93111f293c9`: an address or a counter, of up to sixty-four bits.
pub(super) fn is_handle(value: &[u8]) -> bool {
    value.len() <= 18
        && value
            .strip_prefix(b"0x")
            .is_some_and(|hex| !hex.is_empty() && hex.iter().all(u8::is_ascii_hexdigit))
}

/// `Token{797b76f`: an object, as Java and Kotlin print one.
pub(super) fn is_object(value: &[u8]) -> bool {
    let name = value.iter().take_while(|c| c.is_ascii_alphabetic()).count();
    value[0].is_ascii_uppercase() && value.get(name) == Some(&b'{')
}

/// `1980-03-14`, `34-1927674`: digits in groups.
pub(super) fn is_grouped(value: &[u8]) -> bool {
    value[0].is_ascii_digit()
        && value
            .iter()
            .all(|c| c.is_ascii_digit() || matches!(c, b'-' | b'/' | b'.'))
        && value.iter().filter(|c| c.is_ascii_digit()).count() >= 6
        && value.iter().filter(|c| !c.is_ascii_digit()).count() <= 3
}

/// Where `2345 6789 0123` ends, of which `2345` ends at `end`: three groups of four digits or more.
pub(super) fn grouped_end(b: &[u8], at: usize, end: usize) -> usize {
    let four = |from: usize| {
        b.get(from..from + 4)
            .is_some_and(|four| four.iter().all(u8::is_ascii_digit))
    };
    if end != at + 4 || !four(at) {
        return end;
    }
    let mut last = end;
    while b.get(last) == Some(&b' ') && four(last + 1) && last - at < MAX_GROUPED_BYTES {
        last += 5;
    }
    let goes_on = b.get(last).is_some_and(u8::is_ascii_alphanumeric);
    if last >= end + 10 && !goes_on {
        last
    } else {
        end
    }
}

/// Of nineteen digits at most.
const MAX_GROUPED_BYTES: usize = 20;

pub(super) fn is_number(value: &[u8]) -> bool {
    value.iter().any(u8::is_ascii_digit)
        && value
            .iter()
            .all(|c| c.is_ascii_digit() || matches!(c, b'-' | b'+' | b'.' | b'e' | b'E'))
        && (value[0].is_ascii_digit() || value[0] == b'-')
}

pub(super) fn is_plain_word(value: &[u8]) -> bool {
    value
        .iter()
        .enumerate()
        .all(|(i, c)| c.is_ascii_lowercase() || (i == 0 && c.is_ascii_uppercase()) || *c == b'-')
}

/// `{{ vault_password }}`: a template that is filled in elsewhere.
pub(super) fn is_filled_in(value: &[u8]) -> bool {
    value.starts_with(b"{{") && value.ends_with(b"}}")
}

/// `input()`, `self.next_token()?`, `headers.get("…")`: a call in a line of code, up to its bracket.
pub(super) fn is_call(value: &[u8], next: Option<&u8>) -> bool {
    let Some(callee) = value.strip_suffix(b"(") else {
        return false;
    };
    let named = |c: &u8| c.is_ascii_alphabetic() || matches!(c, b'_' | b'.' | b':' | b'!');
    callee.len() > 2 && callee.iter().all(named) && matches!(next, Some(b')' | b'"' | b'\'' | b'&'))
}

/// `crypt(`, `SHA2(`: what makes a hash of the string behind it.
pub(super) fn is_hashing(value: &[u8]) -> bool {
    let Some(open) = memchr::memchr(b'(', value) else {
        return false;
    };
    let callee = &value[..open];
    [
        "crypt", "password", "encrypt", "md5", "sha1", "sha2", "sha256", "hash",
    ]
    .iter()
    .any(|word| callee.eq_ignore_ascii_case(word.as_bytes()))
}

/// What a module of PAM is asked for.
pub(super) fn is_step(value: &[u8]) -> bool {
    matches!(
        value,
        b"auth" | b"account" | b"session" | b"chauthtok" | b"setcred"
    )
}

/// `(sensitive value)`, `(known after apply)`: what stands for a value that is not shown.
pub(super) fn is_remark(text: &[u8]) -> bool {
    let Some(rest) = text.strip_prefix(b"(") else {
        return false;
    };
    let length = rest.iter().take_while(|c| c.is_ascii_lowercase()).count();
    length > 3 && matches!(rest.get(length), Some(b' ' | b')'))
}

/// `2/3`: how many of how many.
pub(super) fn is_share(value: &[u8]) -> bool {
    value.contains(&b'/') && value.iter().all(|c| c.is_ascii_digit() || *c == b'/')
}

/// `var.db_password`: what a configuration refers to by name.
pub(super) fn is_variable(value: &[u8]) -> bool {
    let owners = [
        &b"var."[..],
        b"local.",
        b"data.",
        b"module.",
        b"secrets.",
        b"env.",
    ];
    let name = |c: &u8| c.is_ascii_lowercase() || matches!(c, b'_' | b'.');
    owners.iter().any(|owner| value.starts_with(owner)) && value.iter().all(name)
}

/// `self.token = token`, `password = req.body.password;`, `password = os.environ["PASSWORD"]`: a line
/// of code in which the value at `at` is called like what it is given to, or looked up. Without the
/// spaces of one, a password may be the word "password".
pub(super) fn refers(b: &[u8], name: &[u8], at: usize) -> bool {
    let rest = b[at..].iter().take(MAX_REFERENCE_BYTES);
    let length = rest
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.'))
        .count();
    let value = &b[at..at + length];
    let next = b.get(at + length);
    let last = |path: &[u8]| {
        path.iter()
            .rposition(|c| *c == b'.')
            .map_or(0, |dot| dot + 1)
    };
    let is_name = !value.is_empty() && value[last(value)..] == name[last(name)..];
    let is_path = || {
        value
            .iter()
            .all(|c| c.is_ascii_lowercase() || matches!(c, b'_' | b'.'))
    };
    let in_code = b[..at].ends_with(b" = ");
    let looked_up = match &b[at + length..] {
        [b'[', mark @ (b'"' | b'\''), rest @ ..] => is_looked_up(*mark, rest, in_code),
        _ => false,
    };
    is_name
        && in_code
        && next.is_none_or(|c| {
            c.is_ascii_whitespace() || matches!(c, b',' | b';' | b')' | b'}' | b'&')
        })
        || looked_up && value.contains(&b'.') && is_path()
}

/// `"DB_PASSWORD"]`: a name, which means something where the spaces of code are missing, as far as
/// its quote and bracket.
fn is_looked_up(mark: u8, rest: &[u8], in_code: bool) -> bool {
    let name = rest.iter().take(MAX_REFERENCE_BYTES);
    let length = name.take_while(|c| c.is_ascii_alphabetic() || matches!(c, b'_' | b'-' | b'.'));
    let (name, rest) = rest.split_at(length.count());
    rest.starts_with(&[mark, b']']) && (in_code || judge(name).is_some())
}

/// `token :scheme`, `:path: /token :scheme: https`: the colon at `at` begins a name of its own.
pub(super) fn is_symbol(b: &[u8], at: usize) -> bool {
    let name = b[at + 1..].iter().take(MAX_REFERENCE_BYTES);
    let length = name
        .take_while(|c| c.is_ascii_lowercase() || **c == b'_')
        .count();
    let next = b.get(at + 1 + length);
    b[at] == b':'
        && b[..at].ends_with(b" ")
        && length > 0
        && next.is_none_or(|c| matches!(c, b' ' | b':' | b',' | b')'))
}

/// No path of names in a line of code is longer.
const MAX_REFERENCE_BYTES: usize = 96;

/// `android.os.BinderProxy@4a5b6c7`: an object by its class and address.
pub(super) fn is_instance(value: &[u8]) -> bool {
    let Some(at) = memchr::memrchr(b'@', value) else {
        return false;
    };
    let (class, address) = (&value[..at], &value[at + 1..]);
    (1..=8).contains(&address.len())
        && address.iter().all(u8::is_ascii_hexdigit)
        && class.iter().any(u8::is_ascii_uppercase)
        && class
            .iter()
            .all(|c| c.is_ascii_alphabetic() || matches!(c, b'.' | b'$' | b'_'))
}

/// `[hunter2!]`: where a list ends that has one element without quotes, and no word that says what
/// is in it.
pub(super) fn lone_element_end(b: &[u8], at: usize) -> Option<usize> {
    let rest = b[at + 1..].iter().take(MAX_ELEMENT_BYTES);
    let inside =
        |c: &u8| c.is_ascii_graphic() && !matches!(c, b'[' | b']' | b',' | b'"' | b'\'' | b'{');
    let end = at + 1 + rest.take_while(|c| inside(c)).count();
    let element = &b[at + 1..end];
    let told = element.iter().all(|c| c.is_ascii_uppercase() || *c == b'_');
    let closed = b.get(end) == Some(&b']') && !element.is_empty();
    (closed && !told && !is_benign_word(element) && !is_reference(element)).then_some(end)
}

/// No password in a list is longer.
const MAX_ELEMENT_BYTES: usize = 128;
