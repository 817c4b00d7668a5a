//! Tells whoever watches the pipeline that something about it has changed.
//!
//! The worker looks once a turn, and only while somebody watches. That something has changed is
//! all that is told; what it is now, the one who watches reads himself.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::diagnostics::Stats;

/// Shared between the worker and those who watch.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    watchers: AtomicUsize,
    last: Mutex<Last>,
    /// Wakes threads, as `notify` wakes tasks.
    condvar: Condvar,
    notify: Notify,
}

#[derive(Debug, Default)]
struct Last {
    version: u64,
    stats: Stats,
}

impl Changes {
    /// Somebody watches from now on.
    pub(crate) fn watch(&self) {
        self.watchers.fetch_add(1, Ordering::Relaxed);
    }

    /// Somebody no longer watches.
    pub(crate) fn unwatch(&self) {
        self.watchers.fetch_sub(1, Ordering::Relaxed);
    }

    /// Compares what is counted now with what was counted at the last look.
    pub(crate) fn look(&self, stats: impl FnOnce() -> Stats) {
        if self.watchers.load(Ordering::Relaxed) == 0 {
            return;
        }
        let now = stats();
        let mut last = self.lock();
        if last.stats != now {
            last.stats = now;
            self.wake(last);
        }
    }

    /// Something has changed that is not counted.
    pub(crate) fn tell(&self) {
        self.wake(self.lock());
    }

    /// Grows with each change.
    pub(crate) fn version(&self) -> u64 {
        self.lock().version
    }

    /// Waits until there is another version, at most that long.
    pub(crate) fn wait(&self, seen: u64, timeout: Duration) {
        let same = |last: &mut Last| last.version == seen;
        drop(self.condvar.wait_timeout_while(self.lock(), timeout, same));
    }

    /// Resolves when there is another version.
    pub(crate) async fn after(&self, seen: u64) {
        let mut told = std::pin::pin!(self.notify.notified());
        // Waits from here on, so that no change is missed between the look and the await.
        told.as_mut().enable();
        if self.version() == seen {
            told.await;
        }
    }

    fn wake(&self, mut last: MutexGuard<'_, Last>) {
        last.version += 1;
        drop(last);
        self.condvar.notify_all();
        self.notify.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
