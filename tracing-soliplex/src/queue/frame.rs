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
//! The checksum ([`Seal`]) starts from the ring's id, the position and the upper half of word 0, then
//! takes the payload with its padding. So it vouches for every bit of a frame, for the place it
//! stands in and for the lap it was written in: bytes that merely look like a frame, be they left
//! from an earlier lap or logged on purpose, are not taken for one. They would have to know the id.

use super::word::{Chunk, WORD_BYTES};

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
    pub(super) fn vouches_for(self, id: u64, position: u64, payload: &[Chunk]) -> bool {
        let mut seal = Seal::new(self, id, position);
        seal.add_all(payload);
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

/// Words that a checksum takes at a time.
pub(super) const FOUR: usize = 4;

/// The checksum of a frame that is being written or checked.
///
/// It is added up as the words are copied, so that a payload is looked at once. Two words are
/// multiplied, and the upper half of the product is folded onto the lower one, by which each bit of
/// either reaches all others; two such sums run side by side, each with a key and a start of its own,
/// and neither waits for the other. The keys are the ring's own: a word equal to one takes all that
/// was added up before it out of the sum, and constants that are known are logged, too.
///
/// A CRC of the same few hundred bytes takes as long again as copying them, most of it for starting
/// and ending. What a CRC promises of few changed bits, 32 bits of this keep but for one case in 2³²,
/// which is what either promises of a torn frame.
pub(super) struct Seal {
    head: Head,
    pub(super) sums: Sums,
}

/// What has been added up so far, and the keys. It is handed on as a value, and so stays in registers.
#[derive(Clone, Copy)]
pub(super) struct Sums {
    sums: [u64; 2],
    keys: [u64; 2],
}

/// Odd numbers without a pattern: the fractions of the golden ratio and of the roots of 2, 3 and 5.
const KEYS: [u64; FOUR] = [
    0x9e37_79b9_7f4a_7c15,
    0x6a09_e667_f3bc_c909,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
];

impl Seal {
    /// Turns a reserved head into a published one.
    #[inline]
    pub(super) fn publish(reserved: Head, id: u64, position: u64) -> Seal {
        let head = Head {
            state: State::Published,
            ..reserved
        };
        Seal::new(head, id, position)
    }

    #[inline]
    fn new(head: Head, id: u64, position: u64) -> Seal {
        let upper = head.encode() >> LENGTH_SHIFT;
        Seal {
            head,
            sums: Sums {
                sums: [fold(id ^ position, KEYS[2]) ^ upper, id ^ position],
                keys: [KEYS[0] ^ id, KEYS[1] ^ id],
            },
        }
    }

    fn add_all(&mut self, payload: &[Chunk]) {
        let (fours, rest) = payload.as_chunks();
        let with = |sums: Sums, four: &[Chunk; FOUR]| sums.with(four.map(u64::from_le_bytes));
        self.sums = fours.iter().fold(self.sums, with);
        if !rest.is_empty() {
            let mut end = [Chunk::default(); FOUR];
            end[..rest.len()].copy_from_slice(rest);
            self.sums = with(self.sums, &end);
        }
    }

    #[inline]
    pub(super) fn finish(self) -> Head {
        let [even, odd] = self.sums.sums;
        let sum = fold(even ^ KEYS[2], odd ^ KEYS[3]);
        Head {
            checksum: (sum ^ sum >> 32) as u32,
            ..self.head
        }
    }
}

impl Sums {
    /// With four words of the payload more, the last of them filled up with zeros.
    #[inline]
    pub(super) fn with(self, words: [u64; FOUR]) -> Sums {
        let [first, second, third, fourth] = words;
        let Sums { sums, keys } = self;
        Sums {
            sums: [
                fold(first ^ keys[0], second ^ sums[0]),
                fold(third ^ keys[1], fourth ^ sums[1]),
            ],
            keys,
        }
    }
}

/// Multiplies, and folds the upper half of the product onto the lower one.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> u64::BITS) as u64 ^ product as u64
}

/// Bytes a frame with a payload of `length` bytes takes in the ring.
pub(super) fn size(length: u64) -> u64 {
    HEADER_BYTES + length.next_multiple_of(WORD_BYTES)
}

/// Word 1 of the frame at `position`.
pub(super) fn stamp(id: u64, position: u64) -> u64 {
    id ^ position
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: u64 = 0x8c1f_3ab2_66d0_e417;

    /// The head of a frame with this payload, which is padded.
    fn published(position: u64, payload: &[Chunk]) -> Head {
        let length = payload.as_flattened().len() as u64;
        let reserved = Head::reserved(length);
        let mut seal = Seal::publish(reserved, ID, position);
        seal.add_all(payload);
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
            payload in prop::collection::vec(any::<Chunk>(), 0..40),
            at: prop::sample::Index,
        ) {
            let mut payload = payload;
            let head = published(position, &payload);
            prop_assert!(head.vouches_for(ID, position, &payload));

            let noticed = match at.index(128 + payload.as_flattened().len() * 8) {
                bit @ 0..64 => !Head::decode(head.encode() ^ (1 << bit))
                    .vouches_for(ID, position, &payload),
                bit @ 64..128 => !head.vouches_for(ID, position ^ (1 << (bit - 64)), &payload),
                bit => {
                    payload.as_flattened_mut()[(bit - 128) / 8] ^= 1 << (bit % 8);
                    !head.vouches_for(ID, position, &payload)
                }
            };
            prop_assert!(noticed);
        }
    }

    #[test]
    fn words_that_change_places_or_are_written_twice_are_noticed() {
        let payload: Vec<Chunk> = (1..=13_u64).map(u64::to_le_bytes).collect();
        let head = published(8, &payload);
        for at in 0..payload.len() {
            for other in 0..at {
                let mut swapped = payload.clone();
                swapped.swap(at, other);
                assert!(!head.vouches_for(ID, 8, &swapped), "{at} and {other}");
                let mut stale = payload.clone();
                stale[at] = stale[other];
                assert!(!head.vouches_for(ID, 8, &stale), "{at} as {other}");
            }
            let mut torn = payload.clone();
            torn[at..].fill(Chunk::default());
            assert!(!head.vouches_for(ID, 8, &torn), "zeros from {at} on");
        }
    }

    #[test]
    fn a_constant_that_is_logged_hides_no_change_before_it() {
        let mut payload: Vec<Chunk> = (1..=8_u64).map(u64::to_le_bytes).collect();
        for key in KEYS {
            payload[4..].fill(key.to_le_bytes());
            let head = published(8, &payload);
            for word in 0..payload.len() {
                let mut changed = payload.clone();
                changed[word][2] ^= 2;
                assert!(!head.vouches_for(ID, 8, &changed), "{key:x}, word {word}");
            }
        }
    }

    #[test]
    fn the_checksum_is_the_one_of_the_third_layout() {
        // What is in a file outlives this build: another figure here is another version.
        for (words, checksum) in [
            (0, 0x09fd_8234),
            (3, 0xf013_a0cd),
            (4, 0xc654_a15f),
            (9, 0xc130_164d),
        ] {
            let payload: Vec<Chunk> = (1..=words).map(u64::to_le_bytes).collect();
            assert_eq!(published(64, &payload).checksum, checksum, "{words} words");
        }
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
        const { assert!(crate::queue::options::MAX_CAPACITY_BYTES < 1 << LENGTH_BITS) };
    }
}
