//! The number of a vehicle: seventeen letters and digits, one of them a check.

use super::catalog::Rule;
use super::context::Context;
use super::scan::Scan;

/// How long every such number is.
pub(super) const VIN_BYTES: usize = 17;

/// What each place counts for; the ninth is the check.
const WEIGHTS: [u32; VIN_BYTES] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];

impl Scan<'_> {
    /// `VIN 1HGCM82633A004352`; beside other words than that one the check digit must be right, which
    /// only North America asks for.
    pub(super) fn vehicle(&mut self, start: usize, end: usize) -> bool {
        let word = &self.b[start..end];
        let part = |c: &u8| c.is_ascii_digit() || c.is_ascii_uppercase() && !b"IOQ".contains(c);
        let letters = word.iter().filter(|c| c.is_ascii_uppercase()).count();
        if word.len() != VIN_BYTES || letters < 2 || !word.iter().all(part) {
            return false;
        }
        let context = self.context(start, end);
        let found = context.has(Context::VIN) || context.has(Context::VEHICLE) && is_checked(word);
        if found {
            self.push(start, end, Rule::Vin);
        }
        found
    }
}

fn is_checked(word: &[u8]) -> bool {
    let value = |c: u8| match c {
        b'0'..=b'9' => u32::from(c - b'0'),
        // Letters count one to nine, over and over, and some are left out.
        b'S'..=b'Z' => u32::from(c - b'S') + 2,
        b'J'..=b'R' => u32::from(c - b'J') + 1,
        _ => u32::from(c.saturating_sub(b'A')) + 1,
    };
    let places = word.iter().zip(WEIGHTS);
    let sum: u32 = places.map(|(c, weight)| value(*c) * weight).sum();
    match sum % 11 {
        10 => word[8] == b'X',
        rest => u32::from(word[8]).checked_sub(u32::from(b'0')) == Some(rest),
    }
}
