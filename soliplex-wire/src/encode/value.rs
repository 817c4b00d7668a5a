//! Values of attributes, and how text and numbers become JSON.

use super::buffer::Buffer;
use super::number::{fraction, integer};

/// The value of an attribute, borrowed: what a field of an event can hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Text.
    Str(&'a str),
    /// True or false.
    Bool(bool),
    /// A whole number.
    I64(i64),
    /// A whole number; beyond `i64` it is written as text.
    U64(u64),
    /// A number with a fraction; infinite and NaN are written as text.
    F64(f64),
    /// A value that is JSON already.
    Json(&'a [u8]),
}

macro_rules! value_from {
    ($($type:ty => $variant:ident),*) => {$(
        impl<'a> From<$type> for Value<'a> {
            fn from(value: $type) -> Self {
                Value::$variant(value)
            }
        }
    )*};
}

value_from!(&'a str => Str, bool => Bool, i64 => I64, u64 => U64, f64 => F64);

impl Value<'_> {
    /// Appends the value as JSON, in the shape [`AnyValue`](crate::AnyValue) reads back.
    #[inline]
    pub(super) fn write(self, out: &mut Buffer) {
        match self {
            Value::Str(value) => text(out, value),
            Value::Bool(true) => out.piece(b"true"),
            Value::Bool(false) => out.piece(b"false"),
            Value::I64(number) => integer(out, number),
            Value::U64(number) => match i64::try_from(number) {
                Ok(number) => integer(out, number),
                Err(_) => out.json(&number.to_string()),
            },
            Value::F64(number) if number.is_finite() => fraction(out, number),
            Value::F64(number) => out.json(&number.to_string()),
            Value::Json(bytes) => out.bytes(bytes),
        }
    }
}

/// Appends `text` as a JSON string.
#[inline]
pub(super) fn text(out: &mut Buffer, text: &str) {
    out.piece(b"\"");
    rest_of_text(out, text);
}

/// Appends `text` and its closing quote behind the opening one. Most text needs no escape; what
/// does goes the general way.
#[inline]
pub(super) fn rest_of_text(out: &mut Buffer, text: &str) {
    let bytes = text.as_bytes();
    let plain = match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) if bytes.len() <= 2 * WORD => {
            let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
            out.piece(&first.to_le_bytes());
            // The second word and the quote behind it, without what the first word has told.
            let overlap = 8 * (2 * WORD - bytes.len());
            let rest = (u128::from(last) | u128::from(QUOTE) << u64::BITS) >> overlap;
            out.block(&rest.to_le_bytes(), bytes.len() + 1 - WORD);
            escaped(first) | escaped(last) == 0
        }
        (_, Some(last)) => {
            out.bytes(bytes);
            out.piece(b"\"");
            let (words, _) = bytes.as_chunks();
            let found = words
                .iter()
                .fold(0, |found, word| found | escaped(u64::from_le_bytes(*word)));
            found | escaped(u64::from_le_bytes(*last)) == 0
        }
        (_, None) => {
            let word = less_than_a_word(bytes);
            let length = 8 * bytes.len();
            out.block(&(word | QUOTE << length).to_le_bytes(), bytes.len() + 1);
            escaped(word | SPACES << length) == 0
        }
    };
    if !plain {
        out.take_back(bytes.len() + 2);
        out.json(text);
    }
}

/// A quote at the start of a word.
const QUOTE: u64 = b'"' as u64;

/// Bytes in a word, which are looked at together.
const WORD: usize = size_of::<u64>();

/// Spaces, which need no escape.
const SPACES: u64 = u64::from_le_bytes([b' '; WORD]);

/// The bytes in a word, put together from pieces that may overlap.
#[inline]
fn less_than_a_word(bytes: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let [first, last] = [first, last].map(|half: &[u8; 4]| u32::from_le_bytes(*half));
        return u64::from(first) | u64::from(last) << (8 * (bytes.len() - 4));
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let [first, last] = [first, last].map(|half: &[u8; 2]| u16::from_le_bytes(*half));
        return u64::from(first) | u64::from(last) << (8 * (bytes.len() - 2));
    }
    bytes.first().map_or(0, |byte| u64::from(*byte))
}

/// Marks the high bit of at least one byte if any is a control character, a quote or a backslash,
/// and none otherwise (Bit Twiddling Hacks, "Determine if a word has a byte less than n").
#[inline]
const fn escaped(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let control = word.wrapping_sub(ONES * b' ' as u64) & !word;
    let quote = quote.wrapping_sub(ONES) & !quote;
    let backslash = backslash.wrapping_sub(ONES) & !backslash;
    (control | quote | backslash) & HIGHS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_at_every_place_is_written_as_serde_json_writes_it() {
        for c in ('\0'..='\u{ff}').chain(['€', '😀']) {
            for place in 0..20 {
                for behind in ["", "yz", "1234567"] {
                    let value = format!("{}{c}{behind}", "x".repeat(place));
                    let mut out = Buffer::new();
                    text(&mut out, &value);
                    assert_eq!(
                        *out,
                        serde_json::to_vec(&value).unwrap(),
                        "{c:?} at {place}"
                    );
                }
            }
        }
        let mut out = Buffer::new();
        text(&mut out, "");
        assert_eq!(*out, *b"\"\"");
    }
}
