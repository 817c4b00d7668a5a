//! The power goes during every sync. What the disk then holds is all that was synced, and of the
//! later writes whichever had reached it: none, all, every other one, the first half, the second.
//!
//! A worker had appended batches and confirmed the odd ones. Every step that had returned before
//! the crash is seen in what is found: no record of it is missing, and no confirmed one is back.
//! The step the crash interrupted has either happened or not.

use super::*;
use std::cell::Cell;
use std::rc::Rc;

/// What the worker knew to be on disk when it was last told.
#[derive(Clone, Debug, Default, PartialEq)]
struct Known {
    waiting: Vec<u64>,
    ring_through: u64,
}

/// Each step is a state the disk may be in. Returns them in order, the last being the one that
/// was interrupted.
fn live_until_power_is_lost(disk: &Disk) -> Vec<Known> {
    let mut history = vec![Known::default()];
    let Ok((mut spool, _)) = ({
        let disk = disk.clone();
        Spool::with_backend(move || Ok(disk.clone()), &SpoolOptions::default())
    }) else {
        return history;
    };
    for round in 0..6 {
        let seqs = round * 10 + 1..round * 10 + 11;
        let mut known = history.last().unwrap().clone();
        known.waiting.extend(seqs.clone());
        known.ring_through = seqs.end - 1;
        history.push(known);
        if spool.append_records(&records(Lane::Normal, seqs)).is_err() {
            return history;
        }
        if round % 2 == 0 {
            let limits = PeekLimits {
                max_records: 10,
                ..NO_LIMITS
            };
            let Ok(Some(peeked)) = spool.peek(Cursor::default(), limits) else {
                return history;
            };
            let mut known = history.last().unwrap().clone();
            known.waiting.drain(..10);
            history.push(known);
            if spool.confirm(&peeked.handle, &[], 0).is_err() {
                return history;
            }
        }
    }
    let mut known = history.last().unwrap().clone();
    known.waiting.clear();
    history.push(known.clone());
    if spool.evict(Some(i64::MAX)).is_err() {
        return history;
    }
    history.push(known);
    let _ = spool.store.compact();
    history
}

/// Whether an unsynced write, by its number, was on the disk when the power went.
type Reached = fn(usize) -> bool;

/// A coin for each write and seed, the same at every run.
fn is_lucky(n: usize, seed: u64) -> bool {
    let mixed = (n as u64 + seed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed.rotate_left(17) & 1 == 0
}

fn found(disk: &Disk) -> Known {
    let mut spool = on_disk(disk);
    let waiting = spool.waiting();
    assert_eq!(spool.stats().records(), waiting.len() as u64);
    let ring_through = spool.ring_through().unwrap();
    // What was found must also bear more of the same.
    spool
        .append_records(&records(Lane::High, 1_000..1_002))
        .unwrap();
    assert_eq!(spool.waiting().len(), waiting.len() + 2);
    Known {
        waiting,
        ring_through,
    }
}

#[test]
fn every_step_told_to_be_durable_is_found_after_a_crash_at_any_sync() {
    for sync in 1.. {
        let disk = Disk::default();
        disk.watch_syncs();
        disk.lose_power_at_sync(sync);
        let history = live_until_power_is_lost(&disk);
        if disk.has_power() {
            assert!(sync > 10, "too few syncs to tell anything: {sync}");
            return;
        }
        let allowed = &history[history.len().saturating_sub(2)..];
        let reached: [(&str, Reached); 8] = [
            ("none", |_| false),
            ("all", |_| true),
            ("every other", |n| n % 2 == 0),
            ("the first", |n| n < 3),
            ("the later", |n| n >= 3),
            ("some", |n| is_lucky(n, 1)),
            ("some others", |n| is_lucky(n, 2)),
            ("others still", |n| is_lucky(n, 3)),
        ];
        for (name, reached) in reached {
            let found = found(&disk.after_power_loss(reached));
            assert!(
                allowed.contains(&found),
                "sync {sync}, {name} of the unsynced writes: {found:?}, not of {allowed:?}"
            );
        }
    }
}

/// Whether redb walks through all of the file when it opens it.
fn is_repaired(disk: Disk) -> bool {
    let repaired = Rc::new(Cell::new(false));
    let note = Rc::clone(&repaired);
    redb::Database::builder()
        .set_repair_callback(move |_| note.set(true))
        .create_with_backend(disk)
        .unwrap();
    repaired.get()
}

#[test]
fn a_large_file_is_not_walked_through_after_a_crash() {
    let options = SpoolOptions {
        max_bytes: 4 * limits::QUICK_REPAIR_FROM,
        ..SpoolOptions::default()
    };
    let disk = Disk::default();
    let mut spool = on_disk_within(&disk, &options);
    let mut records = records(Lane::Normal, 1..3);
    for record in &mut records {
        record.payload = vec![b'x'; 1 << 20];
    }
    while (disk.len() as u64) < limits::QUICK_REPAIR_FROM {
        spool.append_records(&records).unwrap();
    }
    assert!(is_repaired(disk.as_left()), "one commit too early");
    spool.append_records(&records).unwrap();
    assert!(!is_repaired(disk.as_left()));
}
