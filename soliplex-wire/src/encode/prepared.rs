//! What is the same in record after record, encoded once.

use std::fmt;

use super::Members;
use super::buffer::Buffer;
use super::packed::MOST;
use super::print;
use super::text::text;
use super::value::Value;
use crate::Severity;

/// Level and logger of the records of one callsite.
///
/// `Debug` shows its size only.
pub struct Opening(Prepared);

impl Opening {
    /// Encodes them.
    pub fn new(severity: Severity, logger: &str) -> Opening {
        let (mut packed, mut printed) = (Buffer::new(), Buffer::new());
        let _ = Members::begin(&mut packed, severity, logger);
        // What was packed a line above can be printed.
        let _ = print(&packed, &mut printed);
        Opening(Prepared::new(printed.into_vec()))
    }

    #[inline]
    pub(super) fn append(&self, out: &mut Buffer) {
        self.0.append(out);
    }
}

/// The name of an attribute.
///
/// `Debug` shows its size only.
pub struct Key(Prepared);

impl Key {
    /// Encodes it.
    pub fn new(name: &str) -> Key {
        let mut out = Buffer::new();
        out.piece(b",");
        text(&mut out, name);
        out.piece(b":");
        Key(Prepared::new(out.into_vec()))
    }

    /// Appends an attribute as a member that follows another one: for
    /// [`Members::written_attribute`].
    #[inline(always)]
    pub fn write(&self, value: Value<'_>, out: &mut Buffer) {
        if self.0.blocks.is_empty()
            && let Some(place) = out.room()
            && let Some(bytes) = self.write_at(value, place)
        {
            return out.extend(bytes);
        }
        self.0.append(out);
        value.pack(out);
    }

    /// Puts both where there is room for both, which is looked at once. `None` if the value is long.
    #[inline(always)]
    fn write_at(&self, value: Value<'_>, place: &mut [u8; 2 * BLOCK + MOST]) -> Option<usize> {
        place[..BLOCK].copy_from_slice(&self.0.last);
        // No more than a block; said like this, it is known to be within the place.
        let used = self.0.used % (2 * BLOCK);
        let bytes = value.pack_at(place[used..].first_chunk_mut()?)?;
        Some(used + bytes)
    }
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Opening").field(&self.0.len()).finish()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.0.len()).finish()
    }
}

/// Bytes to be copied again and again.
///
/// They are copied in whole blocks, of which the last is used in part: copying a block is a handful
/// of instructions, while copying a number of bytes that is not known beforehand is a call.
struct Prepared {
    blocks: Box<[Block]>,
    last: Block,
    /// Bytes of the last block that are used; at least one.
    used: usize,
}

/// As long as most names, with their punctuation.
const BLOCK: usize = 32;

type Block = [u8; BLOCK];

impl Prepared {
    fn new(mut bytes: Vec<u8>) -> Prepared {
        let before = bytes.len().saturating_sub(1) / BLOCK * BLOCK;
        let used = bytes.len() - before;
        bytes.resize(before + BLOCK, 0);
        let (blocks, _) = bytes[..before].as_chunks();
        Prepared {
            blocks: blocks.into(),
            last: bytes.last_chunk().copied().unwrap_or_default(),
            used,
        }
    }

    #[inline(always)]
    fn append(&self, out: &mut Buffer) {
        for block in &self.blocks {
            out.piece(block);
        }
        out.block(&self.last, self.used);
    }

    fn len(&self) -> usize {
        self.blocks.as_flattened().len() + self.used
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_prepared_is_written_as_it_would_be_without() {
        for name in ["a", "with \"quotes\"", "", &"long.".repeat(50)] {
            for value in [
                Value::Str("text"),
                Value::Str("two\nlines"),
                Value::Str(""),
                Value::I64(-1),
                Value::F64(1.0),
                Value::Bool(true),
                Value::Json(b"[1]"),
            ] {
                let key = Key::new(name);
                let mut piece = Buffer::new();
                key.write(value, &mut piece);
                let (mut plain, mut prepared) = (Buffer::new(), Buffer::new());

                let mut members = Members::begin(&mut plain, Severity::Warn, name);
                members.message("m");
                members.attribute(name, value);
                members.attribute(name, value);
                members.attribute(name, value);
                members.end();

                let opening = Opening::new(Severity::Warn, name);
                let mut members = Members::open(&mut prepared, &opening);
                members.message("m");
                members.written_attribute(&piece);
                members.prepared_attribute(&key, value);
                members.written_attribute(&piece);
                members.end();
                let printed = [plain, prepared].map(|packed| {
                    let mut printed = Buffer::new();
                    print(&packed, &mut printed).unwrap();
                    String::from_utf8(printed.into_vec()).unwrap()
                });
                assert_eq!(printed[0], printed[1]);
            }
        }
    }
}
