//! Numbers that name a person, a card, an account or a place.
//!
//! Whatever has a check digit must pass it; whatever has none must stand beside a word that says
//! what it is, or in a spelling nothing else uses.

use super::catalog::Rule;
use super::context::Context;
use super::scan::Scan;
use super::steps::steps;

/// The longest run of digits any rule knows, with room to see that a run is longer.
const MAX_RUN: usize = 40;

/// A sign, three digits, the dot and eighteen decimals, and a comma.
const MAX_COORDINATE_BYTES: usize = 24;

impl Scan<'_> {
    /// Looks at `ddd?dd?dddd`, ending at `at`.
    pub(super) fn social_security(&mut self, at: usize) {
        let b = self.b;
        let start = at - 10;
        let (first, second) = (b[start + 3], b[start + 6]);
        if first != second || self.touches_number(start, at + 1) {
            return;
        }
        let rule = match ssn_or_itin(&digits_of(&b[start..=at])) {
            Some(rule) => rule,
            None => return,
        };
        let context = if first == b'-' {
            Context::default()
        } else {
            self.context(start, at + 1)
        };
        let dotted_needs = matches!(first, b'.' | b'/')
            && !context.has(Context::SSN)
            && !context.has(Context::TAX);
        if !dotted_needs {
            self.push(start, at + 1, rule);
        }
    }

    /// Looks at `ddddd-dddd` or `ddd-dddddd`, a taxpayer's number with one dash lost.
    pub(super) fn partly_dashed(&mut self, at: usize) {
        let b = self.b;
        let start = at - 9;
        if self.touches_number(start, at + 1) {
            return self.dashed_imei(at);
        }
        let context = self.context(start, at + 1);
        if (context.has(Context::TAX) || context.has(Context::SSN))
            && ssn_or_itin(&digits_of(&b[start..=at])).is_some()
        {
            let rule = if context.has(Context::TAX) {
                Rule::Itin
            } else {
                Rule::Ssn
            };
            self.push(start, at + 1, rule);
        }
    }

    /// `35-209900-176148-1`, of which the dash and six digits of the second group were seen.
    fn dashed_imei(&mut self, at: usize) {
        let b = self.b;
        let part = |c: &u8| c.is_ascii_digit() || *c == b'-';
        let back = b[..=at].iter().rev().take(MAX_RUN).take_while(|c| part(c));
        let start = at + 1 - back.count();
        let more = b[at + 1..].iter().take(MAX_RUN).take_while(|c| part(c));
        let end = at + 1 + more.count();
        steps(end - start);
        let groups = b[start..end].split(|c| *c == b'-').map(<[u8]>::len);
        if groups.take(3).eq([2, 6, 6])
            && !self.is_covered(start)
            && self.context(start, end).has(Context::IMEI)
        {
            self.push(start, end, Rule::Imei);
        }
    }

    /// Looks at a run of at least seven digits whose seventh is at `at`.
    pub(super) fn long_digits(&mut self, at: usize) {
        let b = self.b;
        let start = at - 6;
        let mut end = at + 1;
        while end < b.len() && b[end].is_ascii_digit() {
            end += 1;
        }
        let length = end - start;
        steps(length);
        if length > MAX_RUN {
            return;
        }
        let before = if start > 0 { b[start - 1] } else { b' ' };
        let after = b.get(end).copied().unwrap_or(b' ');
        if after.is_ascii_alphabetic() || after == b'_' {
            return;
        }
        if length == 10 && before == b'.' && self.common_access_card(start, end) {
            return;
        }
        if after == b'.' && b.get(end + 1).is_some_and(u8::is_ascii_digit) {
            return;
        }
        let digits = &b[start..end];
        if matches!(before, b'_' | b'.') {
            // `card_4111…`, `card no.4111…`; any other such number is part of a name or a fraction.
            let lettered = start > 1 && b[start - 2].is_ascii_alphabetic();
            if lettered
                && length > 12
                && is_card(digits)
                && self.context(start, end).has(Context::CARD)
            {
                self.push(start, end, Rule::Card);
            }
            return;
        }
        let lettered = before.is_ascii_alphabetic();
        if lettered {
            let lone = start < 2 || !b[start - 2].is_ascii_alphanumeric();
            // The first track of a magnetic stripe.
            if before == b'B' && b[..start - 1].ends_with(b"%") && is_card(digits) {
                return self.push(start, end, Rule::Card);
            }
            if !lone {
                return self.lettered_number(start, end);
            }
            if lone
                && matches!(length, 7 | 8)
                && self.context(start - 1, end).has(Context::PASSPORT)
            {
                self.push(start - 1, end, Rule::Passport);
            } else if lone
                && (7..=14).contains(&length)
                && self.context(start - 1, end).has(Context::LICENSE)
            {
                self.push(start - 1, end, Rule::License);
            }
            return;
        }
        if length == 7 && before == b'-' && self.employer(start, end) {
            return;
        }
        let joined = |edge: u8, beyond: Option<&u8>| {
            edge == b'-' && beyond.is_some_and(u8::is_ascii_alphanumeric)
        };
        if joined(before, start.checked_sub(2).and_then(|i| b.get(i)))
            || joined(after, b.get(end + 1))
        {
            return;
        }
        // `http://3232235777/`: an address as one number.
        let hosted = (9..=10).contains(&length)
            && b[..start].ends_with(b"://")
            && matches!(after, b'/' | b':' | b' ');
        if hosted && self.table.is_on(Rule::Ipv4) {
            return self.push(start, end, Rule::Ipv4);
        }
        // One in ten numbers of a span passes Luhn's check: `Id(2252074691592193)`.
        if is_card(digits) && !b[..start].ends_with(b"Id(") {
            let imei = length == 15 && self.context(start, end).has(Context::IMEI);
            self.push(start, end, if imei { Rule::Imei } else { Rule::Card });
            return;
        }
        let context = self.context(start, end);
        if !context.is_empty() {
            self.number_in_context(start, end, context);
        }
    }

    /// `12-3456789`, an employer's number.
    fn employer(&mut self, start: usize, end: usize) -> bool {
        let b = self.b;
        let Some(from) = start.checked_sub(3) else {
            return false;
        };
        let alone = from == 0 || !b[from - 1].is_ascii_alphanumeric() && b[from - 1] != b'-';
        let shaped = alone && b[from..start - 1].iter().all(u8::is_ascii_digit);
        let found = shaped && self.context(from, end).has(Context::TAX);
        if found {
            self.push(from, end, Rule::Itin);
        }
        found
    }

    /// `BA1234567`: a prescriber's number.
    fn lettered_number(&mut self, start: usize, end: usize) {
        let lone = start < 3 || !self.b[start - 3].is_ascii_alphanumeric();
        if lone && end - start == 7 && self.context(start - 2, end).has(Context::MEDICAL) {
            self.push(start - 2, end, Rule::MedicalRecord);
        }
    }

    fn number_in_context(&mut self, start: usize, end: usize, context: Context) {
        let digits = &self.b[start..end];
        let length = digits.len();
        let nine = length == 9;
        // Seven digits are too few to be told by a word that is only near.
        let near = start > 0 && matches!(self.b[start - 1], b'#' | b':' | b'=') || length > 7;
        let rule = if context.has(Context::SSN) && nine {
            Rule::Ssn
        } else if context.has(Context::TAX) && nine {
            Rule::Itin
        } else if context.has(Context::PASSPORT) && nine {
            Rule::Passport
        } else if context.has(Context::EDIPI) && length == 10 {
            Rule::Edipi
        } else if context.has(Context::IMEI) && matches!(length, 14..=17) {
            Rule::Imei
        } else if context.has(Context::SIM) && matches!(length, 14..=22) {
            Rule::Sim
        } else if context.has(Context::CARD) && matches!(length, 13..=19) && luhn(digits) {
            Rule::Card
        } else if context.has(Context::BANK) && matches!(length, 8..=17) {
            Rule::BankAccount
        } else if context.has(Context::PHONE) && matches!(length, 8..=15) {
            Rule::Phone
        } else if context.has(Context::LICENSE) && near && matches!(length, 7..=14) {
            Rule::License
        } else if context.has(Context::MEDICAL) && near && matches!(length, 7..=12) {
            Rule::MedicalRecord
        } else {
            return;
        };
        self.push(start, end, rule);
    }

    /// `LAST.FIRST.MIDDLE.1234567890`, the common name on a Common Access Card.
    fn common_access_card(&mut self, start: usize, end: usize) -> bool {
        let b = self.b;
        let mut from = start;
        let named =
            |from: usize| b[..from].len() > 2 && b[from - 3..from].eq_ignore_ascii_case(b"cn=");
        while from > 0
            && start - from < 80
            && (b[from - 1].is_ascii_alphabetic() || matches!(b[from - 1], b'.' | b'-' | b'\''))
        {
            from -= 1;
        }
        if !named(from) {
            // Names are in capitals where nothing says that they are names.
            let small = b[from..start].iter().rposition(u8::is_ascii_lowercase);
            from += small.map_or(0, |n| n + 1);
        }
        while from < start && !b[from].is_ascii_alphabetic() {
            from += 1;
        }
        let names = b[from..start].iter().filter(|c| **c == b'.').count();
        let whole = from == 0 || !b[from - 1].is_ascii_alphanumeric();
        if names < 2 || !whole {
            return false;
        }
        self.push(from, end, Rule::Edipi);
        true
    }

    /// Looks at grouped digits whose third group (or whole) ends at `at`.
    pub(super) fn card_groups(&mut self, at: usize) {
        let b = self.b;
        let blank = |c: u8| matches!(c, b' ' | b'-');
        let quads = !b[at - 4].is_ascii_digit()
            && (b[at - 4] == b[at - 9] || blank(b[at - 4]) && blank(b[at - 9]));
        let (back, separator) = if quads {
            (13, b[at - 4])
        } else {
            (16, b[at - 5])
        };
        // Quads with two kinds of separators are neither, and may stand at the very beginning.
        let Some(start) = at.checked_sub(back) else {
            return;
        };
        let mut end = at + 1;
        if quads {
            // Up to two more groups: sixteen or nineteen digits.
            for most in [4, 3] {
                let group = b[end..]
                    .iter()
                    .skip(1)
                    .take(most)
                    .take_while(|c| c.is_ascii_digit())
                    .count();
                if b.get(end)
                    .is_some_and(|c| *c == separator || blank(*c) && blank(separator))
                    && group > 0
                    && !b.get(end + 1 + group).is_some_and(u8::is_ascii_digit)
                {
                    end += 1 + group;
                } else {
                    break;
                }
            }
        }
        if self.touches_number(start, end) {
            return;
        }
        if is_card(&digits_of(&b[start..end])) {
            self.push(start, end, Rule::Card);
        }
    }

    /// Whether a number goes on beyond its edges.
    pub(super) fn touches_number(&self, start: usize, end: usize) -> bool {
        let b = self.b;
        let joins = |c: u8| matches!(c, b'-' | b'.' | b'_' | b'/');
        let left = start > 0
            && (b[start - 1].is_ascii_alphanumeric() && !self.is_escape_letter(start - 1)
                || start > 1 && joins(b[start - 1]) && b[start - 2].is_ascii_alphanumeric());
        let right = b.get(end).is_some_and(|c| {
            c.is_ascii_alphanumeric() || joins(*c) && b.get(end + 1).is_some_and(u8::is_ascii_digit)
        });
        left || right
    }

    /// The `n` of `\n`.
    fn is_escape_letter(&self, at: usize) -> bool {
        at > 0 && self.b[at - 1] == b'\\' && matches!(self.b[at], b'n' | b't' | b'r')
    }

    /// Looks at a Medicare beneficiary identifier ending at `at`.
    pub(super) fn medicare(&mut self, at: usize) {
        let b = self.b;
        let between = |c: u8| at >= 12 && b[at - 4] == c && b[at - 8] == c;
        let (dashed, spaced) = (between(b'-'), between(b' '));
        let start = if dashed || spaced { at - 12 } else { at - 10 };
        let edge = |c: Option<&u8>| {
            c.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-'))
        };
        if edge(start.checked_sub(1).and_then(|i| b.get(i)))
            || edge(b.get(at + 1))
            || b[start] == b'0'
        {
            return;
        }
        let forbidden = |c: &u8| {
            matches!(
                c.to_ascii_uppercase(),
                b'S' | b'L' | b'O' | b'I' | b'B' | b'Z'
            )
        };
        if b[start..=at].iter().any(forbidden) {
            return;
        }
        let upper = !spaced && !b[start..=at].iter().any(u8::is_ascii_lowercase);
        if dashed || upper || self.context(start, at + 1).has(Context::MEDICARE) {
            self.push(start, at + 1, Rule::Medicare);
        }
    }

    /// Looks at `LLDD` followed by a space: an account number in groups.
    pub(super) fn iban_groups(&mut self, at: usize) {
        let b = self.b;
        let start = at - 4;
        let length = iban_length(b[start], b[start + 1]);
        if length == 0 || start > 0 && b[start - 1].is_ascii_alphanumeric() {
            return;
        }
        let mut compact = [0_u8; 34];
        let mut n = 0;
        let mut end = start;
        let mut best = None;
        while end < b.len() && n < length {
            match b[end] {
                c if c.is_ascii_alphanumeric() => {
                    compact[n] = c.to_ascii_uppercase();
                    n += 1;
                    let edge = b.get(end + 1).is_none_or(|c| !c.is_ascii_alphanumeric());
                    if edge && n == length && is_iban(&compact[..n]) {
                        best = Some(end + 1);
                    }
                }
                b' ' | b'-' if b.get(end + 1).is_some_and(u8::is_ascii_alphanumeric) => {}
                _ => break,
            }
            end += 1;
        }
        steps(end - start);
        if let Some(end) = best {
            self.push(start, end, Rule::Iban);
        }
    }

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
        if start == 0 || b[start - 1] != b',' || self.is_covered(start - 2) {
            return;
        }
        let floor = start.saturating_sub(MAX_COORDINATE_BYTES);
        let dot = b[floor..start].iter().rposition(|c| *c == b'.');
        if let Some((from, to)) = dot.and_then(|dot| coordinate(b, floor + dot))
            && to == start - 1
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
        if !self.context(start, end).has(Context::PLACE)
            && !is_compass(b, end)
            && !has_hemisphere(b, start)
            && !is_map(b, start, end)
        {
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
}

