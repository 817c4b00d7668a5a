//! The wall clock, behind a seam so that a test can set it.
//!
//! Instants that are written down come from here, and how long a silence was. Waiting is measured
//! by the runtime's own monotonic clock, so a change of the wall clock delays nothing and hurries
//! nothing.

use std::fmt::Debug;
use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use soliplex_wire::Timestamp;
use sysinfo::System;

/// The time of day, and beside it a time that nobody sets: only the one says when, and only the
/// other how long after something else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Nanoseconds since the Unix epoch.
    pub(crate) unix_nanos: i64,
    /// Nanoseconds since some moment of this process. Where the system has it so, they stand still
    /// while the device sleeps.
    pub(crate) monotonic_nanos: i64,
}

/// Tells the time of day.
pub(crate) trait Clock: Debug + Send + Sync {
    /// Nanoseconds since the Unix epoch.
    fn unix_nanos(&self) -> i64;

    /// How long the device has slept since it was switched on, in nanoseconds, but for a constant:
    /// only the difference of two says anything. `None` where the system does not tell.
    ///
    /// Asks the system, which takes longer than to look at a clock.
    fn asleep(&self) -> Option<i64>;

    /// The time of day as an instant.
    fn now(&self) -> Timestamp {
        timestamp(self.unix_nanos())
    }

    /// The time of day, for what is to be compared with another moment of this process.
    fn moment(&self) -> Moment {
        static BEGIN: OnceLock<Instant> = OnceLock::new();
        let since = BEGIN.get_or_init(Instant::now).elapsed();
        Moment {
            unix_nanos: self.unix_nanos(),
            monotonic_nanos: i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        }
    }
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn unix_nanos(&self) -> i64 {
        // A clock before 1970 or after 2262 is a device that lost its time: the epoch says so.
        let Ok(since) = SystemTime::now().duration_since(UNIX_EPOCH) else {
            return 0;
        };
        // Not by `as_nanos`, whose 128 bits take longer than the rest.
        i64::try_from(since.as_secs())
            .ok()
            .and_then(|seconds| seconds.checked_mul(1_000_000_000))
            .and_then(|nanos| nanos.checked_add(i64::from(since.subsec_nanos())))
            .unwrap_or(0)
    }

    fn asleep(&self) -> Option<i64> {
        // Counted from the system's start on, asleep or awake.
        let seconds = i64::try_from(System::uptime()).ok().filter(|up| *up > 0)?;
        let uptime = seconds.checked_mul(1_000_000_000)?;
        uptime.checked_sub(self.moment().monotonic_nanos)
    }
}

/// The instant that many nanoseconds after the Unix epoch.
pub(crate) fn timestamp(unix_nanos: i64) -> Timestamp {
    // Every i64 of nanoseconds lies within jiff's years -9999 to 9999.
    Timestamp::from_nanosecond(i128::from(unix_nanos)).unwrap_or(Timestamp::UNIX_EPOCH)
}
