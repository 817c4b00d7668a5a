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

/// Appends a whole number.
#[inline(always)]
pub(super) fn unsigned(out: &mut Buffer, number: u64) {
    word(out, WHOLE, number);
}

/// Appends a whole number that may be negative.
#[inline(always)]
pub(super) fn integer(out: &mut Buffer, number: i64) {
    // All ones below zero: the complement, and the other marker, without a branch.
    let sign = number >> (i64::BITS - 1);
    word(out, NEGATIVE & sign as u8, (number ^ sign) as u64);
}

/// Appends a number with a fraction. Few have more than some of the highest bits set.
#[inline(always)]
pub(super) fn fraction(out: &mut Buffer, number: f64) {
    word(out, FRACTION, number.to_bits().swap_bytes());
}

/// Appends a word without its zeros, but for one byte.
#[inline(always)]
fn word(out: &mut Buffer, kind: u8, word: u64) {
    let bytes = (word | 1).ilog2() / u8::BITS + 1;
    let [a, b, c, d, e, f, g, h] = word.to_le_bytes();
    let block = [kind + bytes as u8, a, b, c, d, e, f, g, h];
    out.block(&block, 1 + bytes as usize);
}

/// Appends a text.
#[inline(always)]
pub(super) fn text(out: &mut Buffer, text: &str) {
    let bytes = text.as_bytes();
    if bytes.len() > SHORT || !short(out, bytes) {
        long(out, bytes);
    }
}

/// Appends JSON as it stands.
pub(super) fn json(out: &mut Buffer, json: &[u8]) {
    if json.iter().any(|byte| *byte < b' ') {
        return sized(out, JSON, json);
    }
    out.bytes(json);
}

/// Appends at most two pieces, which may overlap: one that begins with the text and one that ends
/// with it. False where there is no room for them yet.
#[inline(always)]
fn short(out: &mut Buffer, bytes: &[u8]) -> bool {
    let Some(place) = out.room::<{ 2 + SHORT }>() else {
        return false;
    };
    place[0] = TEXT;
    place[1] = bytes.len() as u8;
    let place = &mut place[2..];
    match bytes.len() {
        ..4 => few(place, bytes),
        4..8 => two::<4>(place, bytes),
        8..16 => two::<8>(place, bytes),
        16..32 => two::<16>(place, bytes),
        _ => two::<32>(place, bytes),
    }
    out.extend(2 + bytes.len());
    true
}

#[inline(always)]
fn two<const N: usize>(place: &mut [u8], bytes: &[u8]) {
    let (Some(first), Some(last)) = (bytes.first_chunk::<N>(), bytes.last_chunk::<N>()) else {
        return;
    };
    let Some(place) = place.get_mut(..bytes.len()) else {
        return;
    };
    if let Some(to) = place.first_chunk_mut() {
        *to = *first;
    }
    if let Some(to) = place.last_chunk_mut() {
        *to = *last;
    }
}

/// Less than four.
#[inline(always)]
fn few(place: &mut [u8], bytes: &[u8]) {
    for (to, byte) in place.iter_mut().zip(bytes) {
        *to = *byte;
    }
}

#[inline(never)]
fn long(out: &mut Buffer, bytes: &[u8]) {
    match u8::try_from(bytes.len()) {
        Ok(length) => {
            out.piece(&[TEXT, length]);
            out.bytes(bytes);
        }
        Err(_) => sized(out, LONG_TEXT, bytes),
    }
}

/// Appends as many bytes as four can count.
fn sized(out: &mut Buffer, kind: u8, bytes: &[u8]) {
    let bytes = bytes.get(..u32::MAX as usize).unwrap_or(bytes);
    let [a, b, c, d] = (bytes.len() as u32).to_le_bytes();
    out.piece(&[kind, a, b, c, d]);
    out.bytes(bytes);
}
