//! One store's backlog, in the process that has nothing else to do.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::stores::{self, Open, Store};

/// The word that makes this program such a process; a store's name, a number of records and a folder
/// follow.
pub(crate) const ARGUMENT: &str = "--backlog";

/// Turns of filling, and of draining.
pub(crate) const TENTHS: usize = 10;

/// Records stored in one commit while filling, and taken in one while draining.
const FILL: usize = 2_000;
const TAKE: usize = 100;

/// What one turn took, and what the store takes up at its end.
#[derive(Serialize, Deserialize)]
pub(crate) struct Turn {
    pub(crate) seconds: f64,
    /// Bytes of the files.
    pub(crate) files: u64,
    /// Bytes of memory beyond what the process held before it knew the store: now, and at most since
    /// the store was last opened.
    pub(crate) memory: u64,
    pub(crate) peak: u64,
}

/// Fills the store, closes and opens it, drains it and makes it small; a turn for each line on
/// standard input, an answer for each on standard output.
pub(crate) fn work(words: &[String]) -> io::Result<()> {
    let [name, records, folder] = words else {
        return Err(io::Error::other("expected a store, a number, a folder"));
    };
    let (_, open) = stores::ALL.iter().find(|(known, _)| known == name).unwrap();
    let tenth = records.parse::<usize>().unwrap() / TENTHS;
    let mut backlog = Backlog {
        folder: Path::new(folder),
        open: *open,
        store: None,
        before: status("VmRSS:"),
    };
    for _ in 0..TENTHS {
        wait()?;
        backlog.turn(|store| {
            let commit = FILL.min(tenth);
            (0..tenth / commit).for_each(|_| store.append(commit));
        })?;
    }
    wait()?;
    backlog.close();
    backlog.turn(|_| ())?;
    for _ in 0..TENTHS {
        wait()?;
        backlog.turn(|store| {
            let mut taken = 0;
            while taken < tenth {
                let batch = store.take(TAKE.min(tenth));
                assert!(batch > 0, "{name} has all that was stored");
                taken += batch;
            }
        })?;
    }
    wait()?;
    backlog.turn(|store| store.tidy())
}

/// Until it is this process's turn.
fn wait() -> io::Result<()> {
    if io::stdin().read_line(&mut String::new())? == 0 {
        return Err(io::Error::other("whoever gave the turns is gone"));
    }
    Ok(())
}

struct Backlog<'a> {
    folder: &'a Path,
    open: Open,
    store: Option<Box<dyn Store>>,
    /// Bytes of memory before the store was there.
    before: u64,
}

impl Backlog<'_> {
    /// Does the work, opening the store if need be, and answers.
    fn turn(&mut self, work: impl FnOnce(&mut dyn Store)) -> io::Result<()> {
        let start = Instant::now();
        let store = self.store.get_or_insert_with(|| (self.open)(self.folder));
        work(store.as_mut());
        let turn = Turn {
            seconds: start.elapsed().as_secs_f64(),
            files: bytes_on_disk(self.folder),
            memory: status("VmRSS:").saturating_sub(self.before),
            peak: status("VmHWM:").saturating_sub(self.before),
        };
        println!("{}", serde_json::to_string(&turn)?);
        io::stdout().flush()
    }

    /// Linux keeps the most memory a process ever held, and forgets it when asked; elsewhere the
    /// figure is missing.
    fn close(&mut self) {
        self.store = None;
        let _ = fs::write("/proc/self/clear_refs", "5");
    }
}

/// Bytes of all files below, as the disk counts them: a sparse file takes what is written in it.
fn bytes_on_disk(folder: &Path) -> u64 {
    #[cfg(unix)]
    use std::os::unix::fs::MetadataExt as _;

    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => bytes_on_disk(&entry.path()),
            #[cfg(unix)]
            Ok(found) => found.blocks() * 512,
            #[cfg(not(unix))]
            Ok(found) => found.len(),
            Err(_) => 0,
        })
        .sum()
}

/// A line of the process's status, in bytes; zero where there is none.
fn status(line: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find_map(|found| found.strip_prefix(line));
    let kib = found.and_then(|rest| rest.split_whitespace().next());
    kib.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
}
