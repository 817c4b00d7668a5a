//! What the hand-over to the worker costs the thread that logs.
//!
//! `cargo bench -p soliplex-benches --bench queue`. An iteration is a thousand pushes of 400 bytes,
//! so the microseconds printed are the nanoseconds of one push. The ring is emptied between
//! iterations, outside the time taken.
//!
//! Not in the report, whose client section has the ring as one part of our road: this is for who
//! works on the queue, in a file and in memory, written and drained.

use std::sync::Mutex;

use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher};

// The queue is private to its crate; its source is compiled here as it stands, which leaves the
// crate without a door that only a bench would use.
#[path = "../../tracing-soliplex/src"]
#[allow(dead_code, unused_imports, unreachable_pub, unsafe_code)]
mod client {
    pub(crate) mod queue;
}

// The memory under it and how its file is asked for, where the queue looks for them.
#[path = "../../tracing-soliplex/src/in_place.rs"]
#[allow(unreachable_pub)]
mod in_place;
#[path = "../../tracing-soliplex/src/map.rs"]
#[allow(dead_code, unreachable_pub)]
mod map;

use client::queue::{Lane, Queue, QueueOptions, Reader};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const PUSHES: usize = 1000;
const RECORD: [u8; 400] = [1; 400];

fn main() {
    divan::main();
}

#[divan::bench(threads = [1, 2], sample_size = 1, sample_count = 2000)]
fn push_into_file(bencher: Bencher) {
    let Ok(directory) = tempfile::tempdir() else {
        return;
    };
    let path = directory.path().join("queue");
    let (queue, reader, _) = Queue::open(&path, QueueOptions::default());
    assert!(queue.is_durable(), "a file at {path:?}");
    push(bencher, &queue, reader);
}

#[divan::bench(threads = [1, 2], sample_size = 1, sample_count = 2000)]
fn push_into_memory(bencher: Bencher) {
    let (queue, reader) = Queue::memory(QueueOptions::default());
    push(bencher, &queue, reader);
}

/// The other side: a thousand frames read, checked, and overwritten with zeros.
#[divan::bench(sample_size = 1, sample_count = 2000)]
fn drain_and_release(bencher: Bencher) {
    let (queue, mut reader) = Queue::memory(QueueOptions::default());
    bencher
        .counter(ItemsCount::new(PUSHES))
        .with_inputs(|| push_all(&queue))
        .bench_local_values(|()| empty(&mut reader));
}

fn push(bencher: Bencher, queue: &Queue, reader: Reader) {
    let reader = Mutex::new(reader);
    bencher
        .counter(ItemsCount::new(PUSHES))
        .with_inputs(|| {
            if let Ok(mut reader) = reader.lock() {
                empty(&mut reader);
            }
        })
        .bench_values(|()| push_all(queue));
    assert_eq!(queue.counts().full, [0; Lane::COUNT], "every push had room");
}

fn push_all(queue: &Queue) {
    for _ in 0..PUSHES {
        let _ = divan::black_box(queue.push(Lane::Error, divan::black_box(&RECORD)));
    }
}

fn empty(reader: &mut Reader) {
    let drained = reader.drain(usize::MAX, |frame| {
        divan::black_box(frame.payload);
    });
    reader.release(drained.end);
}
