//! Memory that may outlive the process: a mapped file, or the heap.
//!
//! The one place in this crate with `unsafe` in it, and the reason it can be one place: whoever
//! uses it asks for a slice of atomic words, never for bytes, so nothing done with it is a data
//! race, whoever else writes to the file.

#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::slice;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use memmap2::{MmapOptions, MmapRaw};

/// Words in the smallest page there is.
const PAGE_WORDS: usize = 4096 / size_of::<AtomicU64>();

/// Words that outlive the process, or at least the thread that wrote them.
pub(crate) enum Memory {
    Mapped(Map),
    Heap(Box<[AtomicU64]>),
}

/// A file's bytes as words, shared with every other mapping of it.
pub(crate) struct Map {
    raw: MmapRaw,
    words: usize,
}

impl Memory {
    /// The first `words` words of `file`, which must be that long and must not be cut while the
    /// map lives: touching a page that is no longer there ends the process.
    pub(crate) fn map(file: &File, words: usize) -> io::Result<Memory> {
        let raw = MmapOptions::new()
            .len(words * size_of::<AtomicU64>())
            .map_raw(file)?;
        let map = Map { raw, words };
        map.touch();
        Ok(Memory::Mapped(map))
    }

    /// Zeros on the heap.
    pub(crate) fn heap(words: usize) -> Memory {
        Memory::Heap((0..words).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Deref for Memory {
    type Target = [AtomicU64];

    #[inline]
    fn deref(&self) -> &[AtomicU64] {
        match self {
            Memory::Mapped(map) => map.words(),
            Memory::Heap(words) => words,
        }
    }
}

impl Map {
    /// Writes to each page, so that the first pushes do not meet its page fault.
    ///
    /// Not with `MAP_POPULATE`, which maps a shared page for reading only.
    fn touch(&self) {
        for page in self.words().chunks(PAGE_WORDS) {
            if let Some(word) = page.first() {
                word.store(word.load(Relaxed), Relaxed);
            }
        }
    }

    #[inline]
    fn words(&self) -> &[AtomicU64] {
        let start = self.raw.as_mut_ptr().cast::<AtomicU64>();
        // SAFETY: `start` is the beginning of a readable and writable mapping of `words` words,
        // made in `Memory::map` and unmapped only when `self` is dropped, after the slice's
        // borrow has ended. A mapping starts on a page, so it is aligned for a word. Any bits are
        // a valid `AtomicU64`. The memory is never reached but through slices of atomics, so
        // other threads and processes change it only in ways an `AtomicU64` allows.
        unsafe { slice::from_raw_parts(start, self.words) }
    }
}
