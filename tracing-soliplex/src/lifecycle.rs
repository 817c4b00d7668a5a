//! What a host tells of its application's life: put aside, hidden, without a view, back in front.
//!
//! Each is a record, once per change, and a word in the run's marker, so that the next start can
//! tell a phone that tidied up from a crash. Whoever leaves gives delivery a moment, and lets go of
//! the files where that was asked for; whoever comes back takes them again. The calls may come in
//! any order, from any thread, and as often as a host likes; the last one counts.

use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::command::{Command, FlushReport};
use crate::flush::flush;
use crate::run::Lifecycle;
use crate::soliplex::Soliplex;

/// How long a host is kept waiting, unless chosen otherwise. A phone gives an application some five
/// seconds to step aside before it is killed, and a person notices one. Nothing is lost when it
/// does not suffice: what is logged is stored already.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(1);

/// The logger of a change's record; breadcrumbs of it are of the category `system`.
const LOGGER: &str = "Lifecycle";

/// What leaving the foreground achieved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "records that are still waiting, and files that are still held, are told of here"]
pub struct LifecycleReport {
    /// What was delivered, and what is waiting.
    pub flush: FlushReport,
    /// Whether all files and their locks were let go of in time; too late, they are let go of all the
    /// same, since a host kills what sleeps with a lock. Only asked of
    /// [`on_paused`](Soliplex::on_paused) and [`on_detached`](Soliplex::on_detached), and only
    /// where the [builder](crate::Builder::release_files_in_background) says so.
    pub files_released: bool,
}

/// What a host has told, and what is to be done about it.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) timeout: Duration,
    pub(crate) releases_files: bool,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    now: Lifecycle,
    /// What the last record said.
    recorded: Lifecycle,
    /// Grows with each change, so that who waited can tell whether it was overtaken.
    turn: u64,
}

impl Told {
    pub(crate) fn new(timeout: Duration, releases_files: bool) -> Told {
        Told {
            timeout,
            releases_files,
            seen: Mutex::default(),
        }
    }

