//! Trace and span ids: hex on the wire, and never a made-up one.

use std::fmt;
use std::str::FromStr;

/// A trace id that is not zero; 32 hex digits on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 16]);

/// A span id that is not zero; 16 hex digits on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId([u8; 8]);

/// The text is not a trace or span id: wrong length, not hex, or zero.
///
/// W3C Trace Context, section 3.2.2.3, calls such ids invalid; OTLP has them ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidId;

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a trace or span id: give 32 or 16 hex digits that are not all zero")
    }
}

impl std::error::Error for InvalidId {}

macro_rules! id {
    ($name:ident, $bytes:literal) => {
        impl $name {
            /// The id with these bytes; `None` when all are zero.
            pub fn from_bytes(bytes: [u8; $bytes]) -> Option<Self> {
                (bytes != [0; $bytes]).then_some(Self(bytes))
            }

            /// The id's bytes, most significant first.
            pub const fn to_bytes(self) -> [u8; $bytes] {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let mut bytes = [0; $bytes];
                read_hex(text, &mut bytes)?;
                Self::from_bytes(bytes).ok_or(InvalidId)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

id!(TraceId, 16);
id!(SpanId, 8);

fn read_hex(text: &str, out: &mut [u8]) -> Result<(), InvalidId> {
    let text = text.as_bytes();
    if text.len() != 2 * out.len() {
        return Err(InvalidId);
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).ok_or(InvalidId);
    for (pair, byte) in text.chunks_exact(2).zip(out) {
        // Two hex digits make at most 255.
        *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_what_it_writes() {
        let text = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(text.parse::<TraceId>().unwrap().to_string(), text);
        let upper: SpanId = "00F067AA0BA902B7".parse().unwrap();
        assert_eq!(upper.to_string(), "00f067aa0ba902b7");
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in [
            "",
            "0",
            "00000000000000000000000000000000",
            "zz",
            "4bf92f3577b34da6a3ce929d0e0e47",
            "4bf92f3577b34da6a3ce929d0e0e473g",
        ] {
            assert_eq!(text.parse::<TraceId>(), Err(InvalidId), "{text:?}");
        }
        assert_eq!("0000000000000000".parse::<SpanId>(), Err(InvalidId));
    }
}
