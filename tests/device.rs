//! `field-device` as a process.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use serde_json::Value;

/// A running device, and the ids of the events it has told.
pub(crate) struct Device {
    child: Child,
    output: BufReader<ChildStdout>,
    pub(crate) told: Vec<String>,
}

impl Device {
    pub(crate) fn start(store: &Path, endpoint: &str, token: &str, more: &[&str]) -> Device {
        let mut child = command(store, endpoint, token)
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Device {
            child,
            output,
            told: Vec::new(),
        }
    }

    /// One that only delivers what is stored.
    pub(crate) fn start_draining(store: &Path, endpoint: &str, token: &str) -> Device {
        Device::start(store, endpoint, token, &draining("60"))
    }

    /// Waits until it has told so many events, or has ended.
    pub(crate) fn wait_for(&mut self, count: usize) {
        while self.told.len() < count && self.hear() {}
    }

    /// SIGKILL, and everything it had told before.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        while self.hear() {}
        self.told
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> (Vec<String>, ExitStatus) {
        while self.hear() {}
        (self.told, self.child.wait().unwrap())
    }

    fn hear(&mut self) -> bool {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        // A line without its end would be an event that was told in two writes.
        let told = line.strip_suffix('\n');
        self.told.extend(told.map(str::to_owned));
        assert!(told.is_some() || line.is_empty(), "half a line: {line}");
        told.is_some()
    }
}

/// For a store that gives up nothing for want of room; some gigabytes, written out in bytes.
pub(crate) const NO_BOUND: &str = "4000000000";

/// Delivers what is stored; the account, and whether nothing is left.
pub(crate) fn drain(store: &Path, endpoint: &str, token: &str) -> (Value, bool) {
    drain_within(store, endpoint, token, "60")
}

fn draining(seconds: &str) -> [&str; 7] {
    [
        "--drain",
        "--startup-jitter",
        "0",
        "--timeout",
        seconds,
        "--max-store-bytes",
        NO_BOUND,
    ]
}

/// The same, giving up after so many seconds.
pub(crate) fn drain_within(
    store: &Path,
    endpoint: &str,
    token: &str,
    seconds: &str,
) -> (Value, bool) {
    let output = command(store, endpoint, token)
        .args(draining(seconds))
        .output()
        .unwrap();
    let account = serde_json::from_slice(&output.stdout).unwrap();
    (account, output.status.success())
}

/// The device that was built with the tests, or one that was built otherwise.
fn program() -> OsString {
    let other = std::env::var_os("SOLIPLEX_TESTED_DEVICE");
    other.unwrap_or_else(|| env!("CARGO_BIN_EXE_tested-device").into())
}

fn command(store: &Path, endpoint: &str, token: &str) -> Command {
    let mut command = Command::new(program());
    command
        .arg("--store-dir")
        .arg(store)
        .args(["--endpoint", endpoint])
        .env("SOLIPLEX_TOKEN", token)
        .stderr(Stdio::null());
    command
}
