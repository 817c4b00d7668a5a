//! Copying a payload into the ring, word by word, and adding it up on the way.

use std::ops::Deref;
use std::sync::atomic::Ordering::Relaxed;

use super::frame::{FOUR, Seal};
use super::ring::Ring;
use super::word::{Chunk, WORD_BYTES, Word};

impl<W: Word, M: Deref<Target = [W]>> Ring<M> {
    /// Stores a payload from `position` on, in whole words, and adds it to the checksum.
    #[inline]
    pub(super) fn copy_in(&self, position: u64, payload: &[u8], seal: &mut Seal) {
        let (whole, last) = in_words(payload);
        let (fours, rest) = whole.as_chunks::<FOUR>();
        let mut end = [0; FOUR];
        for (word, chunk) in end.iter_mut().zip(rest) {
            *word = u64::from_le_bytes(*chunk);
        }
        if let (Some(word), Some(chunk)) = (end.get_mut(rest.len()), last) {
            *word = u64::from_le_bytes(chunk);
        }
        let count = whole.len() + usize::from(last.is_some());
        // Within a run no place has to be worked out.
        let Some(run) = self.run_at(position).get(..count) else {
            return self.copy_around(position, (fours, end), count, seal);
        };
        let (places, behind) = run.split_at(fours.as_flattened().len());
        let (places, _) = places.as_chunks::<FOUR>();
        for (places, four) in places.iter().zip(fours) {
            let words = four.map(u64::from_le_bytes);
            for (place, word) in places.iter().zip(words) {
                place.store(word, Relaxed);
            }
            seal.add(words);
        }
        for (place, word) in behind.iter().zip(end) {
            place.store(word, Relaxed);
        }
        if !behind.is_empty() {
            seal.add(end);
        }
    }

    /// The same where it goes around the end of the ring.
    #[cold]
    fn copy_around(
        &self,
        position: u64,
        (fours, end): (&[[Chunk; FOUR]], [u64; FOUR]),
        count: usize,
        seal: &mut Seal,
    ) {
        let words = || fours.iter().map(|four| four.map(u64::from_le_bytes));
        let positions = (position..).step_by(WORD_BYTES as usize);
        for (position, word) in positions.zip(words().chain([end]).flatten().take(count)) {
            self.word(position).store(word, Relaxed);
        }
        let end = (count > fours.as_flattened().len()).then_some(end);
        words().chain(end).for_each(|words| seal.add(words));
    }
}

/// The whole words of a payload and, where it ends within one, that one, padded with zeros.
#[inline]
fn in_words(payload: &[u8]) -> (&[Chunk], Option<Chunk>) {
    let (whole, rest) = payload.as_chunks();
    let last = (!rest.is_empty()).then(|| {
        // The payload's last bytes, without those that belong to the word before: two copies of a
        // number of bytes known beforehand take less than one of a number that is not.
        if let Some(last) = payload.last_chunk() {
            let before = WORD_BYTES as usize - rest.len();
            return (u64::from_le_bytes(*last) >> (8 * before)).to_le_bytes();
        }
        let mut last = Chunk::default();
        last[..rest.len()].copy_from_slice(rest);
        last
    });
    (whole, last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_in_words_is_the_payload_padded() {
        for length in 0..40 {
            let payload: Vec<u8> = (1..=length).collect();
            let (whole, last) = in_words(&payload);
            let mut padded = payload.clone();
            padded.resize(payload.len().next_multiple_of(8), 0);
            assert_eq!(
                [whole.as_flattened(), last.as_slice().as_flattened()].concat(),
                padded
            );
        }
    }
}
