//! Threads from which no layer hears: those of a pipeline, whose HTTP client and store would log into
//! the pipeline what they do to carry off the last record.
//!
//! A scoped dispatcher on such a thread would do the same, at a price for all others: while there is
//! one anywhere, `tracing` looks each thread's own up, and a thread whose locals are gone has none
//! at all. What it logs in its last drops, or the process at exit, would be lost.

use std::cell::Cell;

/// From now on no layer hears this thread: not below a [root](crate::Sanitize::sanitize), nor does a
/// layer that asks [`is_deaf`].
///
/// ```
/// std::thread::spawn(|| {
///     soliplex_sanitize::deafen();
///     assert!(soliplex_sanitize::is_deaf());
/// });
/// ```
pub fn deafen() {
    DEAF.set(true);
}

/// Whether no layer is to hear this thread.
#[inline]
pub fn is_deaf() -> bool {
    DEAF.get()
}

thread_local! {
    /// Without a destructor, so that it is there as long as the thread is.
    static DEAF: Cell<bool> = const { Cell::new(false) };
}
