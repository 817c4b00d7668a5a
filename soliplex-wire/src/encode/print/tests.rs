//! Packed and printed, a value is what printing it at once would have given.

use proptest::prelude::*;

use super::super::{Key, Members, Value};
use super::*;
use crate::Severity;

/// As it was written before anything was packed: the general way.
fn at_once(value: Value<'_>) -> Vec<u8> {
    let json = match value {
        Value::Str(text) => serde_json::to_vec(text),
        Value::Bool(value) => serde_json::to_vec(&value),
        Value::I64(number) => serde_json::to_vec(&number),
        Value::U64(number) if i64::try_from(number).is_ok() => serde_json::to_vec(&number),
        Value::U64(number) => serde_json::to_vec(&number.to_string()),
        Value::F64(number) if number.is_finite() => serde_json::to_vec(&number),
        Value::F64(number) => serde_json::to_vec(&number.to_string()),
        Value::Json(json) => Ok(json.to_vec()),
    };
    json.unwrap()
}

fn printed(packed: &[u8]) -> Result<String, PrintError> {
    let mut out = Buffer::new();
    out.piece(b"before");
    let result = print(packed, &mut out);
    let text = String::from_utf8(out.into_vec()).unwrap();
    let appended = text.strip_prefix("before").unwrap().to_owned();
    if result.is_err() {
        assert_eq!(appended, "", "nothing is appended when it fails");
    }
    result.map(|()| appended)
}

fn check(value: Value<'_>) {
    let mut packed = Buffer::new();
    value.pack(&mut packed);
    let json = String::from_utf8(at_once(value)).unwrap();
    assert_eq!(printed(&packed), Ok(json.clone()), "{value:?}");
    // Of what is cut within a value nothing is told as if it were whole.
    if packed.first().is_some_and(|first| *first < b' ') {
        for end in 1..packed.len().min(20) {
            assert_eq!(printed(&packed[..end]), Err(PrintError::CutShort));
        }
    }
    let mut members = Buffer::new();
    let mut writer = Members::begin(&mut members, Severity::Info, "a \"logger\"");
    writer.attribute("a\nkey", value);
    writer.prepared_attribute(&Key::new("key"), value);
    writer.message("two\nlines");
    writer.end();
    assert_eq!(
        printed(&members),
        Ok([
            r#""level":"info","logger":"a \"logger\"","attributes":{"a\nkey":"#,
            &json,
            r#","key":"#,
            &json,
            r#"},"message":"two\nlines""#,
        ]
        .concat())
    );
}

#[test]
fn numbers_of_any_size_are_printed_as_they_would_be_at_once() {
    for bit in 0..u64::BITS {
        for near in [-1, 0, 1] {
            let number = (1_u64 << bit).wrapping_add_signed(near);
            check(Value::U64(number));
            check(Value::I64(number as i64));
            check(Value::I64((number as i64).wrapping_neg()));
            check(Value::F64(f64::from_bits(number)));
            check(Value::F64(number as f64));
            check(Value::F64(-(number as f64) / 1000.0));
        }
    }
    for number in [i64::MIN, i64::MAX, 0, -1] {
        check(Value::I64(number));
    }
    for number in [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        0.0,
        -0.0,
        12.5,
        0.1,
        f64::MIN,
        f64::MAX,
        f64::MIN_POSITIVE,
        5e-324,
    ] {
        check(Value::F64(number));
    }
    for value in [Value::Bool(true), Value::Bool(false)] {
        check(value);
    }
}

#[test]
fn json_is_printed_as_it_stands_line_breaks_included() {
    for json in [&b"[1,2]"[..], b"[1,\n 2]", b"\"\"", b"{\t}"] {
        check(Value::Json(json));
    }
}

#[test]
fn texts_of_any_length_are_printed_as_they_would_be_at_once() {
    let long: String = ('\0'..'\u{300}').cycle().take(70_000).collect();
    for at in (0..400).chain([65_535, 65_536, 65_537]) {
        let end = (at..).find(|at| long.is_char_boundary(*at)).unwrap();
        check(Value::Str(&long[..end]));
        check(Value::Str(&"plain "[..at % 6].repeat(at)));
    }
}

#[test]
fn what_nobody_packed_is_an_error() {
    for (bytes, error) in [
        (&b"{\x00"[..], PrintError::UnknownMarker),
        (b"{\x1c1234567890", PrintError::UnknownMarker),
        (b"{\x1f", PrintError::UnknownMarker),
        (b"\x08\x01", PrintError::CutShort),
        (b"\x19", PrintError::CutShort),
        (b"\x19\x02a", PrintError::CutShort),
        (b"\x19\x02\xc3\x28", PrintError::NotText),
        (b"\x1a\x02\x00\x00", PrintError::CutShort),
        (b"\x1a\xff\xff\xff\xffabc", PrintError::CutShort),
        (b"\x1b\x02\x00\x00\x00[", PrintError::CutShort),
    ] {
        assert_eq!(printed(bytes), Err(error), "{bytes:?}");
    }
}

proptest! {
    #[test]
    fn any_value_is_printed_as_it_would_be_at_once(
        text: String,
        signed: i64,
        unsigned: u64,
        bits: u64,
        short in 0..100_000_u32,
    ) {
        check(Value::Str(&text));
        check(Value::I64(signed));
        check(Value::U64(unsigned));
        check(Value::F64(f64::from_bits(bits)));
        check(Value::F64(f64::from(short) / 1000.0));
    }

    #[test]
    fn the_next_value_begins_with_the_first_byte_below_a_space(bytes: Vec<u8>) {
        let first = bytes.iter().position(|byte| *byte < b' ');
        prop_assert_eq!(next_value(&bytes), first.unwrap_or(bytes.len()));
    }

    #[test]
    fn whatever_the_bytes_are_printing_ends_and_is_bounded(
        bytes in prop::collection::vec(prop_oneof![0..0x20_u8, any::<u8>()], 0..300),
    ) {
        let mut out = Buffer::new();
        let _ = print(&bytes, &mut out);
        prop_assert!(out.len() <= 12 * bytes.len());
    }
}
