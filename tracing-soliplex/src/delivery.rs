//! What to do about an answer: the table of the contract, without I/O.
//!
//! | answer | what happens |
//! |---|---|
//! | 2xx | confirmed; records listed as rejected become dead letters, or are only counted where it is not said which |
//! | 401, 403 | parked until the token provider gives a *different* token; the same is tried once an hour |
//! | 408, 429, 5xx, no answer | back off 1, 2, 4 … 60 s with jitter, or as `Retry-After` says; never counts against the batch |
//! | 413 | halved; a single record becomes a dead letter |
//! | 400, 422 | after 3 refusals of the same records halved down to the one that offends, which becomes a dead letter |
//! | any other | parked until the configuration changes, or for an hour |
//!
//! [`InHand`] is a batch between peek and confirm; [`Pace`] decides when the next request may go.

use std::ops::Range;
use std::time::Duration;

use soliplex_wire::{Answer, Rejected, Uuid};

use crate::exporter::ExportOutcome;

mod pace;
#[cfg(test)]
mod tests;

pub(crate) use pace::Pace;

/// Refusals of the same records before they are halved: a proxy's slip is not the records' fault.
const MAX_REFUSALS: u32 = 3;

/// A batch that was peeked and is not yet confirmed: which of its records have met their fate.
#[derive(Debug)]
pub(crate) struct InHand {
    /// What is still to be sent, next last.
    pieces: Vec<Piece>,
    /// Records to be given up, with the reason.
    pub(crate) dead: Vec<(usize, String)>,
    /// Records the server has.
    pub(crate) delivered: u64,
    /// Of those, how many it had before.
    pub(crate) duplicates: u64,
    /// Records that the server will never take, without saying which.
    pub(crate) unnamed: u64,
    /// Whether a request with some of them went without an answer.
    unanswered: bool,
    /// The records' ids.
    ids: Vec<Option<Uuid>>,
}

#[derive(Debug)]
struct Piece {
    records: Range<usize>,
    refusals: u32,
}

/// What an outcome means for the next request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Go on at once: the records have arrived.
    Next,
    /// Go on at once with smaller pieces: these have not arrived.
    Split,
    /// Not now: the server or the network fails.
    Later {
        retry_after: Option<Duration>,
        error: String,
    },
    /// Not with this token.
    Unauthorized { error: String },
    /// Not with this configuration.
    Misplaced { error: String },
}

impl InHand {
    pub(crate) fn new(records: usize) -> InHand {
        let whole = Piece {
            records: 0..records,
            refusals: 0,
        };
        InHand {
            pieces: vec![whole],
            dead: Vec::new(),
            delivered: 0,
            duplicates: 0,
            unnamed: 0,
            unanswered: false,
            ids: Vec::new(),
        }
    }

    /// The same with the records' ids, by which an answer may name them.
    pub(crate) fn with_ids(self, ids: Vec<Option<Uuid>>) -> InHand {
        InHand { ids, ..self }
    }

    /// A batch some of whose records, named in ascending order, cannot be sent at all.
    pub(crate) fn without(records: usize, unreadable: &[usize]) -> InHand {
        let mut in_hand = InHand::new(records);
        in_hand.pieces.clear();
        let mut end = records;
        for place in unreadable.iter().rev() {
            in_hand.push_piece(place + 1..end);
            end = *place;
        }
        in_hand.push_piece(0..end);
        let letter = |place: &usize| (*place, "written by another version".to_owned());
        in_hand.dead = unreadable.iter().map(letter).collect();
        in_hand
    }

    fn push_piece(&mut self, records: Range<usize>) {
        if !records.is_empty() {
            self.pieces.push(Piece {
                records,
                refusals: 0,
            });
        }
    }

    /// The records to send next; `None` when every record has met its fate.
    pub(crate) fn next(&self) -> Option<Range<usize>> {
        self.pieces.last().map(|piece| piece.records.clone())
    }

