//! The server's section, from what its load generator printed.

use std::fs;
use std::path::Path;

use soliplex_benches::figures::{nanos, number, percent};
use soliplex_benches::options::Size;
use soliplex_benches::plot::{Plot, Shape};
use soliplex_benches::samples::Samples;
use soliplex_benches::section::{Bound, Section, Table};

use crate::load::{Drain, Run};

/// How `benches/report` names the runs, and what each was.
const SERVERS: [(&str, &str); 4] = [
    ("ingest-spool", SPOOL),
    ("ingest-passthrough", PASSTHROUGH),
    ("ingest-fastapi", "FastAPI + OpenTelemetry SDK"),
    ("ingest-rotel", "rotel, from OTLP JSON"),
];

const SPOOL: &str = "ours: spool";
const PASSTHROUGH: &str = "ours: passthrough";

/// How it names the drains; the second is of ten times the first one's backlog.
const BACKLOGS: [&str; 2] = ["ingest-backlog-1", "ingest-backlog-10"];

/// One server with what its rounds found.
struct Server {
    name: &'static str,
    rounds: Vec<Run>,
}

/// The section, if any run left something.
pub(crate) fn section(kept: &Path, size: Size) -> Option<Section> {
    let servers: Vec<Server> = SERVERS
        .into_iter()
        .map(|(id, name)| Server {
            name,
            rounds: texts(kept, id).iter().map(|text| Run::read(text)).collect(),
        })
        .collect();
    let rounds = servers.iter().map(|server| server.rounds.len()).max();
    let rounds = rounds.filter(|rounds| *rounds > 0)?;
    let measured: Vec<&Server> = servers.iter().filter(|it| !it.rounds.is_empty()).collect();
    let drains = BACKLOGS.map(|id| drain(&texts(kept, id)));

    let mut section = Section::new(
        "ingest",
        "Ingest: the server under load",
        &format!(
            "A server in a process of its own, posted batches of 100 records (about 55 KB) from 32 \
             sessions, each with its token, forwarding to an upstream that takes everything at \
             once. The servers take turns, each started anew; rounds: {rounds}. A round takes a \
             minute, so medians of all rounds are quoted, and ratios of those. CPU seconds are \
             those of the server's process. Clients and upstream share the machine with it, so \
             rates and waits are those of a machine that is full."
        ),
        "benches/report ingest",
    );
    section.size = size;
    section.paced([paces(kept)]);
    section.tables.push(costs(&measured));
    section.tables.push(answers(&measured));
    section.plots.push(costs_plot(&measured));
    section.plots.push(memory_plot(&measured));
    section.tables.push(growth(&drains));
    section.plots.push(growth_plot(&drains));
    hold_to_aims(&mut section, &servers, &drains);
    section.note(
        "The slower a server, the fewer records it was sent, as its row says; memory that grows \
         with the load is compared at different loads then.",
    );
    section.note(
        "FastAPI is the server as it was first sketched, in `benches/peers/`: a token check, a loop \
         over the records, the SDK's batch processor. rotel takes OTLP, checks no token, maps \
         nothing and keeps nothing on disk.",
    );
    for server in servers.iter().filter(|it| it.rounds.is_empty()) {
        let name = server.name;
        section.note(&format!(
            "SKIPPED: {name}: not installed (`benches/peers/install`), or it failed."
        ));
    }
    Some(section)
}

impl Server {
    fn median(&self, of: impl Fn(&Run) -> f64) -> f64 {
        median(self.rounds.iter().map(of))
    }
}

/// What every round of one run printed.
fn texts(kept: &Path, id: &str) -> Vec<String> {
    let rounds = (1..).map(|round| kept.join(format!("{id}.{round}.txt")));
    let texts = rounds.map_while(|path| fs::read_to_string(path).ok());
    texts.collect()
}

