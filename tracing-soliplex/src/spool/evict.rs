//! Evicting: what is too old, or too much, goes, the lowest lane's oldest first. Everything that
//! goes is named, so that a loss record can say what is missing.
//!
//! A session's marker is the exception: it stays while any other record of its session does, and
//! goes before the errors of others once none does.
//!
//! Age is the wall clock's, the only one that outlives a restart. A lane is looked at from its
//! oldest chunk on, and no further than the first that may stay: a chunk stamped by a clock that
//! ran ahead keeps those behind it a little longer, and the byte bound holds all the same.

use super::chunk::ChunkHeader;
use super::error::{Fault, Unavailable};
use super::lane::Lane;
use super::limits::{COMPACTED_BELOW_SHARE, EVICTED_SHARE, MIN_COMPACTED_BYTES};
use super::state::State;
use super::{InDoubt, Spool, tables};
use redb::{ReadableTable, WriteTransaction};

/// Why records were evicted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum EvictReason {
    /// The spool had reached its byte bound.
    Bytes,
    /// They were older than the age bound.
    Age,
}

/// Records that went together: one lane, one context, one reason.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Eviction {
    /// The lane they waited in.
    pub(crate) lane: Lane,
    /// Why they went.
    pub(crate) reason: EvictReason,
    /// The context they were captured in.
    pub(crate) context: u64,
    /// Its facts, which may have left with them.
    pub(crate) facts: Vec<u8>,
    /// How many they were.
    pub(crate) records: u64,
    /// Their payloads' bytes.
    pub(crate) bytes: u64,
    /// The lowest seq among them.
    pub(crate) first_seq: u64,
    /// The highest; those between may have been delivered, or wait in another lane.
    pub(crate) last_seq: u64,
}

/// The file's length before and after a compaction, in bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Compacted {
    /// Before.
    pub(crate) from_bytes: u64,
    /// After.
    pub(crate) to_bytes: u64,
}

impl Spool {
    /// Removes what is older than the age bound and, when the byte bound has been reached, the
    /// lowest lane's oldest as well: an eighth of the file at a time. Afterwards the file keeps
    /// to its bound, also when that is a lower one than last time.
    ///
    /// `now_unix_nanos` is the wall clock's, nanoseconds since the Unix epoch. Returns what went;
    /// after [`AppendError::Full`](super::AppendError::Full) nothing, once the spool is empty.
    ///
    /// # Errors
    /// When the store fails. What had gone by then is told by the next call that succeeds.
    pub(crate) fn evict(&mut self, now_unix_nanos: i64) -> Result<Vec<Eviction>, Unavailable> {
        self.store.ensure_open()?;
        if let InDoubt::Evicted(write, evictions) = &mut self.in_doubt {
            if self.store.came_true(*write) {
                self.untold = std::mem::take(evictions);
            }
            self.in_doubt = InDoubt::Nothing;
        }
        let max_age = i64::try_from(self.max_age.as_nanos()).unwrap_or(i64::MAX);
        self.evict_by_age(now_unix_nanos.saturating_sub(max_age))?;
        if self.at_bound {
            self.evict_by_bytes(self.store.growth().file_bytes() / EVICTED_SHARE)?;
            self.at_bound = false;
        }
        while self.store.growth().is_over() {
            self.store.compact()?;
            let state = self.store.state();
            if !self.store.growth().is_over() || state.records() == 0 {
                break;
            }
            self.evict_by_bytes(state.bytes() / EVICTED_SHARE + 1)?;
        }
        Ok(std::mem::take(&mut self.untold).list)
    }

    fn evict_by_age(&mut self, oldest_kept: i64) -> Result<(), Unavailable> {
        let is_due = |header: &ChunkHeader| header.last_unix_nanos < oldest_kept;
        // Most calls find nothing to do, and a read transaction costs no sync.
        if !self.with_mending(|spool| spool.any_oldest(is_due))? {
            return Ok(());
        }
        self.evict_lanes(EvictReason::Age, |_, header| is_due(header))
    }

    fn evict_by_bytes(&mut self, wanted: u64) -> Result<(), Unavailable> {
        let enough = self.store.state().bytes().saturating_sub(wanted);
        self.evict_lanes(EvictReason::Bytes, |state, _| state.bytes() > enough)
    }

    /// Removes the oldest chunks of each lane, the lowest first, as long as they are such.
    fn evict_lanes(
        &mut self,
        reason: EvictReason,
        is_such: impl Fn(&State, &ChunkHeader) -> bool,
    ) -> Result<(), Unavailable> {
        let mut evicted = Evictions::default();
        let done = self.with_mending(|spool| {
            spool.store.write_freeing(|txn, state| {
                evicted = spool.untold.clone();
                for lane in [Lane::Low, Lane::Normal] {
                    evicted.pop_all(txn, state, lane, reason, &is_such)?;
                }
                evicted.pop_lone_markers(txn, state, reason, &is_such)?;
                evicted.pop_all(txn, state, Lane::High, reason, &is_such)?;
                // Errors that went have left theirs alone.
                evicted.pop_lone_markers(txn, state, reason, &is_such)?;
                match reason {
                    EvictReason::Age => Ok(()),
                    // Nothing else is left, but for dead letters that name the same context.
                    EvictReason::Bytes => {
                        evicted.pop_all(txn, state, Lane::Marker, reason, &is_such)
                    }
                }
            })
        });
        match done {
            Ok(()) => self.untold = evicted,
            Err(_) => self.in_doubt = InDoubt::Evicted(self.store.last_write(), evicted),
        }
        done
    }

