//! `quickstart`: the whole road on this machine, with real parts, and an account at the end.
//!
//! One program plays all parts, each a process of its own: it starts itself as the OTLP receiver,
//! as the ingest server and as the device, and talks to them over loopback sockets. The
//! `director` runs the acts: a session on the device, an outage of the server, a SIGKILL in the
//! middle, a restart, delivery. Then it prints what arrived as a support engineer would
//! read it (`story`), and an account of every record (`closing`). The exit code is 0 only when
//! the account adds up and no secret of the device was found anywhere.
//!
//! With `--replay` the device logs the lines of a file instead.

mod director;

mod device;
mod processes;
mod stage;

mod arrivals;
mod canary;

mod closing;
mod page;
mod story;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Runs a device, a server and a receiver on this machine, and shows what becomes of each log
/// record.
#[derive(Debug, Parser)]
#[command(name = "quickstart", version)]
struct Args {
    /// Logs the lines of this file instead of the scripted session; - is standard input.
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    /// Keeps the folder with the device's store, the server's data and all logs.
    #[arg(long)]
    keep: bool,
    #[command(subcommand)]
    part: Option<Part>,
}

/// The parts this program gives itself.
#[derive(Debug, Subcommand)]
enum Part {
    /// The OTLP receiver.
    #[command(hide = true)]
    Receiver,
    /// The ingest server.
    #[command(hide = true)]
    Server {
        #[arg(long)]
        config: PathBuf,
    },
    /// The application in the field.
    #[command(hide = true)]
    Device(device::Args),
}

/// Runs the command line; `args` start with the program's name.
///
/// Exit codes: 0 everything adds up, 1 something does not or could not be run, 2 wrong usage.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            // Help is an error to clap; with nowhere to print there is nobody to tell.
            let _ = error.print();
            return ExitCode::from(u8::from(error.use_stderr()) * 2);
        }
    };
    match args.part {
        None => director::run(args.replay.as_deref(), args.keep),
        Some(Part::Receiver) => {
            ingest(&["otlp-sink", "--jsonl", "--listen", "127.0.0.1:0"].map(OsString::from))
        }
        Some(Part::Server { config }) => {
            ingest(&["serve".into(), "--config".into(), config.into_os_string()])
        }
        Some(Part::Device(args)) => device::run(&args),
    }
}

/// The very command line an operator would use.
fn ingest(args: &[OsString]) -> ExitCode {
    let program = OsString::from("soliplex-ingest");
    soliplex_ingest::cli::main(std::iter::once(program).chain(args.iter().cloned()))
}

/// A failure and its causes on one line.
fn explain(failure: &dyn std::error::Error) -> String {
    let mut text = failure.to_string();
    let mut source = failure.source();
    while let Some(error) = source {
        let told = error.to_string();
        // A transparent error has the text of its source already.
        if !text.ends_with(&told) {
            text = format!("{text}: {told}");
        }
        source = error.source();
    }
    text
}
