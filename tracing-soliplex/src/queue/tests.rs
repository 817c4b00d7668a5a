//! The queue beside a naive model, between any two stores, damaged, killed, and raced.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use super::cursor::Cursor;
use super::lane::Lane;
use super::ring::{PREFIX_WORDS, Ring};
use super::word::{WORD_BYTES, Word};

mod crash;
mod damage;
mod files;
mod interleavings;
mod kill;
mod model;
mod threads;

/// Any id will do where no second ring is around.
const ID: u64 = 0x9e37_79b9_7f4a_7c15;

/// A ring over plain words.
type HeapRing = Ring<Arc<[AtomicU64]>>;

fn words(capacity: u64) -> usize {
    PREFIX_WORDS + (capacity / WORD_BYTES) as usize
}

/// What a process that ends now would leave.
fn copy_of<W: Word, M: Deref<Target = [W]>>(memory: &M) -> Box<[AtomicU64]> {
    memory
        .iter()
        .map(|word| AtomicU64::new(word.load(Relaxed)))
        .collect()
}

/// Everything that can be read from where the cursor stands.
fn read_all<W: Word, M: Deref<Target = [W]>>(cursor: &mut Cursor, ring: &Ring<M>) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    cursor.read(ring, |_, payload| {
        frames.push(payload.to_vec());
        true
    });
    frames
}

/// The frames of a ring found in `memory`, and how many were torn.
fn recover(memory: Box<[AtomicU64]>) -> (HeapRing, Vec<Vec<u8>>, u64) {
    let memory: Arc<[AtomicU64]> = memory.into();
    let (ring, found) = Ring::adopt(memory).expect("a ring");
    let frames = read_all(&mut Cursor::new(&ring), &ring);
    assert_eq!(found.frames, frames.len() as u64);
    (ring, frames, found.torn)
}
