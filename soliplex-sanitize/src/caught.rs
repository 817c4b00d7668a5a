//! Running what is not ours to trust, such as a value's own `Debug`: a panic in it ends here.
//!
//! A panic hook hears of such a panic all the same, before anybody catches it. So that it can tell
//! an application that dies from a value that cannot be printed, it may ask [`is_caught`].

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use crate::rewrite;

/// Runs `work`, and returns what it panicked with if it did.
///
/// # Errors
///
/// What it panicked with.
///
/// ```
/// let printed = soliplex_sanitize::caught(|| panic!("a value that cannot be printed"));
/// assert!(printed.is_err());
/// ```
#[inline]
pub fn caught<R>(work: impl FnOnce() -> R) -> thread::Result<R> {
    let _inside = Inside::enter();
    catch_unwind(AssertUnwindSafe(work))
}

/// Whether a panic in this thread would be caught here, where values of the application are
/// printed, and so ends neither the thread nor the process. For panic hooks. Never true where
/// panics abort.
pub fn is_caught() -> bool {
    let depth = DEPTH.try_with(Cell::get).unwrap_or(0);
    cfg!(panic = "unwind") && (depth > 0 || rewrite::is_rendering())
}

/// Lasts as long as what is run.
struct Inside;

impl Inside {
    #[inline]
    fn enter() -> Inside {
        // In a thread that is ending it may be gone; then its panics are told of.
        let _ = DEPTH.try_with(|depth| depth.set(depth.get() + 1));
        Inside
    }
}

impl Drop for Inside {
    #[inline]
    fn drop(&mut self) {
        let _ = DEPTH.try_with(|depth| depth.set(depth.get().saturating_sub(1)));
    }
}

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_inside_until_the_last_of_what_it_runs_has_ended_however_that_ends() {
        assert!(!is_caught());
        let outer = caught(|| {
            let inner = caught(|| panic!("the value's own"));
            assert!(inner.is_err() && is_caught());
            assert!(thread::spawn(|| !is_caught()).join().unwrap());
        });
        assert!(outer.is_ok() && !is_caught());
        assert!(caught(|| panic!("the value's own")).is_err());
        assert!(!is_caught());
    }
}
