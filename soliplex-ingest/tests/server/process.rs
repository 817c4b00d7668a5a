//! The server as an operator runs it: a process with an environment, that can be asked and killed.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;

use crate::road::SECRET;
use crate::within::{eventually, within};

/// A command with an environment of its own.
pub(crate) fn ingest(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_soliplex-ingest"));
    command.args(arguments).env_clear();
    command
}

/// The same with a folder, a secret and an upstream.
pub(crate) fn configured(arguments: &[&str], dir: &Path, endpoint: &str) -> Command {
    let mut command = ingest(arguments);
    command
        .env("SOLIPLEX_INGEST_LISTEN", "127.0.0.1:0")
        .env("SOLIPLEX_INGEST_DATA_DIR", dir)
        .env("SOLIPLEX_INGEST_AUTH__HS256_SECRET", SECRET)
        .env("SOLIPLEX_INGEST_FORWARD__ENDPOINT", endpoint);
    command
}

/// Mints a session as an operator does.
pub(crate) fn token(dir: &Path) -> String {
    let output = configured(&["token", "--user", "jane"], dir, "stdout")
        .output()
        .unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A process that listens; it is killed when this is dropped, so that a test that fails leaves none
/// behind.
pub(crate) struct Process {
    child: Child,
    /// Where it listens, as it says itself.
    pub(crate) base: String,
}

impl Process {
    /// Returns once it listens.
    pub(crate) async fn start(command: Command) -> Process {
        let mut child = spawn(command);
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.as_mut().unwrap());
        within(said.read_line(&mut line)).await.unwrap();
        let base = line.trim().strip_prefix("listening on ").unwrap();
        Process {
            base: base.to_owned(),
            child,
        }
    }

    /// `kill -9`.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// SIGTERM, and what it wrote until it ended.
    pub(crate) async fn stop(self) -> Output {
        self.ask_to_stop();
        self.ended().await
    }

    /// SIGTERM.
    pub(crate) fn ask_to_stop(&self) {
        let id = self.child.id().unwrap().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(asked.success());
    }

    /// What it wrote until it ended.
    pub(crate) async fn ended(self) -> Output {
        within(self.child.wait_with_output()).await.unwrap()
    }

    /// Its counters, once they are as they are expected to become.
    #[track_caller]
    pub(crate) fn until(&self, are: impl Fn(&Sums) -> bool) -> impl Future<Output = Sums> {
        eventually(async move || Some(Sums::read(&self.base).await).filter(&are))
    }

    /// Its counters, once nothing waits any more; then every record has one fate.
    pub(crate) async fn settled(&self) -> Sums {
        let sums = self.until(|sums| sums.of("records_pending") == 0).await;
        sums.assert_adds_up();
        sums
    }
}

/// A command under way, with its standard output to be read.
pub(crate) fn spawn(mut command: Command) -> Child {
    command.stdout(Stdio::piped());
    let mut command = tokio::process::Command::from(command);
    command.kill_on_drop(true).spawn().unwrap()
}

/// A server's counters.
pub(crate) struct Sums(String);

impl Sums {
    async fn read(base: &str) -> Sums {
        let page = reqwest::get(format!("{base}/metrics")).await.unwrap();
        Sums(page.text().await.unwrap())
    }

    pub(crate) fn assert_adds_up(&self) {
        let sum = |names: &[&str]| names.iter().map(|name| self.of(name)).sum::<u64>();
        let entered = sum(&["records_received_total", "records_recovered_total"]);
        let left = sum(&[
            "records_forwarded_total",
            "records_duplicate_total",
            "records_rejected_total",
            "records_dead_total",
            "records_pending",
        ]);
        assert_eq!(entered, left, "{}", self.0);
    }

    /// The sum of a counter over its labels.
    pub(crate) fn of(&self, name: &str) -> u64 {
        let values = self.0.lines().filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let series = series.strip_prefix("soliplex_ingest_")?;
            let found = series.split('{').next() == Some(name);
            found.then(|| value.parse::<u64>().unwrap())
        });
        values.sum()
    }
}
