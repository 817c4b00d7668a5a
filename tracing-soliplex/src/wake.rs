//! How the threads that log make the worker look.
//!
//! They hardly ever do. The worker looks by itself several times a second, so an ordinary record
//! costs its thread no system call, and an error only sets a flag. Only the one push that fills
//! half the queue rouses it.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Shared between the threads that log and the worker.
#[derive(Debug, Default)]
pub(crate) struct Wake {
    urgent: AtomicBool,
    notify: Notify,
}

impl Wake {
    /// An error has been captured: send soon.
    pub(crate) fn note_urgent(&self) {
        self.urgent.store(true, Ordering::Release);
    }

    /// Whether an error has been captured since the last call.
    pub(crate) fn take_urgent(&self) -> bool {
        self.urgent.swap(false, Ordering::Acquire)
    }

    /// Makes the worker look now.
    pub(crate) fn rouse(&self) {
        self.notify.notify_one();
    }

    /// Resolves when the worker has been roused.
    pub(crate) async fn roused(&self) {
        self.notify.notified().await;
    }
}
