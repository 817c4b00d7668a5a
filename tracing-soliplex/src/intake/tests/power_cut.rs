//! A ring that a power cut has taken back, and a spool that it has not.

use super::*;

/// The kernel had not written the ring for a while, and the spool was ahead of it.
#[test]
fn what_is_logged_after_a_power_cut_is_stored_however_far_the_spool_was_ahead() {
    for kills in 0..3 {
        let folder = tempfile::tempdir().unwrap();
        let ring = folder.path().join("queue.ring");
        let mut first = Run::start(folder.path());
        first.log();
        let written = std::fs::read(&ring).unwrap();
        for _ in 0..3 {
            first.log();
            first.store();
        }
        drop(first);
        std::fs::write(&ring, written).unwrap();

        // Starts that are killed before they reach the spool, and when they have.
        for kill in 0..kills {
            let directory = Directory::open(folder.path()).unwrap();
            let (spool, _) = Spool::open_in(directory, &SpoolOptions::default()).unwrap();
            let killed = Run::begin(folder.path(), spool);
            killed.log();
            drop(if kill == 1 { killed.joined() } else { killed });
        }
        let mut last = Run::start(folder.path());
        last.log();
        last.store();
        // Four of the first run, each once, and one of each start since.
        assert_eq!(last.deliver().len(), 5 + kills, "after {kills} kills");
    }
}
