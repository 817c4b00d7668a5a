//! What is left of a secret in text that was redacted.
//!
//! A secret survives in any spelling that a reader can undo. So the output and the secret are both
//! taken out of their disguises and stripped to letters and digits, and what they then share, and
//! the text around the secret does not, is left over.

/// How much of a secret came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Left {
    Nothing,
    /// A piece of it that identifies: four letters or digits in a row that nothing beside it holds.
    Part,
    All,
}

/// Pieces of this length are looked for; of shorter secrets, all but one byte.
const PIECE_BYTES: usize = 4;

/// What is left of `secret` in `out`, which was the secret between `before` and `after`.
pub(crate) fn left_of(secret: &str, before: &str, after: &str, out: &str) -> Left {
    if out.contains(secret) {
        return Left::All;
    }
    let secret = bare(secret);
    let out = bare(&without_markers(out));
    let beside = format!("{}\n{}", bare(before), bare(after));
    if secret.len() >= PIECE_BYTES && out.contains(&secret) && !beside.contains(&secret) {
        return Left::All;
    }
    let length = PIECE_BYTES.min(secret.len().saturating_sub(1)).max(2);
    let left = |piece: &[u8]| {
        std::str::from_utf8(piece).is_ok_and(|piece| out.contains(piece) && !beside.contains(piece))
    };
    if secret.as_bytes().windows(length).any(left) {
        Left::Part
    } else {
        Left::Nothing
    }
}

/// The text without its markers, which hold letters too.
fn without_markers(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        out.push_str(before);
        let name = after.len()
            - after
                .trim_start_matches(|c: char| c.is_ascii_uppercase() || c == '_')
                .len();
        let closed = name > 2 && after[name..].starts_with(']');
        out.push_str(if closed { "\n" } else { "[" });
        rest = if closed { &after[name + 1..] } else { after };
    }
    out + rest
}

/// Letters and digits alone, in plain, and a line break wherever something else stands that is no
/// disguise.
fn bare(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some((plain, length)) = escaped(rest) {
            out.extend(plain.filter(char::is_ascii_alphanumeric));
            rest = &rest[length..];
            continue;
        }
        out.extend(Some(plain(c)).filter(char::is_ascii_alphanumeric));
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// An escape at the beginning of the text: what it stands for, if anything, and its length.
fn escaped(text: &str) -> Option<(Option<char>, usize)> {
    let hex = |from: usize, length: usize| {
        let digits = text.get(from..from + length)?;
        char::from_u32(u32::from_str_radix(digits, 16).ok()?)
    };
    if text.starts_with("\u{1b}[") {
        let end = text.find('m')?;
        return Some((None, end + 1));
    }
    for (prefix, length) in [("%", 2), ("\\x", 2), ("\\u", 4)] {
        if text.starts_with(prefix)
            && let Some(c) = hex(prefix.len(), length)
        {
            return Some((Some(c), prefix.len() + length));
        }
    }
    if let Some(rest) = text.strip_prefix("&#x") {
        let digits = rest.split(';').next()?.len();
        return Some((hex(3, digits), 3 + digits + 1));
    }
    ["\\n", "\\r"]
        .iter()
        .any(|line| text.starts_with(line))
        .then_some((None, 2))
}

/// A letter or a digit in plain.
fn plain(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xff01 + 0x21).unwrap_or(c),
        '\u{1d7ce}'..='\u{1d7d7}' => char::from_u32(u32::from(c) - 0x1d7ce + 0x30).unwrap_or(c),
        _ => c,
    }
}

#[test]
fn a_secret_is_left_in_whatever_spelling() {
    let left = |secret, out| left_of(secret, "user ", " came", out);
    assert_eq!(left("ann@example.org", "user [EMAIL] came"), Left::Nothing);
    assert_eq!(
        left("ann@example.org", "user ann@example.org came"),
        Left::All
    );
    assert_eq!(
        left("ann@example.org", "user ann%40example.org came"),
        Left::All
    );
    assert_eq!(
        left("ann@example.org", "user ann@\u{1b}[1mexample.org came"),
        Left::All
    );
    assert_eq!(
        left("ann@exa\nmple.org", "user ann@example.org came"),
        Left::All
    );
    assert_eq!(
        left("ann@example.org", "user [EMAIL]ple.org came"),
        Left::Part
    );
    assert_eq!(left("219-09-9999", "user [SSN]-9999 came"), Left::Part);
    assert_eq!(left("4711", "user 47[REDACTED] came"), Left::Nothing);
    assert_eq!(left("4711", "user 471[REDACTED] came"), Left::Part);
    assert_eq!(left("USER99", "user [USER] came"), Left::Nothing);
}
