//! The server's section, read from what its load generator printed.
//!
//! `soliplex-ingest/examples/load.rs` drives a server in a process of its own, so its figures come
//! as lines of text, one file a run.

use std::error::Error;
use std::fs;
use std::path::Path;

use soliplex_benches::figures::{nanos, number, percent};
use soliplex_benches::plot::{Plot, Shape};
use soliplex_benches::section::{Bound, Section, Table};

/// The files of `benches/report`, and what each run was.
const RUNS: [(&str, &str); 4] = [
    ("ingest-spool", "ours: spool"),
    ("ingest-passthrough", "ours: passthrough"),
    ("ingest-fastapi", "FastAPI + OpenTelemetry SDK"),
    ("ingest-rotel", "rotel, from OTLP JSON"),
];

/// The files of the drains, and what is behind them; the second is ten times the first.
const BACKLOGS: [&str; 2] = ["ingest-backlog-1", "ingest-backlog-10"];

/// What one run found; NaN where its output has no such figure.
#[derive(Debug)]
struct Run {
    name: &'static str,
    rate: f64,
    cpu: f64,
    p50: f64,
    p99: f64,
    peak: f64,
    idle: f64,
    /// The share of acknowledged records that came out at the other end.
    arrived: f64,
}

/// The section, if any run left something.
pub(crate) fn section(folder: &Path) -> Result<Option<Section>, Box<dyn Error>> {
    let text = |id: &str| fs::read_to_string(folder.join(id).with_extension("txt"));
    let runs: Vec<Run> = RUNS
        .into_iter()
        .filter_map(|(id, name)| Some(Run::read(name, &text(id).ok()?)))
        .collect();
    if runs.is_empty() {
        return Ok(None);
    }
    let mut section = Section::new(
        "ingest",
        "Ingest: the server under load",
        "A server in a process of its own, posted batches of 100 records (about 55 KB) from 32 \
         sessions, each with its token, forwarding to an upstream that takes everything at once. \
         CPU seconds are those of the server's process. Clients and upstream share the machine \
         with it, so rates and waits are those of a machine that is full.",
        "cargo run --release -p soliplex-ingest --example load -- target/release/soliplex-ingest",
    );
    section.tables.push(table(&runs));
    section.plots.push(plot(&runs));
    let found = |name: &str, of: fn(&Run) -> f64| {
        runs.iter()
            .find(|run| run.name == name)
            .map_or(f64::NAN, of)
    };
    section.aim(
        "spool",
        Bound::AtMost(4.5),
        found("ours: spool", |run| run.cpu),
        "CPU-s per million",
    );
    section.aim(
        "passthrough",
        Bound::AtMost(3.0),
        found("ours: passthrough", |run| run.cpu),
        "CPU-s per million",
    );
    section.aim(
        "memory under load",
        Bound::AtMost(40.0),
        found("ours: spool", |run| run.peak),
        "MiB",
    );
    section.aim(
        "memory idle",
        Bound::AtMost(20.0),
        found("ours: spool", |run| run.idle),
        "MiB",
    );
    let drains = BACKLOGS.map(|id| text(id).map_or((f64::NAN, f64::NAN), |text| drained(&text)));
    section.tables.push(growth(&drains));
    let [(_, slow), (_, fast)] = drains;
    section.aim(
        "drain of ten times the backlog, records a second",
        Bound::AtLeast(0.9),
        fast / slow,
        "",
    );
    section.plots.push(growth_plot(&drains));
    section.note(
        "FastAPI is the server as it was first sketched, in `benches/peers/`: a token check, a loop \
         over the records, the SDK's batch processor. rotel takes OTLP, checks no token, maps \
         nothing and keeps nothing on disk.",
    );
    section.quick = folder.join("quick").exists();
    for (id, name) in RUNS {
        if text(id).is_err() {
            section.note(&format!(
                "SKIPPED: {name}; `benches/peers/install` sets it up."
            ));
        }
    }
    Ok(Some(section))
}

impl Run {
    fn read(name: &'static str, text: &str) -> Run {
        let acknowledged = before(text, " acknowledged");
        Run {
            name,
            rate: before(text, " records/s; "),
            cpu: last_line(text, "answers")
                .map_or(f64::NAN, |line| before(line, " CPU-s per million")),
            p50: duration(text, "p50 "),
            p99: duration(text, "p99 "),
            peak: after(text, "peak "),
            idle: after(text, "idle: "),
            arrived: before(text, " records of ") / acknowledged,
        }
    }
}

