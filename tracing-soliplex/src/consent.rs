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
    /// What the user allows. Withdrawing it wipes what is stored and not yet sent, and what a process
    /// that ends before that is done has left, the next start wipes; giving it again begins another
    /// session. The next start tells nothing of the run up to then, nor of its end.
    ///
    /// Withdrawn, nothing is captured when this returns, and no field that a span was given before
    /// or is given from then on goes with a later record either. Given again, it waits until what
    /// was there before is wiped, at most a quarter of a second; where a disk takes longer, what is
    /// logged in the meantime is not captured.
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
        // Last, so that fields which are taken in meanwhile are forgotten too.
        self.forgotten.fetch_add(1, SeqCst);
        self.session.run.forget();
    }

    /// Whether consent was withdrawn more often than `obeyed`.
    pub(crate) fn is_withdrawn_since(&self, obeyed: u64) -> bool {
        self.withdrawals.load(SeqCst) != obeyed
    }

    /// Captures again, unless consent was withdrawn once more; whether it does.
    ///
    /// If it does not, the marker is forgotten: the session that was about to begin may have written
    /// it after the withdrawal had it forgotten.
    pub(crate) fn readmit(&self, obeyed: u64) -> bool {
        if self.is_withdrawn_since(obeyed) {
            self.session.run.forget();
            return false;
        }
        self.denied.store(false, SeqCst);
        // Whoever counted in between may have denied it before that.
        let stays = !self.is_withdrawn_since(obeyed);
        if !stays {
            self.denied.store(true, SeqCst);
            self.session.run.forget();
        }
        stays
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::PanicHook;
    use crate::builder::Builder;
    use crate::run::{self, End, Found};
    use crate::start_marker::{self, Another};

    const SOON: Duration = Duration::from_secs(30);

    fn builder(store: &Path) -> Builder {
        let builder = Soliplex::builder("app", "1").store_dir(store);
        builder.panic_hook(PanicHook::Off)
    }

    /// What a start on this directory would find now, as after a kill.
    fn found(store: &Path) -> Found {
        run::found_elsewhere(&store.join(run::FILE))
    }

    #[test]
    fn a_run_without_consent_leaves_nothing_of_it_or_of_those_before_to_be_told() {
        let store = tempfile::tempdir().unwrap();
        let granted = builder(store.path()).start().unwrap();
        let _ = granted.shutdown(SOON);
        assert!(matches!(found(store.path()), Found::Previous(_)));

        let denied = builder(store.path()).consent(Consent::Denied);
        let denied = denied.start().unwrap();
        assert_eq!(found(store.path()), Found::Nothing);
        let _ = denied.on_hidden();
        let _ = denied.shutdown(SOON);
        assert_eq!(found(store.path()), Found::Nothing);
    }

    #[test]
    fn withdrawn_consent_is_no_end_to_be_told_and_given_again_the_run_begins_anew() {
        let store = tempfile::tempdir().unwrap();
        let soliplex = builder(store.path()).start().unwrap();
        soliplex.set_consent(Consent::Denied);
        assert_eq!(found(store.path()), Found::Nothing);
        assert!(soliplex.suspend(SOON));
        soliplex.resume();
        let _ = soliplex.flush(SOON);
        assert_eq!(found(store.path()), Found::Nothing, "awake again");

        let before = soliplex.inner.capture.clock.unix_nanos();
        soliplex.set_consent(Consent::Granted);
        let _ = soliplex.flush(SOON);
        let Found::Previous(again) = found(store.path()) else {
            panic!("no marker");
        };
        assert_eq!((again.generation, again.end), (1, End::Uncleanly));
        assert!(again.started >= before, "{again:?}");
    }

    /// The worker had seen no withdrawal when it began the session, and saw one when that had begun.
    #[test]
    fn a_session_that_a_withdrawal_overtakes_leaves_no_marker() {
        let store = tempfile::tempdir().unwrap();
        let soliplex = builder(store.path()).start().unwrap();
        let capture = &soliplex.inner.capture;
        let obeyed = capture.withdrawals.load(SeqCst);
        capture.withdraw();
        assert!(start_marker::begin_another(capture, Another::Consent));
        assert!(matches!(found(store.path()), Found::Previous(_)));
        assert!(!capture.readmit(obeyed));
        assert_eq!(found(store.path()), Found::Nothing);
    }

    /// Withdrawn, and killed before the worker had deleted anything.
    #[test]
    fn what_a_withdrawal_left_to_be_deleted_is_deleted_by_the_next_start_and_never_sent() {
        const SECRET: &[u8] = b"before the withdrawal";
        let store = tempfile::tempdir().unwrap();
        let holding = |file: &str| {
            let bytes = std::fs::read(store.path().join(file)).unwrap();
            bytes.windows(SECRET.len()).any(|found| found == SECRET)
        };
        let before = builder(store.path()).start().unwrap();
        let tell = || {
            before.inner.capture.tell(
                "app",
                "before the withdrawal",
                "before the withdrawal",
                |_| (),
            )
        };
        assert!(tell());
        let _ = before.shutdown(SOON);
        // Nobody stores this one any more.
        assert!(tell());
        before.inner.capture.session.run.forget();
        drop(before);
        let (run, _) = run::Run::open(&store.path().join(run::FILE));
        run.forget();
        drop(run);
        for file in ["spool.redb", "queue.ring", "breadcrumbs.ring"] {
            assert!(holding(file), "{file}");
        }
        let aside = store.path().join("queue.ring.set-aside");
        std::fs::write(&aside, SECRET).unwrap();

        let next = builder(store.path()).start().unwrap();
        let _ = next.flush(SOON);
        let stats = next.stats();
        let denied = [(crate::DiscardReason::Denied, 3)];
        assert_eq!(
            (stats.recovered, &*stats.discarded),
            (3, &denied[..]),
            "{stats:?}"
        );
        // Its own start.
        assert_eq!(stats.waiting, 1, "{stats:?}");
        assert!(next.recent(&crate::Filter::new()).records.is_empty());
        for file in ["spool.redb", "queue.ring", "breadcrumbs.ring"] {
            assert!(!holding(file), "{file}");
        }
        assert!(!aside.exists());
        assert!(matches!(found(store.path()), Found::Previous(_)));
    }
}
