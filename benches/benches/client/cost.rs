//! The cost of an event on each road: in bursts, in single calls, in allocations.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use soliplex_benches::options::Options;
use soliplex_benches::samples::Samples;
use tracing::dispatcher::with_default;
use tracing::{Dispatch, info};

use crate::roads::Road;

/// Events between two pauses: half of what the smallest queue, OpenTelemetry's 2,048, can hold.
pub(crate) const BURST: u64 = 1_000;

/// What was measured of one road.
#[derive(Default)]
pub(crate) struct Cost {
    /// Nanoseconds an event, a figure a burst.
    pub(crate) one_thread: Samples,
    /// The same on each of two threads that log at once.
    pub(crate) two_threads: Samples,
    /// Nanoseconds of single calls.
    pub(crate) calls: Samples,
    /// Allocations an event.
    pub(crate) allocations: f64,
    /// Bytes allocated an event.
    pub(crate) bytes: f64,
}

/// Takes all roads in turns.
pub(crate) fn measure<'r>(roads: &'r [Road], options: &Options) -> Vec<(&'r str, Cost)> {
    let (bursts, rounds) = options.pick((4, 3), (15, 7));
    let mut costs: Vec<(&str, Cost)> = roads
        .iter()
        .map(|road| (road.name, Cost::default()))
        .collect();
    for _ in 0..rounds {
        for (road, (_, cost)) in roads.iter().zip(&mut costs) {
            with_default(&road.dispatch, || alone(road, bursts, cost));
            cost.two_threads.extend(together(road, bursts));
        }
    }
    costs
}

/// The event of every road. Its message is a literal, as messages are; its texts change from one
/// event to the next, so that no road can live on having seen them a moment ago.
pub(crate) fn event(index: u64) {
    info!(
        user_id = index,
        method = METHODS[index as usize % METHODS.len()],
        path = PATHS[index as usize % PATHS.len()],
        status = 200_i64,
        elapsed_ms = 12.5,
        "request handled in the usual way"
    );
}

const METHODS: [&str; 4] = ["GET", "PUT", "HEAD", "POST"];

const PATHS: [&str; 8] = [
    "/api/v1/rooms/42",
    "/api/v1/rooms/17",
    "/api/v1/users/me",
    "/api/v1/photos/3",
    "/api/v1/orders/9",
    "/api/v1/sessions",
    "/api/v2/rooms/40",
    "/api/v2/settings",
];

fn alone(road: &Road, bursts: u64, cost: &mut Cost) {
    // The first burst warms the thread's buffers.
    burst(BURST);
    thread::sleep(road.pause);
    for _ in 0..bursts {
        cost.one_thread.push(burst(BURST));
        thread::sleep(road.pause);
    }
    let counted = allocation_counter::measure(|| (0..BURST).for_each(event));
    cost.allocations = counted.count_total as f64 / BURST as f64;
    cost.bytes = counted.bytes_total as f64 / BURST as f64;
    thread::sleep(road.pause);
    cost.calls.extend((0..BURST).map(|index| {
        let start = Instant::now();
        event(index);
        start.elapsed().as_nanos() as f64
    }));
    thread::sleep(road.pause);
}

/// Logs and returns nanoseconds an event.
fn burst(events: u64) -> f64 {
    let start = Instant::now();
    (0..events).for_each(event);
    start.elapsed().as_nanos() as f64 / events as f64
}

/// Two threads share each burst.
fn together(road: &Road, bursts: u64) -> Vec<f64> {
    let barrier = Barrier::new(2);
    thread::scope(|scope| {
        let threads =
            [(); 2].map(|()| scope.spawn(|| in_step(&road.dispatch, &barrier, road.pause, bursts)));
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_default())
            .collect()
    })
}

fn in_step(dispatch: &Dispatch, barrier: &Barrier, pause: Duration, bursts: u64) -> Vec<f64> {
    with_default(dispatch, || {
        burst(BURST / 2);
        (0..bursts)
            .map(|_| {
                thread::sleep(pause);
                barrier.wait();
                burst(BURST / 2)
            })
            .collect()
    })
}
