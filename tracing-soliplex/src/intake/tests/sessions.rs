//! Whose records they are that a killed run left in the ring, more than one commit of them.

use super::*;

/// The largest that are taken, so that a commit has few.
const TEXT_BYTES: usize = 60_000;

impl Run {
    fn log_many(&self, count: usize) {
        let head = |seq| {
            self.session
                .head(Severity::Fatal, seq)
                .to_bytes(Form::Queued)
        };
        let text = "x".repeat(TEXT_BYTES);
        for seq in 1..=count {
            let frame = [&head(seq as i64)[..], text.as_bytes()].concat();
            self.queue.push(QueueLane::Error, &frame).unwrap();
        }
    }
}

/// A run that logs more than a commit takes and dies before its first one. Whose records they are
/// stood before the first of them, and left the queue with it.
#[test]
fn records_of_a_killed_run_keep_its_session_over_commits_that_are_delivered_and_starts_that_are_killed()
 {
    let folder = tempfile::tempdir().unwrap();
    let first = Run::start(folder.path());
    let count = 6 * MAX_COMMIT_BYTES / TEXT_BYTES;
    first.log_many(count);
    let facts = first.session.facts(first.session.context());
    drop(first);

    let mut delivered = Vec::new();
    for _ in 0..6 {
        let mut next = Run::start(folder.path());
        next.intake.run(&mut next.spool).unwrap();
        delivered.extend(next.deliver());
    }
    let mut last = Run::start(folder.path());
    last.store();
    delivered.extend(last.deliver());
    delivered.retain(|of| *of == facts);
    assert_eq!(delivered.len(), count);
}

#[test]
fn records_of_one_session_keep_it_when_their_first_commit_was_delivered_before_the_second() {
    let folder = tempfile::tempdir().unwrap();
    let first = Run::start(folder.path());
    first.log_many(20);
    let facts = first.session.facts(first.session.context());
    drop(first);

    let mut second = Run::start(folder.path());
    let mut delivered = Vec::new();
    while delivered.len() < 20 {
        second.intake.run(&mut second.spool).unwrap();
        delivered.extend(second.deliver());
    }
    assert_eq!(delivered, vec![facts; 20]);
}
