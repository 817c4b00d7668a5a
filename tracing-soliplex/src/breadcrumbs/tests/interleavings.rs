//! Every interleaving, and every value a relaxed load may return, of small scenes.
//!
//! Loom runs a scene again and again until it has seen them all. Only the words that the protocol
//! is about are loom's; the rest of the ring would be in its way.

use std::sync::atomic::Ordering;

use loom::sync::atomic::AtomicU64 as Explored;
use loom::thread;

use super::super::ring::PREFIX_WORDS;
use super::super::slot::SLOT_WORDS;
use super::*;

enum Mixed {
    Plain(AtomicU64),
    Explored(Explored),
}

impl Word for Mixed {
    fn load(&self, order: Ordering) -> u64 {
        match self {
            Mixed::Plain(word) => word.load(order),
            Mixed::Explored(word) => word.load(order),
        }
    }

    fn store(&self, value: u64, order: Ordering) {
        match self {
            Mixed::Plain(word) => word.store(value, order),
            Mixed::Explored(word) => word.store(value, order),
        }
    }

    fn exchange(&self, current: u64, new: u64) -> bool {
        let order = Ordering::Relaxed;
        match self {
            Mixed::Plain(word) => word.exchange(current, new),
            Mixed::Explored(word) => word.compare_exchange(current, new, order, order).is_ok(),
        }
    }

    fn increment(&self) -> u64 {
        match self {
            Mixed::Plain(word) => word.increment(),
            Mixed::Explored(word) => word.fetch_add(1, Ordering::Relaxed),
        }
    }
}

type MixedRing = Ring<Arc<[Mixed]>>;

/// An empty ring. Explored are the tail, and of each slot the sequence, the time and the checksum:
/// a record's two halves, which must not be told of two records.
fn ring(slots: u64) -> Arc<MixedRing> {
    let is_explored = |index: usize| match index.checked_sub(PREFIX_WORDS) {
        None => index == 32,
        Some(index) => [0, 1, 4].contains(&(index % SLOT_WORDS)),
    };
    let memory: Arc<[Mixed]> = (0..file_words(slots))
        .map(|index| match is_explored(index) {
            true => Mixed::Explored(Explored::new(0)),
            false => Mixed::Plain(AtomicU64::new(0)),
        })
        .collect();
    Arc::new(Ring::format(memory))
}

fn explore(scene: impl Fn() + Sync + Send + 'static) {
    let mut explorer = loom::model::Builder::new();
    // Bugs of this kind show with two or three preemptions; without a bound a scene takes minutes.
    explorer.preemption_bound = Some(3);
    explorer.check(scene);
}

/// Not through the thread's buffer, which loom's threads share.
fn put(ring: &MixedRing, time: i64) -> Option<u64> {
    ring.write(&Entry {
        unix_nanos: time,
        session: 0,
        head: slot::Head::default(),
        text: &[],
    })
}

/// The times of the records that are whole.
fn times(ring: &MixedRing) -> Vec<i64> {
    let mut slot = Slot::new();
    (0..ring.tail())
        .filter(|ticket| ring.read(*ticket, &mut slot) == Found::Whole)
        .collect::<Vec<_>>()
        .into_iter()
        .map(|ticket| {
            let _ = ring.read(ticket, &mut slot);
            slot.unix_nanos
        })
        .collect()
}

#[test]
fn a_reader_never_sees_half_of_a_record_that_is_written_over() {
    explore(|| {
        let ring = ring(1);
        assert_eq!(put(&ring, 1), Some(0));
        let writer = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || assert_eq!(put(&ring, 2), Some(1)))
        };
        let mut slot = Slot::new();
        for ticket in 0..2 {
            if ring.read(ticket, &mut slot) == Found::Whole {
                assert_eq!(slot.unix_nanos, ticket as i64 + 1);
            }
        }
        writer.join().expect("a thread");
        assert_eq!(ring.read(0, &mut slot), Found::Gone);
        assert_eq!(ring.read(1, &mut slot), Found::Whole);
        assert_eq!(slot.unix_nanos, 2);
    });
}

#[test]
fn two_writers_of_one_slot_leave_one_whole_record() {
    explore(|| {
        let ring = ring(1);
        let other = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || put(&ring, 10))
        };
        let ours = put(&ring, 20);
        let theirs = other.join().expect("a thread");
        assert!(ours.is_some() || theirs.is_some());
        let mut slot = Slot::new();
        let last = ours.max(theirs).expect("one of them");
        assert_eq!(ring.read(last, &mut slot), Found::Whole);
        let time = if ours == Some(last) { 20 } else { 10 };
        assert_eq!(slot.unix_nanos, time);
    });
}

#[test]
fn writers_of_two_slots_never_meet() {
    explore(|| {
        let ring = ring(2);
        let other = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || assert!(put(&ring, 10).is_some()))
        };
        assert!(put(&ring, 20).is_some());
        other.join().expect("a thread");
        let mut times = times(&ring);
        times.sort_unstable();
        assert_eq!(times, [10, 20]);
    });
}

#[test]
fn once_everything_is_closed_nothing_is_left_and_nothing_comes() {
    explore(|| {
        let ring = ring(1);
        let writer = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || put(&ring, 10))
        };
        let closed = ring.close_all();
        let _ = writer.join().expect("a thread");
        // What was being written at the first call is gone after the next.
        assert!(closed || ring.close_all());
        assert!(ring.is_blank());
        assert_eq!(put(&ring, 30), None);
    });
}
