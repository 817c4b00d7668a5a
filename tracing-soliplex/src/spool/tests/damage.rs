//! Files nobody wrote, files somebody cut, files from the future: the spool opens, says what it
//! gave up, and goes on.

use super::error::Fault;
use super::*;
use proptest::prelude::*;
use std::fs;

fn store_of(directory: &Path) -> std::path::PathBuf {
    directory.join("spool.redb")
}

fn filled(directory: &Path) -> Vec<u8> {
    let mut spool = in_directory(directory);
    spool.append_records(&records(Lane::Normal, 1..50)).unwrap();
    drop(spool);
    fs::read(store_of(directory)).unwrap()
}

/// A store with these bytes is set aside, and the new one works.
fn check_set_aside(name: &str, bytes: &[u8]) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(store_of(directory.path()), bytes).unwrap();
    let (mut spool, opened) = open(directory.path(), &SpoolOptions::default()).unwrap();
    let aside = opened
        .set_aside
        .unwrap_or_else(|| panic!("{name} was not set aside"));
    assert!(aside.path.unwrap().exists(), "{name}");
    assert_eq!(aside.records_lost, None, "{name}");
    spool.append_records(&records(Lane::Normal, 1..3)).unwrap();
    assert_eq!(spool.waiting(), [1, 2], "{name}");
}

#[test]
fn what_is_no_spool_is_set_aside() {
    let scratch = tempfile::tempdir().unwrap();
    let good = filled(scratch.path());
    let cases: [(&str, Vec<u8>); 5] = [
        ("text", b"this is not a store".to_vec()),
        ("half a store", good[..good.len() / 2].to_vec()),
        ("a header alone", good[..512].to_vec()),
        (
            "a store of another program",
            foreign_store(scratch.path(), false),
        ),
        (
            "a spool of a later format",
            foreign_store(scratch.path(), true),
        ),
    ];
    for (name, bytes) in cases {
        check_set_aside(name, &bytes);
    }
}

fn foreign_store(scratch: &Path, is_later_spool: bool) -> Vec<u8> {
    let path = scratch.join(format!("foreign-{is_later_spool}"));
    let db = redb::Database::create(&path).unwrap();
    let txn = db.begin_write().unwrap();
    let table = match is_later_spool {
        true => redb::TableDefinition::<&str, u64>::new("format"),
        false => redb::TableDefinition::<&str, u64>::new("prices"),
    };
    txn.open_table(table)
        .unwrap()
        .insert("spool", tables::FORMAT + 1)
        .unwrap();
    txn.commit().unwrap();
    drop(db);
    fs::read(path).unwrap()
}

#[test]
fn an_empty_file_and_one_of_zeros_are_new_spools() {
    for bytes in [vec![], vec![0; 1 << 20]] {
        let directory = tempfile::tempdir().unwrap();
        fs::write(store_of(directory.path()), bytes).unwrap();
        let (mut spool, opened) = open(directory.path(), &SpoolOptions::default()).unwrap();
        assert!(opened.set_aside.is_none());
        spool.append_records(&records(Lane::Normal, 1..3)).unwrap();
    }
}

/// What cannot be read now may be well: it is given up by the start that has tried for long enough.
#[test]
fn a_patient_start_gives_up_nothing_that_it_cannot_read() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(store_of(directory.path())).unwrap();
    let options = SpoolOptions::default();
    let lock = Directory::open(directory.path()).unwrap();
    assert!(Spool::open_patiently(lock.clone(), &options).is_err());
    assert!(store_of(directory.path()).is_dir());
    let (_, opened) = Spool::open_in(lock, &options).unwrap();
    assert!(opened.set_aside.is_some());
}

/// As by somebody who tidies up while the application runs. Nobody had counted what was in it.
#[test]
fn a_file_that_is_gone_when_the_store_opens_again_is_a_loss() {
    let disk = Disk::default();
    let mut spool = on_disk(&disk);
    spool.append_records(&records(Lane::Normal, 1..6)).unwrap();
    disk.fail_from(1);
    spool.put_meta("any", b"call").unwrap_err();
    disk.heal();
    redb::StorageBackend::set_len(&disk, 0).unwrap();
    spool.append_records(&records(Lane::Normal, 6..8)).unwrap();
    assert_eq!(spool.waiting(), [6, 7]);
    let aside = spool.take_losses().set_aside.unwrap();
    assert_eq!((aside.path, aside.records_lost), (None, Some(5)));
    assert_eq!(spool.untold(), [Loss::counted(ledger::SPOOL_DAMAGED, 5)]);
    drop(spool);
    let losses = [Loss::counted(ledger::SPOOL_DAMAGED, 5)];
    assert_eq!(on_disk(&disk).untold(), losses, "and stays one");
}

