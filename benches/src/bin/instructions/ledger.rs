//! The figures that are written down.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::fs;

use serde::Deserialize;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.toml");

/// Compilers and dependencies move a figure by some per cent without anybody's doing.
const MARGIN_PERCENT: u64 = 5;

/// Nobody makes an event that much cheaper in one change: it is no longer what was counted.
const LEAST_PERCENT: u64 = 60;

/// What each road may cost.
#[derive(Debug, Deserialize)]
pub(crate) struct Ledger {
    margin_percent: u64,
    /// Instructions an event, by road.
    instructions: BTreeMap<String, u64>,
}

/// How a road stands to what is written down.
#[derive(Debug)]
pub(crate) struct Line {
    road: String,
    counted: u64,
    stored: Option<u64>,
    margin_percent: u64,
}

impl Ledger {
    pub(crate) fn measured(roads: Vec<(String, u64)>) -> Ledger {
        Ledger {
            margin_percent: MARGIN_PERCENT,
            instructions: roads.into_iter().collect(),
        }
    }

    pub(crate) fn read() -> Result<Ledger, Box<dyn Error>> {
        Ok(toml::from_str(&fs::read_to_string(FILE)?)?)
    }

    pub(crate) fn write(&self) -> std::io::Result<()> {
        fs::write(FILE, self.to_string())
    }

    /// Compares a count with what is stored.
    pub(crate) fn judge(&self, road: &str, counted: u64) -> Line {
        Line {
            road: road.to_owned(),
            counted,
            stored: self.instructions.get(road).copied(),
            margin_percent: self.margin_percent,
        }
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# Instructions an event costs the thread that logs it. `benches/instructions` compares,"
        )?;
        writeln!(f, "# `benches/instructions --write` writes this file.")?;
        writeln!(
            f,
            "margin_percent = {}\n\n[instructions]",
            self.margin_percent
        )?;
        for (road, counted) in &self.instructions {
            writeln!(f, "{road:?} = {counted}")?;
        }
        Ok(())
    }
}

/// How a count compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// As written down, or cheaper.
    Fine,
    /// Above the margin.
    Above,
    /// So far below that the road may have stopped doing its work.
    FarBelow,
    /// Never written down.
    Unknown,
}

impl Line {
    pub(crate) fn verdict(&self) -> Verdict {
        match self.stored {
            None => Verdict::Unknown,
            Some(stored) if self.counted * 100 > stored * (100 + self.margin_percent) => {
                Verdict::Above
            }
            Some(stored) if self.counted * 100 < stored * LEAST_PERCENT => Verdict::FarBelow,
            Some(_) => Verdict::Fine,
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Line { road, counted, .. } = self;
        write!(f, "{road:<26} {counted:>7} instructions an event, ")?;
        let (stored, margin) = (self.stored.unwrap_or(0), self.margin_percent);
        match self.verdict() {
            Verdict::Fine => write!(f, "of {stored} + {margin} %"),
            Verdict::Above => write!(f, "ABOVE {stored} + {margin} %"),
            Verdict::FarBelow => write!(f, "FAR BELOW {stored}: does it still do its work?"),
            Verdict::Unknown => f.write_str("UNKNOWN: no figure is written down"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(text: &str) -> Ledger {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_road_may_cost_a_little_more_or_less_than_is_written_down() {
        let ledger = ledger("margin_percent = 5\n[instructions]\n\"all\" = 1000\n");
        for (road, counted, expected) in [
            ("all", 599, Verdict::FarBelow),
            ("all", 600, Verdict::Fine),
            ("all", 1050, Verdict::Fine),
            ("all", 1051, Verdict::Above),
            ("unknown", 1, Verdict::Unknown),
        ] {
            let verdict = ledger.judge(road, counted).verdict();
            assert_eq!(verdict, expected, "{road} {counted}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let written = Ledger::measured(vec![("root, rules".to_owned(), 1100)]).to_string();
        assert_eq!(ledger(&written).instructions["root, rules"], 1100);
    }
}
