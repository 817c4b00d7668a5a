//! Mending: when a chunk cannot be read, all are looked at, the unreadable ones go, and the
//! counters are made from what is left. Rare: a bit turned over on the disk under a page that
//! redb had no reason to check.

use super::chunk;
use super::chunk::ChunkHeader;
use super::dead_letter;
use super::error::{Fault, Unavailable};
use super::lane::Lane;
use super::ledger::{Loss, SPOOL_DAMAGED};
use super::state::{LaneTotals, State};
use super::store::SetAside;
use super::{Spool, tables};
use redb::{ReadableTable, WriteTransaction};
use std::collections::BTreeMap;

/// What the disk took from us since this was last asked.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    /// Records in chunks that could not be read.
    pub(crate) unreadable_records: u64,
    /// The store, when it had to be given up while running.
    pub(crate) set_aside: Option<SetAside>,
}

impl Spool {
    /// What was lost to the disk since the last call, for the caller's counters.
    pub(crate) fn take_losses(&mut self) -> Losses {
        self.settle_mend();
        Losses {
            unreadable_records: std::mem::take(&mut self.unreadable_records),
            set_aside: self.store.take_set_aside(),
        }
    }

    /// Removes every chunk that cannot be read.
    pub(super) fn mend(&mut self) -> Result<(), Unavailable> {
        let mut lost = 0;
        let done = self.store.write_freeing(|txn, state| {
            lost = remove_unreadable(txn, state)?;
            Ok(())
        });
        self.settle_mend();
        match done {
            Ok(()) => self.unreadable_records += lost,
            Err(_) => self.mend_in_doubt = Some((self.store.last_write(), lost)),
        }
        Ok(done?)
    }

    /// Counts what was removed by a call that failed, and took place all the same.
    fn settle_mend(&mut self) {
        let store = &self.store;
        let came_true = self
            .mend_in_doubt
            .take_if(|(write, _)| store.came_true(*write));
        self.unreadable_records += came_true.map_or(0, |(_, lost)| lost);
    }

    /// Runs work that may meet an unreadable chunk, and once more when it has.
    pub(super) fn with_mending<T>(
        &mut self,
        mut work: impl FnMut(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Unavailable> {
        match work(self) {
            Err(Fault::Chunk(_)) => {
                self.mend()?;
                Ok(work(self)?)
            }
            done => Ok(done?),
        }
    }
}

/// Returns how many records went.
fn remove_unreadable(txn: &WriteTransaction, state: &mut State) -> Result<u64, Fault> {
    let mut users = BTreeMap::<u64, u64>::new();
    let before = state.records();
    for lane in Lane::ALL {
        let mut totals = LaneTotals::default();
        txn.open_table(tables::chunks(lane))?
            .retain(|number, bytes| match readable(bytes) {
                Some(header) => {
                    totals.add(header.records, header.payload_bytes);
                    *users.entry(header.context).or_default() += 1;
                    true
                }
                None => {
                    state.ledger.given_up(number);
                    false
                }
            })?;
        *state.lane_mut(lane) = totals;
    }
    let lost = before.saturating_sub(state.records());
    state.ledger.add(Loss::counted(SPOOL_DAMAGED, lost));
    for row in txn.open_table(tables::DEAD)?.iter()? {
        if let Some(context) = dead_letter::context_of(row?.1.value()) {
            *users.entry(context).or_default() += 1;
        }
    }
    tables::replace_context_users(txn, users.into_iter())?;
    Ok(lost)
}

fn readable(bytes: &[u8]) -> Option<ChunkHeader> {
    chunk::records(bytes).ok()?;
    ChunkHeader::decode(bytes).ok()
}
