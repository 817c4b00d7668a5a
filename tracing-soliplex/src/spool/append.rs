//! Appending: records become chunks, and one commit makes them durable together with the facts
//! of their contexts and the ring's position.

use super::chunk::{self, ChunkRecord};
use super::error::{AppendError, Fault, Unavailable};
use super::lane::Lane;
use super::ledger::Loss;
use super::limits::{MAX_CHUNK_BYTES, MAX_CHUNK_RECORDS, MIN_SPLIT_BYTES, PAGE_SLACK_BYTES};
use super::state::State;
use super::{Spool, tables};
use redb::WriteTransaction;

/// A record on its way into the spool.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'a> {
    /// Where it waits.
    pub(crate) lane: Lane,
    /// The session and resource it was captured in; its facts are given to the same append.
    pub(crate) context: u64,
    /// Its number within the session.
    pub(crate) seq: u64,
    /// When it was logged, nanoseconds since the Unix epoch.
    pub(crate) unix_nanos: i64,
    /// The encoded record, which the spool does not look into.
    pub(crate) payload: &'a [u8],
}

/// What one commit adds to the spool.
#[derive(Clone, Copy, Default)]
pub(crate) struct Append<'a> {
    /// Records. All must fit the spool at once: a few megabytes are too much for the default bound.
    pub(crate) frames: &'a [Frame<'a>],
    /// The facts of every context the frames name; those the spool has already are left as they
    /// are.
    pub(crate) contexts: &'a [(u64, &'a [u8])],
    /// The ring's sequence up to which everything is now stored, or given up.
    pub(crate) ring_through: u64,
    /// What was given up on the way here.
    pub(crate) losses: &'a [Loss],
    /// Records that each tell of one of the [untold](Spool::untold) losses.
    pub(crate) telling: &'a [(Frame<'a>, &'a Loss)],
    /// A [fact](Spool::meta) that is true with all that.
    pub(crate) fact: Option<(&'a str, &'a [u8])>,
}

/// What an append stored.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Appended {
    /// Records.
    pub(crate) records: u64,
    /// Their payloads' bytes.
    pub(crate) bytes: u64,
    /// The chunks they became.
    pub(crate) chunks: u64,
}

impl Spool {
    /// Stores records durably, in one commit with the ring's position and with what was lost on
    /// the way.
    ///
    /// # Errors
    /// See [`AppendError`]. A caller asks [`Spool::append_took_place`] before it tries again.
    pub(crate) fn append(&mut self, append: Append<'_>) -> Result<Appended, AppendError> {
        let telling = append.telling.iter().map(|(frame, _)| frame);
        let chunks = plan(append.frames.iter().chain(telling));
        let work = |txn: &WriteTransaction, state: &mut State| {
            state.ring_through = append.ring_through;
            let first = state.next_chunk;
            let appended = write_chunks(txn, state, &chunks, append.contexts)?;
            for loss in append.losses {
                state.ledger.add(loss.clone());
            }
            for (frame, loss) in append.telling {
                let place = chunks
                    .iter()
                    .position(|plan| plan.holds(frame))
                    .unwrap_or(0);
                state.ledger.tell(loss, first + place as u64);
            }
            if let Some((name, value)) = append.fact {
                txn.open_table(tables::META)?.insert(name, value)?;
            }
            Ok(appended)
        };
        let appended = match chunks.is_empty() {
            // A few numbers that change place: there is room for that in a full file too.
            true => self.store.write_freeing(work),
            false => self.store.write(work),
        };
        self.append_in_doubt = appended.is_err().then(|| self.store.last_write());
        if let (Ok(_), Some((name, value))) = (&appended, append.fact) {
            self.store.remember_meta(name, value);
        }
        appended.map_err(|fault| match fault {
            Fault::Bound => {
                self.at_bound = chunks.iter().map(|chunk| chunk.lane).min();
                AppendError::Full
            }
            Fault::DiskFull => AppendError::DiskFull,
            fault => AppendError::Unavailable(Unavailable(fault)),
        })
    }

    /// What was given up, and no record tells of. Touches no disk.
    pub(crate) fn untold(&self) -> &[Loss] {
        self.store.state().ledger.untold()
    }

