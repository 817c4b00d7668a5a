//! What becomes of records when there is no room for them: on the disk, or within the bound.

use std::collections::HashSet;

use soliplex_wire::AnyValue;

use super::*;
use crate::diagnostics::Stats;

/// The lowest bound there is, in bytes.
const MIN_MAX_BYTES: u64 = 2_500_000;

/// Logs records of a kilobyte until the store has failed, or refused.
async fn fill(pipeline: &Pipeline, severity: Severity, is_full: impl Fn(&Stats) -> bool) -> u64 {
    let long = "x".repeat(1000);
    for count in 1..20_000 {
        pipeline.log(severity, &long);
        tokio::time::sleep(Duration::from_millis(20)).await;
        if is_full(&pipeline.capture.diagnostics.stats()) {
            return count;
        }
    }
    panic!("never full: {:?}", pipeline.capture.diagnostics.stats());
}

/// Confirming is what makes room on a full disk, so a store that cannot take records in must not
/// keep those from leaving that it has.
#[tokio::test(start_paused = true)]
async fn a_full_disk_keeps_nothing_from_being_delivered() {
    let pipeline = Pipeline::start();
    pipeline.server.answers_always(Some(BUSY));
    pipeline.log_many(500);
    let stored = pipeline.flush(Duration::from_secs(5)).await.waiting;
    assert_eq!(stored, 500);
    pipeline
        .disk
        .set_capacity(Some(pipeline.disk.len() + 300_000));
    let is_full = |stats: &Stats| {
        let error = stats.last_error.as_deref().unwrap_or_default();
        error.contains("no space left")
    };
    let more = fill(&pipeline, Severity::Info, is_full).await;
    pipeline.server.answers_always(None);
    let report = pipeline.flush(HOUR).await;
    assert_eq!((report.delivered, report.waiting), (500 + more, 0));
    assert_eq!(pipeline.capture.diagnostics.stats().total_discarded(), 0);
    pipeline.assert_accounted();
}

