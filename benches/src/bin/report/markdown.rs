//! The report as text.

use std::fmt::Write as _;

use soliplex_benches::options::Size;
use soliplex_benches::section::{Aim, Section, Table, Verdict};

use crate::tried::Tried;

const INTRODUCTION: &str = "\
# What it costs

Written by `benches/report`; do not edit. Ours and its peers take short turns, one after the other,
over many rounds; each section says what a turn is. Unless it says otherwise, what is compared is
compared within a round, a moment in which the machine is the same for all: a ratio is the median of
the rounds' ratios, what a part adds is the median of the rounds' differences, and neither is that of
the medians beside it. Those are absolute, and come from the quieter half of the rounds, by a piece
of arithmetic that is timed beside each. Ratios travel from one machine to another, absolute numbers
do not.
";

/// What a report is made of.
pub(crate) struct Found<'a> {
    pub(crate) machine: &'a [(String, String)],
    pub(crate) peers: &'a [String],
    pub(crate) sections: &'a [Section],
    /// Sections that were not measured.
    pub(crate) missing: &'a [String],
    pub(crate) tried: &'a Tried,
}

/// The whole report.
pub(crate) fn report(found: &Found<'_>) -> String {
    let mut text = INTRODUCTION.to_owned();
    match found.sections.iter().map(|section| section.size).max() {
        Some(Size::Quick) => text.push_str("\n**A quick run: its figures are rough.**\n"),
        Some(Size::Tiny) => text.push_str("\n**A tiny run: its figures mean nothing.**\n"),
        Some(Size::Full) | None => {}
    }
    if !found.missing.is_empty() {
        let _ = writeln!(text, "\n**Not measured: {}.**", found.missing.join(", "));
    }
    text.push_str("\n| measured on | |\n|---|---|\n");
    for (name, fact) in found.machine {
        let _ = writeln!(text, "| {name} | {fact} |");
    }
    let _ = writeln!(text, "\nBeside: {}.", found.peers.join(", "));
    text.push_str(
        "\n## Aims\n\n| | aim | is | half of the rounds within | |\n|---|---|---|---|---|\n",
    );
    for section in found.sections {
        for aim in &section.aims {
            text.push_str(&aim_row(section, aim));
        }
    }
    text.push_str("\nWhat is behind is behind; why, and what was tried, ends each section.\n");
    for section in found.sections {
        text.push_str(&one(section, found.tried.of(&section.id)));
    }
    text
}

fn aim_row(section: &Section, aim: &Aim) -> String {
    let verdict = match aim.verdict() {
        Verdict::Met => "met".to_owned(),
        Verdict::Behind => format!("[**behind**](#{}-what-was-tried)", section.id),
        Verdict::NotMeasured => "not measured".to_owned(),
    };
    let [bound, reached, within] = aim.to_cells();
    format!(
        "| {}: {} | {bound} | {reached} | {within} | {verdict} |\n",
        section.id, aim.what
    )
}

fn one(section: &Section, tried: &str) -> String {
    let pace = section.pace.map(|pace| format!("\n\n{}", pace.to_text()));
    let mut text = format!(
        "\n## {}\n\n{}{}\n\n```sh\n{}\n```\n",
        section.title,
        section.measured,
        pace.unwrap_or_default(),
        section.command
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
    let is_behind = |aim: &Aim| aim.verdict() == Verdict::Behind;
    let tried = match (tried, section.aims.iter().any(is_behind)) {
        ("", false) => return text,
        ("", true) => "Something is behind, and `benches/tried.md` does not say why.",
        (tried, _) => tried,
    };
    let _ = write!(text, "\n### {}: what was tried\n\n{tried}\n", section.id);
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

#[cfg(test)]
mod tests {
    use soliplex_benches::samples::Samples;
    use soliplex_benches::section::Bound;

    use super::*;

    /// A report of one section whose aim, at most 2, came out so.
    fn of(reached: f64, tried: &str, size: Size) -> String {
        let mut section = Section::new("wire", "Wire", "Bytes.", "cargo bench");
        section.size = size;
        section.aim("cost", Bound::AtMost(2.0), reached, "ns");
        let rounds = || Samples::from_iter([1.0, 2.0, 3.0, 4.0, 5.0]);
        section.aim_by_round("ratio", Bound::AtLeast(3.0), &rounds(), "");
        section.paced([rounds()]);
        report(&Found {
            machine: &[("cores".to_owned(), "2".to_owned())],
            peers: &["redb 4.4.0".to_owned()],
            sections: &[section],
            missing: &["spool".to_owned()],
            tried: &Tried::parse(tried),
        })
    }

    #[test]
    fn the_report_says_what_is_behind_and_what_was_tried() {
        let tried = "\n## wire\nA table brought nothing.\n";
        let unsaid = "`benches/tried.md` does not say why";
        let behind = "| wire: cost | at most 2.00 ns | 3.00 ns |  | [**behind**]";
        for (reached, tried, size, expected) in [
            (3.0, tried, Size::Full, behind),
            (
                3.0,
                tried,
                Size::Full,
                "### wire: what was tried\n\nA table",
            ),
            (3.0, "", Size::Full, unsaid),
            (1.0, "", Size::Full, "| 1.00 ns |  | met |"),
            (f64::NAN, "", Size::Full, "|  | not measured |"),
            (1.0, "", Size::Full, "**Not measured: spool.**"),
            (1.0, "", Size::Full, "| cores | 2 |"),
            (
                1.0,
                "",
                Size::Full,
                "| at least 3.00 | 3.00 | 2.00 to 4.00 | met |",
            ),
            (1.0, "", Size::Full, "timed beside each round, took 3.00 ns"),
            (1.0, "", Size::Quick, "**A quick run"),
            (1.0, "", Size::Tiny, "**A tiny run"),
        ] {
            let text = of(reached, tried, size);
            assert!(text.contains(expected), "{expected:?} is not in\n{text}");
        }
        for unsaid in ["### wire", "run: its figures"] {
            assert!(!of(1.0, "", Size::Full).contains(unsaid), "{unsaid:?}");
        }
    }
}
