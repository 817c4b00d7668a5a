//! Making a ring out of whatever a killed process left.
//!
//! Only the frames themselves are believed, and only those that their checksum and their stamp
//! vouch for. The bounds in the prefix change with every push and carry no checksum, so they are
//! hints: they tell where a torn frame before the first or after the last whole one began, as far
//! as they are plausible beside the frames found.
//!
//! What lies between the frames is then written over with voids and what lies around them with
//! zeros, which leaves a ring as a running process would have left it. A process killed while
//! doing that is no trouble: the next one finds the same frames.

use std::ops::Deref;
use std::sync::atomic::Ordering::{Relaxed, Release};

use super::MAX_POSITION;
use super::frame::{Head, State};
use super::options::MAX_CAPACITY_BYTES;
use super::ring::{
    CAPACITY_AT, CHECKSUM_AT, ID_AT, MAGIC_AT, PREFIX_WORDS, Ring, Slot, VERSION_AT,
};
use super::word::{WORD_BYTES, Word};

/// The first eight bytes of a ring file, in this machine's byte order: a file from a machine of
/// the other order is none of ours.
const MAGIC: u64 = u64::from_le_bytes(*b"SPLXRING");

/// The layout written here and in [`frame`](super::frame). Another one means another number.
const VERSION: u64 = 3;

/// Why a ring could not be taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Unusable {
    /// Its creation was interrupted: nothing was ever in it.
    #[error("the file was never finished")]
    Blank,
    /// It does not begin as a ring does.
    #[error("the file is not a queue of this application")]
    Foreign,
    /// It has the layout of another version of this library.
    #[error("the file has the layout of another version")]
    Version,
    /// Its size is not the one it was created with.
    #[error("the file does not have the size it was created with")]
    Size,
    /// The prefix, or what can be made of the frames, contradicts itself.
    #[error("the file is damaged")]
    Damaged,
}

/// What was in a ring that was taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Whole frames, now waiting to be read again.
    pub(super) frames: u64,
    /// Frames whose push was interrupted or whose bytes have changed since.
    pub(super) torn: u64,
}

impl<W: Word, M: Deref<Target = [W]>> Ring<M> {
    /// An empty ring over memory that is all zeros, named `id`.
    pub(super) fn format(memory: M, id: u64) -> Ring<M> {
        let ring = Ring::over(memory, id);
        ring.prefix(VERSION_AT).store(VERSION, Relaxed);
        ring.prefix(CAPACITY_AT).store(ring.capacity(), Relaxed);
        ring.prefix(ID_AT).store(id, Relaxed);
        ring.prefix(CHECKSUM_AT)
            .store(ring.prefix_checksum(), Relaxed);
        ring.set_bounds(0, 0);
        // Last, so that memory is a ring or blank, whenever the process is killed.
        ring.prefix(MAGIC_AT).store(MAGIC, Release);
        ring
    }

    /// The ring that an earlier process left in `memory`.
    pub(super) fn adopt(memory: M) -> Result<(Ring<M>, Found), Unusable> {
        if memory.len() <= PREFIX_WORDS {
            return Err(Unusable::Size);
        }
        let id = memory[ID_AT].load(Relaxed);
        let ring = Ring::over(memory, id);
        ring.check_prefix()?;
        ring.finish_starting_over();
        let mut scan = Scan {
            budget: ring.capacity().saturating_mul(CHECKSUM_LAPS),
            payload: Vec::new(),
        };
        let (head, tail) = scan.bounds(&ring)?;
        let found = scan.mend(&ring, head, tail)?;
        ring.fill_with_zeros(tail, head + ring.capacity());
        ring.set_bounds(head, tail);
        Ok((ring, found))
    }

    fn check_prefix(&self) -> Result<(), Unusable> {
        let load = |at| self.prefix(at).load(Relaxed);
        let capacity = self.capacity();
        match load(MAGIC_AT) {
            0 => return Err(Unusable::Blank),
            MAGIC => {}
            _ => return Err(Unusable::Foreign),
        }
        if load(VERSION_AT) != VERSION {
            return Err(Unusable::Version);
        }
        if load(CHECKSUM_AT) != self.prefix_checksum() {
            return Err(Unusable::Damaged);
        }
        if load(CAPACITY_AT) != capacity
            || !capacity.is_power_of_two()
            || capacity > MAX_CAPACITY_BYTES
        {
            return Err(Unusable::Size);
        }
        Ok(())
    }

    fn prefix_checksum(&self) -> u64 {
        let mut hasher = crc32fast::Hasher::new();
        for at in MAGIC_AT + 1..CHECKSUM_AT {
            hasher.update(&self.prefix(at).load(Relaxed).to_ne_bytes());
        }
        u64::from(hasher.finalize())
    }
}

/// One look through a ring nobody else uses.
struct Scan {
    /// Payload bytes that may still be checksummed.
    budget: u64,
    payload: Vec<u8>,
}

/// How many times the ring's capacity may be checksummed while it is taken over. Two laps read
/// every frame twice, as an intact ring needs. Without a bound a file made on purpose, each word
/// of which begins a frame of the largest size, would keep the start busy for minutes.
const CHECKSUM_LAPS: u64 = 4;

