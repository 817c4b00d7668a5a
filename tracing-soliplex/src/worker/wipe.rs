//! What is left of records when consent is withdrawn: nothing, in the queue, in the spool, in what
//! was set aside of either, or among the breadcrumbs.

use std::io;

use tokio::time::Instant;

use super::Worker;
use crate::command::Consent;
use crate::diagnostics::DiscardReason;

impl Worker {
    /// Consent is withdrawn: what is on its way is called back, and what is stored is deleted as
    /// soon as the files are ours.
    pub(super) fn begin_wipe(&mut self) {
        (self.flying, self.hand, self.to_send) = (None, None, 0);
        self.wipe_due = true;
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
        while self.intake.discard_queued(DiscardReason::Denied) {}
        let records = self.spool.stats().records();
        if let Err(error) = self.wipe() {
            return self.store_failed(&error);
        }
        self.wipe_due = false;
        self.reopen_breadcrumbs();
        self.diagnostics
            .discard(DiscardReason::Denied, records, None);
        self.left += records;
        // The new store has to know again which queue and whose session stand before it.
        if let Err(error) = self.intake.join(&mut self.spool) {
            self.store_failed(&error);
        }
        self.publish();
    }

    /// Keeps breadcrumbs again if the user has changed their mind back and nothing is left to wipe.
    pub(super) fn reopen_breadcrumbs(&self) {
        if !self.wipe_due && self.settings.consent != Consent::Denied {
            self.breadcrumbs.reopen();
        }
    }

    fn wipe(&mut self) -> io::Result<()> {
        self.breadcrumbs.wipe();
        self.queue.delete_set_aside()?;
        self.spool.wipe()
    }
}
