//! Letting go of every file and its lock, and taking them again: for hosts that kill what sleeps
//! with a lock in its hand. A start that cannot have its folder's store waits for it here too.

use std::error::Error;
use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::Worker;
use super::keep::STORE_RETRY;
use crate::breadcrumbs;
use crate::diagnostics::{Diagnostic, DiscardReason};
use crate::run::Found;
use crate::start_marker;
use crate::store::Joined;

impl Worker {
    /// Stores what is in the queue and closes the spool; `false` when something would not go in,
    /// and then nothing is let go of.
    ///
    /// Nothing more is captured if the queue is in a file: another process may use it from here on.
    pub(super) fn suspend(&mut self) -> bool {
        if self.suspended {
            return self.let_go_of_files();
        }
        self.bar(self.queue.is_durable());
        // Also where the queue is empty: what it refused is to be noted.
        self.take_in();
        let end = self.queue.end();
        self.drain_through(end);
        // A spool without a file stands in, so that there always is one.
        let stand_in = self.store.in_memory();
        let (Ok(stand_in), true) = (stand_in, self.intake.has_reached(end)) else {
            self.bar(false);
            return false;
        };
        // What is in hand is peeked again afterwards; the server knows the ids.
        (self.flying, self.hand, self.to_send) = (None, None, 0);
        self.publish();
        self.delivered_before = Some(self.spool.stats().delivered);
        if self.store.path.is_some() {
            self.spool = stand_in;
        }
        self.suspended = true;
        self.diagnostics.set_state(self.state());
        self.let_go_of_files()
    }

    fn let_go_of_files(&mut self) -> bool {
        self.intake.session().run.suspend(self.clock.moment());
        (self.resume_at, self.store.directory) = (None, None);
        self.let_go = self.queue.is_durable();
        self.bar(self.let_go);
        self.queue.unlock().is_ok()
    }

    /// While suspended nothing is done but to try again what [`resume`](Self::resume) could not.
    pub(super) fn wait_for_files(&mut self) {
        if self.resume_at.is_some_and(|then| then <= Instant::now()) {
            self.resume();
        }
    }

    /// Takes the files again. Where that fails, as when somebody else has them, it is tried again.
    pub(super) fn resume(&mut self) {
        if !self.suspended {
            return self.tell_resumed();
        }
        match self.take_files() {
            Ok(joined) => {
                if let Some(joined) = joined {
                    self.spool = joined.spool;
                    self.account_for_absence(joined.is_fresh);
                }
                (self.suspended, self.resume_at) = (false, None);
                (self.store_retry, self.disk_full_until) = (None, None);
                self.store_failing = false;
                self.due = Instant::now();
                self.publish();
                self.tell_resumed();
            }
            Err(error) => {
                self.store_failed(&*error);
                self.resume_at = Some(Instant::now() + STORE_RETRY);
            }
        }
    }

    fn tell_resumed(&mut self) {
        for resumed in std::mem::take(&mut self.on_resume) {
            resumed();
        }
    }

    /// The folder first and then the queue, in the order in which a start takes them.
    fn take_files(&mut self) -> Result<Option<Joined>, Box<dyn Error>> {
        self.store.lock()?;
        if self.let_go {
            if let Err(error) = self.queue.relock() {
                // Whoever can use the folder is not to be kept from it.
                self.store.directory = None;
                return Err(error.into());
            }
            self.intake.rejoin();
            self.let_go = false;
        }
        self.resume_run();
        self.bar(false);
        self.store.open(&mut self.intake, &self.diagnostics)
    }

    /// Has the marker and the breadcrumbs again, and tells how a run ended that came in between.
    fn resume_run(&self) {
        let session = self.intake.session();
        if session.run.is_held() {
            return;
        }
        let kept = self.breadcrumbs.rejoin();
        if let Some(error) = kept.trouble.clone() {
            let file = breadcrumbs::FILE.to_owned();
            self.diagnostics
                .report(&Diagnostic::FileUnavailable { file, error });
        }
        let found = session.resume_run(self.clock.moment());
        if let (Found::Previous(between), Some(capture)) = (found, self.capture.upgrade()) {
            start_marker::tell_previous(&capture, &between, &kept);
        }
    }

    /// What became of the store in between enters the account: what another process left is found
    /// there, and the store knows what it delivered. What is missing beyond that was given up by that
    /// process, which tells of it, or went with the file.
    fn account_for_absence(&mut self, is_fresh: bool) {
        let waited = self.diagnostics.spooled.load(Ordering::Relaxed);
        let stats = self.spool.stats();
        let before = self.delivered_before.take();
        let delivered = before.map_or(0, |before| stats.delivered.saturating_sub(before));
        let there = stats.records() + delivered;
        let (found, gone) = (there.saturating_sub(waited), waited.saturating_sub(there));
        for (counter, count) in [
            (&self.diagnostics.recovered, found),
            (&self.diagnostics.delivered, delivered),
        ] {
            counter.fetch_add(count, Ordering::Relaxed);
        }
        match is_fresh {
            true => self.diagnostics.discard(DiscardReason::SpoolDamaged, gone),
            false => self.diagnostics.count(DiscardReason::Elsewhere, gone),
        }
    }

    /// Has nothing captured, or captured again.
    fn bar(&self, barred: bool) {
        if let Some(capture) = self.capture.upgrade() {
            capture.barred.store(barred, Ordering::Relaxed);
        }
    }
}
