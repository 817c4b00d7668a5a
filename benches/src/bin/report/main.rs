//! Puts the sections that the benches left together into `benches/REPORT.md`, with its plots.
//!
//! `benches/report` runs the benches first; this program only reads what they left under
//! `target/bench-report/`, and says of what is missing that it is. With `--tiny` it reads what a
//! tiny run left, and writes beside that. With a section's name it prints that section and writes
//! nothing.

#![allow(clippy::print_stdout, reason = "its answer is what it prints")]

mod ingest;
mod instructions;
mod load;
mod machine;
mod markdown;
mod tried;
mod versions;

use std::error::Error;
use std::fs;
use std::path::Path;

use soliplex_benches::options::{Options, Size};
use soliplex_benches::section::Section;

use tried::Tried;

/// The sections in the order of the report.
const SECTIONS: [&str; 5] = ["client", "redaction", "spool", "wire", INGEST];

/// The one that is put together here, from what the load generator printed.
const INGEST: &str = "ingest";

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_args();
    let kept = options.size.kept_in();
    if let Some(id) = &options.named {
        let section = read(&kept, id, options.size)?.ok_or("that section was not measured")?;
        print!("{}", section.to_text());
        return Ok(());
    }
    let mut sections = Vec::new();
    let mut missing = Vec::new();
    for id in SECTIONS {
        match read(&kept, id, options.size)? {
            Some(section) => sections.push(section),
            None => missing.push(id.to_owned()),
        }
    }
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    if let Some(client) = sections.iter_mut().find(|section| section.id == "client") {
        let written = fs::read_to_string(home.join("instructions.toml"))?;
        client.tables.push(instructions::table(&written)?);
    }
    let into = match options.size {
        Size::Tiny => &kept,
        Size::Quick | Size::Full => home,
    };
    draw(&sections, &into.join("plots"))?;
    let run = fs::read_to_string(kept.join("run.tsv")).unwrap_or_default();
    let text = markdown::report(&markdown::Found {
        machine: &[machine::facts(), machine::of_run(&run)].concat(),
        peers: &versions::of_peers(&home.join(".."))?,
        sections: &sections,
        missing: &missing,
        tried: &Tried::parse(&fs::read_to_string(home.join("tried.md"))?),
    });
    fs::write(into.join("REPORT.md"), &text)?;
    println!("REPORT.md: {} sections", sections.len());
    if !missing.is_empty() {
        return Err(format!("not measured: {}", missing.join(", ")).into());
    }
    Ok(())
}

/// A section, if it was measured.
fn read(kept: &Path, id: &str, size: Size) -> Result<Option<Section>, Box<dyn Error>> {
    if id == INGEST {
        return Ok(ingest::section(kept, size));
    }
    let path = kept.join(id).with_extension("json");
    if !path.exists() {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&fs::read(path)?)?))
}

fn draw(sections: &[Section], plots: &Path) -> std::io::Result<()> {
    // A plot that is no longer drawn shall not lie about.
    if plots.exists() {
        fs::remove_dir_all(plots)?;
    }
    fs::create_dir_all(plots)?;
    for plot in sections.iter().flat_map(|section| &section.plots) {
        fs::write(plots.join(&plot.id).with_extension("svg"), plot.to_svg())?;
    }
    Ok(())
}
