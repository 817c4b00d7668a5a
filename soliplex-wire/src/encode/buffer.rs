//! Appending in small pieces of known sizes.
//!
//! `Vec::extend_from_slice` asks for room, and calls `memcpy`, at each of them: some thirty
//! instructions for a comma, and an event has forty such pieces. Here the room behind what is
//! written is made for many at a time, and filled, so that a piece is two comparisons and one or two
//! stores. Emptied, a buffer keeps its room as it is: no record waits for it to be filled again.

use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::Serialize;

/// Bytes made room for at a time: most records' members need no more.
const ROOM_BYTES: usize = 512;

/// Bytes that are appended to, and the room that they leave when they are taken away.
///
/// `Debug` shows its size only.
#[derive(Clone, Default)]
pub struct Buffer {
    /// What has been written, and behind it whatever was there before.
    room: Vec<u8>,
    written: usize,
}

impl Buffer {
    /// An empty one, without room.
    #[must_use]
    pub fn new() -> Buffer {
        Buffer::default()
    }

    /// Takes away what was written behind the first `length` bytes.
    #[inline]
    pub fn truncate(&mut self, length: usize) {
        self.written = self.written.min(length);
    }

    /// Takes away everything.
    #[inline]
    pub fn clear(&mut self) {
        self.written = 0;
    }

    /// Bytes of memory it takes.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.room.capacity()
    }

    /// The bytes that were written.
    #[must_use]
    pub fn into_vec(mut self) -> Vec<u8> {
        self.room.truncate(self.written);
        self.room
    }

    /// Appends a piece as long as it is.
    #[inline(always)]
    pub fn piece<const N: usize>(&mut self, piece: &[u8; N]) {
        self.block(piece, N);
    }

    /// Appends bytes whose number is not known beforehand.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) {
        let room = self.room.get_mut(self.written..);
        match room.and_then(|room| room.get_mut(..bytes.len())) {
            Some(place) => {
                place.copy_from_slice(bytes);
                self.written += bytes.len();
            }
            None => self.block_beyond(bytes, bytes.len()),
        }
    }

    /// Appends the first `used` bytes of a block.
    #[inline(always)]
    pub(super) fn block<const N: usize>(&mut self, block: &[u8; N], used: usize) {
        match self.room() {
            Some(place) => {
                *place = *block;
                self.written += used;
            }
            None => self.block_beyond(block, used),
        }
    }

    /// The room for a block behind what is written, if there is as much.
    #[inline(always)]
    pub(super) fn room<const N: usize>(&mut self) -> Option<&mut [u8; N]> {
        self.room.get_mut(self.written..)?.first_chunk_mut()
    }

    /// Takes in so many bytes that were put into the room.
    #[inline(always)]
    pub(super) fn extend(&mut self, count: usize) {
        self.written += count;
    }

    /// Writes one byte over another.
    #[inline]
    pub(super) fn replace(&mut self, at: usize, byte: u8) {
        if let Some(place) = self.room.get_mut(at) {
            *place = byte;
        }
    }

    /// Appends a value as JSON.
    pub(super) fn json(&mut self, value: &(impl Serialize + ?Sized)) {
        self.room.truncate(self.written);
        super::json(&mut self.room, value);
        self.written = self.room.len();
    }

    /// Takes back the last so many bytes.
    #[inline(always)]
    pub(super) fn take_back(&mut self, count: usize) {
        self.written = self.written.saturating_sub(count);
    }

    /// The same as [`Buffer::block`] where there was too little room.
    #[cold]
    #[inline(never)]
    fn block_beyond(&mut self, block: &[u8], used: usize) {
        self.room.truncate(self.written);
        self.room.extend_from_slice(block);
        self.room.resize(self.room.len() + ROOM_BYTES, 0);
        self.written += used;
    }
}

impl Deref for Buffer {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.room.get(..self.written).unwrap_or_default()
    }
}

impl DerefMut for Buffer {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        self.room.get_mut(..self.written).unwrap_or_default()
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Buffer").field(&self.written).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_before_is_never_told() {
        let mut buffer = Buffer::new();
        buffer.bytes(&[7; 100]);
        for (start, pieces) in [(0, 3), (10, 1), (0, 400), (2, 0)] {
            buffer.bytes(b"secret");
            buffer.truncate(start);
            let kept = buffer.to_vec();
            for _ in 0..pieces {
                buffer.block(b"ab______", 2);
            }
            assert_eq!(*buffer, [&kept[..], &b"ab".repeat(pieces)].concat());
            assert_eq!(buffer.clone().into_vec(), *buffer);
            buffer.json("x");
            assert_eq!(buffer.last_chunk(), Some(b"\"x\""));
        }
        buffer.clear();
        assert!(buffer.is_empty());
        assert!(buffer.into_vec().is_empty());
    }
}