    /// Nobody waits any more for the answer to the request with [`next`](Self::next).
    pub(crate) fn called_back(&mut self) {
        self.unanswered = true;
    }

    /// Whether the server has some of the records, or may have.
    pub(crate) fn may_have_arrived(&self) -> bool {
        self.delivered > 0 || self.unanswered
    }

    /// Takes in what came of sending [`next`](Self::next).
    pub(crate) fn settle(&mut self, outcome: ExportOutcome) -> Verdict {
        let Some(piece) = self.pieces.pop() else {
            return Verdict::Next;
        };
        match outcome {
            ExportOutcome::Accepted(answer) => {
                self.accepted(&piece.records, answer);
                Verdict::Next
            }
            ExportOutcome::TooLarge => {
                self.halve(piece, "too large for the server (413)");
                Verdict::Split
            }
            ExportOutcome::Refused { status } => {
                let refusals = piece.refusals + 1;
                if refusals >= MAX_REFUSALS {
                    let reason = format!("refused by the server ({status})");
                    self.halve(Piece { refusals, ..piece }, &reason);
                    return Verdict::Split;
                }
                self.pieces.push(Piece { refusals, ..piece });
                let error = format!("the server refused a batch ({status})");
                Verdict::Later {
                    retry_after: None,
                    error,
                }
            }
            ExportOutcome::Busy {
                status,
                retry_after,
            } => {
                self.pieces.push(piece);
                let error = format!("the server is not able to answer now ({status})");
                Verdict::Later { retry_after, error }
            }
            ExportOutcome::Unreachable {
                error,
                may_have_arrived,
            } => {
                self.unanswered |= may_have_arrived;
                self.pieces.push(piece);
                Verdict::Later {
                    retry_after: None,
                    error,
                }
            }
            ExportOutcome::Unauthorized { status } => {
                self.pieces.push(piece);
                let error = format!("the server wants another token ({status}): log in again");
                Verdict::Unauthorized { error }
            }
            ExportOutcome::Misplaced { status } => {
                self.pieces.push(piece);
                let error = format!("this is no soliplex endpoint ({status}): check its URL");
                Verdict::Misplaced { error }
            }
        }
    }

    /// The server has these records, but for those it says it will never take.
    fn accepted(&mut self, records: &Range<usize>, answer: Answer) {
        let before = self.dead.len();
        let mut unnamed = 0;
        for rejected in answer.rejected {
            match self.place(records, &rejected) {
                Some(place) => self.dead.push((place, rejected.reason)),
                None => unnamed += 1,
            }
        }
        self.dead[before..].sort_unstable();
        self.dead.dedup_by_key(|(record, _)| *record);
        let died = (self.dead.len() - before) as u64;
        let rest = records.len() as u64 - died;
        self.unnamed += unnamed.min(rest);
        self.delivered += rest - unnamed.min(rest);
        self.duplicates += answer.duplicates.min(rest - unnamed.min(rest));
    }

    /// Which record the server means: an id is believed before an index is.
    fn place(&self, records: &Range<usize>, rejected: &Rejected) -> Option<usize> {
        match rejected.id {
            Some(id) => {
                let is_it = |place: &usize| self.ids.get(*place) == Some(&Some(id));
                records.clone().find(is_it)
            }
            None => {
                let place = records.start.checked_add(rejected.index?)?;
                records.contains(&place).then_some(place)
            }
        }
    }

    /// Sends the halves instead, the older one first; a single record is given up.
    fn halve(&mut self, piece: Piece, reason: &str) {
        let Range { start, end } = piece.records;
        if end - start <= 1 {
            self.dead.push((start, reason.to_owned()));
            return;
        }
        let middle = start + (end - start) / 2;
        // Halves of a refused batch are refused at once from here on: the offense is in one of
        // them.
        let refusals = piece.refusals;
        self.pieces.push(Piece {
            records: middle..end,
            refusals,
        });
        self.pieces.push(Piece {
            records: start..middle,
            refusals,
        });
    }
}
