//! What the queue and the spool know of each other when a start joins them: which records are in
//! both, and whose they are.

use super::{Intake, place};
use crate::packed::{Form, Packed};
use crate::queue::Position;
use crate::session::Facts;
use crate::spool::{Spool, Unavailable};

/// The name under which the spool keeps which ring its position belongs to.
const RING: &str = "ring";

/// The name under which the spool keeps the facts of the latest sessions.
pub(super) const SESSIONS: &str = "sessions";

/// How many of them it keeps: records of a session are in the queue until the next start moves
/// them, so more than one is needed only where start after start is killed before it gets there.
const MAX_SESSIONS: usize = 4;

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
        self.remembered = None;
        self.learn_sessions(spool)?;
        self.learn_refused(spool)
    }

    /// Learns the facts of earlier sessions from the spool.
    fn learn_sessions(&mut self, spool: &mut Spool) -> Result<Vec<Facts>, Unavailable> {
        let context = self.session.context();
        let mut sessions = known_sessions(spool)?;
        sessions.retain(|facts| facts.context() != Some(context));
        self.previous = sessions
            .iter()
            .filter_map(|facts| Some((facts.context()?, facts.to_json())))
            .collect();
        Ok(sessions)
    }

    /// Leaves the facts of the session for the next start, and those of the ones before it.
    pub(super) fn remember_sessions(&mut self, spool: &mut Spool) -> Result<(), Unavailable> {
        let context = self.session.context();
        let mut sessions = self.learn_sessions(spool)?;
        sessions.push(self.session.facts(context));
        let surplus = sessions.len().saturating_sub(MAX_SESSIONS);
        let mut json = Vec::new();
        soliplex_wire::encode::json(&mut json, &sessions[surplus..]);
        spool.put_meta(SESSIONS, &json)?;
        self.remembered = Some(context);
        Ok(())
    }
}

/// The latest sessions that the spool has stored records of, and their facts.
fn known_sessions(spool: &mut Spool) -> Result<Vec<Facts>, Unavailable> {
    let stored = spool.meta(SESSIONS)?;
    Ok(stored
        .and_then(|json| serde_json::from_slice(&json).ok())
        .unwrap_or_default())
}
