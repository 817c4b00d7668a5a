//! The stage: a folder, a receiver, a server and its configuration, and devices that come and go.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::ValueEnum as _;
use soliplex_ingest::auth::hs256::{self, MintError};
use soliplex_ingest::{Config, ConfigError};
use tempfile::TempDir;
use uuid::Uuid;

use super::arrivals::Arrivals;
use super::canary::{Canaries, Watch};
use super::device::{self, Act};
use super::processes::{OnLine, Process, ProcessError, Start};

/// Everything the acts play on.
pub(super) struct Stage {
    folder: TempDir,
    program: PathBuf,
    canaries: Canaries,
    token: String,
    receiver: Process,
    receiver_url: String,
    pub(super) arrivals: Arrivals,
    pub(super) watch: Watch,
}

/// A server and where it listens.
pub(super) struct Server {
    process: Process,
    pub(super) url: String,
}

/// Why the stage could not be set.
#[derive(Debug, thiserror::Error)]
pub(super) enum StageError {
    #[error("no folder for the stores could be used")]
    Folder(#[source] io::Error),
    #[error("this program's own file cannot be found")]
    Program(#[source] io::Error),
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Mint(#[from] MintError),
    #[error("the secrets could not be written as JSON")]
    Canaries(#[from] serde_json::Error),
    #[error("the {0} did not say where it listens")]
    NotListening(&'static str),
}

// Where canaries are looked for, as the account names it.
const DEVICE_LOG: &str = "the device's own log";
const DEVICE_OUTPUT: &str = "the device's output";
const DEVICE_STORE: &str = "the device's store";
const SERVER_LOG: &str = "the server's log";
const SERVER_DATA: &str = "the server's data";
const RECEIVED: &str = "all that was received";

impl Stage {
    /// Makes the folder, starts the receiver, writes the server's configuration.
    pub(super) fn set(keep_first: usize) -> Result<Stage, StageError> {
        let folder = tempfile::Builder::new()
            .prefix("soliplex-quickstart-")
            .tempdir()
            .map_err(StageError::Folder)?;
        let program = std::env::current_exe().map_err(StageError::Program)?;
        let canaries = Canaries::new();
        let watch = Watch::new(&canaries);
        let arrivals = Arrivals::new(keep_first);
        let mut command = Command::new(&program);
        command.arg("receiver");
        let receiver = Process::start(Start {
            name: "receiver",
            command,
            stdin: Stdio::null(),
            on_stdout: {
                let (watch, arrivals) = (watch.clone(), arrivals.clone());
                Box::new(move |line| {
                    if line.starts_with(LISTENING.as_bytes()) {
                        return true;
                    }
                    watch.look(RECEIVED, line);
                    arrivals.take(line);
                    false
                })
            },
            on_stderr: log(folder.path(), "receiver.log", RECEIVED, &watch)?,
        })?;
        let receiver_url = listening("receiver", &receiver)?;
        let text = config(folder.path(), &receiver_url);
        let config = Config::from_toml(&text)?;
        fs::write(folder.path().join(CONFIG), text).map_err(StageError::Folder)?;
        let token = hs256::mint(
            &config.auth,
            "tech-4711",
            Some("visit-2209"),
            TOKEN_LIFETIME,
        )?;
        Ok(Stage {
            folder,
            program,
            canaries,
            token,
            receiver,
            receiver_url,
            arrivals,
            watch,
        })
    }

    /// Starts the server on a free port, on the data it may have left.
    pub(super) fn server(&self) -> Result<Server, StageError> {
        let mut command = self.part("server");
        command.arg("--config").arg(self.folder.path().join(CONFIG));
        let process = Process::start(Start {
            name: "server",
            command,
            stdin: Stdio::null(),
            on_stdout: Box::new(|_| true),
            on_stderr: log(self.folder.path(), "server.log", SERVER_LOG, &self.watch)?,
        })?;
        let url = listening("server", &process)?;
        Ok(Server { process, url })
    }

    /// Starts the device, on the store it may have left.
    pub(super) fn device(
        &self,
        server: &Server,
        act: Act,
        file: Option<&Path>,
    ) -> Result<Process, StageError> {
        let mut command = self.part("device");
        let act = act.to_possible_value();
        command
            .arg("--act")
            .arg(act.as_ref().map_or("", |act| act.get_name()))
            .arg("--endpoint")
            .arg(&server.url)
            .arg("--store-dir")
            .arg(self.store())
            .env(device::TOKEN, &self.token)
            .env(device::CANARIES, serde_json::to_string(&self.canaries)?);
        if let Some(file) = file {
            command.arg("--file").arg(file);
        }
        let reads_ours = file == Some(Path::new("-"));
        let watch = self.watch.clone();
        Ok(Process::start(Start {
            name: "device",
            command,
            stdin: if reads_ours {
                Stdio::inherit()
            } else {
                Stdio::piped()
            },
            on_stdout: Box::new(move |line| {
                watch.look(DEVICE_OUTPUT, line);
                true
            }),
            on_stderr: log(self.folder.path(), "device.log", DEVICE_LOG, &self.watch)?,
        })?)
    }

    /// Searches every file of the device and of the server, as they are now.
    pub(super) fn search_files(&self) -> Result<(), StageError> {
        let folder = self.folder.path();
        for (place, dir) in [
            (DEVICE_STORE, self.store()),
            (SERVER_DATA, folder.join(DATA)),
        ] {
            self.watch
                .look_in_dir(place, &dir)
                .map_err(StageError::Folder)?;
        }
        Ok(())
    }

    /// Ends the receiver; returns the folder's path when it is to be kept.
    pub(super) fn strike(mut self, keep: bool) -> Result<Option<PathBuf>, StageError> {
        self.receiver.terminate()?;
        if keep {
            return Ok(Some(self.folder.keep()));
        }
        self.folder.close().map_err(StageError::Folder)?;
        Ok(None)
    }

    pub(super) fn receiver_url(&self) -> &str {
        &self.receiver_url
    }

    pub(super) fn canary_names(&self) -> Vec<&'static str> {
        self.canaries.names()
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("device")
    }

    fn part(&self, name: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(name);
        // The configuration file alone decides, whatever the caller's environment holds.
        for (key, _) in std::env::vars_os() {
            if key
                .as_encoded_bytes()
                .starts_with(OsStr::new("SOLIPLEX_INGEST_").as_encoded_bytes())
            {
                command.env_remove(key);
            }
        }
        command.env_remove("LOGFIRE_TOKEN");
        command
    }
}

impl Server {
    pub(super) fn stop(mut self) -> Result<(), StageError> {
        self.process.terminate()?;
        Ok(())
    }
}

/// Searches a log line by line, and keeps it in the folder.
fn log(
    folder: &Path,
    file: &str,
    place: &'static str,
    watch: &Watch,
) -> Result<OnLine, StageError> {
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join(file));
    let mut file = file.map_err(StageError::Folder)?;
    let watch = watch.clone();
    let mut written = 0;
    Ok(Box::new(move |line| {
        watch.look(place, line);
        if written < MAX_LOG_BYTES {
            written += line.len();
            // The log is for whoever keeps the folder; the search has seen the line.
            let _ = file.write_all(line).and_then(|()| file.write_all(b"\n"));
        }
    }))
}

fn listening(name: &'static str, process: &Process) -> Result<String, StageError> {
    let line = process.expect_line(START_TIMEOUT)?;
    let url = line.strip_prefix(LISTENING);
    url.map(str::to_owned).ok_or(StageError::NotListening(name))
}

fn config(folder: &Path, receiver_url: &str) -> String {
    let data = folder.join(DATA);
    // A basic TOML string wants backslashes escaped, as they occur on Windows.
    let data = data.to_string_lossy().replace('\\', "\\\\");
    let secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    format!(
        r#"listen = "127.0.0.1:0"
data_dir = "{data}"

[auth]
mode = "hs256"
hs256_secret = "{secret}"

[forward]
endpoint = "{receiver_url}"
linger_ms = 20

[limits]
# A replayed file is as much as it is.
records_per_minute_per_user = 0
records_per_minute_per_session = 0
bytes_per_minute_per_user = 0
shutdown_timeout_seconds = 5
"#
    )
}

/// What both servers print before their address.
const LISTENING: &str = "listening on ";

const CONFIG: &str = "ingest.toml";
const DATA: &str = "server";

/// For a machine that is busy with something else.
const START_TIMEOUT: Duration = Duration::from_secs(15);

const TOKEN_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// Of each log this much is kept; the rest is searched and let go.
const MAX_LOG_BYTES: usize = 16 * 1024 * 1024;
