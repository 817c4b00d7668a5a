//! Redacts log lines: `redact < app.log`.
//!
//! A command line around [`soliplex_sanitize::redact_lines`], which says what each mode reads and
//! writes.

use std::fs;
use std::io::{self, BufWriter};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use soliplex_sanitize::{RedactMode, Rules, RulesError, redact_lines};

/// Reads lines from standard input and writes them redacted to standard output.
#[derive(Parser)]
#[command(name = "redact", version)]
struct Args {
    /// Lines are `{"id": …, "in": …}`, where `in` is a text or an object; answers are
    /// `{"id": …, "out": …}`.
    #[arg(long)]
    jsonl: bool,

    /// Instead of the text, write line number, byte range and rule name of every hit.
    #[arg(long, conflicts_with = "jsonl")]
    explain: bool,

    /// Follow the rules of this TOML file instead of the standard ones. A line has no logger, so
    /// `[logger.…]` does nothing; text has no fields, so `allow_only` does nothing without `--jsonl`.
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
}

/// Why nothing, or not everything, was redacted.
#[derive(Debug, thiserror::Error)]
enum RedactError {
    #[error("cannot read the rules file")]
    Read(#[source] io::Error),
    #[error("cannot use the rules file")]
    Rules(#[source] RulesError),
    #[error("cannot go on")]
    Lines(#[source] io::Error),
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut next: Option<&dyn std::error::Error> = Some(&error);
            while let Some(cause) = next {
                eprintln!("redact: {cause}");
                next = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), RedactError> {
    let rules = match &args.rules {
        Some(path) => {
            let text = fs::read_to_string(path).map_err(RedactError::Read)?;
            Rules::from_toml(&text).map_err(RedactError::Rules)?
        }
        None => Rules::standard(),
    };
    let mode = match (args.jsonl, args.explain) {
        (true, _) => RedactMode::Jsonl,
        (_, true) => RedactMode::Explain,
        _ => RedactMode::Text,
    };
    let output = BufWriter::new(io::stdout().lock());
    match redact_lines(&rules, io::stdin().lock(), output, mode) {
        // Whoever reads the output has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map(drop).map_err(RedactError::Lines),
    }
}
