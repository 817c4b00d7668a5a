//! The end of `main`, by returning or by `exit`: how most programs end in order without a word to
//! us.
//!
//! The destructor of a value that belongs to the main thread runs when that thread ends, and the
//! process ends with it: when `main` returns, whatever it returns, and when it calls
//! [`std::process::exit`]. It is noted in the run's [marker](crate::run), and believed unless the
//! process was seen alive for longer than an end takes.
//!
//! It runs when `main` panics, too. What the main thread was [last seen](crate::main_thread) doing
//! tells the two apart, and without a hook of ours, which hears of panics, nothing does: then of an
//! end that looks like one in order nothing is noted.
//!
//! Of another thread's end nothing follows, whether it called `exit` or only came to its end, so
//! nothing is noted: to take a crash that comes after a thread has ended for an end in order would
//! be the worse mistake.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock, TryLockError, Weak};
use std::time::Duration;

use crate::capture::Capture;
use crate::main_thread::{self, LastSeen};

/// The pipelines of this process.
static PIPELINES: RwLock<Vec<Weak<Capture>>> = RwLock::new(Vec::new());

/// How many hooks of ours hear of panics.
static HOOKS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static END_OF_MAIN: EndOfMain = const { EndOfMain };
}

/// Belongs to the main thread, and is dropped with it.
struct EndOfMain;

/// Belongs to a panic hook: whoever sets another one in its place, and does not call it, drops it.
pub(crate) struct Hears(());

/// Has the end of `main` noted for this pipeline's run.
pub(crate) fn watch(capture: &Arc<Capture>) {
    let mut pipelines = PIPELINES.write().unwrap_or_else(PoisonError::into_inner);
    pipelines.retain(|capture| capture.strong_count() > 0);
    pipelines.push(Arc::downgrade(capture));
    drop(pipelines);
    watch_this_thread();
}

/// Watches for the end of this thread if it is the main thread: where the pipeline is started by
/// another one, it is the first record that tells us of the main one.
#[cold]
pub(crate) fn watch_this_thread() {
    if main_thread::recognize() {
        let _ = END_OF_MAIN.try_with(|_| ());
    }
}

/// Tells the markers of all pipelines of a panic in this thread, whosever hook hears of it: it ends
/// the process for all of them.
pub(crate) fn note_panic(own: &Weak<Capture>) {
    watch_this_thread();
    // A pipeline that is being started by another thread may miss it.
    let captures = pipelines().unwrap_or_else(|| own.upgrade().into_iter().collect());
    captures.iter().for_each(|capture| capture.note_panic());
}

/// How long the process may take to end of a panic in this thread, if it is not seen to unwind: alive
/// after that, it has survived. Within it a panic is called the end that only came shortly before one.
pub(crate) fn ends_within() -> Duration {
    match main_thread::is_this() {
        _ if cfg!(panic = "abort") => Duration::MAX,
        // Nobody but the program's own `main` can catch it, and mostly does not.
        true => Duration::from_secs(2),
        // It ends its thread, and the process only when somebody wants that.
        false => Duration::from_millis(500),
    }
}

/// Those that are there; `None` while a thread is about to add one. Nothing is waited for: Windows
/// ends the other threads before this one, whatever they hold, and this one may be panicking.
fn pipelines() -> Option<Vec<Arc<Capture>>> {
    let pipelines = match PIPELINES.try_read() {
        Ok(pipelines) => pipelines,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => return None,
    };
    Some(pipelines.iter().filter_map(Weak::upgrade).collect())
}

// === impl EndOfMain ===

impl Drop for EndOfMain {
    fn drop(&mut self) {
        // It may have called `exit` while it unwinds; that it does not says nothing of before.
        let last_seen = match std::thread::panicking() {
            true => LastSeen::Unwinds,
            false => main_thread::last_seen(),
        };
        for capture in pipelines().unwrap_or_default() {
            match last_seen {
                // Once more, for to unwind may have taken long.
                LastSeen::Unwinds => capture.note_panic(),
                _ if HOOKS.load(Relaxed) == 0 => {}
                LastSeen::InDoubt => capture.is_left(),
                LastSeen::GoesOn => capture.is_left_in_order(),
            }
        }
    }
}

// === impl Hears ===

impl Hears {
    pub(crate) fn new() -> Hears {
        HOOKS.fetch_add(1, Relaxed);
        Hears(())
    }
}

impl Drop for Hears {
    fn drop(&mut self) {
        HOOKS.fetch_sub(1, Relaxed);
    }
}
