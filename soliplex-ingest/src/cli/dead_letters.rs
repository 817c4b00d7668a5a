//! `dead-letters`: what the upstream refused for good, for an operator to look at and to send
//! again.
//!
//! Works beside a running server: dead letters are files, and complete ones only.

use std::path::Path;
use std::sync::Arc;

use clap::Subcommand;
use prost::Message as _;

use super::{Failure, Source, print, runtime};
use crate::config::Config;
use crate::dead_letters::{DeadLetter, DeadLetters, present};
use crate::forward::{Outcome, Upstream};
use crate::otlp::Window;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// One line a dead letter: name, when, why, how many records.
    List(Source),
    /// Print them whole, one JSON object a line, the request in OTLP's own JSON.
    Export(Source),
    /// Send them to the configured upstream; what it takes is removed.
    Resend {
        #[command(flatten)]
        source: Source,
        /// Also those of which the upstream took a part: their other records arrive a second time.
        #[arg(long)]
        include_partial: bool,
    },
}

pub(super) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::List(source) => for_each(&source, |path, letter| {
            let name = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            print(&format!(
                "{name}  {}  {}  {}  {} of {} records\n",
                letter.at, letter.reason, letter.answer, letter.refused, letter.records
            ))
        }),
        Command::Export(source) => for_each(&source, |_, letter| {
            print(&format!(
                "{}\n",
                serde_json::to_string(letter).map_err(std::io::Error::from)?
            ))
        }),
        Command::Resend {
            source,
            include_partial,
        } => resend(&source, include_partial),
    }
}

fn for_each(
    source: &Source,
    mut show: impl FnMut(&Path, &DeadLetter) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (_, letters) = open(source)?;
    for path in letters.list()? {
        if let Some(letter) = present(letters.read(&path))? {
            show(&path, &letter)?;
        }
    }
    Ok(())
}

fn resend(source: &Source, include_partial: bool) -> Result<(), Failure> {
    let (config, letters) = open(source)?;
    let (mut sent, mut skipped, mut refused) = (0, 0, 0);
    runtime()?.block_on(async {
        let upstream = Upstream::try_new(&config.forward, Arc::default())?;
        let window = Window {
            max_age: config.forward.max_age,
            max_ahead: config.forward.max_ahead,
        };
        for path in letters.list()? {
            let Some(letter) = present(letters.read(&path))? else {
                continue;
            };
            if letter.refused < letter.records && !include_partial {
                skipped += 1;
                continue;
            }
            // A letter may be weeks old, and the upstream refuses what is a day old.
            let request = window.fit_now(letter.request.encode_to_vec());
            match upstream.post(request).await {
                Outcome::Accepted => {
                    present(std::fs::remove_file(&path))?;
                    sent += 1;
                }
                Outcome::Later { cause, .. } | Outcome::Held(cause) => {
                    return Err(Failure::Told(format!(
                        "the upstream does not take requests now: {cause}"
                    )));
                }
                _ => refused += 1,
            }
        }
        Ok(())
    })?;
    print(&format!(
        "{sent} sent and removed, {refused} refused again, {skipped} skipped (partial success)\n"
    ))
}

fn open(source: &Source) -> Result<(Config, DeadLetters), Failure> {
    let config = Config::load(source.config.as_deref())?;
    let letters = DeadLetters::open(&config.data_dir, config.limits.dead_letter_bytes)?;
    Ok((config, letters))
}
