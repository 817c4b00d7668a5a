//! The ring itself: many threads push, one cursor reads and frees.
//!
//! Positions count bytes since the ring was formatted, with those that were passed over, and never
//! go back; a position's place is its remainder by the capacity. `head ≤ released ≤ tail < head +
//! capacity` holds, but for the moment in which the ring starts over: a word always stays free, so
//! that a tail's place alone tells a full ring from an empty one.
//!
//! A push takes four steps.
//! 1. *Reserve*: an exchange moves `tail` on by the frame's size, unless the lane's share is used up.
//! 2. *Mark*: word 0 says "reserved", with the length.
//! 3. *Copy*: word 1, then the payload, with ordinary stores nobody else touches.
//! 4. *Publish*: word 0 gets its final form. This store releases what the reader acquires.
//!
//! Only step 1 is shared, so a thread that is preempted, stopped by a debugger or dead in step 3
//! holds up no other push; the reader waits at its frame, and the room behind it is used until it
//! is full. A lock would be simpler by one step, and was not taken: a holder that loses the
//! processor makes every other caller wait out its time slice, waking the waiters is a system call,
//! and a push from a signal handler, a panic hook or a forked child could find the lock taken for
//! ever. (The many-to-one ring buffer of Agrona works the same way.)
//!
//! Freed memory is filled with zeros before `head` moves past it, so a reserved place reads as
//! [`State::Free`](super::frame::State::Free) until its owner marks it, and what has left the ring
//! does not linger in a file.
//!
//! A ring that has become empty starts over at its front ([`start_over`](Ring::start_over)), so an
//! application that logs less than a ring between two looks of the worker always writes to the same
//! few pages. They stay in the processor's caches, and there are few that the kernel has to write
//! to disk every half minute, after which the first store to each is a page fault.

use std::ops::Deref;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::frame::{self, HEADER_BYTES, Head, MAX_PAYLOAD_BYTES, Seal, State};
use super::lane::Lane;
use super::word::{WORD_BYTES, Word};

/// Words before the frames: one page, so that the frames start on the next.
pub(super) const PREFIX_WORDS: usize = 512;

// The prefix's words. What never changes comes first; then, each far enough from the others to
// have a pair of cache lines to itself, what producers write and what the reader writes.
pub(super) const MAGIC_AT: usize = 0;
pub(super) const VERSION_AT: usize = 1;
pub(super) const CAPACITY_AT: usize = 2;
pub(super) const ID_AT: usize = 3;
pub(super) const CHECKSUM_AT: usize = 4;
const TAIL_AT: usize = 16;
const HEAD_AT: usize = 32;
const RELEASED_AT: usize = 33;

/// Set in the tail's word while the ring starts over: the head is about to follow to the front of
/// the tail's lap, and what is in use stands between there and the tail.
const STARTING_OVER: u64 = 1;

/// How far apart the stores are that touch every page: the smallest page there is.
const PAGE_WORDS: usize = 512;

/// A ring over any memory that is a slice of words: a prefix of [`PREFIX_WORDS`], then a power of
/// two of words for the frames.
pub(super) struct Ring<M> {
    memory: M,
    id: u64,
    /// Words for frames, less one: ands a word's number to its place.
    mask: usize,
    /// Bytes in use that a push to each lane may not exceed.
    bounds: [u64; Lane::COUNT],
}

/// What a push found out besides having succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pushed {
    /// This push made the ring half full: the moment to wake the worker. Of all pushes between
    /// two releases at most one sees it.
    pub(crate) reached_half: bool,
}

/// Why a record was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// The lane's share of the ring is in use.
    #[error("the queue has no room for this severity")]
    Full,
    /// The record exceeds 64 KiB.
    #[error("the record is larger than a frame of the queue")]
    TooLarge,
}

/// What stands at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// A whole frame; its payload has been copied out.
    Frame { size: u64 },
    /// Nothing to read; the next frame is `size` bytes further.
    Void { size: u64 },
    /// Nothing yet.
    Pending,
    /// Not what was pushed. `size` is how far to step if the head at least can be believed.
    Damaged { size: Option<u64> },
}

impl<W: Word, M: Deref<Target = [W]>> Ring<M> {
    /// A ring over `memory` whose prefix is already known to hold `id`.
    pub(super) fn over(memory: M, id: u64) -> Ring<M> {
        let words = memory.len().saturating_sub(PREFIX_WORDS);
        let capacity = words as u64 * WORD_BYTES;
        Ring {
            memory,
            id,
            mask: words.wrapping_sub(1),
            bounds: Lane::ALL.map(|lane| {
                lane.bound(capacity)
                    .min(capacity.saturating_sub(WORD_BYTES))
            }),
        }
    }

