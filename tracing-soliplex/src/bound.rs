//! What each record is bound to besides its session: who is logged in, and which agent run the
//! application is in.
//!
//! Encoded once when it changes, copied into each record. A thread that logs waits for nobody: of
//! two places one is being read while the other is written. That holds in the panic hook too, when
//! the thread that panicked was the one that wrote.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, TryLockError};

use soliplex_wire::ActiveRun;
use soliplex_wire::encode::{self, Members};
use soliplex_wire::limits::{MAX_ID_BYTES, TRUNCATED};

/// Who and what records are bound to at present.
#[derive(Default)]
pub(crate) struct Bound {
    now: Mutex<Binding>,
    /// The binding as members of a record.
    places: [RwLock<Vec<u8>>; 2],
    /// The place to read, counted from 1; 0 while records are bound to nobody. Three writes within
    /// one read would be needed to meet a writer there, and then the other place is read.
    current: AtomicUsize,
}

/// Clean, and within the limits of the contract.
#[derive(Default)]
struct Binding {
    user_id: Option<String>,
    active_run: Option<ActiveRun>,
}

impl Bound {
    /// Records captured from now on belong to this user.
    pub(crate) fn set_user_id(&self, user_id: Option<String>) {
        self.change(|binding| binding.user_id = user_id.map(within_limit));
    }

    /// Records captured from now on belong to this agent run.
    pub(crate) fn set_active_run(&self, active_run: Option<ActiveRun>) {
        self.change(|binding| {
            binding.active_run = active_run.map(|run| ActiveRun {
                thread_id: run.thread_id.map(within_limit),
                run_id: run.run_id.map(within_limit),
            });
        });
    }

    /// Appends what the record is bound to.
    #[inline]
    pub(crate) fn write(&self, members: &mut Members<'_>) {
        for _ in 0..self.places.len() {
            let current = self.current.load(Ordering::Acquire);
            let Some(place) = current.checked_sub(1).and_then(|at| self.places.get(at)) else {
                return;
            };
            let read = match place.try_read() {
                Ok(encoded) => encoded,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => continue,
            };
            return members.encoded(&read);
        }
    }

    fn change(&self, change: impl FnOnce(&mut Binding)) {
        let mut binding = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut binding);
        let encoded = encode::binding(binding.user_id.as_deref(), binding.active_run.as_ref());
        if encoded.is_empty() {
            return self.current.store(0, Ordering::Release);
        }
        let next = usize::from(self.current.load(Ordering::Relaxed) == 1);
        if let Some(place) = self.places.get(next) {
            *place.write().unwrap_or_else(PoisonError::into_inner) = encoded;
            self.current.store(next + 1, Ordering::Release);
        }
    }
}

/// An id over its limit is cut, for a server would refuse every record that bears it.
fn within_limit(mut id: String) -> String {
    if id.len() > MAX_ID_BYTES {
        let mut end = MAX_ID_BYTES - TRUNCATED.len();
        while !id.is_char_boundary(end) {
            end -= 1;
        }
        id.truncate(end);
        id.push_str(TRUNCATED);
    }
    id
}

/// Says neither who nor what.
impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bound").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use soliplex_wire::{LogRecord, Severity};

    /// A record captured now.
    fn captured(bound: &Bound) -> LogRecord {
        let mut written = encode::Buffer::new();
        let mut members = Members::begin(&mut written, Severity::Info, "test");
        members.attribute("number", 1_i64);
        members.message("hello");
        bound.write(&mut members);
        members.end();
        let mut printed = encode::Buffer::new();
        encode::print(&written, &mut printed).unwrap();
        let mut json = Vec::new();
        encode::Head::default().join(&printed, &mut json);
        LogRecord::parse(std::str::from_utf8(&json).unwrap()).unwrap()
    }

    fn run(thread: &str, run: &str) -> ActiveRun {
        ActiveRun {
            thread_id: Some(thread.to_owned()),
            run_id: Some(run.to_owned()),
        }
    }

    #[test]
    fn a_record_bears_the_user_and_the_run_of_its_moment() {
        let bound = Bound::default();
        assert_eq!(captured(&bound).user_id, None);
        assert_eq!(captured(&bound).active_run, None);
        bound.set_user_id(Some("ada \"the\" countess".into()));
        bound.set_active_run(Some(run("thread-7", "run-1")));
        let both = captured(&bound);
        assert_eq!(both.user_id.as_deref(), Some("ada \"the\" countess"));
        assert_eq!(both.active_run, Some(run("thread-7", "run-1")));
        assert_eq!(both.message, "hello");
        bound.set_user_id(None);
        assert_eq!(captured(&bound).user_id, None);
        assert_eq!(captured(&bound).active_run, Some(run("thread-7", "run-1")));
        bound.set_active_run(None);
        assert_eq!(captured(&bound).active_run, None);
    }

    #[test]
    fn an_id_over_its_limit_is_cut_and_says_so() {
        let bound = Bound::default();
        let long = "é".repeat(MAX_ID_BYTES);
        bound.set_user_id(Some(long.clone()));
        bound.set_active_run(Some(run(&long, &long)));
        let record = captured(&bound);
        let run = record.active_run.unwrap();
        for id in [record.user_id, run.thread_id, run.run_id] {
            assert!(id.is_some_and(|id| id.len() <= MAX_ID_BYTES && id.ends_with(TRUNCATED)));
        }
    }

    #[test]
    fn a_record_can_be_captured_while_this_very_thread_changes_the_user() {
        // As the panic hook does when the change panics: were it to wait, it would wait for ever.
        let bound = Bound::default();
        bound.set_user_id(Some("ada".into()));
        let _changing = bound.now.lock().unwrap();
        let next = 2 - bound.current.load(Ordering::Relaxed);
        let _writing = bound.places[next].write().unwrap();
        assert_eq!(captured(&bound).user_id.as_deref(), Some("ada"));
    }
}
