//! What the marker carries from run to run, so that the next start can tell of losses that nobody
//! else remembers.
//!
//! How many records were ever refused for want of room: what else counts them ends with the process.
//! It only grows, so that the next start has but to compare it with how many of them the spool has
//! noted, if there was one to note them. And how many records waited in the store, for the day its
//! file is gone, or has to go and the process that is to delete it ends.

use std::sync::atomic::Ordering::{Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU64};

use super::{Found, IS_NOTED, REFUSED, Run, STORED, WITHDRAWN};

/// The counts as this process has them.
#[derive(Debug, Default)]
pub(super) struct Carried {
    ever: AtomicU64,
    /// What it was when the marker was let go of.
    lent: AtomicU64,
    is_noted: AtomicBool,
    stored: AtomicU64,
}

impl Run {
    /// A record was refused.
    pub(crate) fn refuse(&self) {
        let ever = self.carried.ever.fetch_add(1, Relaxed) + 1;
        if self.may_note()
            && let Some(word) = self.words.get(REFUSED)
        {
            word.fetch_max(ever, Release);
        }
    }

    /// A spool notes from now on how many were refused.
    pub(crate) fn refused_is_noted(&self) {
        self.carried.is_noted.store(true, Relaxed);
        self.note(IS_NOTED, 1);
    }

    /// How many were ever refused, by this run and those before it.
    pub(crate) fn refused_ever(&self) -> u64 {
        self.carried.ever()
    }

    /// So many records wait in the store's file.
    pub(crate) fn note_stored(&self, records: u64) {
        self.carried.stored.store(records, Relaxed);
        self.note(STORED, records);
    }

    /// How many records are to be deleted because consent was withdrawn, if that was left to do.
    /// To be asked before the run begins.
    pub(crate) fn withdrawn(&self) -> Option<u64> {
        match self.word(0) {
            0 => self.word(WITHDRAWN).checked_sub(1),
            _ => None,
        }
    }

    /// Nothing is left of what was stored before consent was withdrawn.
    pub(crate) fn has_wiped(&self) {
        self.carried.stored.store(0, Relaxed);
        if self.ours.load(Relaxed) {
            self.store(WITHDRAWN, 0);
        }
    }

    /// What is stored has yet to be deleted.
    pub(super) fn owe_wipe(&self) {
        self.store(WITHDRAWN, 1 + self.carried.stored.load(Relaxed));
    }

    pub(super) fn write_carried(&self) {
        let is_noted = self.carried.is_noted.load(Relaxed);
        self.store(REFUSED, self.carried.ever());
        self.store(IS_NOTED, is_noted.into());
        self.store(STORED, self.carried.stored.load(Relaxed));
    }
}

impl Carried {
    /// Goes on from what the marker says.
    pub(super) fn after(found: &Found) -> Carried {
        Carried {
            ever: AtomicU64::new(found.refused()),
            is_noted: AtomicBool::new(found.is_refused_noted()),
            stored: AtomicU64::new(found.stored()),
            ..Carried::default()
        }
    }

    pub(super) fn ever(&self) -> u64 {
        self.ever.load(Relaxed)
    }

    pub(super) fn forget(&self) {
        self.ever.store(0, Relaxed);
        self.is_noted.store(false, Relaxed);
    }

    /// From here on another process may count in the marker.
    pub(super) fn lend(&self) {
        self.lent.store(self.ever(), Relaxed);
    }

    /// Goes on from what another process has counted.
    pub(super) fn take_over(&self, found: &Found) {
        let theirs = found.refused().saturating_sub(self.lent.load(Relaxed));
        self.ever.fetch_add(theirs, Relaxed);
        self.stored.store(found.stored(), Relaxed);
    }
}

#[cfg(test)]
mod tests;
