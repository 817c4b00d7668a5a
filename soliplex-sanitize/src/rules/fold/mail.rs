//! Bytes as mail writes them: `jane=40example.com`, `=6A=61=6E=65`.

/// Whether a byte is written as `=` and two digits at `at`, and not the value of a pair: several of
/// them in a row, or an `@` in the middle of an address.
pub(in crate::rules) fn is_quoted_printable(b: &[u8], at: usize) -> bool {
    if !is_coded(b, at) {
        return false;
    }
    // A number may begin so, and no word behind a name does.
    let inside = &b[at + 1..at + 3] == b"40"
        && at > 0
        && b[at - 1].is_ascii_alphanumeric()
        && b.get(at + 3).is_some_and(u8::is_ascii_alphabetic);
    inside || is_coded(b, at + 3) || at > 2 && is_coded(b, at - 3)
}

fn is_coded(b: &[u8], at: usize) -> bool {
    let digit = |c: &u8| matches!(c, b'0'..=b'9' | b'A'..=b'F');
    b.get(at) == Some(&b'=')
        && b.get(at + 1..at + 3)
            .is_some_and(|two| two.iter().all(digit))
}
