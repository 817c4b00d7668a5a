//! What one event costs the thread that logs it: our road part by part, and beside its peers.
//!
//! All roads get the same event, five fields and a message, in one process, in turns; what is
//! quoted is the median over the rounds. A full queue would be measured for what refusing costs, so
//! events come in bursts that each queue can hold, with a pause in which it is emptied. The first
//! event after a pause, which pays for a thread that has slept, is timed apart, and so is what a
//! flood leaves of itself.
//!
//! ```text
//! cargo bench -p soliplex-benches --bench client                   # about five minutes
//! cargo bench -p soliplex-benches --bench client -- --quick        # half a minute
//! cargo bench -p soliplex-benches --bench client -- --quick "ours" # the roads so named
//! ```

#![allow(clippy::unwrap_used, reason = "a bench may be blunt")]

mod cost;
mod flood;
mod peers;
mod roads;
mod sink;

use soliplex_benches::figures::{bytes, nanos, number, percent};
use soliplex_benches::options::Options;
use soliplex_benches::plot::{Plot, Shape};
use soliplex_benches::section::{Bound, Section, Table};

use cost::Cost;
use roads::name;

fn main() -> std::io::Result<()> {
    let options = Options::from_args();
    let folder = tempfile::tempdir()?;
    let stage = roads::Stage::set(folder.path());
    let mut roads = stage.roads();
    roads.retain(|road| options.chooses(road.name));
    let costs = cost::measure(&roads, &options);
    let floods = match options.named {
        None => flood::measure(folder.path(), &options),
        Some(_) => Vec::new(),
    };

    let mut section = Section::new(
        "client",
        "Client: one event on the thread that logs it",
        "An event with five fields, whose texts change from one to the next, and a literal message \
         goes through each road, in bursts of 1,000 with pauses in which queues are emptied. The \
         roads take turns within one process; times are medians. Two threads log at once where \
         it says so, and share each burst. Allocations are those of the logging thread. Before a \
         burst a thread has been busy for 2 ms and has logged a tenth as many events, so that it \
         is met at work; what the very first event after a pause costs stands apart.",
        "cargo bench -p soliplex-benches --bench client",
    );
    section.tables.push(costs_table(&costs));
    section.tables.push(calls_table(&costs));
    section.plots.push(peers_plot(&costs));
    section.tables.push(parts_table(&costs));
    section.plots.push(parts_plot(&costs));
    if !floods.is_empty() {
        section.tables.push(floods_table(&floods));
        section.plots.push(floods_plot(&floods));
    }
    hold_to_aims(&mut section, &costs);
    section.note(
        "What comes after the queue differs. OpenTelemetry's exporter and sentry's transport count \
         and let go; ours has no server here, so that its worker stores every record on disk and \
         sends none, which is more work beside the bursts, not less. All of it happens on other \
         threads, most of it in the pauses.",
    );
    section.note(
        "A tail of single calls holds what the machine did meanwhile, too: that of `no subscriber` \
         and `registry only`, which do next to nothing, shows how much. So does the first event \
         after a pause, when no cache holds anything of the road.",
    );
    section.note(
        "A flood is logged as fast as two threads can, one event in a hundred a warning; kept is \
         what came out at the other end: the exporter, the transport, the file, or for ours a \
         server on loopback that the records were delivered to.",
    );
    section.note(
        "fmt to a file, without non_blocking, keeps everything because the application waits for \
         the disk.",
    );
    section.finish(&options)
}

fn median(costs: &[(&str, Cost)], name: &str, of: impl Fn(&Cost) -> f64) -> f64 {
    let found = costs.iter().find(|(known, _)| *known == name);
    found.map_or(f64::NAN, |(_, cost)| of(cost))
}

fn one(cost: &Cost) -> f64 {
    cost.one.events.median()
}

fn two(cost: &Cost) -> f64 {
    cost.two.events.median()
}

/// The median of single calls. Where two roads are subtracted it is steadier than that of bursts,
/// which hold the tail of a queue's file, and the clock's readings fall out.
fn call(cost: &Cost) -> f64 {
    cost.one.calls.median()
}

fn call_of_two(cost: &Cost) -> f64 {
    cost.two.calls.median()
}

fn costs_table(costs: &[(&str, Cost)]) -> Table {
    let mut table = Table::new(
        "One event",
        [
            "road",
            "one thread",
            "two threads",
            "allocations",
            "bytes",
            "to ours, all",
            "two threads",
        ],
    );
    let ours = [one, two].map(|of| median(costs, name::ALL, of));
    for (name, cost) in costs {
        table.row([
            (*name).to_owned(),
            nanos(one(cost)),
            nanos(two(cost)),
            number(cost.allocations),
            bytes(cost.bytes),
            format!("{}×", number(one(cost) / ours[0])),
            format!("{}×", number(two(cost) / ours[1])),
        ]);
    }
    table
}

fn calls_table(costs: &[(&str, Cost)]) -> Table {
    let columns = [
        "road",
        "one thread: p50",
        "p99",
        "p99.9",
        "first after a pause",
        "two threads: p50",
        "p99",
        "p99.9",
        "first",
    ];
    let mut table = Table::new("A single call, two readings of the clock included", columns);
    for (name, cost) in costs {
        let mut cells = vec![(*name).to_owned()];
        for times in [&cost.one, &cost.two] {
            cells.extend([0.5, 0.99, 0.999].map(|share| nanos(times.calls.quantile(share))));
            cells.push(nanos(times.first.median()));
        }
        table.rows.push(cells);
    }
    table
}

