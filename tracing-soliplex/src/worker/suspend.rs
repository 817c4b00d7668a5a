//! Letting go of every file and its lock, and taking them again: for hosts that kill what sleeps
//! with a lock in its hand.

use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::Worker;
use super::keep::STORE_RETRY;
use crate::spool::Spool;

impl Worker {
    /// Stores what is in the queue and closes the spool; `false` when something would not go in,
    /// and then nothing is let go of.
    pub(super) fn suspend(&mut self) -> bool {
        if self.suspended {
            return true;
        }
        let end = self.queue.end();
        self.drain_through(end);
        if !self.intake.has_reached(end) {
            return false;
        }
        // A spool without a file stands in, so that there always is one.
        let Ok((stand_in, _)) = Spool::in_memory(self.store.options()) else {
            return false;
        };
        // What is in hand is peeked again afterwards; the server knows the ids.
        (self.flying, self.hand, self.to_send) = (None, None, 0);
        if self.store.path.is_some() {
            self.spool = stand_in;
        }
        self.suspended = true;
        self.diagnostics.set_state(self.state());
        self.queue.unlock().is_ok()
    }

    /// While suspended nothing is done but to try again what [`resume`](Self::resume) could not.
    pub(super) fn wait_for_files(&mut self) {
        if self.resume_at.is_some_and(|then| then <= Instant::now()) {
            self.resume();
        }
    }

    /// Takes the files again. Where somebody else has them, it is tried again, and until then
    /// nothing is captured: two writers would spoil the queue.
    pub(super) fn resume(&mut self) {
        if !self.suspended {
            return;
        }
        let taken = match self.store.reopen() {
            Ok(Some(spool)) => self
                .queue
                .relock()
                .map(|()| self.spool = spool)
                .map_err(Into::into),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Some(capture) = self.capture.upgrade() {
            capture.barred.store(taken.is_err(), Ordering::Relaxed);
        }
        match taken {
            Ok(()) => {
                (self.suspended, self.resume_at) = (false, None);
                self.due = Instant::now();
            }
            Err(error) => {
                self.store_failed(&*error);
                self.resume_at = Some(Instant::now() + STORE_RETRY);
            }
        }
    }
}
