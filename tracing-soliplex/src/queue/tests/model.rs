//! Generated operations on a queue and on a `VecDeque` nobody could get wrong.

use std::collections::VecDeque;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::reader::Drained;
use super::super::ring::Refused;
use super::super::{Position, Queue, Reader};
use super::*;
use crate::map::Memory;

/// Small enough to be full, and to wrap, after a few dozen pushes.
const CAPACITY: u64 = 1024;

#[derive(Clone, Debug)]
enum Operation {
    Push {
        lane: usize,
        payload: Vec<u8>,
    },
    Drain {
        max_bytes: usize,
    },
    /// Release up to a position drained before; not always the last.
    Release {
        which: prop::sample::Index,
    },
    /// Touch the pages that are next.
    Prepare,
    /// End the process and start the next, which has stored one of the positions.
    Restart {
        which: prop::sample::Index,
    },
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let payload = vec(any::<u8>(), 0..200);
    let operation = prop_oneof![
        6 => (0..Lane::COUNT, payload).prop_map(|(lane, payload)| Operation::Push { lane, payload }),
        2 => (0usize..500).prop_map(|max_bytes| Operation::Drain { max_bytes }),
        2 => any::<prop::sample::Index>().prop_map(|which| Operation::Release { which }),
        1 => Just(Operation::Prepare),
        1 => any::<prop::sample::Index>().prop_map(|which| Operation::Restart { which }),
    ];
    vec(operation, 0..200)
}

/// The naive queue: frames with their sizes, of which the first `read` have been handed out.
#[derive(Default)]
struct Model {
    frames: VecDeque<Vec<u8>>,
    read: usize,
    /// Frames that have left since the beginning.
    gone: usize,
    full: [u64; Lane::COUNT],
}

impl Model {
    fn used(&self) -> usize {
        self.frames.iter().map(|payload| size(payload)).sum()
    }

    fn push(&mut self, lane: Lane, payload: Vec<u8>) -> Result<bool, Refused> {
        let (used, more) = (self.used(), size(&payload));
        let share = [50, 75, 90, 100][lane.index()];
        // A word always stays free.
        let is_full = used + more >= CAPACITY as usize;
        if is_full || (used + more) * 100 > CAPACITY as usize * share {
            self.full[lane.index()] += 1;
            return Err(Refused::Full);
        }
        self.frames.push_back(payload);
        let half = CAPACITY as usize / 2;
        Ok(used < half && used + more >= half)
    }

    fn drain(&mut self, max_bytes: usize) -> Vec<Vec<u8>> {
        let mut bytes = 0;
        let mut drained = Vec::new();
        for payload in self.frames.iter().skip(self.read) {
            if bytes > 0 && bytes + payload.len() > max_bytes {
                break;
            }
            bytes += payload.len();
            drained.push(payload.clone());
        }
        self.read += drained.len();
        drained
    }

    /// The first `upto` frames ever pushed leave.
    fn release(&mut self, upto: usize) {
        let leaving = upto.saturating_sub(self.gone).min(self.read);
        self.frames.drain(..leaving);
        self.read -= leaving;
        self.gone += leaving;
    }

    fn restart(&mut self) {
        self.read = 0;
        self.full = Default::default();
    }
}

/// A frame's size, from the description of the layout and nothing else.
fn size(payload: &[u8]) -> usize {
    16 + payload.len().div_ceil(8) * 8
}

/// The real queue, in memory that its restarts copy.
struct Real {
    queue: Arc<Queue>,
    reader: Reader,
}

impl Real {
    fn new() -> Real {
        Real::over(Ring::format(Memory::heap(words(CAPACITY)), ID))
    }

    fn over(ring: Ring<Memory>) -> Real {
        let (queue, reader) = Queue::over(ring, None, None);
        Real { queue, reader }
    }

    fn restart(&mut self) -> u64 {
        let left = Memory::Heap(copy_of(self.queue.ring.memory()));
        let (ring, found) = Ring::adopt(left).expect("a ring");
        *self = Real::over(ring);
        assert_eq!(found.torn, 0);
        found.frames
    }

    fn drain(&mut self, max_bytes: usize) -> (Vec<Vec<u8>>, Drained) {
        let mut frames = Vec::new();
        let drained = self
            .reader
            .drain(max_bytes, |frame| frames.push(frame.payload.to_vec()));
        (frames, drained)
    }
}

