//! What the application is told when answers come that it can do something about.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_failure_and_its_end_are_told() {
    let pipeline = Pipeline::start();
    pipeline.server.answers([BUSY]);
    pipeline.log(Severity::Error, "kept");
    tokio::time::sleep(Duration::from_secs(60)).await;
    let error = "the server is not able to answer now (503)".to_owned();
    assert_eq!(
        *pipeline.told.lock().unwrap(),
        [Diagnostic::ExportFailed { error }, Diagnostic::Recovered]
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_server_rejects_is_told() {
    let pipeline = Pipeline::start();
    let rejected = Rejected {
        index: Some(0),
        id: None,
        reason: "no".into(),
    };
    pipeline.server.answers([ExportOutcome::Accepted(Answer {
        rejected: vec![rejected],
        ..Answer::default()
    })]);
    pipeline.log_many(2);
    let _ = pipeline.flush(HOUR).await;
    let reason = DiscardReason::Rejected;
    assert_eq!(
        *pipeline.told.lock().unwrap(),
        [Diagnostic::Discarded { reason, count: 1 }]
    );
}

/// However often it is tried, and found to be the same.
#[tokio::test(start_paused = true)]
async fn that_delivery_is_parked_is_told_once_and_so_is_its_end() {
    for outcome in [
        ExportOutcome::Misplaced { status: 404 },
        ExportOutcome::Unauthorized { status: 401 },
    ] {
        let token = || Some("same".to_owned());
        let pipeline = Pipeline::start_with(
            |settings| settings.token_provider = Some(Box::new(token)),
            SpoolOptions::default(),
        );
        pipeline.server.answers_always(Some(outcome));
        pipeline.log(Severity::Error, "kept");
        tokio::time::sleep(4 * HOUR).await;
        assert!(pipeline.server.times().len() >= 4);
        pipeline.server.answers_always(None);
        tokio::time::sleep(2 * HOUR).await;
        let told = pipeline.told.lock().unwrap();
        let [Diagnostic::Parked { .. }, Diagnostic::Recovered] = told[..] else {
            panic!("{told:?}");
        };
    }
}
