//! What durability costs: the spool beside a bare file that is appended to and synced, which is
//! as fast as a disk lets anyone be, and beside two stores that could have been taken instead.
//!
//! ```text
//! cargo bench -p soliplex-benches --features peers --bench spool            # about two minutes
//! cargo bench -p soliplex-benches --features peers --bench spool -- --quick # a tenth of it
//! ```
//!
//! Every store keeps the same records of 500 bytes, in the same number a commit, and every commit
//! is on disk when it returns. A store is emptied before it holds more than a device's does by default.
//! They take turns on a disk that is shared with whatever else runs.
//! Before that each is filled with a million records and drained as the worker would, a batch at a
//! time, in turns of a tenth: the last tenth must go as fast as the first. The folder is `SPOOL_BENCH_DIR` or the system's
//! temporary one; mind that the latter may be in memory.

#![allow(clippy::unwrap_used, reason = "a bench may be blunt")]

// The spool is private to its crate; its source is compiled here as it stands, which leaves the
// crate without a door that only a bench would use.
#[path = "../../../tracing-soliplex/src"]
#[allow(dead_code, unused_imports, unreachable_pub)]
mod client {
    pub(crate) mod spool;
}

mod backlog;
mod drain;
mod stores;

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use soliplex_benches::contest::{Contest, Results};
use soliplex_benches::figures::{bytes, nanos, number, percent};
use soliplex_benches::options::Options;
use soliplex_benches::plot::{Plot, Shape};
use soliplex_benches::section::{Bound, Section, Table};

use backlog::{TENTHS, Turn};
use drain::Drain;
use stores::{BARE, OURS, Open, RECORD_BYTES, Store};

/// Records a commit.
const SIZES: [usize; 4] = [1, 32, 256, 2048];

/// The size the aim is about, and the share of the bare file's speed it wants.
const AIMED: usize = 256;
const SHARE: f64 = 0.6;

/// Bytes of records at which a store is emptied: the spool keeps 10 MB by default.
const FULL_BYTES: usize = 8_000_000;

fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [first, rest @ ..] = &words[..]
        && first == backlog::ARGUMENT
    {
        return backlog::work(rest);
    }
    let options = Options::from_args();
    let root: PathBuf =
        std::env::var_os("SPOOL_BENCH_DIR").map_or_else(std::env::temp_dir, Into::into);
    let turn = Duration::from_millis(options.pick(5, 80, 500));
    let rounds = options.pick(1, 3, 5);
    let backlog = options.pick(2_000, 100_000, 1_000_000);
    let drained = drain::measure(&root, backlog, &options);
    let sizes: [(usize, Results); SIZES.len()] =
        SIZES.map(|records| (records, contest(&root, records, turn).run(rounds, &options)));

    let mut section = Section::new(
        "spool",
        "Spool: records on disk",
        "Records of 500 bytes, so many a commit, each commit on disk when it returns; records a \
         second. The stores take turns within one process. A store is emptied \
         whenever it holds 8 MB, somewhat less than the spool keeps by default. Keeping up means \
         that each commit that stores is followed by one that takes out what was delivered. A \
         backlog is filled and drained once, each store in a process of its own, and the stores \
         take turns of a tenth.",
        "cargo bench -p soliplex-benches --features peers --bench spool",
    );
    section.paced(sizes.each_ref().map(|(_, rates)| rates.paces()));
    section.tables.push(rates(&sizes));
    section.plots.push(rates_plot(&sizes));
    section.tables.push(drains(&drained));
    section.plots.push(drains_plot(&drained));
    section.plots.push(growth_plot(
        "spool-files",
        "Files while a backlog is filled, then drained",
        &drained,
        |turn| turn.files,
    ));
    section.plots.push(growth_plot(
        "spool-memory",
        "Memory while a backlog is filled, then drained",
        &drained,
        |turn| turn.memory,
    ));
    let aimed = sizes.iter().find(|(records, _)| *records == AIMED);
    let share = aimed.map(|(_, rates)| rates.ratio(OURS, BARE));
    section.aim_by_round(
        "append / bare file, 256 a commit",
        Bound::AtLeast(SHARE),
        &share.unwrap_or_default(),
        "",
    );
    if let Some(ours) = drained.iter().find(|drain| drain.name == OURS) {
        let evenness = ours.last_to_first();
        section.aim(
            "drain, last tenth / first",
            Bound::AtLeast(0.9),
            evenness,
            "",
        );
    }
    if let Some((_, rates)) = sizes.first() {
        let sync = nanos(1e9 / rates.median(BARE));
        section.note(&format!(
            "The bare file took {sync} for a record and its sync. The longer the disk takes to \
             sync, the closer every store comes to the bare file."
        ));
    }
    section.note(
        "Memory is what the store's process holds beyond what it held before it knew the store; a \
         mapped file counts where it was touched. Peaks are counted anew when the store is opened \
         again.",
    );
    if !cfg!(feature = "peers") {
        section.note("SKIPPED: SQLite and fjall, which need `--features peers`.");
    }
    section.finish(&options)
}