impl Scan<'_> {
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

/// `@38.8977,-77.0365`, `?ll=38.8977,-77.0365`: a pair as maps write it.
fn is_map(b: &[u8], start: usize, end: usize) -> bool {
    let paired = b.get(end) == Some(&b',')
        && b.get(end + 1)
            .is_some_and(|c| c.is_ascii_digit() || *c == b'-');
    let marks: [&[u8]; 7] = [
        b"@", b"ll=", b"?q=", b"&q=", b"center=", b"daddr=", b"?query=",
    ];
    paired && marks.iter().any(|mark| b[..start].ends_with(mark)) || b[..start].ends_with(b"POINT(")
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

/// The digits of a spelling with separators, as many as any rule knows.
struct Digits {
    digits: [u8; MAX_RUN],
    count: usize,
}

impl std::ops::Deref for Digits {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.digits[..self.count]
    }
}

fn digits_of(text: &[u8]) -> Digits {
    let mut found = Digits {
        digits: [0; MAX_RUN],
        count: 0,
    };
    for &c in text {
        if let Some(next) = found.digits.get_mut(found.count) {
            // Kept only if it is a digit, else written over.
            *next = c;
            found.count += usize::from(c.is_ascii_digit());
        }
    }
    found
}

/// Areas 000, 666 and 900 up were never given out; of the last, some are taxpayer numbers.
fn ssn_or_itin(digits: &[u8]) -> Option<Rule> {
    let number = |range: std::ops::Range<usize>| {
        digits[range]
            .iter()
            .fold(0_u32, |n, c| n * 10 + u32::from(c - b'0'))
    };
    let (area, group, serial) = (number(0..3), number(3..5), number(5..9));
    if group == 0 || serial == 0 {
        return None;
    }
    match area {
        0 | 666 => None,
        900.. => matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99).then_some(Rule::Itin),
        _ => Some(Rule::Ssn),
    }
}

