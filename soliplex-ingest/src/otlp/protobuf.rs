//! Writing OTLP's messages as bytes, without building them first.
//!
//! A record has some thirty attributes; as a tree of messages that is a hundred allocations to
//! make, measure, write and drop. Here each value is measured and written where it is met. Field
//! numbers are those of `common.proto`, `resource.proto` and `logs.proto`.

use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};
use soliplex_wire::{AnyValueRef, MapRef};

/// Writes `key: text` as a `KeyValue` in `field`.
pub(super) fn text_attribute(out: &mut Vec<u8>, field: u32, key: &str, text: &str) {
    let value_len = bytes_len(ANY_STRING, text.len());
    attribute_head(out, field, key, value_len);
    bytes(out, ANY_STRING, text.as_bytes());
}

/// Writes `key: value` as a `KeyValue` in `field`.
pub(super) fn attribute(out: &mut Vec<u8>, field: u32, key: &str, value: &AnyValueRef<'_>) {
    attribute_head(out, field, key, value_len(value));
    any_value(out, value);
}

fn attribute_head(out: &mut Vec<u8>, field: u32, key: &str, value_len: usize) {
    length(out, field, key_value_len(key, value_len));
    bytes(out, KEY_VALUE_KEY, key.as_bytes());
    length(out, KEY_VALUE_VALUE, value_len);
}

fn any_value(out: &mut Vec<u8>, value: &AnyValueRef<'_>) {
    match value {
        // A value with no kind set is OTLP's null.
        AnyValueRef::Null => {}
        AnyValueRef::String(text) => bytes(out, ANY_STRING, text.as_bytes()),
        AnyValueRef::Bool(value) => varint(out, ANY_BOOL, u64::from(*value)),
        // A negative number is written in two's complement, ten bytes long: protobuf's int64.
        AnyValueRef::Int(number) => varint(out, ANY_INT, number.cast_unsigned()),
        AnyValueRef::Double(number) => fixed64(out, ANY_DOUBLE, number.get().to_bits()),
        AnyValueRef::Array(values) => {
            length(out, ANY_ARRAY, array_len(values));
            for value in values {
                length(out, LIST_VALUES, value_len(value));
                any_value(out, value);
            }
        }
        AnyValueRef::Map(values) => {
            length(out, ANY_KVLIST, map_len(values));
            for (key, value) in values.iter().filter(|(key, _)| !key.is_empty()) {
                attribute(out, LIST_VALUES, key, value);
            }
        }
    }
}

/// Bytes of an `AnyValue`, without its own key and length.
fn value_len(value: &AnyValueRef<'_>) -> usize {
    match value {
        AnyValueRef::Null => 0,
        AnyValueRef::String(text) => bytes_len(ANY_STRING, text.len()),
        AnyValueRef::Bool(_) => key_len(ANY_BOOL) + 1,
        AnyValueRef::Int(number) => key_len(ANY_INT) + encoded_len_varint(number.cast_unsigned()),
        AnyValueRef::Double(_) => key_len(ANY_DOUBLE) + 8,
        AnyValueRef::Array(values) => bytes_len(ANY_ARRAY, array_len(values)),
        AnyValueRef::Map(values) => bytes_len(ANY_KVLIST, map_len(values)),
    }
}

fn array_len(values: &[AnyValueRef<'_>]) -> usize {
    values
        .iter()
        .map(|value| bytes_len(LIST_VALUES, value_len(value)))
        .sum()
}

fn map_len(values: &MapRef<'_>) -> usize {
    // An empty key is legal JSON and illegal OTLP.
    let kept = values.iter().filter(|(key, _)| !key.is_empty());
    kept.map(|(key, value)| bytes_len(LIST_VALUES, key_value_len(key, value_len(value))))
        .sum()
}

fn key_value_len(key: &str, value_len: usize) -> usize {
    bytes_len(KEY_VALUE_KEY, key.len()) + bytes_len(KEY_VALUE_VALUE, value_len)
}

/// Bytes of a length-delimited field with so many bytes in it.
pub(super) fn bytes_len(field: u32, len: usize) -> usize {
    key_len(field) + encoded_len_varint(len as u64) + len
}

/// Writes an `AnyValue` that holds a text, in `field`.
pub(super) fn text_value(out: &mut Vec<u8>, field: u32, text: &str) {
    length(out, field, bytes_len(ANY_STRING, text.len()));
    bytes(out, ANY_STRING, text.as_bytes());
}

/// Writes text, bytes or an encoded message.
pub(super) fn bytes(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    length(out, field, bytes.len());
    out.extend_from_slice(bytes);
}

/// Writes the key and length of what follows.
pub(super) fn length(out: &mut Vec<u8>, field: u32, len: usize) {
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint(len as u64, out);
}

/// Writes a number of variable length.
pub(super) fn varint(out: &mut Vec<u8>, field: u32, number: u64) {
    encode_key(field, WireType::Varint, out);
    encode_varint(number, out);
}

/// Writes a number of eight bytes.
pub(super) fn fixed64(out: &mut Vec<u8>, field: u32, number: u64) {
    encode_key(field, WireType::SixtyFourBit, out);
    out.extend_from_slice(&number.to_le_bytes());
}

const KEY_VALUE_KEY: u32 = 1;
const KEY_VALUE_VALUE: u32 = 2;
const LIST_VALUES: u32 = 1;
const ANY_STRING: u32 = 1;
const ANY_BOOL: u32 = 2;
const ANY_INT: u32 = 3;
const ANY_DOUBLE: u32 = 4;
const ANY_ARRAY: u32 = 5;
const ANY_KVLIST: u32 = 6;
