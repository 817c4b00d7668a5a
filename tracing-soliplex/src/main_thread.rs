//! What the main thread was last seen doing: only while it does it can its end by a panic be told
//! from one in order. When its locals are dropped, the panic has been caught by what called `main`.
//!
//! It is seen where it logs and where it lets go of a handle, which tells whether it unwinds then;
//! a panic is seen by the hook. What it does elsewhere is not.

use std::cell::Cell;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::thread;

/// What it was last seen doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum LastSeen {
    /// It goes on, whatever panics there were.
    GoesOn = 0,
    /// Another thread has panicked since: that panic may be carried on here, past every hook.
    InDoubt = 1,
    /// It panics, or unwinds.
    Unwinds = 2,
}

static LAST_SEEN: AtomicU8 = AtomicU8::new(LastSeen::GoesOn as u8);

thread_local! {
    /// Once it has been found out. Without a destructor, so that it can be asked to the very end.
    static IS_MAIN: Cell<Option<bool>> = const { Cell::new(None) };
}

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
    if is_this() {
        let now = match thread::panicking() {
            true => LastSeen::Unwinds,
            false => LastSeen::GoesOn,
        };
        LAST_SEEN.store(now as u8, Relaxed);
    }
}

/// Sees a panic in this thread.
pub(crate) fn panics() {
    if recognize() {
        LAST_SEEN.store(LastSeen::Unwinds as u8, Relaxed);
    } else {
        LAST_SEEN.fetch_max(LastSeen::InDoubt as u8, Relaxed);
    }
}

/// What it was last seen doing.
pub(crate) fn last_seen() -> LastSeen {
    let was = LAST_SEEN.load(Relaxed);
    [LastSeen::GoesOn, LastSeen::InDoubt]
        .into_iter()
        .find(|seen| *seen as u8 == was)
        .unwrap_or(LastSeen::Unwinds)
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
