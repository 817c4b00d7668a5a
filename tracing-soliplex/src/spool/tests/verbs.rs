//! Append, peek, confirm, and what stands beside them, on a disk that behaves.

use super::*;

#[test]
fn records_come_back_whole_and_by_age_across_lanes() {
    let mut spool = on_disk(&Disk::default());
    let [a, b, c] = [
        record(Lane::High, 1),
        record(Lane::Low, 2),
        record(Lane::High, 3),
    ];
    let appended = spool
        .append_records(&[a.clone(), b.clone(), c.clone()])
        .unwrap();
    assert_eq!((appended.records, appended.chunks), (3, 2));

    let peeked = spool.peek_first();
    let expected: Vec<_> = [a, b, c]
        .into_iter()
        .map(|Record { seq, payload, .. }| StoredRecord { seq, payload })
        .collect();
    assert_eq!(peeked.records, expected);
    assert_eq!(peeked.facts, b"facts of 1");
}

#[test]
fn a_peek_removes_nothing() {
    let mut spool = on_disk(&Disk::default());
    spool.append_records(&records(Lane::Normal, 0..5)).unwrap();
    spool.peek_first();
    assert_eq!(spool.waiting(), [0, 1, 2, 3, 4]);
}

#[test]
fn confirmed_records_are_gone_and_the_rest_stays() {
    let mut spool = on_disk(&Disk::default());
    spool.append_records(&records(Lane::Normal, 0..5)).unwrap();
    let peeked = spool.peek_first();
    spool.append_records(&records(Lane::Normal, 5..8)).unwrap();
    let confirmed = spool.confirm(&peeked.handle, &[], 0).unwrap();
    assert_eq!((confirmed.records, confirmed.missing), (5, 0));
    assert_eq!(spool.waiting(), [5, 6, 7]);
}

#[test]
fn confirming_twice_removes_once() {
    let mut spool = on_disk(&Disk::default());
    spool.append_records(&records(Lane::Normal, 0..2)).unwrap();
    let peeked = spool.peek_first();
    let dead = [DeadLetter {
        record: 1,
        reason: "bad",
    }];
    spool.confirm(&peeked.handle, &dead, 0).unwrap();
    spool.append_records(&records(Lane::Normal, 2..4)).unwrap();
    let again = spool.confirm(&peeked.handle, &dead, 0).unwrap();
    assert_eq!((again.records, again.dead, again.missing), (0, 0, 2));
    assert_eq!(spool.waiting(), [2, 3]);
    assert_eq!(spool.dead_letters().unwrap().len(), 1);
}

#[test]
fn a_batch_holds_one_context_and_stops_at_the_next() {
    let mut spool = on_disk(&Disk::default());
    for (seq, context) in [(1, 1), (2, 1), (3, 2), (4, 1)] {
        let mut record = record(Lane::Normal, seq);
        record.context = context;
        spool.append_records(&[record]).unwrap();
    }
    let seqs = |peeked: &Peeked| peeked.records.iter().map(|r| r.seq).collect::<Vec<_>>();
    let first = spool.peek_first();
    assert_eq!(
        (&first.facts[..], seqs(&first)),
        (&b"facts of 1"[..], vec![1, 2])
    );
    let second = spool
        .peek(first.handle.cursor(), NO_LIMITS)
        .unwrap()
        .unwrap();
    assert_eq!(
        (&second.facts[..], seqs(&second)),
        (&b"facts of 2"[..], vec![3])
    );
}

#[test]
fn a_peek_keeps_to_its_limits_but_for_the_first_chunk() {
    let mut spool = on_disk(&Disk::default());
    for start in [0, 10, 20] {
        spool
            .append_records(&records(Lane::Normal, start..start + 10))
            .unwrap();
    }
    for (max_records, max_bytes, expected) in [
        (20, u64::MAX, 20),
        (29, u64::MAX, 20),
        (30, u64::MAX, 30),
        (1, u64::MAX, 10),
        (100, 170, 20),
        (100, 1, 10),
    ] {
        let limits = PeekLimits {
            max_records,
            max_bytes,
        };
        let peeked = spool.peek(Cursor::default(), limits).unwrap().unwrap();
        assert_eq!(peeked.records.len(), expected, "{limits:?}");
    }
}

