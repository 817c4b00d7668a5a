//! What is left of records when consent is withdrawn: nothing, in the queue, in the spool, in what
//! was set aside of either, or among the breadcrumbs.

use std::error::Error;
use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::Worker;
use crate::command::Consent;
use crate::diagnostics::DiscardReason;
use crate::start_marker::{self, Another};

impl Worker {
    /// Consent is withdrawn: what is on its way is called back, and what is stored is deleted as
    /// soon as the files are ours.
    pub(super) fn begin_wipe(&mut self) {
        (self.flying, self.hand, self.to_send) = (None, None, 0);
        (self.wipe_due, self.refused, self.on_readmitted) = (true, true, None);
        self.withdrawals += 1;
        self.breadcrumbs.refuse();
        if let Some(capture) = self.capture.upgrade() {
            // Whoever withdrew it has done so already. But where one thread gave consent while
            // another withdrew it, the commands decide, and not the threads.
            capture.denied.store(true, Ordering::Relaxed);
        }
        let run = &self.intake.session().run;
        run.forget();
        // Nor does a loss of power bring it back.
        run.sync();
    }

    /// Deletes what is stored, if that was asked for; tries again until everything is gone.
    pub(super) fn wipe_if_due(&mut self) {
        if self.settings.consent == Consent::Denied {
            self.breadcrumbs.wipe();
        }
        let rests = self.store_retry.is_some_and(|then| then > Instant::now());
        if !self.wipe_due || rests {
            return;
        }
        if let Some(capture) = self.capture.upgrade() {
            start_marker::forgive(&capture);
        }
        match self.wipe() {
            Ok(()) => {
                self.wipe_due = false;
                self.intake.session().run.has_wiped();
            }
            Err(error) => {
                // A disk that fails is no reason to keep what needs no disk to go.
                self.intake.empty_queue();
                self.store_failed(&*error);
            }
        }
        self.publish();
    }

    /// Has all go that needs no store, while that cannot be had and the other files are ours.
    pub(super) fn wipe_without_store(&mut self) {
        if self.wipe_due && !self.let_go && self.queue.is_durable() {
            self.breadcrumbs.wipe();
            self.intake.empty_queue();
        }
    }

    /// Captures again if the user has changed their mind back, once nothing is left to wipe and the
    /// files are ours: what is logged before would be wiped with the rest.
    pub(super) fn readmit(&mut self) {
        if self.settings.consent == Consent::Denied {
            return;
        }
        if self.refused {
            if self.wipe_due || self.let_go {
                return;
            }
            if let Some(capture) = self.capture.upgrade() {
                if capture.is_withdrawn_since(self.withdrawals) {
                    // The command that says so is on its way.
                    return;
                }
                if !start_marker::begin_another(&capture, Another::Consent) {
                    // The next turn tries again.
                    return;
                }
                self.breadcrumbs.reopen();
                self.breadcrumbs.follow(|| capture.session.session_id());
                // Only now, so that the start marker comes before all else in its session.
                if !capture.readmit(self.withdrawals) {
                    return self.breadcrumbs.refuse();
                }
            }
            self.refused = false;
        }
        if let Some(readmitted) = self.on_readmitted.take() {
            readmitted();
        }
    }

    fn wipe(&mut self) -> Result<(), Box<dyn Error>> {
        self.breadcrumbs.wipe();
        self.queue.delete_set_aside()?;
        let records = self.spool.stats().records();
        self.spool.wipe()?;
        self.diagnostics.count(DiscardReason::Denied, records);
        self.left += records;
        // The new store has to know again which queue and whose session stand before it.
        self.intake.join(&mut self.spool)?;
        self.intake.run_denied(&mut self.spool)?;
        Ok(())
    }
}
