//! What the pipeline says of itself: counters, its state, its last error, and a callback.
//!
//! Never through tracing: a pipeline that logs its own troubles into itself has one trouble more.
//! Counters are added to on any thread; the callback is only ever called on the worker's.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::changes::Changes;
use crate::packed::PackedHead;
use crate::session::Session;
use crate::spool::Loss;
use discards::Discards;

mod discards;
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
    /// Records left by earlier runs: found in the store at the start, known to have been in one that
    /// is gone, or refused by a run that was killed before it had told of them.
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
    /// Records that an earlier run refused, among those [counted](Self::count).
    pub(crate) refused_before: AtomicU64,
    pub(crate) uncounted: AtomicU64,
    /// Whether the queue's file was one of them, which no loss record has told yet.
    uncounted_untold: AtomicBool,
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
            refused_before: zero(),
            uncounted: zero(),
            uncounted_untold: AtomicBool::new(false),
            exports: zero(),
            failures: zero(),
            discards: DiscardReason::ALL.map(|_| Discards::default()),
            state: AtomicU8::new(State::Active as u8),
            unsanitized: AtomicBool::new(false),
            last_error: Mutex::new(None),
            callback,
            changes: Changes::default(),
        }
    }

    /// Counts records given up, and remembers them until [`take_losses`](Self::take_losses).
    pub(crate) fn discard(&self, reason: DiscardReason, count: u64) {
        let discards = &self.discards[reason as usize];
        discards.count(count);
        discards.remember(count);
    }

    /// The same for one record of which is known where it stood.
    pub(crate) fn discard_record(&self, reason: DiscardReason, head: &PackedHead) {
        let discards = &self.discards[reason as usize];
        discards.count(1);
        discards.remember_record(head);
    }

    /// Counts records given up that somebody else remembers: the spool does, of what it gives up.
    pub(crate) fn count(&self, reason: DiscardReason, count: u64) {
        self.discards[reason as usize].count(count);
    }

    /// The queue's file was of no use, and nobody knows how many records went with it.
    pub(crate) fn queue_set_aside(&self, path: &Path) {
        self.uncounted.fetch_add(1, Ordering::Relaxed);
        self.uncounted_untold.store(true, Ordering::Relaxed);
        self.set_aside(Some(path));
    }

    /// Tells of a file that was set aside. What went with it is counted by the caller.
    pub(crate) fn set_aside(&self, path: Option<&Path>) {
        let file = path.and_then(Path::file_name).unwrap_or_default();
        let file = file.to_string_lossy().into_owned();
        self.report(&Diagnostic::SetAside { file });
    }

    /// What was discarded since the last call, for the callback.
    pub(crate) fn take_unreported(&self) -> Vec<(DiscardReason, u64)> {
        let counts = DiscardReason::ALL.into_iter().zip(&self.discards);
        counts
            .map(|(reason, discards)| (reason, discards.take_unreported()))
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    /// What was discarded since the last call, by session where that is known, and has to be told in
    /// the stream. Counts are exact; when records are being discarded at this very moment, the edges
    /// of a gap may be told with the next one.
    pub(crate) fn take_losses(&self, session: &Session) -> Vec<Loss> {
        let uncounted = self.uncounted_untold.swap(false, Ordering::Relaxed);
        let uncounted = uncounted.then(|| Loss::uncounted(DiscardReason::SpoolDamaged.as_str()));
        let counted = DiscardReason::ALL.into_iter().zip(&self.discards);
        let counted = counted.flat_map(|(reason, discards)| discards.take(reason, session));
        counted.chain(uncounted).collect()
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
        let total = |reason: DiscardReason| self.discards[reason as usize].total();
        // What never was in the queue.
        let refused = total(DiscardReason::QueueFull) + total(DiscardReason::Unsanitized);
        let refused = refused.saturating_sub(load(&self.refused_before));
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
                .map(|(reason, discards)| (reason, discards.total()))
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
    fn every_reason_that_the_spool_writes_down_is_one_of_ours() {
        use crate::spool::{DENIED, EvictReason, REJECTED, SPOOL_DAMAGED};
        for (reason, written) in [
            (DiscardReason::SpoolFull, EvictReason::Bytes.as_str()),
            (DiscardReason::Expired, EvictReason::Age.as_str()),
            (DiscardReason::SpoolDamaged, SPOOL_DAMAGED),
            (DiscardReason::Rejected, REJECTED),
            (DiscardReason::Denied, DENIED),
        ] {
            assert_eq!(reason.as_str(), written);
        }
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
