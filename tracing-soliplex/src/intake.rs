//! From the queue into the spool: one commit at a time, freed in the queue only when it is on disk.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use soliplex_wire::Severity;
use soliplex_wire::encode::Buffer;

use crate::clock::Clock;
use crate::diagnostics::{Diagnostics, DiscardReason};
use crate::packed::{Form, Kind, Packed, PackedHead};
use crate::print;
use crate::queue::{Position, Reader};
use crate::session::{FIRST, Session};
use crate::spool::{Append, AppendError, Frame, Lane, Loss, Spool, Unavailable};
use before::{Before, REFUSED};

mod before;
mod join;
mod losses;
#[cfg(test)]
mod tests;

/// Bytes stored in one commit: a few milliseconds' writing, a sixteenth of the queue.
pub(crate) const MAX_COMMIT_BYTES: usize = 512 * 1024;

/// Bytes read from the queue before it is looked how many they are when they are printed: a record
/// of control characters grows to six times its size.
const STEP_BYTES: usize = 32 * 1024;

/// Moves records from the queue into the spool.
pub(crate) struct Intake {
    reader: Reader,
    session: Arc<Session>,
    clock: Arc<dyn Clock>,
    diagnostics: Arc<Diagnostics>,
    /// What has been read from the queue and is not yet known to be on disk.
    taken: Taken,
    /// The facts of earlier sessions, whose records may be in the queue, the last one that was read
    /// of at the end. They were announced there too, but an announcement leaves the queue with the
    /// first commit after it, and the spool keeps no facts that no record of its own names.
    previous: Vec<(u64, Vec<u8>)>,
    /// The sessions that are left for the next start to learn of.
    remembered: Vec<u64>,
    /// The run before this one, until a spool has been asked what it knows of it.
    before: Option<Before>,
}

/// Records read from the queue, printed. No `Debug`: it holds what they say.
#[derive(Default)]
struct Taken {
    bytes: Buffer,
    records: Vec<Range<usize>>,
    contexts: Vec<(u64, Range<usize>)>,
    /// What was given up of it, and by the threads that log.
    losses: Vec<Loss>,
    /// Records of our own about losses that the spool knows of. They are made once, however often
    /// storing them fails: each takes a number of the session's.
    told: Vec<(Vec<u8>, Loss)>,
    /// How many of what was given up the queue had refused.
    refused: u64,
    end: Option<Position>,
    /// The last attempt to store them failed, and may have taken place all the same.
    is_in_doubt: bool,
    /// How many records were in doubt when all that was not stored had to go.
    denied_in_doubt: u64,
    /// How many of the records are of this run.
    own_session: u64,
}

impl Intake {
    pub(crate) fn new(
        reader: Reader,
        session: Arc<Session>,
        clock: Arc<dyn Clock>,
        diagnostics: Arc<Diagnostics>,
    ) -> Intake {
        Intake {
            reader,
            session,
            clock,
            diagnostics,
            taken: Taken::default(),
            previous: Vec::new(),
            remembered: Vec::new(),
            before: Some(Before::default()),
        }
    }

    /// Begins to read the queue anew, after another process may have used its file. What had been
    /// read before has to be stored by then.
    pub(crate) fn rejoin(&mut self) {
        self.reader.rejoin();
    }

    /// Meets the page faults that the threads that log would meet otherwise.
    pub(crate) fn prepare_queue(&mut self) {
        self.reader.prepare();
    }

    /// Whether every record that was in the queue when `end` was its end is on disk.
    pub(crate) fn has_reached(&self, end: Position) -> bool {
        self.taken.end.is_none() && end.is_reached_by(self.reader.position())
    }

    /// The session the application is in.
    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// How far the queue has been read, and how much of that is not on disk.
    pub(crate) fn progress(&self) -> (Position, Option<usize>) {
        let unstored = self.taken.end.map(|_| self.taken.records.len());
        (self.reader.position(), unstored)
    }

    /// Moves one commit's worth of records, and notes what was lost. Returns how many were moved.
    ///
    /// # Errors
    ///
    /// As [`Spool::append`]. What was read is kept and stored by the next call.
    pub(crate) fn run(&mut self, spool: &mut Spool) -> Result<u64, AppendError> {
        let settled = self.settle(spool)?;
        // What could not be stored by a call that failed is tried again as it was.
        if self.taken.end.is_none() {
            self.take();
        }
        self.gather_losses();
        Ok(settled + self.store_taken(spool)?)
    }

