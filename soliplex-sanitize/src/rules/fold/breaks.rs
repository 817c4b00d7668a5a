//! What a line break stands between: two pieces of something, or two lines.

use crate::rules::steps::steps;

/// Whether a group of four digits behind a space ends here.
pub(super) fn ends_group(text: &[u8]) -> bool {
    matches!(text, [.., b' ', a, b, c, d] if [a, b, c, d].into_iter().all(u8::is_ascii_digit))
}

/// Whether a group of four digits before a space begins here.
pub(super) fn begins_group(text: &[u8]) -> bool {
    matches!(text, [a, b, c, d, b' ', ..] if [a, b, c, d].into_iter().all(u8::is_ascii_digit))
}

/// `plan: pro`, `PLAN=pro`, `2024-05-02 …`: the next line is one of its own.
pub(super) fn begins_member(text: &[u8]) -> bool {
    // A part of a form ends so.
    if begins_day(text) || text.starts_with(b"--") {
        return true;
    }
    let name = text.iter().take(MAX_NAME_BYTES);
    let name = name.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.'));
    let length = name.count();
    steps(length);
    // In columns, names are filled up with spaces.
    let rest = &text[length..];
    let spaces = rest
        .iter()
        .take(MAX_NAME_BYTES)
        .take_while(|c| **c == b' ')
        .count();
    let separator = length
        + if rest.get(spaces) == Some(&b':') {
            spaces
        } else {
            0
        };
    let next = text.get(separator + 1);
    text.first().is_some_and(u8::is_ascii_alphabetic)
        && match text.get(separator) {
            Some(b':') => next.is_none_or(u8::is_ascii_whitespace),
            // What fills up base64 has nothing behind it but the quote around it.
            Some(b'=') => match next {
                Some(b'"' | b'\'') => text.get(length + 2).is_some_and(u8::is_ascii_alphanumeric),
                next => next.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, b'/' | b'$')),
            },
            _ => false,
        }
}

/// `2024-05-02`, as a line of a log begins.
fn begins_day(text: &[u8]) -> bool {
    text.first_chunk::<10>().is_some_and(|day| {
        day.iter().enumerate().all(|(n, c)| match n {
            4 | 7 => matches!(c, b'-' | b'/'),
            _ => c.is_ascii_digit(),
        })
    })
}

/// A member of a map has a name no longer than this.
const MAX_NAME_BYTES: usize = 64;
