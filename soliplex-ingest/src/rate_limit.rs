//! How much one address, user or session may send: token buckets, filled evenly over a minute.
//!
//! | policy | counts | checked |
//! |---|---|---|
//! | `address` | requests | before anything else |
//! | `session`, `user` | records | once the batch is read |
//! | `user-bytes` | bytes of the decompressed body | once the batch is read |
//!
//! Of each record bucket a tenth is kept for batches that carry an ERROR or FATAL, so that a chatty
//! session cannot starve its own crash report. Identities are kept as hashes and in a bounded
//! number; beyond the bound, newcomers share 1,024 buckets until the map has been swept. A request that
//! one policy refuses has still been charged to those before it: the narrowest comes first, so that
//! is rarely more than itself.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::auth::Identity;
use crate::config::Limits;

/// A policy that has no more to give.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the quota {policy} is used up")]
pub struct Exceeded {
    /// The policy's name, as `RateLimit-Policy` has it.
    pub policy: &'static str,
    /// When the same request would pass.
    pub retry_after: Duration,
}

/// What a batch costs.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Records.
    pub records: usize,
    /// Bytes, decompressed.
    pub bytes: usize,
    /// Whether one of its records is ERROR or FATAL.
    pub urgent: bool,
}

/// What is left after a charge, for the `RateLimit` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remaining {
    /// The policy that has the least left.
    pub policy: &'static str,
    /// What it has left.
    pub units: u32,
}

/// Every bucket.
#[derive(Debug)]
pub struct RateLimits<C: Clock + Clone = DefaultClock> {
    address: Option<Policy<C>>,
    session: Option<Policy<C>>,
    user: Option<Policy<C>>,
    user_bytes: Option<Policy<C>>,
    hasher: RandomState,
    description: String,
}

impl RateLimits {
    /// The buckets for these limits.
    pub fn new(limits: &Limits) -> Self {
        Self::with_clock(limits, DefaultClock::default())
    }
}

impl<C: Clock + Clone> RateLimits<C> {
    fn with_clock(limits: &Limits, clock: C) -> Self {
        let policy = |name, quota, share| {
            Policy::new(name, quota, share, limits.tracked_identities, clock.clone())
        };
        let this = RateLimits {
            address: policy(
                "address",
                limits.requests_per_minute_per_address,
                Share::Whole,
            ),
            session: policy(
                "session",
                limits.records_per_minute_per_session,
                Share::KeepForErrors,
            ),
            user: policy(
                "user",
                limits.records_per_minute_per_user,
                Share::KeepForErrors,
            ),
            user_bytes: policy(
                "user-bytes",
                limits.bytes_per_minute_per_user,
                Share::KeepForErrors,
            ),
            hasher: RandomState::new(),
            description: String::new(),
        };
        let description = this.describe();
        RateLimits {
            description,
            ..this
        }
    }

    /// Charges one request to an address.
    pub fn charge_address(&self, address: IpAddr) -> Result<(), Exceeded> {
        match &self.address {
            // A provider hands out IPv6 by the /64; single addresses in it are free for the taking.
            Some(policy) => policy
                .charge(self.hasher.hash_one(network(address)), 1, false)
                .map(|_| ()),
            None => Ok(()),
        }
    }

    /// Charges a batch to its session and user; where authentication is disabled, to nobody.
    pub fn charge(&self, identity: &Identity, cost: Cost) -> Result<Option<Remaining>, Exceeded> {
        let Some(user) = &identity.user else {
            return Ok(None);
        };
        let user_key = self.key(user, "");
        let mut least: Option<Remaining> = None;
        let mut charge = |policy: &Option<Policy<C>>, key, units| {
            let Some(policy) = policy else { return Ok(()) };
            let remaining = policy.charge(key, units, cost.urgent)?;
            if least.is_none_or(|least| remaining.units < least.units) && policy.counts_records() {
                least = Some(remaining);
            }
            Ok(())
        };
        // A session's name is its user's: nobody spends another's session by knowing its id.
        let session_key = self.key(user, identity.session.as_deref().unwrap_or_default());
        charge(&self.session, session_key, cost.records)?;
        charge(&self.user, user_key, cost.records)?;
        charge(&self.user_bytes, user_key, cost.bytes)?;
        Ok(least)
    }

    /// The value of `RateLimit-Policy`: draft-ietf-httpapi-ratelimit-headers, section 3.
    pub fn policies(&self) -> &str {
        &self.description
    }

    fn describe(&self) -> String {
        let all = [&self.session, &self.user, &self.user_bytes, &self.address];
        let items: Vec<String> = all.into_iter().flatten().map(Policy::describe).collect();
        items.join(", ")
    }

