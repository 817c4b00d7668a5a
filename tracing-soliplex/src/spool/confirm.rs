//! Confirming: what the server has answered for leaves the spool, in one commit. What it refused
//! for good becomes a dead letter in the same commit.

use super::chunk;
use super::dead_letter::{DeadLetter, bury};
use super::error::{Fault, Unavailable};
use super::ledger::{Loss, REJECTED};
use super::peek::PeekHandle;
use super::state::State;
use super::{InDoubt, Spool, tables};
use redb::WriteTransaction;

/// What a confirmation removed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Confirmed {
    /// Records that left, dead ones included.
    pub(crate) records: u64,
    /// Those of them that were named as dead, whether there was room to keep them or not.
    pub(crate) refused: u64,
    /// Those of them that were refused without a name.
    pub(crate) unnamed: u64,
    /// Those of them that became dead letters.
    pub(crate) dead: u64,
    /// Dead letters that had to go: older ones for these, or these where there was no room.
    pub(crate) dead_dropped: u64,
    /// Records that were gone already: evicted, wiped or confirmed.
    pub(crate) missing: u64,
}

impl Confirmed {
    /// Records that left because the server has them.
    pub(crate) fn delivered(&self) -> u64 {
        let refused = self.refused + self.unnamed;
        self.records.saturating_sub(refused)
    }
}

impl Spool {
    /// Removes the peeked records; those named in `dead` become dead letters, and so many more were
    /// refused as `unnamed` says, which is noted and nothing more. To try again after
    /// an error, or to confirm twice, does no harm.
    ///
    /// Works on a full disk and at the byte bound. Where a call failed although its commit took
    /// place, the next one with the same handle tells what it removed.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn confirm(
        &mut self,
        handle: &PeekHandle,
        dead: &[DeadLetter<'_>],
        unnamed: u64,
    ) -> Result<Confirmed, Unavailable> {
        self.store.ensure_open()?;
        if let InDoubt::Confirmed(write, doubted, confirmed) = &self.in_doubt {
            let came_true = doubted.is_same_as(handle) && self.store.came_true(*write);
            let confirmed = *confirmed;
            self.in_doubt = InDoubt::Nothing;
            if came_true {
                return Ok(confirmed);
            }
        }
        let most = self.store.growth().max_dead_bytes();
        let mut confirmed = Confirmed::default();
        let mut done = self.store.write_freeing(|txn, state| {
            confirmed = remove_chunks(txn, state, handle, dead, unnamed, most)?;
            Ok(())
        });
        if matches!(done, Err(Fault::Bound | Fault::DiskFull)) && !dead.is_empty() {
            let first = self.store.last_write();
            done = match self.store.ensure_open() {
                Ok(()) if self.store.came_true(first) => Ok(()),
                // Dead letters are the one thing a confirmation stores. Where there is no room even
                // with what is held back, they are let go, or the batch would be sent for ever.
                Ok(()) => self.store.write_freeing(|txn, state| {
                    confirmed = remove_chunks(txn, state, handle, dead, unnamed, 0)?;
                    Ok(())
                }),
                Err(fault) => Err(fault),
            };
        }
        if done.is_err() {
            self.in_doubt = InDoubt::Confirmed(self.store.last_write(), handle.clone(), confirmed);
        }
        done?;
        Ok(confirmed)
    }
}

/// A record's number and its payload.
type ChunkEntry<'a> = (u64, &'a [u8]);

fn remove_chunks(
    txn: &WriteTransaction,
    state: &mut State,
    handle: &PeekHandle,
    dead: &[DeadLetter<'_>],
    unnamed: u64,
    max_dead_bytes: u64,
) -> Result<Confirmed, Fault> {
    let mut confirmed = Confirmed::default();
    let mut of_unnamed = Loss::default();
    for (index, chunk) in handle.chunks.iter().enumerate() {
        let dead_here = dead.iter().filter_map(|letter| {
            let (origin, place) = *handle.origins.get(letter.record)?;
            (origin == index).then_some((place, letter.reason))
        });
        let mut table = txn.open_table(tables::chunks(chunk.lane))?;
        let removed = table.remove(chunk.number)?;
        let Some(bytes) = removed else {
            confirmed.missing += chunk.header.records;
            continue;
        };
        let dead_here: Vec<(usize, &str)> = dead_here.collect();
        confirmed.refused += dead_here.len() as u64;
        let header = chunk.header;
        let is_refused = unnamed > 0 || !dead_here.is_empty();
        // Before the facts go with the last chunk that names them.
        let facts = match is_refused {
            true => tables::facts(txn, header.context)?,
            false => None,
        };
        if !dead_here.is_empty() {
            // Of a chunk that cannot be read any more no letter is kept: it has been answered for, and
            // would be sent for ever.
            let records = chunk::records(bytes.value()).unwrap_or_default();
            let letters: Vec<(ChunkEntry<'_>, &str)> = dead_here
                .iter()
                .filter_map(|(place, reason)| Some((*records.get(*place)?, *reason)))
                .filter(|_| max_dead_bytes > 0)
                .collect();
            let seqs = dead_here
                .iter()
                .filter_map(|(place, _)| records.get(*place));
            let seqs = seqs.map(|(seq, _)| *seq);
            state.ledger.add(Loss {
                seqs: seqs.clone().min().zip(seqs.max()),
                ..Loss::counted(REJECTED, dead_here.len() as u64)
                    .of(header.context, facts.as_deref())
            });
            let unkept = (dead_here.len() - letters.len()) as u64;
            confirmed.dead_dropped += unkept;
            state.dead.dropped += unkept;
            for (record, reason) in &letters {
                confirmed.dead_dropped +=
                    bury(txn, state, header.context, *record, reason, max_dead_bytes)?;
                confirmed.dead += 1;
            }
        }
        // A peek is of one context.
        if of_unnamed.context.is_none() {
            of_unnamed = Loss::counted(REJECTED, 0).of(header.context, facts.as_deref());
        }
        drop(bytes);
        // One of the refused may have told of a loss. That is not told again: it would be refused
        // again, without end.
        state.ledger.delivered(chunk.number);
        state
            .lane_mut(chunk.lane)
            .subtract(header.records, header.payload_bytes);
        tables::release_context(txn, header.context, 1)?;
        confirmed.records += header.records;
    }
    confirmed.unnamed = unnamed.min(confirmed.records.saturating_sub(confirmed.refused));
    state.ledger.add(Loss {
        count: Some(confirmed.unnamed),
        ..of_unnamed
    });
    state.delivered += confirmed.delivered();
    Ok(confirmed)
}
