//! What to do about an answer: the table of the contract, without I/O.
//!
//! | answer | what happens |
//! |---|---|
//! | 2xx | confirmed; records listed as rejected become dead letters, or are only counted where it is not said which |
//! | 401, 403 | parked until the token provider gives a *different* token |
//! | 408, 429, 5xx, no answer | back off 1, 2, 4 … 60 s with jitter, or as `Retry-After` says; never counts against the batch |
//! | 413 | halved; a single record becomes a dead letter |
//! | 400, 422 | after 3 refusals of the same records halved down to the one that offends, which becomes a dead letter |
//! | any other | parked until the configuration changes, or for an hour |
//!
//! [`InHand`] is a batch between peek and confirm; [`Pace`] decides when the next request may go.

use std::ops::Range;
use std::time::Duration;

use soliplex_wire::{Answer, Rejected, Uuid};
use tokio::time::Instant;

use crate::diagnostics::State;
use crate::exporter::{ExportOutcome, Token};

/// The first wait after a failure; it doubles up to [`MAX_BACKOFF`].
const MIN_BACKOFF: Duration = Duration::from_secs(1);

/// The longest wait between attempts, unless the server asks for more.
const MAX_BACKOFF: Duration = Duration::from_secs(60);

/// Refusals of the same records before they are halved: a proxy's slip is not the records' fault.
const MAX_REFUSALS: u32 = 3;

/// How long a misplaced endpoint is left alone. A deployment is mended within the hour, and a
/// device that would ask more often would find the same.
const MISPLACED_FOR: Duration = Duration::from_secs(3600);

/// How often a parked client asks the token provider whether it has another token by now.
const ASK_TOKEN_EVERY: Duration = Duration::from_secs(5);

// === A batch in hand ===

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
            ExportOutcome::Unreachable { error } => {
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
            Some(id) if !self.ids.is_empty() => {
                let is_it = |place: &usize| self.ids.get(*place) == Some(&Some(id));
                records.clone().find(is_it)
            }
            _ => {
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

// === The pace ===

/// When the next request may go.
#[derive(Debug)]
pub(crate) struct Pace {
    failures: u32,
    not_before: Option<Instant>,
    /// Whether it was the server that asked for the wait.
    asked: bool,
    parked: Option<Parked>,
    random: u64,
}

#[derive(Debug)]
enum Parked {
    /// Until a token other than this one comes, asked for now and then.
    Token {
        refused: Option<Token>,
        ask_at: Instant,
    },
    /// Until the configuration changes, or this instant.
    Misplaced { until: Instant },
}

impl Pace {
    /// `seed` makes the jitter of one device differ from another's.
    pub(crate) fn new(seed: u64) -> Pace {
        Pace {
            failures: 0,
            not_before: None,
            asked: false,
            parked: None,
            random: seed | 1,
        }
    }

    /// Holds the first request back by up to `most`, so that a fleet that is switched on together
    /// does not report together.
    pub(crate) fn jitter_start(&mut self, now: Instant, most: Duration) {
        let wait = most.mul_f64(self.random());
        self.not_before = Some(now + wait);
    }

    /// When a request may go; `None` for now.
    pub(crate) fn wait_until(&self, now: Instant) -> Option<Instant> {
        let parked = self.parked.as_ref().map(|parked| match parked {
            Parked::Token { ask_at, .. } => *ask_at,
            Parked::Misplaced { until } => *until,
        });
        parked.or(self.not_before).filter(|until| *until > now)
    }

    /// Whether this token may be tried: while parked for a token, only another one.
    pub(crate) fn admits(&mut self, token: Option<&Token>, now: Instant) -> bool {
        match &mut self.parked {
            Some(Parked::Token { refused, ask_at }) if refused.as_ref() == token => {
                *ask_at = now + ASK_TOKEN_EVERY;
                false
            }
            _ => true,
        }
    }

    /// The server answered as it should.
    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
        self.not_before = None;
        self.parked = None;
    }

    /// The server or the network failed.
    pub(crate) fn failed(&mut self, now: Instant, retry_after: Option<Duration>) {
        let doubled = MIN_BACKOFF.saturating_mul(1 << self.failures.min(16));
        let wait = doubled.min(MAX_BACKOFF).mul_f64(0.75 + self.random() / 2.0);
        self.failures = self.failures.saturating_add(1);
        self.parked = None;
        self.asked = retry_after.is_some();
        // A server that names a time is believed, but the jitter spreads those it named it to.
        let asked = retry_after.map(|after| after + wait.min(after / 4));
        self.not_before = Some(now + asked.map_or(wait, |asked| asked.max(wait)));
    }

    /// The server refused this token. One that wants a token where there is nobody to ask for one
    /// is another server than was configured.
    pub(crate) fn unauthorized(&mut self, now: Instant, refused: Option<Token>) {
        if refused.is_none() {
            return self.misplaced(now);
        }
        self.not_before = None;
        // The provider is asked once more without delay: the token may just have been renewed.
        self.parked = Some(Parked::Token {
            refused,
            ask_at: now,
        });
    }

    /// The endpoint is not one.
    pub(crate) fn misplaced(&mut self, now: Instant) {
        self.not_before = None;
        self.parked = Some(Parked::Misplaced {
            until: now + MISPLACED_FOR,
        });
    }

    /// Somebody waits for what is stored to be delivered: the wait we chose is over, one that the
    /// server asked for is not.
    pub(crate) fn hurry(&mut self, now: Instant) {
        if !self.asked {
            self.not_before = None;
        }
        if let Some(Parked::Token { ask_at, .. }) = &mut self.parked {
            *ask_at = now;
        }
    }

    /// Something changed that failures depend on: the network, the token, the configuration. What
    /// the server asked for by `Retry-After` is forgotten too, for it may be another server. A token
    /// that was refused stays refused; the provider is asked at once whether it has another.
    pub(crate) fn changed(&mut self, now: Instant) {
        self.asked = false;
        self.parked = self
            .parked
            .take()
            .filter(|parked| matches!(parked, Parked::Token { .. }));
        self.hurry(now);
    }

    /// What a later start needs to go on at this pace: failures, and the instant to wait for in
    /// nanoseconds since the Unix epoch; 12 bytes, little-endian.
    pub(crate) fn to_bytes(&self, now: Instant, unix_nanos: i64) -> [u8; 12] {
        let wait = self
            .not_before
            .map_or(Duration::ZERO, |then| then.saturating_duration_since(now));
        let until = unix_nanos.saturating_add(i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX));
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&self.failures.to_le_bytes());
        bytes[4..].copy_from_slice(&until.to_le_bytes());
        bytes
    }

    /// Goes on at the pace of an earlier start. A wall clock that was changed in between can make
    /// the wait no longer than the longest we would have chosen.
    pub(crate) fn resume(&mut self, bytes: &[u8], now: Instant, unix_nanos: i64) {
        let (Some(failures), Some(until)) = (bytes.first_chunk(), bytes.last_chunk()) else {
            return;
        };
        self.failures = u32::from_le_bytes(*failures);
        let wait = i64::from_le_bytes(*until).saturating_sub(unix_nanos);
        let wait = Duration::from_nanos(u64::try_from(wait).unwrap_or(0)).min(MAX_BACKOFF);
        self.not_before = self.not_before.max(Some(now + wait));
    }

    pub(crate) fn state(&self) -> State {
        match (&self.parked, self.failures) {
            (Some(_), _) => State::Parked,
            (None, 0) => State::Active,
            (None, _) => State::BackingOff,
        }
    }

    /// A number from 0 to 1: xorshift64, Marsaglia 2003. Enough to keep devices apart.
    fn random(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests;
