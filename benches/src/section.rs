//! One section of the report: what was measured, the figures, and whether they are good enough.

use std::{fs, io};

use serde::{Deserialize, Serialize};

use crate::figures;
use crate::options::{Options, Size};
use crate::pace::Pace;
use crate::plot::Plot;
use crate::samples::Samples;

/// What one bench found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Section {
    /// Names its files.
    pub id: String,
    /// Its heading.
    pub title: String,
    /// What is measured and how, in a sentence or three.
    pub measured: String,
    /// What prints it again.
    pub command: String,
    /// How much was measured.
    pub size: Size,
    /// How the machine moved meanwhile, where rounds tell.
    pub pace: Option<Pace>,
    /// The figures.
    pub tables: Vec<Table>,
    /// What they should be.
    pub aims: Vec<Aim>,
    /// The figures as pictures.
    pub plots: Vec<Plot>,
    /// What a reader has to know to read them rightly.
    pub notes: Vec<String>,
}

/// Rows of figures. The first column names what stands in the row.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Table {
    /// What the figures are.
    pub caption: String,
    /// The columns' heads.
    pub columns: Vec<String>,
    /// As many cells as there are columns.
    pub rows: Vec<Vec<String>>,
}

/// A bound on a figure.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Aim {
    /// What is bounded.
    pub what: String,
    /// Which side is good.
    pub bound: Bound,
    /// What was measured; nothing, when it was not.
    pub reached: Option<f64>,
    /// Where the middle half of the rounds lies, if it was found round by round.
    pub within: Option<(f64, f64)>,
    /// The unit of both, empty for a ratio.
    pub unit: String,
}

/// The side of a bound that is good.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Bound {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
}

/// What became of an aim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The figure is on the good side.
    Met,
    /// It is not.
    Behind,
    /// There is no figure.
    NotMeasured,
}

impl Section {
    /// An empty section.
    pub fn new(id: &str, title: &str, measured: &str, command: &str) -> Section {
        Section {
            id: id.to_owned(),
            title: title.to_owned(),
            measured: measured.to_owned(),
            command: command.to_owned(),
            size: Size::Full,
            pace: None,
            tables: Vec::new(),
            aims: Vec::new(),
            plots: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds a bound and what was measured.
    pub fn aim(&mut self, what: &str, bound: Bound, reached: f64, unit: &str) {
        self.aims.push(Aim {
            what: what.to_owned(),
            bound,
            reached: Some(reached).filter(|figure| figure.is_finite()),
            within: None,
            unit: unit.to_owned(),
        });
    }

    /// Adds a bound and what was measured, a figure a round.
    pub fn aim_by_round(&mut self, what: &str, bound: Bound, rounds: &Samples, unit: &str) {
        self.aim(what, bound, rounds.median(), unit);
        if let Some(aim) = self.aims.last_mut() {
            let quartiles = (rounds.quantile(0.25), rounds.quantile(0.75));
            aim.within = aim.reached.map(|_| quartiles);
        }
    }

    /// Says how the machine moved, from what each round of each contest found.
    pub fn paced<const N: usize>(&mut self, contests: [Samples; N]) {
        self.pace = Pace::of(&contests.into_iter().flatten().collect());
    }

    /// Adds a remark.
    pub fn note(&mut self, note: &str) {
        self.notes.push(note.to_owned());
    }

    /// Prints the section, and keeps it for the report unless only part of it was asked for.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn finish(mut self, options: &Options) -> io::Result<()> {
        self.size = options.size;
        print!("{}", self.to_text());
        if options.named.is_some() {
            return Ok(());
        }
        let folder = options.size.kept_in();
        fs::create_dir_all(&folder)?;
        fs::write(
            folder.join(&self.id).with_extension("json"),
            serde_json::to_vec_pretty(&self)?,
        )
    }

    /// For a terminal.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n{}\n", self.title, self.measured);
        if let Some(pace) = self.pace {
            text.push_str(&format!("{}\n", pace.to_text()));
        }
        for table in &self.tables {
            text.push_str(&table.to_text());
        }
        for aim in &self.aims {
            text.push_str(&format!("{:?}: {}\n", aim.verdict(), aim.to_text()));
        }
        for note in &self.notes {
            text.push_str(&format!("- {note}\n"));
        }
        text
    }
}