fn contest<'a>(root: &'a Path, records: usize, turn: Duration) -> Contest<'a> {
    let mut contest = Contest::new();
    contest.enter(BARE, move || {
        let folder = tempfile::tempdir_in(root).unwrap();
        let mut append = stores::bare_file(folder.path(), records);
        rate(records, turn, &mut append)
    });
    for (name, open) in stores::ALL {
        contest.enter(name, move || {
            let folder = tempfile::tempdir_in(root).unwrap();
            append(open(folder.path()).as_mut(), records, turn)
        });
        contest.enter(&keeping_up(name), move || {
            let folder = tempfile::tempdir_in(root).unwrap();
            keep_up(*open, folder.path(), records, turn)
        });
    }
    contest
}

fn keeping_up(name: &str) -> String {
    format!("{name}, keeping up")
}

/// A device without a network. What is in the store by then is emptied out, untimed, whenever it
/// nears what a device keeps by default.
fn append(store: &mut dyn Store, records: usize, turn: Duration) -> f64 {
    let (mut spent, mut stored, mut inside) = (Duration::ZERO, 0, 0);
    while spent < turn {
        let start = Instant::now();
        store.append(records);
        spent += start.elapsed();
        (stored, inside) = (stored + records, inside + records);
        if inside * RECORD_BYTES > FULL_BYTES {
            while store.take(1_000) > 0 {}
            inside = 0;
        }
    }
    stored as f64 / spent.as_secs_f64()
}

/// A device with a network: nothing stays for long.
fn keep_up(open: Open, folder: &Path, records: usize, turn: Duration) -> f64 {
    let mut store = open(folder);
    rate(records, turn, &mut || {
        store.append(records);
        let taken = store.take(records);
        assert_eq!(taken, records, "what was stored is there");
    })
}

/// Runs commits for one turn and returns records per second.
fn rate(records: usize, turn: Duration, commit: &mut dyn FnMut()) -> f64 {
    let start = Instant::now();
    let mut commits = 0;
    while start.elapsed() < turn {
        commit();
        commits += 1;
    }
    (commits * records) as f64 / start.elapsed().as_secs_f64()
}

fn rates(sizes: &[(usize, Results)]) -> Table {
    let columns = ["store", "1 a commit", "32", "256", "2048"];
    let caption =
        format!("Records of {RECORD_BYTES} bytes a second, and as a share of the bare file");
    let mut table = Table::new(&caption, columns);
    let names = sizes
        .first()
        .into_iter()
        .flat_map(|(_, rates)| rates.names());
    for name in names {
        let mut cells = vec![name.to_owned()];
        cells.extend(sizes.iter().map(|(_, rates)| {
            let share = rates.ratio(name, BARE).median();
            format!("{} ({})", number(rates.median(name)), number(share))
        }));
        table.rows.push(cells);
    }
    table
}

fn rates_plot(sizes: &[(usize, Results)]) -> Plot {
    let names: Vec<&str> = stores::ALL.iter().map(|(name, _)| *name).collect();
    let groups = sizes
        .iter()
        .map(|(records, rates)| {
            let share = |name: &&str| 100.0 * rates.ratio(name, BARE).median();
            (
                format!("{records} a commit"),
                names.iter().map(share).collect(),
            )
        })
        .collect();
    let series = names.iter().map(|name| (*name).to_owned()).collect();
    let shape = Shape::Bars { series, groups };
    Plot::new(
        "spool-append",
        "Durable appends",
        "per cent of a bare file, appended to and synced",
        shape,
    )
}

fn drains(drained: &[Drain]) -> Table {
    let mut table = Table::new(
        "Filled, closed, opened, and drained a hundred at a time",
        [
            "store",
            "filled at",
            "opened in",
            "first tenth",
            "last tenth",
            "last / first",
            "files full",
            "files drained",
            "memory filling",
            "memory draining",
        ],
    );
    for drain in drained {
        let rates = drain.rates();
        let rate = |tenth: Option<&f64>| format!("{}/s", number(*tenth.unwrap_or(&f64::NAN)));
        let peak = |turn: Option<&Turn>| bytes(turn.map_or(f64::NAN, |turn| turn.peak as f64));
        table.row([
            format!("{}, {} records", drain.name, number(drain.records as f64)),
            format!("{}/s", number(drain.fill_rate())),
            nanos(drain.opening.seconds * 1e9),
            rate(rates.first()),
            rate(rates.last()),
            percent(drain.last_to_first()),
            bytes(drain.full_bytes() as f64),
            bytes(drain.closing.files as f64),
            peak(drain.filling.last()),
            peak(drain.draining.last()),
        ]);
    }
    table
}

fn drains_plot(drained: &[Drain]) -> Plot {
    let shape = Shape::Lines {
        steps: "tenth of the backlog".to_owned(),
        ticks: (1..=TENTHS).map(|tenth| tenth.to_string()).collect(),
        series: drained
            .iter()
            .map(|drain| (drain.name.to_owned(), drain.rates()))
            .collect(),
    };
    Plot::new(
        "spool-drain",
        "Draining a backlog",
        "records a second, a hundred a commit",
        shape,
    )
}

fn growth_plot(id: &str, title: &str, drained: &[Drain], of: fn(&Turn) -> u64) -> Plot {
    let ticks = |sign: &'static str| (1..=TENTHS).map(move |tenth| format!("{sign}{tenth}"));
    let shape = Shape::Lines {
        steps: "tenth filled (+), tenth drained (-)".to_owned(),
        ticks: ticks("+").chain(ticks("-")).collect(),
        series: drained
            .iter()
            .map(|drain| (drain.name.to_owned(), drain.each(of)))
            .collect(),
    };
    Plot::new(id, title, "bytes", shape)
}
