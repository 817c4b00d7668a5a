//! Numbers: whole ones and short fractions by their digits, the rest by `serde_json`.

use super::Json;
use crate::{AnyValue, AnyValueRef};

impl<'a> Json<'a> {
    /// Reads a number.
    #[inline]
    pub(super) fn number(&mut self) -> Option<AnyValueRef<'a>> {
        let is_negative = self.peek()? == b'-';
        let first = self.at + usize::from(is_negative);
        let (whole, at) = self.digits(0, first, EXACT_DIGITS);
        let is_plain = match (at - first, self.byte(first)) {
            (0, _) => false,
            // JSON has no zeros in front, and the negative zero is not whole.
            (digits, Some(b'0')) => digits == 1 && !is_negative,
            _ => true,
        };
        if !is_plain {
            return self.other_number();
        }
        match self.byte(at) {
            Some(b'.') => {
                let (number, end) = self.digits(whole, at + 1, EXACT_DIGITS - (at - first));
                let places = end - at - 1;
                let goes_on = matches!(self.byte(end), Some(b'e' | b'E' | b'0'..=b'9'));
                match POWERS_OF_TEN.get(places) {
                    // The number and the power are exact as doubles, and so is the division rounded
                    // once, as the number itself would be.
                    Some(scale) if places > 0 && !goes_on && number <= MOST_EXACT => {
                        self.at = end;
                        let number = number as f64 / scale;
                        let number = if is_negative { -number } else { number };
                        Some(AnyValue::from(number).into())
                    }
                    _ => self.other_number(),
                }
            }
            Some(b'e' | b'E' | b'0'..=b'9') => self.other_number(),
            _ => {
                self.at = at;
                Some(AnyValueRef::Int(if is_negative { -whole } else { whole }))
            }
        }
    }

    /// What a number becomes with the digits from `from` on, at most so many; and where they end.
    #[inline]
    fn digits(&self, mut number: i64, from: usize, most: usize) -> (i64, usize) {
        let mut at = from;
        while let Some(digit @ b'0'..=b'9') = self.byte(at)
            && at - from < most
        {
            number = number * 10 + i64::from(digit - b'0');
            at += 1;
        }
        (number, at)
    }

    fn other_number(&mut self) -> Option<AnyValueRef<'a>> {
        let rest = self.text.get(self.at..)?;
        let is_part = |byte: u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let end = rest.bytes().position(|byte| !is_part(byte));
        let number = rest.get(..end.unwrap_or(rest.len()))?;
        self.at += number.len();
        serde_json::from_str(number).ok()
    }
}

/// Digits that an `i64` always holds.
const EXACT_DIGITS: usize = 18;

/// The largest whole number up to which a double holds each.
const MOST_EXACT: i64 = 1 << 53;

/// By the digits behind the point: one at least stands in front of it. A double holds each.
const POWERS_OF_TEN: [f64; EXACT_DIGITS] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17,
];
