//! What looks like the next line's own pair and is the rest of what the line before ends in.

use crate::rules::keys::{MAX_KEY_BYTES, Strength};
use crate::rules::steps::steps;
use crate::rules::table::Table;

/// No more of either line is looked at.
const MAX_LINE_BYTES: usize = 256;

/// Nothing shorter is taken for the first piece of a value.
const MIN_PIECE_BYTES: usize = 8;

/// Whether `after`, which begins like a pair, goes on with what `before` ends in: a name, a value or
/// the password of an address.
pub(super) fn is_torn(table: &Table, before: &[u8], after: &[u8]) -> bool {
    let near = &before[before.len().saturating_sub(MAX_LINE_BYTES)..];
    let line = near.rsplit(|c| *c == b'\n').next().unwrap_or_default();
    let after = &after[..after.len().min(MAX_LINE_BYTES)];
    let word = after.iter().take_while(|c| !c.is_ascii_whitespace());
    let word = &after[..word.count()];
    steps(line.len() + word.len());
    if tears_address(line, word) {
        return true;
    }
    let Some(equals) = memchr::memchr(b'=', word) else {
        return false;
    };
    let name = &word[..equals];
    tears_name(table, line, name)
        || tears_value(line, name) && after.get(word.len()).is_none_or(|c| *c != b' ')
}

/// `mssql://sa:phJh60bf` and `4tGL=pro@host`.
fn tears_address(line: &[u8], word: &[u8]) -> bool {
    let Some(scheme) = memchr::memmem::rfind(line, b"://") else {
        return false;
    };
    let user = &line[scheme + 3..];
    let ends = |c: &u8| c.is_ascii_whitespace() || matches!(c, b'@' | b'/' | b'?' | b'#' | b'"');
    user.contains(&b':') && !user.iter().any(ends) && word.contains(&b'@')
}

/// `pass` and `word=…`: neither line has a name that says as much as both together.
fn tears_name(table: &Table, line: &[u8], name: &[u8]) -> bool {
    let letters = line.iter().rev().take_while(|c| c.is_ascii_alphabetic());
    let begin = &line[line.len() - letters.count()..];
    let mut joined = [0; MAX_KEY_BYTES];
    let length = begin.len() + name.len();
    if begin.is_empty() || length > MAX_KEY_BYTES {
        return false;
    }
    joined[..begin.len()].copy_from_slice(begin);
    joined[begin.len()..length].copy_from_slice(name);
    table.strength(name).is_none() && table.strength(&joined[..length]) == Some(Strength::Certain)
}

/// `token: 8f3kQz71` and `lmpx=x`, of which only the second is written so, or `api_key=8f3kQz71` and
/// `VbRt=x`, which is no name.
fn tears_value(line: &[u8], name: &[u8]) -> bool {
    let graphic = line.iter().rev().take_while(|c| c.is_ascii_graphic());
    let start = line.len() - graphic.count();
    let (rest, piece) = line.split_at(start);
    let value = piece.rsplit(|c| matches!(c, b'=' | b':')).next();
    let value = value.unwrap_or_default();
    let drawn = value.len() >= MIN_PIECE_BYTES && value.iter().any(u8::is_ascii_digit);
    let other_way = rest.ends_with(b": ") && value.len() == piece.len();
    drawn && (other_way || is_drawn_name(name))
}

/// `VbRt`, `x7Qz`: two changes of case after a letter or two, or a letter behind a digit.
fn is_drawn_name(name: &[u8]) -> bool {
    let capital = |c: &u8| c.is_ascii_uppercase();
    let small = |c: &u8| c.is_ascii_lowercase();
    let short = name.windows(4).any(
        |four| matches!(four, [a, b, c, d] if capital(a) && small(b) && capital(c) && small(d)),
    );
    let numbered = |two: &[u8]| two[0].is_ascii_digit() && two[1].is_ascii_uppercase();
    name.iter().any(small) && (short || name.windows(2).any(numbered))
}
