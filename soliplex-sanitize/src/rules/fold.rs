//! Text read a second time, without its disguises.
//!
//! Full-width digits, look-alike separators, percent and JSON escapes, mail's codes, terminal colors
//! and a line break inside a word hide a secret from rules that look at bytes. Folding writes the
//! plain text into a buffer together with where each of its bytes came from; the rules run over
//! that, and what they find is translated back.

mod breaks;
mod chars;
mod mail;
mod torn;

use std::ops::Range;

use super::gate::joins;
use super::keys::{MAX_KEY_BYTES, Strength};
use super::steps::steps;
use super::table::Table;

pub(super) use mail::is_quoted_printable;

use breaks::{begins_group, begins_member, ends_group};
use chars::{entity, named_entity, plain_char, spelled_out};
use torn::is_torn;

/// The folded text, and what its bytes stand for.
#[derive(Default)]
pub(super) struct Folded {
    pub(super) text: Vec<u8>,
    pieces: Vec<Piece>,
    /// Positions in the folded text before which a line break was taken out.
    joints: Vec<u32>,
}

/// Where a row of bytes came from, which each stand for as many others or for themselves.
#[derive(Clone, Copy)]
struct Piece {
    /// The position of the first in the folded text; the last stands before the next piece.
    at: u32,
    /// Its position in the original text.
    start: u32,
    /// The bytes that each stands for; zero where they stand for themselves.
    used: u32,
}

/// A line indented further than this is not a wrapped word.
const MAX_INDENT: usize = 12;

/// The name in a marker has at most this many bytes.
const MAX_MARKER_BYTES: usize = 24;

/// Four strings inside one another give an escape fifteen backslashes.
const MAX_SLASHES: usize = 15;

impl Folded {
    /// Folds `text`; false when nothing in it is in disguise.
    pub(super) fn fold(&mut self, table: &Table, text: &str) -> bool {
        self.text.clear();
        self.pieces.clear();
        self.joints.clear();
        if u32::try_from(text.len()).is_err() {
            return false;
        }
        let b = text.as_bytes();
        let mut changed = false;
        let mut i = 0;
        while i < b.len() {
            let rest = b[i..].iter();
            let same = rest.take_while(|c| !STANDS[usize::from(**c)]).count();
            steps(same);
            if same > 0 {
                self.copy(b, i..i + same);
                i += same;
                continue;
            }
            let (used, plain) = step(text, i);
            steps(used);
            // Behind a name that is sensitive without its disguise, `=40` begins a value.
            if b[i] == b'=' && used > 1 && self.ends_in_name(table) {
                self.copy(b, i..i + 1);
                i += 1;
                continue;
            }
            match plain {
                Plain::Same => {
                    self.copy(b, i..i + used);
                    i += used;
                    continue;
                }
                Plain::Byte(c) => self.emit(c, i, i + used),
                Plain::Spelled(c) => {
                    // The spaces around it are its own.
                    if self.text.last() == Some(&b' ') {
                        self.text.pop();
                        let at = self.text.len() as u32;
                        self.pieces.pop_if(|piece| piece.at == at);
                        i += usize::from(b.get(i + used) == Some(&b' '));
                    }
                    self.emit(c, i, i + used);
                }
                Plain::Nothing => {}
                Plain::Break => {
                    // A wrapped line may be indented.
                    let next = i + used;
                    let next = next
                        + b[next..]
                            .iter()
                            .take(MAX_INDENT)
                            .take_while(|c| matches!(c, b' ' | b'\t'))
                            .count();
                    if ends_group(&self.text) && begins_group(&b[next..]) {
                        // Between two groups of a number a break stands for the space there.
                        self.emit(b' ', i, next);
                        changed = true;
                        i = next;
                    } else if self.text.last().is_some_and(|c| joins(*c))
                        && b.get(next).is_some_and(|c| joins(*c))
                        && (!begins_member(&b[next..]) || is_torn(table, &self.text, &b[next..]))
                    {
                        self.joints.push(self.text.len() as u32);
                        changed = true;
                        i = next;
                    } else {
                        self.emit(b'\n', i, i + used);
                        changed |= b[i] == b'\\';
                        i += used;
                    }
                    continue;
                }
            }
            changed = true;
            i += used;
        }
        changed
    }

