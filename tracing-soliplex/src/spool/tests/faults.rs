//! Every call to the disk fails once, at every place of a worker's ordinary day. Whatever the
//! failing call was, the spool afterwards holds what was appended and not confirmed, nothing
//! twice, and its counters say the same.
//!
//! The day: append, append, confirm the first batch with a dead letter, append and confirm the
//! next, store a fact, evict by age, compact. A failed step is done again once the disk is well, as
//! the worker would do it: it asks where the ring stands before it appends again.
//!
//! Calls fail as a broken disk's do, and as a full one's: of those some are tried again at once, with
//! what is held back, and a sync or a read can be among them.

use super::*;
use std::io::ErrorKind;

/// As what calls fail, and how many in a row: the one, the store's own next attempt too, and all until
/// the disk is healed. What is shorter than it was is believed when it is seen again.
const FAILURES: [(ErrorKind, u64); 7] = [
    (ErrorKind::Other, 1),
    (ErrorKind::Other, 2),
    (ErrorKind::Other, u64::MAX),
    (ErrorKind::StorageFull, 1),
    (ErrorKind::StorageFull, 2),
    (ErrorKind::StorageFull, u64::MAX),
    (ErrorKind::UnexpectedEof, 1),
];

/// What must be in the spool, kept beside it by the day itself.
#[derive(Default)]
struct Ledger {
    waiting: Vec<u64>,
    dead: u64,
    /// Dead letters and what was evicted, which is to be told.
    lost: u64,
    ring_through: u64,
}

impl Ledger {
    fn check(&self, spool: &mut Spool, place: &str) {
        assert_eq!(spool.waiting(), self.waiting, "{place}");
        assert_eq!(
            spool.stats().records(),
            self.waiting.len() as u64,
            "{place}"
        );
        // One that no room could be had for is let go of, and counted.
        let dropped = spool.stats().dead_dropped;
        let dead = spool.dead_letters().unwrap().len() as u64;
        assert_eq!(dead + dropped, self.dead, "{place}");
        assert_eq!(spool.ring_through().unwrap(), self.ring_through, "{place}");
        let untold: u64 = spool.untold().iter().filter_map(|loss| loss.count).sum();
        assert_eq!(untold, self.lost, "{place}");
    }
}

struct Day<'a> {
    disk: &'a Disk,
    ledger: Ledger,
}

