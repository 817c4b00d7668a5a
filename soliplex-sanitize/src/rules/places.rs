//! Where somebody is: coordinates in decimals or in degrees, and military grid references.
//!
//! A decimal is one only beside a word, a hemisphere or another one that says so.

use super::catalog::Rule;
use super::context::Context;
use super::numbers::MAX_RUN;
use super::scan::Scan;

impl Scan<'_> {
    /// Looks at the digits of a military grid reference.
    pub(super) fn grid(&mut self, at: usize) {
        let b = self.b;
        // The zone: one or two digits and a letter, then perhaps a space, two letters, perhaps a
        // space.
        let mut i = at;
        while i > 0 && b[i].is_ascii_digit() {
            i -= 1;
        }
        let spaced = b[i] == b' ';
        if spaced {
            i -= 1;
        }
        if i < 3 {
            return;
        }
        let square = &b[i - 1..=i];
        i -= 2;
        if b[i] == b' ' {
            i -= 1;
        }
        let band = b[i];
        if i == 0 || !b[i - 1].is_ascii_digit() {
            return;
        }
        let mut start = i - 1;
        if start > 0 && b[start - 1].is_ascii_digit() {
            start -= 1;
        }
        let letters = |c: u8, to: u8| (b'A'..=to).contains(&c) && c != b'I' && c != b'O';
        let small = band.is_ascii_lowercase();
        let cased = square.iter().all(|c| c.is_ascii_lowercase() == small);
        let (band, square) = (band.to_ascii_uppercase(), square.to_ascii_uppercase());
        if !cased
            || !letters(band, b'X')
            || band < b'C'
            || !square.iter().all(|c| letters(*c, b'Z'))
        {
            return;
        }
        let zone = b[start..i]
            .iter()
            .fold(0_u32, |n, c| n * 10 + u32::from(c - b'0'));
        if !(1..=60).contains(&zone)
            || (start > 0 && (b[start - 1].is_ascii_alphanumeric() || b[start - 1] == b'-'))
        {
            return;
        }
        let mut end = at;
        while end < b.len() && b[end].is_ascii_digit() {
            end += 1;
        }
        let first = end
            - b[..end]
                .iter()
                .rev()
                .take_while(|c| c.is_ascii_digit())
                .count();
        let mut digits = end - first;
        let second = b.get(end).filter(|c| **c == b' ').map_or(0, |_| {
            b[end + 1..]
                .iter()
                .take(6)
                .take_while(|c| c.is_ascii_digit())
                .count()
        });
        if second == digits && digits <= 5 {
            end += 1 + second;
            digits *= 2;
        }
        if !digits.is_multiple_of(2)
            || digits > 10
            || b.get(end).is_some_and(u8::is_ascii_alphanumeric)
        {
            return;
        }
        // Small letters, and a space that anything could stand behind, need the word.
        let plain = match (spaced, small) {
            (_, true) => usize::MAX,
            (true, _) => 4,
            (false, _) => 8,
        };
        if digits >= plain || (digits >= 4 && self.context(start, end).has(Context::GRID)) {
            self.push(start, end, Rule::Grid);
        }
    }

    /// The first number of a pair whose second one begins at `start`, when only that was seen: a
    /// colon before a number looks like a time of day (`geo:38.8977,-77.0365`).
    fn first_half(&mut self, start: usize) {
        let b = self.b;
        let between = b[..start].strip_suffix(b" ").unwrap_or(&b[..start]);
        let Some(to) = between.strip_suffix(b",").map(<[u8]>::len) else {
            return;
        };
        if to == 0 || self.is_covered(to - 1) {
            return;
        }
        let floor = start.saturating_sub(MAX_COORDINATE_BYTES);
        let dot = b[floor..to].iter().rposition(|c| *c == b'.');
        if let Some((from, end)) = dot.and_then(|dot| coordinate(b, floor + dot))
            && end == to
        {
            self.push(from, to, Rule::Coordinates);
        }
    }

    /// Looks at a number with four decimals, the fourth at `at`.
    pub(super) fn decimal(&mut self, at: usize) {
        let b = self.b;
        if at < self.decimal_until {
            return;
        }
        let Some((start, end)) = coordinate(b, at - 4) else {
            return;
        };
        self.decimal_until = end;
        let context = self.context(start, end);
        let told = context.has(Context::PLACE)
            || context.has(Context::POSITION) && is_paired(b, start, end);
        if !told && !is_compass(b, end) && !has_hemisphere(b, start) && !is_map(b, start, end) {
            return;
        }
        self.first_half(start);
        self.push(start, end, Rule::Coordinates);
        // The other half of the pair has no word of its own.
        let mut next = end;
        while next < b.len()
            && next - end < 6
            && matches!(
                b[next],
                b',' | b' ' | b';' | b'/' | b'N' | b'S' | b'\xc2' | b'\xb0' | b'-'
            )
        {
            next += 1;
        }
        let dot = b[next..]
            .iter()
            .take(4)
            .position(|c| *c == b'.')
            .map(|n| next + n);
        if let Some((start, end)) = dot
            .filter(|_| next > end)
            .and_then(|dot| coordinate(b, dot))
        {
            self.decimal_until = end;
            self.push(start, end, Rule::Coordinates);
        }
    }

    /// Looks at the degree sign that begins at `at`, if it is one: `38°53'23"N`.
    pub(super) fn degrees(&mut self, at: usize) {
        let b = self.b;
        if !b[at..].starts_with("°".as_bytes()) {
            return;
        }
        let whole = b[..at]
            .iter()
            .rev()
            .take(4)
            .take_while(|c| c.is_ascii_digit())
            .count();
        if !(1..=3).contains(&whole) {
            return;
        }
        let mut i = at + "°".len();
        let mut parts = 0;
        // Minutes, perhaps seconds, each with its mark.
        while parts < 2 {
            let from = i + usize::from(b.get(i) == Some(&b' '));
            let number = b[from.min(b.len())..]
                .iter()
                .take(12)
                .take_while(|c| c.is_ascii_digit() || **c == b'.')
                .count();
            let rest = &b[(from + number).min(b.len())..];
            let marks: [&[u8]; 7] = [
                b"''",
                b"'",
                b"\\\"",
                b"\"",
                "′".as_bytes(),
                "″".as_bytes(),
                "’".as_bytes(),
            ];
            let mark = marks.into_iter().find(|mark| rest.starts_with(mark));
            let (Some(mark), true) = (mark, number > 0) else {
                break;
            };
            i = from + number + mark.len();
            parts += 1;
        }
        let space = usize::from(b.get(i) == Some(&b' '));
        let after = b
            .get(i + space)
            .is_some_and(|c| matches!(c, b'N' | b'S' | b'E' | b'W'))
            && !b.get(i + space + 1).is_some_and(u8::is_ascii_alphanumeric);
        let start = at - whole;
        let before = b[..start].trim_ascii_end();
        let before = before.len() + 2 > start && has_hemisphere(b, before.len());
        if parts > 0 {
            let end = if after { i + space + 1 } else { i };
            if after || before || parts == 2 {
                self.push(start, end, Rule::Coordinates);
            }
        }
    }
}