impl Scan {
    /// Where the oldest frame, or what is left of it, starts and the newest ends.
    fn bounds<W: Word, M: Deref<Target = [W]>>(
        &mut self,
        ring: &Ring<M>,
    ) -> Result<(u64, u64), Unusable> {
        let capacity = ring.capacity();
        let frames = self.frames(ring)?;
        let (head, released, tail) = (ring.head(), ring.released(), ring.tail());
        let Some(last) = frames.iter().map(|frame| frame.end).max() else {
            let plausible = [head, released, tail].iter().all(|at| is_position(*at))
                && head <= released
                && released <= tail
                && tail <= head + capacity;
            return if plausible {
                Ok((released, tail))
            } else {
                Err(Unusable::Damaged)
            };
        };
        // Where every frame that is still there begins: one that is more than a lap behind the
        // newest cannot be, whatever its checksum says.
        let first = frames
            .iter()
            .map(|frame| frame.start)
            .filter(|start| start + capacity >= last)
            .min()
            .unwrap_or(last);
        let tail = if is_position(tail) && (last..=first + capacity).contains(&tail) {
            tail
        } else {
            last
        };
        let lowest = tail.saturating_sub(capacity);
        let head = if is_position(released) && (lowest..=first).contains(&released) {
            released
        } else {
            first
        };
        Ok((head, tail))
    }

    /// Every whole frame, in the order of their places.
    fn frames<W: Word, M: Deref<Target = [W]>>(
        &mut self,
        ring: &Ring<M>,
    ) -> Result<Vec<Extent>, Unusable> {
        let mut frames = Vec::new();
        let mut place = 0;
        while place < ring.capacity() {
            let start = ring.stamped_position(place);
            let belongs_here = is_position(start) && start % ring.capacity() == place;
            place += match belongs_here && is_published(ring, place) {
                true => match self.read(ring, start, start + ring.capacity())? {
                    Slot::Frame { size } => {
                        frames.push(Extent {
                            start,
                            end: start + size,
                        });
                        size
                    }
                    _ => WORD_BYTES,
                },
                false => WORD_BYTES,
            };
        }
        Ok(frames)
    }

    /// Walks from frame to frame and writes a void over everything that is none.
    fn mend<W: Word, M: Deref<Target = [W]>>(
        &mut self,
        ring: &Ring<M>,
        head: u64,
        tail: u64,
    ) -> Result<Found, Unusable> {
        let mut found = Found::default();
        let mut position = head;
        while position < tail {
            match self.read(ring, position, tail)? {
                Slot::Frame { size } => {
                    found.frames += 1;
                    position += size;
                }
                Slot::Void { size } => position += size,
                Slot::Pending | Slot::Damaged { .. } => {
                    let end = self.next_whole(ring, position + WORD_BYTES, tail)?;
                    found.torn += torn_frames(ring, position, end);
                    let void = Head::void(ring.id(), position, end - position);
                    ring.word(position).store(void.encode(), Release);
                    position = end;
                }
            }
        }
        Ok(found)
    }

    /// The first position from `position` on where a frame or a void stands; `tail` if there is
    /// none.
    fn next_whole<W: Word, M: Deref<Target = [W]>>(
        &mut self,
        ring: &Ring<M>,
        position: u64,
        tail: u64,
    ) -> Result<u64, Unusable> {
        let mut position = position;
        while position < tail {
            match self.read(ring, position, tail)? {
                Slot::Frame { .. } | Slot::Void { .. } => return Ok(position),
                Slot::Pending | Slot::Damaged { .. } => position += WORD_BYTES,
            }
        }
        Ok(tail)
    }

    fn read<W: Word, M: Deref<Target = [W]>>(
        &mut self,
        ring: &Ring<M>,
        position: u64,
        end: u64,
    ) -> Result<Slot, Unusable> {
        self.payload.clear();
        let slot = ring.read(position, end, &mut self.payload);
        self.budget = self
            .budget
            .checked_sub(self.payload.len() as u64)
            .ok_or(Unusable::Damaged)?;
        Ok(slot)
    }
}

/// Where a frame starts and ends.
struct Extent {
    start: u64,
    end: u64,
}

/// How many pushes a torn place goes back to: one for each that has marked its frame, and one for
/// what lies before, between and behind them.
fn torn_frames<W: Word, M: Deref<Target = [W]>>(ring: &Ring<M>, from: u64, to: u64) -> u64 {
    let word = |position| ring.word(position).load(Relaxed);
    let mut frames = 0;
    let mut position = from;
    while position < to {
        let head = Head::decode(word(position));
        frames += 1;
        position += match head.state {
            State::Reserved | State::Published => head.size(),
            // Reserved and not marked, which leaves zeros.
            State::Free if word(position) == 0 => {
                let marked = (position..to).step_by(WORD_BYTES as usize);
                marked.take_while(|at| word(*at) == 0).count() as u64 * WORD_BYTES
            }
            State::Free | State::Void => to - position,
        };
    }
    frames
}

fn is_published<W: Word, M: Deref<Target = [W]>>(ring: &Ring<M>, position: u64) -> bool {
    Head::decode(ring.word(position).load(Relaxed)).state == State::Published
}

fn is_position(position: u64) -> bool {
    position < MAX_POSITION && position.is_multiple_of(WORD_BYTES)
}
