//! Writing OTLP's messages as bytes, without building them first.
//!
//! A record has some thirty attributes; as a tree of messages that is a hundred allocations to
//! make, measure, write and drop. Here each value is measured and written where it is met. Field
//! numbers are those of `common.proto`, `resource.proto` and `logs.proto`.

use prost::encoding::encoded_len_varint;
use soliplex_wire::{AnyValueRef, MapRef};

/// Writes `key: text` as a `KeyValue` in `field`.
pub(super) fn text_attribute(out: &mut Vec<u8>, field: u32, key: &str, text: &str) {
    let value_len = bytes_len(text.len());
    let len = key_value_len(key, value_len);
    out.reserve(bytes_len(len));
    if len < ONE_BYTE {
        // So are the three lengths within. What has a known size is written without a call.
        let len_of = |len: usize| len as u8;
        let mark = |field| tag(field, LENGTH_DELIMITED);
        let key_len = len_of(key.len());
        out.extend_from_slice(&[mark(field), len_of(len), mark(KEY_VALUE_KEY), key_len]);
        out.extend_from_slice(key.as_bytes());
        let (value_len, text_len) = (len_of(value_len), len_of(text.len()));
        out.extend_from_slice(&[mark(KEY_VALUE_VALUE), value_len, mark(ANY_STRING), text_len]);
    } else {
        let mut head = Head::default();
        head.length(field, len);
        head.length(KEY_VALUE_KEY, key.len());
        head.write(out);
        out.extend_from_slice(key.as_bytes());
        let mut head = Head::default();
        head.length(KEY_VALUE_VALUE, value_len);
        head.length(ANY_STRING, text.len());
        head.write(out);
    }
    out.extend_from_slice(text.as_bytes());
}

/// Writes `key: value` as a `KeyValue` in `field`.
pub(super) fn attribute(out: &mut Vec<u8>, field: u32, key: &str, value: &AnyValueRef<'_>) {
    if let AnyValueRef::String(text) = value {
        return text_attribute(out, field, key, text);
    }
    let value_len = value_len(value);
    let mut head = Head::default();
    head.length(field, key_value_len(key, value_len));
    head.length(KEY_VALUE_KEY, key.len());
    head.write(out);
    out.extend_from_slice(key.as_bytes());
    length(out, KEY_VALUE_VALUE, value_len);
    any_value(out, value);
}

/// Writes what `write` appends as a message in `field`.
///
/// Its length stands in front of it and is known behind it, so `len_bytes` are left for that; where
/// the length takes more or fewer, the message is moved.
pub(super) fn message(
    out: &mut Vec<u8>,
    field: u32,
    len_bytes: usize,
    write: impl FnOnce(&mut Vec<u8>),
) {
    out.push(tag(field, LENGTH_DELIMITED));
    let at = out.len();
    out.resize(at + len_bytes, 0);
    write(out);
    let begin = at + len_bytes;
    let len = out.len() - begin;
    let mut head = Head::default();
    head.varint(len as u64);
    if head.len != len_bytes {
        // Of the two sizes one is the old and one the new; in between there is room for both.
        out.resize(begin.max(at + head.len) + len, 0);
        out.copy_within(begin..begin + len, at + head.len);
        out.truncate(at + head.len + len);
    }
    out[at..at + head.len].copy_from_slice(&head.bytes[..head.len]);
}

/// What stands in front of a value: field numbers, wire types and lengths, put together before they
/// are written, since a vector asks at every byte whether it has room.
#[derive(Default)]
struct Head {
    bytes: [u8; 2 * (1 + MAX_VARINT_BYTES)],
    len: usize,
}

impl Head {
    fn length(&mut self, field: u32, len: usize) {
        self.push(tag(field, LENGTH_DELIMITED));
        self.varint(len as u64);
    }

    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.push(number as u8);
    }

    fn push(&mut self, byte: u8) {
        // Room for two fields; a third would be a defect, and would show in every test.
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes[..self.len]);
    }
}

