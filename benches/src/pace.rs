//! How fast the machine is at the moment.
//!
//! Shared machines have phases of seconds in which the same work takes nearly twice as long, and no
//! stolen time tells of them. A loop that always does the same, timed beside what is measured, does.

use std::hint::black_box;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::figures::nanos;
use crate::samples::Samples;

/// Steps of each chain: a tenth of a millisecond on a processor of these days.
const STEPS: u64 = 100_000;

/// How long the loop takes now, in nanoseconds.
///
/// Chains of arithmetic beside one another, nothing of them in memory: they keep as many units of
/// the processor busy as it has, and so suffer most from whoever shares it.
#[inline(never)]
pub fn now() -> f64 {
    let start = Instant::now();
    let [mut a, mut b, mut c, mut d] = black_box([1_u64, 2, 3, 4]);
    for step in 0..STEPS {
        // Each turned by another number, or the compiler would do two in one vector.
        a = a.rotate_left(7).wrapping_add(step);
        b = b.rotate_left(9) ^ step;
        c = c.rotate_left(11).wrapping_sub(step);
        d = d.rotate_left(13).wrapping_add(step);
    }
    black_box([a, b, c, d]);
    start.elapsed().as_nanos() as f64
}

/// How the machine moved while a section was measured: nanoseconds of the same work.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    median: f64,
    /// A twentieth of the rounds found the machine this fast or faster.
    fast: f64,
    /// A twentieth found it this slow or slower.
    slow: f64,
}

impl Pace {
    /// From what [`now`] said in each round; `None` of no round.
    pub fn of(rounds: &Samples) -> Option<Pace> {
        let pace = Pace {
            median: rounds.median(),
            fast: rounds.quantile(0.05),
            slow: rounds.quantile(0.95),
        };
        pace.median.is_finite().then_some(pace)
    }

    /// For readers of the section.
    pub fn to_text(self) -> String {
        format!(
            "The same arithmetic, timed beside each round, took {}, and from {} to {} in nine rounds \
             of ten: so far the machine itself moved.",
            nanos(self.median),
            nanos(self.fast),
            nanos(self.slow)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rarest_twentieths_are_not_told() {
        let rounds = (0..=100).map(f64::from).collect();
        let text = Pace::of(&rounds).map(Pace::to_text).unwrap_or_default();
        assert!(
            text.contains("took 50.0 ns, and from 5.00 ns to 95.0 ns"),
            "{text}"
        );
        assert_eq!(Pace::of(&Samples::default()), None);
    }
}