    pub(super) fn push(&self, lane: Lane, payload: &[u8]) -> Result<Pushed, Refused> {
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(Refused::TooLarge);
        }
        let reserved = Head::reserved(payload.len() as u64);
        let size = reserved.size();
        let (start, used) = self.reserve(lane, size)?;

        let head = self.word(start);
        head.store(reserved.encode(), Relaxed);
        self.word(start + WORD_BYTES)
            .store(frame::stamp(self.id, start), Relaxed);
        let mut seal = Seal::publish(reserved, self.id, start);
        seal.sums = self.copy_in(start + HEADER_BYTES, payload, seal.sums);
        head.store(seal.finish().encode(), Release);

        let half = self.capacity() / 2;
        Ok(Pushed {
            reached_half: used < half && used + size >= half,
        })
    }

    /// Takes `size` bytes at the tail; returns where they start and how much was in use before.
    fn reserve(&self, lane: Lane, size: u64) -> Result<(u64, u64), Refused> {
        let bound = self.bounds[lane.index()];
        let word = &self.memory[TAIL_AT];
        // Acquired, here and where the exchange fails: what is known of a ring that starts over is
        // known from this word alone.
        let mut tail = word.load(Acquire);
        loop {
            let used = self.used(tail);
            if used.saturating_add(size) > bound {
                return Err(Refused::Full);
            }
            // The reader learns of a frame from its word 0, never from the tail.
            match word.exchange(tail, tail.wrapping_add(size)) {
                Ok(_) => return Ok((tail & !STARTING_OVER, used)),
                Err(moved) => tail = moved,
            }
        }
    }

    /// Bytes in use when the tail's word reads so.
    #[inline]
    fn used(&self, tail: u64) -> u64 {
        if tail & STARTING_OVER != 0 {
            return self.in_lap(tail);
        }
        // Acquiring `head` makes the zeros written before it moved precede what is copied in. It is
        // loaded after `tail`: if other threads have moved both on since, too little seems to be in
        // use, the exchange fails, and no push is refused that had room.
        tail.saturating_sub(self.head())
    }

    /// Looks at `position` and, where a whole frame stands there, copies its payload to `payload`.
    ///
    /// A frame counts only if it ends at `end` or before.
    pub(super) fn read(&self, position: u64, end: u64, payload: &mut Vec<u8>) -> Slot {
        let head = Head::decode(self.word(position).load(Acquire));
        let size = Some(head.size()).filter(|size| position.saturating_add(*size) <= end);
        match (head.state, size) {
            (State::Free | State::Reserved, _) => Slot::Pending,
            (State::Void, Some(size)) if head.vouches_for(self.id, position, &[]) => {
                Slot::Void { size }
            }
            (State::Published, Some(size)) if self.is_stamped(position) => {
                if self.copy_out(position, head, payload) {
                    Slot::Frame { size }
                } else {
                    Slot::Damaged { size: Some(size) }
                }
            }
            _ => Slot::Damaged { size: None },
        }
    }

    /// Whether word 1 of the frame at `position` says that it belongs there.
    fn is_stamped(&self, position: u64) -> bool {
        self.stamped_position(position) == position
    }

    /// Where the frame at `position` says that it stands: there, or some laps away.
    pub(super) fn stamped_position(&self, position: u64) -> u64 {
        frame::stamp(
            self.id,
            self.word(position.wrapping_add(WORD_BYTES)).load(Relaxed),
        )
    }

    /// Copies the payload of the frame at `position`; false if it is not the one that was pushed.
    fn copy_out(&self, position: u64, head: Head, payload: &mut Vec<u8>) -> bool {
        payload.clear();
        let length = head.length as usize;
        if length > MAX_PAYLOAD_BYTES {
            return false;
        }
        payload.resize(length.next_multiple_of(WORD_BYTES as usize), 0);
        let (chunks, _) = payload.as_chunks_mut();
        let positions = (position + HEADER_BYTES..).step_by(WORD_BYTES as usize);
        for (position, chunk) in positions.zip(chunks) {
            *chunk = self.word(position).load(Relaxed).to_le_bytes();
        }
        let (chunks, _) = payload.as_chunks();
        let whole = head.vouches_for(self.id, position, chunks);
        payload.truncate(length);
        whole
    }

    /// Gives the bytes from `head` to `upto` back to the producers. Returns where the oldest frame
    /// starts now: there, or at the front of the next lap.
    pub(super) fn free(&self, upto: u64) -> u64 {
        let head = self.head();
        // A process killed while filling in the zeros leaves frames that are already elsewhere;
        // `released` tells the next start that the place where they began is not torn.
        self.memory[RELEASED_AT].store(upto, Relaxed);
        self.fill_with_zeros(head, upto);
        self.memory[HEAD_AT].store(upto, Release);
        self.start_over(upto);
        self.head()
    }

    /// Writes to every page that the next so many bytes will be pushed into, and to that of the
    /// bounds, and changes nothing there. What costs a page fault costs it here.
    pub(super) fn touch(&self, bytes: u64) {
        let tail = self.tail();
        let page = PAGE_WORDS as u64 * WORD_BYTES;
        let pages = (tail - tail % page..tail + bytes).step_by(page as usize);
        let bounds = &self.memory[PREFIX_WORDS - 1];
        for word in pages.map(|position| self.word(position)).chain([bounds]) {
            // A zero for a zero. Whatever a push puts there meanwhile stays.
            let _ = word.exchange(0, 0);
        }
    }

    /// Moves an empty ring's bounds to the front of the next lap, if it is empty: if its tail is
    /// `end`, where its head is.
    ///
    /// Two words cannot move at once. The tail goes first, and says of itself that the head is to
    /// follow, so a push in between knows what is in use, and so does whoever finds the ring of a
    /// process that was killed there.
    fn start_over(&self, end: u64) {
        let front = end.next_multiple_of(self.capacity());
        let tail = &self.memory[TAIL_AT];
        if front > end && tail.exchange(end, front | STARTING_OVER).is_ok() {
            self.finish_starting_over();
        }
    }

    /// Has the head follow a tail that went to the front, if it has not.
    pub(super) fn finish_starting_over(&self) {
        let word = &self.memory[TAIL_AT];
        let mut tail = word.load(Acquire);
        if tail & STARTING_OVER == 0 {
            return;
        }
        let front = (tail & !STARTING_OVER) - self.in_lap(tail);
        self.memory[RELEASED_AT].store(front, Relaxed);
        self.memory[HEAD_AT].store(front, Release);
        while let Err(moved) = word.exchange(tail, tail & !STARTING_OVER) {
            tail = moved;
        }
    }

    pub(super) fn fill_with_zeros(&self, from: u64, to: u64) {
        let mut position = from;
        while position < to {
            self.word(position).store(0, Relaxed);
            position += WORD_BYTES;
        }
    }

    /// Sets where the frames start and end, when nobody uses the ring yet.
    pub(super) fn set_bounds(&self, head: u64, tail: u64) {
        self.memory[TAIL_AT].store(tail, Relaxed);
        self.memory[RELEASED_AT].store(head, Relaxed);
        self.memory[HEAD_AT].store(head, Release);
    }

    /// The word at a position.
    #[inline]
    pub(super) fn word(&self, position: u64) -> &W {
        &self.memory[PREFIX_WORDS + self.place(position)]
    }

    /// The words from a position to the ring's end.
    #[inline]
    pub(super) fn run_at(&self, position: u64) -> &[W] {
        &self.memory[PREFIX_WORDS + self.place(position)..]
    }

    /// The number of the word at a position, counted from the first one for frames.
    #[inline]
    fn place(&self, position: u64) -> usize {
        (position / WORD_BYTES) as usize & self.mask
    }

    /// Bytes from the front of a position's lap to the position.
    fn in_lap(&self, position: u64) -> u64 {
        self.place(position) as u64 * WORD_BYTES
    }

    /// A word of the prefix.
    pub(super) fn prefix(&self, at: usize) -> &W {
        &self.memory[at]
    }

    #[cfg(test)]
    pub(super) fn memory(&self) -> &M {
        &self.memory
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Bytes for frames, their headers included.
    pub(super) fn capacity(&self) -> u64 {
        (self.mask as u64 + 1) * WORD_BYTES
    }

    /// Where the oldest frame starts.
    #[inline]
    pub(super) fn head(&self) -> u64 {
        self.memory[HEAD_AT].load(Acquire)
    }

    /// How far the frames are to be given back, once the zeros are written.
    pub(super) fn released(&self) -> u64 {
        self.memory[RELEASED_AT].load(Relaxed)
    }

    /// Where the next frame will start.
    pub(super) fn tail(&self) -> u64 {
        self.memory[TAIL_AT].load(Acquire) & !STARTING_OVER
    }

    /// How many bytes are in use: frames not freed yet, whether read or not.
    pub(super) fn fill(&self) -> u64 {
        self.used(self.memory[TAIL_AT].load(Acquire))
    }
}
