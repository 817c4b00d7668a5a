//! `field-device`: an application in the field, reduced to what can be told from outside.
//!
//! It logs events at a given rate from some threads, and prints each event's id to standard output
//! *after* the macro call has returned, one `write` a line. Whoever kills it therefore knows which
//! events had been logged, and can ask the far end whether each has arrived exactly once. How the
//! process ends is the caller's choice: in order, by a signal from outside, or by its own fault
//! (`--crash-after`). `--drain` starts on the same directory, delivers what is there, and prints
//! the account.

mod crash;
mod work;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use tracing_soliplex::{Builder, FlushReport, Sanitize as _, Soliplex, StartError, State};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use crate::account::Account;
use crash::{Crash, CrashAfter, End};

/// Logs events on the road from a macro to the server, and tells which it has logged.
#[derive(Debug, Parser)]
#[command(name = "field-device", version, after_help = AFTER_HELP)]
struct Args {
    /// The ingest server, such as http://127.0.0.1:4319; without one, events are only stored.
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// The session's token.
    #[arg(long, value_name = "T", env = "SOLIPLEX_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Where undelivered records are kept; one process at a time.
    #[arg(long, value_name = "DIR")]
    store_dir: PathBuf,
    /// The longest the store may grow; 10000000 unless given.
    #[arg(long, value_name = "BYTES")]
    max_store_bytes: Option<u64>,
    /// How many events to log, by all threads together.
    #[arg(long, value_name = "N", default_value_t = 100)]
    events: u64,
    /// Events a second, by all threads together; 0 is as fast as they can.
    #[arg(long, value_name = "R", default_value_t = 100.0)]
    rate: f64,
    /// How many threads log.
    #[arg(long, value_name = "T", default_value_t = 1)]
    threads: u32,
    /// Makes every K-th event an error, which is sent at once.
    #[arg(long, value_name = "K")]
    error_every: Option<u64>,
    /// Ends the process without warning once N events are logged: N=panic, panic-abort, panics,
    /// abort, segfault or exit. N=caught-panic goes on.
    #[arg(long, value_name = "N=HOW")]
    crash_after: Option<CrashAfter>,
    /// Logs the events while the pipeline is not started yet, and ends the process there.
    #[arg(long, value_name = "HOW", conflicts_with_all = ["crash_after", "drain"])]
    crash_at_startup: Option<Crash>,
    /// How `main` ends once all events are logged: shutdown, return, exit=CODE, panic or abort. All
    /// but the first leave the pipeline at work.
    #[arg(
        long,
        value_name = "HOW",
        default_value = "shutdown",
        conflicts_with = "drain"
    )]
    end: End,
    /// Logs nothing, delivers what is stored, prints the account and exits.
    #[arg(long)]
    drain: bool,
    /// Who is logged in.
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// How long the end may wait for the server; 5, or 60 with --drain.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// How often what is waiting is sent; 30 unless given.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    flush_interval: Option<Duration>,
    /// Up to how long the first request is held back; 1 unless given.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    startup_jitter: Option<Duration>,
}

/// Why the device could not do its work.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("another subscriber is installed already")]
    Installed(#[from] TryInitError),
    #[error("standard output is closed")]
    Output(#[from] io::Error),
    #[error("a thread could not be started")]
    Thread(#[source] io::Error),
}

/// Runs the command line; `args` start with the program's name.
///
/// Exit codes: 0 done, 1 failed or, after `--drain`, records are left waiting, 2 wrong usage,
/// 101 a panic of its own.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            // Help is an error to clap; with nowhere to print there is nobody to tell.
            let _ = error.print();
            return ExitCode::from(u8::from(error.use_stderr()) * 2);
        }
    };
    run(&args).unwrap_or_else(|failure| {
        eprintln!("field-device: {failure}");
        ExitCode::FAILURE
    })
}

/// The same where a segfault that is asked for is to be a real one: this touches a wrong address.
pub fn main_with_fault(args: impl IntoIterator<Item = OsString>, fault: fn()) -> ExitCode {
    crash::set_fault(fault);
    main(args)
}

