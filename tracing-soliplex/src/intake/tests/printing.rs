//! Records that are something else printed than they were in the queue.

use soliplex_wire::encode::{Buffer, Members};

use super::*;

#[test]
fn a_record_of_this_run_that_cannot_be_printed_is_torn_and_was_captured_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::start(folder.path());
    let head = run.session.head(Severity::Error, 1);
    run.diagnostics.captured.fetch_add(1, Ordering::Relaxed);
    let packed = [&head.to_bytes(Form::Queued)[..], b"\"message\":\0"].concat();
    run.queue.push(QueueLane::Error, &packed).unwrap();
    run.log();
    run.store();
    let stats = run.diagnostics.stats();
    assert_eq!((stats.captured, stats.recovered), (2, 0));
    assert_eq!(stats.discarded, [(DiscardReason::Torn, 1)]);
    assert_eq!(run.diagnostics.taken_in.load(Ordering::Relaxed), 2);
    let [loss] = run.spool.untold() else {
        panic!("told otherwise");
    };
    assert_eq!(loss.seqs, Some((head.seq, head.seq)), "{loss:?}");
    assert_eq!(run.deliver().len(), 1);
}

/// What fits the queue may be six times as large when it is printed, and a commit has to fit the spool.
#[test]
fn a_commit_is_bounded_by_what_it_stores() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::start(folder.path());
    let mut members = Buffer::new();
    let mut writer = Members::begin(&mut members, Severity::Fatal, "test");
    writer.message(&"\u{1}".repeat(10_600));
    writer.end();
    (0..48).for_each(|_| run.log_members(&members));
    let (mut commits, mut stored) = (0, 0);
    while stored < 48 {
        stored += run.intake.run(&mut run.spool).unwrap();
        commits += 1;
    }
    // Of some 64 kB each.
    assert!(commits >= 4, "{commits} commits");
}
