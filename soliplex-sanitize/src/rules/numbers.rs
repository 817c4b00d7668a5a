//! Numbers that name a person or an account.
//!
//! Whatever has a check digit must pass it; whatever has none must stand beside a word that says
//! what it is, or in a spelling nothing else uses.

use super::cards::{is_card, luhn};
use super::catalog::Rule;
use super::context::{Context, word_before};
use super::scan::Scan;
use super::steps::steps;

/// The longest run of digits any rule knows, with room to see that a run is longer.
pub(super) const MAX_RUN: usize = 40;

impl Scan<'_> {
    /// Looks at `ddd?dd?dddd` or `dd?dd?dddd`, ending at `at`.
    pub(super) fn social_security(&mut self, at: usize) {
        let b = self.b;
        // Two digits before the first gap are those of a day or a month.
        let Some(start) = at.checked_sub(10).filter(|at| b[*at].is_ascii_digit()) else {
            if matches!(b[at - 3..at - 1], [b'1', b'9'] | [b'2', b'0']) {
                self.born_until(at);
            }
            return;
        };
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
        let near = start > 0 && matches!(self.b[start - 1], b'#' | b':' | b'=')
            || length > 7
            || ["mrn", "number"]
                .iter()
                .any(|word| word_before(self.b, start).eq_ignore_ascii_case(word.as_bytes()));
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
        } else if (context.has(Context::SIM) && matches!(length, 14..=22))
            || (context.has(Context::CHIP)
                && matches!(length, 18..=20)
                && digits.starts_with(b"89"))
        {
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
}

/// The digits of a spelling with separators, as many as any rule knows.
pub(super) struct Digits {
    digits: [u8; MAX_RUN],
    count: usize,
}

impl std::ops::Deref for Digits {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.digits[..self.count]
    }
}

pub(super) fn digits_of(text: &[u8]) -> Digits {
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
