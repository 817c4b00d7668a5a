//! Joining a record's parts, a piece at a time.
//!
//! A record comes as a head and a body. Joined on the stack they are checksummed and stored in
//! whole words at one go, which is quicker than part by part: a checksum is slow to begin, and
//! words that straddle two parts have to be put together bit by bit.

use super::word::WORD_BYTES;

/// Bytes in a piece: most records are one.
const PIECE_BYTES: usize = 512;

/// Hands `take` the parts, one after the other, in pieces of whole words. The last one is padded
/// with zeros.
#[inline]
pub(super) fn in_pieces(parts: &[&[u8]], mut take: impl FnMut(&[u8])) {
    let mut piece = [0; PIECE_BYTES];
    let mut filled = 0;
    for part in parts {
        let mut rest = *part;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(PIECE_BYTES - filled));
            piece[filled..filled + now.len()].copy_from_slice(now);
            filled += now.len();
            rest = later;
            if filled == PIECE_BYTES {
                take(&piece);
                filled = 0;
            }
        }
    }
    if filled > 0 {
        let whole = filled.next_multiple_of(WORD_BYTES as usize);
        piece[filled..whole].fill(0);
        take(&piece[..whole]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_pieces_are_the_parts_joined_and_padded(
            parts in prop::collection::vec(prop::collection::vec(1u8.., 0..1200), 0..4),
        ) {
            let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            let mut joined = Vec::new();
            in_pieces(&parts, |piece| joined.extend_from_slice(piece));

            let mut expected = parts.concat();
            expected.resize(expected.len().next_multiple_of(8), 0);
            prop_assert_eq!(joined, expected);
        }
    }
}