impl Table {
    /// A table without rows.
    pub fn new<const N: usize>(caption: &str, columns: [&str; N]) -> Table {
        Table {
            caption: caption.to_owned(),
            columns: columns.map(str::to_owned).to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.to_vec());
    }

    fn to_text(&self) -> String {
        let lines: Vec<&Vec<String>> = std::iter::once(&self.columns).chain(&self.rows).collect();
        let width = |column: usize| {
            let cells = lines.iter().filter_map(|line| line.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let mut text = format!("\n{}\n", self.caption);
        for line in &lines {
            for (column, cell) in line.iter().enumerate() {
                let width = width(column);
                match column {
                    0 => text.push_str(&format!("{cell:<width$}")),
                    _ => text.push_str(&format!("  {cell:>width$}")),
                }
            }
            text.push('\n');
        }
        text
    }
}

impl Aim {
    /// Whether the figure is good enough.
    pub fn verdict(&self) -> Verdict {
        match (self.reached, self.bound) {
            (None, _) => Verdict::NotMeasured,
            (Some(reached), Bound::AtMost(most)) if reached <= most => Verdict::Met,
            (Some(reached), Bound::AtLeast(least)) if reached >= least => Verdict::Met,
            _ => Verdict::Behind,
        }
    }

    /// The aim and the figure in words.
    pub fn to_text(&self) -> String {
        let [bound, reached, within] = self.to_cells();
        let within = match within.as_str() {
            "" => String::new(),
            within => format!(" (half of the rounds within {within})"),
        };
        format!("{}: {bound}, is {reached}{within}", self.what)
    }

    /// The aim, the figure, and where the middle half of the rounds lies.
    pub fn to_cells(&self) -> [String; 3] {
        let unit = match self.unit.as_str() {
            "" => String::new(),
            unit => format!(" {unit}"),
        };
        let (side, bound) = match self.bound {
            Bound::AtMost(bound) => ("at most", bound),
            Bound::AtLeast(bound) => ("at least", bound),
        };
        let number = figures::number;
        let within = self
            .within
            .map(|(low, high)| format!("{} to {}{unit}", number(low), number(high)));
        [
            format!("{side} {}{unit}", number(bound)),
            format!("{}{unit}", number(self.reached.unwrap_or(f64::NAN))),
            within.unwrap_or_default(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aim_is_met_on_its_good_side_only() {
        for (bound, reached, expected) in [
            (Bound::AtMost(0.6), Some(0.6), Verdict::Met),
            (Bound::AtMost(0.6), Some(0.61), Verdict::Behind),
            (Bound::AtLeast(500.0), Some(499.0), Verdict::Behind),
            (Bound::AtLeast(500.0), Some(501.0), Verdict::Met),
            (Bound::AtLeast(500.0), None, Verdict::NotMeasured),
        ] {
            let aim = Aim {
                what: String::new(),
                bound,
                reached,
                within: None,
                unit: String::new(),
            };
            assert_eq!(aim.verdict(), expected, "{bound:?} {reached:?}");
        }
    }

    #[test]
    fn an_aim_by_round_says_where_half_of_the_rounds_lie() {
        let none = "cost: at most 3.00 ns, is – ns";
        let four = "cost: at most 3.00 ns, is 3.00 ns (half of the rounds within 2.00 to 4.00 ns)";
        for (rounds, expected) in [(vec![5.0, 1.0, 4.0, 2.0, 3.0], four), (vec![], none)] {
            let mut section = Section::new("", "", "", "");
            let rounds = Samples::from_iter(rounds);
            section.aim_by_round("cost", Bound::AtMost(3.0), &rounds, "ns");
            assert_eq!(section.aims[0].to_text(), expected);
        }
    }

    #[test]
    fn columns_line_up_by_letters_not_bytes() {
        let mut table = Table::new("", ["road", "cost"]);
        table.row(["a".to_owned(), "12.5 µs".to_owned()]);
        table.row(["longer".to_owned(), "88 ns".to_owned()]);
        assert_eq!(
            table.to_text(),
            "\n\nroad       cost\na       12.5 µs\nlonger    88 ns\n"
        );
    }
}
