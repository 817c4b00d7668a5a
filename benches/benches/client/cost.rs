//! The cost of an event on each road: in bursts, in single calls, in allocations.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use soliplex_benches::options::Options;
use soliplex_benches::samples::Samples;
use tracing::dispatcher::with_default;

use crate::roads::Road;

/// What was measured of one road.
#[derive(Default)]
pub(crate) struct Cost {
    /// By one thread alone.
    pub(crate) one: Times,
    /// By each of two threads that log at once.
    pub(crate) two: Times,
    /// Allocations an event.
    pub(crate) allocations: f64,
    /// Bytes allocated an event.
    pub(crate) bytes: f64,
}

/// Nanoseconds.
#[derive(Default)]
pub(crate) struct Times {
    /// An event, a figure a burst.
    pub(crate) events: Samples,
    /// Single calls.
    pub(crate) calls: Samples,
    /// The first call after a pause.
    pub(crate) first: Samples,
}

/// Of a burst, one in so many events goes before it, untimed.
const PRELUDE: u64 = 10;

/// How long a thread is busy between its pause and its burst.
const WAKING: Duration = Duration::from_millis(2);

/// How often what is done in a round.
#[derive(Clone, Copy)]
struct Round {
    /// Bursts that are timed as a whole.
    bursts: u64,
    /// Bursts whose calls are timed one by one.
    called: u64,
}

/// Takes all roads in turns.
pub(crate) fn measure<'r>(roads: &'r [Road], options: &Options) -> Vec<(&'r str, Cost)> {
    let (bursts, called, rounds) = options.pick((1, 1, 1), (3, 2, 3), (15, 5, 7));
    let round = Round { bursts, called };
    let mut costs: Vec<(&str, Cost)> = roads
        .iter()
        .map(|road| (road.name, Cost::default()))
        .collect();
    for _ in 0..rounds {
        for (road, (_, cost)) in roads.iter().zip(&mut costs) {
            with_default(&road.dispatch, || {
                cost.one.add(in_bursts(road, round, road.burst, || ()));
                let counted = allocation_counter::measure(|| (0..road.burst).for_each(road.log));
                cost.allocations = counted.count_total as f64 / road.burst as f64;
                cost.bytes = counted.bytes_total as f64 / road.burst as f64;
                thread::sleep(road.pause);
            });
            for times in together(road, round) {
                cost.two.add(times);
            }
        }
    }
    costs
}

impl Times {
    fn add(&mut self, times: Times) {
        self.events.extend(times.events);
        self.calls.extend(times.calls);
        self.first.extend(times.first);
    }
}

/// Two threads share each burst.
fn together(road: &Road, round: Round) -> Vec<Times> {
    let barrier = Barrier::new(2);
    let wait = || {
        barrier.wait();
    };
    let log = || {
        with_default(&road.dispatch, || {
            in_bursts(road, round, road.burst / 2, wait)
        })
    };
    thread::scope(|scope| {
        let threads = [(); 2].map(|()| scope.spawn(log));
        threads
            .into_iter()
            .filter_map(|thread| thread.join().ok())
            .collect()
    })
}

/// One thread's bursts of so many events, with a pause after each and a meeting before.
fn in_bursts(road: &Road, round: Round, events: u64, meet: impl Fn()) -> Times {
    let mut times = Times::default();
    // The first burst warms the thread's buffers.
    (0..events).for_each(road.log);
    thread::sleep(road.pause);
    for _ in 0..round.bursts {
        meet();
        times.first.push(wake(road, events));
        let start = Instant::now();
        (0..events).for_each(road.log);
        times
            .events
            .push(start.elapsed().as_nanos() as f64 / events as f64);
        thread::sleep(road.pause);
    }
    // Kept in memory that was touched before, or the first call on each page would pay for it.
    let mut calls = vec![f64::MAX; events as usize];
    for _ in 0..round.called {
        meet();
        times.first.push(wake(road, events));
        for (index, call) in (0..).zip(&mut calls) {
            *call = timed(road, index);
        }
        times.calls.extend(calls.iter().copied());
        thread::sleep(road.pause);
    }
    times
}

/// Leads a thread that has slept to where a burst meets it at work: its first event, whose
/// nanoseconds are returned, finds every cache cold; then the processor gets up to speed, and the
/// caches fill.
fn wake(road: &Road, events: u64) -> f64 {
    let first = timed(road, 0);
    let asleep = Instant::now();
    while asleep.elapsed() < WAKING {
        std::hint::spin_loop();
    }
    (0..events / PRELUDE).for_each(road.log);
    first
}

/// Nanoseconds of one call.
fn timed(road: &Road, index: u64) -> f64 {
    let start = Instant::now();
    (road.log)(index);
    start.elapsed().as_nanos() as f64
}
