//! Appending to a vector in small pieces of known sizes.
//!
//! `Vec::extend_from_slice` asks for room, and calls `memcpy`, at each of them: some thirty
//! instructions for a comma, and an event has forty such pieces. Here room is made for many at a
//! time, filled with zeros, and a piece is two comparisons and one or two stores.

use std::mem;

use serde::Serialize;

/// Zeros appended at a time: most records' members need no more.
const ROOM_BYTES: usize = 512;

/// Appends to a vector, which is empty while it lives.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    /// What has been written, and zeros behind it.
    room: Vec<u8>,
    written: usize,
    /// Where it goes in the end.
    home: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    #[inline]
    pub(super) fn new(home: &'a mut Vec<u8>) -> Writer<'a> {
        let room = mem::take(home);
        let written = room.len();
        Writer {
            room,
            written,
            home,
        }
    }

    /// Appends the first `used` bytes of a block.
    #[inline(always)]
    pub(super) fn block<const N: usize>(&mut self, block: &[u8; N], used: usize) {
        let room = self.room.get_mut(self.written..);
        match room.and_then(|room| room.first_chunk_mut()) {
            Some(place) => {
                *place = *block;
                self.written += used;
            }
            None => self.block_beyond(block, used),
        }
    }

    /// Appends a piece as long as it is.
    #[inline(always)]
    pub(super) fn piece<const N: usize>(&mut self, piece: &[u8; N]) {
        self.block(piece, N);
    }

    /// Appends bytes whose number is not known beforehand.
    #[inline]
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        let room = self.room.get_mut(self.written..);
        match room.and_then(|room| room.get_mut(..bytes.len())) {
            Some(place) => {
                place.copy_from_slice(bytes);
                self.written += bytes.len();
            }
            None => self.block_beyond(bytes, bytes.len()),
        }
    }

    /// Bytes that are written.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.written
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

    /// The same as [`Writer::block`] where there was too little room.
    #[cold]
    #[inline(never)]
    fn block_beyond(&mut self, block: &[u8], used: usize) {
        self.room.truncate(self.written);
        self.room.extend_from_slice(block);
        self.room.resize(self.room.len() + ROOM_BYTES, 0);
        self.written += used;
    }
}

impl Drop for Writer<'_> {
    #[inline]
    fn drop(&mut self) {
        self.room.truncate(self.written);
        *self.home = mem::take(&mut self.room);
    }
}