/// Records waiting and records a second, of a run with a backlog.
fn drained(text: &str) -> (f64, f64) {
    let Some(line) = text.lines().find(|line| line.starts_with("drained ")) else {
        return (f64::NAN, f64::NAN);
    };
    (after(line, "drained "), before(line, " records/s"))
}

fn last_line<'t>(text: &'t str, holding: &str) -> Option<&'t str> {
    text.lines().rfind(|line| line.contains(holding))
}

/// The number that ends where `mark` begins.
fn before(text: &str, mark: &str) -> f64 {
    let word = text
        .split(mark)
        .next()
        .filter(|head| head.len() < text.len());
    let word = word.and_then(|head| head.split_whitespace().next_back());
    word.and_then(|word| word.parse().ok()).unwrap_or(f64::NAN)
}

/// The number that begins where `mark` ends.
fn after(text: &str, mark: &str) -> f64 {
    let word = text
        .split_once(mark)
        .and_then(|(_, rest)| rest.split_whitespace().next());
    word.and_then(|word| word.parse().ok()).unwrap_or(f64::NAN)
}

/// A duration as Rust prints it, in nanoseconds.
fn duration(text: &str, mark: &str) -> f64 {
    let Some(word) = text
        .split_once(mark)
        .and_then(|(_, rest)| rest.split_whitespace().next())
    else {
        return f64::NAN;
    };
    let split = word.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let (figure, unit) = word.split_at(split.unwrap_or(word.len()));
    let scale = match unit {
        "ns" => 1.0,
        "µs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        _ => f64::NAN,
    };
    figure
        .parse()
        .map_or(f64::NAN, |figure: f64| figure * scale)
}

fn table(runs: &[Run]) -> Table {
    let mut table = Table::new(
        "A million records",
        [
            "server",
            "CPU seconds",
            "records/s",
            "p50",
            "p99",
            "memory, peak",
            "memory, idle",
            "arrived of acknowledged",
        ],
    );
    for run in runs {
        table.row([
            run.name.to_owned(),
            number(run.cpu),
            number(run.rate),
            nanos(run.p50),
            nanos(run.p99),
            format!("{} MiB", number(run.peak)),
            format!("{} MiB", number(run.idle)),
            percent(run.arrived),
        ]);
    }
    table
}

fn plot(runs: &[Run]) -> Plot {
    let groups = runs
        .iter()
        .map(|run| (run.name.to_owned(), vec![run.cpu]))
        .collect();
    let series = vec!["CPU".to_owned()];
    Plot::new(
        "ingest-cpu",
        "The server's work for a million records",
        "CPU seconds",
        Shape::Bars { series, groups },
    )
}

fn growth(drains: &[(f64, f64); 2]) -> Table {
    let mut table = Table::new("Draining a backlog", ["records waiting", "records/s"]);
    for (waiting, rate) in drains {
        table.row([number(*waiting), number(*rate)]);
    }
    table
}

fn growth_plot(drains: &[(f64, f64); 2]) -> Plot {
    let shape = Shape::Bars {
        series: vec!["drain".to_owned()],
        groups: drains
            .iter()
            .map(|(waiting, rate)| (format!("{} waiting", number(*waiting)), vec![*rate]))
            .collect(),
    };
    Plot::new(
        "ingest-backlog",
        "Draining a backlog and ten times as much",
        "records a second",
        shape,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "idle: 14 MiB resident\n\
        drained 20000 records in 1.2s: 16000 records/s, 3.10 CPU-s per million\n\
        500000 records, 32 clients, spool, gzip: 61234 records/s; 4.20 CPU-s per million; \
        answers p50 12.5ms p99 1.2s max 2.0s; peak 39 MiB, now 21 MiB resident\n\
        upstream: 5 requests, 10 bytes, 250000 records of 500000 acknowledged\n";

    #[test]
    fn every_figure_is_found_in_what_the_load_generator_prints() {
        let run = Run::read("ours", PRINTED);
        let found = [
            run.rate,
            run.cpu,
            run.p50,
            run.p99,
            run.peak,
            run.idle,
            run.arrived,
        ];
        assert_eq!(found, [61234.0, 4.2, 12.5e6, 1.2e9, 39.0, 14.0, 0.5]);
        assert_eq!(drained(PRINTED), (20000.0, 16000.0));
    }

    #[test]
    fn what_was_not_printed_is_no_figure() {
        let run = Run::read("ours", "nothing of the kind");
        assert!(run.cpu.is_nan() && run.p99.is_nan() && run.arrived.is_nan());
    }
}
