//! The spool as its caller sees it. Here: what the tests share. Each file below asks one question
//! of the whole; what concerns one file alone is tested there.

mod bounds;
mod crashes;
mod damage;
mod disk;
mod disk_full;
mod faults;
mod losses;
mod markers;
mod model;
mod processes;
mod verbs;

use super::append::Appended;
use super::dead_letter::StoredDeadLetter;
use super::evict::Eviction;
use super::peek::PeekHandle;
use super::*;
pub(crate) use disk::Disk;
use std::path::Path;

const NO_LIMITS: PeekLimits = PeekLimits {
    max_records: u64::MAX,
    max_bytes: u64::MAX,
};

/// A record as a test writes it.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Record {
    lane: Lane,
    context: u64,
    seq: u64,
    unix_nanos: i64,
    payload: Vec<u8>,
}

impl Record {
    fn frame(&self) -> Frame<'_> {
        Frame {
            lane: self.lane,
            context: self.context,
            seq: self.seq,
            unix_nanos: self.unix_nanos,
            payload: &self.payload,
        }
    }
}

/// When the tests' records begin: early, and yet a time that a clock may tell.
const START: i64 = limits::EARLIEST_UNIX_NANOS;

/// A record in context 1 whose payload says its seq.
fn record(lane: Lane, seq: u64) -> Record {
    Record {
        lane,
        context: 1,
        seq,
        unix_nanos: START + i64::try_from(seq).unwrap(),
        payload: format!("record {seq}").into_bytes(),
    }
}

fn records(lane: Lane, seqs: std::ops::Range<u64>) -> Vec<Record> {
    seqs.map(|seq| record(lane, seq)).collect()
}

fn frames(records: &[Record]) -> Vec<Frame<'_>> {
    records.iter().map(Record::frame).collect()
}

const FACTS: &[(u64, &[u8])] = &[(1, b"facts of 1"), (2, b"facts of 2"), (3, b"facts of 3")];

impl Spool {
    /// Appends with facts for all contexts; the last seq stands for the ring's.
    fn append_records(&mut self, records: &[Record]) -> Result<Appended, AppendError> {
        let through = records.last().map_or(0, |record| record.seq);
        self.append_with(records, FACTS, through)
    }

    fn append_with(
        &mut self,
        records: &[Record],
        contexts: &[(u64, &[u8])],
        ring_through: u64,
    ) -> Result<Appended, AppendError> {
        self.append(Append {
            frames: &frames(records),
            contexts,
            ring_through,
            ..Append::default()
        })
    }

    /// The seqs of everything that waits, in the order it would be delivered.
    pub(crate) fn waiting(&mut self) -> Vec<u64> {
        let mut seqs = Vec::new();
        let mut after = Cursor::default();
        while let Some(peeked) = self.peek(after, NO_LIMITS).unwrap() {
            after = peeked.handle.cursor();
            seqs.extend(peeked.records.iter().map(|record| record.seq));
        }
        seqs
    }

    fn peek_first(&mut self) -> Peeked {
        self.peek(Cursor::default(), NO_LIMITS).unwrap().unwrap()
    }
}

fn on_disk(disk: &Disk) -> Spool {
    on_disk_within(disk, &SpoolOptions::default())
}

fn on_disk_within(disk: &Disk, options: &SpoolOptions) -> Spool {
    let disk = disk.clone();
    Spool::with_backend(move || Ok(disk.clone()), options)
        .unwrap()
        .0
}

/// As little as a spool can do with.
fn lowest_bound() -> SpoolOptions {
    SpoolOptions {
        max_bytes: limits::MIN_MAX_BYTES,
        ..SpoolOptions::default()
    }
}

fn open(path: &Path, options: &SpoolOptions) -> Result<(Spool, Opened), OpenError> {
    Ok(Spool::open_in(Directory::open(path)?, options).unwrap())
}

fn in_directory(path: &Path) -> Spool {
    open(path, &SpoolOptions::default()).unwrap().0
}

/// Turns a bit over in a chunk, under redb's hands.
fn damage(spool: &mut Spool, number: u64, at: usize) {
    let turn = |txn: &redb::WriteTransaction, _: &mut state::State| {
        for lane in Lane::ALL {
            let mut table = txn.open_table(tables::chunks(lane))?;
            let Some(mut bytes) = table.get_mut(number)? else {
                continue;
            };
            let mut changed = bytes.value().to_vec();
            changed[at] ^= 1;
            bytes.insert(changed.as_slice())?;
        }
        Ok(())
    };
    spool.store.write(turn).unwrap();
}
