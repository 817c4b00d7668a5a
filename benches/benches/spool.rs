//! What durability costs: the spool beside a bare file that is appended to and synced, which is
//! as fast as a disk lets anyone be.
//!
//! `cargo bench -p soliplex-benches --bench spool` prints records per second by the number of
//! records a commit carries, and each road's share of the bare file's. With `-- drain` it fills
//! the spool with a million records and empties it again as the worker would, a batch at a time,
//! and prints the speed of each tenth: it must not sink. The directory is `SPOOL_BENCH_DIR` or
//! the system's temporary one; mind that the latter may be in memory.
//!
//! The disk is shared with whatever else runs, so the roads take turns and the best turn counts.

// The spool is private to its crate; its source is compiled here as it stands, which leaves the
// crate without a door that only a bench would use.
#[path = "../../tracing-soliplex/src"]
#[allow(dead_code, unused_imports, unreachable_pub)]
mod client {
    pub(crate) mod spool;
}

use client::spool::{Cursor, Directory, Frame, Lane, PeekLimits, Peeked, Spool, SpoolOptions};
use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

type Outcome<T> = Result<T, Box<dyn Error>>;

const RECORD_BYTES: usize = 500;
const TURN: Duration = Duration::from_millis(700);
const TURNS: usize = 3;

fn main() -> Outcome<()> {
    let root = std::env::var_os("SPOOL_BENCH_DIR").map_or_else(std::env::temp_dir, Into::into);
    if std::env::args().any(|arg| arg == "drain") {
        return drain_a_million(&root);
    }
    println!("records of {RECORD_BYTES} bytes, records/s, best of {TURNS} turns in {root:?}");
    println!(
        "{:>8} {:>12} {:>22} {:>22}",
        "a commit", "bare file", "append", "append and confirm"
    );
    for records in [1, 32, 256, 2048] {
        let (mut bare, mut append, mut steady) = (0.0_f64, 0.0_f64, 0.0_f64);
        for _ in 0..TURNS {
            bare = bare.max(in_a_new_folder(&root, |path| bare_file(path, records))?);
            append = append.max(in_a_new_folder(&root, |path| appending(path, records))?);
            steady = steady.max(in_a_new_folder(&root, |path| keeping_up(path, records))?);
        }
        println!(
            "{records:>8} {bare:>12.0} {append:>14.0} ({:.2}) {steady:>14.0} ({:.2})",
            append / bare,
            steady / bare,
        );
    }
    Ok(())
}

fn in_a_new_folder<T>(root: &Path, turn: impl FnOnce(&Path) -> Outcome<T>) -> Outcome<T> {
    turn(tempfile::tempdir_in(root)?.path())
}

/// Runs commits for one turn and returns records per second.
fn rate(records: usize, mut commit: impl FnMut() -> Outcome<()>) -> Outcome<f64> {
    let start = Instant::now();
    let mut commits = 0;
    while start.elapsed() < TURN {
        commit()?;
        commits += 1;
    }
    Ok((commits * records) as f64 / start.elapsed().as_secs_f64())
}

fn bare_file(path: &Path, records: usize) -> Outcome<f64> {
    let mut file = File::create(path.join("bare"))?;
    let payload = vec![b'x'; RECORD_BYTES * records];
    rate(records, || {
        file.write_all(&payload)?;
        Ok(file.sync_data()?)
    })
}

/// Nothing is ever confirmed: a device without network.
fn appending(path: &Path, records: usize) -> Outcome<f64> {
    let mut spool = open(path)?;
    let payload = vec![b'x'; RECORD_BYTES];
    let mut seq = 0;
    rate(records, || {
        let frames = frames(&payload, seq, records);
        seq += records as u64;
        spool.append(&frames, &[(1, b"facts")], seq)?;
        Ok(())
    })
}

/// Each commit that stores new records is followed by one that removes those delivered.
fn keeping_up(path: &Path, records: usize) -> Outcome<f64> {
    let mut spool = open(path)?;
    let payload = vec![b'x'; RECORD_BYTES];
    let mut seq = 0;
    rate(records, || {
        seq += records as u64;
        let frames = frames(&payload, seq, records);
        spool.append(&frames, &[(1, b"facts")], seq)?;
        let delivered = peek(&mut spool, u64::MAX)?.ok_or("nothing to deliver")?;
        spool.confirm(&delivered.handle, &[])?;
        Ok(())
    })
}

fn drain_a_million(root: &Path) -> Outcome<()> {
    const RECORDS: usize = 1_000_000;
    let folder = tempfile::tempdir_in(root)?;
    let mut spool = open(folder.path())?;
    let payload = vec![b'x'; RECORD_BYTES];
    let start = Instant::now();
    for seq in (0..RECORDS).step_by(2_000) {
        let frames = frames(&payload, seq as u64, 2_000);
        spool.append(&frames, &[(1, b"facts")], seq as u64)?;
    }
    let filled = start.elapsed().as_secs_f64();
    println!("filled at {:.0} records/s", RECORDS as f64 / filled);
    println!("file: {} MB", spool.stats().file_bytes / 1_000_000);

    let start = Instant::now();
    drop(spool);
    let mut spool = open(folder.path())?;
    println!(
        "closed and opened again in {:.1} ms",
        start.elapsed().as_secs_f64() * 1e3
    );

    for tenth in 1..=10 {
        let start = Instant::now();
        let mut delivered = 0;
        while delivered < RECORDS / 10 {
            let batch = peek(&mut spool, 100)?.ok_or("drained too early")?;
            delivered += batch.records.len();
            spool.confirm(&batch.handle, &[])?;
        }
        let rate = delivered as f64 / start.elapsed().as_secs_f64();
        println!("tenth {tenth:>2}: {rate:.0} records/s");
    }
    let compacted = spool.compact_if_worth()?;
    println!("{} records left, {compacted:?}", spool.stats().records());
    print_peak_memory();
    Ok(())
}

/// What the process held at most, where the system tells.
fn print_peak_memory() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(peak) = status.lines().find(|line| line.starts_with("VmHWM")) {
        println!("{peak}");
    }
}

fn open(path: &Path) -> Outcome<Spool> {
    let options = SpoolOptions {
        max_bytes: 4 << 30,
        ..SpoolOptions::default()
    };
    Ok(Spool::open_in(Directory::open(path)?, &options)?.0)
}

fn peek(spool: &mut Spool, max_records: u64) -> Outcome<Option<Peeked>> {
    let limits = PeekLimits {
        max_records,
        max_bytes: 900_000.max(max_records),
    };
    Ok(spool.peek(Cursor::default(), limits)?)
}

fn frames(payload: &[u8], first_seq: u64, records: usize) -> Vec<Frame<'_>> {
    (first_seq..)
        .take(records)
        .map(|seq| Frame {
            lane: Lane::Normal,
            context: 1,
            seq,
            unix_nanos: i64::MAX,
            payload,
        })
        .collect()
}
