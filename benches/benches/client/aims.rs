//! What the cost of an event is held to.

use soliplex_benches::section::{Bound, Section};

use crate::cost::{Calls, Costs};
use crate::roads::name;

/// What all of ours may cost of what a peer's road costs.
pub(crate) const PEERS: [(&str, &str, f64); 2] = [
    ("opentelemetry batch", name::OTEL, 0.6),
    ("fmt json through non_blocking", name::NON_BLOCKING, 0.2),
];

/// What the longest call of a thousand may take, in microseconds.
const TAIL_MICROS: f64 = 5.0;

/// What a part may add to an event, in nanoseconds.
pub(crate) const ADDED: [(&str, &str, &str, f64); 2] = [
    (
        "root with the standard rules",
        name::ROOT_STANDARD,
        name::REGISTRY,
        150.0,
    ),
    ("breadcrumbs", name::ALL, name::ROOT_RING, 60.0),
];

pub(crate) fn hold(section: &mut Section, costs: &Costs<'_>) {
    let times = [("one thread", &costs.one), ("two threads", &costs.two)];
    for (peer, road, most) in PEERS {
        for (threads, times) in times {
            let what = format!("all of ours / {peer}, {threads}");
            let ratio = times.ratio(name::ALL, road);
            section.aim_by_round(&what, Bound::AtMost(most), &ratio, "");
        }
    }
    let all = costs.apart.iter().find(|(road, _)| *road == name::ALL);
    let all = all.map(|(_, apart)| apart);
    section.aim(
        "allocations, all of ours",
        Bound::AtMost(0.0),
        all.map_or(f64::NAN, |all| all.allocations),
        "an event",
    );
    let tail = |calls: &Calls| calls.each.quantile(0.999) / 1e3;
    for (threads, tail) in [
        ("one thread", all.map(|all| tail(&all.one))),
        ("two threads", all.map(|all| tail(&all.two))),
    ] {
        let what = format!("p99.9 of a call, all of ours, {threads}");
        let tail = tail.unwrap_or(f64::NAN);
        section.aim(&what, Bound::AtMost(TAIL_MICROS), tail, "µs");
    }
    for (part, with, without, most) in ADDED {
        for (threads, times) in times {
            let what = format!("{part}, added to an event, {threads}");
            let added = times.difference(with, without);
            section.aim_by_round(&what, Bound::AtMost(most), &added, "ns");
        }
    }
}
