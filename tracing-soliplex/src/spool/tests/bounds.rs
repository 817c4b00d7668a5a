//! The byte bound holds on the file itself, the lowest lane's oldest go first, what goes is told,
//! and the file becomes small again.

use super::*;
use std::time::Duration;

pub(super) const DAY: i64 = 24 * 60 * 60 * 1_000_000_000;

pub(super) fn large(lane: Lane, seq: u64) -> Record {
    Record {
        payload: vec![u8::try_from(seq % 251).unwrap(); 2_000],
        ..record(lane, seq)
    }
}

/// Appends as a worker does: when full, evict and try again, without the least of the records where
/// nothing could be evicted for them. Returns what went of those stored, and how many of these.
pub(super) fn append_evicting(spool: &mut Spool, records: &[Record]) -> (Vec<Eviction>, usize) {
    let mut records = records.to_vec();
    let (mut evictions, before) = (Vec::new(), records.len());
    loop {
        match spool.append_records(&records) {
            Ok(_) => return (evictions, before - records.len()),
            Err(AppendError::Full) => {
                let evicted = spool.evict(Some(0)).unwrap();
                if evicted.is_empty() {
                    let lowest = records.iter().map(|record| record.lane).min();
                    records.retain(|record| Some(record.lane) != lowest);
                }
                evictions.extend(evicted);
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn the_file_never_outgrows_its_bound_and_every_record_is_accounted_for() {
    let directory = tempfile::tempdir().unwrap();
    let options = SpoolOptions {
        max_bytes: 4_000_000,
        ..SpoolOptions::default()
    };
    let (mut spool, _) = open(directory.path(), &options).unwrap();
    let mut evicted = 0;
    for batch in 0..80 {
        let records: Vec<_> = (batch * 50..batch * 50 + 50)
            .map(|seq| large(Lane::ALL[usize::try_from(seq % 3).unwrap()], seq))
            .collect();
        let (evictions, refused) = append_evicting(&mut spool, &records);
        evicted += refused as u64;
        evicted += evictions.iter().map(|e| e.records).sum::<u64>();
        let file = std::fs::metadata(directory.path().join("spool.redb")).unwrap();
        assert!(file.len() <= options.max_bytes, "{}", file.len());
        assert_eq!(file.len(), spool.stats().file_bytes);
    }
    assert_eq!(spool.stats().records() + evicted, 4_000);
    assert_eq!(spool.waiting().len() as u64, spool.stats().records());
    let kept = spool
        .stats()
        .lanes
        .iter()
        .map(|lane| lane.bytes)
        .sum::<u64>();
    assert!(
        kept > options.max_bytes / 4,
        "the bound is put to use: {kept}"
    );
}

#[test]
fn the_lowest_lanes_oldest_go_first() {
    let directory = tempfile::tempdir().unwrap();
    let options = lowest_bound();
    let (mut spool, _) = open(directory.path(), &options).unwrap();
    let mut seq = 0;
    let mut batch = |lane| {
        seq += 50;
        (seq - 50..seq)
            .map(|seq| large(lane, seq))
            .collect::<Vec<_>>()
    };
    append_evicting(&mut spool, &batch(Lane::High));
    append_evicting(&mut spool, &batch(Lane::Normal));
    let evictions = loop {
        let (evictions, _) = append_evicting(&mut spool, &batch(Lane::Low));
        if !evictions.is_empty() {
            break evictions;
        }
    };
    assert!(
        evictions.iter().all(|e| e.lane == Lane::Low),
        "{evictions:?}"
    );
    let [first, ..] = &evictions[..] else {
        unreachable!()
    };
    assert_eq!((first.reason, first.first_seq), (EvictReason::Bytes, 100));
    assert_eq!(first.context, 1);
    assert_eq!(spool.untold()[0].facts.as_deref(), Some("facts of 1"));
    assert_eq!(first.last_seq + 1 - first.first_seq, first.records);
    assert_eq!(spool.stats().lanes[2].records, 50);
    assert_eq!(spool.stats().lanes[1].records, 50);
}

#[test]
fn nothing_is_evicted_within_the_bounds() {
    let mut spool = on_disk(&Disk::default());
    spool.append_records(&records(Lane::Low, 0..10)).unwrap();
    assert_eq!(spool.evict(Some(START + 30 * DAY)).unwrap(), []);
}

#[test]
fn what_is_kept_stays_although_it_takes_all_the_room_there_is() {
    let mut spool = on_disk_within(&Disk::default(), &lowest_bound());
    let mut stored = 0;
    while spool.append_records(&[large(Lane::Low, stored)]).is_ok() {
        stored += 1;
    }
    let all = spool.peek_first().handle;
    spool.keep(Some(&all));
    let new: Vec<_> = (0..40).map(|seq| large(Lane::High, stored + seq)).collect();
    assert_eq!(append_evicting(&mut spool, &new), (vec![], 40));
    assert_eq!(spool.evict(Some(i64::MAX)).unwrap(), [], "nor by age");
    assert_eq!(spool.confirm(&all, &[], 0).unwrap().records, stored);
    spool.keep(None);
    assert_eq!(append_evicting(&mut spool, &new), (vec![], 0));
}

#[test]
fn records_older_than_the_age_bound_go() {
    let options = SpoolOptions {
        max_age: Duration::from_secs(86_400),
        ..SpoolOptions::default()
    };
    let mut spool = on_disk_within(&Disk::default(), &options);
    for (seq, days) in [(1, 0), (2, 1), (3, 2)] {
        let record = Record {
            unix_nanos: START + days * DAY,
            ..record(Lane::High, seq)
        };
        spool.append_records(&[record]).unwrap();
    }
    let evictions = spool.evict(Some(START + 2 * DAY)).unwrap();
    let told: Vec<_> = evictions
        .iter()
        .map(|e| (e.reason, e.first_seq, e.last_seq))
        .collect();
    assert_eq!(told, [(EvictReason::Age, 1, 1)]);
    assert_eq!(spool.waiting(), [2, 3]);
}

/// A device without a battery for its clock logs in 1970 until it has met a time server; another
/// was set to the wrong century for a while.
#[test]
fn a_wrong_clock_neither_gives_up_what_is_new_nor_keeps_what_is_old() {
    let mut spool = on_disk(&Disk::default());
    let stamps = [
        (1, START + 400 * DAY),
        (2, DAY),
        (3, START),
        (4, START + 40 * DAY),
        (5, START),
    ];
    for (seq, unix_nanos) in stamps {
        let record = Record {
            unix_nanos,
            ..record(Lane::Normal, seq)
        };
        spool.append_records(&[record]).unwrap();
    }
    let evictions = spool.evict(Some(START + 50 * DAY)).unwrap();
    let told: Vec<_> = evictions.iter().map(|e| (e.first_seq, e.records)).collect();
    assert_eq!(told, [(3, 1)]);
    assert_eq!(
        spool.waiting(),
        [1, 2, 4, 5],
        "4 may stay, and so may 5 behind it"
    );
}

#[test]
fn a_clock_at_either_end_of_time_does_no_harm_beyond_the_age_bound() {
    let mut spool = on_disk(&Disk::default());
    spool.append_records(&records(Lane::Low, 0..2)).unwrap();
    assert_eq!(spool.evict(Some(i64::MIN)).unwrap(), []);
    assert_eq!(spool.evict(Some(i64::MAX)).unwrap().len(), 1);
    assert_eq!(spool.waiting(), [] as [u64; 0]);
}

#[test]
fn the_file_shrinks_again_after_a_backlog() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = in_directory(directory.path());
    for batch in 0..40 {
        let records: Vec<_> = (batch * 50..batch * 50 + 50)
            .map(|s| large(Lane::Low, s))
            .collect();
        spool.append_records(&records).unwrap();
    }
    let grown = spool.stats().file_bytes;
    assert!(grown > 4_000_000, "{grown}");
    let limits = PeekLimits {
        max_records: 100,
        max_bytes: 900_000,
    };
    for _ in 0..19 {
        let peeked = spool.peek(Cursor::default(), limits).unwrap().unwrap();
        spool.confirm(&peeked.handle, &[], 0).unwrap();
    }
    spool.compact_if_worth().unwrap();
    let shrunk = std::fs::metadata(directory.path().join("spool.redb"))
        .unwrap()
        .len();
    assert!(shrunk < 1_500_000, "{shrunk} of {grown}");
    assert_eq!(spool.stats().file_bytes, shrunk);
    assert!(!spool.waiting().is_empty());
}

#[test]
fn a_file_of_tiny_records_is_not_compacted_for_nothing() {
    let mut spool = on_disk(&Disk::default());
    while spool.stats().file_bytes < 4_000_000 {
        for seq in 0..20 {
            let mut tiny = record(Lane::Low, seq);
            tiny.payload.truncate(1);
            // One lane and one context each, so that each is a chunk of its own.
            tiny.context = seq;
            spool.append_records(&vec![tiny; 1]).unwrap();
        }
    }
    assert_eq!(spool.compact_if_worth().unwrap(), None);
}

#[test]
fn a_lower_bound_than_last_time_is_met_by_evicting_and_compacting() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = in_directory(directory.path());
    for batch in 0..40 {
        let records: Vec<_> = (batch * 50..batch * 50 + 50)
            .map(|s| large(Lane::Low, s))
            .collect();
        spool.append_records(&records).unwrap();
    }
    drop(spool);
    let options = lowest_bound();
    let (mut spool, _) = open(directory.path(), &options).unwrap();
    let evictions = spool.evict(Some(0)).unwrap();
    let evicted: u64 = evictions.iter().map(|eviction| eviction.records).sum();
    assert_eq!(evicted + spool.stats().records(), 2_000);
    let file = std::fs::metadata(directory.path().join("spool.redb")).unwrap();
    assert!(file.len() <= 2_500_000, "{}", file.len());
    let kept = spool.stats().lanes[0].bytes;
    assert!(kept > options.max_bytes / 3, "{kept}");
}

#[test]
fn a_full_spool_can_still_be_confirmed() {
    let directory = tempfile::tempdir().unwrap();
    let options = lowest_bound();
    let (mut spool, _) = open(directory.path(), &options).unwrap();
    // Single records fill the file to its last page.
    let mut seq = 0;
    while spool.append_records(&[large(Lane::Low, seq)]).is_ok() {
        seq += 1;
    }
    assert_eq!(spool.stats().records(), seq);
    let mut confirmed = 0;
    let limits = PeekLimits {
        max_records: 100,
        ..NO_LIMITS
    };
    while let Some(peeked) = spool.peek(Cursor::default(), limits).unwrap() {
        confirmed += spool.confirm(&peeked.handle, &[], 0).unwrap().records;
        let file = std::fs::metadata(directory.path().join("spool.redb")).unwrap();
        assert!(file.len() <= options.max_bytes, "{}", file.len());
    }
    assert_eq!(confirmed, seq);
}

#[test]
fn dead_letters_beyond_the_reserve_are_kept_at_the_bound_and_the_bound_holds() {
    let directory = tempfile::tempdir().unwrap();
    let options = lowest_bound();
    let (mut spool, _) = open(directory.path(), &options).unwrap();
    for batch in 0.. {
        let records: Vec<_> = (batch * 40..batch * 40 + 40)
            .map(|seq| Record {
                payload: vec![9; 10_000],
                ..record(Lane::Normal, seq)
            })
            .collect();
        if spool.append_records(&records).is_err() {
            break;
        }
    }
    let limits = PeekLimits {
        max_records: 100,
        max_bytes: 900_000,
    };
    let peeked = spool.peek(Cursor::default(), limits).unwrap().unwrap();
    let dead: Vec<_> = (0..peeked.records.len())
        .map(|record| DeadLetter {
            record,
            reason: "no",
        })
        .collect();
    let confirmed = spool.confirm(&peeked.handle, &dead, 0).unwrap();
    assert_eq!(confirmed.dead, dead.len() as u64);
    let kept = spool.stats().dead;
    assert_eq!(confirmed.dead_dropped + kept, confirmed.dead);
    let reserve = limits::RESERVE_BYTES as u64;
    assert!(kept * 10_000 > reserve, "{kept}");
    let file = std::fs::metadata(directory.path().join("spool.redb")).unwrap();
    assert!(file.len() <= options.max_bytes, "{}", file.len());
}

/// At the lowest bound they lay everywhere in the file, and nothing was stored any more.
#[test]
fn however_many_die_there_is_room_for_those_still_to_go() {
    let mut spool = on_disk_within(&Disk::default(), &lowest_bound());
    let one_by_one = PeekLimits {
        max_records: 1,
        ..NO_LIMITS
    };
    for round in 0..4 {
        let mut stored = 0;
        while spool.append_records(&[large(Lane::Low, stored)]).is_ok() {
            stored += 1;
        }
        assert!(stored > 100, "{round}: {stored}");
        while let Some(peeked) = spool.peek(Cursor::default(), one_by_one).unwrap() {
            let dead = [DeadLetter {
                record: 0,
                reason: "no",
            }];
            spool.confirm(&peeked.handle, &dead, 0).unwrap();
        }
    }
}
