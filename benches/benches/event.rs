//! What one event costs the thread that logs it: our road, part by part, beside its peers.
//!
//! All roads get the same event, five fields and a message, in one process run, in turns; what is
//! quoted is the median over the rounds, and ratios. A flood would measure what a full queue costs,
//! so events come in bursts that each road's queue can hold, with a pause in which it is emptied.
//!
//! ```text
//! cargo bench -p soliplex-benches --bench event            # about a minute
//! cargo bench -p soliplex-benches --bench event -- --quick # a tenth of it
//! cargo bench -p soliplex-benches --bench event -- "ours: export" # the roads so named
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench may be blunt"
)]
#![allow(
    deprecated,
    reason = "only sentry's older layer makes breadcrumbs of events"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io;
use std::time::{Duration, Instant};

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{
    BatchConfigBuilder, BatchLogProcessor, LogBatch, LogExporter, SdkLoggerProvider,
};
use tracing::{Dispatch, info};
use tracing_soliplex::{Rules, Sanitize as _, Soliplex};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{fmt, registry};

/// Events between two pauses: what the smallest of the queues, OpenTelemetry's 2,048, can hold.
const BURST: u32 = 1_000;

// === Counting allocations ===

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is handed to the system's allocator unchanged.
#[allow(unsafe_code, reason = "a global allocator is an unsafe trait")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// === The roads ===

struct Road {
    name: &'static str,
    dispatch: Dispatch,
    /// How long its queue needs to empty after a burst.
    pause: Duration,
    /// Nanoseconds an event, one figure a round.
    rounds: Vec<f64>,
    /// Nanoseconds of single calls, for the tail.
    calls: Vec<u64>,
    allocations: f64,
}

#[derive(Debug)]
struct Nowhere;

impl LogExporter for Nowhere {
    async fn export(&self, _: LogBatch<'_>) -> OTelSdkResult {
        Ok(())
    }
}

fn road(name: &'static str, pause: Duration, dispatch: impl Into<Dispatch>) -> Road {
    Road {
        name,
        dispatch: dispatch.into(),
        pause,
        rounds: Vec::new(),
        calls: Vec::new(),
        allocations: 0.0,
    }
}

/// A pipeline that stores and never sends; its records are taken in between bursts.
fn soliplex(directory: &std::path::Path, name: &str, rules: Rules) -> Soliplex {
    Soliplex::builder("bench", "1.0.0")
        .store_dir(directory.join(name))
        .rules(rules)
        .panic_hook(tracing_soliplex::PanicHook::Off)
        .start()
        .unwrap()
}

fn event(index: u64) {
    info!(
        user_id = index,
        method = "GET",
        path = "/api/v1/rooms/42",
        status = 200_i64,
        elapsed_ms = 12.5,
        "request handled in the usual way"
    );
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (bursts, rounds) = if quick { (5, 3) } else { (20, 7) };
    let directory = tempfile::tempdir().unwrap();

    let otel = SdkLoggerProvider::builder()
        .with_log_processor(
            BatchLogProcessor::builder(Nowhere)
                .with_batch_config(
                    BatchConfigBuilder::default()
                        .with_scheduled_delay(Duration::from_millis(50))
                        .build(),
                )
                .build(),
        )
        .build();
    let file = tracing_appender::rolling::never(directory.path(), "peer.log");
    let (non_blocking, _guard) = tracing_appender::non_blocking(file);
    let bare = soliplex(directory.path(), "bare", Rules::none());
    let standard = soliplex(directory.path(), "standard", Rules::standard());

    let breath = Duration::from_millis(120);
    let mut roads = vec![
        road("registry only", Duration::ZERO, registry()),
        road(
            "fmt json, nowhere",
            Duration::ZERO,
            registry().with(fmt::layer().json().with_writer(io::sink)),
        ),
        road(
            "fmt json, non_blocking file",
            breath,
            registry().with(fmt::layer().json().with_writer(non_blocking)),
        ),
        road(
            "opentelemetry batch",
            breath,
            registry().with(
                opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge::new(&otel),
            ),
        ),
        road(
            "sentry breadcrumb",
            Duration::ZERO,
            registry().with(
                sentry_tracing::layer().event_filter(|_| sentry_tracing::EventFilter::Breadcrumb),
            ),
        ),
        road(
            "ours: root, standard rules",
            Duration::ZERO,
            registry().sanitize(Rules::standard()),
        ),
        road(
            "ours: export, no rules",
            breath,
            registry().with(bare.export_layer()),
        ),
        road(
            "ours: root, rules, export",
            breath,
            registry().with(standard.export_layer()).sanitize(&standard),
        ),
    ];
    sentry_core::Hub::current().bind_client(None);

    let named = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with("--"));
    let chosen = |road: &Road| {
        named
            .as_ref()
            .is_none_or(|name| road.name.starts_with(name))
    };
    for _ in 0..rounds {
        for road in roads.iter_mut().filter(|road| chosen(road)) {
            round(road, bursts);
        }
    }
    roads.retain(chosen);
    report(&mut roads);
}

fn round(road: &mut Road, bursts: u32) {
    tracing::dispatcher::with_default(&road.dispatch, || {
        let mut nanos = 0;
        let mut allocations = 0;
        for burst in 0..bursts {
            let before = ALLOCATIONS.get();
            let start = Instant::now();
            (0..BURST).for_each(|index| event(u64::from(index)));
            nanos += start.elapsed().as_nanos();
            // The first burst warms the thread's buffers.
            if burst > 0 {
                allocations += ALLOCATIONS.get() - before;
            }
            std::thread::sleep(road.pause);
        }
        road.rounds.push(nanos as f64 / f64::from(BURST * bursts));
        road.allocations = allocations as f64 / f64::from(BURST * (bursts - 1));
        for index in 0..BURST {
            let start = Instant::now();
            event(u64::from(index));
            road.calls.push(start.elapsed().as_nanos() as u64);
        }
        std::thread::sleep(road.pause);
    });
}

fn report(roads: &mut [Road]) {
    println!(
        "{:<30} {:>8} {:>8} {:>8} {:>8} {:>8}",
        "one event", "median", "allocs", "p50", "p99", "p99.9"
    );
    for road in roads {
        road.rounds.sort_by(f64::total_cmp);
        road.calls.sort_unstable();
        let percentile = |per_mille: usize| road.calls[(road.calls.len() - 1) * per_mille / 1000];
        println!(
            "{:<30} {:>5.0} ns {:>8.2} {:>5} ns {:>5} ns {:>5} ns",
            road.name,
            road.rounds[road.rounds.len() / 2],
            road.allocations,
            percentile(500),
            percentile(990),
            percentile(999),
        );
    }
}
