//! Hours without the server: what is kept, what goes, and how that is told.

use std::collections::HashSet;

use super::*;

#[tokio::test(start_paused = true)]
async fn hours_of_503_lose_nothing_and_hurry_nobody() {
    let pipeline = Pipeline::start();
    pipeline.server.answers_always(Some(BUSY));
    for _ in 0..6 * 60 {
        pipeline.log(Severity::Info, "during the outage");
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    let attempts = pipeline.server.times().len();
    assert!(
        (6 * 48..6 * 90).contains(&attempts),
        "{attempts} attempts in six hours"
    );
    pipeline.server.answers_always(None);
    let report = pipeline.flush(HOUR).await;
    assert_eq!((report.delivered, report.waiting), (360, 0));
    pipeline.assert_accounted();
}

#[tokio::test(start_paused = true)]
async fn beyond_the_byte_bound_the_loss_is_told_in_the_stream() {
    let pipeline = Pipeline::start_at_the_lowest_bound();
    pipeline.server.answers_always(Some(BUSY));
    let long = "x".repeat(1000);
    for _ in 0..4000 {
        pipeline.log(Severity::Debug, &long);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    pipeline.log(Severity::Error, "the one that matters");
    tokio::time::sleep(Duration::from_secs(60)).await;
    pipeline.server.answers_always(None);
    let _ = pipeline.flush(HOUR).await;
    pipeline.assert_accounted();

    let stats = pipeline.capture.diagnostics.stats();
    assert!(stats.total_discarded() > 0 && stats.own > 0, "{stats:?}");
    let requests = pipeline.server.requests.lock().unwrap();
    let arrived: Vec<&LogRecord> = requests
        .iter()
        .filter(|r| r.accepted)
        .flat_map(|r| &r.records)
        .collect();
    assert!(
        arrived
            .iter()
            .any(|record| record.message == "the one that matters")
    );
    let number = |record: &LogRecord, name: &str| match record.attributes.get(name) {
        Some(soliplex_wire::AnyValue::Int(number)) => Some(*number as u64),
        _ => None,
    };
    let losses: Vec<(u64, std::ops::RangeInclusive<u64>)> = arrived
        .iter()
        .filter_map(|record| {
            let first = number(record, "soliplex.discard.first_seq");
            let last = number(record, "soliplex.discard.last_seq");
            let count = number(record, "soliplex.discard.count")?;
            Some((count, first.unwrap()..=last.unwrap()))
        })
        .collect();
    let told: u64 = losses.iter().map(|(count, _)| count).sum();
    assert_eq!(
        told,
        stats.total_discarded(),
        "the stream tells of every loss"
    );
    // Of which numbers, too: those that are missing, and no others.
    let seqs: HashSet<u64> = arrived.iter().map(|record| record.seq.unwrap()).collect();
    let (first, last) = (seqs.iter().min().unwrap(), seqs.iter().max().unwrap());
    let lowest = *losses.iter().map(|(_, seqs)| seqs.start()).min().unwrap();
    let missing: Vec<u64> = (lowest.min(*first)..=*last)
        .filter(|seq| !seqs.contains(seq))
        .collect();
    assert_eq!(missing.len() as u64, told);
    let is_named = |seq: &u64| losses.iter().any(|(_, seqs)| seqs.contains(seq));
    assert!(missing.iter().all(is_named), "{losses:?}");
}

/// On a file, to the last id: six hours of errors and their like, the server away for most of them.
#[tokio::test(start_paused = true)]
async fn an_outage_of_hours_keeps_every_id_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = Pipeline::start_on(Some(folder.path()), |_| {}, SpoolOptions::default());
    pipeline.server.answers_always(Some(BUSY));
    for minute in 0..6 * 60 {
        let severity = [Severity::Debug, Severity::Info, Severity::Error][minute % 3];
        pipeline.log(severity, &format!("minute {minute}"));
        tokio::time::sleep(Duration::from_secs(60)).await;
        if minute % 50 == 49 {
            // Back for one request.
            pipeline
                .server
                .answers([ExportOutcome::Accepted(Answer::default())]);
        }
    }
    let file = std::fs::metadata(folder.path().join("spool.redb")).unwrap();
    assert!(file.len() > 0);
    pipeline.server.answers_always(None);
    assert!(pipeline.flush(HOUR).await.is_complete());
    let requests = pipeline.server.requests.lock().unwrap();
    let accepted = requests.iter().filter(|request| request.accepted);
    let mut arrived: Vec<_> = accepted
        .flat_map(|request| &request.records)
        .map(|record| (record.seq.unwrap(), record.id, record.message.clone()))
        .collect();
    arrived.sort();
    let ids: HashSet<_> = arrived.iter().map(|(_, id, _)| id.unwrap()).collect();
    assert_eq!(ids.len(), 360, "each under an id of its own");
    let messages: Vec<_> = arrived.into_iter().map(|(_, _, message)| message).collect();
    let expected: Vec<_> = (0..360).map(|minute| format!("minute {minute}")).collect();
    assert_eq!(messages, expected);
    drop(requests);
    pipeline.assert_accounted();
}

#[tokio::test(start_paused = true)]
async fn a_fleet_that_starts_together_does_not_report_together() {
    const MOST: Duration = Duration::from_secs(10);
    let mut waits = Vec::new();
    for seed in 1..=20 {
        let change = |settings: &mut Settings| {
            settings.startup_jitter = MOST;
            settings.seed = seed * 0x9E37_79B9;
        };
        let pipeline = Pipeline::start_with(change, SpoolOptions::default());
        let start = Instant::now();
        pipeline.log(Severity::Error, "started");
        tokio::time::sleep(2 * MOST).await;
        waits.push(pipeline.server.times()[0] - start);
    }
    let within = |from, to| {
        waits
            .iter()
            .filter(|wait| (from..to).contains(*wait))
            .count()
    };
    assert_eq!(within(Duration::ZERO, MOST + Duration::from_secs(1)), 20);
    assert!(within(Duration::ZERO, MOST / 2) >= 4, "{waits:?}");
    assert!(within(MOST / 2, MOST) >= 4, "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn a_missing_endpoint_is_tried_again_after_an_hour() {
    let pipeline = Pipeline::start();
    pipeline
        .server
        .answers([ExportOutcome::Misplaced { status: 404 }]);
    pipeline.log(Severity::Error, "kept");
    tokio::time::sleep(Duration::from_secs(3500)).await;
    assert_eq!(pipeline.server.times().len(), 1);
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert_eq!(pipeline.server.messages(), ["kept"]);
}
