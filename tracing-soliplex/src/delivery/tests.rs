use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

mod pace;

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
