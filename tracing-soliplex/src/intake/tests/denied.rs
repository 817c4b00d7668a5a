//! What was on its way into the spool when consent was withdrawn.

use super::*;

/// The disk failed, consent was withdrawn, and what had been stored all the same was counted with what
/// was in the queue, and again with what was in the store.
#[test]
fn what_may_be_stored_when_consent_is_withdrawn_is_counted_once_whichever_call_fails() {
    for n in 1.. {
        let disk = Disk::default();
        let folder = tempfile::tempdir().unwrap();
        let mut run = Run::begin_on(folder.path(), &disk).joined();
        (0..3).for_each(|_| run.log());
        disk.fail_from(n);
        let _ = run.intake.run(&mut run.spool);
        let has_failed = disk.has_failed();
        run.intake.empty_queue();
        disk.heal();
        // As by whoever looks after age meanwhile.
        run.spool.ring_through().unwrap();
        let stored = run.spool.stats().records();
        run.spool.wipe().unwrap();
        run.diagnostics.count(DiscardReason::Denied, stored);
        run.intake.join(&mut run.spool).unwrap();
        run.intake.run_denied(&mut run.spool).unwrap();
        let stats = run.diagnostics.stats();
        assert_eq!(stats.total_discarded(), 3, "call {n}");
        if !has_failed {
            assert!(n > 10, "too few calls to tell anything: {n}");
            return;
        }
    }
}
