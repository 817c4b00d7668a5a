//! What the pipeline says of itself: counters, its state, its last error, and a callback.
//!
//! Never through tracing: a pipeline that logs its own troubles into itself has one trouble more.
//! Counters are added to on any thread; the callback is only ever called on the worker's.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::changes::Changes;

mod told;

pub use told::{Diagnostic, DiscardReason, State};

/// The pipeline's counters at one moment.
///
/// `captured + recovered + own == delivered + waiting + discarded` once a flush has returned; in
/// between, a record may be counted on its way from one to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Events that reached the export layer since the start.
    pub captured: u64,
    /// Records found in the store at the start, left by earlier runs.
    pub recovered: u64,
    /// Records the pipeline wrote itself: how each session began, how the last run ended, and what
    /// was lost.
    pub own: u64,
    /// Records the server has confirmed, those it already had included.
    pub delivered: u64,
    /// Of those delivered, how many the server already had.
    pub duplicates: u64,
    /// Records that are kept and will be sent.
    pub waiting: u64,
    /// Records given up, by reason; reasons that never occurred are left out.
    pub discarded: Vec<(DiscardReason, u64)>,
    /// Damaged files that were set aside at the start, with nobody knowing how many records were in
    /// them: losses that are not in [`discarded`](Stats::discarded).
    pub uncounted: u64,
    /// Requests made.
    pub exports: u64,
    /// Requests that failed and were or will be made again.
    pub failures: u64,
    /// What delivery is doing.
    pub state: State,
    /// The last error, in words.
    pub last_error: Option<String>,
}

impl Stats {
    /// Records given up for any reason.
    pub fn total_discarded(&self) -> u64 {
        self.discarded.iter().map(|(_, count)| count).sum()
    }
}

/// A gap in a session's numbering, to be told in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) reason: DiscardReason,
    /// How many; nobody knows of a file that could not be read.
    pub(crate) count: Option<u64>,
    /// First and last number lost, where they are known; others in between may have arrived.
    pub(crate) seqs: Option<(u64, u64)>,
}

/// The one place where the pipeline counts.
pub(crate) struct Diagnostics {
    pub(crate) captured: AtomicU64,
    pub(crate) recovered: AtomicU64,
    pub(crate) own: AtomicU64,
    /// Records of our own that went through the queue; the others are made where they are stored.
    pub(crate) announced: AtomicU64,
    /// Records of this session that are out of the queue.
    pub(crate) taken_in: AtomicU64,
    /// Records in the spool.
    pub(crate) spooled: AtomicU64,
    pub(crate) delivered: AtomicU64,
    pub(crate) duplicates: AtomicU64,
    uncounted: AtomicU64,
    uncounted_untold: AtomicU64,
    pub(crate) exports: AtomicU64,
    pub(crate) failures: AtomicU64,
    discards: [Discards; DiscardReason::ALL.len()],
    state: AtomicU8,
    unsanitized: AtomicBool,
    last_error: Mutex<Option<String>>,
    callback: Option<Callback>,
    pub(crate) changes: Changes,
}

pub(crate) type Callback = Box<dyn Fn(&Diagnostic) + Send + Sync>;

/// Discards for one reason: in all, and those no loss record has told yet.
#[derive(Debug)]
struct Discards {
    total: AtomicU64,
    untold: AtomicU64,
    unreported: AtomicU64,
    first_seq: AtomicU64,
    last_seq: AtomicU64,
}

impl Diagnostics {
    pub(crate) fn new(callback: Option<Callback>) -> Diagnostics {
        let zero = || AtomicU64::new(0);
        Diagnostics {
            captured: zero(),
            recovered: zero(),
            own: zero(),
            announced: zero(),
            taken_in: zero(),
            spooled: zero(),
            delivered: zero(),
            duplicates: zero(),
            uncounted: zero(),
            uncounted_untold: zero(),
            exports: zero(),
            failures: zero(),
            discards: DiscardReason::ALL.map(|_| Discards {
                total: zero(),
                untold: zero(),
                unreported: zero(),
                first_seq: AtomicU64::new(u64::MAX),
                last_seq: zero(),
            }),
            state: AtomicU8::new(State::Active as u8),
            unsanitized: AtomicBool::new(false),
            last_error: Mutex::new(None),
            callback,
            changes: Changes::default(),
        }
    }

    /// Counts records given up, and remembers the gap until [`take_losses`](Self::take_losses).
    pub(crate) fn discard(&self, reason: DiscardReason, count: u64, seqs: Option<(u64, u64)>) {
        if count == 0 {
            return;
        }
        let discards = &self.discards[reason as usize];
        discards.total.fetch_add(count, Ordering::Relaxed);
        discards.unreported.fetch_add(count, Ordering::Relaxed);
        self.untell(Loss {
            reason,
            count: Some(count),
            seqs,
        });
    }

    /// Tells of a file that was set aside. How many records went with it is counted by the caller,
    /// or is not known.
    pub(crate) fn set_aside(&self, path: Option<&Path>, is_counted: bool) {
        if !is_counted {
            self.uncounted.fetch_add(1, Ordering::Relaxed);
            self.uncounted_untold.fetch_add(1, Ordering::Relaxed);
        }
        let file = path.and_then(Path::file_name).unwrap_or_default();
        let file = file.to_string_lossy().into_owned();
        self.report(&Diagnostic::SetAside { file });
    }