/// A field's number and wire type in one byte: OTLP's messages of logs have no number above 15.
const fn tag(field: u32, wire_type: u8) -> u8 {
    (field as u8) << 3 | wire_type
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
        AnyValueRef::String(text) => bytes_len(text.len()),
        AnyValueRef::Bool(_) => TAG_BYTES + 1,
        AnyValueRef::Int(number) => TAG_BYTES + encoded_len_varint(number.cast_unsigned()),
        AnyValueRef::Double(_) => TAG_BYTES + 8,
        AnyValueRef::Array(values) => bytes_len(array_len(values)),
        AnyValueRef::Map(values) => bytes_len(map_len(values)),
    }
}

fn array_len(values: &[AnyValueRef<'_>]) -> usize {
    values.iter().map(|value| bytes_len(value_len(value))).sum()
}

fn map_len(values: &MapRef<'_>) -> usize {
    // An empty key is legal JSON and illegal OTLP.
    let kept = values.iter().filter(|(key, _)| !key.is_empty());
    kept.map(|(key, value)| bytes_len(key_value_len(key, value_len(value))))
        .sum()
}

fn key_value_len(key: &str, value_len: usize) -> usize {
    bytes_len(key.len()) + bytes_len(value_len)
}

/// Bytes of a length-delimited field with so many bytes in it.
fn bytes_len(len: usize) -> usize {
    TAG_BYTES + encoded_len_varint(len as u64) + len
}

/// Writes an `AnyValue` that holds a text, in `field`.
pub(super) fn text_value(out: &mut Vec<u8>, field: u32, text: &str) {
    length(out, field, bytes_len(text.len()));
    bytes(out, ANY_STRING, text.as_bytes());
}

/// Writes a text that is a field of its own; an empty one is left out, as protobuf has it.
pub(super) fn text(out: &mut Vec<u8>, field: u32, text: &str) {
    if !text.is_empty() {
        bytes(out, field, text.as_bytes());
    }
}

/// Writes text, bytes or an encoded message.
pub(super) fn bytes(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    length(out, field, bytes.len());
    out.extend_from_slice(bytes);
}

/// Writes what stands in front of so many bytes.
fn length(out: &mut Vec<u8>, field: u32, len: usize) {
    if len < ONE_BYTE {
        return out.extend_from_slice(&[tag(field, LENGTH_DELIMITED), len as u8]);
    }
    let mut head = Head::default();
    head.length(field, len);
    head.write(out);
}

/// Writes a number of variable length.
pub(super) fn varint(out: &mut Vec<u8>, field: u32, number: u64) {
    if number < ONE_BYTE as u64 {
        return out.extend_from_slice(&[tag(field, VARINT), number as u8]);
    }
    let mut head = Head::default();
    head.push(tag(field, VARINT));
    head.varint(number);
    head.write(out);
}

/// Writes a number of eight bytes.
pub(super) fn fixed64(out: &mut Vec<u8>, field: u32, number: u64) {
    let mut bytes = [0; 9];
    bytes[0] = tag(field, SIXTY_FOUR_BIT);
    bytes[1..].copy_from_slice(&number.to_le_bytes());
    out.extend_from_slice(&bytes);
}

// Protocol Buffers, "Encoding": the wire types, and the longest varint.
const VARINT: u8 = 0;
const SIXTY_FOUR_BIT: u8 = 1;
const LENGTH_DELIMITED: u8 = 2;
const MAX_VARINT_BYTES: usize = 10;

/// Numbers below it are one byte long.
const ONE_BYTE: usize = 0x80;

/// Bytes of a [`tag`].
const TAG_BYTES: usize = 1;

const KEY_VALUE_KEY: u32 = 1;
const KEY_VALUE_VALUE: u32 = 2;
const LIST_VALUES: u32 = 1;
const ANY_STRING: u32 = 1;
const ANY_BOOL: u32 = 2;
const ANY_INT: u32 = 3;
const ANY_DOUBLE: u32 = 4;
const ANY_ARRAY: u32 = 5;
const ANY_KVLIST: u32 = 6;
