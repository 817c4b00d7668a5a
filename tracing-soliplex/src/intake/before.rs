//! What an earlier run lost and could not tell any more, found out by the next start.
//!
//! The run's marker counts every refusal, and outlives the process; the spool knows, by the commit that
//! noted them, how many of them have been noted. What is missing between the two is a loss of the run
//! that a kill ended.
//!
//! The marker says, too, how many records waited in the store. Where there is no store any more,
//! because somebody has deleted the file, these are lost. A kill between a commit and the marker's
//! being told of it makes that figure one commit old.

use std::sync::atomic::Ordering;

use super::Intake;
use crate::diagnostics::DiscardReason;
use crate::run::Found;
use crate::session::session_id;
use crate::spool::{Loss, Spool, Unavailable};

/// The name under which the spool keeps how many of the records that were ever refused it has noted:
/// eight bytes, little-endian.
pub(super) const REFUSED: &str = "refused";

/// What the marker said at the start.
#[derive(Clone, Copy, Default)]
pub(super) struct Before {
    /// The context of the last session.
    context: Option<u64>,
    refused: u64,
    is_noted: bool,
    /// How many records waited in the store.
    stored: u64,
}

impl Intake {
    /// Takes note of what the marker says of the run before.
    pub(crate) fn follows(&mut self, found: &Found) {
        let context = match found {
            Found::Previous(run) => {
                let id = session_id(run.first_session, run.generation);
                Some(id.as_u64_pair().0)
            }
            Found::Nothing | Found::Unreadable => None,
        };
        self.before = Some(Before {
            context,
            refused: found.refused(),
            is_noted: found.is_refused_noted(),
            stored: found.stored(),
        });
    }

    /// There is no store where the run before had one. Asked once, like what that run refused:
    /// what is gone after a sleep is known to the process that slept.
    pub(crate) fn misses_store(&mut self) {
        let Some(before) = &mut self.before else {
            return;
        };
        let lost = std::mem::take(&mut before.stored);
        self.diagnostics
            .recovered
            .fetch_add(lost, Ordering::Relaxed);
        self.diagnostics.discard(DiscardReason::SpoolDamaged, lost);
    }

    /// Finds out what was not noted before this run.
    pub(super) fn learn_refused(&mut self, spool: &mut Spool) -> Result<(), Unavailable> {
        let now = Before {
            refused: self.session.run.refused_ever(),
            is_noted: true,
            ..Before::default()
        };
        let before = self.before.unwrap_or(now);
        let noted = match noted(spool)? {
            // There was no store yet, and this is the first.
            None if !before.is_noted => Some(0),
            noted => noted,
        };
        match noted.and_then(|noted| before.refused.checked_sub(noted)) {
            // Another store or another marker than last time.
            None => spool.put_meta(REFUSED, &before.refused.to_le_bytes())?,
            // What is missing of this run is about to be noted.
            Some(unnoted) if unnoted > 0 && self.before.is_some() => {
                self.lost_before(unnoted, before.context);
            }
            Some(_) => {}
        }
        self.before = None;
        self.session.run.refused_is_noted();
        Ok(())
    }

    fn lost_before(&mut self, unnoted: u64, context: Option<u64>) {
        let reason = DiscardReason::QueueFull;
        let loss = Loss::counted(reason.as_str(), unnoted);
        // Named when the queue has been read, where the session may have been announced.
        let loss = match context {
            Some(context) => loss.of(context, None),
            None => loss,
        };
        self.taken.losses.push(loss);
        self.taken.refused += unnoted;
        self.diagnostics.count(reason, unnoted);
        for counter in [
            &self.diagnostics.recovered,
            &self.diagnostics.refused_before,
        ] {
            counter.fetch_add(unnoted, Ordering::Relaxed);
        }
    }

    /// Counts those that are to be noted by the commit to come.
    pub(super) fn count_refused(&mut self, losses: &[Loss]) {
        let reason = DiscardReason::QueueFull.as_str();
        let refused = losses.iter().filter(|loss| loss.reason == reason);
        self.taken.refused += refused.filter_map(|loss| loss.count).sum::<u64>();
    }

    /// How many have been noted once what was taken is stored, if that changes.
    pub(super) fn noted_with(&self, spool: &mut Spool) -> Result<Option<[u8; 8]>, Unavailable> {
        if self.taken.refused == 0 {
            return Ok(None);
        }
        let noted = noted(spool)?.unwrap_or(0) + self.taken.refused;
        Ok(Some(noted.to_le_bytes()))
    }
}

fn noted(spool: &mut Spool) -> Result<Option<u64>, Unavailable> {
    let bytes = spool.meta(REFUSED)?;
    Ok(bytes.and_then(|bytes| Some(u64::from_le_bytes(*bytes.first_chunk()?))))
}