    /// Whether the name that what is folded so far ends in is a sensitive one.
    fn ends_in_name(&self, table: &Table) -> bool {
        let name = self.text.iter().rev().take(MAX_KEY_BYTES);
        let name =
            name.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.'));
        let start = self.text.len() - name.count();
        steps(self.text.len() - start);
        table.strength(&self.text[start..]) > Some(Strength::Hint)
    }

    /// A byte for those from `start` to `end`. No text that is folded is longer than a position has
    /// bits.
    fn emit(&mut self, c: u8, start: usize, end: usize) {
        let (at, used) = (self.text.len() as u32, (end - start) as u32);
        let start = start as u32;
        let goes_on =
            |last: &Piece| last.used == used && start - last.start == (at - last.at) * used;
        if !self.pieces.last().is_some_and(goes_on) {
            self.pieces.push(Piece { at, start, used });
        }
        self.text.push(c);
    }

    /// Bytes that stand for themselves.
    fn copy(&mut self, b: &[u8], range: Range<usize>) {
        let (at, start) = (self.text.len() as u32, range.start as u32);
        let goes_on = |last: &Piece| last.used == 0 && start - last.start == at - last.at;
        if !self.pieces.last().is_some_and(goes_on) {
            self.pieces.push(Piece { at, start, used: 0 });
        }
        self.text.extend_from_slice(&b[range]);
    }

    /// The range in the original text.
    pub(super) fn original(&self, start: usize, end: usize) -> (usize, usize) {
        (self.origin(start).start, self.origin(end - 1).end)
    }

    /// What one byte stands for.
    fn origin(&self, at: usize) -> Range<usize> {
        let behind = self.pieces.partition_point(|piece| piece.at as usize <= at);
        let Piece {
            at: first,
            start,
            used,
        } = self.pieces[behind - 1];
        let before = at - first as usize;
        match used as usize {
            0 => start as usize + before..start as usize + before + 1,
            used => {
                let start = start as usize + before * used;
                start..start + used
            }
        }
    }

    /// The first place inside the range, or at its edges, where a line break was taken out.
    pub(super) fn joint(&self, start: usize, end: usize) -> Option<usize> {
        let first = self.joints.partition_point(|j| (*j as usize) < start);
        self.joints
            .get(first)
            .map(|j| *j as usize)
            .filter(|j| *j <= end)
    }
}

enum Plain {
    Same,
    Byte(u8),
    /// A byte that was spelled out.
    Spelled(u8),
    Nothing,
    Break,
}

/// Bytes that may stand for others, or begin a character that does. The rest of such a character
/// goes with its first byte, and that of any other stands for itself.
static STANDS: [bool; 256] = {
    let mut stands = [false; 256];
    let mut c = 0;
    while c < 256 {
        stands[c] = matches!(
            c as u8,
            0x1b | b'\n'
                | b'\r'
                | b'%'
                | b'\\'
                | b'='
                | b'&'
                | b'['
                | b'('
                | b'{'
                | 0xc2
                | 0xcb
                | 0xce
                | 0xcf
                | 0xd0
                | 0xd1
                | 0xd6
                | 0xd7
                | 0xd9
                | 0xdb
                | 0xdc
                | 0xe0..=0xe3 | 0xea | 0xef | 0xf0
        );
        c += 1;
    }
    stands
};

/// What stands at `i`: how many bytes of the original, and what they mean.
fn step(text: &str, i: usize) -> (usize, Plain) {
    let b = text.as_bytes();
    match b[i] {
        0x1b => {
            let row = b[i..].iter().take_while(|c| **c == 0x1b).count();
            (row + control(&b[i + row..]), Plain::Nothing)
        }
        b'\n' => (1, Plain::Break),
        b'\r' if b.get(i + 1) == Some(&b'\n') => (2, Plain::Break),
        b'%' => match hex(b.get(i + 1..i + 3)) {
            // Encoded twice: `%2540`.
            Some(0x25) => match hex(b.get(i + 3..i + 5)) {
                Some(c @ 0x20..=0x7e) => (5, Plain::Byte(c as u8)),
                _ => (3, Plain::Byte(b'%')),
            },
            Some(c @ 0x20..=0x7e) => (3, Plain::Byte(c as u8)),
            _ => (1, Plain::Same),
        },
        b'\\' => escape(b, i),
        b'=' => match hex(b.get(i + 1..i + 3)) {
            Some(c @ 0x20..=0x7e) if is_quoted_printable(b, i) => (3, Plain::Byte(c as u8)),
            _ => (1, Plain::Same),
        },
        b'&' if b.get(i + 1) == Some(&b'#') => entity(&b[i..]),
        b'&' => named_entity(&b[i..]),
        b'[' | b'(' | b'{' => spelled_out(&b[i..]),
        0x80.. => {
            let Some(c) = text[i..].chars().next() else {
                return (1, Plain::Same);
            };
            match plain_char(c) {
                Some('\0') => (c.len_utf8(), Plain::Nothing),
                Some(p) => (c.len_utf8(), Plain::Byte(p as u8)),
                None => (c.len_utf8(), Plain::Same),
            }
        }
        _ => (1, Plain::Same),
    }
}

