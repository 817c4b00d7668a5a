//! One slot of the ring: the short form of one record, in words.
//!
//! | word | what |
//! |---|---|
//! | 0 | the sequence, see [`ring`](super::ring) |
//! | 1 | time: nanoseconds since the Unix epoch, signed |
//! | 2 | session: the first half of its id |
//! | 3 | severity, and how long the three texts are, see [`Head`] |
//! | 4 | checksum of words 0–3 and the texts |
//! | 5–63 | logger, message and category, one after the other, in UTF-8; zeros up to a whole word |

use soliplex_wire::Severity;

use super::word::WORD_BYTES;

/// Words in a slot: half a kilobyte, which holds all but the longest messages, in the size of a
/// disk's sector, so that a power cut tears few.
pub(super) const SLOT_WORDS: usize = 64;

/// Words before the texts.
pub(super) const HEAD_WORDS: usize = 5;

/// Bytes for the three texts together.
pub(super) const TEXT_BYTES: usize = (SLOT_WORDS - HEAD_WORDS) * WORD_BYTES;

/// Bytes of the logger. Half as many are more than most paths of modules have.
pub(super) const MAX_LOGGER_BYTES: usize = 128;

/// Bytes of a category that an event names itself.
pub(super) const MAX_CATEGORY_BYTES: usize = 32;

/// Word 3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) severity: Severity,
    pub(super) logger_bytes: usize,
    pub(super) message_bytes: usize,
    /// Zero when the category follows from the logger.
    pub(super) category_bytes: usize,
}

/// What a slot holds, copied out.
pub(super) struct Slot {
    pub(super) unix_nanos: i64,
    pub(super) session: u64,
    pub(super) head: Head,
    pub(super) text: [u8; TEXT_BYTES],
}

/// A slot's texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Texts<'a> {
    pub(super) logger: &'a str,
    pub(super) message: &'a str,
    /// What the event itself named; none when it follows from the logger.
    pub(super) category: Option<&'a str>,
}

impl Head {
    #[inline]
    pub(super) fn encode(self) -> u64 {
        u64::from(self.severity.number())
            | (self.logger_bytes as u64) << 8
            | (self.category_bytes as u64) << 16
            | (self.message_bytes as u64) << 32
    }

    /// `None` when it is none that [`encode`](Head::encode) makes.
    pub(super) fn decode(word: u64) -> Option<Head> {
        let byte = |shift: u32| (word >> shift) as u8;
        let head = Head {
            severity: Severity::from_number(byte(0))?,
            logger_bytes: byte(8).into(),
            category_bytes: byte(16).into(),
            message_bytes: (word >> 32) as usize,
        };
        let plausible = head.encode() == word && head.text_bytes() <= TEXT_BYTES;
        plausible.then_some(head)
    }

    #[inline]
    pub(super) fn text_bytes(self) -> usize {
        self.logger_bytes
            .saturating_add(self.message_bytes)
            .saturating_add(self.category_bytes)
    }
}

impl Slot {
    pub(super) fn new() -> Slot {
        Slot {
            unix_nanos: 0,
            session: 0,
            head: Head::default(),
            text: [0; TEXT_BYTES],
        }
    }

    /// `None` when they are no text.
    pub(super) fn texts(&self) -> Option<Texts<'_>> {
        let Head {
            logger_bytes,
            message_bytes,
            category_bytes,
            ..
        } = self.head;
        let (logger, rest) = self.text.split_at_checked(logger_bytes)?;
        let (message, rest) = rest.split_at_checked(message_bytes)?;
        let category = rest.get(..category_bytes)?;
        let text = |bytes| std::str::from_utf8(bytes).ok();
        Some(Texts {
            logger: text(logger)?,
            message: text(message)?,
            category: text(category).map(|category| (category_bytes > 0).then_some(category))?,
        })
    }
}

/// Adds up words so that no single one changes, and no two change places, unnoticed.
///
/// Each word is multiplied by an odd number of its own. The products do not wait for one another,
/// so a word costs a cycle where a CRC costs several.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checksum {
    sum: u64,
    factor: u64,
}

impl Checksum {
    #[inline]
    pub(super) fn new() -> Checksum {
        Checksum {
            sum: 0,
            factor: 0x9e37_79b9_7f4a_7c15,
        }
    }

    #[inline]
    pub(super) fn add(&mut self, word: u64) {
        self.sum = self.sum.wrapping_add(word.wrapping_mul(self.factor));
        // Even, so that the next factor is odd again.
        self.factor = self.factor.wrapping_add(0xd1b5_4a32_d192_ed02);
    }

    #[inline]
    pub(super) fn finish(self) -> u64 {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_reads_what_it_writes_and_nothing_else() {
        let head = Head {
            severity: Severity::Warn,
            logger_bytes: MAX_LOGGER_BYTES,
            message_bytes: TEXT_BYTES - MAX_LOGGER_BYTES - MAX_CATEGORY_BYTES,
            category_bytes: MAX_CATEGORY_BYTES,
        };
        assert_eq!(Head::decode(head.encode()), Some(head));
        let longer = Head {
            message_bytes: head.message_bytes + 1,
            ..head
        };
        for wrong in [
            longer.encode(),
            head.encode() | 1 << 24,
            head.encode() | 1 << 63,
            2,
            u64::MAX,
        ] {
            assert_eq!(Head::decode(wrong), None, "{wrong:x}");
        }
    }

    #[test]
    fn a_checksum_tells_words_that_changed_or_changed_places() {
        let sum = |words: &[u64]| {
            let mut checksum = Checksum::new();
            words.iter().for_each(|word| checksum.add(*word));
            checksum.finish()
        };
        let words: Vec<u64> = (0..SLOT_WORDS as u64).map(|word| word << 30 | 7).collect();
        for at in 0..words.len() {
            for bit in 0..64 {
                let mut other = words.clone();
                other[at] ^= 1 << bit;
                assert_ne!(sum(&other), sum(&words), "bit {bit} of word {at}");
            }
            let mut other = words.clone();
            other.swap(at, (at + 1) % words.len());
            assert_ne!(sum(&other), sum(&words), "word {at} and the next");
        }
    }
}