#[test]
fn a_spool_without_a_cache_does_the_same() {
    let options = SpoolOptions {
        cache_bytes: 0,
        ..SpoolOptions::default()
    };
    let (mut spool, _) = Spool::in_memory(&options).unwrap();
    spool.append_records(&records(Lane::Low, 1..200)).unwrap();
    let peeked = spool.peek_first();
    assert_eq!(spool.confirm(&peeked.handle, &[], 0).unwrap().missing, 0);
    assert_eq!(spool.waiting().len() + peeked.records.len(), 199);
}

#[test]
fn an_empty_spool_has_nothing_to_peek() {
    let mut spool = on_disk(&Disk::default());
    assert!(spool.peek(Cursor::default(), NO_LIMITS).unwrap().is_none());
}

#[test]
fn the_facts_of_a_context_leave_with_its_last_record() {
    let mut spool = on_disk(&Disk::default());
    spool
        .append_with(&records(Lane::Low, 0..1), FACTS, 0)
        .unwrap();
    // The second append does not repeat the facts, and need not.
    spool
        .append_with(&records(Lane::High, 1..2), &[], 1)
        .unwrap();
    let first = spool.peek(
        Cursor::default(),
        PeekLimits {
            max_records: 1,
            ..NO_LIMITS
        },
    );
    spool
        .confirm(&first.unwrap().unwrap().handle, &[], 0)
        .unwrap();
    assert_eq!(spool.peek_first().facts, b"facts of 1");
    let rest = spool.peek_first();
    spool.confirm(&rest.handle, &[], 0).unwrap();

    spool
        .append_with(&records(Lane::Low, 2..3), &[], 2)
        .unwrap();
    assert_eq!(spool.peek_first().facts, b"");
}

#[test]
fn facts_no_record_names_are_not_kept() {
    let mut spool = on_disk(&Disk::default());
    spool
        .append_with(&records(Lane::Low, 0..1), FACTS, 0)
        .unwrap();
    let mut other = record(Lane::Low, 1);
    other.context = 2;
    spool.append_with(&[other], &[], 1).unwrap();
    let first = spool.peek_first();
    let second = spool
        .peek(first.handle.cursor(), NO_LIMITS)
        .unwrap()
        .unwrap();
    assert_eq!(second.facts, b"");
}

#[test]
fn the_rings_position_is_stored_with_the_records() {
    let disk = Disk::default();
    let mut spool = on_disk(&disk);
    assert_eq!(spool.ring_through().unwrap(), 0);
    spool
        .append_with(&records(Lane::Low, 0..1), FACTS, 4711)
        .unwrap();
    drop(spool);
    assert_eq!(on_disk(&disk).ring_through().unwrap(), 4711);
}

#[test]
fn refused_records_become_dead_letters_with_their_reason() {
    let disk = Disk::default();
    let mut spool = on_disk(&disk);
    spool.append_records(&records(Lane::Normal, 0..3)).unwrap();
    let peeked = spool.peek_first();
    let reason = "ü".repeat(200);
    let dead = [DeadLetter {
        record: 1,
        reason: &reason,
    }];
    let confirmed = spool.confirm(&peeked.handle, &dead, 0).unwrap();
    assert_eq!((confirmed.records, confirmed.dead), (3, 1));

    drop(spool);
    let mut spool = on_disk(&disk);
    let expected = StoredDeadLetter {
        context: 1,
        seq: 1,
        reason: "ü".repeat(128),
        payload: b"record 1".to_vec(),
    };
    assert_eq!(spool.dead_letters().unwrap(), [expected]);
    assert_eq!(spool.stats().dead, 1);
}

#[test]
fn the_thousand_and_first_dead_letter_replaces_the_first() {
    let mut spool = on_disk(&Disk::default());
    let mut dropped = 0;
    for start in (0..1_100).step_by(100) {
        spool
            .append_records(&records(Lane::Low, start..start + 100))
            .unwrap();
        let peeked = spool.peek_first();
        let dead: Vec<_> = (0..100)
            .map(|record| DeadLetter {
                record,
                reason: "no",
            })
            .collect();
        dropped += spool
            .confirm(&peeked.handle, &dead, 0)
            .unwrap()
            .dead_dropped;
    }
    let letters = spool.dead_letters().unwrap();
    assert_eq!((letters.len(), letters[0].seq, dropped), (1_000, 100, 100));
    assert_eq!(spool.stats().dead_dropped, 100);
}