    fn key(&self, user: &str, session: &str) -> u64 {
        self.hasher.hash_one((user, session))
    }
}

/// Whether a bucket keeps a share for errors.
#[derive(Clone, Copy)]
enum Share {
    Whole,
    KeepForErrors,
}

type Buckets<C> = RateLimiter<u64, DashMapStateStore<u64>, C, StateInformationMiddleware>;

/// One kind of bucket, one of them for each identity.
struct Policy<C: Clock + Clone> {
    name: &'static str,
    quota: NonZeroU32,
    common: Buckets<C>,
    common_size: NonZeroU32,
    errors: Option<(Buckets<C>, NonZeroU32)>,
    clock: C,
    max_keys: usize,
    charges: AtomicU32,
    crowded: AtomicBool,
}

impl<C: Clock + Clone> Policy<C> {
    fn new(
        name: &'static str,
        quota: u32,
        share: Share,
        max_keys: usize,
        clock: C,
    ) -> Option<Self> {
        let quota = NonZeroU32::new(quota)?;
        let kept = match share {
            Share::Whole => None,
            Share::KeepForErrors => NonZeroU32::new(quota.get() / ERROR_SHARE),
        };
        let common_size = kept
            .and_then(|kept| NonZeroU32::new(quota.get() - kept.get()))
            .unwrap_or(quota);
        let buckets = |size: NonZeroU32| -> Buckets<C> {
            RateLimiter::new(
                Quota::per_minute(size),
                DashMapStateStore::default(),
                clock.clone(),
            )
        };
        Some(Policy {
            name,
            quota,
            common: buckets(common_size),
            common_size,
            errors: kept.map(|size| (buckets(size), size)),
            clock: clock.clone(),
            max_keys,
            charges: AtomicU32::new(0),
            crowded: AtomicBool::new(false),
        })
    }

    fn charge(&self, key: u64, units: usize, urgent: bool) -> Result<Remaining, Exceeded> {
        self.sweep_sometimes();
        let key = if self.crowded.load(Ordering::Relaxed) {
            key % SHARED_BUCKETS
        } else {
            key
        };
        let Some(units) = NonZeroU32::new(u32::try_from(units).unwrap_or(u32::MAX)) else {
            return Ok(Remaining {
                policy: self.name,
                units: self.quota.get(),
            });
        };
        let remaining = |units| Remaining {
            policy: self.name,
            units,
        };
        // A batch larger than the bucket takes all of it: it must be able to pass at some time.
        let refused = match self.common.check_key_n(&key, units.min(self.common_size)) {
            Ok(Ok(state)) => return Ok(remaining(state.remaining_burst_capacity())),
            Ok(Err(refused)) => refused.wait_time_from(self.clock.now()),
            Err(_) => Duration::from_secs(60),
        };
        if urgent
            && let Some((errors, size)) = &self.errors
            && let Ok(Ok(_)) = errors.check_key_n(&key, units.min(*size))
        {
            return Ok(remaining(0));
        }
        Err(Exceeded {
            policy: self.name,
            retry_after: refused,
        })
    }

    fn sweep_sometimes(&self) {
        if !self
            .charges
            .fetch_add(1, Ordering::Relaxed)
            .is_multiple_of(SWEEP_EVERY)
        {
            return;
        }
        if self.common.len() > self.max_keys {
            // A full bucket is the same as none.
            self.common.retain_recent();
            self.common.shrink_to_fit();
        }
        if let Some((errors, _)) = &self.errors
            && errors.len() > self.max_keys
        {
            errors.retain_recent();
            errors.shrink_to_fit();
        }
        self.crowded
            .store(self.common.len() > self.max_keys, Ordering::Relaxed);
    }

    fn counts_records(&self) -> bool {
        matches!(self.name, "session" | "user")
    }

    fn describe(&self) -> String {
        let unit = match self.name {
            "address" => ";qu=\"requests\"",
            "user-bytes" => ";qu=\"content-bytes\"",
            _ => ";qu=\"records\"",
        };
        format!("\"{}\";q={}{unit};w=60", self.name, self.quota)
    }
}

impl<C: Clock + Clone> std::fmt::Debug for Policy<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Policy")
            .field("name", &self.name)
            .field("quota", &self.quota)
            .finish_non_exhaustive()
    }
}

/// What tells addresses apart: all of an IPv4 address, the /64 of an IPv6 one.
pub(crate) fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address) >> 64 << 64,
    }
}

/// One part in so many is kept for errors.
const ERROR_SHARE: u32 = 10;

/// Buckets that newcomers share while there are too many identities.
const SHARED_BUCKETS: u64 = 1024;