fn peers_plot(costs: &[(&str, Cost)]) -> Plot {
    let groups = costs
        .iter()
        .filter(|(known, _)| name::SIDE_BY_SIDE.contains(known))
        .map(|(name, cost)| ((*name).to_owned(), vec![one(cost), two(cost)]))
        .collect();
    let series = ["one thread", "two threads"].map(str::to_owned).to_vec();
    let shape = Shape::Bars { series, groups };
    Plot::new(
        "client-peers",
        "One event, peers side by side",
        "nanoseconds an event, median",
        shape,
    )
}

/// A part and what it adds.
type Part = (String, f64);

/// Each part is what the road with it costs more than the road without it.
fn parts(costs: &[(&str, Cost)], of: fn(&Cost) -> f64) -> Vec<Part> {
    let mut before = median(costs, name::NOTHING, of);
    let mut parts = Vec::new();
    for (part, road) in name::PARTS {
        let with = median(costs, road, of);
        parts.push((part.to_owned(), with - before));
        before = with;
    }
    parts
}

fn parts_table(costs: &[(&str, Cost)]) -> Table {
    let mut table = Table::new(
        "What each part adds to the parts above it: differences of medians of single calls",
        ["part", "one thread", "two threads"],
    );
    for ((part, one), (_, two)) in side_by_side(costs) {
        table.row([part, nanos(one), nanos(two)]);
    }
    table
}

/// Each part for one thread and for two.
fn side_by_side(costs: &[(&str, Cost)]) -> impl Iterator<Item = (Part, Part)> {
    parts(costs, call)
        .into_iter()
        .zip(parts(costs, call_of_two))
}

fn parts_plot(costs: &[(&str, Cost)]) -> Plot {
    let groups = side_by_side(costs)
        .map(|((part, one), (_, two))| (part, vec![one, two]))
        .collect();
    let series = ["one thread", "two threads"].map(str::to_owned).to_vec();
    Plot::new(
        "client-parts",
        "One event down our road: what each part adds",
        "nanoseconds a call, differences of medians",
        Shape::Bars { series, groups },
    )
}

fn floods_table(floods: &[flood::Flood]) -> Table {
    let mut table = Table::new(
        "A flood: how much of it is kept",
        [
            "road",
            "logged",
            "kept",
            "of all",
            "of warnings",
            "an event",
        ],
    );
    for flood in floods {
        table.row([
            flood.name.to_owned(),
            number(flood.logged.all as f64),
            number(flood.kept.all as f64),
            percent(flood.kept.all as f64 / flood.logged.all as f64),
            percent(flood.kept.warnings as f64 / flood.logged.warnings as f64),
            nanos(flood.nanos),
        ]);
    }
    table
}

fn floods_plot(floods: &[flood::Flood]) -> Plot {
    let share = |kept: u64, logged: u64| 100.0 * kept as f64 / logged as f64;
    let groups = floods
        .iter()
        .map(|flood| {
            let all = share(flood.kept.all, flood.logged.all);
            let warnings = share(flood.kept.warnings, flood.logged.warnings);
            (flood.name.to_owned(), vec![all, warnings])
        })
        .collect();
    let series = ["of all records", "of warnings"]
        .map(str::to_owned)
        .to_vec();
    let shape = Shape::Bars { series, groups };
    Plot::new("client-flood", "What is kept of a flood", "per cent", shape)
}

fn hold_to_aims(section: &mut Section, costs: &[(&str, Cost)]) {
    let all = |of: fn(&Cost) -> f64| median(costs, name::ALL, of);
    for (what, road, most, of) in [
        (
            "all of ours / opentelemetry batch, one thread",
            name::OTEL,
            0.6,
            one as fn(&Cost) -> f64,
        ),
        (
            "all of ours / opentelemetry batch, two threads",
            name::OTEL,
            0.6,
            two,
        ),
        (
            "all of ours / fmt json through non_blocking, one thread",
            name::NON_BLOCKING,
            0.2,
            one,
        ),
        (
            "all of ours / fmt json through non_blocking, two threads",
            name::NON_BLOCKING,
            0.2,
            two,
        ),
    ] {
        let ratio = all(of) / median(costs, road, of);
        section.aim(what, Bound::AtMost(most), ratio, "");
    }
    let allocations = all(|cost| cost.allocations);
    section.aim(
        "allocations, all of ours",
        Bound::AtMost(0.0),
        allocations,
        "an event",
    );
    for (what, tail) in [
        (
            "p99.9 of a call, all of ours, one thread",
            all(|cost| cost.one.calls.quantile(0.999)),
        ),
        (
            "p99.9 of a call, all of ours, two threads",
            all(|cost| cost.two.calls.quantile(0.999)),
        ),
    ] {
        section.aim(what, Bound::AtMost(5.0), tail / 1e3, "µs");
    }
    for (threads, of) in [
        ("one thread", call as fn(&Cost) -> f64),
        ("two threads", call_of_two),
    ] {
        let added =
            |with: &str, without: &str| median(costs, with, of) - median(costs, without, of);
        let root = added(name::ROOT_STANDARD, name::REGISTRY);
        let what = format!("root with the standard rules, added to an event, {threads}");
        section.aim(&what, Bound::AtMost(150.0), root, "ns");
        // Without the queue, whose tail is larger than what is looked for.
        let crumbs = added(name::ROOT_CRUMBS, name::ROOT_STANDARD);
        let what = format!("breadcrumbs, added to an event, {threads}");
        section.aim(&what, Bound::AtMost(60.0), crumbs, "ns");
    }
}
