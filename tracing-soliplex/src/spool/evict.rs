//! Evicting: what is too old, or too much, goes, the lowest lane's oldest first. Everything that
//! goes is entered in the ledger by the commit that removes it, so that it is told.
//!
//! A session's marker is the exception: it stays while any other record of its session does, and
//! goes before the errors of others once none does.
//!
//! Age is the wall clock's, the only one that outlives a restart. A lane is looked at from its
//! oldest chunk on, and no further than the first that may stay. A chunk whose stamp cannot be
//! right, from before this crate or from the future, has no age: a device that starts in 1970 and
//! learns the time later must not lose what it logged before, and a clock that ran ahead must not
//! keep what lies behind. Such a chunk is passed over, and goes when the byte bound asks for it.

use super::chunk::ChunkHeader;
use super::error::{Fault, Unavailable};
use super::lane::Lane;
use super::ledger::Loss;
use super::limits::{
    COMPACTED_BELOW_SHARE, EARLIEST_UNIX_NANOS, EVICTED_SHARE, MAX_PASSED_OVER, MIN_COMPACTED_BYTES,
};
use super::peek::PeekHandle;
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

impl EvictReason {
    /// The reason as it stands in the ledger.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Bytes => "spool_full",
            Self::Age => "expired",
        }
    }
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
    /// How many they were.
    pub(crate) records: u64,
    /// The lowest seq among them.
    pub(crate) first_seq: u64,
    /// The highest; those between may have been delivered, or wait in another lane.
    pub(crate) last_seq: u64,
}

