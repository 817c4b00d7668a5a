//! A flood: more events than any queue holds, as fast as two threads can log them.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use soliplex_benches::options::Options;
use tracing::dispatcher::with_default;
use tracing::{Dispatch, info, warn};
use tracing_soliplex::{PanicHook, Sanitize as _, Soliplex};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{fmt, registry};

use crate::peers::{self, Count};
use crate::roads::name;
use crate::sink;

/// One event in so many is a warning.
const WARNING_IN: u64 = 100;

/// How long a road may take to bring out what it has kept.
const PATIENCE: Duration = Duration::from_secs(60);

/// What went in and what came out.
pub(crate) struct Flood {
    pub(crate) name: &'static str,
    pub(crate) logged: Tally,
    pub(crate) kept: Tally,
    /// Nanoseconds an event while it lasted.
    pub(crate) nanos: f64,
}

/// Records, and the warnings among them.
#[derive(Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) all: u64,
    pub(crate) warnings: u64,
}

impl From<&Count> for Tally {
    fn from(count: &Count) -> Tally {
        Tally {
            all: count.all(),
            warnings: count.warnings(),
        }
    }
}

/// Floods every road that hands records on.
pub(crate) fn measure(folder: &Path, options: &Options) -> Vec<Flood> {
    let events = options.pick(4_000, 50_000, 200_000);
    vec![
        to_file(folder, events),
        through_non_blocking(folder, events),
        through_opentelemetry(events),
        through_sentry(events),
        through_ours(folder, events),
    ]
}

fn to_file(folder: &Path, events: u64) -> Flood {
    let path = folder.join("flood-direct.log");
    let file = fs::File::create(&path).unwrap();
    let layer = fmt::layer().json().with_writer(file);
    let nanos = flood(registry().with(layer).into(), events);
    report("fmt json, file", events, nanos, lines(&path))
}

fn through_non_blocking(folder: &Path, events: u64) -> Flood {
    let appender = tracing_appender::rolling::never(folder, "flood.log");
    let (writer, guard) = tracing_appender::non_blocking(appender);
    let layer = fmt::layer().json().with_writer(writer);
    let nanos = flood(registry().with(layer).into(), events);
    drop(guard);
    report(
        name::NON_BLOCKING,
        events,
        nanos,
        lines(&folder.join("flood.log")),
    )
}

fn through_opentelemetry(events: u64) -> Flood {
    let count = Count::default();
    let provider = peers::opentelemetry(count.clone());
    let nanos = flood(registry().with(peers::bridge(&provider)).into(), events);
    let _ = provider.shutdown_with_timeout(PATIENCE);
    report(name::OTEL, events, nanos, Tally::from(&count))
}

fn through_sentry(events: u64) -> Flood {
    let count = Count::default();
    let client = peers::sentry(count.clone());
    let hub = sentry_core::Hub::main();
    let before = hub.client();
    hub.bind_client(Some(client.clone()));
    let layer = sentry_tracing::LogLayer::new();
    let nanos = flood(registry().with(layer).into(), events);
    client.close(Some(PATIENCE));
    hub.bind_client(before);
    report(name::SENTRY_LOGS, events, nanos, Tally::from(&count))
}

fn through_ours(folder: &Path, events: u64) -> Flood {
    let count = Count::default();
    let soliplex = Soliplex::builder("bench", "1.0.0")
        .store_dir(folder.join("flood"))
        .endpoint(sink::start(count.clone()).unwrap())
        .startup_jitter(Duration::ZERO)
        // The flood shall find the queue's bound, not the store's.
        .max_store_bytes(1 << 30)
        .panic_hook(PanicHook::Off)
        .start()
        .unwrap();
    let stack = registry()
        .with(soliplex.breadcrumb_layer())
        .with(soliplex.export_layer());
    let nanos = flood(stack.sanitize(&soliplex).into(), events);
    let _ = soliplex.shutdown(PATIENCE);
    report(name::ALL, events, nanos, Tally::from(&count))
}

/// Logs from two threads and returns nanoseconds an event.
fn flood(dispatch: Dispatch, events: u64) -> f64 {
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| with_default(&dispatch, || (0..events / 2).for_each(event)));
        }
    });
    start.elapsed().as_nanos() as f64 / (events / 2) as f64
}

fn event(index: u64) {
    if index.is_multiple_of(WARNING_IN) {
        warn!(
            user_id = index,
            status = 503_i64,
            "request had to be repeated"
        );
    } else {
        info!(
            user_id = index,
            status = 200_i64,
            "request handled in the usual way"
        );
    }
}

fn lines(path: &Path) -> Tally {
    let text = fs::read_to_string(path).unwrap();
    Tally {
        all: text.lines().count() as u64,
        warnings: text.lines().filter(|line| line.contains("WARN")).count() as u64,
    }
}

fn report(name: &'static str, events: u64, nanos: f64, kept: Tally) -> Flood {
    let logged = Tally {
        all: events,
        warnings: events / WARNING_IN,
    };
    Flood {
        name,
        logged,
        kept,
        nanos,
    }
}
