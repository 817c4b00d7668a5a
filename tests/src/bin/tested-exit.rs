//! An application that logs where hardly anything works any more: while a thread's locals are
//! dropped, and when `main` has returned. It also takes in what the crate `log` is told, of every
//! target and at every level, as applications do that use both.
//!
//! ```text
//! tested-exit <STORE> <URL> [STACK]   logs, and ends without a word to the pipeline
//! tested-exit <STORE>                 logs between two system calls that a tracer recognizes
//! ```
//!
//! The stack has a root, unless it is `layer`, our layers in a [`SanitizeLayer`], or `bare`, or
//! `no-rules`, which is bare, too.

use std::cell::Cell;
use std::error::Error;
use std::fs;
use std::time::Duration;

use tracing_soliplex::{Rules, Sanitize as _, SanitizeLayer, Soliplex};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// Logs when it is dropped.
struct LastWord(&'static str);

impl Drop for LastWord {
    fn drop(&mut self) {
        tracing::error!("{}", self.0);
    }
}

thread_local! {
    static LAST_WORD: Cell<Option<LastWord>> = const { Cell::new(None) };
}

extern "C" fn at_exit() {
    tracing::error!("at exit");
}

#[expect(unsafe_code, reason = "the standard library has no atexit")]
unsafe extern "C" {
    fn atexit(handler: extern "C" fn()) -> i32;
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let store = args.next().ok_or("no store")?;
    let endpoint = args.next();
    let stack = args.next().unwrap_or_default();
    let mut builder = Soliplex::builder("tested-exit", "1.0.0")
        .store_dir(store)
        .queue_bytes(64 << 20)
        .startup_jitter(Duration::ZERO)
        .flush_interval(Duration::from_millis(50));
    if let Some(url) = &endpoint {
        builder = builder.endpoint(url);
    }
    if stack == "no-rules" {
        builder = builder.rules(Rules::none());
    }
    let soliplex = builder.start()?;
    let layers = soliplex
        .breadcrumb_layer()
        .and_then(soliplex.export_layer());
    let registry = tracing_subscriber::registry();
    match &*stack {
        "layer" => registry
            .with(SanitizeLayer::new(layers, Rules::standard()))
            .try_init(),
        "bare" | "no-rules" => registry.with(layers).try_init(),
        _ => registry.with(layers).sanitize(&soliplex).try_init(),
    }?;
    // Where the line above has not done so.
    let _ = tracing_log::LogTracer::init();
    log::set_max_level(log::LevelFilter::Trace);
    match endpoint {
        Some(_) => last_words(&soliplex),
        None => quietly(),
    }
    Ok(())
}

fn last_words(soliplex: &Soliplex) {
    log::trace!("by the other crate");
    tracing::trace!("in main");
    // The pipeline is at work, on a connection of its own.
    let _ = soliplex.flush(Duration::from_millis(300));
    let thread = std::thread::spawn(|| {
        tracing::info!("in a thread");
        LAST_WORD.set(Some(LastWord("in a drop at the thread's end")));
    });
    let _ = thread.join();
    // Dropped after all that the pipeline and `tracing` keep for the thread.
    let thread = std::thread::spawn(|| {
        LAST_WORD.set(Some(LastWord("in the last drop of a thread")));
        tracing::info!("in another thread");
    });
    let _ = thread.join();
    // SAFETY: the handler is a function that takes nothing and does not unwind.
    #[expect(unsafe_code, reason = "the standard library has no atexit")]
    let _ = unsafe { atexit(at_exit) };
}

/// What a thread that logs asks of the system, once it has logged before.
fn quietly() {
    let thread = std::thread::spawn(|| {
        log_many(2_000);
        let _ = fs::metadata("/here-it-begins");
        log_many(2_000);
        let _ = fs::metadata("/here-it-ends");
    });
    let _ = thread.join();
}

fn log_many(count: u64) {
    for number in 0..count {
        let _span = tracing::info_span!("visit", number).entered();
        tracing::info!(
            number,
            screen = "inspection",
            retry = 2,
            synced = true,
            "shown"
        );
        if number % 50 == 0 {
            let error = std::io::Error::other("the report could not be uploaded");
            let error: &(dyn Error + 'static) = &error;
            tracing::error!(number, error, "upload failed");
        }
    }
}