    /// Whether the last append, if it failed, is on the disk all the same. Opens the store if a
    /// failure closed it.
    ///
    /// # Errors
    /// When the store fails; then nobody knows yet.
    pub(crate) fn append_took_place(&mut self) -> Result<bool, Unavailable> {
        self.store.ensure_open()?;
        let in_doubt = self.append_in_doubt;
        Ok(in_doubt.is_some_and(|write| self.store.came_true(write)))
    }
}

/// The records of one chunk to be.
struct Plan<'a> {
    lane: Lane,
    context: u64,
    bytes: usize,
    records: Vec<ChunkRecord<'a>>,
}

impl<'a> Plan<'a> {
    /// Cuts off the start of a chunk that would leave much of its pages empty, so that the start
    /// fills half of them, and so on with the rest.
    fn filling_pages(mut self) -> Vec<Self> {
        let mut plans = Vec::new();
        while let Some(start) = self.split_start() {
            plans.push(start);
        }
        plans.push(self);
        plans
    }

    fn split_start(&mut self) -> Option<Self> {
        let pages = (self.bytes + PAGE_SLACK_BYTES).next_power_of_two();
        let fills_its_pages = self.bytes > pages - pages / 4;
        if fills_its_pages || pages <= MIN_SPLIT_BYTES {
            return None;
        }
        let room = pages / 2 - PAGE_SLACK_BYTES;
        let mut bytes = chunk::encoded_len(&[]);
        let kept = self.records.iter().take_while(|record| {
            bytes += chunk::record_len(record.payload);
            bytes <= room
        });
        let kept = kept.count();
        if kept == 0 {
            return None;
        }
        let rest = self.records.split_off(kept);
        let start = std::mem::replace(&mut self.records, rest);
        self.bytes = chunk::encoded_len(&self.records);
        Some(Plan {
            lane: self.lane,
            context: self.context,
            bytes: chunk::encoded_len(&start),
            records: start,
        })
    }

    fn holds(&self, frame: &Frame<'_>) -> bool {
        self.lane == frame.lane
            && self.context == frame.context
            && self.records.iter().any(|record| record.seq == frame.seq)
    }

    fn takes(&self, frame: &Frame<'_>) -> bool {
        self.lane == frame.lane
            && self.context == frame.context
            && self.records.len() < MAX_CHUNK_RECORDS
            && self.bytes + chunk::record_len(frame.payload) <= MAX_CHUNK_BYTES
    }
}

/// Groups frames into chunks, each in the place of its first frame, and none much smaller than
/// the pages it will take.
fn plan<'f, 'a: 'f>(frames: impl IntoIterator<Item = &'f Frame<'a>>) -> Vec<Plan<'a>> {
    group(frames)
        .into_iter()
        .flat_map(Plan::filling_pages)
        .collect()
}

fn group<'f, 'a: 'f>(frames: impl IntoIterator<Item = &'f Frame<'a>>) -> Vec<Plan<'a>> {
    let mut plans: Vec<Plan<'a>> = Vec::new();
    for frame in frames {
        let record = ChunkRecord {
            seq: frame.seq,
            unix_nanos: frame.unix_nanos,
            payload: frame.payload,
        };
        let bytes = chunk::record_len(frame.payload);
        // Only the youngest chunk of a lane and context may still take records, or a later
        // record would overtake an earlier one.
        let youngest = plans
            .iter_mut()
            .rev()
            .find(|plan| plan.lane == frame.lane && plan.context == frame.context);
        match youngest {
            Some(plan) if plan.takes(frame) => {
                plan.records.push(record);
                plan.bytes += bytes;
            }
            _ => plans.push(Plan {
                lane: frame.lane,
                context: frame.context,
                bytes: chunk::encoded_len(&[record]),
                records: vec![record],
            }),
        }
    }
    plans
}

