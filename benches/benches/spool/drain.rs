//! A backlog filled and drained: whether its end is as fast as its beginning, and what it leaves.

use std::fs;
use std::path::Path;
use std::time::Instant;

use soliplex_benches::options::Options;

use crate::stores::{self, Open};

/// Records stored in one commit while filling, and taken in one while draining.
const FILL: usize = 2_000;
const TAKE: usize = 100;

/// What became of one store's backlog.
pub(crate) struct Drain {
    pub(crate) name: &'static str,
    pub(crate) records: usize,
    /// Records a second.
    pub(crate) fill_rate: f64,
    pub(crate) open_nanos: f64,
    /// Records a second, tenth by tenth.
    pub(crate) tenths: Vec<f64>,
    pub(crate) full_bytes: u64,
    pub(crate) drained_bytes: u64,
    /// Bytes held at most while draining, beyond those held before.
    pub(crate) memory: u64,
}

impl Drain {
    pub(crate) fn last_to_first(&self) -> f64 {
        match self.tenths[..] {
            [first, .., last] => last / first,
            _ => f64::NAN,
        }
    }
}

/// Fills and drains every store, one after the other.
pub(crate) fn measure(root: &Path, records: usize, options: &Options) -> Vec<Drain> {
    stores::ALL
        .iter()
        .filter(|(name, _)| options.chooses(name))
        .map(|(name, open)| drain(root, name, *open, records))
        .collect()
}

fn drain(root: &Path, name: &'static str, open: Open, records: usize) -> Drain {
    let folder = tempfile::tempdir_in(root).unwrap();
    let start = Instant::now();
    let mut store = open(folder.path());
    (0..records / FILL).for_each(|_| store.append(FILL));
    drop(store);
    let fill_rate = records as f64 / start.elapsed().as_secs_f64();
    let full_bytes = bytes_on_disk(folder.path());

    forget_peak_memory();
    let before = memory("VmRSS:");
    let start = Instant::now();
    let mut store = open(folder.path());
    let open_nanos = start.elapsed().as_nanos() as f64;
    let tenths = (0..10)
        .map(|_| {
            let start = Instant::now();
            let mut taken = 0;
            while taken < records / 10 {
                let batch = store.take(TAKE);
                assert!(batch > 0, "{name} has all that was stored");
                taken += batch;
            }
            taken as f64 / start.elapsed().as_secs_f64()
        })
        .collect();
    let memory = memory("VmHWM:").saturating_sub(before);
    store.tidy();
    drop(store);
    Drain {
        name,
        records,
        fill_rate,
        open_nanos,
        tenths,
        full_bytes,
        drained_bytes: bytes_on_disk(folder.path()),
        memory,
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

/// Linux keeps the most memory a process ever held, and forgets it when asked; elsewhere the
/// figure is missing.
fn forget_peak_memory() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// A line of the process's status, in bytes; zero where there is none.
fn memory(line: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find_map(|found| found.strip_prefix(line));
    let kib = found.and_then(|rest| rest.split_whitespace().next());
    kib.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
}
