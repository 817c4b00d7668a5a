//! International bank account numbers: a country, its length, and the remainder by 97.

use super::catalog::Rule;
use super::scan::Scan;
use super::steps::steps;

impl Scan<'_> {
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