    /// Gives up what is in the queue, and notes that. Returns as [`run`](Self::run).
    ///
    /// # Errors
    ///
    /// As [`Spool::append`].
    pub(crate) fn run_denied(&mut self, spool: &mut Spool) -> Result<u64, AppendError> {
        let mut moved = self.settle(spool)?;
        // They name a session. What they tell of is in the spool's ledger, which has forgotten whose
        // it was.
        self.taken.told.clear();
        loop {
            let any = self.discard_queued();
            self.gather_losses();
            // Whose they were is nobody's business any more.
            let losses = std::mem::take(&mut self.taken.losses);
            self.taken.refused = 0;
            self.taken.losses = losses.into_iter().map(Loss::nameless).collect();
            moved += self.store_taken(spool)?;
            if !any {
                return Ok(moved);
            }
        }
    }

    /// Lets go of what the last call stored, if it failed after its commit; how many they were.
    fn settle(&mut self, spool: &mut Spool) -> Result<u64, Unavailable> {
        if !self.taken.is_in_doubt {
            return Ok(0);
        }
        let is_stored = spool.append_took_place()?;
        self.taken.is_in_doubt = false;
        let denied = std::mem::take(&mut self.taken.denied_in_doubt);
        if is_stored {
            return Ok(self.taken_stored());
        }
        self.count_denied(denied);
        Ok(0)
    }

    fn store_taken(&mut self, spool: &mut Spool) -> Result<u64, AppendError> {
        let Taken {
            end, losses, told, ..
        } = &self.taken;
        if end.is_none() && losses.is_empty() && told.is_empty() {
            return Ok(0);
        }
        self.store(spool)?;
        Ok(self.taken_stored())
    }

    fn taken_stored(&mut self) -> u64 {
        let told = std::mem::take(&mut self.taken.told).len();
        self.diagnostics
            .own
            .fetch_add(told as u64, Ordering::Relaxed);
        let moved = (self.taken.records.len() + told) as u64;
        self.taken.losses.clear();
        self.taken.refused = 0;
        self.forget_taken();
        moved
    }

    fn take(&mut self) {
        let Intake {
            reader,
            taken,
            session,
            diagnostics,
            ..
        } = self;
        let (mut foreign, mut damaged) = (0, 0);
        while taken.bytes.len() < MAX_COMMIT_BYTES {
            let drained = reader.drain(STEP_BYTES, |frame| {
                match Packed::parse(frame.payload, Form::Queued) {
                    Some(packed) if taken.add(&packed, session) => {}
                    // Something has written over it before it was pushed.
                    Some(packed) if session.is_own(packed.head.context) => {
                        diagnostics.taken_in.fetch_add(1, Ordering::Relaxed);
                        diagnostics.discard_record(DiscardReason::Torn, &packed.head);
                    }
                    _ => foreign += 1,
                }
            });
            damaged += drained.damaged;
            if drained.frames == 0 && drained.damaged == 0 {
                break;
            }
            taken.end = Some(drained.end);
        }
        // What is damaged now was whole when the queue was opened: it is of this run. What cannot be
        // read was written by another version, before this run, unless it says that it is of this one.
        diagnostics.taken_in.fetch_add(damaged, Ordering::Relaxed);
        let before = taken.records.len() as u64 - taken.own_session;
        diagnostics
            .recovered
            .fetch_add(before + foreign, Ordering::Relaxed);
        diagnostics.discard(DiscardReason::Torn, damaged + foreign);
    }