    /// As it is held while a change is told, to see who waits for it.
    #[cfg(test)]
    pub(crate) fn hold(&self) -> impl Drop {
        self.seen()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Soliplex {
    /// The application has been put aside and may be stopped at any moment: flushes within the
    /// [lifecycle timeout](crate::Builder::lifecycle_timeout), and lets go of all files where the
    /// [builder](crate::Builder::release_files_in_background) says so.
    ///
    /// ```
    /// # let soliplex = tracing_soliplex::Soliplex::builder("field-app", "1.4.2").start()?;
    /// let report = soliplex.on_paused();
    /// println!("{} waiting", report.flush.waiting);
    /// soliplex.on_resumed();
    /// # Ok::<(), tracing_soliplex::StartError>(())
    /// ```
    pub fn on_paused(&self) -> LifecycleReport {
        self.leave(Lifecycle::Paused)
    }

    /// The application cannot be seen, and goes on: flushes within the
    /// [lifecycle timeout](crate::Builder::lifecycle_timeout). Files are kept.
    pub fn on_hidden(&self) -> LifecycleReport {
        self.leave(Lifecycle::Hidden)
    }

    /// The application's view is gone, and its process may follow: does what
    /// [`on_paused`](Soliplex::on_paused) does.
    pub fn on_detached(&self) -> LifecycleReport {
        self.leave(Lifecycle::Detached)
    }

    /// The application is in front again. Where files had been let go of, waits until they are
    /// taken again, at most for the [lifecycle timeout](crate::Builder::lifecycle_timeout); while
    /// another process has them, it is tried again and again, and nothing is captured.
    ///
    /// Returns whether what is logged from now on is captured.
    pub fn on_resumed(&self) -> bool {
        let told = &self.inner.lifecycle;
        let (reply, answer) = sync_channel(1);
        let mut seen = told.seen();
        if seen.now != Lifecycle::Foreground {
            (seen.now, seen.turn) = (Lifecycle::Foreground, seen.turn + 1);
        }
        // Sent while it is held, so that no release that was decided on before comes after it.
        self.resume_then(move || {
            let _ = reply.try_send(());
        });
        drop(seen);
        // Nobody answers when the pipeline has ended; then nothing is suspended either.
        let _ = answer.recv_timeout(told.timeout);
        self.catch_up();
        self.inner.capture.takes()
    }

    /// Takes the files again, and then tells what could not be told before.
    pub(crate) fn resume_then(&self, resumed: impl FnOnce() + Send + 'static) {
        let inner = Arc::downgrade(&self.inner);
        self.command(Command::Resume(Box::new(move || {
            if let Some(inner) = inner.upgrade() {
                Soliplex { inner }.catch_up();
            }
            resumed();
        })));
    }

    /// Tells what changed while nothing was captured.
    pub(crate) fn catch_up(&self) {
        self.record_lifecycle(&mut self.inner.lifecycle.seen());
        self.inner.connectivity.catch_up();
    }

    fn leave(&self, to: Lifecycle) -> LifecycleReport {
        let told = &self.inner.lifecycle;
        let deadline = Instant::now() + told.timeout;
        let turn = self.enter(to);
        // The last quarter is for the answer, and for letting go of the files.
        let flush = self.flush_for(told.timeout - told.timeout / 4, deadline);
        let releases = told.releases_files && to != Lifecycle::Hidden;
        LifecycleReport {
            flush,
            files_released: releases && self.release(turn, deadline),
        }
    }

    /// Notes that this is how it is now; which change it was.
    fn enter(&self, to: Lifecycle) -> u64 {
        let mut seen = self.inner.lifecycle.seen();
        if seen.now != to {
            (seen.now, seen.turn) = (to, seen.turn + 1);
            self.record_lifecycle(&mut seen);
        }
        seen.turn
    }

    fn record_lifecycle(&self, seen: &mut Seen) {
        let capture = &self.inner.capture;
        capture.session.run.set_lifecycle(seen.now);
        if seen.now == seen.recorded {
            return;
        }
        let state = match seen.now {
            Lifecycle::Foreground => "resumed",
            Lifecycle::Paused => "paused",
            Lifecycle::Hidden => "hidden",
            Lifecycle::Detached => "detached",
        };
        let breadcrumb = format!("lifecycle_changed state={state}");
        let write = |members: &mut soliplex_wire::encode::Members<'_>| {
            members.attribute("state", state);
        };
        if capture.tell(LOGGER, "lifecycle_changed", &breadcrumb, write) {
            seen.recorded = seen.now;
        }
    }

    fn flush_for(&self, timeout: Duration, deadline: Instant) -> FlushReport {
        let (reply, answer) = sync_channel(1);
        self.command(Command::Flush(flush(timeout, move |report| {
            let _ = reply.try_send(report);
        })));
        let left = deadline.saturating_duration_since(Instant::now());
        let report = answer.recv_timeout(left);
        report.unwrap_or_else(|_| self.unanswered())
    }

    /// Has the worker let go of the files, unless something has changed since that turn.
    fn release(&self, turn: u64, deadline: Instant) -> bool {
        let (reply, answer) = sync_channel(1);
        let seen = self.inner.lifecycle.seen();
        if seen.turn != turn {
            return false;
        }
        self.command(Command::Suspend(Box::new(move |done| {
            let _ = reply.try_send(done);
        })));
        drop(seen);
        let left = deadline.saturating_duration_since(Instant::now());
        answer.recv_timeout(left).unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Much longer than it takes.
    const SOON: Duration = Duration::from_secs(30);

    #[test]
    fn to_ask_again_and_again_for_files_that_another_has_takes_no_more_and_more_room() {
        let directory = tempfile::tempdir().unwrap();
        let start = || {
            let builder = Soliplex::builder("app", "1").store_dir(directory.path());
            builder.panic_hook(crate::PanicHook::Off).start().unwrap()
        };
        let first = start();
        assert!(first.suspend(SOON));
        let second = start();
        let asked = Arc::new(());
        for _ in 0..100 {
            let asked = Arc::clone(&asked);
            first.resume_then(move || drop(asked));
        }
        // Answered after all of them have been heard.
        let _ = first.dead_letters(SOON);
        let waiting = Arc::strong_count(&asked) - 1;
        assert!((1..=16).contains(&waiting), "{waiting}");
        drop(second);
    }
}
