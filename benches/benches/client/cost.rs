//! The cost of an event on each road: in bursts, which are compared, and in single calls, which
//! have tails; in allocations.

use std::thread;
use std::time::{Duration, Instant};

use soliplex_benches::contest::{Contest, Results};
use soliplex_benches::options::Options;
use soliplex_benches::pace;
use soliplex_benches::samples::Samples;
use tracing::dispatcher::with_default;

use crate::pair::{Meeting, Pair};
use crate::roads::Road;

/// What was measured of all roads.
pub(crate) struct Costs<'r> {
    /// Nanoseconds an event, by one thread alone: a burst a round.
    pub(crate) one: Results,
    /// The same by each of two threads that share the burst: their mean.
    pub(crate) two: Results,
    /// What is not compared, road by road.
    pub(crate) apart: Vec<(&'r str, Apart)>,
}

/// What was measured of one road for itself.
#[derive(Default)]
pub(crate) struct Apart {
    pub(crate) one: Calls,
    pub(crate) two: Calls,
    /// Allocations an event.
    pub(crate) allocations: f64,
    /// Bytes allocated an event.
    pub(crate) bytes: f64,
}

/// Nanoseconds of single calls, with two readings of the clock.
#[derive(Default)]
pub(crate) struct Calls {
    pub(crate) each: Samples,
    /// The first after a pause.
    pub(crate) first: Samples,
}

/// What one thread found on one road.
#[derive(Default)]
pub(crate) struct Times {
    /// Nanoseconds an event of the burst.
    event: f64,
    /// Those of single calls.
    calls: Vec<f64>,
    /// And of the call after the pause before them.
    first: f64,
}

/// Of a burst, one in so many events goes before it, untimed.
const PRELUDE: u64 = 10;

/// How long a thread is busy before its burst: the thread gets up to speed, and whoever empties the
/// queue of the road before has time for it.
const WAKING: Duration = Duration::from_millis(2);

/// How long all queues need to empty between two rounds.
const PAUSE: Duration = Duration::from_millis(120);

/// How long a thread sleeps before its first call.
const NAP: Duration = Duration::from_millis(20);

/// Measures all roads.
pub(crate) fn measure<'r>(roads: &'r [Road], options: &Options) -> Costs<'r> {
    let (rounds, called) = options.pick((1, 1), (60, 15), (500, 60));
    thread::scope(|scope| {
        let pair = Pair::start(scope);
        let mean = |[here, there]: [Times; 2]| here.event.midpoint(there.event);
        let mut one = Contest::new();
        let mut two = Contest::paced_by(|| mean(pair.both(same_work)));
        for road in roads {
            one.enter(road.name, || burst(road, &Meeting::of(1)).event);
            two.enter(road.name, || {
                mean(pair.both(|meeting| burst(road, meeting)))
            });
        }
        for _ in 0..rounds {
            one.round();
            thread::sleep(PAUSE);
            two.round();
            thread::sleep(PAUSE);
        }
        Costs {
            one: one.results(),
            two: two.results(),
            apart: measure_apart(roads, &pair, called),
        }
    })
}

fn measure_apart<'r>(roads: &'r [Road], pair: &Pair<'r>, rounds: usize) -> Vec<(&'r str, Apart)> {
    let counted = roads.iter().map(|road| {
        let counted = allocations(road);
        thread::sleep(PAUSE);
        counted
    });
    let mut apart: Vec<(&str, Apart)> = roads.iter().map(|road| road.name).zip(counted).collect();
    for _ in 0..rounds {
        for (road, (_, apart)) in roads.iter().zip(&mut apart) {
            apart.one.add(calls(road, &Meeting::of(1)));
        }
        thread::sleep(PAUSE);
        for (road, (_, apart)) in roads.iter().zip(&mut apart) {
            for times in pair.both(|meeting| calls(road, meeting)) {
                apart.two.add(times);
            }
        }
        thread::sleep(PAUSE);
    }
    apart
}

/// How the machine is for a thread beside which another is busy, as if it were an event.
fn same_work(meeting: &Meeting) -> Times {
    meeting.wait();
    Times {
        event: pace::now(),
        ..Times::default()
    }
}

/// One thread's part of a burst that is timed as a whole.
fn burst(road: &Road, meeting: &Meeting) -> Times {
    let events = meeting.share(road.burst);
    with_default(&road.dispatch, || {
        warm_up(road, events);
        meeting.wait();
        let start = Instant::now();
        (0..events).for_each(road.log);
        Times {
            event: start.elapsed().as_nanos() as f64 / events as f64,
            ..Times::default()
        }
    })
}

/// One thread's part of a burst whose calls are timed one by one, after a pause.
fn calls(road: &Road, meeting: &Meeting) -> Times {
    let events = meeting.share(road.burst);
    // In memory that has been touched, or the first call on each page would pay for it.
    let mut calls = vec![f64::MAX; events as usize];
    thread::sleep(NAP);
    with_default(&road.dispatch, || {
        let first = timed(road, 0);
        warm_up(road, events);
        meeting.wait();
        for (index, call) in (0..).zip(&mut calls) {
            *call = timed(road, index);
        }
        Times {
            calls,
            first,
            ..Times::default()
        }
    })
}

/// Leads a thread to where a burst meets it at work on this road, its caches full of it.
fn warm_up(road: &Road, events: u64) {
    let start = Instant::now();
    while start.elapsed() < WAKING {
        std::hint::spin_loop();
    }
    (0..events / PRELUDE).for_each(road.log);
}

/// Nanoseconds of one call.
fn timed(road: &Road, index: u64) -> f64 {
    let start = Instant::now();
    (road.log)(index);
    start.elapsed().as_nanos() as f64
}

/// Those of the logging thread.
fn allocations(road: &Road) -> Apart {
    let log = || (0..road.burst).for_each(road.log);
    let counted = with_default(&road.dispatch, || allocation_counter::measure(log));
    Apart {
        allocations: counted.count_total as f64 / road.burst as f64,
        bytes: counted.bytes_total as f64 / road.burst as f64,
        ..Apart::default()
    }
}

impl Calls {
    fn add(&mut self, times: Times) {
        self.each.extend(times.calls);
        self.first.push(times.first);
    }
}
