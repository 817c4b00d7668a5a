//! How valid secrets are drawn: with the check digits and in the spellings that they have.

use proptest::prelude::*;
use proptest::strategy::BoxedStrategy;

pub(crate) fn drawn(regex: &str) -> BoxedStrategy<String> {
    proptest::string::string_regex(regex)
        .expect("the expression is one")
        .boxed()
}

pub(crate) fn with_check_digit(digits: &str) -> String {
    let doubled = |(i, c): (usize, u8)| match (i % 2, u32::from(c - b'0')) {
        (0, d) if d > 4 => d * 2 - 9,
        (0, d) => d * 2,
        (_, d) => d,
    };
    let sum: u32 = digits.bytes().rev().enumerate().map(doubled).sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

pub(crate) fn iban(country: &str, account: &str) -> String {
    let number = format!("{account}{country}00");
    let remainder = number.bytes().fold(0_u32, |rest, c| match c {
        b'0'..=b'9' => (rest * 10 + u32::from(c - b'0')) % 97,
        _ => (rest * 100 + u32::from(c - b'A') + 10) % 97,
    });
    format!("{country}{:02}{account}", 98 - remainder)
}

pub(crate) fn in_fours(text: &str, between: &str) -> String {
    let fours: Vec<_> = (0..text.len())
        .step_by(4)
        .map(|at| &text[at..text.len().min(at + 4)])
        .collect();
    fours.join(between)
}

pub(crate) fn base64(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let chunks = text.as_bytes().chunks(3).flat_map(|chunk| {
        let bits = (0..3).fold(0_usize, |bits, i| {
            bits << 8 | usize::from(*chunk.get(i).unwrap_or(&0))
        });
        (0..4).map(move |i| match i > chunk.len() {
            true => '=',
            false => char::from(LETTERS[bits >> (18 - 6 * i) & 63]),
        })
    });
    chunks.collect()
}