fn run(args: &Args) -> Result<ExitCode, Failure> {
    if let Some(crash) = args.crash_at_startup {
        return crash_at_startup(args, crash);
    }
    let soliplex = start(args)?;
    if args.drain {
        return drain(args, &soliplex);
    }
    tracing_subscriber::registry()
        .with(soliplex.breadcrumb_layer())
        .with(soliplex.export_layer())
        .sanitize(&soliplex)
        .try_init()?;
    work::run(args)?;
    match args.end {
        End::Shutdown => {}
        End::Return => return Ok(ExitCode::SUCCESS),
        End::Exit(code) => std::process::exit(code),
        End::Panic => crash::panic(),
        End::Abort => std::process::abort(),
    }
    // What is not delivered within the time is stored, and the next start delivers it.
    let report: FlushReport = soliplex.shutdown(args.timeout.unwrap_or(SHUTDOWN_TIMEOUT));
    eprintln!("field-device: {report}");
    Ok(ExitCode::SUCCESS)
}

/// An application that dies while it reads its configuration.
fn crash_at_startup(args: &Args, crash: Crash) -> Result<ExitCode, Failure> {
    let early = builder(args).early()?;
    tracing_subscriber::registry()
        .with(early.breadcrumb_layer())
        .with(early.export_layer())
        .sanitize(&early)
        .try_init()?;
    work::run(args)?;
    crash.happen();
    Ok(ExitCode::SUCCESS)
}

fn start(args: &Args) -> Result<Soliplex, StartError> {
    builder(args).start()
}

fn builder(args: &Args) -> Builder {
    let mut builder = Soliplex::builder("field-device", env!("CARGO_PKG_VERSION"))
        .store_dir(&args.store_dir)
        .environment("field-test")
        .build_id("field-device-1");
    if let Some(url) = &args.endpoint {
        builder = builder.endpoint(url);
    }
    if let Some(token) = args.token.clone() {
        builder = builder.token_provider(move || Some(token.clone()));
    }
    if let Some(user) = &args.user {
        builder = builder.user(user);
    }
    if let Some(bytes) = args.max_store_bytes {
        builder = builder.max_store_bytes(bytes);
    }
    if let Some(interval) = args.flush_interval {
        builder = builder.flush_interval(interval);
    }
    if let Some(most) = args.startup_jitter {
        builder = builder.startup_jitter(most);
    }
    builder
}

/// Delivers what earlier runs left, and tells what became of it.
fn drain(args: &Args, soliplex: &Soliplex) -> Result<ExitCode, Failure> {
    let deadline = Instant::now() + args.timeout.unwrap_or(DRAIN_TIMEOUT);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // In turns, because each flush begins with an attempt at once.
        let report = soliplex.flush(left.min(FLUSH_TURN));
        let in_vain = !matches!(soliplex.stats().state, State::Active | State::BackingOff);
        if report.is_complete() || in_vain || left.is_zero() {
            break;
        }
    }
    let _: FlushReport = soliplex.shutdown(Duration::ZERO);
    let account = Account::new(soliplex.stats());
    tell(&account)?;
    Ok(if account.is_settled() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Prints a line with one `write`, at once: whoever reads it may kill this process right after.
///
/// The line is handed to standard output whole, so that it leaves whole, whether or not the
/// standard library buffers there.
fn tell(line: &impl std::fmt::Display) -> io::Result<()> {
    let line = format!("{line}\n");
    let mut out = io::stdout().lock();
    out.write_all(line.as_bytes())?;
    out.flush()
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds")?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// How long an application that is being closed can be kept open.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// A minute delivers some hundred thousand records to a server nearby.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(60);

/// Between two failures of the server there is at most this much waiting while draining.
const FLUSH_TURN: Duration = Duration::from_secs(5);

const AFTER_HELP: &str = "\
Standard output has one line for each event: its event_id, written once its macro call has returned.
With --drain it has one line of JSON, the account, and the exit code is 1 if records are left waiting.

Example, against a server on this machine (soliplex-ingest serve):
  field-device --endpoint http://127.0.0.1:4319 --token $TOKEN --store-dir /tmp/device --events 1000
  field-device --endpoint http://127.0.0.1:4319 --token $TOKEN --store-dir /tmp/device --drain";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory as _;
        Args::command().debug_assert();
    }

    #[test]
    fn a_token_does_not_show_in_the_help() {
        use clap::CommandFactory as _;
        let help = Args::command().render_long_help().to_string();
        assert!(help.contains("SOLIPLEX_TOKEN"));
        assert!(!help.contains("SOLIPLEX_TOKEN="));
    }
}
