//! The worker's thread and runtime, which no layer hears, and what is left when it ends.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use soliplex_sanitize::deafen;

use super::{LOOK_EVERY_QUIET, Parts, Worker};
use crate::diagnostics::{Diagnostic, State};
use crate::main_thread::UNWINDS_WITHIN;
use crate::run::Run;

/// Runs the worker on a thread of its own.
///
/// # Errors
///
/// When the system has no thread to give.
pub(crate) fn spawn(parts: Parts) -> std::io::Result<()> {
    std::thread::Builder::new()
        .name("soliplex-worker".to_owned())
        .spawn(move || run(parts))?;
    Ok(())
}

fn run(parts: Parts) {
    deafen();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .thread_name("soliplex-resolver")
        // The runtime's own threads look up names for the HTTP client, which likes to log.
        .on_thread_start(deafen)
        .build();
    let session = Arc::clone(parts.intake.session());
    match runtime {
        Ok(runtime) => {
            // Here, where it holds up nobody.
            session.run.sync();
            let diagnostics = Arc::clone(&parts.diagnostics);
            let work = AssertUnwindSafe(|| runtime.block_on(Worker::start(parts)));
            let stopped = catch_unwind(work).unwrap_or_else(|_| {
                // Records go on into the queue, and the next start finds them there. The application
                // has survived it, and whoever logs notes how it goes on.
                session.run.survived();
                diagnostics.set_state(State::Disabled);
                diagnostics.report(&Diagnostic::Stopped);
                None
            });
            // A name that is still being looked up must not hold up the end.
            runtime.shutdown_background();
            // Now that the worker is gone, so are its files.
            if let Some(stopped) = stopped {
                stopped();
            }
            see_out(&session.run);
        }
        Err(error) => {
            parts.diagnostics.report(&Diagnostic::StoreUnavailable {
                error: format!("the worker could not start: {error}"),
            });
        }
    }
}

/// Of a run that was shut down by what unwound, sees whether the process lives on: then that was
/// caught. A run that begins in its place tells so sooner.
fn see_out(run: &Run) {
    let ended = Instant::now();
    while run.is_end_in_doubt() {
        if ended.elapsed() > UNWINDS_WITHIN {
            return run.survived();
        }
        std::thread::sleep(LOOK_EVERY_QUIET);
    }
}
