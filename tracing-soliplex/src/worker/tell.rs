//! Telling the server what was given up.
//!
//! Losses add up in the spool's ledger until there is something to be sent with: an outage of days
//! is told by one record a session and reason, and not by one for each time that room was made.

use super::Worker;

impl Worker {
    /// Has records made of the losses that none tells of, if anything is sent at all.
    pub(super) fn tell_losses(&mut self) {
        let rests = self.store_retry.is_some() || self.disk_full_until.is_some();
        if !self.may_send() || rests || self.spool.untold().is_empty() {
            return;
        }
        let told = self.intake.tell(&mut self.spool);
        self.stored(told);
    }
}