impl Day<'_> {
    fn live(disk: &Disk, fail: impl Fn(&Disk)) -> (Spool, Ledger) {
        let mut day = Day {
            disk,
            ledger: Ledger::default(),
        };
        fail(disk);
        let mut spool = day.open();
        day.append(&mut spool, 1..4);
        day.append(&mut spool, 4..7);
        day.confirm(&mut spool);
        day.append(&mut spool, 7..9);
        day.confirm(&mut spool);
        day.insist(&mut spool, |spool| spool.put_meta("backoff", b"1"));
        day.evict(&mut spool);
        day.append(&mut spool, 9..12);
        day.insist(&mut spool, Spool::compact_if_worth);
        (spool, day.ledger)
    }

    /// Does a step until it succeeds; the disk heals after the first failure.
    fn insist<T, E: std::fmt::Debug>(
        &self,
        spool: &mut Spool,
        step: impl Fn(&mut Spool) -> Result<T, E>,
    ) -> T {
        match step(spool) {
            Ok(done) => done,
            Err(_) => {
                assert!(self.disk.has_failed(), "an error without a fault");
                self.disk.heal();
                step(spool).unwrap()
            }
        }
    }

    fn open(&self) -> Spool {
        let disk = self.disk.clone();
        let open = || {
            let disk = disk.clone();
            Spool::with_backend(move || Ok(disk.clone()), &SpoolOptions::default())
        };
        let opened = open().or_else(|_| {
            assert!(disk.has_failed(), "an error without a fault");
            self.disk.heal();
            open()
        });
        opened.unwrap().0
    }

    fn append(&mut self, spool: &mut Spool, seqs: std::ops::Range<u64>) {
        let all = records(Lane::Normal, seqs);
        self.insist(spool, |spool| {
            let through = spool.ring_through()?;
            let missing: Vec<_> = all.iter().filter(|r| r.seq > through).cloned().collect();
            match missing.is_empty() {
                true => Ok(Appended::default()),
                false => spool.append_records(&missing),
            }
        });
        self.note_appended(&all);
    }

    fn confirm(&mut self, spool: &mut Spool) {
        let limits = PeekLimits {
            max_records: 3,
            ..NO_LIMITS
        };
        let peeked = self.insist(spool, |spool| spool.peek(Cursor::default(), limits));
        let peeked = peeked.unwrap();
        let dead = [DeadLetter {
            record: 0,
            reason: "no",
        }];
        self.insist(spool, |spool| spool.confirm(&peeked.handle, &dead, 0));
        self.ledger.waiting.drain(..3);
        self.ledger.dead += 1;
        self.ledger.lost += 1;
    }

    /// Times are seqs after the start, so that with the age bound of 30 days this evicts nothing newer.
    fn evict(&mut self, spool: &mut Spool) {
        let month = 30 * 24 * 60 * 60 * 1_000_000_000;
        self.insist(spool, |spool| spool.evict(Some(START + month + 9)));
        self.ledger.lost += self.ledger.waiting.len() as u64;
        self.ledger.waiting.clear();
    }

    fn note_appended(&mut self, records: &[Record]) {
        self.ledger.waiting.extend(records.iter().map(|r| r.seq));
        self.ledger.ring_through = records.last().unwrap().seq;
    }
}

fn check(kind: ErrorKind, times: u64) {
    for n in 1.. {
        let place = format!("{kind:?} {times} times from call {n}");
        let disk = Disk::default();
        disk.fail_as(kind);
        let (mut spool, ledger) = Day::live(&disk, |disk| disk.fail_times_at(n, times));
        disk.heal();
        ledger.check(&mut spool, &place);
        drop(spool);
        ledger.check(&mut on_disk(&disk), &format!("{place}, opened again"));
        if !disk.has_failed() {
            assert!(n > 80, "the day is too short to tell anything: {n} calls");
            return;
        }
    }
}

#[test]
fn nothing_is_lost_or_doubled_whichever_calls_fail() {
    for (kind, times) in FAILURES {
        check(kind, times);
    }
}

/// Runs a removal of three records against a failure at every call, and adds up what is told
/// of it until it has succeeded.
fn check_told(
    prepare: impl Fn(&mut Spool) -> Option<PeekHandle>,
    remove: impl Fn(&mut Spool, Option<&PeekHandle>) -> Result<u64, Unavailable>,
) {
    for (kind, times) in FAILURES {
        check_told_when(kind, times, &prepare, &remove);
    }
}

fn check_told_when(
    kind: ErrorKind,
    times: u64,
    prepare: impl Fn(&mut Spool) -> Option<PeekHandle>,
    remove: impl Fn(&mut Spool, Option<&PeekHandle>) -> Result<u64, Unavailable>,
) {
    for n in 1.. {
        let place = format!("{kind:?} {times} times from call {n}");
        let disk = Disk::default();
        disk.fail_as(kind);
        let mut spool = on_disk(&disk);
        let handle = prepare(&mut spool);
        disk.fail_times_at(n, times);
        let told = remove(&mut spool, handle.as_ref());
        if !disk.has_failed() {
            assert!(n > 5, "too few calls to tell anything: {n}");
            return;
        }
        disk.heal();
        let told = told.or_else(|_| remove(&mut spool, handle.as_ref()));
        assert_eq!(told.unwrap(), 3, "{place}");
        let again = remove(&mut spool, handle.as_ref()).unwrap();
        assert_eq!(again, 0, "{place}, told twice");
        assert_eq!(spool.waiting(), [] as [u64; 0], "{place}");
    }
}