    /// What was discarded since the last call, for the callback.
    pub(crate) fn take_unreported(&self) -> Vec<(DiscardReason, u64)> {
        let counts = DiscardReason::ALL.into_iter().zip(&self.discards);
        counts
            .map(|(reason, discards)| (reason, discards.unreported.swap(0, Ordering::Relaxed)))
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    /// The gaps since the last call. Counts are exact; when records are being discarded at this
    /// very moment, the edges of a gap may be told with the next one.
    pub(crate) fn take_losses(&self) -> Vec<Loss> {
        let take = |(reason, discards): (DiscardReason, &Discards)| {
            let count = discards.untold.swap(0, Ordering::Acquire);
            let first = discards.first_seq.swap(u64::MAX, Ordering::Relaxed);
            let last = discards.last_seq.swap(0, Ordering::Relaxed);
            let seqs = (first <= last).then_some((first, last));
            (count > 0).then_some(Loss {
                reason,
                count: Some(count),
                seqs,
            })
        };
        let uncounted = self.uncounted_untold.swap(0, Ordering::Relaxed) > 0;
        let uncounted = uncounted.then_some(Loss {
            reason: DiscardReason::SpoolDamaged,
            count: None,
            seqs: None,
        });
        let counted = DiscardReason::ALL.into_iter().zip(&self.discards);
        counted.filter_map(take).chain(uncounted).collect()
    }

    /// Puts a loss back that could not be told.
    pub(crate) fn untell(&self, loss: Loss) {
        let discards = &self.discards[loss.reason as usize];
        if let Some((first, last)) = loss.seqs {
            discards.first_seq.fetch_min(first, Ordering::Relaxed);
            discards.last_seq.fetch_max(last, Ordering::Relaxed);
        }
        match loss.count {
            Some(count) => discards.untold.fetch_add(count, Ordering::Release),
            None => self.uncounted_untold.fetch_add(1, Ordering::Relaxed),
        };
    }

    /// Says whether the stack lacks a sanitizing root; the worker reports it once.
    pub(crate) fn note_unsanitized_stack(&self) {
        self.unsanitized.store(true, Ordering::Relaxed);
    }

    /// Whether such a stack has been met that was not reported yet.
    pub(crate) fn is_stack_unsanitized(&self) -> bool {
        self.unsanitized.load(Ordering::Relaxed)
    }

    pub(crate) fn take_unsanitized_stack(&self) -> bool {
        self.unsanitized.swap(false, Ordering::Relaxed)
    }

    pub(crate) fn set_state(&self, state: State) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    pub(crate) fn state(&self) -> State {
        let now = self.state.load(Ordering::Relaxed);
        [
            State::Active,
            State::Offline,
            State::BackingOff,
            State::Parked,
            State::Disabled,
        ]
        .into_iter()
        .find(|state| *state as u8 == now)
        .unwrap_or_default()
    }

    /// Keeps an error without telling the callback.
    pub(crate) fn note_error(&self, error: String) {
        *self
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    /// Tells the callback, and keeps the error if there is one. Only on the worker's thread.
    pub(crate) fn report(&self, diagnostic: &Diagnostic) {
        if let Diagnostic::ExportFailed { error }
        | Diagnostic::Parked { error }
        | Diagnostic::StoreUnavailable { error }
        | Diagnostic::FileUnavailable { error, .. } = diagnostic
        {
            self.note_error(error.clone());
        }
        if let Some(callback) = &self.callback {
            // The callback is the application's; its panic must not end delivery.
            let _ = soliplex_sanitize::caught(|| callback(diagnostic));
        }
    }

    /// Tells who watches that the counters have changed, if they have.
    pub(crate) fn tell_changes(&self) {
        self.changes.look(|| self.stats());
    }

    /// The counters now.
    pub(crate) fn stats(&self) -> Stats {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let total = |reason: DiscardReason| load(&self.discards[reason as usize].total);
        // What never was in the queue.
        let refused = total(DiscardReason::QueueFull) + total(DiscardReason::Unsanitized);
        let left_queue = load(&self.taken_in) + refused;
        let queued = load(&self.captured) + load(&self.announced);
        let waiting = load(&self.spooled) + queued.saturating_sub(left_queue);
        let discarded = DiscardReason::ALL.into_iter().zip(&self.discards);
        Stats {
            captured: load(&self.captured),
            recovered: load(&self.recovered),
            own: load(&self.own) + load(&self.announced),
            delivered: load(&self.delivered),
            duplicates: load(&self.duplicates),
            waiting,
            discarded: discarded
                .map(|(reason, discards)| (reason, load(&discards.total)))
                .filter(|(_, count)| *count > 0)
                .collect(),
            uncounted: load(&self.uncounted),
            exports: load(&self.exports),
            failures: load(&self.failures),
            state: self.state(),
            last_error: self
                .last_error
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }
    }
}

impl fmt::Debug for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Diagnostics")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_told_once_and_counted_for_good() {
        let diagnostics = Diagnostics::new(None);
        diagnostics.discard(DiscardReason::QueueFull, 1, Some((7, 7)));
        diagnostics.discard(DiscardReason::QueueFull, 2, Some((3, 9)));
        diagnostics.discard(DiscardReason::Torn, 1, None);
        assert_eq!(
            diagnostics.take_losses(),
            [
                Loss {
                    reason: DiscardReason::QueueFull,
                    count: Some(3),
                    seqs: Some((3, 9))
                },
                Loss {
                    reason: DiscardReason::Torn,
                    count: Some(1),
                    seqs: None
                },
            ]
        );
        assert_eq!(diagnostics.take_losses(), []);
        assert_eq!(diagnostics.stats().total_discarded(), 4);
    }

    #[test]
    fn reasons_stand_at_their_own_place() {
        for (index, reason) in DiscardReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
        }
    }

    #[test]
    fn a_callback_that_panics_does_no_harm() {
        let diagnostics = Diagnostics::new(Some(Box::new(|_| panic!("the application's own"))));
        diagnostics.report(&Diagnostic::ExportFailed {
            error: "503".into(),
        });
        assert_eq!(diagnostics.stats().last_error.as_deref(), Some("503"));
    }
}
