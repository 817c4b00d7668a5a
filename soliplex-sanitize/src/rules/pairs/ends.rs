//! Where a value begins and where it ends.

use crate::rules::scan::own_slashes;
use crate::rules::steps::steps;

/// Where the value begins, or nothing when the separator is none.
pub(super) fn after_separator(b: &[u8], at: usize) -> Option<usize> {
    let mut i = at + 1;
    match (b[at], b.get(i)) {
        // `userPassword:: aHVudGVyMjI=`, in base64.
        (b':', Some(b':')) if b.get(i + 1) == Some(&b' ') && b[at - 1] != b' ' => i += 1,
        (b'=', Some(b'=' | b'~')) | (b':', Some(b':')) => return None,
        (b'=', Some(b'>')) | (b':', Some(b'=')) => i += 1,
        (b':', Some(b'/')) if b.get(i + 1) == Some(&b'/') => return None,
        _ => {}
    }
    let start = i;
    while i < b.len()
        && i - start < 64
        && (b[i] == b' '
            || b[i] == b'\t'
            || matches!(b[i], b'\n' | b'\r')
                && (b[at] == b':' && is_indented_value(b, i) || is_dumped_value(b, i)))
    {
        i += 1;
    }
    (i < b.len()).then_some(i)
}

/// A line break after a colon belongs to the pair when a quoted value or container follows.
fn is_indented_value(b: &[u8], at: usize) -> bool {
    b[at..]
        .iter()
        .take(64)
        .find(|c| !c.is_ascii_whitespace())
        .is_some_and(|c| matches!(c, b'"' | b'{' | b'['))
}

/// `["password"]=>` stands in a line before its value where PHP dumps an array.
fn is_dumped_value(b: &[u8], at: usize) -> bool {
    b[..at].ends_with(b"=>") && b[at..].trim_ascii_start().starts_with(DUMPED)
}

/// What stands before a string's length, where PHP dumps one.
const DUMPED: &[u8] = b"string(";

/// `string(9) "…"`: where the string begins.
fn skip_length(b: &[u8], at: usize) -> Option<usize> {
    let rest = b[at..].strip_prefix(DUMPED)?;
    let digits = rest.iter().take(8).take_while(|c| c.is_ascii_digit());
    let open = at + DUMPED.len() + digits.count();
    b[open..].starts_with(b") \"").then_some(open + 2)
}

/// `Some("…")`, `String("…")`, `b"…"`: what stands around a value in `Debug` output.
pub(super) fn skip_wrappers(b: &[u8], mut at: usize) -> usize {
    if b.get(at) == Some(&DUMPED[0])
        && let Some(open) = skip_length(b, at)
    {
        return open;
    }
    // `<<"…">>`, a string in Erlang.
    if b.get(at) == Some(&b'<') && b[at..].starts_with(b"<<\"") {
        return at + 2;
    }
    for _ in 0..3 {
        // Most values begin like neither.
        let is_prefix = matches!(b.get(at), Some(b'b' | b'r' | b'u' | b'f'));
        let may_be = is_prefix && matches!(b.get(at + 1), Some(b'"' | b'\''))
            || b.get(at).is_some_and(u8::is_ascii_uppercase);
        if !may_be {
            return at;
        }
        let mut i = at;
        while i < b.len() && i - at < 24 && (b[i].is_ascii_alphanumeric() || b[i] == b'_') {
            i += 1;
        }
        let wraps = b.get(i) == Some(&b'(') && i > at && b[at].is_ascii_uppercase();
        let prefixed = i == at + 1
            && matches!(b[at], b'b' | b'r' | b'u' | b'f')
            && matches!(b.get(i), Some(b'"' | b'\''));
        if wraps {
            at = i + 1;
        } else if prefixed {
            return i;
        } else {
            return at;
        }
    }
    at
}

/// A quote at `at`, perhaps behind backslashes: where its text begins, the mark and the
/// backslashes.
pub(in crate::rules) fn opening_quote(b: &[u8], at: usize) -> Option<(usize, (u8, usize))> {
    let slashes = b[at..].iter().take(8).take_while(|&&c| c == b'\\').count();
    // Strings inside strings give a quote 1, 3 or 7; any other number ends in one that is not
    // escaped.
    match b.get(at + slashes) {
        // Three of them quote several lines.
        Some(&mark @ (b'"' | b'\'')) if b[at..].starts_with(&[mark; 3]) => {
            Some((at + 3, (mark, 0)))
        }
        Some(&mark @ (b'"' | b'\'' | b'`')) if (slashes + 1).is_power_of_two() => {
            Some((at + slashes + 1, (mark, slashes)))
        }
        _ => None,
    }
}

