//! Every interleaving, and every value a relaxed load may return, of small scenes.
//!
//! Loom runs a scene again and again until it has seen them all. Only the words that the protocol
//! is about are loom's; the rest of the prefix would be in its way. Touching is left to real threads
//! ([`threads`](super::threads)): loom has an exchange that read a word's first value come after the
//! store that followed it, which nothing that is one step can.

use std::sync::atomic::Ordering;

use loom::sync::atomic::AtomicU64 as Explored;
use loom::thread;

use super::*;

/// Room for two frames of eight bytes, and two words.
const CAPACITY: u64 = 64;

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

    fn exchange(&self, current: u64, new: u64) -> Result<u64, u64> {
        let (success, failure) = (Ordering::Release, Ordering::Acquire);
        match self {
            Mixed::Plain(word) => word.compare_exchange(current, new, success, failure),
            Mixed::Explored(word) => word.compare_exchange(current, new, success, failure),
        }
    }
}

type MixedRing = Ring<Arc<[Mixed]>>;

/// An empty ring; the tail, the head and the frames are explored.
fn ring() -> Arc<MixedRing> {
    let memory: Arc<[Mixed]> = (0..words(CAPACITY))
        .map(|index| match index {
            16 | 32 | PREFIX_WORDS.. => Mixed::Explored(Explored::new(0)),
            _ => Mixed::Plain(AtomicU64::new(0)),
        })
        .collect();
    Arc::new(Ring::over(memory, ID))
}

fn explore(scene: impl Fn() + Sync + Send + 'static) {
    let mut explorer = loom::model::Builder::new();
    // Bugs of this kind show with two or three preemptions; without a bound a scene takes minutes.
    explorer.preemption_bound = Some(3);
    explorer.check(scene);
}

fn push(ring: &MixedRing, byte: u8) -> bool {
    ring.push(Lane::Error, &[byte; 8]).is_ok()
}

fn bytes(frames: Vec<Vec<u8>>) -> Vec<u8> {
    frames
        .into_iter()
        .map(|payload| {
            assert_eq!(payload, [payload[0]; 8]);
            payload[0]
        })
        .collect()
}

#[test]
fn two_pushing_threads_and_a_reader_see_whole_frames_only() {
    explore(|| {
        let ring = ring();
        let pushers: Vec<_> = [1, 2]
            .map(|byte| {
                let ring = Arc::clone(&ring);
                thread::spawn(move || assert!(push(&ring, byte)))
            })
            .into();
        let mut cursor = Cursor::new(&ring);
        let mut read = bytes(read_all(&mut cursor, &ring));
        for pusher in pushers {
            pusher.join().expect("a thread");
        }
        read.extend(bytes(read_all(&mut cursor, &ring)));
        read.sort_unstable();
        assert_eq!(read, [1, 2]);
    });
}

#[test]
fn freed_room_is_used_again_only_after_its_zeros_are_written() {
    explore(|| {
        let ring = ring();
        assert!(push(&ring, 1) && push(&ring, 2));
        let pusher = {
            let ring = Arc::clone(&ring);
            // Wraps into the first frame's room, if that has been freed by then.
            thread::spawn(move || push(&ring, 3))
        };
        let mut cursor = Cursor::new(&ring);
        let mut read = bytes(read_all(&mut cursor, &ring));
        cursor.free(&ring, cursor.at());
        read.extend(bytes(read_all(&mut cursor, &ring)));
        let pushed = pusher.join().expect("a thread");
        read.extend(bytes(read_all(&mut cursor, &ring)));
        assert_eq!(read, if pushed { vec![1, 2, 3] } else { vec![1, 2] });
    });
}

#[test]
fn of_two_pushes_for_the_last_room_one_is_refused_and_no_more() {
    explore(|| {
        let ring = ring();
        assert!(push(&ring, 1));
        let other = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || push(&ring, 2))
        };
        let ours = push(&ring, 3);
        let theirs = other.join().expect("a thread");
        assert!(ours != theirs);
        let read = bytes(read_all(&mut Cursor::new(&ring), &ring));
        assert_eq!(read, [1, if ours { 3 } else { 2 }]);
    });
}

#[test]
fn what_is_pushed_while_the_ring_starts_over_is_whole_and_has_room_but_no_more_than_there_is() {
    explore(|| {
        let ring = ring();
        assert!(push(&ring, 1));
        let pusher = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || [2, 3, 4].map(|byte| push(&ring, byte).then_some(byte)))
        };
        let mut cursor = Cursor::new(&ring);
        let mut read = bytes(read_all(&mut cursor, &ring));
        cursor.free(&ring, cursor.at());
        let pushed = pusher.join().expect("a thread");
        read.extend(bytes(read_all(&mut cursor, &ring)));
        let expected = [Some(1)].into_iter().chain(pushed).flatten();
        assert_eq!(read, Vec::from_iter(expected));
        cursor.free(&ring, cursor.at());
        assert_eq!((ring.fill(), ring.tail()), (0, ring.head()));
    });
}
