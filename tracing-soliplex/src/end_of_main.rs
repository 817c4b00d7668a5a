//! The end of `main`, by returning or by `exit`: how most programs end in order without a word to
//! us.
//!
//! The destructor of a value that belongs to the main thread runs when that thread ends, and the
//! process ends with it: when `main` returns, whatever it returns, and when it calls
//! [`std::process::exit`]. It is noted in the run's [marker](crate::run), and believed unless the
//! process was seen alive for longer than an end takes.
//!
//! Of another thread's end nothing follows, whether it called `exit` or only came to its end, so
//! nothing is noted: to take a crash that comes after a thread has ended for an end in order would
//! be the worse mistake.

use std::sync::{Arc, Mutex, PoisonError, TryLockError, Weak};

use crate::capture::Capture;

/// The pipelines of this process.
static PIPELINES: Mutex<Vec<Weak<Capture>>> = Mutex::new(Vec::new());

thread_local! {
    static END_OF_MAIN: EndOfMain = const { EndOfMain };
}

/// Belongs to the main thread, and is dropped with it.
struct EndOfMain;

/// Has the end of `main` noted for this pipeline's run.
pub(crate) fn watch(capture: &Arc<Capture>) {
    let mut pipelines = PIPELINES.lock().unwrap_or_else(PoisonError::into_inner);
    pipelines.retain(|capture| capture.strong_count() > 0);
    pipelines.push(Arc::downgrade(capture));
    drop(pipelines);
    watch_this_thread();
}

/// Watches for the end of this thread if it is the main thread: where the pipeline is started by
/// another one, it is the first record that tells us of the main one.
#[cold]
pub(crate) fn watch_this_thread() {
    // A thread that the host of a library began has no name, its main thread included.
    if std::thread::current().name() == Some("main") {
        let _ = END_OF_MAIN.try_with(|_| ());
    }
}

impl Drop for EndOfMain {
    fn drop(&mut self) {
        let pipelines = match PIPELINES.try_lock() {
            Ok(pipelines) => pipelines,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Windows ends the other threads first, whatever they hold: whoever waited would for ever.
            Err(TryLockError::WouldBlock) => return,
        };
        let captures: Vec<_> = pipelines.iter().filter_map(Weak::upgrade).collect();
        // This may be a pipeline's last owner.
        drop(pipelines);
        captures.iter().for_each(|capture| capture.is_left());
    }
}
