//! Threads that push at once, against a reader that frees.

use std::collections::HashMap;
use std::sync::Barrier;
use std::thread;

use super::super::{Queue, QueueOptions};
use super::*;

const THREADS: u32 = 4;
const FRAMES: u32 = 20_000;

/// A payload that tells who pushed it and which one it is, and is of a length of its own.
fn payload(thread: u32, number: u32) -> Vec<u8> {
    let mut payload = [thread.to_le_bytes(), number.to_le_bytes()].concat();
    payload.resize(
        8 + (number as usize * 37 + thread as usize) % 500,
        number as u8,
    );
    payload
}

#[test]
fn every_push_that_succeeded_is_read_once_in_its_threads_order() {
    let options = QueueOptions {
        capacity_bytes: 256 * 1024,
    };
    let (queue, mut reader) = Queue::memory(options);
    let start = Barrier::new(THREADS as usize);
    let mut read: HashMap<u32, Vec<u32>> = HashMap::new();

    let pushed: Vec<Vec<u32>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (queue, start) = (&queue, &start);
                scope.spawn(move || {
                    start.wait();
                    (0..FRAMES)
                        .filter(|number| queue.push(Lane::Error, &payload(thread, *number)).is_ok())
                        .collect()
                })
            })
            .collect();
        let mut drain = || {
            let drained = reader.drain(10_000, |frame| {
                let (thread, number) = frame.payload[..8].split_at(4);
                let number_in =
                    |bytes: &[u8]| bytes.iter().rev().fold(0, |n, b| n << 8 | u32::from(*b));
                let (thread, number) = (number_in(thread), number_in(number));
                assert_eq!(frame.payload, payload(thread, number));
                read.entry(thread).or_default().push(number);
            });
            assert_eq!(drained.damaged, 0);
            reader.release(drained.end);
            reader.prepare();
            drained.frames
        };
        while !threads.iter().all(thread::ScopedJoinHandle::is_finished) {
            drain();
            thread::yield_now();
        }
        let pushed = threads
            .into_iter()
            .map(|thread| thread.join().expect("a thread"))
            .collect();
        while drain() > 0 {}
        pushed
    });

    for (thread, pushed) in (0..).zip(&pushed) {
        // While one thread is kept from running, the others may leave it no room at all.
        assert_eq!(&read.remove(&thread).unwrap_or_default(), pushed);
    }
    let total: u64 = pushed.iter().map(|numbers| numbers.len() as u64).sum();
    assert_eq!(
        queue.counts().full[Lane::Error.index()],
        u64::from(THREADS * FRAMES) - total
    );
    assert_eq!(queue.fill().used, 0);
}

#[test]
fn a_flood_of_debug_leaves_the_errors_their_room() {
    let options = QueueOptions {
        capacity_bytes: 256 * 1024,
    };
    let (queue, _reader) = Queue::memory(options);
    let record = [0; 400];
    for (lane, percent) in [
        (Lane::Debug, 50),
        (Lane::Info, 75),
        (Lane::Warn, 90),
        (Lane::Error, 100),
    ] {
        while queue.push(lane, &record).is_ok() {}
        let fill = queue.fill();
        let room = fill.capacity * percent / 100 - fill.used;
        assert!(room < 416, "{lane:?} left {room} bytes of its share");
    }
    assert_eq!(queue.counts().full, [1; 4]);
}
