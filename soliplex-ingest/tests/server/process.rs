//! The server as an operator runs it: a process with an environment, that can be asked and killed.

use std::io::BufRead as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use crate::road::SECRET;

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
    child: Option<Child>,
    /// Where it listens, as it says itself.
    pub(crate) base: String,
}

impl Process {
    pub(crate) fn start(mut command: Command) -> Process {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        std::io::BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let base = line.trim().strip_prefix("listening on ").unwrap();
        Process {
            base: base.to_owned(),
            child: Some(child),
        }
    }

    /// `kill -9`.
    pub(crate) fn kill(self) {}

    /// SIGTERM, and what it wrote until it ended.
    pub(crate) async fn stop(self) -> Output {
        self.ask_to_stop();
        self.ended().await
    }

    /// SIGTERM.
    pub(crate) fn ask_to_stop(&self) {
        let id = self.child.as_ref().unwrap().id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(asked.success());
    }

    /// What it wrote until it ended.
    pub(crate) async fn ended(mut self) -> Output {
        let child = self.child.take().unwrap();
        tokio::task::spawn_blocking(move || child.wait_with_output().unwrap())
            .await
            .unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}
