//! Values of attributes, and how text and numbers become JSON.

use super::json;

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
    pub fn write(self, out: &mut Vec<u8>) {
        match self {
            Value::Str(value) => text(out, value),
            Value::Bool(true) => out.extend_from_slice(b"true"),
            Value::Bool(false) => out.extend_from_slice(b"false"),
            Value::I64(number) => integer(out, number),
            Value::U64(number) if i64::try_from(number).is_ok() => integer(out, number),
            Value::U64(number) => json(out, &number.to_string()),
            Value::F64(number) if number.is_finite() => {
                out.extend_from_slice(zmij::Buffer::new().format_finite(number).as_bytes());
            }
            Value::F64(number) => json(out, &number.to_string()),
            Value::Json(bytes) => out.extend_from_slice(bytes),
        }
    }
}

/// Appends `text` as a JSON string.
#[inline]
pub(super) fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    rest_of_text(out, text);
}

/// Appends `text` and its closing quote behind the opening one. Most text needs no escape; what
/// does goes the general way.
#[inline]
pub(super) fn rest_of_text(out: &mut Vec<u8>, text: &str) {
    if is_plain(text.as_bytes()) {
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        out.pop();
        json(out, text);
    }
}

fn integer(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Whether JSON writes these bytes as they are: RFC 8259, section 7. Looks at eight at a time.
#[inline]
fn is_plain(bytes: &[u8]) -> bool {
    // The last word overlaps the one before where the bytes are no whole number of words.
    let Some(last) = bytes.last_chunk() else {
        return escaped(short(bytes)) == 0;
    };
    let (words, _) = bytes.as_chunks();
    let found = words
        .iter()
        .fold(0, |found, word| found | escaped(u64::from_le_bytes(*word)));
    found | escaped(u64::from_le_bytes(*last)) == 0
}

/// Fewer than eight bytes in a word, which is filled up with some of them again, or with spaces,
/// which need no escape.
#[inline]
fn short(bytes: &[u8]) -> u64 {
    let half = |bytes: &[u8; 4]| u64::from(u32::from_le_bytes(*bytes));
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return half(first) | half(last) << 32;
    }
    let spaces = u64::from_le_bytes([b' '; 8]);
    bytes
        .iter()
        .fold(spaces, |word, byte| word << 8 | u64::from(*byte))
}

/// Marks the high bit of at least one byte if any is a control character, a quote or a backslash,
/// and none otherwise (Bit Twiddling Hacks, "Determine if a word has a byte less than n").
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
                    let mut out = Vec::new();
                    text(&mut out, &value);
                    assert_eq!(out, serde_json::to_vec(&value).unwrap(), "{c:?} at {place}");
                }
            }
        }
        let mut out = Vec::new();
        text(&mut out, "");
        assert_eq!(out, b"\"\"");
    }

    #[test]
    fn a_number_with_a_fraction_is_written_as_serde_json_writes_it() {
        for number in [
            0.0,
            -0.0,
            1.0,
            -12.5,
            0.1,
            1e15,
            1e16,
            1e17,
            1e300,
            5e-324,
            1e-5,
            123_456.789,
            f64::MAX,
            f64::MIN_POSITIVE,
        ] {
            let mut out = Vec::new();
            Value::F64(number).write(&mut out);
            assert_eq!(out, serde_json::to_vec(&number).unwrap(), "{number:e}");
        }
    }
}
