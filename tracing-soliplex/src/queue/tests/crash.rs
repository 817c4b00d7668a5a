//! A process may be killed between any two stores: every one of those moments is tried.
//!
//! The ring lies in words that write down each store. Replaying the first so many stores over a
//! copy of the earlier memory gives what a process killed then would have left.

use std::cell::RefCell;
use std::sync::atomic::Ordering;

use super::super::frame::HEADER_BYTES;
use super::super::recovery::Unusable;
use super::*;

const CAPACITY: u64 = 512;

thread_local! {
    /// Address and value of each store of this thread, in order.
    static STORES: RefCell<Vec<(usize, u64)>> = const { RefCell::new(Vec::new()) };
}

/// A word that writes down what is stored in it.
struct Noted(AtomicU64);

impl Noted {
    fn note(&self, value: u64) {
        let address = std::ptr::from_ref(self).addr();
        STORES.with_borrow_mut(|stores| stores.push((address, value)));
    }
}

impl Word for Noted {
    fn load(&self, order: Ordering) -> u64 {
        self.0.load(order)
    }

    fn store(&self, value: u64, order: Ordering) {
        self.note(value);
        self.0.store(value, order);
    }

    fn exchange(&self, current: u64, new: u64) -> Result<u64, u64> {
        // Strong, so that a failure that means nothing is not mistaken for a step.
        let (success, failure) = (Ordering::Release, Ordering::Acquire);
        let exchanged = self.0.compare_exchange(current, new, success, failure);
        if exchanged.is_ok() {
            self.note(new);
        }
        exchanged
    }
}

type NotedRing = Ring<Arc<[Noted]>>;

/// What a stretch of code stored, and the memory it started from.
struct Tape {
    before: Vec<u64>,
    /// Index into the memory, and value.
    stores: Vec<(usize, u64)>,
}

impl Tape {
    fn record<T>(memory: &[Noted], run: impl FnOnce() -> T) -> Tape {
        let before = memory.iter().map(|word| word.0.load(Relaxed)).collect();
        STORES.take();
        run();
        let start = memory.as_ptr().addr();
        let index = |address: usize| (address - start) / size_of::<Noted>();
        let stores = STORES.take();
        Tape {
            before,
            stores: stores
                .iter()
                .map(|(at, value)| (index(*at), *value))
                .collect(),
        }
    }

    /// The memory after some of the stores.
    fn after<'a>(&self, stores: impl IntoIterator<Item = &'a (usize, u64)>) -> Box<[AtomicU64]> {
        let mut words = self.before.clone();
        for (index, value) in stores {
            words[*index] = *value;
        }
        words.into_iter().map(AtomicU64::new).collect()
    }
}

fn noted_memory() -> Arc<[Noted]> {
    (0..words(CAPACITY))
        .map(|_| Noted(AtomicU64::new(0)))
        .collect()
}

/// A ring with some laps behind it, in which `frames` wait, the first of them in the middle.
fn ring_with(frames: &[Vec<u8>]) -> (Arc<[Noted]>, NotedRing, Cursor) {
    let memory = noted_memory();
    let ring = Ring::format(Arc::clone(&memory), ID);
    let mut cursor = Cursor::new(&ring);
    for lap in 0..13u8 {
        // One frame always waits, or the ring would start over at its front.
        push(&ring, &[lap; 100]);
        cursor.free(&ring, cursor.at());
        read_all(&mut cursor, &ring);
    }
    for frame in frames {
        push(&ring, frame);
    }
    cursor.free(&ring, cursor.at());
    (memory, ring, cursor)
}

fn push(ring: &NotedRing, payload: &[u8]) {
    ring.push(Lane::Error, payload).expect("room");
}

fn frame(byte: u8, length: usize) -> Vec<u8> {
    vec![byte; length]
}

