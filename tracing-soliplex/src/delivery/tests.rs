use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::pace::{ASK_TOKEN_EVERY, MAX_BACKOFF, MISPLACED_FOR};
use super::*;
use crate::diagnostics::State;
use crate::exporter::Token;
use crate::exporter::http::MAX_RETRY_AFTER;

const BUSY: ExportOutcome = ExportOutcome::Busy {
    status: 503,
    retry_after: None,
};
const REFUSED: ExportOutcome = ExportOutcome::Refused { status: 422 };

fn accepted(rejected: &[usize]) -> ExportOutcome {
    let rejected = rejected.iter().map(|index| Rejected {
        index: Some(*index),
        id: None,
        reason: "no".into(),
    });
    ExportOutcome::Accepted(Answer {
        rejected: rejected.collect(),
        ..Answer::default()
    })
}

/// Sends until every record has met its fate, with a server that refuses what holds a poisonous
/// record or more than `most`. Returns the requests made.
fn deliver(hand: &mut InHand, poison: &BTreeSet<usize>, most: usize) -> usize {
    let mut requests = 0;
    while let Some(records) = hand.next() {
        requests += 1;
        let outcome = if records.len() > most {
            ExportOutcome::TooLarge
        } else if records.clone().any(|record| poison.contains(&record)) {
            REFUSED
        } else {
            accepted(&[])
        };
        hand.settle(outcome);
        assert!(requests < 10_000, "it never ends");
    }
    requests
}

proptest! {
    #[test]
    fn only_the_poisonous_records_die(
        len in 1..100_usize,
        poison in proptest::collection::btree_set(0..100_usize, 0..5),
        most in 1..100_usize,
    ) {
        let poison: BTreeSet<usize> = poison.into_iter().filter(|record| *record < len).collect();
        let mut hand = InHand::new(len);
        deliver(&mut hand, &poison, most);
        let dead: BTreeSet<usize> = hand.dead.iter().map(|(record, _)| *record).collect();
        prop_assert_eq!(hand.dead.len(), dead.len());
        prop_assert_eq!(&dead, &poison);
        prop_assert_eq!(hand.delivered, (len - poison.len()) as u64);
    }

    #[test]
    fn no_answer_makes_the_fates_add_up_wrongly(
        len in 1..20_usize,
        rejected in proptest::collection::vec(0..40_usize, 0..40),
        duplicates in any::<u64>(),
    ) {
        let mut hand = InHand::new(len);
        let ExportOutcome::Accepted(answer) = accepted(&rejected) else { unreachable!() };
        hand.settle(ExportOutcome::Accepted(Answer { duplicates, ..answer }));
        prop_assert_eq!(hand.delivered + hand.dead.len() as u64 + hand.unnamed, len as u64);
        prop_assert!(hand.duplicates <= hand.delivered);
    }
}

#[test]
fn one_poisonous_record_among_a_hundred_costs_few_requests() {
    let mut hand = InHand::new(100);
    let requests = deliver(&mut hand, &BTreeSet::from([37]), usize::MAX);
    // Three refusals, then two requests a halving.
    assert!(requests <= 3 + 2 * 7, "{requests}");
}

#[test]
fn failures_of_the_server_never_count_against_the_batch() {
    let mut hand = InHand::new(10);
    for _ in 0..1000 {
        assert!(matches!(hand.settle(BUSY), Verdict::Later { .. }));
        assert_eq!(hand.next(), Some(0..10));
    }
    hand.settle(accepted(&[]));
    assert_eq!((hand.delivered, hand.dead.len()), (10, 0));
}

#[test]
fn what_was_sent_and_not_answered_may_have_arrived() {
    let unreachable = |may_have_arrived| ExportOutcome::Unreachable {
        error: "no answer".to_owned(),
        may_have_arrived,
    };
    for (outcomes, expected) in [
        (vec![BUSY, REFUSED], false),
        (vec![unreachable(false)], false),
        (vec![unreachable(true), BUSY], true),
        (vec![ExportOutcome::TooLarge, accepted(&[])], true),
    ] {
        let mut hand = InHand::new(4);
        for outcome in &outcomes {
            hand.settle(outcome.clone());
        }
        assert_eq!(hand.may_have_arrived(), expected, "{outcomes:?}");
        hand.called_back();
        assert!(hand.may_have_arrived());
    }
}

#[test]
fn the_older_half_goes_first() {
    let mut hand = InHand::new(4);
    hand.settle(ExportOutcome::TooLarge);
    assert_eq!(hand.next(), Some(0..2));
    hand.settle(accepted(&[]));
    assert_eq!(hand.next(), Some(2..4));
}

#[test]
fn rejected_records_are_found_again_in_a_piece() {
    let mut hand = InHand::new(4);
    hand.settle(ExportOutcome::TooLarge);
    hand.settle(accepted(&[]));
    hand.settle(accepted(&[1]));
    assert_eq!(hand.dead, [(3, "no".to_owned())]);
}

#[test]
fn a_rejected_record_is_found_by_its_id_and_none_is_blamed_in_its_place() {
    let id = |number| Uuid::from_u128(number);
    for (index, named, expected) in [
        (Some(0), Some(id(12)), (vec![2], 0)),
        (None, Some(id(11)), (vec![1], 0)),
        (Some(1), None, (vec![1], 0)),
        (None, None, (vec![], 1)),
        (Some(9), None, (vec![], 1)),
        (Some(0), Some(id(99)), (vec![], 1)),
    ] {
        let ids = (10..14).map(|number| Some(id(number))).collect();
        let mut hand = InHand::new(4).with_ids(ids);
        let rejected = Rejected {
            index,
            id: named,
            reason: "no".into(),
        };
        hand.settle(ExportOutcome::Accepted(Answer {
            rejected: vec![rejected],
            ..Answer::default()
        }));
        let dead: Vec<usize> = hand.dead.iter().map(|(place, _)| *place).collect();
        assert_eq!((dead, hand.unnamed), expected, "{index:?} {named:?}");
        assert_eq!(hand.delivered, 3);
    }
}

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

#[tokio::test]
async fn what_cannot_be_read_is_left_out_without_moving_what_stands_beside_it() {
    for (records, unreadable, ranges) in [
        (5, &[0, 2][..], &[1..2, 3..5][..]),
        (4, &[1, 3], &[0..1, 2..3]),
        (2, &[0, 1], &[]),
    ] {
        let mut batch = InHand::without(records, unreadable);
        let mut sent = Vec::new();
        while let Some(range) = batch.next() {
            sent.push(range);
            let _ = batch.settle(ExportOutcome::Accepted(Answer::default()));
        }
        assert_eq!(sent, ranges, "{unreadable:?}");
        let dead: Vec<usize> = batch.dead.iter().map(|(place, _)| *place).collect();
        assert_eq!(dead, unreadable);
    }
}
