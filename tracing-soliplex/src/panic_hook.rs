//! The panic hook: a panic becomes a fatal record, and its text passes the rules like any other.
//!
//! Not every panic. One that we catch ourselves, of a value that cannot be printed or a token
//! provider that fails, ends nothing, and may happen with every event: the value says
//! `[UNPRINTABLE]` where it stands, and of the panic there is no record, no breadcrumb and no word in
//! the run's marker. It is printed, or handed to the earlier hook, as any other: that is for the
//! one who mends it, and without us it would be printed too.
//!
//! Nor is one while the files are [let go of](crate::Soliplex::suspend): they may be another
//! process's. It is counted as discarded and printed, and the next start says that the run ended by a
//! panic, if it did before another process took the files.

use std::any::Any;
use std::backtrace::Backtrace;
use std::io::Write as _;
use std::panic::{self, PanicHookInfo};
use std::sync::{Arc, Weak};

use soliplex_sanitize::Rules;
use soliplex_wire::Severity;

use crate::capture::Capture;
use crate::end_of_main::{self, Hears};
use crate::main_thread;

/// What happens to the text that the standard library would print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PanicHook {
    /// The sanitized text is printed to standard error instead, and no earlier hook is called.
    #[default]
    ChainSanitized,
    /// The earlier hook is called, and sees and prints the raw text.
    Chain,
    /// No hook is installed: no panic is on record, and the end of a `main` is told as *uncleanly*
    /// unless [`shutdown`](crate::Soliplex::shutdown) comes before it, for it may be a panic's. So it
    /// is where another hook takes this one's place and does not call it.
    Off,
}

#[cfg(test)]
mod tests;

/// The logger of a panic's record.
const LOGGER: &str = "panic";

/// Installs the hook. It holds on to nothing: when the pipeline is gone, it only prints.
pub(crate) fn install(hook: PanicHook, capture: &Arc<Capture>, rules: &Rules) {
    let (capture, rules) = (Arc::downgrade(capture), rules.clone());
    let earlier = match hook {
        PanicHook::Off => return,
        PanicHook::ChainSanitized => None,
        PanicHook::Chain => Some(panic::take_hook()),
    };
    let hears = Hears::new();
    panic::set_hook(Box::new(move |info| {
        // As long as the hook is somebody's.
        let _ = &hears;
        if soliplex_sanitize::is_caught() {
            return match &earlier {
                Some(earlier) => earlier(info),
                None => Told::in_short(info, &rules).print(),
            };
        }
        // Noted first, for what follows may be the last that this process does, and again when it
        // has been done, which takes its time.
        main_thread::panics();
        end_of_main::note_panic(&capture);
        let told = Told::of(info, &rules);
        told.record(&capture);
        end_of_main::note_panic(&capture);
        match &earlier {
            Some(earlier) => earlier(info),
            None => told.print(),
        }
    }));
}

/// What is told of a panic, sanitized.
struct Told {
    thread: String,
    message: String,
    location: String,
    backtrace: String,
}

impl Told {
    fn of(info: &PanicHookInfo<'_>, rules: &Rules) -> Told {
        let backtrace = Backtrace::force_capture().to_string();
        Told {
            backtrace: rules.sanitize(&backtrace).into_owned(),
            ..Told::in_short(info, rules)
        }
    }

    /// All but the backtrace.
    fn in_short(info: &PanicHookInfo<'_>, rules: &Rules) -> Told {
        Told::sanitized(
            std::thread::current().name().unwrap_or("unnamed"),
            text(info.payload()).unwrap_or("a value that is no text"),
            &info.location().map(ToString::to_string).unwrap_or_default(),
            rules,
        )
    }

    fn sanitized(thread: &str, message: &str, location: &str, rules: &Rules) -> Told {
        let clean = |text| rules.sanitize(text).into_owned();
        Told {
            thread: clean(thread),
            message: clean(message),
            location: clean(location),
            backtrace: String::new(),
        }
    }

    fn record(&self, capture: &Weak<Capture>) {
        let Some(capture) = capture.upgrade() else {
            return;
        };
        capture.record(Severity::Fatal, LOGGER, |members, texts| {
            members.attribute("thread.name", self.thread.as_str());
            members.attribute("code.location", self.location.as_str());
            texts.message.push_str("panicked: ");
            texts.message.push_str(&self.message);
            texts.error.push_str("panic: ");
            texts.error.push_str(&self.message);
            texts.stack_trace.push_str(&self.backtrace);
            capture.breadcrumbs.attach_latest(members);
        });
        if capture.takes() {
            let message = format!("panicked: {}", self.message);
            let now = capture.clock.unix_nanos();
            let breadcrumbs = &capture.breadcrumbs;
            breadcrumbs.note(Severity::Fatal, now, LOGGER, &message);
        }
    }

    fn print(&self) {
        let Told {
            thread,
            message,
            location,
            ..
        } = self;
        // Not `eprintln`, which panics where standard error is closed, and a panic in here aborts.
        let _ = writeln!(
            std::io::stderr(),
            "thread '{thread}' panicked at {location}:\n{message}"
        );
    }
}

/// What `panic!` was given, with arguments or without.
/// `PanicHookInfo::payload_as_str` is younger than the oldest toolchain this crate builds with.
fn text(payload: &(dyn Any + Send)) -> Option<&str> {
    let literal = payload.downcast_ref::<&'static str>().copied();
    literal.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}
