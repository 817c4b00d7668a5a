//! Reading a ring: oldest first, and freeing only what is known to be elsewhere.

use std::ops::Deref;

use super::ring::{Ring, Slot};
use super::word::Word;

/// How far one ring has been read and freed. There is one to a ring, used by one thread.
pub(super) struct Cursor {
    /// Where the next frame to read starts.
    at: u64,
    /// Where the oldest frame not yet freed starts.
    head: u64,
    /// The frame being read; kept so that a frame costs no allocation.
    payload: Vec<u8>,
}

/// What one look at the ring brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) frames: u64,
    pub(super) bytes: usize,
    pub(super) damaged: u64,
}

impl Cursor {
    pub(super) fn new<W: Word, M: Deref<Target = [W]>>(ring: &Ring<M>) -> Cursor {
        Cursor {
            at: ring.head(),
            head: ring.head(),
            payload: Vec::new(),
        }
    }

    /// Hands `take` the end and the payload of frame after frame, the oldest first, until it
    /// returns false or nothing whole is left.
    ///
    /// A frame that is refused is the next one read.
    pub(super) fn read<W: Word, M: Deref<Target = [W]>>(
        &mut self,
        ring: &Ring<M>,
        mut take: impl FnMut(u64, &[u8]) -> bool,
    ) -> Read {
        let mut read = Read::default();
        // The end of the last frame there is room for: behind it stand the ones not freed yet.
        let end = self.head + ring.capacity();
        while self.at < end {
            match ring.read(self.at, end, &mut self.payload) {
                Slot::Frame { size } => {
                    if !take(self.at + size, &self.payload) {
                        break;
                    }
                    read.frames += 1;
                    read.bytes += self.payload.len();
                    self.at += size;
                }
                Slot::Void { size } => self.at += size,
                Slot::Damaged { size } => {
                    // Something else in this process has written over the ring. Where not even
                    // the head can be believed, the next frame's place is unknown, and what has
                    // been reserved by now is given up.
                    let next = match size {
                        Some(size) => self.at + size,
                        None => ring.tail().min(end),
                    };
                    if next <= self.at {
                        break;
                    }
                    read.damaged += 1;
                    self.at = next;
                }
                Slot::Pending => break,
            }
        }
        read
    }

    /// Frees what was read and ends at `upto` or before; how many bytes that was.
    pub(super) fn free<W: Word, M: Deref<Target = [W]>>(
        &mut self,
        ring: &Ring<M>,
        upto: u64,
    ) -> u64 {
        let freed = upto.min(self.at).saturating_sub(self.head);
        if freed > 0 {
            self.head = ring.free(self.head + freed);
            // An empty ring has started over at its front.
            self.at = self.at.max(self.head);
        }
        freed
    }

    /// Where the next frame to read starts.
    pub(super) fn at(&self) -> u64 {
        self.at
    }
}