#[test]
fn a_push_interrupted_anywhere_leaves_every_other_frame_and_is_counted_once() {
    for length in [0, 1, 8, 9, 100] {
        let waiting = [frame(1, 30), frame(2, 8)];
        let (memory, ring, _) = ring_with(&waiting);
        let tape = Tape::record(&memory, || push(&ring, &frame(3, length)));

        for stores in 0..=tape.stores.len() {
            let (ring, frames, torn) = recover(tape.after(&tape.stores[..stores]));
            let done = stores == tape.stores.len();
            let begun = stores > 0;
            let mut expected = waiting.to_vec();
            expected.extend(done.then(|| frame(3, length)));
            assert_eq!(frames, expected, "after {stores} stores");
            assert_eq!(torn, u64::from(begun && !done), "after {stores} stores");
            goes_on(&ring, &expected);
        }
    }
}

#[test]
fn two_pushes_interrupted_anywhere_leave_no_trace_on_each_other() {
    let waiting = [frame(1, 30)];
    let (memory, ring, _) = ring_with(&waiting);
    let first = Tape::record(&memory, || push(&ring, &frame(2, 40)));
    let second = Tape::record(&memory, || push(&ring, &frame(3, 17)));

    // Both have reserved their places; from there on they touch no word in common, so that any
    // interleaving is some steps of the one and some of the other.
    let (reserved, rest) = first.stores.split_at(1);
    for a in 0..=rest.len() {
        for b in 1..=second.stores.len() {
            let stores = reserved.iter().chain(&rest[..a]).chain(&second.stores[..b]);
            let (ring, frames, torn) = recover(first.after(stores));
            let (a_done, b_done) = (a == rest.len(), b == second.stores.len());
            let mut expected = waiting.to_vec();
            expected.extend(a_done.then(|| frame(2, 40)));
            expected.extend(b_done.then(|| frame(3, 17)));
            assert_eq!(frames, expected, "after {a} and {b} stores");
            // Where neither has written anything, two cannot be told from one.
            let unmarked = u64::from(a == 0 && b == 1);
            let torn_pushes = u64::from(!a_done) + u64::from(!b_done) - unmarked;
            assert_eq!(torn, torn_pushes, "after {a} and {b} stores");
            goes_on(&ring, &expected);
        }
    }
}

#[test]
fn a_release_interrupted_anywhere_brings_back_only_what_its_position_tells_apart() {
    let frames = [frame(1, 30), frame(2, 8), frame(3, 50), frame(4, 9)];
    let (memory, ring, mut cursor) = ring_with(&frames);
    let mut ends = Vec::new();
    cursor.read(&ring, |end, _| {
        ends.push(end);
        ends.len() <= 3
    });
    let upto = cursor.at();
    let tape = Tape::record(&memory, || cursor.free(&ring, upto));

    for stores in 0..=tape.stores.len() {
        let (ring, back, torn) = recover(tape.after(&tape.stores[..stores]));
        assert!(frames.ends_with(&back), "after {stores} stores");
        assert_eq!(torn, 0, "after {stores} stores");
        let mut cursor = Cursor::new(&ring);
        cursor.read(&ring, |end, _| end <= upto);
        assert_eq!(
            read_all(&mut cursor, &ring),
            frames[3..],
            "after {stores} stores"
        );
    }
}

/// The stores of a release by which the ring becomes empty, and so starts over.
fn starting_over() -> Tape {
    let (memory, ring, mut cursor) = ring_with(&[frame(1, 30), frame(2, 8)]);
    read_all(&mut cursor, &ring);
    let before = cursor.at();
    let tape = Tape::record(&memory, || cursor.free(&ring, cursor.at()));
    assert!(cursor.at() > before && cursor.at().is_multiple_of(CAPACITY));
    tape
}

#[test]
fn a_ring_that_starts_over_when_its_process_ends_is_empty_and_nothing_in_it_is_torn() {
    let tape = starting_over();
    let tail_moved = tape.stores.len() - 4;
    for stores in tail_moved..=tape.stores.len() {
        let (ring, frames, torn) = recover(tape.after(&tape.stores[..stores]));
        assert_eq!((frames, torn), (vec![], 0), "after {stores} stores");
        goes_on(&ring, &[]);
    }
}

