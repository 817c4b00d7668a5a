//! What breadcrumbs cost the thread that logs: the same event with and without the layer.
//!
//! Both of a pair get the same event, five fields and a message, in one process run, in turns;
//! what is quoted is the median over the rounds, the least of all bursts, which is what a machine
//! that is busy with something else disturbs least, and the difference between the two.
//!
//! ```text
//! cargo bench -p soliplex-benches --bench breadcrumbs            # half a minute
//! cargo bench -p soliplex-benches --bench breadcrumbs -- --quick # a few seconds
//! cargo bench -p soliplex-benches --bench breadcrumbs -- "alone" # the pairs so named
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench may be blunt"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::{Duration, Instant};

use tracing::{Dispatch, Event, Subscriber, error, info};
use tracing_soliplex::{PanicHook, Rules, Sanitize as _, Soliplex};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry;

/// Events between two pauses: what the queue can hold beside the other pair's.
const BURST: u64 = 1_000;

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

// === The pairs ===

/// The same stack twice.
struct Pair {
    name: &'static str,
    without: Road,
    with: Road,
    event: fn(u64),
    /// Threads that log at once.
    threads: usize,
    /// How long the queue needs to empty after a burst.
    pause: Duration,
}

struct Road {
    dispatch: Dispatch,
    /// Nanoseconds an event, one figure a round.
    rounds: Vec<f64>,
    /// The quickest burst.
    least: f64,
    allocations: f64,
}

/// A layer that does nothing, so that what is measured is ours and not the registry's.
struct Idle;

impl<S: Subscriber> Layer<S> for Idle {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        std::hint::black_box(event);
    }
}

fn soliplex(directory: &std::path::Path, name: &str, rules: Rules) -> Soliplex {
    Soliplex::builder("bench", "1.0.0")
        .store_dir(directory.join(name))
        .rules(rules)
        .panic_hook(PanicHook::Off)
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

fn failure(index: u64) {
    error!(user_id = index, "request failed in the usual way");
}

fn pair(
    name: &'static str,
    event: fn(u64),
    without: impl Into<Dispatch>,
    with: impl Into<Dispatch>,
) -> Pair {
    let road = |dispatch| Road {
        dispatch,
        rounds: Vec::new(),
        least: f64::INFINITY,
        allocations: 0.0,
    };
    Pair {
        name,
        without: road(without.into()),
        with: road(with.into()),
        event,
        threads: 1,
        pause: Duration::ZERO,
    }
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (bursts, rounds) = if quick { (5, 9) } else { (20, 15) };
    let directory = tempfile::tempdir().unwrap();
    let start = |name, rules| soliplex(directory.path(), name, rules);
    let alone = start("alone", Rules::none());
    let (plain, beside) = (
        start("plain", Rules::standard()),
        start("beside", Rules::standard()),
    );
    let breath = Duration::from_millis(120);
    let alone_pair = |name| {
        let with = registry().with(alone.breadcrumb_layer());
        pair(name, event, registry().with(Idle), with)
    };
    let beside_pair = |name, event| Pair {
        pause: breath,
        ..pair(
            name,
            event,
            registry().with(plain.export_layer()).sanitize(&plain),
            registry()
                .with(beside.breadcrumb_layer())
                .with(beside.export_layer())
                .sanitize(&beside),
        )
    };
    let mut pairs = vec![
        alone_pair("alone"),
        Pair {
            threads: 2,
            ..alone_pair("alone, two threads")
        },
        beside_pair("beside root, rules, export", event),
        beside_pair("an error with 20 of them", failure),
    ];
    let named = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with("--"));
    pairs.retain(|pair| {
        named
            .as_ref()
            .is_none_or(|name| pair.name.starts_with(name))
    });
    for _ in 0..rounds {
        for pair in &mut pairs {
            let (event, threads, pause) = (pair.event, pair.threads, pair.pause);
            for road in [&mut pair.without, &mut pair.with] {
                round(road, event, threads, pause, bursts);
            }
        }
    }
    report(&mut pairs);
}

fn round(road: &mut Road, event: fn(u64), threads: usize, pause: Duration, bursts: u32) {
    let mut nanos = 0.0;
    let mut allocations = 0;
    for burst in 0..bursts {
        let of_threads: Vec<(u128, u64)> = std::thread::scope(|scope| {
            let burst = || {
                tracing::dispatcher::with_default(&road.dispatch, || {
                    // Warms the thread's buffers.
                    event(0);
                    let before = ALLOCATIONS.get();
                    let start = Instant::now();
                    (0..BURST).for_each(event);
                    (start.elapsed().as_nanos(), ALLOCATIONS.get() - before)
                })
            };
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(burst)).collect();
            let ours = burst();
            let others = others.into_iter().map(|other| other.join().unwrap());
            std::iter::once(ours).chain(others).collect()
        });
        let sum: u128 = of_threads.iter().map(|(nanos, _)| nanos).sum();
        let mean = sum as f64 / threads as f64;
        road.least = road.least.min(mean / BURST as f64);
        nanos += mean;
        if burst > 0 {
            allocations += of_threads[0].1;
        }
        std::thread::sleep(pause);
    }
    let events = BURST as f64 * f64::from(bursts);
    road.rounds.push(nanos / events);
    road.allocations = allocations as f64 / (BURST as f64 * f64::from(bursts - 1));
}

fn report(pairs: &mut [Pair]) {
    println!(
        "{:<30} {:>23} {:>23} {:>8}",
        "one event", "median, and without", "least, and without", "allocs"
    );
    for pair in pairs {
        let median = |road: &mut Road| {
            road.rounds.sort_by(f64::total_cmp);
            road.rounds[road.rounds.len() / 2]
        };
        let medians = (median(&mut pair.with), median(&mut pair.without));
        let leasts = (pair.with.least, pair.without.least);
        let more = |(with, without): (f64, f64)| {
            format!("{with:>6.0} - {without:>5.0} = {:>3.0} ns", with - without)
        };
        println!(
            "{:<30} {:>23} {:>23} {:>8.2}",
            pair.name,
            more(medians),
            more(leasts),
            pair.with.allocations
        );
    }
}
