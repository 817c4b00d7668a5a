//! The ring itself: any thread writes, any thread reads, and nobody waits.
//!
//! Each record takes a *ticket*, counted up from 0 for as long as the file lives; its slot is the
//! ticket's remainder by the number of slots. Word 0 of a slot is its sequence:
//!
//! | sequence | means |
//! |---|---|
//! | 0 | empty |
//! | 2·ticket + 1 | the record with this ticket is being written |
//! | 2·ticket + 2 | it is whole |
//! | [`CLOSED`] | nothing may be written here |
//!
//! A write takes four steps: take a ticket; claim its slot, by exchanging an even, older sequence
//! for its own odd one; store the words; store the even sequence. Where the slot is odd or younger
//! already, a thread that is a whole lap behind or ahead is at work in it: then this record is
//! *skipped*, and the caller counts it. So a thread that is preempted, stopped or dead in the
//! middle of a write holds up nobody, and costs at most its slot.
//!
//! A reader copies the words between two looks at the sequence and believes them only if it was
//! even and the same at both, and if the checksum agrees.
//!
//! # Order of memory
//! The words are stored with release and loaded with acquire: who has seen one word of a writer
//! sees its claim as well, so the second look finds the sequence changed. A writer loads the
//! sequence with acquire before it claims: its words come after those of the slot's last writer.
//! This order by itself keeps torn records from readers, and so does the checksum by itself: the
//! one is for threads, the other for what a power cut leaves.

use std::ops::Deref;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::slot::{Checksum, HEAD_WORDS, Head, SLOT_WORDS, Slot};
use super::word::{WORD_BYTES, Word};

/// Words before the slots.
pub(super) const PREFIX_WORDS: usize = 256;

// The prefix's words: first what never changes, last the sessions; what every writer changes has a
// pair of cache lines to itself.
pub(super) const MAGIC_AT: usize = 0;
const VERSION_AT: usize = 1;
const SLOTS_AT: usize = 2;
const CHECKSUM_AT: usize = 3;
/// The current session: the first half of its id.
const SESSION_AT: usize = 4;
/// How many sessions' ids were ever remembered.
const SESSIONS_AT: usize = 5;
const TAIL_AT: usize = 32;
/// Records with smaller tickets have been cleared away.
const CLEARED_AT: usize = 48;
/// The ids of the last sessions, two words each.
const SESSION_IDS_AT: usize = 64;

/// Sessions whose ids are remembered: what fills two kilobytes with the words before. A ring of a
/// few thousand slots may hold records of dozens; those of a session that is forgotten are shown
/// without its id.
const SESSION_IDS: usize = 96;

const MAGIC: u64 = u64::from_le_bytes(*b"SPLXCRMB");
const VERSION: u64 = 2;

/// The sequence of a slot that nothing may be written to. Odd, so a writer takes it for busy.
const CLOSED: u64 = u64::MAX;

/// No ticket reaches this: at a gigabyte a second it would take forty thousand years.
const MAX_TICKET: u64 = 1 << 61;

/// A ring over any memory that is a slice of words: the prefix, then a power of two of slots.
pub(super) struct Ring<M> {
    memory: M,
    /// Slots, less one: ands a ticket to its slot.
    mask: u64,
}

/// What is written: the texts joined, the last word filled up with zeros.
pub(super) struct Entry<'a> {
    pub(super) unix_nanos: i64,
    pub(super) session: u64,
    pub(super) head: Head,
    pub(super) text: &'a [[u8; WORD_BYTES]],
}

/// What stands in a ticket's slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The record; it has been copied out.
    Whole,
    /// Not yet, or skipped: nothing as young as this was written whole.
    Pending,
    /// A younger record, or nothing any more.
    Gone,
}

impl<W: Word, M: Deref<Target = [W]>> Ring<M> {
    /// A new ring over zeros.
    pub(super) fn format(memory: M) -> Ring<M> {
        let slots = (memory.len().saturating_sub(PREFIX_WORDS) / SLOT_WORDS) as u64;
        memory[VERSION_AT].store(VERSION, Relaxed);
        memory[SLOTS_AT].store(slots, Relaxed);
        memory[CHECKSUM_AT].store(prefix_checksum(slots), Relaxed);
        // Last: a file whose creation was interrupted begins with a zero.
        memory[MAGIC_AT].store(MAGIC, Release);
        Ring {
            memory,
            mask: slots.wrapping_sub(1),
        }
    }

    /// The ring that an earlier process left; `None` when it is none of this version or damaged.
    ///
    /// Slots that were being written are emptied, as are those that cannot be believed.
    pub(super) fn adopt(memory: M) -> Option<Ring<M>> {
        let slots = slots_by_prefix(&memory)?;
        if memory.len() as u64 != PREFIX_WORDS as u64 + slots.checked_mul(SLOT_WORDS as u64)? {
            return None;
        }
        let ring = Ring {
            memory,
            mask: slots - 1,
        };
        ring.mend();
        Some(ring)
    }

