//! The events themselves: who logs which when, and what is told of each.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::{Args, Failure, tell};

/// What all threads share.
struct Shift<'a> {
    args: &'a Args,
    /// Not the same in two runs, so that no event of one is taken for an event of another.
    run: Uuid,
    begun: Instant,
    next: AtomicU64,
    told: AtomicU64,
    over: AtomicBool,
}

/// Logs all events; carries on the panic of a thread.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let shift = Shift {
        args,
        run: Uuid::new_v4(),
        begun: Instant::now(),
        next: AtomicU64::new(0),
        told: AtomicU64::new(0),
        over: AtomicBool::new(false),
    };
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for number in 0..args.threads.max(1) {
            let (name, shift) = (format!("device-{number}"), &shift);
            let thread = thread::Builder::new().name(name);
            let work = move || {
                let _end = EndsWithPanic(shift);
                shift.work(number)
            };
            threads.push(thread.spawn_scoped(scope, work).map_err(Failure::Thread)?);
        }
        let mut panicked = None;
        for thread in threads {
            match thread.join() {
                Ok(told) => told?,
                Err(panic) => panicked = Some(panic),
            }
        }
        // As in any application: a panic that reaches the top ends the process, and nobody tidies up.
        match panicked {
            Some(panic) => std::panic::resume_unwind(panic),
            None => Ok(()),
        }
    })
}

/// When one thread panics, the process ends, and the others with it.
struct EndsWithPanic<'a>(&'a Shift<'a>);

impl Drop for EndsWithPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.over.store(true, Ordering::Relaxed);
        }
    }
}

impl Shift<'_> {
    fn work(&self, thread: u32) -> io::Result<()> {
        let _span = tracing::info_span!("visit", thread, site = "north").entered();
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed) + 1;
            if number > self.args.events {
                return Ok(());
            }
            self.wait_for(number);
            if self.over.load(Ordering::Relaxed) {
                return Ok(());
            }
            let event_id = format!("{}-{number}", self.run);
            self.log(number, &event_id);
            self.tell(&event_id)?;
        }
    }

    /// The `n`-th event is due `n / rate` seconds after the begin.
    fn wait_for(&self, number: u64) {
        if self.args.rate <= 0.0 {
            return;
        }
        let due = Duration::try_from_secs_f64(number as f64 / self.args.rate);
        let due = due.unwrap_or(Duration::MAX);
        thread::sleep(due.saturating_sub(self.begun.elapsed()));
    }

    fn log(&self, number: u64, event_id: &str) {
        if self
            .args
            .error_every
            .is_some_and(|every| every > 0 && number.is_multiple_of(every))
        {
            let error = UploadError(Refused { status: 507 });
            let error: &(dyn Error + 'static) = &error;
            tracing::error!(event_id, number, error, "upload failed");
            return;
        }
        match number % 4 {
            0 => tracing::debug!(event_id, number, voltage = 3.71, "battery read"),
            1 => tracing::info!(event_id, number, screen = "inspection", "screen shown"),
            2 => tracing::info!(event_id, number, photos = 3, synced = true, "photos saved"),
            _ => tracing::warn!(event_id, number, retry = 2, "position is inexact"),
        }
    }

    fn tell(&self, event_id: &str) -> io::Result<()> {
        tell(&event_id)?;
        let told = self.told.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(after) = self.args.crash_after
            && after.events == told
        {
            after.crash.happen();
        }
        Ok(())
    }
}

/// An error with a cause, as applications have them.
#[derive(Debug)]
struct UploadError(Refused);

#[derive(Debug)]
struct Refused {
    status: u16,
}

impl fmt::Display for UploadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the report could not be uploaded")
    }
}

impl Error for UploadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store answered {}", self.status)
    }
}

impl Error for Refused {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_id_passes_the_rules_untouched() {
        let rules = tracing_soliplex::Rules::standard();
        for number in [1, 10, 999, 123_456, u64::MAX] {
            let event_id = format!("{}-{number}", Uuid::new_v4());
            assert_eq!(rules.sanitize_value("event_id", &event_id), event_id);
        }
    }
}
