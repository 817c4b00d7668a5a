//! What the main thread was last seen doing: only while it does it can its end by a panic be told
//! from one in order. When its locals are dropped, the panic has been caught by what called `main`.
//!
//! It is seen where it logs and where it lets go of a handle, which tells whether it unwinds then;
//! a panic is seen by the hook. What it does elsewhere is not: unwinding for longer than
//! [`UNWINDS_WITHIN`], it has caught its panic.
//!
//! Its locals may log, too, and let go of handles, and then nothing says that it unwound. So a panic
//! makes a local of its own: the younger ones are dropped first.

use std::cell::Cell;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering::Relaxed};
use std::thread::{self, LocalKey};
use std::time::Duration;

use crate::clock::{Clock as _, SystemClock};

/// How long it takes to unwind, at most: what is dropped on the way may wait for a server or another
/// thread. A `main` that has caught its panic, and is not seen again, is taken to unwind for as long.
pub(crate) const UNWINDS_WITHIN: Duration = Duration::from_secs(10);

/// What it was last seen doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum LastSeen {
    /// It goes on, whatever panics there were.
    GoesOn = 0,
    /// Another thread has panicked since: that panic may be carried on here, past every hook. Or its
    /// own panic was long ago.
    InDoubt = 1,
    /// It panics, or unwinds.
    Unwinds = 2,
}

/// Beyond [`LastSeen`]: it has unwound to its end, and whatever its locals do says nothing of it.
const UNWOUND: u8 = 3;

static LAST_SEEN: AtomicU8 = AtomicU8::new(LastSeen::GoesOn as u8);

/// When it was last seen to unwind, by the clock that nobody sets.
static SEEN_TO_UNWIND: AtomicI64 = AtomicI64::new(0);

thread_local! {
    /// Once it has been found out. Without a destructor, so that it can be asked to the very end.
    static IS_MAIN: Cell<Option<bool>> = const { Cell::new(None) };

    static SENTINELS_SET: Cell<usize> = const { Cell::new(0) };
    static FIRST: Sentinel = const { Sentinel };
    static SECOND: Sentinel = const { Sentinel };
    static THIRD: Sentinel = const { Sentinel };
    static FOURTH: Sentinel = const { Sentinel };
}

/// One for each panic that the main thread may die of; after four that it caught, only the locals
/// that are younger than the fourth one can mislead.
static SENTINELS: [&LocalKey<Sentinel>; 4] = [&FIRST, &SECOND, &THIRD, &FOURTH];

/// Dropped before all locals that are older.
struct Sentinel;

/// Sees this thread, if it is known to be the main one. Costs no more than to look at two numbers
/// while no thread has panicked.
#[inline]
pub(crate) fn seen() {
    if LAST_SEEN.load(Relaxed) != LastSeen::GoesOn as u8 || thread::panicking() {
        see();
    }
}

#[cold]
fn see() {
    if !is_this() {
        return;
    }
    if thread::panicking() {
        // Of another thread's panic, which this one carries on, no hook has told.
        if unwinds() < LastSeen::Unwinds as u8 {
            set_sentinel();
        }
    } else if LAST_SEEN.load(Relaxed) != UNWOUND {
        LAST_SEEN.store(LastSeen::GoesOn as u8, Relaxed);
    }
}

/// Sees a panic in this thread.
pub(crate) fn panics() {
    if recognize() {
        unwinds();
        set_sentinel();
    } else {
        LAST_SEEN.fetch_max(LastSeen::InDoubt as u8, Relaxed);
    }
}

/// What it was last seen doing before.
fn unwinds() -> u8 {
    SEEN_TO_UNWIND.store(SystemClock.moment().monotonic_nanos, Relaxed);
    LAST_SEEN.fetch_max(LastSeen::Unwinds as u8, Relaxed)
}

fn set_sentinel() {
    let next = SENTINELS_SET.get();
    if let Some(sentinel) = SENTINELS.get(next) {
        let _ = sentinel.try_with(|_| ());
        SENTINELS_SET.set(next + 1);
    }
}

/// What it was last seen doing.
pub(crate) fn last_seen() -> LastSeen {
    let was = LAST_SEEN.load(Relaxed);
    if was == LastSeen::Unwinds as u8 && has_taken_too_long() {
        return LastSeen::InDoubt;
    }
    [LastSeen::GoesOn, LastSeen::InDoubt]
        .into_iter()
        .find(|seen| *seen as u8 == was)
        .unwrap_or(LastSeen::Unwinds)
}

fn has_taken_too_long() -> bool {
    let now = SystemClock.moment().monotonic_nanos;
    let since = now.saturating_sub(SEEN_TO_UNWIND.load(Relaxed));
    u128::try_from(since).is_ok_and(|since| since > UNWINDS_WITHIN.as_nanos())
}

/// Whether this thread unwinds, or has unwound to its end and drops its locals.
pub(crate) fn is_unwound_here() -> bool {
    thread::panicking() || is_this() && LAST_SEEN.load(Relaxed) == UNWOUND
}

/// Whether this thread has been recognized as the main one.
pub(crate) fn is_this() -> bool {
    IS_MAIN.get() == Some(true)
}

/// Finds out whether this thread is the main one, the first time it is asked.
#[cold]
pub(crate) fn recognize() -> bool {
    if let Some(known) = IS_MAIN.get() {
        return known;
    }
    // A thread that the host of a library began has no name, its main thread included. Another
    // may be called `main` by the application.
    let is_main = thread::current().name() == Some("main") && leads_the_process().unwrap_or(true);
    IS_MAIN.set(Some(is_main));
    is_main
}

/// Whether this thread has the process's own number, where the system says so.
fn leads_the_process() -> Option<bool> {
    if cfg!(not(any(target_os = "linux", target_os = "android"))) {
        return None;
    }
    // "4711/task/4712"
    let this = std::fs::read_link("/proc/thread-self").ok()?;
    Some(this.iter().next()? == this.file_name()?)
}

// === impl Sentinel ===

impl Drop for Sentinel {
    fn drop(&mut self) {
        if thread::panicking() || last_seen() == LastSeen::Unwinds {
            LAST_SEEN.store(UNWOUND, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_of_that_name_is_not_the_main_one() {
        let named = thread::Builder::new().name("main".to_owned());
        let thread = named.spawn(recognize).unwrap();
        assert!(!thread.join().unwrap());
    }
}
