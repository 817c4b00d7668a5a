//! How long delivery waits, and for whom.

use tokio::time::Instant;

use super::super::pace::{ASK_TOKEN_EVERY, MAX_BACKOFF, MISPLACED_FOR, TRY_TOKEN_EVERY};
use super::*;
use crate::diagnostics::State;
use crate::exporter::Token;
use crate::exporter::http::MAX_RETRY_AFTER;

#[test]
fn the_wait_doubles_to_a_minute_and_starts_over_after_a_success() {
    let now = Instant::now();
    let mut pace = Pace::new(7);
    let mut waits = Vec::new();
    for _ in 0..12 {
        pace.failed(now, None);
        waits.push(pace.wait_until(now).unwrap() - now);
    }
    for (wait, ideal) in waits
        .iter()
        .zip([1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60])
    {
        let ideal = Duration::from_secs(ideal);
        assert!(
            *wait >= ideal.mul_f64(0.75) && *wait <= ideal.mul_f64(1.25),
            "{wait:?} {ideal:?}"
        );
    }
    pace.succeeded();
    assert_eq!(pace.wait_until(now), None);
    pace.failed(now, None);
    assert!(pace.wait_until(now).unwrap() - now < Duration::from_secs(2));
}

#[test]
fn devices_do_not_come_back_together() {
    let now = Instant::now();
    let wait = |seed| {
        let mut pace = Pace::new(seed);
        pace.failed(now, Some(Duration::from_secs(100)));
        pace.wait_until(now).unwrap() - now
    };
    let waits: BTreeSet<Duration> = (0..100).map(|device| wait(device * 7919 + 3)).collect();
    assert!(waits.len() > 90);
}

#[test]
fn retry_after_is_waited_for() {
    let now = Instant::now();
    let mut pace = Pace::new(1);
    pace.failed(now, Some(Duration::from_secs(120)));
    let wait = pace.wait_until(now).unwrap() - now;
    assert!(
        wait >= Duration::from_secs(120) && wait <= Duration::from_secs(150),
        "{wait:?}"
    );
}

#[test]
fn a_flush_ends_our_own_wait_and_not_the_servers() {
    let now = Instant::now();
    let mut pace = Pace::new(1);
    pace.failed(now, None);
    pace.hurry(now);
    assert_eq!(pace.wait_until(now), None);
    pace.failed(now, Some(Duration::from_secs(9)));
    pace.hurry(now);
    assert!(pace.wait_until(now).is_some());
}

#[test]
fn a_refused_token_is_not_tried_again_and_a_new_one_is() {
    let (old, new) = (Token::parse("old").unwrap(), Token::parse("new").unwrap());
    let now = Instant::now();
    let mut pace = Pace::new(1);
    pace.unauthorized(now, Some(old.clone()));
    assert_eq!(pace.wait_until(now), None, "the provider is asked at once");
    assert!(!pace.admits(Some(&old), now));
    assert_eq!(pace.wait_until(now), Some(now + ASK_TOKEN_EVERY));
    assert_eq!(pace.state(), State::Parked);
    pace.changed(now);
    assert!(
        !pace.admits(Some(&old), now),
        "another network, the same token"
    );
    assert!(pace.admits(Some(&new), now));
    assert!(pace.admits(None, now));
}

/// A server that had refused a token by its own fault was not asked again until somebody logged in.
#[test]
fn a_refused_token_is_tried_once_an_hour() {
    let token = Token::parse("old").unwrap();
    let now = Instant::now();
    let second = Duration::from_secs(1);
    let mut pace = Pace::new(1);
    pace.unauthorized(now, Some(token.clone()));
    assert!(!pace.admits(Some(&token), now + TRY_TOKEN_EVERY - second));
    let then = now + TRY_TOKEN_EVERY;
    assert!(pace.admits(Some(&token), then));
    pace.unauthorized(then, Some(token.clone()));
    assert!(!pace.admits(Some(&token), then + TRY_TOKEN_EVERY - second));
}

/// A flush after an outage waited for up to a minute that nobody had asked for.
#[test]
fn a_server_that_asks_for_less_than_our_own_wait_is_given_what_it_asked_for_and_no_more() {
    let now = Instant::now();
    let second = Duration::from_secs(1);
    let mut pace = Pace::new(1);
    for _ in 0..10 {
        pace.failed(now, Some(second));
    }
    let own = pace.wait_until(now).unwrap();
    assert!(own > now + 40 * second, "our own wait is the longer one");
    let mut restarted = Pace::new(2);
    restarted.resume(pace.to_bytes(now, 0), now, 0);
    assert_eq!(restarted.wait_until(now), Some(own));
    pace.hurry(now);
    let asked = pace.wait_until(now).unwrap();
    assert!(now + second <= asked && asked <= now + 2 * second);
    restarted.hurry(now);
    assert_eq!(restarted.wait_until(now), None);
}

