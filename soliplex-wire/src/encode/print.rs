//! From packed members to JSON: what the thread that wrote them left to whoever stores them.

use std::error::Error;
use std::fmt;

use super::buffer::Buffer;
use super::number;
use super::packed::{FRACTION, JSON, LONG_TEXT, NEGATIVE, TEXT, WHOLE, WORD};
use super::text::text;

/// Why packed bytes were not printed: nothing that [`Members`](super::Members) writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PrintError {
    /// No value begins with such a byte.
    UnknownMarker,
    /// They end within a value.
    CutShort,
    /// A text is not UTF-8.
    NotText,
}

impl fmt::Display for PrintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PrintError::UnknownMarker => "no value of a packed record begins like this",
            PrintError::CutShort => "a packed record ends within a value",
            PrintError::NotText => "a text of a packed record is not UTF-8",
        })
    }
}

impl Error for PrintError {}

/// Appends packed members as JSON, at most twelve bytes for each of theirs.
///
/// What is between the values is copied without a look at it: of bytes that nobody packed it may be
/// anything.
///
/// # Errors
///
/// [`PrintError`] where the bytes are none that were packed; nothing is appended then.
pub fn print(packed: &[u8], out: &mut Buffer) -> Result<(), PrintError> {
    let before = out.len();
    let printed = print_all(packed, out);
    if printed.is_err() {
        out.truncate(before);
    }
    printed
}

fn print_all(mut packed: &[u8], out: &mut Buffer) -> Result<(), PrintError> {
    loop {
        let (json, value) = packed.split_at(next_value(packed));
        out.bytes(json);
        let Some((marker, behind)) = value.split_first() else {
            return Ok(());
        };
        packed = print_value(*marker, behind, out)?;
    }
}

/// Appends one value as JSON, and returns what is behind it.
fn print_value<'p>(marker: u8, behind: &'p [u8], out: &mut Buffer) -> Result<&'p [u8], PrintError> {
    const FIRST_WHOLE: u8 = WHOLE + 1;
    const FIRST_NEGATIVE: u8 = NEGATIVE + 1;
    const FIRST_FRACTION: u8 = FRACTION + 1;
    Ok(match marker {
        FIRST_WHOLE..=NEGATIVE => {
            let (word, behind) = word(marker - WHOLE, behind)?;
            whole(u64::from_le_bytes(word), out);
            behind
        }
        FIRST_NEGATIVE..=FRACTION => {
            let (word, behind) = word(marker - NEGATIVE, behind)?;
            number::integer(out, !i64::from_le_bytes(word));
            behind
        }
        FIRST_FRACTION..TEXT => {
            let (word, behind) = word(marker - FRACTION, behind)?;
            fraction(f64::from_be_bytes(word), out);
            behind
        }
        TEXT => {
            let (length, behind) = behind.split_first().ok_or(PrintError::CutShort)?;
            let (text, behind) = take(behind, usize::from(*length))?;
            print_text(text, out)?;
            behind
        }
        LONG_TEXT => {
            let (text, behind) = sized(behind)?;
            print_text(text, out)?;
            behind
        }
        JSON => {
            let (json, behind) = sized(behind)?;
            out.bytes(json);
            behind
        }
        _ => return Err(PrintError::UnknownMarker),
    })
}

fn whole(number: u64, out: &mut Buffer) {
    match i64::try_from(number) {
        Ok(number) => number::integer(out, number),
        Err(_) => out.json(&number.to_string()),
    }
}

fn fraction(number: f64, out: &mut Buffer) {
    match number.is_finite() {
        true => number::fraction(out, number),
        false => out.json(&number.to_string()),
    }
}

fn print_text(bytes: &[u8], out: &mut Buffer) -> Result<(), PrintError> {
    text(out, str::from_utf8(bytes).map_err(|_| PrintError::NotText)?);
    Ok(())
}

/// A word of which the first bytes are there, and what is behind them.
fn word(bytes: u8, from: &[u8]) -> Result<([u8; WORD], &[u8]), PrintError> {
    let (there, behind) = take(from, usize::from(bytes))?;
    let mut word = [0; WORD];
    for (to, byte) in word.iter_mut().zip(there) {
        *to = *byte;
    }
    Ok((word, behind))
}

/// As many bytes as the four before them say, and what is behind them.
fn sized(from: &[u8]) -> Result<(&[u8], &[u8]), PrintError> {
    let (length, behind) = from.split_first_chunk().ok_or(PrintError::CutShort)?;
    take(behind, u32::from_le_bytes(*length) as usize)
}

fn take(from: &[u8], length: usize) -> Result<(&[u8], &[u8]), PrintError> {
    from.split_at_checked(length).ok_or(PrintError::CutShort)
}

/// Where the next value begins, or where the bytes end: with the first byte below that of a space,
/// looked for in a word at a time.
fn next_value(packed: &[u8]) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; WORD]);
    let (words, rest) = packed.as_chunks::<WORD>();
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // What is borrowed goes to higher bytes only, so the lowest bit that is set is right.
        let below = word.wrapping_sub(ONES * u64::from(b' ')) & !word & (ONES << 7);
        if below != 0 {
            return at * WORD + below.trailing_zeros() as usize / 8;
        }
    }
    let in_rest = rest.iter().position(|byte| *byte < b' ');
    packed.len() - rest.len() + in_rest.unwrap_or(rest.len())
}

#[cfg(test)]
mod tests;
