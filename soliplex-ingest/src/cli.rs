//! The command line.
//!
//! Results go to standard output, the server's own log to standard error. Exit codes: 0 done, 1
//! failed, 2 wrong usage or configuration.

mod check;
mod dead_letters;
mod log;
mod sink;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::auth::hs256;
use crate::config::{Config, ConfigError, keys};
use crate::forward::UpstreamError;
use crate::server::{BindError, Server, until_asked_to_stop};

/// Receives batches of log records from applications and forwards them as OTLP.
#[derive(Debug, Parser)]
#[command(name = "soliplex-ingest", version, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until SIGTERM or Ctrl-C; prints `listening on http://ADDRESS` once it does.
    Serve(Source),
    /// Mint a session from the same configuration (auth.mode = "hs256"), for development.
    Token(TokenArgs),
    /// Validate the configuration, open the store, try the upstream, and report.
    Check(Source),
    /// List, export or send again what the upstream refused for good.
    #[command(subcommand)]
    DeadLetters(dead_letters::Command),
    /// Receive OTLP over HTTP and print it: a backend for development.
    OtlpSink(sink::SinkArgs),
    /// Print every key of the configuration with its default and its reason, as TOML.
    ConfigKeys,
}

/// Where the configuration comes from.
#[derive(Debug, Args)]
struct Source {
    /// A TOML file; the environment (SOLIPLEX_INGEST_SECTION__KEY) overrides it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct TokenArgs {
    #[command(flatten)]
    source: Source,
    /// The user the session is issued to.
    #[arg(long)]
    user: String,
    /// The session's own id.
    #[arg(long)]
    session: Option<String>,
    /// How long it holds, in seconds.
    #[arg(long, default_value_t = 24 * 3600)]
    seconds: u64,
}

/// Why a command failed, with its exit code.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Log(#[from] log::LogError),
    #[error("cannot start the runtime")]
    Runtime(#[source] std::io::Error),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error(transparent)]
    Mint(#[from] hs256::MintError),
    #[error("cannot listen on {0}")]
    Listen(SocketAddr, #[source] std::io::Error),
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    #[error("{0}")]
    Told(String),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Failure {
    /// Whether the same configuration fails wherever and whenever it is tried.
    fn is_configuration(&self) -> bool {
        match self {
            Failure::Config(_) | Failure::Log(log::LogError::Filter) => true,
            Failure::Bind(BindError::Upstream(error)) | Failure::Upstream(error) => {
                matches!(error, UpstreamError::Header(_))
            }
            _ => false,
        }
    }
}

/// Runs the command line; `args` start with the program's name.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help is an error to clap; with nowhere to print there is nobody to tell.
            let _ = error.print();
            return ExitCode::from(u8::from(error.use_stderr()) * 2);
        }
    };
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Standard error closed: the exit code still tells.
            let _ = writeln!(std::io::stderr(), "soliplex-ingest: {}", explain(&failure));
            ExitCode::from(1 + u8::from(failure.is_configuration()))
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(source) => serve(&source),
        Command::Token(args) => token(&args),
        Command::Check(source) => {
            runtime()?.block_on(check::run(Config::load(source.config.as_deref())?))
        }
        Command::DeadLetters(command) => dead_letters::run(command),
        Command::OtlpSink(args) => runtime()?.block_on(sink::run(args)),
        Command::ConfigKeys => print(&config_keys()),
    }
}

/// Who can reach an address, in words that the log's rules leave alone.
fn interface(address: IpAddr) -> &'static str {
    if address.is_loopback() {
        "loopback"
    } else if address.is_unspecified() {
        "all"
    } else {
        "one"
    }
}

fn serve(source: &Source) -> Result<(), Failure> {
    let config = Config::load(source.config.as_deref())?;
    let _log = log::init(&config.log)?;
    runtime()?.block_on(async {
        let scheme = if config.tls.is_some() {
            "https"
        } else {
            "http"
        };
        let server = Server::bind(config).await?;
        let asked = until_asked_to_stop();
        print(&format!(
            "listening on {scheme}://{}\n",
            server.local_addr()
        ))?;
        // The rules would hide an address; where to look is what the line above says, and this one
        // says it to whoever has only the log.
        let address = server.local_addr();
        tracing::info!(
            scheme,
            port = address.port(),
            interface = interface(address.ip()),
            "serving"
        );
        let report = server.serve(asked).await;
        let account = report.account;
        tracing::info!(
            account.received,
            account.recovered,
            account.forwarded,
            account.duplicates,
            account.rejected,
            account.dead,
            account.pending,
            in_time = report.in_time,
            "stopped"
        );
        if report.failed {
            return Err(Failure::Told(
                "the spool's writer ended in a defect; start the server again".to_owned(),
            ));
        }
        Ok(())
    })
}

fn token(args: &TokenArgs) -> Result<(), Failure> {
    let config = Config::load(args.source.config.as_deref())?;
    let lifetime = Duration::from_secs(args.seconds);
    let token = hs256::mint(&config.auth, &args.user, args.session.as_deref(), lifetime)?;
    print(&format!("{token}\n"))
}

fn config_keys() -> String {
    let mut text = String::new();
    let mut section = "";
    for key in keys::ALL {
        let (its_section, name) = key.path.split_once('.').unwrap_or(("", key.path));
        if its_section != section {
            section = its_section;
            let _ = write!(text, "\n[{section}]\n");
        }
        let value = match key.kind {
            keys::Kind::Count => key.default.to_owned(),
            keys::Kind::List => "[]".to_owned(),
            keys::Kind::Pairs => "{}".to_owned(),
            keys::Kind::Text | keys::Kind::Secret => format!("{:?}", key.default),
        };
        // Writing to a String cannot fail.
        let _ = write!(text, "# {}\n# {name} = {value}\n", key.about);
        if key.kind == keys::Kind::Secret {
            let _ = writeln!(text, "# {name}_file = \"\"");
        }
    }
    text
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::Runtime)
}

/// Prints a result at once: whoever starts the server waits for the line.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// A failure and its causes on one line.
fn explain(failure: &dyn std::error::Error) -> String {
    let mut text = failure.to_string();
    let mut source = failure.source();
    while let Some(error) = source {
        // A transparent error has the text of its source already.
        if !text.ends_with(&error.to_string()) {
            let _ = write!(text, ": {error}");
        }
        source = error.source();
    }
    text
}

const AFTER_HELP: &str = "\
Examples:
  Receive and print, without an account:
    soliplex-ingest otlp-sink --listen 127.0.0.1:4318
  Serve to it, with sessions of a shared secret:
    export SOLIPLEX_INGEST_AUTH__HS256_SECRET=$(head -c 32 /dev/urandom | base64)
    export SOLIPLEX_INGEST_FORWARD__ENDPOINT=http://127.0.0.1:4318/v1/logs
    soliplex-ingest serve
  Mint a session and post a record:
    TOKEN=$(soliplex-ingest token --user me --session s1)
    curl -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \\
      -d '{\"logs\":[{\"level\":\"info\",\"logger\":\"demo\",\"message\":\"hello\"}]}' \\
      http://127.0.0.1:4319/api/v1/logs

Every key of the configuration: soliplex-ingest config-keys
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.";
