//! What the ring asks of its memory: 64-bit words that are loaded, stored and exchanged.
//!
//! In production a [`Word`] is an [`AtomicU64`]. It is a trait because two tests put something
//! else there: one explores every interleaving under the memory model, the other copies the ring
//! before each store, as a killed process would leave it.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes in a word; every position and size in the ring is a multiple of it.
pub(super) const WORD_BYTES: u64 = 8;

/// A word's bytes.
pub(super) type Chunk = [u8; WORD_BYTES as usize];

/// One aligned 64-bit cell that several threads use at once.
pub(super) trait Word {
    fn load(&self, order: Ordering) -> u64;
    fn store(&self, value: u64, order: Ordering);
    /// Stores `new` if the cell holds `current`; may fail although it does. Success releases, and
    /// failure acquires what the cell holds instead.
    fn exchange(&self, current: u64, new: u64) -> Result<u64, u64>;
}

impl Word for AtomicU64 {
    #[inline]
    fn load(&self, order: Ordering) -> u64 {
        self.load(order)
    }

    #[inline]
    fn store(&self, value: u64, order: Ordering) {
        self.store(value, order);
    }

    #[inline]
    fn exchange(&self, current: u64, new: u64) -> Result<u64, u64> {
        self.compare_exchange_weak(current, new, Ordering::Release, Ordering::Acquire)
    }
}
