//! How a session began is kept as long as anything else of it, and no longer than it is of use.

use super::bounds::{DAY, append_evicting, large};
use super::*;
use std::time::Duration;

/// How a session began.
fn marker(context: u64, seq: u64) -> Record {
    Record {
        context,
        ..record(Lane::Marker, seq)
    }
}

#[test]
fn how_a_session_began_outlives_all_else_of_it_in_a_full_spool() {
    let directory = tempfile::tempdir().unwrap();
    let options = lowest_bound();
    let (mut spool, _) = open(directory.path(), &options).unwrap();
    spool.append_records(&[marker(1, 1)]).unwrap();
    let mut seq = 1;
    let mut evicted = 0;
    // Far more errors of this one session than the spool holds.
    while evicted < 500 {
        seq += 50;
        let errors: Vec<_> = (seq - 49..=seq).map(|seq| large(Lane::High, seq)).collect();
        for eviction in append_evicting(&mut spool, &errors).0 {
            assert_eq!(eviction.lane, Lane::High);
            evicted += eviction.records;
        }
        assert_eq!(spool.waiting()[0], 1, "the marker is still the first");
    }
    // When nothing else of the session is left, it goes before the errors of another one.
    while let Some(peeked) = spool.peek(Cursor::default(), NO_LIMITS).unwrap() {
        spool.confirm(&peeked.handle, &[], 0).unwrap();
    }
    spool.append_records(&[marker(2, 9_000)]).unwrap();
    let evictions = loop {
        seq += 50;
        let errors: Vec<_> = (seq - 49..=seq).map(|seq| large(Lane::High, seq)).collect();
        let (evictions, _) = append_evicting(&mut spool, &errors);
        if !evictions.is_empty() {
            break evictions;
        }
    };
    assert_eq!(evictions[0].lane, Lane::Marker);
    assert_eq!((evictions[0].context, evictions[0].records), (2, 1));
}

#[test]
fn how_a_session_began_outlives_its_records_beyond_the_age_bound() {
    let options = SpoolOptions {
        max_age: Duration::from_secs(86_400),
        ..SpoolOptions::default()
    };
    let mut spool = on_disk_within(&Disk::default(), &options);
    let aged = |days: i64, record: Record| Record {
        unix_nanos: START + days * DAY,
        ..record
    };
    spool.append_records(&[aged(0, marker(1, 1))]).unwrap();
    spool.append_records(&[aged(0, marker(2, 1))]).unwrap();
    spool
        .append_records(&[aged(4, record(Lane::Low, 2))])
        .unwrap();
    let evictions = spool.evict(Some(START + 5 * DAY)).unwrap();
    let contexts: Vec<u64> = evictions.iter().map(|e| e.context).collect();
    assert_eq!(contexts, [2], "only that of the session with nothing left");
    assert_eq!(spool.waiting(), [1, 2]);
    spool.evict(Some(START + 9 * DAY)).unwrap();
    assert_eq!(spool.waiting(), [] as [u64; 0]);
}

#[test]
fn a_dead_letter_does_not_keep_a_full_spool_from_giving_up_markers() {
    let directory = tempfile::tempdir().unwrap();
    let options = SpoolOptions::default();
    let (mut spool, _) = open(directory.path(), &options).unwrap();
    spool.append_records(&[record(Lane::High, 2)]).unwrap();
    let peeked = spool.peek_first();
    let dead = DeadLetter {
        record: 0,
        reason: "refused",
    };
    spool.confirm(&peeked.handle, &[dead], 0).unwrap();
    for seq in 0..3_000 {
        let record = Record {
            payload: vec![7; 1_000],
            ..marker(1, seq)
        };
        spool.append_records(&[record]).unwrap();
    }
    drop(spool);
    // A lower bound than last time: the file has to shrink, whatever has to go for that.
    let lower = lowest_bound();
    let (mut spool, _) = open(directory.path(), &lower).unwrap();
    let evictions = spool.evict(Some(0)).unwrap();
    assert!(
        evictions
            .iter()
            .any(|eviction| eviction.lane == Lane::Marker)
    );
    assert!(spool.stats().file_bytes <= 2_500_000);
}