/// An issuer's prefix, its length, and Luhn's check digit.
pub(super) fn is_card(digits: &[u8]) -> bool {
    let length = digits.len();
    let Some(first) = digits.first_chunk::<4>().filter(|_| length >= 13) else {
        return false;
    };
    let prefix = first
        .iter()
        .fold(0_u32, |n, c| n * 10 + u32::from(c - b'0'));
    let issued = match (prefix / 1000, prefix / 100, prefix / 10, prefix) {
        (4, ..) => matches!(length, 13 | 16 | 19),
        (_, 51..=55, ..) | (.., 2200..=2204 | 2221..=2720) => length == 16,
        // Elo, Hipercard, Dankort, RuPay.
        (.., 5019 | 5066 | 5067 | 5090 | 6362 | 6370) | (_, _, 508, _) => length == 16,
        (_, 34 | 37, ..) => length == 15,
        (.., 6011) | (_, 65, ..) | (_, _, 644..=649, _) | (_, 62, ..) => matches!(length, 16..=19),
        (.., 3528..=3589) => matches!(length, 16..=19),
        (.., 2131 | 1800) => length == 15,
        (_, 36 | 38 | 39, ..) | (_, _, 300..=305, _) => length == 14,
        (.., 5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763) => matches!(length, 13..=19),
        _ => false,
    };
    issued && luhn(digits) && digits.iter().any(|d| *d != digits[0])
}

