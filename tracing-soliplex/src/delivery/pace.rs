//! When the next request may go.

use std::time::Duration;

use tokio::time::Instant;

use crate::diagnostics::State;
use crate::exporter::Token;
use crate::exporter::http::MAX_RETRY_AFTER;

/// The first wait after a failure; it doubles up to [`MAX_BACKOFF`].
pub(super) const MIN_BACKOFF: Duration = Duration::from_secs(1);

/// The longest wait between attempts, unless the server asks for more.
pub(super) const MAX_BACKOFF: Duration = Duration::from_secs(60);

/// How long a misplaced endpoint is left alone. A deployment is mended within the hour, and a
/// device that would ask more often would find the same.
pub(super) const MISPLACED_FOR: Duration = Duration::from_secs(3600);

/// How often a token that was refused is tried again all the same: the fault may have been the
/// server's, and be mended there.
pub(super) const TRY_TOKEN_EVERY: Duration = Duration::from_secs(3600);

/// How often a parked client asks the token provider whether it has another token by now.
pub(super) const ASK_TOKEN_EVERY: Duration = Duration::from_secs(5);

/// Set in the stored failures where it was the server that asked for the wait.
const ASKED: u32 = 1 << 31;

/// Set where delivery was parked because the endpoint is not one.
const PARKED: u32 = 1 << 30;

/// When the next request may go.
#[derive(Debug)]
pub(crate) struct Pace {
    failures: u32,
    not_before: Option<Instant>,
    /// How much of that wait the server asked for.
    asked_until: Option<Instant>,
    parked: Option<Parked>,
    random: u64,
}

#[derive(Debug)]
enum Parked {
    /// Until a token other than this one comes, asked for now and then, or until this one is due
    /// again.
    Token {
        refused: Option<Token>,
        ask_at: Instant,
        again_at: Instant,
    },
    /// Until the configuration changes, or this instant.
    Misplaced { until: Instant },
}

impl Pace {
    /// `seed` makes the jitter of one device differ from another's.
    pub(crate) fn new(seed: u64) -> Pace {
        Pace {
            failures: 0,
            not_before: None,
            asked_until: None,
            parked: None,
            random: seed | 1,
        }
    }

    /// Holds the first request back by up to `most`, so that a fleet that is switched on together
    /// does not report together.
    pub(crate) fn jitter_start(&mut self, now: Instant, most: Duration) {
        let wait = most.mul_f64(self.random());
        self.not_before = Some(now + wait);
    }

    /// When a request may go; `None` for now.
    pub(crate) fn wait_until(&self, now: Instant) -> Option<Instant> {
        let parked = self.parked.as_ref().map(|parked| match parked {
            Parked::Token { ask_at, .. } => *ask_at,
            Parked::Misplaced { until } => *until,
        });
        parked.or(self.not_before).filter(|until| *until > now)
    }

    /// Whether this token may be tried: while parked for a token, only another one, or once in
    /// [`TRY_TOKEN_EVERY`] the same.
    pub(crate) fn admits(&mut self, token: Option<&Token>, now: Instant) -> bool {
        match &mut self.parked {
            Some(Parked::Token {
                refused,
                ask_at,
                again_at,
            }) if refused.as_ref() == token && now < *again_at => {
                *ask_at = now + ASK_TOKEN_EVERY;
                false
            }
            _ => true,
        }
    }

