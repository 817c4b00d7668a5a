//! The figures that are written down.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::fs;

use serde::Deserialize;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.toml");

/// Compilers and dependencies move a figure by some per cent without anybody's doing.
const MARGIN_PERCENT: u64 = 5;

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

impl Line {
    /// Above the margin, or never written down.
    pub(crate) fn is_above(&self) -> bool {
        self.stored
            .is_none_or(|stored| self.counted * 100 > stored * (100 + self.margin_percent))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Line { road, counted, .. } = self;
        write!(f, "{road:<26} {counted:>7} instructions an event, ")?;
        match self.stored {
            None => f.write_str("ABOVE: no figure is written down"),
            Some(stored) if self.is_above() => {
                write!(f, "ABOVE {stored} + {} %", self.margin_percent)
            }
            Some(stored) => write!(f, "of {stored} + {} %", self.margin_percent),
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
    fn only_what_exceeds_the_margin_is_above() {
        let ledger = ledger("margin_percent = 5\n[instructions]\n\"all\" = 1000\n");
        for (road, counted, above) in [
            ("all", 900, false),
            ("all", 1050, false),
            ("all", 1051, true),
            ("unknown", 1, true),
        ] {
            assert_eq!(
                ledger.judge(road, counted).is_above(),
                above,
                "{road} {counted}"
            );
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let written = Ledger::measured(vec![("root, rules".to_owned(), 1100)]).to_string();
        assert_eq!(ledger(&written).instructions["root, rules"], 1100);
    }
}
