//! The conservation law: every record has exactly one fate.

/// The sums of the conservation law.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// Records in requests answered with 200.
    pub received: u64,
    /// Records that waited when this process started.
    pub recovered: u64,
    /// Records the upstream took.
    pub forwarded: u64,
    /// Records that had come before.
    pub duplicates: u64,
    /// Records no server will take as they are.
    pub rejected: u64,
    /// Records the upstream refused for good, or that this server's disk does not give back.
    pub dead: u64,
    /// Records that wait.
    pub pending: u64,
}

impl Account {
    /// Whether every record has exactly one fate.
    pub fn balances(&self) -> bool {
        self.received + self.recovered
            == self.forwarded + self.duplicates + self.rejected + self.dead + self.pending
    }
}
