//! What was measured, as tables and plots.

use soliplex_benches::contest::Results;
use soliplex_benches::figures::{bytes, nanos, number, percent};
use soliplex_benches::plot::{Plot, Shape};
use soliplex_benches::samples::Samples;
use soliplex_benches::section::{Section, Table};

use crate::aims::{ADDED, PEERS};
use crate::cost::Costs;
use crate::flood::Flood;
use crate::roads::name;

/// Each road's cost, beside ours and part by part.
pub(crate) fn of_costs(section: &mut Section, costs: &Costs<'_>) {
    section.tables.push(events(costs));
    section.tables.push(calls(costs));
    section.plots.push(peers_plot(costs));
    section.tables.push(parts(costs));
    section.plots.push(parts_plot(costs));
    section.tables.push(halves(costs));
}

/// What floods left of themselves.
pub(crate) fn of_floods(section: &mut Section, floods: &[Flood]) {
    section.tables.push(floods_table(floods));
    section.plots.push(floods_plot(floods));
}

fn events(costs: &Costs<'_>) -> Table {
    let columns = [
        "road",
        "one thread",
        "two threads",
        "allocations",
        "bytes",
        "to ours, all",
        "two threads",
    ];
    let mut table = Table::new("One event", columns);
    for (name, apart) in &costs.apart {
        let [one, two] = [&costs.one, &costs.two].map(|threads| threads.median(name));
        let to_ours = [&costs.one, &costs.two].map(|threads| threads.ratio(name, name::ALL));
        let [to_ours, to_ours_of_two] = to_ours.map(|ratio| format!("{}×", number(ratio.median())));
        table.row([
            (*name).to_owned(),
            nanos(one),
            nanos(two),
            number(apart.allocations),
            bytes(apart.bytes),
            to_ours,
            to_ours_of_two,
        ]);
    }
    table
}

fn calls(costs: &Costs<'_>) -> Table {
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
    for (name, apart) in &costs.apart {
        let mut cells = vec![(*name).to_owned()];
        for calls in [&apart.one, &apart.two] {
            cells.extend([0.5, 0.99, 0.999].map(|share| nanos(calls.each.quantile(share))));
            cells.push(nanos(calls.first.median()));
        }
        table.rows.push(cells);
    }
    table
}

fn peers_plot(costs: &Costs<'_>) -> Plot {
    let groups = costs
        .one
        .names()
        .filter(|known| name::SIDE_BY_SIDE.contains(known))
        .map(|name| {
            let times = vec![costs.one.median(name), costs.two.median(name)];
            (name.to_owned(), times)
        })
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

fn parts(costs: &Costs<'_>) -> Table {
    let columns = [
        "part",
        "one thread",
        "half of the rounds within",
        "two threads",
        "half of the rounds within",
    ];
    let caption = "What each part adds to an event: differences between roads within a round";
    let mut table = Table::new(caption, columns);
    for (part, added) in added(costs) {
        let mut cells = vec![part.to_owned()];
        for rounds in added {
            let [low, high] = [0.25, 0.75].map(|share| nanos(rounds.quantile(share)));
            cells.extend([nanos(rounds.median()), format!("{low} to {high}")]);
        }
        table.rows.push(cells);
    }
    table
}

/// A phase of the machine slows one kind of code more than another, so a ratio within a round, too,
/// is that of a machine that is quiet, or of one that is not.
fn halves(costs: &Costs<'_>) -> Table {
    let columns = [
        "compared",
        "one thread: quieter half",
        "other half",
        "two threads: quieter half",
        "other half",
    ];
    let caption = "The same in the quieter half of the rounds, and in the other";
    let mut table = Table::new(caption, columns);
    let halves = [&costs.one, &costs.two].map(Results::halves);
    let halves = halves.as_flattened();
    for (peer, road, _) in PEERS {
        let mut cells = vec![format!("all of ours / {peer}")];
        let ratio = |half: &Results| number(half.ratio(name::ALL, road).median());
        cells.extend(halves.iter().map(ratio));
        table.rows.push(cells);
    }
    for (part, with, without, _) in ADDED {
        let mut cells = vec![format!("{part}, added")];
        let added = |half: &Results| nanos(half.difference(with, without).median());
        cells.extend(halves.iter().map(added));
        table.rows.push(cells);
    }
    table
}

fn parts_plot(costs: &Costs<'_>) -> Plot {
    let groups = added(costs)
        .map(|(part, added)| {
            (
                part.to_owned(),
                added.map(|rounds| rounds.median()).to_vec(),
            )
        })
        .collect();
    let series = ["one thread", "two threads"].map(str::to_owned).to_vec();
    Plot::new(
        "client-parts",
        "One event down our road: what each part adds",
        "nanoseconds an event, median of differences",
        Shape::Bars { series, groups },
    )
}

/// Each part with what the road that has it costs more, for one thread and for two.
fn added(costs: &Costs<'_>) -> impl Iterator<Item = (&'static str, [Samples; 2])> {
    name::PARTS.into_iter().map(|(part, with, without)| {
        let threads = [&costs.one, &costs.two];
        (
            part,
            threads.map(|threads| threads.difference(with, without)),
        )
    })
}

fn floods_table(floods: &[Flood]) -> Table {
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

fn floods_plot(floods: &[Flood]) -> Plot {
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
