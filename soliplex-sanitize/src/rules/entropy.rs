//! Whether a value looks like a secret: drawn at random, or at least not a word.

/// Values that say there is no secret, or what state it is in.
pub(super) fn is_benign_word(value: &[u8]) -> bool {
    if value.len() > MAX_WORD_BYTES {
        return value
            .iter()
            .all(|c| matches!(c, b'*' | b'x' | b'X' | b'.' | b'\xe2' | b'\x80' | b'\xa2'));
    }
    let mut lower = [0_u8; MAX_WORD_BYTES];
    let lower = &mut lower[..value.len()];
    lower.copy_from_slice(value);
    lower.make_ascii_lowercase();
    matches!(
        &*lower,
        b"-" | b"..."
            | b"*"
            | b"absent"
            | b"accepted"
            | b"allowed"
            | b"authenticated"
            | b"changed"
            | b"correct"
            | b"default"
            | b"denied"
            | b"disabled"
            | b"does"
            | b"empty"
            | b"enabled"
            | b"error"
            | b"expired"
            | b"fail"
            | b"failed"
            | b"failure"
            | b"false"
            | b"file"
            | b"found"
            | b"has"
            | b"incorrect"
            | b"invalid"
            | b"is"
            | b"length"
            | b"malformed"
            | b"mismatch"
            | b"missing"
            | b"must"
            | b"n/a"
            | b"never"
            | b"nil"
            | b"no"
            | b"none"
            | b"not"
            | b"null"
            | b"ok"
            | b"optional"
            | b"present"
            | b"redacted"
            | b"refresh"
            | b"rejected"
            | b"required"
            | b"reset"
            | b"revoked"
            | b"set"
            | b"some"
            | b"string"
            | b"success"
            | b"the"
            | b"too"
            | b"true"
            | b"undefined"
            | b"unexpected"
            | b"unknown"
            | b"unset"
            | b"updated"
            | b"valid"
            | b"verified"
            | b"was"
            | b"wrong"
            | b"yes"
            | b"str"
            | b"u64"
            | b"bool"
            | b"&str"
            | b"option"
    ) || value.iter().all(|c| matches!(c, b'*' | b'.' | b'-'))
}

/// No word of those is longer.
const MAX_WORD_BYTES: usize = 14;

/// What a string is made of.
#[derive(Default)]
struct Kinds {
    digits: usize,
    lower: usize,
    upper: usize,
    other: usize,
}

fn kinds(value: &[u8]) -> Kinds {
    let mut k = Kinds::default();
    for c in value {
        match c {
            b'0'..=b'9' => k.digits += 1,
            b'a'..=b'z' => k.lower += 1,
            b'A'..=b'Z' => k.upper += 1,
            _ => k.other += 1,
        }
    }
    k
}

/// Letters and digits mixed, or punctuation a word does not have.
pub(super) fn looks_secret(value: &[u8]) -> bool {
    let k = kinds(value);
    value.len() >= 6 && k.digits > 0 && k.lower + k.upper > 0 && !is_location(value)
        || value.len() >= 20 && k.upper > 0 && k.lower > 0 && k.other == 0 && k.digits > 0
}

/// `src/main.rs:10`, `host:8080`, `0x1f`: mixed, but not by chance.
fn is_location(value: &[u8]) -> bool {
    value.starts_with(b"0x")
        || value.contains(&b'/') && value.contains(&b'.') && !value.contains(&b'=')
        || value.contains(&b'(')
}

/// What is shorter may be drawn at random and does not show it.
pub(super) const SHORTEST_RANDOM_BYTES: usize = 20;

/// Twenty or more characters that no one would type: never a UUID, a hash in hex or a number.
pub(super) fn looks_random(value: &[u8]) -> bool {
    if !(SHORTEST_RANDOM_BYTES..=512).contains(&value.len()) || is_uuid(value) {
        return false;
    }
    let k = kinds(value);
    let is_hex = value.iter().all(u8::is_ascii_hexdigit);
    let token = value.iter().all(|c| {
        c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/' | b'=' | b'_' | b'-' | b'~' | b'.')
    });
    token
        && !is_hex
        && k.digits >= 2
        && k.lower + k.upper >= 6
        && k.digits * 3 < value.len() * 2
        && bits_per_byte(value) >= 3.6
        && k.other * 6 < value.len()
        && !is_joined(value)
}

/// Sixteen letters and digits or more, mixed as in no name: enough where quotes set them apart.
pub(super) fn is_drawn(value: &[u8]) -> bool {
    let k = kinds(value);
    value.len() >= 16
        && k.other == 0
        && k.digits >= 3
        && k.lower + k.upper >= 5
        && bits_per_byte(value) >= 3.2
        && !value.iter().all(u8::is_ascii_hexdigit)
}

/// `user_4711_profile_picture`: words and numbers, joined.
fn is_joined(value: &[u8]) -> bool {
    let mut pieces = value.split(|c| matches!(c, b'_' | b'-' | b'.' | b'/'));
    pieces.all(|piece| {
        piece.iter().all(u8::is_ascii_digit) || piece.iter().all(u8::is_ascii_lowercase)
    })
}

/// 8-4-4-4-12 hex digits.
pub(super) fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(i, c)| {
            if matches!(i, 8 | 13 | 18 | 23) {
                *c == b'-'
            } else {
                c.is_ascii_hexdigit()
            }
        })
}

/// Shannon's entropy of the byte frequencies.
pub(super) fn bits_per_byte(value: &[u8]) -> f32 {
    let mut counts = [0_u16; 256];
    for &c in value {
        counts[usize::from(c)] = counts[usize::from(c)].saturating_add(1);
    }
    let total = value.len() as f32;
    counts
        .iter()
        .filter(|n| **n > 0)
        .map(|&n| f32::from(n) / total)
        .map(|p| -p * p.log2())
        .sum()
}