#[test]
fn a_directory_in_the_stores_place_is_set_aside() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(store_of(directory.path())).unwrap();
    let (mut spool, opened) = open(directory.path(), &SpoolOptions::default()).unwrap();
    assert!(opened.set_aside.unwrap().path.unwrap().is_dir());
    spool.append_records(&records(Lane::Normal, 1..3)).unwrap();
}

#[test]
fn a_failure_that_may_pass_costs_no_file() {
    let disk = Disk::default();
    on_disk(&disk)
        .append_records(&records(Lane::Normal, 1..3))
        .unwrap();
    disk.fail_from(1);
    let supply = disk.clone();
    let opened = Spool::with_backend(move || Ok(supply.clone()), &SpoolOptions::default());
    assert!(opened.is_err());
    disk.heal();
    assert_eq!(on_disk(&disk).waiting(), [1, 2]);
}

#[test]
fn two_damaged_stores_are_kept_and_the_oldest_goes() {
    let directory = tempfile::tempdir().unwrap();
    for n in 1..=4 {
        fs::write(store_of(directory.path()), format!("damaged {n}")).unwrap();
        drop(in_directory(directory.path()));
    }
    let read = |n| fs::read_to_string(directory.path().join(format!("spool.redb.damaged-{n}")));
    assert!(read(1).is_err() && read(2).is_err());
    assert_eq!(
        (read(3).unwrap(), read(4).unwrap()),
        ("damaged 3".into(), "damaged 4".into())
    );
}

#[test]
fn a_store_damaged_while_open_is_set_aside_with_its_records_counted() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = in_directory(directory.path());
    spool.append_records(&records(Lane::Normal, 1..50)).unwrap();
    spool.put_meta("install", b"id").unwrap();
    let before = spool.peek_first();
    spool.store.close();
    fs::write(store_of(directory.path()), b"gone").unwrap();

    assert_eq!(spool.ring_through().unwrap(), 49);
    let lost = spool.take_losses().set_aside.unwrap();
    assert_eq!(lost.records_lost, Some(49));
    assert_eq!(lost.to_string(), "store given up: store damaged");
    assert!(spool.take_losses().set_aside.is_none(), "told once");
    let lost = Loss::counted(ledger::SPOOL_DAMAGED, 49);
    assert_eq!(spool.untold(), [lost], "and in the stream");
    spool
        .append_records(&records(Lane::Normal, 50..60))
        .unwrap();
    let stale = spool.confirm(&before.handle, &[], 0).unwrap();
    assert_eq!((stale.records, stale.missing), (0, 49));
    assert_eq!(spool.waiting(), (50..60).collect::<Vec<_>>());
}

#[test]
fn an_unreadable_chunk_is_removed_and_counted_and_the_rest_is_delivered() {
    let disk = Disk::default();
    let mut spool = on_disk(&disk);
    for start in [0, 10, 20] {
        spool
            .append_records(&records(Lane::Normal, start..start + 10))
            .unwrap();
    }
    damage(&mut spool, 2, 60);

    let left: Vec<_> = (0..10).chain(20..30).collect();
    assert_eq!(spool.waiting(), left);
    assert_eq!(spool.stats().records(), 20);
    assert_eq!(spool.take_losses().unreadable_records, 10);
    assert_eq!(spool.take_losses().unreadable_records, 0, "told once");
    let lost = Loss::counted(ledger::SPOOL_DAMAGED, 10);
    assert_eq!(spool.untold(), [lost], "and in the stream");
    let peeked = spool.peek_first();
    assert_eq!(peeked.facts, b"facts of 1");
    spool.confirm(&peeked.handle, &[], 0).unwrap();
    assert_eq!(spool.stats().records(), 0);
}

/// A bit that turned over between peek and confirm had the batch sent again and again.
#[test]
fn a_chunk_that_cannot_be_read_when_it_is_confirmed_leaves_without_its_dead_letters() {
    let mut spool = on_disk(&Disk::default());
    spool.append_records(&records(Lane::High, 1..4)).unwrap();
    let peeked = spool.peek_first();
    damage(&mut spool, 1, 60);
    let dead = [DeadLetter {
        record: 1,
        reason: "no",
    }];
    let confirmed = spool.confirm(&peeked.handle, &dead, 0).unwrap();
    assert_eq!((confirmed.records, confirmed.refused), (3, 1));
    assert_eq!((confirmed.dead, confirmed.dead_dropped), (0, 1));
    assert_eq!(spool.stats().dead_dropped, 1);
    assert_eq!(spool.waiting(), [] as [u64; 0]);
    assert_eq!(spool.untold()[0].count, Some(1));
    assert_eq!(spool.take_losses().unreadable_records, 0);
}

