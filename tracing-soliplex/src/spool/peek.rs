//! Peeking: the oldest records, read but not removed. Nothing on disk says that they are in
//! hand, so a process that ends here has lost nothing.

use super::chunk::{self, ChunkHeader};
use super::error::{Fault, Unavailable};
use super::lane::Lane;
use super::{Spool, tables};
use redb::{AccessGuard, Range, ReadTransaction};

/// A place in the order of age, to look on from.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Cursor(u64);

/// How much one peek may bring. The first chunk comes whatever its size, so that none is stuck.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeekLimits {
    /// The most records.
    pub(crate) max_records: u64,
    /// The most payload bytes.
    pub(crate) max_bytes: u64,
}

/// The oldest records, all of one context.
#[derive(Debug)]
pub(crate) struct Peeked {
    /// The facts of the context they were captured in; empty where none were given.
    pub(crate) facts: Vec<u8>,
    /// The records by seq, which is their age.
    pub(crate) records: Vec<StoredRecord>,
    /// What to hand back to `confirm`.
    pub(crate) handle: PeekHandle,
}

/// A record read back.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct StoredRecord {
    /// Its number within the session.
    pub(crate) seq: u64,
    /// The encoded record.
    pub(crate) payload: Vec<u8>,
}

impl std::fmt::Debug for StoredRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredRecord")
            .field("seq", &self.seq)
            .field("bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}

/// Names the chunks a peek read.
#[derive(Clone, Debug)]
pub(crate) struct PeekHandle {
    pub(super) chunks: Vec<PeekedChunk>,
    /// Where each record of `Peeked::records` came from: chunk, and place in it.
    pub(super) origins: Vec<(usize, usize)>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct PeekedChunk {
    pub(super) lane: Lane,
    pub(super) number: u64,
    pub(super) header: ChunkHeader,
}

impl PeekHandle {
    /// Whether both are of the same peek, or of one like it.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        let numbers = |handle: &Self| -> Vec<u64> {
            handle.chunks.iter().map(|chunk| chunk.number).collect()
        };
        numbers(self) == numbers(other)
    }

    /// The place just behind these records.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the worker always begins at the oldest")
    )]
    pub(crate) fn cursor(&self) -> Cursor {
        Cursor(self.chunks.last().map_or(0, |chunk| chunk.number))
    }
}

impl Spool {
    /// Reads the oldest records after `after`, over all lanes: whole chunks of one context, as
    /// many as the limits allow. Nothing, when nothing waits there.
    ///
    /// A chunk that cannot be read is removed and counted, see [`Spool::take_losses`].
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn peek(
        &mut self,
        after: Cursor,
        limits: PeekLimits,
    ) -> Result<Option<Peeked>, Unavailable> {
        self.with_mending(|spool| spool.store.read(|txn| read_batch(txn, after, limits)))
    }

    /// Whether everything that was peeked is still there.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn has_all(&mut self, handle: &PeekHandle) -> Result<bool, Unavailable> {
        Ok(self.store.read(|txn| {
            for chunk in &handle.chunks {
                let chunks = txn.open_table(tables::chunks(chunk.lane))?;
                if chunks.get(chunk.number)?.is_none() {
                    return Ok(false);
                }
            }
            Ok(true)
        })?)
    }
}

fn read_batch(
    txn: &ReadTransaction,
    after: Cursor,
    limits: PeekLimits,
) -> Result<Option<Peeked>, Fault> {
    let mut lanes = Lanes::open(txn, after)?;
    let mut batch = Batch::default();
    while let Some((lane, number, value)) = lanes.next_oldest()? {
        let header = ChunkHeader::decode(value.value())?;
        if !batch.has_room_for(&header, limits) {
            break;
        }
        batch.add(lane, number, header, value.value())?;
    }
    let Some(first) = batch.chunks.first() else {
        return Ok(None);
    };
    let facts = txn
        .open_table(tables::CONTEXTS)?
        .get(first.header.context)?;
    let facts = facts.map_or_else(Vec::new, |facts| facts.value().to_vec());
    Ok(Some(batch.finish(facts)))
}

#[derive(Default)]
struct Batch {
    chunks: Vec<PeekedChunk>,
    records: Vec<(StoredRecord, (usize, usize))>,
    bytes: u64,
}

impl Batch {
    fn has_room_for(&self, header: &ChunkHeader, limits: PeekLimits) -> bool {
        let Some(first) = self.chunks.first() else {
            return true;
        };
        first.header.context == header.context
            && self.records.len() as u64 + header.records <= limits.max_records
            && self.bytes + header.payload_bytes <= limits.max_bytes
    }

    fn add(
        &mut self,
        lane: Lane,
        number: u64,
        header: ChunkHeader,
        bytes: &[u8],
    ) -> Result<(), Fault> {
        let chunk = self.chunks.len();
        for (place, (seq, payload)) in chunk::records(bytes)?.into_iter().enumerate() {
            let record = StoredRecord {
                seq,
                payload: payload.to_vec(),
            };
            self.records.push((record, (chunk, place)));
        }
        self.bytes += header.payload_bytes;
        self.chunks.push(PeekedChunk {
            lane,
            number,
            header,
        });
        Ok(())
    }

    fn finish(mut self, facts: Vec<u8>) -> Peeked {
        // Chunks of different lanes overlap in time; within one session seq tells the order.
        self.records.sort_by_key(|(record, _)| record.seq);
        let (records, origins) = self.records.into_iter().unzip();
        let handle = PeekHandle {
            chunks: self.chunks,
            origins,
        };
        Peeked {
            facts,
            records,
            handle,
        }
    }
}

type ChunkValue = AccessGuard<'static, &'static [u8]>;

/// The lanes' chunks, merged by number. Each lane's next chunk is held until its turn comes.
struct Lanes {
    lanes: Vec<(Lane, Range<'static, u64, &'static [u8]>)>,
    heads: Vec<Option<(u64, ChunkValue)>>,
}

impl Lanes {
    fn open(txn: &ReadTransaction, after: Cursor) -> Result<Self, Fault> {
        let mut lanes = Vec::with_capacity(Lane::ALL.len());
        let mut heads = Vec::with_capacity(Lane::ALL.len());
        for lane in Lane::ALL {
            let table = txn.open_table(tables::chunks(lane))?;
            let mut range = table.range(after.0.saturating_add(1)..)?;
            heads.push(next_of(&mut range)?);
            lanes.push((lane, range));
        }
        Ok(Self { lanes, heads })
    }

    fn next_oldest(&mut self) -> Result<Option<(Lane, u64, ChunkValue)>, Fault> {
        let lanes = self.lanes.iter_mut().zip(self.heads.iter_mut());
        let oldest = lanes
            .filter(|(_, head)| head.is_some())
            .min_by_key(|(_, head)| head.as_ref().map(|(number, _)| *number));
        let Some(((lane, range), head)) = oldest else {
            return Ok(None);
        };
        let taken = head.take();
        *head = next_of(range)?;
        Ok(taken.map(|(number, value)| (*lane, number, value)))
    }
}

fn next_of(
    range: &mut Range<'static, u64, &'static [u8]>,
) -> Result<Option<(u64, ChunkValue)>, Fault> {
    match range.next().transpose()? {
        Some((number, value)) => Ok(Some((number.value(), value))),
        None => Ok(None),
    }
}