/// Whether the quote before `at` ends the text around the pair (`["password="]`) and begins no
/// value: it has fewer backslashes than the name's own quotes, or no name's and no text behind it.
pub(in crate::rules) fn closes_string(
    b: &[u8],
    at: usize,
    slashes: usize,
    name: Option<(u8, usize)>,
) -> bool {
    match name {
        Some((_, own)) => slashes < own,
        None => matches!(b.get(at), None | Some(b',' | b']' | b'}' | b':' | b')')),
    }
}

/// Where the text of a quoted value ends: at the mark behind as many backslashes as the first one.
pub(in crate::rules) fn closing_quote(b: &[u8], open: usize, mark: u8, slashes: usize) -> usize {
    let mut i = open;
    while let Some(n) = memchr::memchr3(mark, b'\n', b'"', &b[i..]) {
        let at = i + n;
        steps(n + 1);
        let own = own_slashes(&b[open..at]);
        // More of its own has a quote inside the value, fewer one that ends the text around it.
        if b[at] == mark && own <= slashes {
            return at - own;
        }
        // A lone apostrophe ends with its line, or with the string it stands in.
        if b[at] != mark && mark != b'"' {
            let before = b[open..at].iter().rev().take_while(|&&c| c == b'\\');
            return at - before.count();
        }
        i = at + 1;
    }
    b.len()
}

/// Whether this quote stands at `at`, behind as many backslashes.
pub(super) fn is_quote_at(b: &[u8], at: usize, (mark, slashes): (u8, usize)) -> bool {
    let own = b.get(at..at + slashes);
    own.is_some_and(|own| own.iter().all(|&c| c == b'\\')) && b.get(at + slashes) == Some(&mark)
}

/// Where a bare value ends.
pub(in crate::rules) fn bare_end(b: &[u8], at: usize, in_json: bool) -> usize {
    bare_trimmed(b, at, bare_stop(b, at, at, in_json))
}

/// What a byte is to a bare value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bare {
    Part,
    End,
    Backslash,
    Bracket,
}

static BARE: [Bare; 256] = {
    let mut roles = [Bare::Part; 256];
    let mut c = 0;
    while c < 256 {
        roles[c] = match c as u8 {
            0..=b' '
            | b'"'
            | b'\''
            | b'`'
            | b'<'
            | b'>'
            | b','
            | b';'
            | b'&'
            | b')'
            | b']'
            | b'}'
            | b'|' => Bare::End,
            b'\\' => Bare::Backslash,
            b'[' => Bare::Bracket,
            _ => Bare::Part,
        };
        c += 1;
    }
    roles
};

/// The first byte from `from` on that is no part of the bare value that begins at `at`.
pub(super) fn bare_stop(b: &[u8], at: usize, from: usize, in_json: bool) -> usize {
    let mut i = from;
    while i < b.len() {
        match BARE[usize::from(b[i])] {
            Bare::Part => {}
            Bare::End => break,
            Bare::Backslash => {
                let next = b.get(i + 1);
                if in_json || matches!(next, Some(b'"' | b'\'' | b'n' | b'r' | b't' | b'\\')) {
                    break;
                }
            }
            Bare::Bracket if i > at => break,
            Bare::Bracket => {}
        }
        i += 1;
    }
    steps(i - from);
    i
}

pub(super) fn bare_trimmed(b: &[u8], at: usize, stop: usize) -> usize {
    let mut i = stop;
    // A full stop or colon that ends a sentence is not part of the value.
    while i > at
        && matches!(b[i - 1], b'.' | b':')
        && b.get(i).is_none_or(|c| c.is_ascii_whitespace())
        && i - at > 1
    {
        i -= 1;
    }
    i
}

/// Where an element's text ends: at the next tag, or with the line or string it stands in.
pub(super) fn element_end(b: &[u8], at: usize) -> usize {
    let mut end = memchr::memchr3(b'<', b'\n', b'"', &b[at..]).map_or(b.len(), |n| at + n);
    steps(end - at);
    while end > at && b[end - 1] == b'\\' {
        end -= 1;
    }
    end
}

pub(super) fn line_end(b: &[u8], at: usize) -> usize {
    let end = memchr::memchr3(b'\n', b'\'', b'\r', &b[at..]).map_or(b.len(), |n| at + n);
    steps(end - at);
    end
}

pub(super) fn skip_spaces(b: &[u8], mut at: usize) -> usize {
    while at < b.len() && matches!(b[at], b' ' | b'\t' | b'\n' | b'\r') {
        at += 1;
        steps(1);
    }
    at
}
