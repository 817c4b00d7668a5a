//! A backlog filled and drained: whether its end is as fast as its beginning, and what it takes up.
//!
//! Each store has a process of its own, so that the memory seen is the store's. The processes take
//! turns: one is told to go on, does a tenth of its work, and answers with what that took.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use soliplex_benches::options::Options;
use tempfile::TempDir;

use crate::backlog::{ARGUMENT, TENTHS, Turn};
use crate::stores;

/// What became of one store's backlog.
pub(crate) struct Drain {
    pub(crate) name: &'static str,
    pub(crate) records: usize,
    pub(crate) filling: Vec<Turn>,
    pub(crate) opening: Turn,
    pub(crate) draining: Vec<Turn>,
    /// Made as small as it can be, and closed.
    pub(crate) closing: Turn,
}

/// Fills and drains every store, in turns.
pub(crate) fn measure(root: &Path, records: usize, options: &Options) -> Vec<Drain> {
    let names = stores::ALL.iter().map(|(name, _)| *name);
    let mut runners: Vec<Runner> = names
        .filter(|name| options.chooses(name))
        .map(|name| Runner::start(root, name, records))
        .collect();
    for _ in 0..TENTHS + 1 + TENTHS + 1 {
        runners.iter_mut().for_each(Runner::go_on);
    }
    runners
        .into_iter()
        .map(|runner| runner.finish(records))
        .collect()
}

impl Drain {
    /// Records a second.
    pub(crate) fn fill_rate(&self) -> f64 {
        let seconds: f64 = self.filling.iter().map(|turn| turn.seconds).sum();
        self.records as f64 / seconds
    }

    /// Records a second, tenth by tenth.
    pub(crate) fn rates(&self) -> Vec<f64> {
        let tenth = (self.records / TENTHS) as f64;
        self.draining
            .iter()
            .map(|turn| tenth / turn.seconds)
            .collect()
    }

    pub(crate) fn last_to_first(&self) -> f64 {
        match self.rates()[..] {
            [first, .., last] => last / first,
            _ => f64::NAN,
        }
    }

    /// Bytes of its files when it is full.
    pub(crate) fn full_bytes(&self) -> u64 {
        self.filling.last().map_or(0, |turn| turn.files)
    }

    /// A figure of each tenth of filling, then of draining.
    pub(crate) fn each(&self, of: fn(&Turn) -> u64) -> Vec<f64> {
        let turns = self.filling.iter().chain(&self.draining);
        turns.map(|turn| of(turn) as f64).collect()
    }
}

/// One store's process.
struct Runner {
    name: &'static str,
    child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    turns: Vec<Turn>,
    /// Goes with its files when all is done.
    _folder: TempDir,
}

impl Runner {
    fn start(root: &Path, name: &'static str, records: usize) -> Runner {
        let folder = tempfile::tempdir_in(root).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([ARGUMENT, name, &records.to_string()])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Runner {
            name,
            orders: child.stdin.take().unwrap(),
            answers: BufReader::new(child.stdout.take().unwrap()).lines(),
            child,
            turns: Vec::new(),
            _folder: folder,
        }
    }

    fn go_on(&mut self) {
        writeln!(self.orders).unwrap();
        let answer = self.answers.next().unwrap().unwrap();
        self.turns.push(serde_json::from_str(&answer).unwrap());
    }

    fn finish(mut self, records: usize) -> Drain {
        assert!(self.child.wait().unwrap().success(), "{}", self.name);
        let mut turns = self.turns.into_iter();
        Drain {
            name: self.name,
            records,
            filling: turns.by_ref().take(TENTHS).collect(),
            opening: turns.next().unwrap(),
            draining: turns.by_ref().take(TENTHS).collect(),
            closing: turns.next().unwrap(),
        }
    }
}