/// What becomes of a chunk.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Verdict {
    Goes,
    /// It stays, and says nothing of those behind it.
    PassedOver,
    /// It stays, and so do those behind it.
    Stays,
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
    /// Has eviction leave these alone from now on, and none where there are none: what of them has
    /// arrived, or may have, would be told as lost.
    pub(crate) fn keep(&mut self, handle: Option<&PeekHandle>) {
        let chunks = handle.map_or(&[][..], |handle| &handle.chunks);
        self.kept = chunks.iter().map(|chunk| chunk.number).collect();
    }

    /// Removes what is older than the age bound and, when the byte bound has been reached, the
    /// lowest lane's oldest as well: an eighth of the file at a time, and nothing that is worth more
    /// than the least of what was to be appended. Afterwards the file keeps to its bound, also when
    /// that is a lower one than last time.
    ///
    /// `now_unix_nanos` is the wall clock's, nanoseconds since the Unix epoch, where it can be
    /// trusted; without one nothing is too old. Returns what went, for the caller's counters; after
    /// [`AppendError::Full`](super::AppendError::Full) nothing, once only better is stored.
    ///
    /// # Errors
    /// When the store fails. What had gone by then is told by the next call that succeeds.
    pub(crate) fn evict(
        &mut self,
        now_unix_nanos: Option<i64>,
    ) -> Result<Vec<Eviction>, Unavailable> {
        self.store.ensure_open()?;
        if let InDoubt::Evicted(write, evictions) = &mut self.in_doubt {
            if self.store.came_true(*write) {
                self.untold = std::mem::take(evictions);
            }
            self.in_doubt = InDoubt::Nothing;
        }
        if let Some(now) = now_unix_nanos {
            self.evict_by_age(now)?;
        }
        if let Some(lane) = self.at_bound {
            self.evict_by_bytes(self.store.growth().file_bytes() / EVICTED_SHARE, lane)?;
            self.at_bound = None;
        }
        while self.store.growth().is_over() {
            self.store.compact()?;
            let state = self.store.state();
            if !self.store.growth().is_over() || state.records() == 0 {
                break;
            }
            let (records, wanted) = (state.records(), state.bytes() / EVICTED_SHARE + 1);
            self.evict_by_bytes(wanted, Lane::Marker)?;
            if self.store.state().records() == records {
                // All that is left is to be kept.
                break;
            }
        }
        Ok(std::mem::take(&mut self.untold).list)
    }

    fn evict_by_age(&mut self, now: i64) -> Result<(), Unavailable> {
        let max_age = i64::try_from(self.max_age.as_nanos()).unwrap_or(i64::MAX);
        let oldest_kept = now.saturating_sub(max_age);
        let judge = |header: &ChunkHeader| match header.last_unix_nanos {
            ..EARLIEST_UNIX_NANOS => Verdict::PassedOver,
            stamp if stamp > now => Verdict::PassedOver,
            stamp if stamp < oldest_kept => Verdict::Goes,
            _ => Verdict::Stays,
        };
        // Most calls find nothing to do, and a read transaction costs no sync.
        if !self.with_mending(|spool| spool.any_goes(judge))? {
            return Ok(());
        }
        self.evict_lanes(EvictReason::Age, Lane::Marker, |_, header| judge(header))
    }

    fn evict_by_bytes(&mut self, wanted: u64, highest: Lane) -> Result<(), Unavailable> {
        let enough = self.store.state().bytes().saturating_sub(wanted);
        self.evict_lanes(EvictReason::Bytes, highest, |state, _| {
            if state.bytes() > enough {
                Verdict::Goes
            } else {
                Verdict::Stays
            }
        })
    }

    /// Removes what goes, the oldest of the lowest lane first, up to the highest one named.
    fn evict_lanes(
        &mut self,
        reason: EvictReason,
        highest: Lane,
        judge: impl Fn(&State, &ChunkHeader) -> Verdict,
    ) -> Result<(), Unavailable> {
        let mut evicted = Evictions::default();
        let mut write = 0;
        let done = self.with_mending(|spool| {
            let done = spool.store.write_freeing(|txn, state| {
                let kept = &spool.kept;
                evicted = spool.untold.clone();
                for lane in [Lane::Low, Lane::Normal] {
                    if lane <= highest {
                        evicted.pop_all(txn, state, lane, kept, reason, &judge)?;
                    }
                }
                if highest < Lane::High {
                    return Ok(());
                }
                evicted.pop_lone_markers(txn, state, kept, reason, &judge)?;
                evicted.pop_all(txn, state, Lane::High, kept, reason, &judge)?;
                // Errors that went have left theirs alone.
                evicted.pop_lone_markers(txn, state, kept, reason, &judge)?;
                match reason {
                    EvictReason::Age => Ok(()),
                    // Nothing else is left, but for dead letters that name the same context.
                    EvictReason::Bytes => {
                        evicted.pop_all(txn, state, Lane::Marker, kept, reason, &judge)
                    }
                }
            });
            // By its own name, for what fails may be the mending.
            write = spool.store.last_write();
            done
        });
        match done {
            Ok(()) => self.untold = evicted,
            Err(_) => self.in_doubt = InDoubt::Evicted(write, evicted),
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

    /// Whether there is anything that goes.
    fn any_goes(&mut self, judge: impl Fn(&ChunkHeader) -> Verdict) -> Result<bool, Fault> {
        let kept = &self.kept;
        self.store.read(|txn| {
            for lane in [Lane::Low, Lane::Normal, Lane::High] {
                let table = txn.open_table(tables::chunks(lane))?;
                if next(&table, 0, kept, &judge)?.is_some() {
                    return Ok(true);
                }
            }
            let markers = txn.open_table(tables::chunks(Lane::Marker))?;
            let users = txn.open_table(tables::CONTEXT_USERS)?;
            Ok(next_lone(&markers, &users, kept, judge)?.is_some())
        })
    }
}

/// What has gone so far. A transaction works on a copy, for it may be run twice.
#[derive(Clone, Default)]
pub(super) struct Evictions {
    list: Vec<Eviction>,
}

impl Evictions {
    /// Removes what goes of a lane, the oldest first.
    fn pop_all(
        &mut self,
        txn: &WriteTransaction,
        state: &mut State,
        lane: Lane,
        kept: &[u64],
        reason: EvictReason,
        judge: impl Fn(&State, &ChunkHeader) -> Verdict,
    ) -> Result<(), Fault> {
        let mut from = 0;
        loop {
            let mut table = txn.open_table(tables::chunks(lane))?;
            let found = next(&table, from, kept, |header| judge(state, header))?;
            let Some((number, header)) = found else {
                return Ok(());
            };
            table.remove(number)?;
            drop(table);
            self.count(txn, state, lane, reason, (number, header))?;
            from = number;
        }
    }

    /// Removes the markers that go, of those that are all that is left of their session.
    fn pop_lone_markers(
        &mut self,
        txn: &WriteTransaction,
        state: &mut State,
        kept: &[u64],
        reason: EvictReason,
        judge: impl Fn(&State, &ChunkHeader) -> Verdict,
    ) -> Result<(), Fault> {
        loop {
            let lone = {
                let markers = txn.open_table(tables::chunks(Lane::Marker))?;
                let users = txn.open_table(tables::CONTEXT_USERS)?;
                next_lone(&markers, &users, kept, |header| judge(state, header))?
            };
            let Some((number, header)) = lone else {
                return Ok(());
            };
            txn.open_table(tables::chunks(Lane::Marker))?
                .remove(number)?;
            self.count(txn, state, Lane::Marker, reason, (number, header))?;
        }
    }

    fn count(
        &mut self,
        txn: &WriteTransaction,
        state: &mut State,
        lane: Lane,
        reason: EvictReason,
        (number, header): (u64, ChunkHeader),
    ) -> Result<(), Fault> {
        state
            .lane_mut(lane)
            .subtract(header.records, header.payload_bytes);
        let same = |found: &&mut Eviction| {
            (found.lane, found.reason, found.context) == (lane, reason, header.context)
        };
        if let Some(found) = self.list.iter_mut().find(same) {
            found.records += header.records;
            found.first_seq = found.first_seq.min(header.first_seq);
            found.last_seq = found.last_seq.max(header.last_seq);
        } else {
            self.list.push(Eviction {
                lane,
                reason,
                context: header.context,
                records: header.records,
                first_seq: header.first_seq,
                last_seq: header.last_seq,
            });
        }
        let facts = tables::facts(txn, header.context)?;
        state.ledger.given_up(number);
        state.ledger.add(Loss {
            seqs: Some((header.first_seq, header.last_seq)),
            ..Loss::counted(reason.as_str(), header.records).of(header.context, facts.as_deref())
        });
        tables::release_context(txn, header.context, 1)
    }
}

/// The oldest chunk from a number on that goes, unless one before it keeps it. Those that are to be
/// kept are as if they were not there.
fn next(
    chunks: &impl ReadableTable<u64, &'static [u8]>,
    from: u64,
    kept: &[u64],
    judge: impl Fn(&ChunkHeader) -> Verdict,
) -> Result<Option<(u64, ChunkHeader)>, Fault> {
    let is_kept = |number: u64| kept.contains(&number);
    let rows = chunks
        .range(from..)?
        .filter(|row| !matches!(row, Ok((number, _)) if is_kept(number.value())));
    for row in rows.take(MAX_PASSED_OVER + 1) {
        let (number, chunk) = row?;
        let header = ChunkHeader::decode(chunk.value())?;
        match judge(&header) {
            Verdict::Goes => return Ok(Some((number.value(), header))),
            Verdict::PassedOver => {}
            Verdict::Stays => break,
        }
    }
    Ok(None)
}

/// The oldest marker that goes and that no other chunk or dead letter shares its context with.
/// There are as many as sessions wait to be delivered, which are few.
fn next_lone(
    markers: &impl ReadableTable<u64, &'static [u8]>,
    users: &impl ReadableTable<u64, u64>,
    kept: &[u64],
    judge: impl Fn(&ChunkHeader) -> Verdict,
) -> Result<Option<(u64, ChunkHeader)>, Fault> {
    for row in markers.iter()? {
        let (number, chunk) = row?;
        let header = ChunkHeader::decode(chunk.value())?;
        let goes = !kept.contains(&number.value()) && judge(&header) == Verdict::Goes;
        if goes && tables::is_last_user(users, header.context)? {
            return Ok(Some((number.value(), header)));
        }
    }
    Ok(None)
}