    /// Empties slots that hold no whole record, and counts on from the youngest that does.
    fn mend(&self) {
        let mut slot = Slot::new();
        let mut tail = 0;
        for place in 0..=self.mask {
            let sequence = self.words(place)[0].load(Relaxed);
            let ticket = (sequence / 2).wrapping_sub(1);
            let is_whole = sequence.is_multiple_of(2)
                && ticket < MAX_TICKET
                && ticket & self.mask == place
                && self.read(ticket, &mut slot) == Found::Whole
                && slot.texts().is_some();
            if is_whole {
                tail = tail.max(ticket + 1);
            } else {
                self.words(place)
                    .iter()
                    .for_each(|word| word.store(0, Relaxed));
            }
        }
        self.memory[TAIL_AT].store(tail, Relaxed);
        self.memory[CLEARED_AT].store(0, Relaxed);
    }

    /// Writes a record and returns its ticket; `None` when it had to be skipped.
    #[inline]
    pub(super) fn write(&self, entry: &Entry<'_>) -> Option<u64> {
        let ticket = self.memory[TAIL_AT].increment();
        let [sequence, unix_nanos, session, head, checksum, text @ ..] = self.words(ticket) else {
            return None;
        };
        let claimed = ticket * 2 + 1;
        let before = sequence.load(Acquire);
        let is_free = before.is_multiple_of(2) && before < claimed;
        if !is_free || !sequence.exchange(before, claimed) {
            return None;
        }
        let mut sum = Checksum::new();
        let mut put = |word: &W, value: u64| {
            sum.add(value);
            word.store(value, Release);
        };
        put(unix_nanos, entry.unix_nanos as u64);
        put(session, entry.session);
        put(head, entry.head.encode());
        for (word, bytes) in text.iter().zip(entry.text) {
            put(word, u64::from_le_bytes(*bytes));
        }
        sum.add(claimed + 1);
        checksum.store(sum.finish(), Release);
        sequence.store(claimed + 1, Release);
        Some(ticket)
    }

    /// Copies the record with this ticket to `slot`, if it stands there whole.
    pub(super) fn read(&self, ticket: u64, slot: &mut Slot) -> Found {
        let [sequence, unix_nanos, session, head, checksum, text @ ..] = self.words(ticket) else {
            return Found::Gone;
        };
        let whole = ticket * 2 + 2;
        match sequence.load(Acquire) {
            before if before > whole => return Found::Gone,
            before if before < whole => return Found::Pending,
            _ => {}
        }
        let mut sum = Checksum::new();
        let mut take = |word: &W| {
            let value = word.load(Acquire);
            sum.add(value);
            value
        };
        slot.unix_nanos = take(unix_nanos) as i64;
        slot.session = take(session);
        let Some(head) = Head::decode(take(head)) else {
            return Found::Gone;
        };
        slot.head = head;
        let used = head.text_bytes().div_ceil(WORD_BYTES);
        let (chunks, _) = slot.text.as_chunks_mut();
        for (word, chunk) in text.iter().zip(chunks).take(used) {
            *chunk = take(word).to_le_bytes();
        }
        let stored = checksum.load(Acquire);
        sum.add(whole);
        if sequence.load(Relaxed) == whole && stored == sum.finish() {
            Found::Whole
        } else {
            Found::Gone
        }
    }

    /// The session of the record with this ticket, if that stands there whole.
    pub(super) fn session_of(&self, ticket: u64) -> Option<u64> {
        let [sequence, _, session, ..] = self.words(ticket) else {
            return None;
        };
        (sequence.load(Acquire) == ticket * 2 + 2).then(|| session.load(Acquire))
    }

    /// The ticket of the next record.
    #[inline]
    pub(super) fn tail(&self) -> u64 {
        self.memory[TAIL_AT].load(Acquire)
    }

    /// The ticket of the oldest record that can be there.
    pub(super) fn oldest(&self, tail: u64) -> u64 {
        tail.saturating_sub(self.slots()).max(self.cleared())
    }

    /// Records with smaller tickets have been cleared away.
    pub(super) fn cleared(&self) -> u64 {
        self.memory[CLEARED_AT].load(Acquire)
    }

    pub(super) fn slots(&self) -> u64 {
        self.mask + 1
    }

    /// The next record gets this ticket. Only for who has no writers.
    pub(super) fn go_on_with(&self, ticket: u64) {
        self.memory[TAIL_AT].store(ticket, Relaxed);
    }

    /// The same ring over other memory, to which it has been copied.
    pub(super) fn moved_to(self, memory: M) -> Ring<M> {
        Ring { memory, ..self }
    }

