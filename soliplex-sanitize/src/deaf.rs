//! Threads from which no layer hears: those of a pipeline, whose HTTP client and store would log into
//! the pipeline what they do to carry off the last record, and so on without end.
//!
//! A scoped dispatcher on such a thread would keep it from every layer, at a price for all other
//! threads: while there is one anywhere, `tracing` looks each thread's own up, and a thread whose
//! locals are gone has none at all. What it logs in its last drops, or the process at exit, would be
//! lost. So it is asked where it counts: by the [root](crate::Sanitize::sanitize), by
//! [`SanitizeLayer`](crate::SanitizeLayer), and by a layer of a pipeline itself. Only a layer of
//! another kind that stands below no root hears such a thread.

use std::cell::Cell;

/// From now on no layer below a [root](crate::Sanitize::sanitize) or in a
/// [`SanitizeLayer`](crate::SanitizeLayer) hears of an event or a span of this thread, nor does one
/// that asks [`is_deaf`].
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