/// The rest of a terminal control sequence.
fn control(rest: &[u8]) -> usize {
    if rest.first() != Some(&b'[') || begins_with_marker(rest) {
        return 0;
    }
    rest.iter()
        .take(24)
        .take_while(|c| **c >= b' ')
        .position(|c| (0x40..=0x7e).contains(c) && *c != b'[')
        .map_or(1, |n| n + 1)
}

/// Whether a marker stands where a control sequence would: what it replaced came after an escape
/// character.
fn begins_with_marker(rest: &[u8]) -> bool {
    let name = rest[1..]
        .iter()
        .take(MAX_MARKER_BYTES)
        .take_while(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || **c == b'_')
        .count();
    name >= 3 && rest.get(name + 1) == Some(&b']')
}

/// `\u0040`, `\x40`, `\/`, `\n`, and the escape character itself with what follows it; behind as
/// many backslashes as strings inside strings give it.
fn escape(b: &[u8], i: usize) -> (usize, Plain) {
    let slashes = b[i..]
        .iter()
        .take(MAX_SLASHES)
        .take_while(|c| **c == b'\\')
        .count();
    let at = i + slashes;
    let code = match b.get(at) {
        Some(b'u') if b.get(at + 1) == Some(&b'{') => {
            let digits = b[at + 2..]
                .iter()
                .take(6)
                .take_while(|c| c.is_ascii_hexdigit())
                .count();
            let closed = b.get(at + 2 + digits) == Some(&b'}');
            hex(b.get(at + 2..at + 2 + digits))
                .filter(|_| closed)
                .map(|c| (3 + digits, c))
        }
        Some(b'u') => hex(b.get(at + 1..at + 5)).map(|c| (5, c)),
        Some(b'x') => hex(b.get(at + 1..at + 3)).map(|c| (3, c)),
        Some(b'/') => return (slashes + 1, Plain::Byte(b'/')),
        Some(b'n') => return (slashes + 1, Plain::Break),
        // `\e[31m`, `\033[31m`: a color that a logger has escaped.
        Some(b'e' | b'0') if escapes_color(&b[at..]) => {
            let used = slashes + if b[at] == b'e' { 1 } else { 3 };
            return (used + control(&b[i + used..]), Plain::Nothing);
        }
        _ => None,
    };
    let Some((used, code)) = code.map(|(used, code)| (slashes + used, code)) else {
        return (slashes, Plain::Same);
    };
    match code {
        0x1b => (used + control(&b[i + used..]), Plain::Nothing),
        0x20..=0x7e => (used, Plain::Byte(code as u8)),
        _ => match char::from_u32(code).and_then(plain_char) {
            Some('\0') => (used, Plain::Nothing),
            Some(p) => (used, Plain::Byte(p as u8)),
            None => (slashes, Plain::Same),
        },
    }
}

/// Whether `e[` or `033[` follows a backslash.
pub(super) fn escapes_color(rest: &[u8]) -> bool {
    rest.starts_with(b"e[") || rest.starts_with(b"033[")
}

fn hex(digits: Option<&[u8]>) -> Option<u32> {
    let digits = digits.filter(|d| !d.is_empty())?;
    digits
        .iter()
        .try_fold(0, |n, c| Some(n << 4 | char::from(*c).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_that_stands_for_another_begins_with_a_byte_that_may() {
        for c in (0x80..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let mut bytes = [0; 4];
            c.encode_utf8(&mut bytes);
            if plain_char(c).is_some() {
                assert!(STANDS[usize::from(bytes[0])], "{c:?}");
            }
        }
    }
}