    /// Whether the slots hold nothing. Only meant for tests and for who has no writers.
    #[cfg(test)]
    pub(super) fn is_blank(&self) -> bool {
        let is_zero = |word: &W| word.load(Relaxed) == 0;
        (0..=self.mask).all(|place| self.words(place)[1..].iter().all(is_zero))
    }

    // === What is done seldom, by one thread at a time ===

    /// Says whose the records are that are written from now on.
    pub(super) fn begin_session(&self, id: (u64, u64)) {
        if !self.sessions().any(|known| known == id) {
            self.remember_session(id);
        }
        self.memory[SESSION_AT].store(id.0, Release);
    }

    fn remember_session(&self, id: (u64, u64)) {
        let begun = self.memory[SESSIONS_AT].load(Relaxed);
        let at = SESSION_IDS_AT + begun as usize % SESSION_IDS * 2;
        self.memory[at].store(id.0, Relaxed);
        self.memory[at + 1].store(id.1, Relaxed);
        self.memory[SESSIONS_AT].store(begun.wrapping_add(1), Relaxed);
    }

    /// The first half of the current session's id; zero before the first.
    #[inline]
    pub(super) fn session(&self) -> u64 {
        self.memory[SESSION_AT].load(Acquire)
    }

    /// The whole id of a session that is remembered.
    pub(super) fn session_id(&self, half: u64) -> Option<(u64, u64)> {
        self.sessions().find(|(first, _)| *first == half)
    }

    /// The ids that are remembered, in no order.
    pub(super) fn sessions(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let word = |at: usize| self.memory[SESSION_IDS_AT + at].load(Relaxed);
        let ids = (0..SESSION_IDS).map(move |entry| (word(entry * 2), word(entry * 2 + 1)));
        ids.filter(|(first, _)| *first != 0)
    }

    /// Forgets whose any record was.
    pub(super) fn forget_sessions(&self) {
        self.memory[SESSION_AT].store(0, Release);
        let ids = &self.memory[SESSION_IDS_AT..SESSION_IDS_AT + SESSION_IDS * 2];
        ids.iter().for_each(|word| word.store(0, Release));
    }

    /// Overwrites what is there with zeros; what is written meanwhile stays.
    pub(super) fn clear(&self) {
        let cleared = self.tail();
        self.memory[CLEARED_AT].store(cleared, Release);
        self.close(|ticket| ticket < cleared);
        self.open();
    }

    /// Overwrites everything with zeros and lets nothing more be written. `false` when some thread
    /// was writing: then it is to be called again.
    pub(super) fn close_all(&self) -> bool {
        self.close(|_| true)
    }

    /// Lets [closed](Ring::close_all) slots be written to again.
    pub(super) fn open(&self) {
        for place in 0..=self.mask {
            let sequence = &self.words(place)[0];
            if sequence.load(Relaxed) == CLOSED {
                sequence.store(0, Release);
            }
        }
    }

    /// Empties and closes the slots of those tickets that are not being written.
    fn close(&self, goes: impl Fn(u64) -> bool) -> bool {
        let mut all = true;
        for place in 0..=self.mask {
            let words = self.words(place);
            let before = words[0].load(Acquire);
            if before == CLOSED || !goes((before / 2).saturating_sub(1)) {
                continue;
            }
            if before % 2 == 1 || !words[0].exchange(before, CLOSED) {
                all = false;
                continue;
            }
            words[1..].iter().for_each(|word| word.store(0, Release));
        }
        all
    }

    /// The words of a ticket's slot.
    #[inline]
    fn words(&self, ticket: u64) -> &[W] {
        let start = PREFIX_WORDS + (ticket & self.mask) as usize * SLOT_WORDS;
        &self.memory[start..start + SLOT_WORDS]
    }

    pub(super) fn memory(&self) -> &M {
        &self.memory
    }
}

/// How many slots a ring has that begins with these words; `None` when it is none of this version or
/// damaged.
pub(super) fn slots_by_prefix<W: Word>(words: &[W]) -> Option<u64> {
    let slots = words.get(SLOTS_AT)?.load(Relaxed);
    let is_ours = words.get(MAGIC_AT)?.load(Relaxed) == MAGIC
        && words.get(VERSION_AT)?.load(Relaxed) == VERSION
        && words.get(CHECKSUM_AT)?.load(Relaxed) == prefix_checksum(slots)
        && slots.is_power_of_two();
    is_ours.then_some(slots)
}

fn prefix_checksum(slots: u64) -> u64 {
    let mut sum = Checksum::new();
    [MAGIC, VERSION, slots]
        .into_iter()
        .for_each(|word| sum.add(word));
    sum.finish()
}

const _: () = assert!(HEAD_WORDS == 5, "as many as `read` and `write` name");
const _: () = assert!(SESSION_IDS_AT + SESSION_IDS * 2 == PREFIX_WORDS);