proptest! {
    #[test]
    fn the_queue_does_what_a_vec_deque_does(operations in operations()) {
        let mut model = Model::default();
        let mut real = Real::new();
        // Positions drained so far, each with how many frames had been pushed up to there.
        let mut positions: Vec<(Position, usize)> = vec![(real.reader.position(), 0)];

        for operation in operations {
            match operation {
                Operation::Push { lane, payload } => {
                    let lane = Lane::ALL[lane];
                    let pushed = real.queue.push(lane, &payload).map(|pushed| pushed.reached_half);
                    prop_assert_eq!(pushed, model.push(lane, payload));
                }
                Operation::Drain { max_bytes } => {
                    let (frames, drained) = real.drain(max_bytes);
                    prop_assert_eq!(frames.len() as u64, drained.frames);
                    prop_assert_eq!(&frames, &model.drain(max_bytes));
                    prop_assert_eq!(drained.damaged, 0);
                    positions.push((drained.end, model.gone + model.read));
                }
                Operation::Release { which } => {
                    let (position, frames) = *which.get(&positions);
                    real.reader.release(position);
                    model.release(frames);
                }
                Operation::Prepare => real.reader.prepare(),
                Operation::Restart { which } => {
                    prop_assert_eq!(real.restart(), model.frames.len() as u64);
                    model.restart();
                    let (stored, frames) = *which.get(&positions);
                    let there = model.frames.len();
                    model.read = there.min(frames.saturating_sub(model.gone));
                    let expected = model.read as u64;
                    prop_assert_eq!(real.reader.discard_through(stored, |_| true), expected);
                    model.release(frames);
                }
            }
            let fill = real.queue.fill();
            prop_assert_eq!(fill.used, model.used() as u64);
            prop_assert_eq!(real.queue.counts().full, model.full);
        }
        let (frames, _) = real.drain(usize::MAX);
        prop_assert_eq!(frames, model.drain(usize::MAX));
    }
}

#[test]
fn a_payload_over_the_limit_is_refused_and_counted_and_one_at_the_limit_is_taken() {
    let (queue, mut reader) = Queue::memory(Default::default());
    let over = vec![7; 64 * 1024 + 1];
    let limit = &over[1..];
    assert!(queue.push(Lane::Debug, limit).is_ok());
    assert_eq!(queue.push(Lane::Debug, &over), Err(Refused::TooLarge));
    assert_eq!(queue.counts().too_large, [1, 0, 0, 0]);
    let drained = reader.drain(0, |frame| assert_eq!(frame.payload, limit));
    assert_eq!(drained.frames, 1);
}

#[test]
fn a_position_survives_being_stored() {
    let (queue, reader) = Queue::memory(Default::default());
    queue.push(Lane::Info, b"one").expect("room");
    let end = queue.end();
    assert_eq!(Position::from_bytes(end.to_bytes()), end);
    assert!(reader.position().is_reached_by(end));
    assert!(!end.is_reached_by(reader.position()));
}

#[test]
fn a_position_of_another_ring_frees_nothing() {
    let (queue, mut reader) = Queue::memory(Default::default());
    let (other, _) = Queue::memory(Default::default());
    for queue in [&queue, &other] {
        queue.push(Lane::Info, b"one").expect("room");
    }
    assert_eq!(reader.discard_through(other.end(), |_| true), 0);
    let drained = reader.drain(usize::MAX, |_| ());
    reader.release(other.end());
    assert_eq!(queue.fill().used, 24);
    reader.release(drained.end);
    assert_eq!(queue.fill().used, 0);
}

#[test]
fn a_worker_that_panics_over_a_frame_is_handed_it_again() {
    let (queue, mut reader) = Queue::memory(Default::default());
    queue.push(Lane::Info, b"one").expect("room");
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        reader.drain(usize::MAX, |_| panic!("over a frame"))
    }));
    assert!(panicked.is_err());
    assert_eq!(reader.drain(usize::MAX, |_| ()).frames, 1);
}

#[test]
fn what_has_been_released_is_overwritten_with_zeros() {
    let ring = Ring::format(Memory::heap(words(CAPACITY)), ID);
    let (queue, mut reader) = Queue::over(ring, None, None);
    for _ in 0..50 {
        queue.push(Lane::Error, b"a patient's name").expect("room");
        let drained = reader.drain(usize::MAX, |_| ());
        reader.release(drained.end);
    }
    let memory = queue.ring.memory();
    assert!(
        memory[PREFIX_WORDS..]
            .iter()
            .all(|word| word.load(Relaxed) == 0)
    );
}
