//! Values of attributes, and how they are packed.

use super::buffer::Buffer;
use super::packed::{self, MOST, Place};

/// The value of an attribute, borrowed: what a field of an event can hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Text.
    Str(&'a str),
    /// True or false.
    Bool(bool),
    /// A whole number.
    I64(i64),
    /// A whole number; beyond `i64` it is printed as text.
    U64(u64),
    /// A number with a fraction; infinite and NaN are printed as text.
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
    /// Appends the value, packed; it is printed in the shape [`AnyValue`](crate::AnyValue) reads back.
    #[inline]
    pub(super) fn pack(self, out: &mut Buffer) {
        match out.room().and_then(|place| self.pack_at(place)) {
            Some(bytes) => out.extend(bytes),
            None => self.pack_beyond(out),
        }
    }

    /// Puts it there, if it is not too long, and returns how many bytes it takes.
    #[inline(always)]
    pub(super) fn pack_at(self, place: &mut Place) -> Option<usize> {
        Some(match self {
            Value::Str(value) => return packed::short_text(place, value),
            Value::Bool(value) => {
                let json = if value { *b"true " } else { *b"false" };
                place[..5].copy_from_slice(&json);
                5 - usize::from(value)
            }
            Value::I64(number) => packed::integer(place, number),
            Value::U64(number) => packed::unsigned(place, number),
            Value::F64(number) => packed::fraction(place, number),
            Value::Json(_) => return None,
        })
    }

    /// The same where it is long, or there was no room.
    #[cold]
    #[inline(never)]
    pub(super) fn pack_beyond(self, out: &mut Buffer) {
        match self {
            Value::Str(value) => packed::long_text(out, value),
            Value::Json(value) => packed::json(out, value),
            value => {
                let mut place = [0; MOST];
                let bytes = value.pack_at(&mut place).unwrap_or_default();
                out.block(&place, bytes);
            }
        }
    }
}