pub(super) fn luhn(digits: &[u8]) -> bool {
    const DOUBLED: [u32; 10] = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9];
    let value = |c: &u8| usize::from(c - b'0');
    let sum: u32 = digits
        .rchunks(2)
        .map(|pair| match pair {
            [left, right] => DOUBLED[value(left)] + value(right) as u32,
            _ => pair.iter().map(|c| value(c) as u32).sum(),
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Country, its length, and the remainder by 97 (ISO 13616).
pub(super) fn is_iban(text: &[u8]) -> bool {
    if text.len() < 15
        || !text[..2].iter().all(u8::is_ascii_alphabetic)
        || !text[2..4].iter().all(u8::is_ascii_digit)
    {
        return false;
    }
    if iban_length(text[0], text[1]) != text.len() {
        return false;
    }
    let mut remainder = 0_u32;
    for c in text[4..].iter().chain(&text[..4]) {
        remainder = match c.to_ascii_uppercase() {
            d @ b'0'..=b'9' => remainder * 10 + u32::from(d - b'0'),
            l @ b'A'..=b'Z' => remainder * 100 + u32::from(l - b'A') + 10,
            _ => return false,
        } % 97;
    }
    remainder == 1
}

/// How long the numbers of a country are; zero for one that has none.
fn iban_length(a: u8, b: u8) -> usize {
    usize::from(LENGTH_OF[usize::from(a & 31) << 5 | usize::from(b & 31)])
}

/// The lengths below by the letters of their country.
static LENGTH_OF: [u8; 1024] = {
    let mut lengths = [0; 1024];
    let mut i = 0;
    while i < IBAN_LENGTHS.len() {
        let (&[a, b], length) = IBAN_LENGTHS[i];
        lengths[(a as usize & 31) << 5 | b as usize & 31] = length as u8;
        i += 1;
    }
    lengths
};

const IBAN_LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];
