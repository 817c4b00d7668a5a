//! Text as JSON writes it, what needs no escape without the general way.

use super::buffer::Buffer;
use super::packed::WORD;

/// Appends `text` as a JSON string.
#[inline]
pub(super) fn text(out: &mut Buffer, text: &str) {
    out.piece(b"\"");
    rest_of_text(out, text);
}

/// Appends `text` and its closing quote behind the opening one. Most text needs no escape; what
/// does goes the general way.
#[inline]
fn rest_of_text(out: &mut Buffer, text: &str) {
    let bytes = text.as_bytes();
    let plain = match bytes.len() {
        ..WORD => less_than_a_word(out, bytes),
        WORD..16 => two_blocks::<WORD>(out, bytes),
        16..=32 => two_blocks::<16>(out, bytes),
        33..=64 => two_blocks::<32>(out, bytes),
        _ => many_blocks(out, bytes),
    };
    if !plain {
        out.take_back(bytes.len() + 1);
        escaped(out, text);
    }
}

#[cold]
fn escaped(out: &mut Buffer, text: &str) {
    out.take_back(b"\"".len());
    out.json(text);
}

/// Appends at most two blocks, which may overlap: one that begins with the text and one that ends
/// with it. Says whether nothing needs an escape.
#[inline(always)]
fn two_blocks<const N: usize>(out: &mut Buffer, bytes: &[u8]) -> bool {
    let (Some(first), Some(last)) = (bytes.first_chunk::<N>(), bytes.last_chunk::<N>()) else {
        return false;
    };
    out.block(first, bytes.len() - N);
    out.piece(last);
    out.piece(b"\"");
    !(needs_escape(first) | needs_escape(last))
}

fn many_blocks(out: &mut Buffer, bytes: &[u8]) -> bool {
    out.bytes(bytes);
    out.piece(b"\"");
    let (blocks, _) = bytes.as_chunks::<32>();
    let last = bytes.last_chunk::<32>();
    !blocks.iter().chain(last).any(needs_escape)
}

/// Appends less than a word.
#[inline]
fn less_than_a_word(out: &mut Buffer, bytes: &[u8]) -> bool {
    let length = 8 * bytes.len();
    let word = word(bytes);
    out.block(&(word | QUOTE << length).to_le_bytes(), bytes.len() + 1);
    !needs_escape(&(word | SPACES << length).to_le_bytes())
}

/// A quote at the start of a word.
const QUOTE: u64 = b'"' as u64;

/// Spaces, which need no escape.
const SPACES: u64 = u64::from_le_bytes([b' '; WORD]);

/// Less than eight bytes in a word, put together from pieces that may overlap.
#[inline]
fn word(bytes: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let [first, last] = [first, last].map(|half: &[u8; 4]| u32::from_le_bytes(*half));
        return u64::from(first) | u64::from(last) << (8 * (bytes.len() - 4));
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let [first, last] = [first, last].map(|half: &[u8; 2]| u16::from_le_bytes(*half));
        return u64::from(first) | u64::from(last) << (8 * (bytes.len() - 2));
    }
    bytes.first().map_or(0, |byte| u64::from(*byte))
}

/// Whether any byte is a control character, a quote or a backslash. Of a block whose size is known
/// the compiler looks at sixteen bytes at a time.
#[inline(always)]
fn needs_escape<const N: usize>(block: &[u8; N]) -> bool {
    let needs = |byte: u8| (byte < b' ') | (byte == b'"') | (byte == b'\\');
    block.iter().fold(false, |found, byte| found | needs(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_at_every_place_is_written_as_serde_json_writes_it() {
        for c in ('\0'..='\u{ff}').chain(['€', '😀']) {
            for place in [0..20, 30..35, 62..67, 90..100].into_iter().flatten() {
                for behind in ["", "yz", "1234567"] {
                    let value = format!("{}{c}{behind}", "x".repeat(place));
                    let mut out = Buffer::new();
                    text(&mut out, &value);
                    assert_eq!(
                        *out,
                        serde_json::to_vec(&value).unwrap(),
                        "{c:?} at {place}"
                    );
                }
            }
        }
        let mut out = Buffer::new();
        text(&mut out, "");
        assert_eq!(*out, *b"\"\"");
    }
}
