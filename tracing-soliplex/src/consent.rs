//! What the user allows, from one moment to the next.
//!
//! Withdrawing it takes effect on the calling thread, giving it again on the worker's: what was kept
//! before has to be wiped first, and whatever is captured before that is done is wiped with it.

use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::mpsc::sync_channel;

use crate::capture::Capture;
use crate::command::{Command, Consent};
use crate::soliplex::{GRACE, Soliplex};

impl Soliplex {
    /// What the user allows. Withdrawing it wipes what is stored and not yet sent; giving it again
    /// begins another session.
    ///
    /// Withdrawn, nothing is captured when this returns. Given again, it waits until what was there
    /// before is wiped, at most a quarter of a second; where a disk takes longer, what is logged
    /// in the meantime is not captured.
    pub fn set_consent(&self, consent: Consent) {
        let capture = &self.inner.capture;
        let was_denied = capture.denied.load(Relaxed);
        if consent == Consent::Denied {
            capture.withdraw();
            capture.breadcrumbs.refuse();
        }
        let (reply, answer) = sync_channel(1);
        let inner = Arc::downgrade(&self.inner);
        self.command(Command::SetConsent(
            consent,
            Box::new(move || {
                if let Some(inner) = inner.upgrade() {
                    Soliplex { inner }.catch_up();
                }
                let _ = reply.try_send(());
            }),
        ));
        if was_denied && consent != Consent::Denied {
            // A worker that has ended answers by dropping the question.
            let _ = answer.recv_timeout(GRACE);
        }
    }
}

// Withdrawals are counted, so that the worker, which is still about to obey a change of mind, does
// not undo the one after it.
impl Capture {
    /// Captures nothing from now on.
    pub(crate) fn withdraw(&self) {
        self.withdrawals.fetch_add(1, SeqCst);
        self.denied.store(true, SeqCst);
    }

    /// Whether consent was withdrawn more often than `obeyed`.
    pub(crate) fn is_withdrawn_since(&self, obeyed: u64) -> bool {
        self.withdrawals.load(SeqCst) != obeyed
    }

    /// Captures again, unless consent was withdrawn once more; whether it does.
    pub(crate) fn readmit(&self, obeyed: u64) -> bool {
        if self.is_withdrawn_since(obeyed) {
            return false;
        }
        self.denied.store(false, SeqCst);
        // Whoever counted in between may have denied it before that.
        let stays = !self.is_withdrawn_since(obeyed);
        if !stays {
            self.denied.store(true, SeqCst);
        }
        stays
    }
}
