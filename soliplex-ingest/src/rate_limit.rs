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
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};

use crate::auth::Identity;
use crate::config::Limits;

mod policy;

use policy::{Policy, Share};

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
        // Two issuers may know a user by the same name.
        let issuer = identity.issuer.as_deref().unwrap_or_default();
        let user_key = self.key(issuer, user, "");
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
        let session = identity.session.as_deref().unwrap_or_default();
        let session_key = self.key(issuer, user, session);
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

    fn key(&self, issuer: &str, user: &str, session: &str) -> u64 {
        self.hasher.hash_one((issuer, user, session))
    }
}

/// What tells addresses apart: all of an IPv4 address, the /64 of an IPv6 one.
pub(crate) fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address) >> 64 << 64,
    }
}

#[cfg(test)]
mod tests;
