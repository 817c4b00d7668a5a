//! Whether the wall clock can be trusted with what is too old. A clock that runs a month ahead for
//! a minute, as a receiver without satellites or a mistyped date can make it, would give up all
//! that waits.

use std::time::Duration;

use crate::clock::Moment;

/// How long the wall clock has to go along with the one that nobody sets. A wrong date is mostly
/// put right within minutes, and a month's age bound does not mind five of them.
const TRUSTED_AFTER: Duration = Duration::from_secs(5 * 60);

/// How far the two may drift apart meanwhile: a correction, and no new date.
const DRIFT: Duration = Duration::from_secs(60);

/// What the wall clock said when it was last seen to be set.
pub(super) struct Calendar {
    since: Moment,
}

impl Calendar {
    pub(super) fn new(now: Moment) -> Calendar {
        Calendar { since: now }
    }

    /// The time of day in nanoseconds since the Unix epoch, if it can be trusted.
    pub(super) fn trusted(&mut self, now: Moment) -> Option<i64> {
        let elapsed = now.monotonic_nanos - self.since.monotonic_nanos;
        let dated = now.unix_nanos.saturating_sub(self.since.unix_nanos);
        if u128::from(dated.abs_diff(elapsed)) > DRIFT.as_nanos() {
            self.since = now;
            return None;
        }
        let has_lasted = i128::from(elapsed) >= TRUSTED_AFTER.as_nanos() as i128;
        has_lasted.then_some(now.unix_nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60 * 1_000_000_000;
    const MONTH: i64 = 30 * 24 * 60 * MINUTE;

    #[test]
    fn only_a_clock_that_has_gone_along_for_five_minutes_is_trusted() {
        let mut calendar = Calendar::new(Moment {
            unix_nanos: 0,
            monotonic_nanos: 0,
        });
        for (minute, wall, expected) in [
            (4, 4 * MINUTE, None),
            (5, 5 * MINUTE, Some(5 * MINUTE)),
            (6, MONTH, None),
            (10, MONTH + 4 * MINUTE, None),
            (11, 11 * MINUTE, None),
            (15, 15 * MINUTE, None),
            (16, 16 * MINUTE + MINUTE / 2, Some(16 * MINUTE + MINUTE / 2)),
        ] {
            let now = Moment {
                unix_nanos: wall,
                monotonic_nanos: minute * MINUTE,
            };
            assert_eq!(calendar.trusted(now), expected, "minute {minute}");
        }
    }
}
