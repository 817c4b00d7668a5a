//! Counts the instructions of the hot path and holds them to what is written down.
//!
//! Time jitters, instructions do not: a change that makes an event dearer shows here on any
//! machine, however busy. The figures are those of a build without link-time optimization, so they
//! are no promise; what counts is that they do not grow.
//!
//! ```text
//! benches/instructions           # compares with benches/instructions.toml, fails when off
//! benches/instructions --write   # measures, and writes the file anew
//! ```
//!
//! The program runs itself under valgrind's callgrind, twice a road with different numbers of
//! events, and divides the difference: what starting costs cancels out. Only the thread that logs
//! is counted. A road that was not gone down, or whose records were not all taken in, is an error.

#![allow(clippy::print_stdout, reason = "its answer is what it prints")]

mod count;
mod ledger;
mod road;

use std::error::Error;
use std::process::ExitCode;

use ledger::{Ledger, Verdict};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["--walk", name, events] => {
            road::walk(name, events.parse()?)?;
            Ok(ExitCode::SUCCESS)
        }
        ["--write"] => {
            let ledger = Ledger::measured(count::every_road()?);
            ledger.write()?;
            println!("{ledger}");
            Ok(ExitCode::SUCCESS)
        }
        [] => compare(&Ledger::read()?),
        _ => Err("expected no argument, or --write".into()),
    }
}

fn compare(stored: &Ledger) -> Result<ExitCode, Box<dyn Error>> {
    let mut off = 0;
    for (road, counted) in count::every_road()? {
        let line = stored.judge(&road, counted);
        println!("{line}");
        off += u32::from(line.verdict() != Verdict::Fine);
    }
    if off == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    println!("{off} off: mend it, or run `benches/instructions --write` and say why");
    Ok(ExitCode::FAILURE)
}
