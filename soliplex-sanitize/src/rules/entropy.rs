//! Whether a value looks like a secret: drawn at random, or at least not a word.

/// Values that say there is no secret, or what state it is in.
pub(super) fn is_benign_word(value: &[u8]) -> bool {
    const WORDS: &[&str] = &[
        "-",
        "...",
        "*",
        "absent",
        "accepted",
        "allowed",
        "authenticated",
        "changed",
        "correct",
        "default",
        "denied",
        "disabled",
        "does",
        "empty",
        "enabled",
        "error",
        "expired",
        "fail",
        "failed",
        "failure",
        "false",
        "file",
        "found",
        "has",
        "incorrect",
        "invalid",
        "is",
        "length",
        "malformed",
        "mismatch",
        "missing",
        "must",
        "n/a",
        "never",
        "nil",
        "no",
        "none",
        "not",
        "null",
        "ok",
        "optional",
        "present",
        "redacted",
        "refresh",
        "rejected",
        "required",
        "reset",
        "revoked",
        "set",
        "some",
        "string",
        "success",
        "the",
        "too",
        "true",
        "undefined",
        "unexpected",
        "unknown",
        "unset",
        "updated",
        "valid",
        "verified",
        "was",
        "wrong",
        "yes",
        "None",
        "str",
        "u64",
        "bool",
        "&str",
        "option",
    ];
    if value.len() > 14 {
        return value
            .iter()
            .all(|c| matches!(c, b'*' | b'x' | b'X' | b'.' | b'\xe2' | b'\x80' | b'\xa2'));
    }
    value.iter().all(|c| matches!(c, b'*' | b'.' | b'-'))
        || WORDS
            .iter()
            .any(|w| value.eq_ignore_ascii_case(w.as_bytes()))
}

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
        || value.contains(&b'/') && value.contains(&b'.')
        || value.contains(&b'(')
}

/// Twenty or more characters that no one would type: never a UUID, a hash in hex or a number.
pub(super) fn looks_random(value: &[u8]) -> bool {
    if !(20..=512).contains(&value.len()) || is_uuid(value) {
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
