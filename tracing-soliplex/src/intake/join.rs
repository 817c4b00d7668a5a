//! What the queue and the spool know of each other when a start joins them: which records are in
//! both, and whose they are.

use std::ops::Range;

use super::{Intake, place};
use crate::packed::{Form, Packed};
use crate::queue::Position;
use crate::session::Facts;
use crate::spool::{Spool, Unavailable};

/// The name under which the spool keeps which ring its position belongs to.
const RING: &str = "ring";

/// The name under which the spool keeps the facts of the latest sessions.
pub(super) const SESSIONS: &str = "sessions";

/// How many of them it keeps. Sessions follow each other in the queue: whose records were read last
/// may have more there, with nothing before them that says whose they are, and the others at most
/// where their threads overlapped.
const MAX_SESSIONS: usize = 4;

/// How many earlier sessions a run knows of. Those it reads of have been announced just before.
const MAX_PREVIOUS: usize = 16;

impl Intake {
    /// Joins a spool that has just been opened to the queue: what a crash left in both is dropped
    /// from the queue.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub(crate) fn join(&mut self, spool: &mut Spool) -> Result<(), Unavailable> {
        let begin = self.reader.position().to_bytes();
        let (ring, _) = begin.split_at(8);
        let mut through = None;
        if spool.meta(RING)?.as_deref() == Some(ring) {
            let place = spool.ring_through()?;
            let mut stored = begin;
            stored[8..].copy_from_slice(&place.to_le_bytes());
            let known = known_sessions(spool)?;
            let is_known = |payload: &[u8]| match Packed::parse(payload, Form::Queued) {
                Some(packed) if !known.is_empty() => known
                    .iter()
                    .any(|facts| facts.context() == Some(packed.head.context)),
                _ => true,
            };
            self.reader
                .discard_through(Position::from_bytes(stored), is_known);
            through = Some(place);
        }
        // A power cut takes the ring back to what the kernel had written of it by itself, and the
        // spool is ahead of it then: what is pushed next has places that it has seen before. Such
        // a record is told by its session, of which the spool knows once it has stored one of it.
        let reached = place(self.reader.position());
        if through.is_none_or(|through| through > reached) {
            spool.put_ring(RING, ring, reached)?;
        }
        self.remembered.clear();
        self.learn_sessions(spool)?;
        self.learn_refused(spool)
    }

    /// Learns the facts of earlier sessions from the spool.
    fn learn_sessions(&mut self, spool: &mut Spool) -> Result<(), Unavailable> {
        let current = self.session.context();
        let sessions = known_sessions(spool)?.into_iter();
        self.previous = sessions
            .filter_map(|facts| Some((facts.context()?, facts.to_json())))
            .filter(|(context, _)| *context != current)
            .collect();
        Ok(())
    }

    /// Learns whose records were taken, and leaves the facts of the latest sessions for the next
    /// start, the current one's at the end.
    pub(super) fn remember_sessions(&mut self, spool: &mut Spool) -> Result<(), Unavailable> {
        let current = self.session.context();
        self.learn_taken(current);
        let earlier = self.previous.len().saturating_sub(MAX_SESSIONS - 1);
        let earlier = &self.previous[earlier..];
        let latest: Vec<u64> = earlier.iter().map(|(of, _)| *of).chain([current]).collect();
        if latest == self.remembered {
            return Ok(());
        }
        let earlier = earlier.iter();
        let facts = earlier.filter_map(|(_, facts)| Facts::from_json(facts));
        let facts: Vec<Facts> = facts.chain([self.session.facts(current)]).collect();
        let mut json = Vec::new();
        soliplex_wire::encode::json(&mut json, &facts);
        spool.put_meta(SESSIONS, &json)?;
        self.remembered = latest;
        Ok(())
    }

    /// Moves the earlier sessions that were read of, be they of this run or not, to the end of those
    /// that are known.
    fn learn_taken(&mut self, current: u64) {
        let taken = &self.taken;
        let announced = taken.contexts.iter().map(|(of, _)| *of);
        let records = taken.records.iter();
        let parse = |range: &Range<usize>| {
            Packed::parse(taken.bytes.get(range.clone())?, Form::Stored).map(|it| it.head.context)
        };
        for of in announced.chain(records.filter_map(parse)) {
            if of == current || self.previous.last().is_some_and(|last| last.0 == of) {
                continue;
            }
            let known = self.previous.iter().position(|(known, _)| *known == of);
            let facts = match known {
                Some(place) => Some(self.previous.remove(place).1),
                None if self.session.is_own(of) => Some(self.session.facts(of).to_json()),
                None => taken.announced(of).map(<[u8]>::to_vec),
            };
            self.previous.extend(facts.map(|facts| (of, facts)));
        }
        let surplus = self.previous.len().saturating_sub(MAX_PREVIOUS);
        self.previous.drain(..surplus);
    }
}

/// The latest sessions that the spool has stored records of, and their facts.
fn known_sessions(spool: &mut Spool) -> Result<Vec<Facts>, Unavailable> {
    let stored = spool.meta(SESSIONS)?;
    Ok(stored
        .and_then(|json| serde_json::from_slice(&json).ok())
        .unwrap_or_default())
}
