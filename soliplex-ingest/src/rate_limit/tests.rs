//! Buckets against a clock that stands still until it is told to go.

use super::policy::{SHARED_BUCKETS, SWEEP_EVERY};
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
        issuer: None,
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
fn each_policy_refuses_in_its_own_name_what_is_its_own() {
    // Records and bytes of two sessions of one user, and a session of another.
    let batches = [("u", "s"), ("u", "t"), ("v", "s")];
    for (set, policy, passing) in [
        (
            "records_per_minute_per_session",
            "session",
            [true, true, true],
        ),
        ("records_per_minute_per_user", "user", [true, false, true]),
        (
            "bytes_per_minute_per_user",
            "user-bytes",
            [true, false, true],
        ),
    ] {
        let limits = limits(&format!("{set} = 100"));
        let limits = RateLimits::with_clock(&limits, FakeRelativeClock::default());
        for ((user, session), passes) in batches.into_iter().zip(passing) {
            let charged = limits.charge(&identity(user, session), cost(90, false));
            let refused = charged.err().map(|refused| refused.policy);
            assert_eq!(
                refused,
                (!passes).then_some(policy),
                "{set} {user} {session}"
            );
        }
        let again = limits.charge(&identity("u", "s"), cost(90, false));
        assert_eq!(again.unwrap_err().policy, policy);
    }
}

#[test]
fn an_error_passes_when_its_chatty_session_is_at_the_cap() {
    let clock = FakeRelativeClock::default();
    let limits = RateLimits::with_clock(&limits("records_per_minute_per_session = 1000"), clock);
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

#[test]
fn users_of_two_issuers_do_not_share_a_bucket_for_a_name_they_share() {
    let limits = RateLimits::with_clock(
        &limits("records_per_minute_per_user = 10"),
        FakeRelativeClock::default(),
    );
    let of = |issuer: &str| Identity {
        issuer: Some(issuer.into()),
        ..identity("jane", "s")
    };
    assert!(
        limits
            .charge(&of("https://one.example"), cost(10, false))
            .is_ok()
    );
    assert!(
        limits
            .charge(&of("https://one.example"), cost(1, false))
            .is_err()
    );
    assert!(
        limits
            .charge(&of("https://two.example"), cost(10, false))
            .is_ok()
    );
}