/// One slip of redb's, or one bit that turned over in memory, took everything that waited along.
#[test]
fn a_panic_inside_the_store_ends_no_thread_and_costs_no_record() {
    for call in 1..60 {
        let disk = Disk::default();
        let mut spool = on_disk(&disk);
        spool.append_records(&records(Lane::Normal, 1..4)).unwrap();
        disk.panic_once_at(call);
        let mut next = 4;
        while disk.is_to_panic() {
            let record = records(Lane::Normal, next..next + 1);
            if spool.append_records(&record).is_err() && !spool.append_took_place().unwrap() {
                spool.append_records(&record).unwrap();
            }
            next += 1;
        }
        assert_eq!(
            spool.waiting(),
            (1..next).collect::<Vec<_>>(),
            "call {call}"
        );
        assert!(spool.take_losses().set_aside.is_none(), "call {call}");
    }
}

type Fail = fn(&mut Spool) -> Result<(), Fault>;
type Succeed = fn(&mut Spool);

const READ: Succeed = |spool| drop(spool.waiting());
const WRITE: Succeed = |spool| spool.put_meta("any", b"call").unwrap();

#[test]
fn an_open_store_is_given_up_when_it_fails_in_the_same_way_again() {
    let damaged_read: Fail = |spool| spool.store.read(|_| Err(Fault::Damaged(None)));
    let panicking_read: Fail = |spool| spool.store.read(|_| panic!("injected"));
    let damaged_write: Fail = |spool| spool.store.write(|_, _| Err(Fault::Damaged(None)));
    let panicking_write: Fail = |spool| spool.store.write(|_, _| panic!("injected"));
    for (fail, between, is_given_up) in [
        (damaged_read, WRITE, true),
        (damaged_read, READ, false),
        (panicking_read, WRITE, true),
        (panicking_read, READ, false),
        (damaged_write, READ, true),
        (damaged_write, WRITE, false),
        (panicking_write, READ, true),
        (panicking_write, WRITE, false),
    ] {
        let mut spool = on_disk(&Disk::default());
        spool.append_records(&records(Lane::Normal, 1..4)).unwrap();
        fail(&mut spool).unwrap_err();
        between(&mut spool);
        assert_eq!(spool.stats().records(), 3);
        fail(&mut spool).unwrap_err();
        let left = if is_given_up { vec![] } else { vec![1, 2, 3] };
        assert_eq!(spool.waiting(), left);
        let lost = spool.take_losses().set_aside;
        let lost = lost.and_then(|aside| aside.records_lost);
        assert_eq!(lost, is_given_up.then_some(3));
    }
}

#[test]
fn a_store_that_panics_when_opened_is_given_up() {
    for call in 1.. {
        let disk = Disk::default();
        drop(on_disk(&disk));
        disk.panic_once_at(call);
        let mut spool = on_disk(&disk);
        if disk.is_to_panic() {
            assert!(call > 5, "too few calls to tell anything: {call}");
            return;
        }
        spool.append_records(&records(Lane::Normal, 1..3)).unwrap();
        assert_eq!(spool.waiting(), [1, 2], "call {call}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Also with panics inside redb, which some of these provoke.
    #[test]
    fn a_store_with_overwritten_bytes_never_stops_the_spool(
        at: prop::sample::Index,
        garbage in prop::collection::vec(any::<u8>(), 1..600),
        cut: bool,
    ) {
        let directory = tempfile::tempdir().unwrap();
        let mut bytes = filled(directory.path());
        let at = at.index(bytes.len());
        let end = (at + garbage.len()).min(bytes.len());
        bytes[at..end].copy_from_slice(&garbage[..end - at]);
        if cut {
            bytes.truncate(end);
        }
        fs::write(store_of(directory.path()), bytes).unwrap();

        let mut spool = in_directory(directory.path());
        // Damage found on the way costs a call each time it is found, and no more than a few.
        let mut done = false;
        for _ in 0..3 {
            let appended = spool.append_records(&records(Lane::High, 1_000..1_002)).is_ok();
            done = appended && spool.peek(Cursor::default(), NO_LIMITS).is_ok();
            if done {
                break;
            }
        }
        prop_assert!(done);
        prop_assert!(spool.waiting().iter().all(|seq| *seq < 50 || *seq >= 1_000));
    }
}
