//! Payment cards: an issuer's prefix, a length, and Luhn's check digit.

use super::catalog::Rule;
use super::numbers::digits_of;
use super::scan::Scan;

impl Scan<'_> {
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
        if self.touches_number(start, end) || separator == b' ' && follows_quads(&b[..start]) {
            return;
        }
        if is_card(&digits_of(&b[start..end])) {
            self.push(start, end, Rule::Card);
        }
    }
}

/// ` 0200 3e00 ` ends here: a dump in hex goes on.
fn follows_quads(before: &[u8]) -> bool {
    let Some((_, quads)) = before.split_last_chunk::<11>() else {
        return false;
    };
    let quad = |at: usize| quads[at..at + 4].iter().all(u8::is_ascii_hexdigit);
    let spaced = |at: usize| quads[at] == b' ';
    spaced(0) && quad(1) && spaced(5) && quad(6) && spaced(10)
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