/// Whether another number stands beside one.
fn is_paired(b: &[u8], start: usize, end: usize) -> bool {
    let apart = |c: &&u8| matches!(c, b',' | b' ' | b';' | b'/' | b'-');
    let gap = b[end..].iter().take(4).take_while(apart).count();
    let follows = gap > 0 && b.get(end + gap).is_some_and(u8::is_ascii_digit);
    let before = b[..start].trim_ascii_end();
    follows || matches!(before, [.., b'0'..=b'9', b','])
}

/// A sign, three digits, the dot and eighteen decimals, and a comma.
const MAX_COORDINATE_BYTES: usize = 24;

/// `@38.8977,-77.0365`, `?ll=38.8977,-77.0365`: a pair as maps write it.
fn is_map(b: &[u8], start: usize, end: usize) -> bool {
    let paired = b.get(end) == Some(&b',')
        && b.get(end + 1)
            .is_some_and(|c| c.is_ascii_digit() || *c == b'-');
    let marks: [&[u8]; 7] = [
        b"@", b"ll=", b"?q=", b"&q=", b"center=", b"daddr=", b"?query=",
    ];
    paired && marks.iter().any(|mark| b[..start].ends_with(mark))
        || b[..start].ends_with(b"POINT(")
        || b[..start].ends_with(b"POINT (")
}

/// A signed number up to 180 around the dot at `dot`.
fn coordinate(b: &[u8], dot: usize) -> Option<(usize, usize)> {
    let whole = b[..dot]
        .iter()
        .rev()
        .take(4)
        .take_while(|c| c.is_ascii_digit())
        .count();
    let mut start = dot - whole;
    let fraction = b[dot + 1..]
        .iter()
        .take(MAX_RUN)
        .take_while(|c| c.is_ascii_digit())
        .count();
    let end = dot + 1 + fraction;
    let degrees = b[start..dot]
        .iter()
        .fold(0_u32, |n, c| n * 10 + u32::from(c - b'0'));
    if !(1..=3).contains(&whole) || degrees > 180 || !(3..=18).contains(&fraction) {
        return None;
    }
    if start > 0 && b[start - 1] == b'-' {
        start -= 1;
    }
    let left = start > 0
        && (b[start - 1].is_ascii_alphanumeric() && !has_hemisphere(b, start)
            || b[start - 1] == b'.');
    let right = b.get(end).is_some_and(|c| match c {
        b'.' => b.get(end + 1).is_some_and(u8::is_ascii_digit),
        b'N' | b'S' | b'E' | b'W' => b.get(end + 1).is_some_and(u8::is_ascii_alphanumeric),
        c => c.is_ascii_alphanumeric(),
    });
    (!left && !right).then_some((start, end))
}

/// `N38.88972`: the hemisphere before its degrees.
fn has_hemisphere(b: &[u8], start: usize) -> bool {
    start > 0
        && matches!(b[start - 1], b'N' | b'S' | b'E' | b'W')
        && (start < 2 || matches!(b[start - 2], b' ' | b',' | b'(' | b'"'))
}

/// `° N`, ` N,`.
fn is_compass(b: &[u8], end: usize) -> bool {
    let mut i = end;
    let degree = b[end..].starts_with("°".as_bytes());
    if degree {
        i += 2;
    }
    if b.get(i) == Some(&b' ') {
        i += 1;
    }
    let letter = b
        .get(i)
        .is_some_and(|c| matches!(c, b'N' | b'S' | b'E' | b'W'))
        && !b.get(i + 1).is_some_and(u8::is_ascii_alphanumeric);
    letter
        && (degree
            || b.get(i + 1)
                .is_none_or(|c| matches!(c, b',' | b' ' | b';' | b')' | b'"')))
}