/// How the machine was before each run.
fn paces(kept: &Path) -> Samples {
    let text = fs::read_to_string(kept.join("ingest-pace.txt")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

fn drain(texts: &[String]) -> Drain {
    let rounds: Vec<Drain> = texts.iter().map(|text| Drain::read(text)).collect();
    Drain {
        records: median(rounds.iter().map(|drain| drain.records)),
        rate: median(rounds.iter().map(|drain| drain.rate)),
    }
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    Samples::from_iter(figures).median()
}

fn hold_to_aims(section: &mut Section, servers: &[Server], drains: &[Drain; 2]) {
    let found = |name: &str, of: fn(&Run) -> f64| {
        let server = servers.iter().find(|server| server.name == name);
        server.map_or(f64::NAN, |server| server.median(of))
    };
    let (unit, mib) = ("CPU-s per million", "MiB");
    for (what, most, reached, unit) in [
        ("spool", 4.5, found(SPOOL, |run| run.cpu), unit),
        ("passthrough", 3.0, found(PASSTHROUGH, |run| run.cpu), unit),
        ("memory under load", 40.0, found(SPOOL, |run| run.peak), mib),
        ("memory idle", 20.0, found(SPOOL, |run| run.idle), mib),
    ] {
        section.aim(what, Bound::AtMost(most), reached, unit);
    }
    let [slow, fast] = drains;
    section.aim(
        "drain of ten times the backlog, records a second",
        Bound::AtLeast(0.9),
        fast.rate / slow.rate,
        "",
    );
}

fn costs(servers: &[&Server]) -> Table {
    let columns = [
        "server",
        "records sent a round",
        "CPU seconds a million acknowledged",
        "to ours, spool",
        "arrived of acknowledged",
        "CPU seconds a million arrived",
        "memory, peak",
        "memory, idle",
    ];
    let mut table = Table::new("What a million records cost the server", columns);
    let ours = servers.iter().find(|server| server.name == SPOOL);
    let ours = ours.map_or(f64::NAN, |server| server.median(|run| run.cpu));
    for server in servers {
        let cpu = server.median(|run| run.cpu);
        table.row([
            server.name.to_owned(),
            number(server.median(|run| run.records)),
            number(cpu),
            format!("{}×", number(cpu / ours)),
            percent(server.median(|run| run.arrived)),
            number(server.median(|run| run.cpu / run.arrived)),
            format!("{} MiB", number(server.median(|run| run.peak))),
            format!("{} MiB", number(server.median(|run| run.idle))),
        ]);
    }
    table
}

fn answers(servers: &[&Server]) -> Table {
    let mut table = Table::new(
        "How it answers meanwhile",
        ["server", "records/s", "p50", "p99"],
    );
    for server in servers {
        table.row([
            server.name.to_owned(),
            number(server.median(|run| run.rate)),
            nanos(server.median(|run| run.p50)),
            nanos(server.median(|run| run.p99)),
        ]);
    }
    table
}

fn costs_plot(servers: &[&Server]) -> Plot {
    let groups = servers
        .iter()
        .map(|server| (server.name.to_owned(), vec![server.median(|run| run.cpu)]))
        .collect();
    Plot::new(
        "ingest-cpu",
        "The server's work for a million records",
        "CPU seconds a million acknowledged",
        Shape::Bars {
            series: vec!["CPU".to_owned()],
            groups,
        },
    )
}

fn memory_plot(servers: &[&Server]) -> Plot {
    let tenth = |run: &Run, place: usize| run.tenths.get(place).copied().unwrap_or(f64::NAN);
    let over_load = |server: &&Server| {
        let tenths = (0..10).map(|place| server.median(|run| tenth(run, place)));
        let sent = number(server.median(|run| run.records));
        (format!("{}, of {sent}", server.name), tenths.collect())
    };
    Plot::new(
        "ingest-memory",
        "The server's memory while the load goes on",
        "MiB resident",
        Shape::Lines {
            steps: "tenth of the records sent".to_owned(),
            ticks: (1..=10).map(|tenth| tenth.to_string()).collect(),
            series: servers.iter().map(over_load).collect(),
        },
    )
}

fn growth(drains: &[Drain; 2]) -> Table {
    let mut table = Table::new("Draining a backlog", ["records waiting", "records/s"]);
    for drain in drains {
        table.row([number(drain.records), number(drain.rate)]);
    }
    table
}

fn growth_plot(drains: &[Drain; 2]) -> Plot {
    let groups = drains
        .iter()
        .map(|drain| {
            (
                format!("{} waiting", number(drain.records)),
                vec![drain.rate],
            )
        })
        .collect();
    Plot::new(
        "ingest-backlog",
        "Draining a backlog and ten times as much",
        "records a second",
        Shape::Bars {
            series: vec!["drain".to_owned()],
            groups,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_quoted_by_their_median_and_absent_servers_by_name() {
        let kept = tempfile::tempdir().unwrap();
        for (round, cpu) in [(1, 9.0), (2, 4.0), (3, 5.0)] {
            let line = format!(
                "1000 records, 32 clients, spool, gzip: 50000 records/s; {cpu} CPU-s per million; \
                 answers p50 1ms p99 2ms max 3ms; peak 30 MiB, now 20 MiB resident\n"
            );
            let path = kept.path().join(format!("ingest-spool.{round}.txt"));
            fs::write(path, line).unwrap();
        }
        fs::write(kept.path().join("ingest-pace.txt"), "90.5\n80\n120\n").unwrap();
        let section = section(kept.path(), Size::Full).unwrap();
        assert_eq!(section.aims[0].reached, Some(5.0));
        let pace = section.pace.unwrap().to_text();
        assert!(pace.contains("took 90.5 ns"), "{pace}");
        assert!(section.measured.contains("rounds: 3"));
        assert!(
            section
                .notes
                .iter()
                .any(|it| it.starts_with("SKIPPED: rotel"))
        );
    }

    #[test]
    fn no_run_is_no_section() {
        let kept = tempfile::tempdir().unwrap();
        assert!(section(kept.path(), Size::Full).is_none());
    }
}