    fn store(&mut self, spool: &mut Spool) -> Result<(), AppendError> {
        let ring_through = match self.taken.end {
            Some(end) => place(end),
            None => spool.ring_through()?,
        };
        if self.taken.names_a_session() {
            // Before the first record of one is stored, and its announcement gone from the queue.
            // Where consent was withdrawn neither is stored, and nothing may say whose they were.
            self.remember_sessions(spool)?;
        }
        let noted = self.noted_with(spool)?;
        let taken = &self.taken;
        let payloads = taken
            .records
            .iter()
            .filter_map(|range| taken.bytes.get(range.clone()));
        let frames: Vec<Frame<'_>> = payloads.filter_map(frame).collect();
        let telling: Vec<(Frame<'_>, &Loss)> = taken
            .told
            .iter()
            .filter_map(|(payload, loss)| Some((frame(payload)?, loss)))
            .collect();
        let mut contexts: Vec<(u64, &[u8])> = taken
            .contexts
            .iter()
            .filter_map(|(context, range)| Some((*context, taken.bytes.get(range.clone())?)))
            .collect();
        let told = telling.iter().map(|(frame, _)| frame);
        let own = self.own_facts(frames.iter().chain(told));
        contexts.extend(own.iter().map(|(of, facts)| (*of, facts.as_slice())));
        let previous = self.previous.iter();
        contexts.extend(previous.map(|(context, facts)| (*context, facts.as_slice())));
        let appended = spool.append(Append {
            frames: &frames,
            contexts: &contexts,
            ring_through,
            losses: &taken.losses,
            telling: &telling,
            fact: noted.as_ref().map(|noted| (REFUSED, &noted[..])),
        });
        self.taken.is_in_doubt = appended.is_err();
        appended.map(drop)
    }

    /// The facts of each session of this run that a frame names.
    fn own_facts<'a>(&self, frames: impl Iterator<Item = &'a Frame<'a>>) -> Vec<(u64, Vec<u8>)> {
        let mut own: Vec<(u64, Vec<u8>)> = Vec::new();
        for frame in frames {
            let known = own.iter().any(|(of, _)| *of == frame.context);
            if !known && self.session.is_own(frame.context) {
                let facts = self.session.facts(frame.context);
                own.push((frame.context, facts.to_json()));
            }
        }
        own
    }

    fn forget_taken(&mut self) {
        if let Some(end) = self.taken.end.take() {
            self.reader.release(end);
        }
        self.taken.clear(&self.diagnostics);
    }
}

impl Taken {
    fn names_a_session(&self) -> bool {
        !(self.records.is_empty() && self.told.is_empty() && self.contexts.is_empty())
    }

    /// The facts of a session that was announced among what was read.
    fn announced(&self, of: u64) -> Option<&[u8]> {
        let (_, range) = self.contexts.iter().find(|(context, _)| *context == of)?;
        self.bytes.get(range.clone())
    }

    /// Lets go of what was read, which is stored or given up.
    fn clear(&mut self, diagnostics: &Diagnostics) {
        let own = std::mem::take(&mut self.own_session);
        diagnostics.taken_in.fetch_add(own, Ordering::Relaxed);
        self.bytes.clear();
        self.records.clear();
        self.contexts.clear();
    }

    /// Takes a record in, or a session's facts; false if its body cannot be read.
    fn add(&mut self, packed: &Packed<'_>, session: &Session) -> bool {
        let start = self.bytes.len();
        match packed.head.kind {
            Kind::Record => {
                if !print::record(packed, &mut self.bytes) {
                    return false;
                }
                self.records.push(start..self.bytes.len());
                self.own_session += u64::from(session.is_own(packed.head.context));
            }
            Kind::Context => {
                self.bytes.bytes(packed.body);
                self.contexts
                    .push((packed.head.context, start..self.bytes.len()));
            }
        }
        true
    }
}

/// How the spool stores a position: the place alone, the ring's id stands beside it.
fn place(position: Position) -> u64 {
    let bytes = position.to_bytes();
    bytes
        .last_chunk()
        .map_or(0, |place| u64::from_le_bytes(*place))
}

fn frame(payload: &[u8]) -> Option<Frame<'_>> {
    let head = Packed::parse(payload, Form::Stored)?.head;
    Some(Frame {
        lane: lane(&head),
        context: head.context,
        seq: head.seq,
        unix_nanos: head.unix_nanos,
        payload,
    })
}

fn lane(head: &PackedHead) -> Lane {
    match head.severity {
        _ if head.seq == FIRST => Lane::Marker,
        Severity::Trace | Severity::Debug => Lane::Low,
        Severity::Unspecified | Severity::Info | Severity::Warn => Lane::Normal,
        Severity::Error | Severity::Fatal => Lane::High,
    }
}
