//! What a run writes down of its own end, and of the panics that may be one.

use std::sync::atomic::Ordering::{Relaxed, Release};
use std::time::Duration;

use super::{AFTER_PANIC, ENDED, LEFT, PANICKED, RUN_PANICKED, Run};
use crate::clock::Moment;

/// What word [`ENDED`] holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(super) enum Mark {
    Running = 0,
    Clean = 1,
    Suspended = 2,
}

impl Run {
    /// A thread panics. Alive for longer than `ends_within`, the run has survived it; with
    /// [`Duration::MAX`] it is not even ended in order, unless it [survives](Run::survived).
    /// Not even files that are let go of are in the way, as long as nobody has taken them.
    pub(crate) fn panicked(&self, now: Moment, ends_within: Duration) {
        if !self.may_note() && !self.is_lent() {
            return;
        }
        let nanos = u64::try_from(ends_within.as_nanos()).unwrap_or(u64::MAX);
        let runs_for = self.runs_for(now);
        // Another thread's panic, on the way to the end, does not bring the first one's end nearer.
        let first = match (self.word(PANICKED), self.word(AFTER_PANIC)) {
            (0, _) => 0,
            (_, u64::MAX) => u64::MAX,
            (_, after) => self
                .word(RUN_PANICKED)
                .saturating_add(after)
                .saturating_sub(runs_for),
        };
        self.store(AFTER_PANIC, nanos.max(first));
        self.store(RUN_PANICKED, runs_for);
        self.store(PANICKED, now.unix_nanos.cast_unsigned().max(1));
    }

    /// The panic noted last was caught: the run went on, or the process after the run was shut down.
    pub(crate) fn survived(&self) {
        // Let go of, the page is still as this run left it until another one begins there, and that
        // writes the same zero first.
        if self.told.load(Relaxed) && self.is_in_place() {
            self.store(PANICKED, 0);
        }
    }

    /// Whether it was shut down by what unwound: the end of the process, unless that was caught.
    pub(crate) fn is_end_in_doubt(&self) -> bool {
        self.is_in_place()
            && self.word(ENDED) == Mark::Clean as u64
            && self.word(PANICKED) != 0
            && self.word(AFTER_PANIC) == u64::MAX
    }

    /// Nobody is left to log: `main` has ended, or the last handle and layer are gone. That is an
    /// end in order, unless the run is seen alive for longer than an end takes.
    pub(crate) fn left(&self, now: Moment) {
        self.alive(now);
        self.note(LEFT, self.runs_for(now).max(1));
    }

    /// The run ends in order; from here on the page is somebody else's.
    pub(crate) fn end(&self, now: Moment) {
        self.alive(now);
        self.leave(Mark::Clean);
    }

    /// The run lets go of its files, and may take them again.
    pub(crate) fn suspend(&self, now: Moment) {
        self.alive(now);
        self.carried.lend();
        self.leave(Mark::Suspended);
    }

    fn leave(&self, mark: Mark) {
        self.note(ENDED, mark as u64);
        self.ours.store(false, Release);
    }
}

impl Mark {
    pub(super) fn from_word(word: u64) -> Option<Mark> {
        [Mark::Running, Mark::Clean, Mark::Suspended]
            .into_iter()
            .find(|mark| *mark as u64 == word)
    }
}
