//! Puts the sections that the benches left together into `benches/REPORT.md`, with its plots.
//!
//! `benches/report` runs the benches first; this program only reads what they left under
//! `target/bench-report/`, and says of what is missing that it is.

#![allow(clippy::print_stdout, reason = "its answer is what it prints")]

mod load;
mod machine;
mod markdown;
mod versions;

use std::error::Error;
use std::fs;
use std::path::Path;

use soliplex_benches::section::{Section, kept_in};

/// The benches' sections in the order of the report.
const BENCHES: [&str; 4] = ["client", "redaction", "spool", "wire"];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = kept_in();
    let mut sections = Vec::new();
    let mut missing = Vec::new();
    for id in BENCHES {
        match read(&folder.join(id).with_extension("json"))? {
            Some(section) => sections.push(section),
            None => missing.push(id.to_owned()),
        }
    }
    match load::section(&folder)? {
        Some(section) => sections.push(section),
        None => missing.push("ingest".to_owned()),
    }

    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let plots = home.join("plots");
    // A plot that is no longer drawn shall not lie about.
    if plots.exists() {
        fs::remove_dir_all(&plots)?;
    }
    fs::create_dir_all(&plots)?;
    for plot in sections.iter().flat_map(|section| &section.plots) {
        fs::write(plots.join(&plot.id).with_extension("svg"), plot.to_svg())?;
    }
    let peers = versions::of_peers(&home.join(".."), &folder)?;
    // What no program knows: why a figure is what it is, and what was done about it.
    let tried = fs::read_to_string(home.join("tried.md")).unwrap_or_default();
    let text = markdown::report(&machine::facts(), &peers, &sections, &missing, &tried);
    fs::write(home.join("REPORT.md"), &text)?;
    println!("benches/REPORT.md: {} sections", sections.len());
    for id in missing {
        println!("MISSING: {id}");
    }
    Ok(())
}

/// A section, if that bench has run.
fn read(path: &Path) -> Result<Option<Section>, Box<dyn Error>> {
    if !path.exists() {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&fs::read(path)?)?))
}
