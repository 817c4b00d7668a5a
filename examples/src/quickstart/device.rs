//! The application in the field: how it installs the layers, and what it tells the director.
//!
//! Standard error is its ordinary log, by the `fmt` layer that stands beside ours. Standard output
//! is for the director alone: `session ID`, `logged N` each time more has been logged, `stage NAME`
//! before it waits for a line on standard input, and `account JSON` or `failed REASON` at the end.

mod replay;
mod visit;

use std::io::{self, BufRead as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tracing::{Event, Subscriber};
use tracing_soliplex::{NetworkKind, Sanitize as _, Soliplex, StartError};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use super::canary::Canaries;
use crate::account::Account;

/// What the director tells the device.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[arg(long)]
    pub(super) endpoint: String,
    #[arg(long)]
    pub(super) store_dir: PathBuf,
    /// What the device does.
    #[arg(long, value_enum)]
    pub(super) act: Act,
    /// The file to replay; - for standard input.
    #[arg(long)]
    pub(super) file: Option<PathBuf>,
    /// The session's token.
    #[arg(long, env = TOKEN, hide = true)]
    pub(super) token: String,
    /// The secrets, as JSON.
    #[arg(long, env = CANARIES, hide = true)]
    pub(super) canaries: String,
}

/// What the device does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Act {
    /// The first part of the visit; ends when it is killed.
    Morning,
    /// The second part.
    Afternoon,
    /// A file, line by line.
    Replay,
}

impl Act {
    /// Each error of the visit tells what led up to it. In a file full of errors, each would carry
    /// the lines before it along once more.
    fn breadcrumbs(self) -> usize {
        match self {
            Act::Morning | Act::Afternoon => 20,
            Act::Replay => 0,
        }
    }
}

/// Secrets go by the environment, which other users of the machine cannot read.
pub(super) const TOKEN: &str = "QUICKSTART_TOKEN";
pub(super) const CANARIES: &str = "QUICKSTART_CANARIES";

/// Why the device could not do its work.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("another subscriber is installed already")]
    Installed(#[from] TryInitError),
    #[error("the director is gone")]
    Director(#[source] io::Error),
    #[error("the file cannot be read")]
    File(#[source] io::Error),
    #[error("the secrets are not JSON")]
    Canaries(#[from] serde_json::Error),
    #[error("nothing can be delivered: {0}")]
    Stuck(String),
}

/// The running application.
struct Device {
    soliplex: Soliplex,
    canaries: Canaries,
    tally: Tally,
}

pub(super) fn run(args: &Args) -> ExitCode {
    match play(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let reason = super::explain(&failure);
            eprintln!("device: {reason}");
            // Without a director there is nobody else to tell.
            let _ = tell(&format!("failed {reason}"));
            ExitCode::FAILURE
        }
    }
}

fn play(args: &Args) -> Result<(), Failure> {
    let device = Device::install(args)?;
    tell(&format!("session {}", device.soliplex.session_id()))?;
    match args.act {
        Act::Morning => visit::morning(&device)?,
        Act::Afternoon => visit::afternoon(&device)?,
        Act::Replay => replay::run(&device, args.file.as_deref())?,
    }
    let _report = device.soliplex.shutdown(DEADLINE);
    tell(&format!(
        "account {}",
        Account::new(device.soliplex.stats())
    ))
}

impl Device {
    /// The lines an application needs: a pipeline, its layers beside any others, the root.
    fn install(args: &Args) -> Result<Device, Failure> {
        let token = args.token.clone();
        let soliplex = Soliplex::builder("field-app", "1.4.2")
            .store_dir(&args.store_dir)
            .endpoint(&args.endpoint)
            .token_provider(move || Some(token.clone()))
            .environment("quickstart")
            .build_id("2026.02.1")
            // Found by itself where the machine says it; this one may be a container.
            .resource("device.model.identifier", "rugged-10")
            // A fleet would spread its first requests; this device is alone.
            .startup_jitter(Duration::ZERO)
            .attached_breadcrumbs(args.act.breadcrumbs())
            .start()?;
        let tally = Tally::default();
        tracing_subscriber::registry()
            .with(
                tracing_subscriber::fmt::layer()
                    .with_ansi(false)
                    .with_writer(io::stderr),
            )
            .with(tally.clone())
            .with(soliplex.breadcrumb_layer())
            .with(soliplex.export_layer())
            .sanitize(&soliplex)
            .try_init()?;
        Ok(Device {
            soliplex,
            canaries: serde_json::from_str(&args.canaries)?,
            tally,
        })
    }

    /// What an application's host tells it.
    fn network_changed(&self, kind: NetworkKind, online: bool) {
        self.soliplex.network_changed(kind, online);
        self.tally.add_unseen();
    }

    /// Tells how much has been logged so far.
    fn tell_logged(&self) -> Result<(), Failure> {
        tell(&format!("logged {}", self.tally.count()))
    }

    /// Waits for the director.
    fn stage(&self, name: &str) -> Result<(), Failure> {
        self.tell_logged()?;
        tell(&format!("stage {name}"))?;
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line);
        match read.map_err(Failure::Director)? {
            0 => Err(Failure::Director(io::ErrorKind::UnexpectedEof.into())),
            _ => Ok(()),
        }
    }

    /// Waits until everything logged so far is delivered.
    fn deliver(&self) -> Result<(), Failure> {
        loop {
            let report = self.soliplex.flush(DEADLINE);
            if report.is_complete() {
                return Ok(());
            }
            if report.delivered == 0 {
                let error = self.soliplex.stats().last_error;
                return Err(Failure::Stuck(error.unwrap_or_else(|| report.to_string())));
            }
        }
    }
}

fn tell(line: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let told = out.write_all(format!("{line}\n").as_bytes());
    told.and_then(|()| out.flush()).map_err(Failure::Director)
}

/// Counts what the application has logged, as its own process sees it.
#[derive(Clone, Default)]
struct Tally(Arc<AtomicU64>);

impl Tally {
    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// A panic and a change of the network are records too, and pass no layer.
    fn add_unseen(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl<S: Subscriber> Layer<S> for Tally {
    fn on_event(&self, _event: &Event<'_>, _context: Context<'_, S>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Loopback answers in milliseconds; this is for a machine that is busy with something else.
const DEADLINE: Duration = Duration::from_secs(15);
