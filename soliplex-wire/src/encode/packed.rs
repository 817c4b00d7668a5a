//! Values that are not printed yet: numbers as their bytes, texts as they are.
//!
//! What prints a number or escapes a text costs several times what copying it does, and the thread
//! that writes a record is not the one that needs it as JSON. So the members of a record are JSON but
//! for their values, and [`print`](super::print()) makes them JSON. JSON that is written without
//! spaces holds no byte below that of a space, so such a byte begins a packed value:
//!
//! | byte | value | bytes that follow |
//! |---|---|---|
//! | 0x01–0x08 | a whole number | 1 to 8, the lowest first |
//! | 0x09–0x10 | a negative one | 1 to 8, those of its complement |
//! | 0x11–0x18 | a number with a fraction | 1 to 8, the highest first; those left out are zero |
//! | 0x19 | a text | its length in one byte, UTF-8 |
//! | 0x1a | a longer text | its length in four bytes, the lowest first, UTF-8 |
//! | 0x1b | JSON that holds such bytes | its length in four bytes, the lowest first, JSON |
//!
//! A value packed is mostly shorter than printed: a number of seven digits takes four bytes. Nothing
//! is needed beside the bytes themselves to print them.

use super::buffer::Buffer;

/// Before whole numbers, together with how many bytes they take.
pub(super) const WHOLE: u8 = 0;

/// Before negative ones.
pub(super) const NEGATIVE: u8 = WHOLE + WORD as u8;

/// Before those with a fraction.
pub(super) const FRACTION: u8 = NEGATIVE + WORD as u8;

/// Before a text of less than 256 bytes.
pub(super) const TEXT: u8 = FRACTION + WORD as u8 + 1;

/// Before a longer one.
pub(super) const LONG_TEXT: u8 = TEXT + 1;

/// Before JSON that holds bytes like these.
pub(super) const JSON: u8 = LONG_TEXT + 1;

/// Bytes in a word.
pub(super) const WORD: usize = size_of::<u64>();

/// Bytes of the longest text that is copied in pieces of known sizes.
const SHORT: usize = 64;

/// Bytes that any value takes at the most, but for JSON and texts that are longer than [`SHORT`].
pub(super) const MOST: usize = 2 + SHORT;

/// Room for a value.
pub(super) type Place = [u8; MOST];

/// Puts a whole number there. Returns how many bytes it takes, as all of these do.
#[inline(always)]
pub(super) fn unsigned(place: &mut Place, number: u64) -> usize {
    word(place, WHOLE, number)
}

/// Puts a whole number there that may be negative.
#[inline(always)]
pub(super) fn integer(place: &mut Place, number: i64) -> usize {
    // All ones below zero: the complement, and the other marker, without a branch.
    let sign = number >> (i64::BITS - 1);
    word(place, NEGATIVE & sign as u8, (number ^ sign) as u64)
}

/// Puts a number with a fraction there. Few have more than some of the highest bits set.
#[inline(always)]
pub(super) fn fraction(place: &mut Place, number: f64) -> usize {
    word(place, FRACTION, number.to_bits().swap_bytes())
}

/// Puts a word there without its zeros, but for one byte. All of it is written where it will lie: put
/// together elsewhere and copied, it would be read back before it has left the processor's store
/// buffer.
#[inline(always)]
fn word(place: &mut Place, kind: u8, word: u64) -> usize {
    let bytes = (word | 1).ilog2() / u8::BITS + 1;
    place[0] = kind + bytes as u8;
    place[1..1 + WORD].copy_from_slice(&word.to_le_bytes());
    1 + bytes as usize
}

/// Puts a short text there, in at most two pieces, which may overlap: one that begins with the text
/// and one that ends with it. `None` for a longer text.
#[inline(always)]
pub(super) fn short_text(place: &mut Place, text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let to = place.get_mut(2..2 + bytes.len())?;
    // Halves of what is left, the likeliest first: no table to jump by.
    if bytes.len() >= 16 {
        if bytes.len() >= 32 {
            two::<32>(to, bytes);
        } else {
            two::<16>(to, bytes);
        }
    } else if bytes.len() >= 4 {
        if bytes.len() >= 8 {
            two::<8>(to, bytes);
        } else {
            two::<4>(to, bytes);
        }
    } else if bytes.len() >= 2 {
        two::<2>(to, bytes);
    } else {
        two::<1>(to, bytes);
    }
    place[0] = TEXT;
    place[1] = bytes.len() as u8;
    Some(2 + bytes.len())
}

#[inline(always)]
fn two<const N: usize>(to: &mut [u8], bytes: &[u8]) {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<N>(), bytes.last_chunk::<N>()) {
        if let Some(to) = to.first_chunk_mut() {
            *to = *first;
        }
        if let Some(to) = to.last_chunk_mut() {
            *to = *last;
        }
    }
}

/// Appends a text.
#[inline(always)]
pub(super) fn text(out: &mut Buffer, text: &str) {
    match out.room().and_then(|place| short_text(place, text)) {
        Some(bytes) => out.extend(bytes),
        None => long_text(out, text),
    }
}

/// Appends a text however long it is, also where there is no room yet.
#[inline(never)]
pub(super) fn long_text(out: &mut Buffer, text: &str) {
    match u8::try_from(text.len()) {
        Ok(length) => {
            out.piece(&[TEXT, length]);
            out.bytes(text.as_bytes());
        }
        Err(_) => sized(out, LONG_TEXT, text.as_bytes()),
    }
}

/// Appends JSON as it stands.
pub(super) fn json(out: &mut Buffer, json: &[u8]) {
    if json.iter().any(|byte| *byte < b' ') {
        return sized(out, JSON, json);
    }
    out.bytes(json);
}

/// Appends as many bytes as four can count.
fn sized(out: &mut Buffer, kind: u8, bytes: &[u8]) {
    let bytes = bytes.get(..u32::MAX as usize).unwrap_or(bytes);
    let [a, b, c, d] = (bytes.len() as u32).to_le_bytes();
    out.piece(&[kind, a, b, c, d]);
    out.bytes(bytes);
}
