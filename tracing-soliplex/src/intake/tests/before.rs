//! What an earlier run refused and could not tell.

use super::*;
use crate::run::{End, Found, Lifecycle, Previous};

fn ended_having_refused(refused: u64, is_refused_noted: bool) -> Found {
    Found::Previous(Previous {
        first_session: Uuid::from_u128(7 << 64),
        generation: 0,
        install_id: Uuid::nil(),
        started: 0,
        last_alive: 0,
        run_nanos: 0,
        end: End::Uncleanly,
        lifecycle: Lifecycle::default(),
        refused,
        is_refused_noted,
        stored: 0,
    })
}

#[test]
fn what_an_earlier_run_refused_is_noted_once_whenever_a_start_is_killed() {
    for n in 1.. {
        let disk = Disk::default();
        let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let begin = |folder: &Path| {
            let mut run = Run::begin_on(folder, &disk);
            run.intake.follows(&ended_having_refused(10, true));
            run
        };
        let mut killed = begin(before.path());
        let noted = 4_u64.to_le_bytes();
        killed.spool.put_meta(REFUSED, &noted).unwrap();
        disk.fail_from(n);
        if killed.intake.join(&mut killed.spool).is_ok() {
            let _ = killed.intake.run(&mut killed.spool);
        }
        let has_failed = disk.has_failed();
        drop(killed);
        disk.heal();
        let mut run = begin(after.path()).joined();
        run.store();
        let loss = Loss::counted(DiscardReason::QueueFull.as_str(), 6);
        assert_eq!(run.spool.untold(), [loss.of(7, None)], "call {n}");
        if !has_failed {
            assert!(n > 5, "too few calls to tell anything: {n}");
            return;
        }
    }
}

#[test]
fn a_store_or_a_marker_that_is_another_than_last_time_is_no_loss_and_the_first_is_one() {
    for (noted, is_noted, unnoted) in [
        (None, true, 0),
        (Some(11), true, 0),
        (Some(10), true, 0),
        (None, false, 10),
        (Some(4), false, 6),
    ] {
        let disk = Disk::default();
        let folder = tempfile::tempdir().unwrap();
        let mut run = Run::begin_on(folder.path(), &disk);
        if let Some(noted) = noted {
            run.spool
                .put_meta(REFUSED, &u64::to_le_bytes(noted))
                .unwrap();
        }
        run.intake.follows(&ended_having_refused(10, is_noted));
        let mut run = run.joined();
        run.store();
        let count = |spool: &Spool| -> u64 {
            let counts = spool.untold().iter().filter_map(|loss| loss.count);
            counts.sum()
        };
        assert_eq!(count(&run.spool), unnoted, "{noted:?}");
        run.diagnostics.discard(DiscardReason::QueueFull, 3);
        run.intake.run(&mut run.spool).unwrap();
        assert_eq!(count(&run.spool), unnoted + 3, "{noted:?}");
        let noted = run.spool.meta(REFUSED).unwrap().unwrap();
        assert_eq!(noted, 13_u64.to_le_bytes(), "and goes on from there");
        let stats = run.diagnostics.stats();
        let discarded = stats.total_discarded() - 3;
        assert_eq!((stats.recovered, discarded), (unnoted, unnoted));
    }
}
