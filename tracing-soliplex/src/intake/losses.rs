//! What is given up on the way to the spool, and how all that was given up is told.

use std::ops::Range;
use std::sync::atomic::Ordering;

use super::{Intake, lane};
use crate::diagnostics::DiscardReason;
use crate::loss;
use crate::packed::{Form, Packed, PackedHead};
use crate::session::Facts;
use crate::spool::{AppendError, Loss, Spool};

impl Intake {
    /// Stores a record of each loss that the spool knows of and none tells of. Returns how many.
    ///
    /// # Errors
    ///
    /// As [`Spool::append`]. The records are stored by the next call.
    pub(crate) fn tell(&mut self, spool: &mut Spool) -> Result<u64, AppendError> {
        let settled = self.settle(spool)?;
        if self.taken.told.is_empty() {
            let now = self.clock.unix_nanos();
            let told = spool.untold().iter().map(|loss| {
                let of_session = self.session_of(loss);
                let record = loss::record(loss, of_session.as_deref(), &self.session, now);
                (record, loss.clone())
            });
            self.taken.told = told.collect();
        }
        Ok(settled + self.store_taken(spool)?)
    }

    /// The id of the session that lacks the records.
    fn session_of(&self, loss: &Loss) -> Option<String> {
        let kept = || Some(loss.facts.as_ref()?.clone().into_bytes());
        let facts = kept().or_else(|| self.facts_of(loss.context?))?;
        Some(Facts::from_json(&facts)?.session_id)
    }

    fn facts_of(&self, context: u64) -> Option<Vec<u8>> {
        if self.session.is_own(context) {
            return Some(self.session.facts(context).to_json());
        }
        let mut previous = self.previous.iter();
        let known = previous.find(|(of, _)| *of == context);
        let facts = known.map(|(_, facts)| facts.as_slice());
        facts
            .or_else(|| self.taken.announced(context))
            .map(<[u8]>::to_vec)
    }

    /// Has the loss name its session, whichever run will tell of it.
    fn named(&self, loss: Loss) -> Loss {
        match (loss.context, &loss.facts) {
            (Some(context), None) => {
                let facts = self.facts_of(context);
                loss.of(context, facts.as_deref())
            }
            _ => loss,
        }
    }

    /// Has what the threads that log had to give up noted by the commit to come.
    pub(super) fn gather_losses(&mut self) {
        if self.taken.losses.is_empty() {
            let losses = self.diagnostics.take_losses(&self.session);
            self.count_refused(&losses);
            self.taken.losses = losses;
        }
        let losses = std::mem::take(&mut self.taken.losses);
        self.taken.losses = losses.into_iter().map(|loss| self.named(loss)).collect();
    }

    /// Gives up what is worth least of what has been read. What is left is stored by the next run,
    /// and the loss is noted with it.
    pub(crate) fn discard_lowest(&mut self, reason: DiscardReason) {
        let taken = &mut self.taken;
        let head = |range: &Range<usize>| {
            let payload = taken.bytes.get(range.clone())?;
            Some(Packed::parse(payload, Form::Stored)?.head)
        };
        let lane_of = |range: &Range<usize>| head(range).as_ref().map(lane);
        let lowest = taken.records.iter().filter_map(lane_of).min();
        let goes = |range: &Range<usize>| lane_of(range) == lowest;
        let (gone, kept): (Vec<_>, Vec<_>) = taken.records.iter().cloned().partition(goes);
        let heads: Vec<PackedHead> = gone.iter().filter_map(head).collect();
        let mut contexts: Vec<u64> = heads.iter().map(|head| head.context).collect();
        contexts.sort_unstable();
        contexts.dedup();
        taken.records = kept;
        for context in contexts {
            let seqs = heads.iter().filter(|head| head.context == context);
            let seqs = seqs.map(|head| head.seq);
            let count = seqs.clone().count() as u64;
            let loss = self.named(Loss {
                seqs: seqs.clone().min().zip(seqs.max()),
                ..Loss::counted(reason.as_str(), count).of(context, None)
            });
            self.taken.losses.push(loss);
        }
        self.diagnostics.count(reason, heads.len() as u64);
        let own = heads
            .iter()
            .filter(|head| self.session.is_own(head.context));
        let own = own.count() as u64;
        self.diagnostics.taken_in.fetch_add(own, Ordering::Relaxed);
        self.taken.own_session -= own;
    }

    /// Reads from the queue and gives up what was read, for consent was withdrawn; the commit to come
    /// notes it. `false` when nothing was there.
    pub(super) fn discard_queued(&mut self) -> bool {
        if self.taken.end.is_none() {
            self.take();
        }
        let any = self.taken.end.is_some();
        self.count_denied(self.taken.records.len() as u64);
        self.taken.clear(&self.diagnostics);
        any
    }

    /// Counts what was given up because consent was withdrawn, without whose it was.
    pub(super) fn count_denied(&mut self, count: u64) {
        if count > 0 {
            let reason = DiscardReason::Denied;
            self.diagnostics.count(reason, count);
            let losses = &mut self.taken.losses;
            losses.push(Loss::counted(reason.as_str(), count));
        }
    }

    /// Empties the queue although the spool cannot note that now: it will when it can.
    pub(crate) fn empty_queue(&mut self) {
        if self.taken.is_in_doubt {
            // What is stored after all is wiped with the rest, and counted there.
            self.taken.denied_in_doubt += self.taken.records.len() as u64;
            self.forget_taken();
        }
        while self.discard_queued() {
            self.forget_taken();
        }
    }
}
