//! One kind of bucket, and all of its kind.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use super::{Exceeded, Remaining};

/// Whether a bucket keeps a share for errors.
#[derive(Clone, Copy)]
pub(super) enum Share {
    Whole,
    KeepForErrors,
}

type Buckets<C> = RateLimiter<u64, DashMapStateStore<u64>, C, StateInformationMiddleware>;

/// One kind of bucket, one of them for each identity.
pub(super) struct Policy<C: Clock + Clone> {
    name: &'static str,
    quota: NonZeroU32,
    pub(super) common: Buckets<C>,
    common_size: NonZeroU32,
    errors: Option<(Buckets<C>, NonZeroU32)>,
    clock: C,
    max_keys: usize,
    charges: AtomicU32,
    crowded: AtomicBool,
}

impl<C: Clock + Clone> Policy<C> {
    pub(super) fn new(
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

    pub(super) fn charge(
        &self,
        key: u64,
        units: usize,
        urgent: bool,
    ) -> Result<Remaining, Exceeded> {
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

    pub(super) fn counts_records(&self) -> bool {
        matches!(self.name, "session" | "user")
    }

    pub(super) fn describe(&self) -> String {
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

/// One part in so many is kept for errors.
const ERROR_SHARE: u32 = 10;

/// Buckets that newcomers share while there are too many identities.
pub(super) const SHARED_BUCKETS: u64 = 1024;

/// How many charges pass between looks at the number of identities.
pub(super) const SWEEP_EVERY: u32 = 256;