#[test]
fn dead_letters_keep_to_their_bytes() {
    let mut spool = on_disk(&Disk::default());
    for seq in 0..40 {
        let mut large = record(Lane::Low, seq);
        large.payload = vec![7; 60_000];
        spool.append_records(&[large]).unwrap();
        let peeked = spool.peek_first();
        let dead = [DeadLetter {
            record: 0,
            reason: "too large",
        }];
        spool.confirm(&peeked.handle, &dead, 0).unwrap();
    }
    let letters = spool.dead_letters().unwrap();
    let bytes: usize = letters.iter().map(|letter| letter.payload.len()).sum();
    assert!(bytes <= 1 << 20, "{bytes}");
    assert_eq!(letters.last().unwrap().seq, 39);
    assert!(letters.len() >= 16);
}

#[test]
fn small_facts_are_kept_over_a_restart() {
    let disk = Disk::default();
    let mut spool = on_disk(&disk);
    assert_eq!(spool.meta("backoff").unwrap(), None);
    spool.put_meta("backoff", b"17").unwrap();
    spool.put_meta("backoff", b"18").unwrap();
    drop(spool);
    assert_eq!(
        on_disk(&disk).meta("backoff").unwrap(),
        Some(b"18".to_vec())
    );
}

#[test]
fn a_spool_in_memory_keeps_its_records_when_the_store_is_opened_again() {
    let (mut spool, _) = Spool::in_memory(&SpoolOptions::default()).unwrap();
    spool.append_records(&records(Lane::Normal, 1..3)).unwrap();
    spool.store.close();
    assert_eq!(spool.waiting(), [1, 2]);
    spool.wipe().unwrap();
    assert_eq!(spool.waiting(), [] as [u64; 0]);
}

#[test]
fn a_wiped_spool_holds_nothing_and_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = in_directory(directory.path());
    spool.append_records(&records(Lane::Normal, 0..3)).unwrap();
    spool.put_meta("install", b"id").unwrap();
    let before = spool.peek_first();

    spool.wipe().unwrap();
    let mut left = Vec::new();
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let holds = |text: &[u8]| bytes.windows(text.len()).any(|found| found == text);
        assert!(!holds(b"record ") && !holds(b"facts of"), "{path:?}");
        left.push(path.file_name().unwrap().to_owned());
    }
    left.sort();
    assert_eq!(left, ["spool.headroom", "spool.lock", "spool.redb"]);
    assert_eq!(spool.stats().records(), 0);
    assert_eq!(spool.meta("install").unwrap(), None);

    spool.append_records(&records(Lane::Normal, 3..5)).unwrap();
    let stale = spool.confirm(&before.handle, &[], 0).unwrap();
    assert_eq!(
        (stale.records, stale.missing),
        (0, 3),
        "numbers are not used twice"
    );
    assert_eq!(spool.waiting(), [3, 4]);
}

#[test]
fn no_debug_output_shows_a_payload() {
    let mut spool = on_disk(&Disk::default());
    spool.append_records(&records(Lane::Normal, 0..1)).unwrap();
    let peeked = spool.peek_first();
    let dead = [DeadLetter {
        record: 0,
        reason: "r",
    }];
    let shown = format!("{:?}", peeked);
    spool.confirm(&peeked.handle, &dead, 0).unwrap();
    let shown = shown + &format!("{:?}", spool.dead_letters().unwrap());
    assert!(!shown.contains("record 0"), "{shown}");
    assert!(!shown.contains(&format!("{:?}", b"record 0")), "{shown}");
}

#[test]
fn a_dead_record_evicted_in_hand_is_not_refused_as_well() {
    let mut spool = on_disk(&Disk::default());
    spool.append_records(&records(Lane::Low, 0..3)).unwrap();
    spool.append_records(&records(Lane::High, 3..5)).unwrap();
    let peeked = spool.peek_first();
    let letters: Vec<DeadLetter<'_>> = (0..peeked.records.len())
        .map(|record| DeadLetter {
            record,
            reason: "no",
        })
        .collect();
    let first = spool.confirm(&peeked.handle, &letters, 0).unwrap();
    let again = spool.confirm(&peeked.handle, &letters, 0).unwrap();
    assert_eq!(first.refused, peeked.records.len() as u64);
    assert_eq!((again.refused, again.missing), (0, first.records));
}
