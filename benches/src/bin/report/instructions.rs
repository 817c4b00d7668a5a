//! What an event costs in instructions, as it is written down: another program counts them.

use std::collections::BTreeMap;
use std::error::Error;

use serde::Deserialize;
use soliplex_benches::figures::number;
use soliplex_benches::section::Table;

#[derive(Deserialize)]
struct Ledger {
    margin_percent: u64,
    instructions: BTreeMap<String, f64>,
}

/// The figures of `benches/instructions.toml`.
pub(crate) fn table(ledger: &str) -> Result<Table, Box<dyn Error>> {
    let ledger: Ledger = toml::from_str(ledger)?;
    let caption = format!(
        "Instructions, as `benches/instructions` counted them last and CI holds them within {} %; \
         a build without link-time optimization",
        ledger.margin_percent
    );
    let mut table = Table::new(&caption, ["what an event goes through", "instructions"]);
    for (road, counted) in ledger.instructions {
        table.row([road, number(counted)]);
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_that_is_written_down_has_a_row() {
        let written = include_str!("../../../instructions.toml");
        let table = table(written).unwrap();
        let figures = written.lines().filter(|line| line.starts_with('"'));
        assert_eq!(table.rows.len(), figures.count());
        assert!(table.rows.iter().any(|row| row[0] == "all"));
    }
}
