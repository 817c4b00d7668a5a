//! Hours without the server: what is kept, what goes, and how that is told.

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
    let options = SpoolOptions {
        max_bytes: 2 << 20,
        ..SpoolOptions::default()
    };
    let pipeline = Pipeline::start_with(|_| {}, options);
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
    let told: i64 = arrived
        .iter()
        .filter_map(
            |record| match record.attributes.get("soliplex.discard.count") {
                Some(soliplex_wire::AnyValue::Int(count)) => Some(*count),
                _ => None,
            },
        )
        .sum();
    assert_eq!(
        told as u64,
        stats.total_discarded(),
        "the stream tells of every loss"
    );
}