/// Two old records and a young one, so that the call evicts by age first, and then by bytes.
fn at_bound(spool: &mut Spool) -> Option<PeekHandle> {
    spool.append_records(&records(Lane::High, 1..3)).unwrap();
    let young = Record {
        unix_nanos: i64::MAX,
        ..record(Lane::Low, 3)
    };
    spool.append_records(&[young]).unwrap();
    spool.at_bound = Some(Lane::Marker);
    None
}

fn evict_all(spool: &mut Spool, _: Option<&PeekHandle>) -> Result<u64, Unavailable> {
    let evictions = spool.evict(Some(i64::MAX))?;
    Ok(evictions.iter().map(|eviction| eviction.records).sum())
}

fn peeked(spool: &mut Spool) -> Option<PeekHandle> {
    spool.append_records(&records(Lane::High, 1..4)).unwrap();
    Some(spool.peek_first().handle)
}

fn confirm_all(spool: &mut Spool, handle: Option<&PeekHandle>) -> Result<u64, Unavailable> {
    Ok(spool.confirm(handle.unwrap(), &[], 0)?.records)
}

fn refuse_one(spool: &mut Spool, handle: Option<&PeekHandle>) -> Result<u64, Unavailable> {
    let dead = [DeadLetter {
        record: 1,
        reason: "no",
    }];
    let confirmed = spool.confirm(handle.unwrap(), &dead, 0)?;
    assert_eq!(confirmed.refused, confirmed.records / 3);
    Ok(confirmed.records)
}

#[test]
fn every_eviction_is_told_once_whichever_calls_fail() {
    check_told(at_bound, evict_all);
}

/// A chunk whose header nobody can read between others, so that the eviction has to mend first.
fn at_bound_and_damaged(spool: &mut Spool) -> Option<PeekHandle> {
    for seq in 1..4 {
        spool
            .append_records(&records(Lane::High, seq..seq + 1))
            .unwrap();
    }
    damage(spool, 2, 0);
    spool.at_bound = Some(Lane::Marker);
    None
}

fn evict_and_mend(spool: &mut Spool, handle: Option<&PeekHandle>) -> Result<u64, Unavailable> {
    let evicted = evict_all(spool, handle)?;
    Ok(evicted + spool.take_losses().unreadable_records)
}

/// A chunk whose payload is not what was written.
fn unreadable(spool: &mut Spool) -> Option<PeekHandle> {
    spool.append_records(&records(Lane::High, 1..4)).unwrap();
    damage(spool, 1, 50);
    None
}

fn mend(spool: &mut Spool, _: Option<&PeekHandle>) -> Result<u64, Unavailable> {
    spool.peek(Cursor::default(), NO_LIMITS)?;
    Ok(spool.take_losses().unreadable_records)
}

#[test]
fn every_mending_is_told_once_whichever_calls_fail() {
    check_told(unreadable, mend);
    check_told(at_bound_and_damaged, evict_and_mend);
}

#[test]
fn every_confirmation_is_told_once_whichever_calls_fail() {
    check_told(peeked, confirm_all);
    check_told(peeked, refuse_one);
}

#[test]
fn a_spool_on_a_dead_disk_says_so_at_every_call_and_works_when_it_is_back() {
    let disk = Disk::default();
    let mut spool = on_disk(&disk);
    spool.append_records(&records(Lane::High, 1..3)).unwrap();
    disk.fail_from(1);
    for _ in 0..3 {
        let refused = spool.append_records(&records(Lane::High, 3..5));
        assert!(
            matches!(refused, Err(AppendError::Unavailable(_))),
            "{refused:?}"
        );
        assert!(spool.ring_through().is_err());
        assert!(spool.evict(Some(0)).is_err());
    }
    disk.heal();
    assert_eq!(spool.ring_through().unwrap(), 2);
    spool.append_records(&records(Lane::High, 3..5)).unwrap();
    assert_eq!(spool.waiting(), [1, 2, 3, 4]);
}