    /// The server answered as it should.
    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
        (self.not_before, self.asked_until) = (None, None);
        self.parked = None;
    }

    /// The server or the network failed.
    pub(crate) fn failed(&mut self, now: Instant, retry_after: Option<Duration>) {
        let wait = self.backoff().mul_f64(0.75 + self.random() / 2.0);
        self.failures = self.failures.saturating_add(1);
        self.parked = None;
        // A server that names a time is believed, but the jitter spreads those it named it to.
        self.asked_until = retry_after.map(|after| now + after + wait.min(after / 4));
        self.not_before = self.asked_until.max(Some(now + wait));
    }

    /// How long to wait after as many failures, but for the jitter.
    fn backoff(&self) -> Duration {
        let doubled = MIN_BACKOFF.saturating_mul(1 << self.failures.min(16));
        doubled.min(MAX_BACKOFF)
    }

    /// The server refused this token. One that wants a token where there is nobody to ask for one
    /// is another server than was configured.
    pub(crate) fn unauthorized(&mut self, now: Instant, refused: Option<Token>) {
        if refused.is_none() {
            return self.misplaced(now);
        }
        (self.not_before, self.asked_until) = (None, None);
        // The provider is asked once more without delay: the token may just have been renewed.
        self.parked = Some(Parked::Token {
            refused,
            ask_at: now,
            again_at: now + TRY_TOKEN_EVERY,
        });
    }

    /// The endpoint is not one.
    pub(crate) fn misplaced(&mut self, now: Instant) {
        (self.not_before, self.asked_until) = (None, None);
        self.parked = Some(Parked::Misplaced {
            until: now + MISPLACED_FOR,
        });
    }

    /// Somebody waits for what is stored to be delivered: the wait we chose is over, one that the
    /// server asked for is not.
    pub(crate) fn hurry(&mut self, now: Instant) {
        self.not_before = self.asked_until;
        if let Some(Parked::Token { ask_at, .. }) = &mut self.parked {
            *ask_at = now;
        }
    }

    /// Something changed that failures depend on: the network, the token, the configuration. What
    /// the server asked for by `Retry-After` is forgotten too, for it may be another server. A token
    /// that was refused stays refused; the provider is asked at once whether it has another.
    pub(crate) fn changed(&mut self, now: Instant) {
        self.asked_until = None;
        self.parked = self
            .parked
            .take()
            .filter(|parked| matches!(parked, Parked::Token { .. }));
        self.hurry(now);
    }

    /// What a later start needs to go on at this pace: failures with [`ASKED`] and [`PARKED`], and the
    /// instant to wait for in nanoseconds since the Unix epoch; 12 bytes, little-endian.
    ///
    /// Which token was refused is not kept. A later start cannot know whether it has another one, and
    /// finds out after a wait, which grows like any other: an application that crashes again and
    /// again does not ask at each start.
    pub(crate) fn to_bytes(&self, now: Instant, unix_nanos: i64) -> [u8; 12] {
        let of = |then: Instant| then.saturating_duration_since(now);
        // Kept is the longer of the two waits.
        let is_asked = self.asked_until.is_some() && self.asked_until == self.not_before;
        let asked = if is_asked { ASKED } else { 0 };
        let (failures, flag, wait) = match &self.parked {
            Some(Parked::Misplaced { until }) => (self.failures, PARKED, of(*until)),
            Some(Parked::Token { .. }) => (self.failures.saturating_add(1), 0, self.backoff()),
            None => {
                let wait = self.not_before.map_or(Duration::ZERO, of);
                (self.failures, asked, wait)
            }
        };
        let until = unix_nanos.saturating_add(i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX));
        let mut bytes = [0; 12];
        let failures = failures.min(PARKED - 1) | flag;
        bytes[..4].copy_from_slice(&failures.to_le_bytes());
        bytes[4..].copy_from_slice(&until.to_le_bytes());
        bytes
    }

    /// Goes on at the pace of an earlier start. A wall clock that was changed in between can make
    /// the wait no longer than the longest we would have chosen, or believed a server to ask for.
    pub(crate) fn resume(&mut self, bytes: [u8; 12], now: Instant, unix_nanos: i64) {
        let (Some(failures), Some(until)) = (bytes.first_chunk(), bytes.last_chunk()) else {
            return;
        };
        let failures = u32::from_le_bytes(*failures);
        self.failures = failures & !(ASKED | PARKED);
        let is_asked = failures & ASKED != 0;
        let is_parked = failures & PARKED != 0;
        let most = match is_asked {
            _ if is_parked => MISPLACED_FOR,
            true => MAX_RETRY_AFTER,
            false => MAX_BACKOFF,
        };
        let wait = i64::from_le_bytes(*until).saturating_sub(unix_nanos);
        let wait = Duration::from_nanos(u64::try_from(wait).unwrap_or(0)).min(most);
        if is_parked && !wait.is_zero() {
            self.parked = Some(Parked::Misplaced { until: now + wait });
        } else {
            self.asked_until = is_asked.then_some(now + wait);
            self.not_before = self.not_before.max(Some(now + wait));
        }
    }

    pub(crate) fn state(&self) -> State {
        match (&self.parked, self.failures) {
            (Some(_), _) => State::Parked,
            (None, 0) => State::Active,
            (None, _) => State::BackingOff,
        }
    }

    /// A number from 0 to 1: xorshift64, Marsaglia 2003. Enough to keep devices apart.
    fn random(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }
}
