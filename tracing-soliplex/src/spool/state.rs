//! What the spool knows of itself without counting: the numbers that every commit carries along,
//! so that they are right after any crash. One row of the store, and its codec; the [`Ledger`] beside
//! them is another, and so is what was added later.

use super::chunk;
use super::lane::{LANES, Lane};
use super::ledger::Ledger;

/// The counters, as of the last commit.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct State {
    /// The number the next chunk gets; never used twice, not even after a wipe.
    pub(crate) next_chunk: u64,
    /// The ring's sequence up to which everything is stored.
    pub(crate) ring_through: u64,
    /// Commits made, which tells whether one whose outcome was not seen took place.
    pub(crate) commits: u64,
    /// What waits, by lane.
    pub(crate) lanes: [LaneTotals; LANES],
    /// What was refused.
    pub(crate) dead: DeadTotals,
    /// What was given up and not told; a row of its own.
    pub(crate) ledger: Ledger,
    /// Records that were confirmed as delivered, ever; a row of its own.
    pub(crate) delivered: u64,
}

/// What waits in one lane.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct LaneTotals {
    /// Records.
    pub(crate) records: u64,
    /// Their payloads' bytes.
    pub(crate) bytes: u64,
    /// The chunks that hold them.
    pub(crate) chunks: u64,
}

/// What the dead-letter table holds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct DeadTotals {
    /// Dead letters kept.
    pub(crate) records: u64,
    /// Their bytes, reasons included.
    pub(crate) bytes: u64,
    /// The number the next one gets.
    pub(crate) next: u64,
    /// Dead letters that had to go for younger ones, ever.
    pub(crate) dropped: u64,
}

const FIELDS: usize = 3 + 3 * LANES + 4;

/// The row's type in the store: its fields in the order they are declared.
pub(crate) type StateRow = [u64; FIELDS];

impl State {
    /// What is left in a new file: nothing, but no number is given out twice, and what was lost is
    /// still to be told.
    pub(super) fn empty(&mut self) {
        self.ledger.all_given_up();
        *self = Self {
            next_chunk: self.next_chunk.max(1),
            ring_through: self.ring_through,
            // The making of the file is its first commit.
            commits: 1,
            dead: DeadTotals {
                next: self.dead.next,
                ..DeadTotals::default()
            },
            ledger: std::mem::take(&mut self.ledger),
            delivered: self.delivered,
            ..Self::default()
        };
    }

    /// The totals of one lane, to be changed.
    pub(crate) fn lane_mut(&mut self, lane: Lane) -> &mut LaneTotals {
        let [low, normal, high, marker] = &mut self.lanes;
        match lane {
            Lane::Low => low,
            Lane::Normal => normal,
            Lane::High => high,
            Lane::Marker => marker,
        }
    }

    /// Records waiting in all lanes.
    pub(crate) fn records(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.records).sum()
    }

    /// Payload bytes waiting in all lanes.
    pub(crate) fn bytes(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.bytes).sum()
    }

    /// What the records and the dead letters take up in the file, or little less.
    pub(crate) fn stored_bytes(&self) -> u64 {
        let lanes = self.lanes.iter();
        let chunks: u64 = lanes.map(|lane| chunk::stored_bytes(*lane)).sum();
        chunks + self.dead.bytes
    }

    pub(crate) fn to_row(&self) -> StateRow {
        let [low, normal, high, marker] = self.lanes;
        let dead = self.dead;
        [
            self.next_chunk,
            self.ring_through,
            self.commits,
            low.records,
            low.bytes,
            low.chunks,
            normal.records,
            normal.bytes,
            normal.chunks,
            high.records,
            high.bytes,
            high.chunks,
            marker.records,
            marker.bytes,
            marker.chunks,
            dead.records,
            dead.bytes,
            dead.next,
            dead.dropped,
        ]
    }

    pub(crate) fn from_row(row: StateRow, ledger: Ledger, delivered: u64) -> Self {
        let [next_chunk, ring_through, commits, rest @ ..] = row;
        let [
            lr,
            lb,
            lc,
            nr,
            nb,
            nc,
            hr,
            hb,
            hc,
            mr,
            mb,
            mc,
            records,
            bytes,
            next,
            dropped,
        ] = rest;
        let lane = |records, bytes, chunks| LaneTotals {
            records,
            bytes,
            chunks,
        };
        Self {
            next_chunk,
            ring_through,
            commits,
            lanes: [
                lane(lr, lb, lc),
                lane(nr, nb, nc),
                lane(hr, hb, hc),
                lane(mr, mb, mc),
            ],
            dead: DeadTotals {
                records,
                bytes,
                next,
                dropped,
            },
            ledger,
            delivered,
        }
    }
}

impl LaneTotals {
    /// Counts a chunk in.
    pub(crate) fn add(&mut self, records: u64, bytes: u64) {
        self.records += records;
        self.bytes += bytes;
        self.chunks += 1;
    }

    /// Counts a chunk out.
    pub(crate) fn subtract(&mut self, records: u64, bytes: u64) {
        // Saturating, because a count that is off by a damaged page must not end the worker.
        self.records = self.records.saturating_sub(records);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.chunks = self.chunks.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_survives_its_row() {
        let mut row = StateRow::default();
        for (value, field) in (1..).zip(row.iter_mut()) {
            *field = value;
        }
        assert_eq!(State::from_row(row, Ledger::default(), 0).to_row(), row);
    }
}