fn write_chunks(
    txn: &WriteTransaction,
    state: &mut State,
    plans: &[Plan<'_>],
    contexts: &[(u64, &[u8])],
) -> Result<Appended, Fault> {
    let mut appended = Appended::default();
    for plan in plans {
        let number = state.next_chunk;
        state.next_chunk += 1;
        let mut table = txn.open_table(tables::chunks(plan.lane))?;
        let mut place = table.insert_reserve(number, plan.bytes)?;
        chunk::encode(plan.context, &plan.records, place.as_mut());
        drop(place);
        tables::use_context(txn, plan.context, 1)?;
        store_facts(txn, plan.context, contexts)?;

        let records = plan.records.len() as u64;
        let bytes: u64 = plan.records.iter().map(|r| r.payload.len() as u64).sum();
        state.lane_mut(plan.lane).add(records, bytes);
        appended.records += records;
        appended.bytes += bytes;
        appended.chunks += 1;
    }
    if appended.records > 0 {
        tables::prove_reserve(txn)?;
    }
    Ok(appended)
}

fn store_facts(
    txn: &WriteTransaction,
    context: u64,
    contexts: &[(u64, &[u8])],
) -> Result<(), Fault> {
    let mut table = txn.open_table(tables::CONTEXTS)?;
    let Some((_, facts)) = contexts.iter().find(|(given, _)| *given == context) else {
        return Ok(());
    };
    if redb::ReadableTable::get(&table, context)?.is_none() {
        table.insert(context, *facts)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(lane: Lane, context: u64, seq: u64, payload: &[u8]) -> Frame<'_> {
        Frame {
            lane,
            context,
            seq,
            unix_nanos: 0,
            payload,
        }
    }

    fn seqs(plans: &[Plan<'_>]) -> Vec<Vec<u64>> {
        let seqs = |plan: &Plan<'_>| plan.records.iter().map(|record| record.seq).collect();
        plans.iter().map(seqs).collect()
    }

    #[test]
    fn records_of_one_lane_and_context_share_a_chunk_in_the_place_of_the_first() {
        use Lane::{High, Normal};
        let frames = [
            frame(Normal, 1, 1, b"a"),
            frame(High, 1, 2, b"b"),
            frame(Normal, 2, 3, b"c"),
            frame(Normal, 1, 4, b"d"),
        ];
        assert_eq!(seqs(&plan(&frames)), [vec![1, 4], vec![2], vec![3]]);
    }

    #[test]
    fn a_chunk_ends_at_a_hundred_records() {
        let frames: Vec<_> = (0..250).map(|seq| frame(Lane::Low, 1, seq, b"")).collect();
        let sizes: Vec<usize> = plan(&frames).iter().map(|p| p.records.len()).collect();
        assert_eq!(sizes, [100, 100, 50]);
    }

    #[test]
    fn a_chunk_fills_three_quarters_of_its_pages_or_is_cut() {
        let payload = vec![0; 1_000];
        for count in 1..=64 {
            let frames: Vec<_> = (0..count)
                .map(|seq| frame(Lane::Low, 1, seq, &payload))
                .collect();
            let plans = plan(&frames);
            assert_eq!(seqs(&plans).concat(), (0..count).collect::<Vec<_>>());
            let bytes: usize = plans.iter().map(|plan| plan.bytes).sum();
            let pages: usize = plans
                .iter()
                .map(|plan| {
                    (plan.bytes + PAGE_SLACK_BYTES)
                        .next_power_of_two()
                        .max(4096)
                })
                .sum();
            assert!(
                pages <= bytes * 4 / 3 + 8192,
                "{count} records: {bytes} in {pages}"
            );
        }
    }

    #[test]
    fn a_chunk_keeps_to_its_bytes_unless_one_record_is_larger() {
        let large = vec![0; MAX_CHUNK_BYTES + 1];
        let most = vec![0; MAX_CHUNK_BYTES - 200];
        let payloads: [&[u8]; 5] = [b"x", &large, b"y", &most, &most];
        let frames: Vec<_> = (0..)
            .zip(payloads)
            .map(|(seq, payload)| frame(Lane::Low, 1, seq, payload))
            .collect();
        assert_eq!(
            seqs(&plan(&frames)),
            [vec![0], vec![1], vec![2, 3], vec![4]]
        );
    }
}