    /// Shortens the file when it is beyond its bound, or when little of it is used, and says by
    /// how much. redb hands back a file's free end by itself; this also moves what lies there.
    /// It moves what is stored, at most a quarter of the bound where the bound is kept, so that
    /// a fresh file to rotate into would save nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn compact_if_worth(&mut self) -> Result<Option<Compacted>, Unavailable> {
        self.store.ensure_open()?;
        let from_bytes = self.store.growth().file_bytes();
        let state = self.store.state();
        let used = state.stored_bytes();
        let is_sparse = from_bytes >= MIN_COMPACTED_BYTES
            && used.saturating_mul(COMPACTED_BELOW_SHARE) < from_bytes;
        if !is_sparse && !self.store.growth().is_over() {
            return Ok(None);
        }
        self.store.compact()?;
        Ok(Some(Compacted {
            from_bytes,
            to_bytes: self.store.growth().file_bytes(),
        }))
    }

    /// Whether the oldest chunk of any lane is such.
    fn any_oldest(&mut self, is_due: impl Fn(&ChunkHeader) -> bool) -> Result<bool, Fault> {
        self.store.read(|txn| {
            for lane in [Lane::Low, Lane::Normal, Lane::High] {
                let table = txn.open_table(tables::chunks(lane))?;
                if let Some((_, chunk)) = table.first()?
                    && is_due(&ChunkHeader::decode(chunk.value())?)
                {
                    return Ok(true);
                }
            }
            let markers = txn.open_table(tables::chunks(Lane::Marker))?;
            let users = txn.open_table(tables::CONTEXT_USERS)?;
            Ok(first_lone(&markers, &users, is_due)?.is_some())
        })
    }
}

/// What has gone so far. A transaction works on a copy, for it may be run twice.
#[derive(Clone, Default)]
pub(super) struct Evictions {
    list: Vec<Eviction>,
}

impl Evictions {
    /// Removes a lane's oldest chunks as long as they are such.
    fn pop_all(
        &mut self,
        txn: &WriteTransaction,
        state: &mut State,
        lane: Lane,
        reason: EvictReason,
        is_such: impl Fn(&State, &ChunkHeader) -> bool,
    ) -> Result<(), Fault> {
        while let Some(header) = pop_oldest(txn, lane, |header| is_such(state, header))? {
            self.count(txn, state, lane, reason, header)?;
        }
        Ok(())
    }

    /// Removes the oldest markers that are such and are all that is left of their session.
    fn pop_lone_markers(
        &mut self,
        txn: &WriteTransaction,
        state: &mut State,
        reason: EvictReason,
        is_such: impl Fn(&State, &ChunkHeader) -> bool,
    ) -> Result<(), Fault> {
        loop {
            let lone = {
                let markers = txn.open_table(tables::chunks(Lane::Marker))?;
                let users = txn.open_table(tables::CONTEXT_USERS)?;
                first_lone(&markers, &users, |header| is_such(state, header))?
            };
            let Some((number, header)) = lone else {
                return Ok(());
            };
            txn.open_table(tables::chunks(Lane::Marker))?
                .remove(number)?;
            self.count(txn, state, Lane::Marker, reason, header)?;
        }
    }

    fn count(
        &mut self,
        txn: &WriteTransaction,
        state: &mut State,
        lane: Lane,
        reason: EvictReason,
        header: ChunkHeader,
    ) -> Result<(), Fault> {
        state
            .lane_mut(lane)
            .subtract(header.records, header.payload_bytes);
        let same = |found: &&mut Eviction| {
            (found.lane, found.reason, found.context) == (lane, reason, header.context)
        };
        if let Some(found) = self.list.iter_mut().find(same) {
            found.records += header.records;
            found.bytes += header.payload_bytes;
            found.first_seq = found.first_seq.min(header.first_seq);
            found.last_seq = found.last_seq.max(header.last_seq);
        } else {
            let facts = txn.open_table(tables::CONTEXTS)?;
            let facts = facts.get(header.context)?;
            self.list.push(Eviction {
                lane,
                reason,
                context: header.context,
                facts: facts.map_or_else(Vec::new, |facts| facts.value().to_vec()),
                records: header.records,
                bytes: header.payload_bytes,
                first_seq: header.first_seq,
                last_seq: header.last_seq,
            });
        }
        tables::release_context(txn, header.context, 1)
    }
}

/// The oldest marker that is such and that no other chunk or dead letter shares its context with.
/// There are as many as sessions wait to be delivered, which are few.
fn first_lone(
    markers: &impl ReadableTable<u64, &'static [u8]>,
    users: &impl ReadableTable<u64, u64>,
    is_such: impl Fn(&ChunkHeader) -> bool,
) -> Result<Option<(u64, ChunkHeader)>, Fault> {
    for row in markers.iter()? {
        let (number, chunk) = row?;
        let header = ChunkHeader::decode(chunk.value())?;
        if is_such(&header) && tables::is_last_user(users, header.context)? {
            return Ok(Some((number.value(), header)));
        }
    }
    Ok(None)
}

/// Removes a lane's oldest chunk if it is such.
fn pop_oldest(
    txn: &WriteTransaction,
    lane: Lane,
    is_such: impl Fn(&ChunkHeader) -> bool,
) -> Result<Option<ChunkHeader>, Fault> {
    let mut table = txn.open_table(tables::chunks(lane))?;
    let (number, header) = match table.first()? {
        Some((number, chunk)) => (number.value(), ChunkHeader::decode(chunk.value())?),
        None => return Ok(None),
    };
    if !is_such(&header) {
        return Ok(None);
    }
    table.remove(number)?;
    Ok(Some(header))
}
