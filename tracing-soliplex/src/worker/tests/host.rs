//! What the application is asked: for a token, and whether there is a network.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_refused_token_parks_delivery_until_another_one_comes() {
    let token = Arc::new(Mutex::new("old".to_owned()));
    let provider = Arc::clone(&token);
    let pipeline = Pipeline::start_with(
        |settings| {
            settings.token_provider =
                Some(Box::new(move || Some(provider.lock().unwrap().clone())));
        },
        SpoolOptions::default(),
    );
    pipeline
        .server
        .answers([ExportOutcome::Unauthorized { status: 401 }]);
    pipeline.log(Severity::Error, "kept");
    tokio::time::sleep(HOUR - Duration::from_secs(60)).await;
    assert_eq!(
        pipeline.server.times().len(),
        1,
        "the same token is not tried twice within the hour"
    );
    assert_eq!(pipeline.capture.diagnostics.state(), State::Parked);
    *token.lock().unwrap() = "new".to_owned();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(
        pipeline.server.tokens(),
        [Some("old".to_owned()), Some("new".to_owned())]
    );
    assert_eq!(pipeline.server.messages(), ["kept"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_tried_once_an_hour_and_may_have_healed() {
    let pipeline = Pipeline::start_with(
        |settings| settings.token_provider = Some(Box::new(|| Some("same".to_owned()))),
        SpoolOptions::default(),
    );
    let refused = ExportOutcome::Unauthorized { status: 403 };
    pipeline.server.answers_always(Some(refused));
    pipeline.log(Severity::Error, "kept");
    tokio::time::sleep(6 * HOUR).await;
    let tries = pipeline.server.times().len();
    assert!((5..=7).contains(&tries), "{tries} requests in six hours");
    pipeline.server.answers_always(None);
    tokio::time::sleep(HOUR + Duration::from_secs(60)).await;
    assert_eq!(pipeline.server.messages(), ["kept"]);
    assert_eq!(pipeline.capture.diagnostics.state(), State::Active);
    pipeline.assert_accounted();
}

#[tokio::test(start_paused = true)]
async fn nobody_logged_in_means_records_wait() {
    let pipeline = Pipeline::start_with(
        |settings| settings.token_provider = Some(Box::new(|| None)),
        SpoolOptions::default(),
    );
    pipeline.log_many(3);
    let report = pipeline.flush(HOUR).await;
    assert_eq!((report.delivered, report.waiting), (0, 3));
    assert!(pipeline.server.times().is_empty());
    assert_eq!(pipeline.capture.diagnostics.state(), State::Parked);
    pipeline.assert_accounted();
}

#[tokio::test(start_paused = true)]
async fn without_a_network_nothing_is_tried_and_nothing_is_lost() {
    let online = Arc::new(AtomicBool::new(false));
    let checker = Arc::clone(&online);
    let pipeline = Pipeline::start_with(
        |settings| {
            settings.network_checker = Some(Box::new(move || checker.load(Ordering::Relaxed)))
        },
        SpoolOptions::default(),
    );
    pipeline.log(Severity::Error, "kept");
    let report = pipeline.flush(HOUR).await;
    assert_eq!((report.delivered, report.waiting), (0, 1));
    assert!(pipeline.server.times().is_empty());
    assert_eq!(pipeline.capture.diagnostics.state(), State::Offline);
    online.store(true, Ordering::Relaxed);
    pipeline.commands.send(Command::Changed).ok().unwrap();
    assert_eq!(pipeline.flush(HOUR).await.delivered, 1);
}

#[tokio::test(start_paused = true)]
async fn an_idle_pipeline_asks_the_application_nothing() {
    let asked = Arc::new(Mutex::new(0));
    let count = Arc::clone(&asked);
    let pipeline = Pipeline::start_with(
        move |settings| {
            let checks = Arc::clone(&count);
            settings.network_checker = Some(Box::new(move || {
                *checks.lock().unwrap() += 1;
                true
            }));
            settings.token_provider = Some(Box::new(move || {
                *count.lock().unwrap() += 1;
                Some("token".to_owned())
            }));
        },
        SpoolOptions::default(),
    );
    tokio::time::sleep(HOUR).await;
    assert_eq!(*asked.lock().unwrap(), 0);
    pipeline.log(Severity::Info, "now");
    let _ = pipeline.flush(HOUR).await;
    assert_eq!(*asked.lock().unwrap(), 2, "each once, for one request");
    pipeline.log_many(250);
    let _ = pipeline.flush(HOUR).await;
    assert_eq!(*asked.lock().unwrap(), 2 + 2 * 3, "and for each of three");
}

#[tokio::test(start_paused = true)]
async fn a_token_provider_that_panics_costs_no_record() {
    let calls = Arc::new(Mutex::new(0));
    let pipeline = Pipeline::start_with(
        move |settings| {
            settings.token_provider = Some(Box::new(move || {
                let mut calls = calls
                    .lock()
                    .unwrap_or_else(|poisoned| poisoned.into_inner());
                *calls += 1;
                assert!(*calls > 3, "the application's own");
                Some("token".to_owned())
            }));
        },
        SpoolOptions::default(),
    );
    pipeline.log(Severity::Error, "kept");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(pipeline.server.messages(), ["kept"]);
    pipeline.assert_accounted();
}

#[tokio::test(start_paused = true)]
async fn after_a_401_the_provider_is_asked_at_once_and_then_every_five_seconds() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let times = Arc::clone(&asked);
    let pipeline = Pipeline::start_with(
        move |settings| {
            settings.token_provider = Some(Box::new(move || {
                times.lock().unwrap().push(Instant::now());
                Some("old".to_owned())
            }));
        },
        SpoolOptions::default(),
    );
    let refused = ExportOutcome::Unauthorized { status: 401 };
    pipeline.server.answers_always(Some(refused));
    pipeline.log(Severity::Error, "kept");
    tokio::time::sleep(Duration::from_secs(61)).await;
    let asked = asked.lock().unwrap();
    let refused_at = pipeline.server.times()[0];
    let after: Vec<u64> = asked[1..]
        .iter()
        .map(|then| (*then - refused_at).as_millis() as u64)
        .collect();
    assert!(asked[0] <= refused_at, "asked for the request itself");
    assert!(after[0] < 500, "once more without delay: {after:?}");
    let waits = after.windows(2).map(|two| two[1] - two[0]);
    let waits: Vec<u64> = waits.collect();
    assert!(waits.len() >= 10, "{waits:?}");
    assert!(
        waits.iter().all(|wait| (5_000..5_500).contains(wait)),
        "{waits:?}"
    );
    assert_eq!(pipeline.server.times().len(), 1);
}
