//! Copying a payload into the ring, word by word, and adding it up on the way.

use std::ops::Deref;
use std::sync::atomic::Ordering::Relaxed;

use super::frame::{FOUR, Sums};
use super::ring::Ring;
use super::word::{Chunk, WORD_BYTES, Word};

/// A payload in words.
struct InWords<'p> {
    fours: &'p [[Chunk; FOUR]],
    /// What is left, padded with zeros.
    end: [u64; FOUR],
    /// How many words are left.
    left: usize,
}

impl<W: Word, M: Deref<Target = [W]>> Ring<M> {
    /// Stores a payload from `position` on, in whole words, and adds it to the checksum.
    #[inline]
    pub(super) fn copy_in(&self, position: u64, payload: &[u8], mut sums: Sums) -> Sums {
        let words = in_words(payload);
        let copied = words.fours.as_flattened().len();
        // Within a run no place has to be worked out.
        let Some(run) = self.run_at(position).get(..copied + words.left) else {
            return self.copy_around(position, payload, sums);
        };
        let (places, behind) = run.split_at(copied);
        let (places, _) = places.as_chunks::<FOUR>();
        for (places, four) in places.iter().zip(words.fours) {
            let words = four.map(u64::from_le_bytes);
            for (place, word) in places.iter().zip(words) {
                place.store(word, Relaxed);
            }
            sums = sums.with(words);
        }
        for (place, word) in behind.iter().zip(words.end) {
            place.store(word, Relaxed);
        }
        if behind.is_empty() {
            return sums;
        }
        sums.with(words.end)
    }

    /// The same where it goes around the end of the ring.
    #[cold]
    fn copy_around(&self, position: u64, payload: &[u8], mut sums: Sums) -> Sums {
        let words = in_words(payload);
        let end = (words.left > 0).then_some(words.end);
        let fours = words.fours.iter().map(|four| four.map(u64::from_le_bytes));
        let mut count = words.fours.as_flattened().len() + words.left;
        let mut position = position;
        for four in fours.chain(end) {
            for word in four.into_iter().take(count) {
                self.word(position).store(word, Relaxed);
                position += WORD_BYTES;
            }
            count = count.saturating_sub(FOUR);
            sums = sums.with(four);
        }
        sums
    }
}

/// Put together without a call and without memory in between, which would be read back before it has
/// left the processor's store buffer.
#[inline]
fn in_words(payload: &[u8]) -> InWords<'_> {
    let (whole, bytes) = payload.as_chunks::<{ WORD_BYTES as usize }>();
    let (fours, rest) = whole.as_chunks::<FOUR>();
    let last = if bytes.is_empty() {
        0
    } else if let Some(last) = payload.last_chunk() {
        // The payload's last bytes, without those that belong to the word before: two copies of a
        // number of bytes known beforehand take less than one of a number that is not.
        let before = WORD_BYTES as usize - bytes.len();
        u64::from_le_bytes(*last) >> (8 * before)
    } else {
        let mut last = Chunk::default();
        last[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(last)
    };
    let word = |at: usize| match rest.get(at) {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None if at == rest.len() => last,
        None => 0,
    };
    InWords {
        fours,
        end: [word(0), word(1), word(2), word(3)],
        left: rest.len() + usize::from(!bytes.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_in_words_is_the_payload_padded() {
        for length in 0..100 {
            let payload: Vec<u8> = (1..=length).collect();
            let words = in_words(&payload);
            let fours = words.fours.as_flattened().as_flattened().to_vec();
            let (end, zeros) = words.end.split_at(words.left);
            let end = end.iter().flat_map(|word| word.to_le_bytes());
            let mut padded = payload.clone();
            padded.resize(payload.len().next_multiple_of(8), 0);
            assert_eq!(fours.into_iter().chain(end).collect::<Vec<_>>(), padded);
            assert!(zeros.iter().all(|word| *word == 0));
        }
    }
}