/// What takes the place of errors is the record that tells of the first debug records given up, and
/// an eighth of the file goes at a time.
#[tokio::test(start_paused = true)]
async fn a_flood_of_debug_takes_no_more_errors_than_to_tell_of_it() {
    let pipeline = Pipeline::start_at_the_lowest_bound();
    pipeline.server.answers_always(Some(BUSY));
    let is_full = |stats: &Stats| stats.total_discarded() > 0;
    let errors = fill(&pipeline, Severity::Error, is_full).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let gone = pipeline.capture.diagnostics.stats().total_discarded();
    let long = "x".repeat(1000);
    for _ in 0..3_000 {
        pipeline.log(Severity::Debug, &long);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let stats = pipeline.capture.diagnostics.stats();
    assert!(stats.total_discarded() > gone + 1_000, "{stats:?}");
    pipeline.server.answers_always(None);
    let _ = pipeline.flush(HOUR).await;
    let requests = pipeline.server.requests.lock().unwrap();
    let accepted = requests.iter().filter(|request| request.accepted);
    let arrived = accepted.flat_map(|request| &request.records);
    let arrived = arrived.filter(|r| r.severity == Severity::Error && r.message == long);
    let arrived = arrived.count() as u64;
    assert!(
        arrived >= errors - gone - MIN_MAX_BYTES / 8 / 1000,
        "{arrived} of {errors} but {gone}"
    );
    drop(requests);
    pipeline.assert_accounted();
}

impl Pipeline {
    pub(super) fn start_at_the_lowest_bound() -> Pipeline {
        let options = SpoolOptions {
            max_bytes: MIN_MAX_BYTES,
            ..SpoolOptions::default()
        };
        Pipeline::start_with(|_| {}, options)
    }

    /// Of all numbers up to the last that arrived, those are told as lost that did not.
    fn assert_told_is_missing(&self) {
        let requests = self.server.requests.lock().unwrap();
        let accepted = requests.iter().filter(|request| request.accepted);
        let arrived: Vec<&LogRecord> = accepted.flat_map(|request| &request.records).collect();
        let seqs: HashSet<u64> = arrived.iter().filter_map(|record| record.seq).collect();
        let missing = (2..=*seqs.iter().max().unwrap()).filter(|seq| !seqs.contains(seq));
        let counts = arrived.iter().filter_map(|record| {
            match record.attributes.get("soliplex.discard.count") {
                Some(AnyValue::Int(count)) => Some(*count as usize),
                _ => None,
            }
        });
        let told: usize = counts.sum();
        assert!(told > 0);
        assert_eq!(missing.count(), told);
    }
}

/// What is in hand when room is made was sent again where it had been told as lost, and told as lost
/// where a part of it had arrived, or the whole of it without our having the answer yet.
#[tokio::test(start_paused = true)]
async fn what_is_in_hand_when_room_is_made_arrives_or_is_told_and_not_both() {
    let accepted = || ExportOutcome::Accepted(Answer::default());
    let unanswered = || ExportOutcome::Unreachable {
        error: "timed out".to_owned(),
        may_have_arrived: true,
    };
    let (at_once, late) = (Duration::ZERO, Duration::from_secs(1000));
    for (answers, delay, later, in_time) in [
        (vec![], late, late, 0),
        (vec![accepted()], late, late, 50),
        (vec![unanswered()], at_once, at_once, 50),
        (vec![BUSY], at_once, late, 0),
        (vec![ExportOutcome::TooLarge, accepted()], at_once, late, 25),
    ] {
        let pipeline = Pipeline::start_at_the_lowest_bound();
        pipeline.server.answers_always(Some(BUSY));
        pipeline.server.answers(answers);
        *pipeline.server.delay.lock().unwrap() = delay;
        (0..50).for_each(|_| pipeline.log(Severity::Debug, "in hand"));
        let _ = pipeline.flush(Duration::from_millis(500)).await;
        *pipeline.server.delay.lock().unwrap() = later;
        let is_full = |stats: &Stats| stats.total_discarded() > 0;
        fill(&pipeline, Severity::Debug, is_full).await;
        assert_eq!(pipeline.server.messages().len(), in_time);
        *pipeline.server.delay.lock().unwrap() = Duration::ZERO;
        pipeline.server.answers_always(None);
        tokio::time::sleep(2 * late).await;
        assert!(pipeline.flush(HOUR).await.is_complete());
        pipeline.assert_told_is_missing();
        pipeline.assert_accounted();
    }
}

/// The store failed between the answer and its confirmation, and had no room when it was back.
#[tokio::test(start_paused = true)]
async fn what_was_answered_for_is_confirmed_before_room_is_made() {
    let begin = async || {
        let pipeline = Pipeline::start_at_the_lowest_bound();
        *pipeline.server.delay.lock().unwrap() = Duration::from_secs(1000);
        (0..50).for_each(|_| pipeline.log(Severity::Debug, "in hand"));
        let _ = pipeline.flush(Duration::from_millis(500)).await;
        pipeline
    };
    let long = "x".repeat(1000);
    let is_full = |stats: &Stats| stats.total_discarded() > 0;
    let room = fill(&begin().await, Severity::Info, is_full).await;

    let pipeline = begin().await;
    for _ in 0..room - 10 {
        pipeline.log(Severity::Info, &long);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    pipeline.disk.fail_from(1);
    (0..400).for_each(|_| pipeline.log(Severity::Info, &long));
    tokio::time::sleep(Duration::from_secs(1000)).await;
    assert_eq!(pipeline.server.messages(), ["in hand"; 50]);
    let stats = pipeline.capture.diagnostics.stats();
    assert_eq!((stats.delivered, stats.total_discarded()), (0, 0));
    pipeline.disk.heal();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let stats = pipeline.capture.diagnostics.stats();
    assert_eq!(stats.delivered, 50, "{stats:?}");
    pipeline.assert_accounted();
}

/// A store that had to be given up was in no counter for ten seconds, and for good if the end came
/// first; a flush waited for what was no more.
#[tokio::test(start_paused = true)]
async fn a_store_that_is_given_up_is_in_the_next_flushs_report() {
    let pipeline = Pipeline::start();
    pipeline.server.answers_always(Some(BUSY));
    pipeline.log_many(5);
    let _ = pipeline.flush(Duration::from_secs(1)).await;
    pipeline.disk.fail_from(1);
    pipeline.log(Severity::Info, "after");
    tokio::time::sleep(Duration::from_millis(200)).await;
    pipeline.disk.heal();
    redb::StorageBackend::set_len(&pipeline.disk, 0).unwrap();
    pipeline.server.answers_always(None);
    let start = Instant::now();
    let report = pipeline.flush(HOUR).await;
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(report.discarded, [(DiscardReason::SpoolDamaged, 5)]);
    assert!(pipeline.server.messages().contains(&"after".to_owned()));
    pipeline.assert_accounted();
}

/// A store at its bound was let go of or not by the length of what was still in the queue.
#[tokio::test(start_paused = true)]
async fn a_full_store_is_let_go_of_however_much_room_has_to_be_made() {
    let pipeline = Pipeline::start_at_the_lowest_bound();
    pipeline.server.answers_always(Some(BUSY));
    let is_full = |stats: &Stats| stats.total_discarded() > 0;
    fill(&pipeline, Severity::Info, is_full).await;
    let long = "x".repeat(1000);
    (0..1_000).for_each(|_| pipeline.log(Severity::Error, &long));
    assert!(pipeline.suspend().await);
}
