//! Ends of a process on demand, planned or not.

use std::panic;
use std::process::Command;
use std::str::FromStr;
use std::sync::{Barrier, OnceLock};
use std::thread;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crash {
    /// A panic in the thread that logged the last event.
    Panic,
    /// The same in a program that is built to abort when it panics.
    PanicAbort,
    /// A panic in each of several threads at once, and `exit(101)` when all have ended.
    Panics,
    /// A panic that is caught; the process goes on.
    CaughtPanic,
    /// `abort`: SIGABRT, no destructor runs.
    Abort,
    /// SIGSEGV.
    Segfault,
    /// `exit(0)` in a thread other than the main one, without a word to the pipeline.
    Exit,
}

/// When and how the process ends: `250=abort`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CrashAfter {
    /// After so many events, by all threads together.
    pub(super) events: u64,
    /// How.
    pub(super) crash: Crash,
}

/// How `main` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Having shut down the pipeline.
    Shutdown,
    /// By returning, without a word to the pipeline.
    Return,
    /// By `exit` with this code, without a word to the pipeline.
    Exit(i32),
    /// By a panic that nobody catches.
    Panic,
    /// By `abort`.
    Abort,
}

impl FromStr for End {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<End, &'static str> {
        let code = |text: &str| text.strip_prefix("exit=")?.parse().ok();
        match text {
            "shutdown" => Ok(End::Shutdown),
            "return" => Ok(End::Return),
            "panic" => Ok(End::Panic),
            "abort" => Ok(End::Abort),
            text => code(text)
                .map(End::Exit)
                .ok_or("give shutdown, return, exit=CODE, panic or abort as the end"),
        }
    }
}

/// Why a text is no [`CrashAfter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CrashParseError {
    /// There is no number before the `=`.
    #[error("give a number of events, as in 100=abort")]
    Events,
    /// The word after the `=` is unknown.
    #[error("give panic, panic-abort, panics, caught-panic, abort, segfault or exit as the crash")]
    Crash,
}

impl FromStr for CrashAfter {
    type Err = CrashParseError;

    fn from_str(text: &str) -> Result<CrashAfter, CrashParseError> {
        let (events, crash) = text.split_once('=').ok_or(CrashParseError::Crash)?;
        let crash = crash.parse()?;
        let events = events.parse().map_err(|_| CrashParseError::Events)?;
        Ok(CrashAfter { events, crash })
    }
}

impl FromStr for Crash {
    type Err = CrashParseError;

    fn from_str(text: &str) -> Result<Crash, CrashParseError> {
        match text {
            "panic" => Ok(Crash::Panic),
            "panic-abort" => Ok(Crash::PanicAbort),
            "panics" => Ok(Crash::Panics),
            "caught-panic" => Ok(Crash::CaughtPanic),
            "abort" => Ok(Crash::Abort),
            "segfault" => Ok(Crash::Segfault),
            "exit" => Ok(Crash::Exit),
            _ => Err(CrashParseError::Crash),
        }
    }
}

impl Crash {
    /// Does it; only a caught panic returns.
    pub(super) fn happen(self) {
        match self {
            Crash::Panic => panic(),
            Crash::PanicAbort => {
                // What such a program does once the hook has returned, whatever hook that was.
                let hook = panic::take_hook();
                panic::set_hook(Box::new(move |info| {
                    hook(info);
                    std::process::abort();
                }));
                panic()
            }
            Crash::Panics => {
                let start = Barrier::new(PANICS);
                thread::scope(|scope| {
                    let threads = [(); PANICS].map(|()| {
                        scope.spawn(|| {
                            start.wait();
                            panic()
                        })
                    });
                    for thread in threads {
                        let _ = thread.join();
                    }
                });
                std::process::exit(101)
            }
            Crash::CaughtPanic => {
                let _ = panic::catch_unwind(|| panic());
            }
            Crash::Abort => std::process::abort(),
            Crash::Segfault => segfault(),
            Crash::Exit => std::process::exit(0),
        }
    }
}

/// How many threads panic at once.
const PANICS: usize = 8;

#[expect(clippy::panic, reason = "a panic is what was asked for")]
pub(super) fn panic() -> ! {
    panic!("the field device panics as it was told to")
}

/// Does what was [set](set_fault), which is a wrong address that safe code cannot touch; or else a
/// shell sends the signal that the kernel would.
///
/// More than once: the handler that the standard library installs to recognize stack overflows
/// takes the first one for itself, and gives way to the default action.
fn segfault() -> ! {
    if let Some(fault) = FAULT.get() {
        fault();
    }
    loop {
        let sent = Command::new("sh")
            .args(["-c", "kill -s SEGV $PPID"])
            .status();
        if sent.is_err() {
            // Without a shell: another death without warning.
            std::process::abort();
        }
    }
}

static FAULT: OnceLock<fn()> = OnceLock::new();

/// Has `fault` happen where a segfault is asked for.
pub(super) fn set_fault(fault: fn()) {
    let _ = FAULT.set(fault);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_is_a_number_and_a_word() {
        let after = |events, crash| Ok(CrashAfter { events, crash });
        for (text, expected) in [
            ("1=panic", after(1, Crash::Panic)),
            ("250=abort", after(250, Crash::Abort)),
            ("7=segfault", after(7, Crash::Segfault)),
            ("7=exit", after(7, Crash::Exit)),
            ("7=panic-abort", after(7, Crash::PanicAbort)),
            ("7=panics", after(7, Crash::Panics)),
            ("7=caught-panic", after(7, Crash::CaughtPanic)),
            ("7", Err(CrashParseError::Crash)),
            ("7=", Err(CrashParseError::Crash)),
            ("7=Abort", Err(CrashParseError::Crash)),
            ("=abort", Err(CrashParseError::Events)),
            ("-1=abort", Err(CrashParseError::Events)),
        ] {
            assert_eq!(text.parse::<CrashAfter>(), expected, "{text}");
        }
    }
}
