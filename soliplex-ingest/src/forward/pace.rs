//! When the next request may go, from how the earlier ones ended.
//!
//! Requests run side by side, so their ends come in any order. Only a request that started after
//! the last failure was noted says anything new: one that started earlier neither ends a wait nor
//! lengthens the back-off, though a wait it asks for is kept.

use std::time::Duration;

use tokio::time::Instant;

use super::ForwardState;
use super::outcome::{self, Cause};

/// What a request's end asks of the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    Go,
    Later {
        after: Option<Duration>,
        cause: Cause,
    },
    Hold {
        cause: Cause,
    },
}

/// The pace of a forwarder.
#[derive(Debug)]
pub(super) struct Pacer {
    /// Failures in a row, one a probe.
    failures: u32,
    not_before: Instant,
    /// Grows with every failure that is news.
    epoch: u64,
}

impl Pacer {
    pub(super) fn new(now: Instant) -> Self {
        Pacer {
            failures: 0,
            not_before: now,
            epoch: 0,
        }
    }

    /// Whether the last thing heard of the upstream was a failure; then one request at a time
    /// probes it.
    pub(super) fn is_failing(&self) -> bool {
        self.failures > 0
    }

    pub(super) fn not_before(&self) -> Instant {
        self.not_before
    }

    /// What a request remembers of the time when it started.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Waits for company, unless a longer wait is on.
    pub(super) fn linger(&mut self, until: Instant) {
        self.not_before = self.not_before.max(until);
    }

    /// Ends a wait for company; a wait for the upstream stays.
    pub(super) fn hurry(&mut self, now: Instant) {
        if !self.is_failing() {
            self.not_before = now;
        }
    }

    /// Notes the end of a request that started in `epoch`; gives the state it shows, if it is news.
    pub(super) fn note(&mut self, now: Instant, epoch: u64, pace: &Pace) -> Option<ForwardState> {
        let is_news = epoch == self.epoch;
        if *pace == Pace::Go {
            return is_news.then(|| {
                self.failures = 0;
                ForwardState::Flowing
            });
        }
        if is_news {
            self.failures = self.failures.saturating_add(1);
            self.epoch += 1;
        }
        let (state, wait) = match pace {
            Pace::Later { after, cause } => {
                (ForwardState::Retrying(cause.clone()), self.wait(*after))
            }
            Pace::Hold { cause } => (ForwardState::Held(cause.clone()), HOLD_INTERVAL),
            Pace::Go => (ForwardState::Flowing, Duration::ZERO),
        };
        self.not_before = self.not_before.max(now + wait);
        // What passes by itself does not hide a wrong setting that was found at the same time.
        (is_news || matches!(state, ForwardState::Held(_))).then_some(state)
    }

    fn wait(&self, after: Option<Duration>) -> Duration {
        match after {
            // "At once" from a server that just failed would have us ask without a pause.
            None | Some(Duration::ZERO) => outcome::backoff(self.failures),
            Some(after) => after.min(MAX_RETRY_AFTER),
        }
    }
}

/// How often a wrong setting is tried again.
const HOLD_INTERVAL: Duration = Duration::from_secs(60);

/// The longest Retry-After that is believed; a typing error upstream must not stop us for a year.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    fn later(after: Option<u64>) -> Pace {
        Pace::Later {
            after: after.map(Duration::from_secs),
            cause: Cause::Status(503),
        }
    }

    const HOLD: Pace = Pace::Hold {
        cause: Cause::Status(401),
    };

    #[test]
    fn a_success_that_started_before_a_failure_ends_no_wait() {
        for failure in [later(Some(60)), HOLD] {
            let now = Instant::now();
            let mut pacer = Pacer::new(now);
            let both = pacer.epoch();
            let _ = pacer.note(now, both, &failure);
            assert_eq!(pacer.note(now, both, &Pace::Go), None);
            assert!(pacer.is_failing());
            assert_eq!(pacer.not_before(), now + Duration::from_secs(60));

            let probe = pacer.epoch();
            assert_eq!(
                pacer.note(now, probe, &Pace::Go),
                Some(ForwardState::Flowing)
            );
            assert!(!pacer.is_failing());
        }
    }

    #[test]
    fn requests_that_fail_together_count_as_one_failure() {
        let now = Instant::now();
        let mut pacer = Pacer::new(now);
        let all = pacer.epoch();
        for _ in 0..4 {
            let _ = pacer.note(now, all, &later(None));
        }
        assert_eq!(pacer.failures, 1);
        assert!(pacer.not_before() <= now + Duration::from_secs(1));
        let _ = pacer.note(now, pacer.epoch(), &later(None));
        assert_eq!(pacer.failures, 2);
    }

    #[test]
    fn the_longest_wait_that_was_asked_for_is_kept() {
        let now = Instant::now();
        let mut pacer = Pacer::new(now);
        let all = pacer.epoch();
        for after in [Some(7), Some(60), None, Some(3)] {
            let _ = pacer.note(now, all, &later(after));
        }
        assert_eq!(pacer.not_before(), now + Duration::from_secs(60));
        pacer.hurry(now);
        assert_eq!(pacer.not_before(), now + Duration::from_secs(60));
    }

    #[test]
    fn a_retry_after_of_zero_backs_off_and_a_year_is_not_believed() {
        for (after, least, most) in [
            (0, 750, 1000),
            (2, 2000, 2000),
            (31_536_000, 3_600_000, 3_600_000),
        ] {
            let now = Instant::now();
            let mut pacer = Pacer::new(now);
            let _ = pacer.note(now, 0, &later(Some(after)));
            let wait = (pacer.not_before() - now).as_millis();
            assert!((least..=most).contains(&wait), "{after}: {wait}");
        }
    }

    #[test]
    fn a_late_failure_does_not_hide_a_wrong_setting() {
        let now = Instant::now();
        let mut pacer = Pacer::new(now);
        let all = pacer.epoch();
        assert!(pacer.note(now, all, &later(None)).is_some());
        assert_eq!(
            pacer.note(now, all, &HOLD),
            Some(ForwardState::Held(Cause::Status(401)))
        );
        assert_eq!(pacer.note(now, all, &later(None)), None);
    }
}
