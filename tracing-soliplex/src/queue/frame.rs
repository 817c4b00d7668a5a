//! One frame of the ring: its two header words and its checksum.
//!
//! ```text
//! word 0   checksum (bits 0–31) · length (32–61) · state (62–63)
//! word 1   the frame's own position, exclusive-or the ring's id
//! then     the payload, padded with zeros to a whole word
//! ```
//! A void is what recovery writes over a torn place so that a reader can step over it: word 0
//! alone, whose length counts the bytes to step over after it.
//!
//! The checksum (CRC-32) starts from the ring's id, the position and the upper half of word 0, then
//! takes the payload with its padding. So it vouches for every bit of a frame, for the place it
//! stands in and for the lap it was written in: bytes that merely look like a frame, be they left
//! from an earlier lap or logged on purpose, are not taken for one. They would have to know the id.

use crc32fast::Hasher;

use super::word::WORD_BYTES;

/// The largest payload a frame carries: a record's own limit of 64 KB, rounded up.
pub(super) const MAX_PAYLOAD_BYTES: usize = 64 * 1024;

/// Bytes before the payload.
pub(super) const HEADER_BYTES: u64 = 2 * WORD_BYTES;

const LENGTH_SHIFT: u32 = 32;
const LENGTH_BITS: u32 = 30;
const STATE_SHIFT: u32 = LENGTH_SHIFT + LENGTH_BITS;

/// How far a frame has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing has been written here; the zero that freed memory is filled with.
    Free = 0,
    /// Some thread is copying its record in, or died doing so.
    Reserved = 1,
    /// The frame is whole.
    Published = 2,
    /// Nothing to read here; step over it.
    Void = 3,
}

/// Word 0 of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) state: State,
    /// Bytes of payload; in a void, bytes to step over.
    pub(super) length: u64,
    pub(super) checksum: u32,
}

impl Head {
    /// The head of a frame being written; [`Seal`] gives it its final form.
    pub(super) fn reserved(length: u64) -> Head {
        Head {
            state: State::Reserved,
            length,
            checksum: 0,
        }
    }

    /// A void that takes `size` bytes in all.
    pub(super) fn void(id: u64, position: u64, size: u64) -> Head {
        let head = Head {
            state: State::Void,
            length: size.saturating_sub(WORD_BYTES),
            checksum: 0,
        };
        Seal::new(head, id, position).finish()
    }

    /// Whether the checksum is the one this place and the payload, with its padding, give. A void
    /// has none.
    pub(super) fn vouches_for(self, id: u64, position: u64, payload: &[u8]) -> bool {
        let mut seal = Seal::new(self, id, position);
        seal.update(payload);
        seal.finish() == self
    }

    /// Bytes the whole frame or void takes.
    pub(super) fn size(self) -> u64 {
        match self.state {
            State::Void => WORD_BYTES + self.length,
            _ => size(self.length),
        }
    }

    pub(super) fn encode(self) -> u64 {
        u64::from(self.checksum) | self.length << LENGTH_SHIFT | (self.state as u64) << STATE_SHIFT
    }

    pub(super) fn decode(word: u64) -> Head {
        Head {
            state: match word >> STATE_SHIFT {
                0 => State::Free,
                1 => State::Reserved,
                2 => State::Published,
                _ => State::Void,
            },
            length: word >> LENGTH_SHIFT & ((1 << LENGTH_BITS) - 1),
            checksum: word as u32,
        }
    }
}

/// The checksum of a frame that is being written or checked.
pub(super) struct Seal {
    head: Head,
    hasher: Hasher,
}

impl Seal {
    /// Turns a reserved head into a published one.
    pub(super) fn publish(reserved: Head, id: u64, position: u64) -> Seal {
        let head = Head {
            state: State::Published,
            ..reserved
        };
        Seal::new(head, id, position)
    }

    fn new(head: Head, id: u64, position: u64) -> Seal {
        let seed = seed(id, position, (head.encode() >> LENGTH_SHIFT) as u32);
        Seal {
            head,
            hasher: Hasher::new_with_initial(seed),
        }
    }

    pub(super) fn update(&mut self, payload: &[u8]) {
        self.hasher.update(payload);
    }

    pub(super) fn finish(self) -> Head {
        Head {
            checksum: self.hasher.finalize(),
            ..self.head
        }
    }
}

/// Bytes a frame with a payload of `length` bytes takes in the ring.
pub(super) fn size(length: u64) -> u64 {
    HEADER_BYTES + length.next_multiple_of(WORD_BYTES)
}

/// Word 1 of the frame at `position`.
pub(super) fn stamp(id: u64, position: u64) -> u64 {
    id ^ position
}

/// What the checksum starts from.
///
/// The head could be hashed like the payload, but hashing sixteen bytes by themselves costs as much
/// as hashing a hundred more. A different start gives a different sum for the same payload, so it
/// is enough that the start is a different one: it is if `upper` changes or one bit of `position`
/// does (an odd factor carries each bit to the upper half), and but for one case in 2³² otherwise.
fn seed(id: u64, position: u64, upper: u32) -> u32 {
    /// The golden ratio's fraction, the usual odd number without a pattern.
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    ((id ^ position).wrapping_mul(FACTOR) >> 32) as u32 ^ upper
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: u64 = 0x9e37_79b9_7f4a_7c15;

    fn published(position: u64, parts: &[&[u8]]) -> Head {
        let length = parts.iter().map(|part| part.len() as u64).sum();
        let mut seal = Seal::publish(Head::reserved(length), ID, position);
        parts.iter().for_each(|part| seal.update(part));
        seal.finish()
    }

    proptest! {
        #[test]
        fn every_word_decodes_to_the_head_that_encodes_to_it(word: u64) {
            prop_assert_eq!(Head::decode(word).encode(), word);
        }

        #[test]
        fn a_flipped_bit_in_head_position_or_payload_is_noticed(
            position: u64,
            payload in prop::collection::vec(any::<u8>(), 0..300),
            at: prop::sample::Index,
        ) {
            let mut payload = payload;
            let head = published(position, &[&payload]);
            prop_assert!(head.vouches_for(ID, position, &payload));

            let noticed = match at.index(128 + payload.len() * 8) {
                bit @ 0..64 => !Head::decode(head.encode() ^ (1 << bit))
                    .vouches_for(ID, position, &payload),
                bit @ 64..128 => !head.vouches_for(ID, position ^ (1 << (bit - 64)), &payload),
                bit => {
                    payload[(bit - 128) / 8] ^= 1 << (bit % 8);
                    !head.vouches_for(ID, position, &payload)
                }
            };
            prop_assert!(noticed);
        }
    }

    #[test]
    fn the_checksum_does_not_depend_on_how_the_payload_was_cut() {
        assert_eq!(
            published(8, &[b"hello ", b"", b"world"]),
            published(8, &[b"hello world"]),
        );
    }

    #[test]
    fn a_void_holds_for_its_own_place_only() {
        let void = Head::void(ID, 64, 24);
        assert_eq!(void.size(), 24);
        for (id, position, holds) in [(ID, 64, true), (ID, 72, false), (ID + 1, 64, false)] {
            assert_eq!(void.vouches_for(id, position, &[]), holds);
        }
    }

    #[test]
    fn the_length_field_holds_the_largest_ring() {
        const { assert!(super::super::MAX_CAPACITY_BYTES < 1 << LENGTH_BITS) };
    }
}