#[test]
fn a_server_that_wants_a_token_where_there_is_none_is_tried_again_when_something_changes() {
    let now = Instant::now();
    let mut pace = Pace::new(1);
    pace.unauthorized(now, None);
    assert_eq!(pace.wait_until(now), Some(now + MISPLACED_FOR));
    assert_eq!(pace.state(), State::Parked);
    pace.changed(now);
    assert!(pace.admits(None, now));
    assert_eq!(pace.wait_until(now), None);
}

#[test]
fn a_misplaced_endpoint_is_left_alone_for_an_hour_or_until_something_changes() {
    let now = Instant::now();
    let mut pace = Pace::new(1);
    pace.misplaced(now);
    assert_eq!(pace.wait_until(now), Some(now + MISPLACED_FOR));
    assert_eq!(pace.wait_until(now + MISPLACED_FOR), None);
    pace.changed(now);
    assert_eq!(pace.wait_until(now), None);
}

#[test]
fn a_restart_goes_on_at_the_pace_it_had() {
    let now = Instant::now();
    let mut pace = Pace::new(1);
    for _ in 0..5 {
        pace.failed(now, None);
    }
    let (noon, wait) = (
        1_700_000_000_000_000_000,
        pace.wait_until(now).unwrap() - now,
    );
    let stored = pace.to_bytes(now, noon);

    let resumed = |unix_nanos| {
        let mut pace = Pace::new(2);
        pace.resume(stored, now, unix_nanos);
        pace.wait_until(now).map(|then| then - now)
    };
    assert_eq!(resumed(noon), Some(wait));
    assert_eq!(
        resumed(noon + 3_600_000_000_000),
        None,
        "an hour later the wait is over"
    );
    assert_eq!(
        resumed(0),
        Some(MAX_BACKOFF),
        "a clock set back does not silence it"
    );
}

/// A device that was told to stay away for half an hour asked again a minute after its restart.
#[test]
fn a_restart_waits_as_long_as_the_server_asked() {
    const HALF_AN_HOUR: Duration = Duration::from_secs(1800);
    let now = Instant::now();
    let mut pace = Pace::new(1);
    pace.failed(now, Some(HALF_AN_HOUR));
    let wait = pace.wait_until(now).unwrap() - now;
    let stored = pace.to_bytes(now, 1_700_000_000_000_000_000);
    for (unix_nanos, expected) in [(1_700_000_000_000_000_000, wait), (0, MAX_RETRY_AFTER)] {
        let mut pace = Pace::new(2);
        pace.resume(stored, now, unix_nanos);
        pace.hurry(now);
        assert_eq!(pace.wait_until(now), Some(now + expected));
        assert_eq!(pace.state(), State::BackingOff);
    }
}

/// An application that crashes at each start asked a server that had refused it at each start.
#[test]
fn a_restart_stays_parked_for_what_is_left_of_the_hour() {
    let now = Instant::now();
    let noon = 1_700_000_000_000_000_000;
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let mut pace = Pace::new(1);
    pace.misplaced(now);
    let stored = pace.to_bytes(now + minutes(10), noon);
    for (passed, state, left) in [
        (0, State::Parked, Some(minutes(50))),
        (20, State::Parked, Some(minutes(30))),
        (50, State::Active, None),
        (-600, State::Parked, Some(MISPLACED_FOR)),
    ] {
        let mut pace = Pace::new(2);
        pace.resume(stored, now, noon + passed * 60_000_000_000);
        pace.hurry(now);
        let wait = pace.wait_until(now).map(|then| then - now);
        assert_eq!((pace.state(), wait), (state, left), "{passed} minutes");
        pace.changed(now);
        assert_eq!(pace.wait_until(now), None);
    }
}

#[test]
fn restart_after_restart_with_a_refused_token_waits_longer_and_longer() {
    let token = Token::parse("old").unwrap();
    let now = Instant::now();
    let mut stored = Pace::new(1).to_bytes(now, 0);
    for expected in [0, 1, 2, 4, 8, 16, 32, 60, 60] {
        let mut pace = Pace::new(1);
        pace.resume(stored, now, 0);
        let wait = pace
            .wait_until(now)
            .map_or(Duration::ZERO, |then| then - now);
        assert_eq!(wait, Duration::from_secs(expected));
        pace.unauthorized(now, Some(token.clone()));
        stored = pace.to_bytes(now, 0);
    }
}