#[test]
fn a_push_while_the_ring_starts_over_is_kept_or_torn_whenever_the_process_ends() {
    let tape = starting_over();
    for stores in tape.stores.len() - 4..=tape.stores.len() {
        let left = tape.after(&tape.stores[..stores]);
        let memory: Arc<[Noted]> = left.into_iter().map(Noted).collect();
        let ring = Ring::over(Arc::clone(&memory), ID);
        let push = Tape::record(&memory, || push(&ring, &frame(3, 17)));
        for pushed in 0..=push.stores.len() {
            let (ring, frames, torn) = recover(push.after(&push.stores[..pushed]));
            let (begun, done) = (pushed > 0, pushed == push.stores.len());
            let expected = Vec::from_iter(done.then(|| frame(3, 17)));
            assert_eq!(frames, expected, "after {stores} and {pushed} stores");
            assert_eq!(
                torn,
                u64::from(begun && !done),
                "after {stores} and {pushed} stores"
            );
            goes_on(&ring, &expected);
        }
    }
}

#[test]
fn a_ring_that_was_starting_over_can_be_filled_but_for_a_word() {
    let tape = starting_over();
    for stores in 0..=tape.stores.len() {
        let (memory, _, _) = ring_with(&[]);
        for (word, left) in memory.iter().zip(tape.after(&tape.stores[..stores])) {
            word.0.store(left.load(Relaxed), Relaxed);
        }
        let ring = Ring::over(memory, ID);
        let pushed = (0..100).take_while(|_| ring.push(Lane::Error, &[]).is_ok());
        let taken = pushed.count() as u64 * HEADER_BYTES;
        assert!(taken < CAPACITY, "after {stores} stores: {taken} bytes");
    }
}

#[test]
fn a_recovery_interrupted_anywhere_is_taken_up_by_the_next() {
    let whole = [frame(1, 30), frame(3, 20)];
    let (memory, ring, _) = ring_with(&whole[..1]);
    let torn = Tape::record(&memory, || push(&ring, &frame(2, 40)));
    let behind = Tape::record(&memory, || push(&ring, &frame(3, 20)));
    let last = Tape::record(&memory, || push(&ring, &frame(4, 20)));
    let stores = torn.stores[..5]
        .iter()
        .chain(&behind.stores)
        .chain(&last.stores[..4]);
    let left: Arc<[Noted]> = torn.after(stores).into_iter().map(Noted).collect();
    let tape = Tape::record(&left, || {
        let found = Ring::adopt(Arc::clone(&left)).map(|(_, found)| found);
        assert_eq!(found.map(|found| (found.frames, found.torn)), Ok((2, 2)));
    });

    for stores in 0..=tape.stores.len() {
        let (ring, frames, torn) = recover(tape.after(&tape.stores[..stores]));
        assert_eq!(frames, whole, "after {stores} stores");
        assert!(torn <= 2, "after {stores} stores");
        goes_on(&ring, &whole);
        let (_, _, counted_again) = recover(copy_of(ring.memory()));
        assert_eq!(counted_again, 0, "after {stores} stores");
    }
}

#[test]
fn a_ring_whose_creation_was_interrupted_is_blank() {
    let memory = noted_memory();
    let tape = Tape::record(&memory, || {
        let _ring = Ring::format(Arc::clone(&memory), ID);
    });
    let last = tape.stores.len() - 1;
    for stores in 0..=last {
        let blank = Ring::adopt(tape.after(&tape.stores[..stores])).map(|_| ());
        assert_eq!(blank, Err(Unusable::Blank), "after {stores} stores");
    }
    let (_, frames, torn) = recover(tape.after(&tape.stores));
    assert_eq!((frames, torn), (vec![], 0));
}

/// A ring that was taken over works as any other.
fn goes_on(ring: &HeapRing, waiting: &[Vec<u8>]) {
    let mut cursor = Cursor::new(ring);
    assert_eq!(read_all(&mut cursor, ring), waiting);
    for lap in 0..9u8 {
        ring.push(Lane::Error, &[lap; 90]).expect("room");
        assert_eq!(read_all(&mut cursor, ring), [vec![lap; 90]]);
        cursor.free(ring, cursor.at());
    }
    assert_eq!(ring.tail(), ring.head());
}
