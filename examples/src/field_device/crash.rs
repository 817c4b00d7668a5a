//! Ends of a process that nobody plans for, on demand.

use std::process::Command;
use std::str::FromStr;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crash {
    /// A panic in the thread that logged the last event.
    Panic,
    /// `abort`: SIGABRT, no destructor runs.
    Abort,
    /// SIGSEGV.
    Segfault,
    /// `exit(0)` without a word to the pipeline.
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

/// Why a text is no [`CrashAfter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CrashParseError {
    /// There is no number before the `=`.
    #[error("give a number of events, as in 100=abort")]
    Events,
    /// The word after the `=` is unknown.
    #[error("give panic, abort, segfault or exit after the =")]
    Crash,
}

impl FromStr for CrashAfter {
    type Err = CrashParseError;

    fn from_str(text: &str) -> Result<CrashAfter, CrashParseError> {
        let (events, crash) = text.split_once('=').ok_or(CrashParseError::Crash)?;
        let crash = match crash {
            "panic" => Crash::Panic,
            "abort" => Crash::Abort,
            "segfault" => Crash::Segfault,
            "exit" => Crash::Exit,
            _ => return Err(CrashParseError::Crash),
        };
        let events = events.parse().map_err(|_| CrashParseError::Events)?;
        Ok(CrashAfter { events, crash })
    }
}

impl Crash {
    /// Does it.
    #[expect(clippy::panic, reason = "a panic is what was asked for")]
    pub(super) fn happen(self) -> ! {
        match self {
            Crash::Panic => panic!("the field device panics as it was told to"),
            Crash::Abort => std::process::abort(),
            Crash::Segfault => segfault(),
            Crash::Exit => std::process::exit(0),
        }
    }
}

/// Safe code cannot touch a wrong address, so a shell sends the signal that the kernel would.
///
/// More than once: the handler that the standard library installs to recognize stack overflows
/// takes the first one for itself, and gives way to the default action.
fn segfault() -> ! {
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
