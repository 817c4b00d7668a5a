//! Instructions an event, by running this very program under callgrind.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::road::NAMES;

/// Events of the shorter run, and of the longer.
const EVENTS: [u64; 2] = [2_000, 12_000];

/// Every road with its instructions an event.
pub(crate) fn every_road() -> Result<Vec<(String, u64)>, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    NAMES
        .into_iter()
        .map(|road| {
            let [fewer, more] = EVENTS;
            let more_counted = run(folder.path(), road, more)?;
            let fewer_counted = run(folder.path(), road, fewer)?;
            let counted = more_counted.saturating_sub(fewer_counted) / (more - fewer);
            Ok((road.to_owned(), counted))
        })
        .collect()
}

/// Instructions of the first thread in one run.
fn run(folder: &Path, road: &str, events: u64) -> Result<u64, Box<dyn Error>> {
    let out = folder.join("callgrind");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--separate-threads=yes"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe()?)
        .args(["--walk", road, &events.to_string()])
        .output()
        .map_err(|error| format!("valgrind could not be started: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("valgrind failed on {road:?}: {said}").into());
    }
    let counted = fs::read_to_string(folder.join("callgrind-01"))?;
    let totals = counted
        .lines()
        .find_map(|line| line.strip_prefix("totals: "));
    Ok(totals.ok_or("callgrind gave no totals")?.trim().parse()?)
}
