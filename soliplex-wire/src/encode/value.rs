//! Values of attributes, and how they are packed.

use super::buffer::Buffer;
use super::packed;

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
    #[inline(always)]
    pub(super) fn pack(self, out: &mut Buffer) {
        match self {
            Value::Str(value) => packed::text(out, value),
            Value::Bool(true) => out.piece(b"true"),
            Value::Bool(false) => out.piece(b"false"),
            Value::I64(number) => packed::integer(out, number),
            Value::U64(number) => packed::unsigned(out, number),
            Value::F64(number) => packed::fraction(out, number),
            Value::Json(bytes) => packed::json(out, bytes),
        }
    }
}
