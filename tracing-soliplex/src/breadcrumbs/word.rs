//! What the ring asks of its memory: 64-bit words that several threads use at once.
//!
//! In production a [`Word`] is an [`AtomicU64`]. It is a trait because two tests put something
//! else there: one explores every interleaving under the memory model, the other copies the ring
//! before each store, as a killed process would leave it.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes in a word.
pub(super) const WORD_BYTES: usize = 8;

/// One aligned 64-bit cell.
pub(super) trait Word {
    fn load(&self, order: Ordering) -> u64;
    fn store(&self, value: u64, order: Ordering);
    /// Stores `new` if the cell holds `current`, and says whether it did. The order is relaxed.
    fn exchange(&self, current: u64, new: u64) -> bool;
    /// Adds one and returns what was there before. The order is relaxed.
    fn increment(&self) -> u64;
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
    fn exchange(&self, current: u64, new: u64) -> bool {
        self.compare_exchange(current, new, Relaxed, Relaxed)
            .is_ok()
    }

    #[inline]
    fn increment(&self) -> u64 {
        self.fetch_add(1, Relaxed)
    }
}
