//! The report as text.

use std::fmt::Write as _;

use soliplex_benches::section::{Aim, Section, Table, Verdict};

const INTRODUCTION: &str = "\
# What it costs

Written by `benches/report`; do not edit. Peers run beside ours in one process, in turns, over
several rounds; what is quoted is the median. Ratios travel from one machine to another, absolute
numbers do not.
";

/// The whole report.
pub(crate) fn report(
    machine: &[(&str, String)],
    peers: &[String],
    sections: &[Section],
    missing: &[String],
    tried: &str,
) -> String {
    let mut text = INTRODUCTION.to_owned();
    if sections.iter().any(|section| section.quick) {
        text.push_str("\n**A quick run: its figures are rough.**\n");
    }
    if !missing.is_empty() {
        let _ = writeln!(text, "\n**Not measured: {}.**", missing.join(", "));
    }
    text.push_str("\n| measured on | |\n|---|---|\n");
    for (name, fact) in machine {
        let _ = writeln!(text, "| {name} | {fact} |");
    }
    let _ = writeln!(text, "\nBeside: {}.", peers.join(", "));
    text.push_str("\n## Aims\n\n| | aim | is | |\n|---|---|---|---|\n");
    for section in sections {
        for aim in &section.aims {
            text.push_str(&aim_row(section, aim));
        }
    }
    if !tried.is_empty() {
        let _ = write!(text, "\n{tried}");
    }
    for section in sections {
        text.push_str(&one(section));
    }
    text
}

fn aim_row(section: &Section, aim: &Aim) -> String {
    let verdict = match aim.verdict() {
        Verdict::Met => "met",
        Verdict::Behind => "**behind**",
        Verdict::NotMeasured => "not measured",
    };
    let words = aim.to_text();
    let (_, figures) = words.rsplit_once(": ").unwrap_or(("", &words));
    let (bound, reached) = figures.split_once(", is ").unwrap_or((figures, ""));
    format!(
        "| {}: {} | {bound} | {reached} | {verdict} |\n",
        section.id, aim.what
    )
}

fn one(section: &Section) -> String {
    let mut text = format!(
        "\n## {}\n\n{}\n\n```sh\n{}\n```\n",
        section.title, section.measured, section.command
    );
    for table in &section.tables {
        text.push_str(&rows(table));
    }
    for plot in &section.plots {
        let _ = write!(text, "\n![{}](plots/{}.svg)\n", plot.title, plot.id);
    }
    if !section.notes.is_empty() {
        text.push('\n');
    }
    for note in &section.notes {
        let _ = writeln!(text, "- {note}");
    }
    text
}

fn rows(table: &Table) -> String {
    let mut text = format!(
        "\n{}\n\n| {} |\n|",
        table.caption,
        table.columns.join(" | ")
    );
    for column in 0..table.columns.len() {
        text.push_str(if column == 0 { "---|" } else { "---:|" });
    }
    text.push('\n');
    for row in &table.rows {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}
