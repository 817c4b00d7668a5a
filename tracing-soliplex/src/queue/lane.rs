//! Which records give way first when the ring fills.

use soliplex_wire::Severity;

/// The severities, gathered into the four groups that are admitted differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Lane {
    /// TRACE and DEBUG.
    Debug,
    /// INFO, and records whose level is not one of ours.
    Info,
    /// WARN.
    Warn,
    /// ERROR and FATAL.
    Error,
}

impl Lane {
    /// How many lanes there are; arrays with a value for each are indexed by [`Lane::index`].
    pub(crate) const COUNT: usize = 4;

    /// Every lane, the first to give way first.
    pub(crate) const ALL: [Lane; Lane::COUNT] = [Lane::Debug, Lane::Info, Lane::Warn, Lane::Error];

    /// The lane's place in [`Lane::ALL`].
    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    /// How full, in percent, a push to this lane may make the ring.
    ///
    /// INFO stops at 75: with a quarter kept for WARN and above, a flood lost none of 20,000
    /// warnings; without it, a fifth of them. TRACE and DEBUG stop at the half, where the worker is
    /// woken, so that a flood of them leaves INFO a quarter. The last tenth, 800 KiB by default, is
    /// some sixteen hundred errors, whose room no flood of anything else can take.
    const fn share_percent(self) -> u64 {
        match self {
            Lane::Debug => 50,
            Lane::Info => 75,
            Lane::Warn => 90,
            Lane::Error => 100,
        }
    }

    /// How many bytes of a ring may be in use after a push to this lane.
    pub(super) const fn bound(self, capacity: u64) -> u64 {
        capacity / 100 * self.share_percent() + capacity % 100 * self.share_percent() / 100
    }
}

impl From<Severity> for Lane {
    fn from(severity: Severity) -> Lane {
        match severity {
            Severity::Trace | Severity::Debug => Lane::Debug,
            Severity::Unspecified | Severity::Info => Lane::Info,
            Severity::Warn => Lane::Warn,
            Severity::Error | Severity::Fatal => Lane::Error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graver_severity_is_never_in_a_lane_that_gives_way_sooner() {
        let known = Severity::ALL
            .into_iter()
            .filter(|severity| *severity != Severity::Unspecified);
        assert!(known.map(Lane::from).is_sorted());
    }

    #[test]
    fn each_lane_may_fill_more_than_the_one_before_and_errors_all_of_it() {
        let bounds = Lane::ALL.map(|lane| lane.bound(4096));
        assert_eq!(bounds, [2048, 3072, 3686, 4096]);
    }

    #[test]
    fn a_lane_stands_at_its_index() {
        for lane in Lane::ALL {
            assert_eq!(Lane::ALL[lane.index()], lane);
        }
    }
}
