//! The lanes. Eviction takes the lowest lane's oldest first; delivery knows no lanes.

/// How many there are.
pub(crate) const LANES: usize = 4;

/// Where a record waits, by its severity. Ordered by worth: what is lower goes first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Lane {
    /// TRACE and DEBUG.
    Low,
    /// INFO and WARN.
    Normal,
    /// ERROR and FATAL.
    High,
    /// How a session began. Stays as long as any other record of its context does, and is then
    /// worth less than an error.
    Marker,
}

impl Lane {
    /// All of them, the lowest first.
    pub(crate) const ALL: [Self; LANES] = [Self::Low, Self::Normal, Self::High, Self::Marker];
}
