//! A pipeline's counters as one line of JSON, for whoever runs a device as a process.

use std::fmt;

use serde_json::{Map, Value, json};
use tracing_soliplex::{State, Stats};

/// What became of a device's records. `Display` is one line of JSON, its names as in [`Stats`].
#[derive(Clone, Debug)]
pub struct Account {
    stats: Stats,
}

impl Account {
    /// The account of these counters.
    pub fn new(stats: Stats) -> Account {
        Account { stats }
    }

    /// Whether every record was delivered or discarded for a reason.
    pub fn is_settled(&self) -> bool {
        self.stats.waiting == 0
    }

    /// Whether every record has exactly one fate.
    pub fn balances(&self) -> bool {
        let Stats {
            captured,
            recovered,
            own,
            delivered,
            waiting,
            ..
        } = self.stats;
        captured + recovered + own == delivered + waiting + self.stats.total_discarded()
    }

    /// Everything there is to tell.
    pub fn to_json(&self) -> Value {
        let stats = &self.stats;
        let discarded: Map<String, Value> = stats
            .discarded
            .iter()
            .map(|(reason, count)| (reason.to_string(), (*count).into()))
            .collect();
        json!({
            "captured": stats.captured,
            "recovered": stats.recovered,
            "own": stats.own,
            "delivered": stats.delivered,
            "duplicates": stats.duplicates,
            "waiting": stats.waiting,
            "discarded": discarded,
            "exports": stats.exports,
            "failures": stats.failures,
            "state": state(stats.state),
            "lastError": stats.last_error,
            "balances": self.balances(),
        })
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_json())
    }
}

fn state(state: State) -> &'static str {
    match state {
        State::Active => "active",
        State::Offline => "offline",
        State::BackingOff => "backing off",
        State::Parked => "parked",
        State::Disabled => "disabled",
        _ => "unknown",
    }
}