/// How many charges pass between looks at the number of identities.
const SWEEP_EVERY: u32 = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use governor::clock::FakeRelativeClock;

    fn limits(toml: &str) -> Limits {
        Config::from_toml(&format!("[auth]\nmode='disabled'\n[limits]\n{toml}"))
            .unwrap()
            .limits
    }

    fn identity(user: &str, session: &str) -> Identity {
        Identity {
            user: Some(user.into()),
            session: Some(session.into()),
        }
    }

    fn cost(records: usize, urgent: bool) -> Cost {
        Cost {
            records,
            bytes: records,
            urgent,
        }
    }

    #[test]
    fn a_session_at_its_cap_waits_and_then_passes() {
        let clock = FakeRelativeClock::default();
        let limits = RateLimits::with_clock(
            &limits("records_per_minute_per_session = 100"),
            clock.clone(),
        );
        let one = identity("u", "s");
        assert!(limits.charge(&one, cost(90, false)).is_ok());
        let refused = limits.charge(&one, cost(30, false)).unwrap_err();
        assert_eq!(refused.policy, "session");
        assert!(
            limits
                .charge(&identity("u", "other"), cost(90, false))
                .is_ok()
        );
        clock.advance(refused.retry_after);
        assert!(limits.charge(&one, cost(30, false)).is_ok());
    }

    #[test]
    fn an_error_passes_when_its_chatty_session_is_at_the_cap() {
        let clock = FakeRelativeClock::default();
        let limits =
            RateLimits::with_clock(&limits("records_per_minute_per_session = 1000"), clock);
        let one = identity("u", "s");
        while limits.charge(&one, cost(100, false)).is_ok() {}
        assert!(limits.charge(&one, cost(1, true)).is_ok());
        assert!(limits.charge(&one, cost(99, true)).is_ok());
        assert!(limits.charge(&one, cost(1, true)).is_err());
    }

    #[test]
    fn a_batch_larger_than_the_bucket_passes_when_the_bucket_is_full() {
        let limits = RateLimits::with_clock(
            &limits("records_per_minute_per_user = 10"),
            FakeRelativeClock::default(),
        );
        assert!(limits.charge(&identity("u", "s"), cost(100, false)).is_ok());
        assert!(limits.charge(&identity("u", "s"), cost(1, false)).is_err());
    }

    #[test]
    fn zero_turns_a_limit_off() {
        let off = "requests_per_minute_per_address = 0\nrecords_per_minute_per_user = 0\nrecords_per_minute_per_session = 0\nbytes_per_minute_per_user = 0";
        let limits = RateLimits::with_clock(&limits(off), FakeRelativeClock::default());
        for _ in 0..1000 {
            assert_eq!(
                limits.charge(&identity("u", "s"), cost(1_000_000, false)),
                Ok(None)
            );
            assert_eq!(limits.charge_address(IpAddr::from([127, 0, 0, 1])), Ok(()));
        }
        assert_eq!(limits.policies(), "");
    }

    #[test]
    fn memory_stays_bounded_under_a_flood_of_identities() {
        let limits = RateLimits::with_clock(
            &limits("tracked_identities = 1000"),
            FakeRelativeClock::default(),
        );
        for user in 0..50_000 {
            let _ = limits.charge(&identity(&user.to_string(), "s"), cost(1, false));
        }
        let tracked = limits.user.as_ref().unwrap().common.len();
        assert!(
            tracked <= 1000 + SWEEP_EVERY as usize + SHARED_BUCKETS as usize,
            "{tracked}"
        );
    }

    #[test]
    fn neighbors_in_one_ipv6_network_share_a_bucket() {
        let limits = RateLimits::with_clock(
            &limits("requests_per_minute_per_address = 1"),
            FakeRelativeClock::default(),
        );
        assert!(
            limits
                .charge_address("2001:db8::1".parse().unwrap())
                .is_ok()
        );
        assert!(
            limits
                .charge_address("2001:db8::2".parse().unwrap())
                .is_err()
        );
        assert!(
            limits
                .charge_address("2001:db8:0:1::1".parse().unwrap())
                .is_ok()
        );
        assert!(limits.charge_address("10.0.0.1".parse().unwrap()).is_ok());
        assert!(
            limits
                .charge_address("::ffff:10.0.0.1".parse().unwrap())
                .is_err()
        );
    }

    #[test]
    fn policies_are_described_as_the_draft_writes_them() {
        let limits = RateLimits::with_clock(
            &limits("records_per_minute_per_user = 10"),
            FakeRelativeClock::default(),
        );
        assert!(
            limits
                .policies()
                .contains(r#""user";q=10;qu="records";w=60"#),
            "{}",
            limits.policies()
        );
    }
}
