//! What an application is promised whatever the server does.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tracing_soliplex::{Consent, DiscardReason, NetworkKind, PanicHook, Rules, Soliplex, State};

use super::{BRIEFLY, Begin as _, SOON, assert_balance, builder, insist, log, log_some, start};
use crate::scripted::{Reply, Request, Scripted};

#[test]
fn a_backlog_is_drained_batch_after_batch_without_a_pause() {
    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = start(&server);
    log_some(&soliplex, 1050);
    let report = soliplex.flush(SOON);
    assert_eq!((report.delivered, report.waiting), (1050, 0));
    let sizes: Vec<usize> = server
        .requests()
        .iter()
        .map(|request| request.records().len())
        .collect();
    assert!(sizes.iter().all(|size| *size <= 100), "{sizes:?}");
    assert!(sizes.len() <= 20, "{sizes:?}");
}

#[test]
fn an_error_is_sent_at_once_and_takes_along_what_waits() {
    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = start(&server);
    // A start is an occasion to send; after it, the next one is an hour away.
    assert!(soliplex.flush(SOON).is_complete());
    log_some(&soliplex, 2);
    log(&soliplex, || tracing::error!("broken"));
    let messages: Vec<String> = server
        .wait_for(1)
        .iter()
        .flat_map(Request::messages)
        .collect();
    assert_eq!(messages.len(), 3, "{messages:?}");
}

#[test]
fn a_server_that_never_answers_blocks_nobody() {
    let server = Scripted::start(|_| Reply::Silence);
    let soliplex = start(&server);
    log(&soliplex, || {
        tracing::error!("the first request goes out and hangs")
    });
    server.wait_for(1);
    // This returns although not one of these can be sent.
    log_some(&soliplex, 2000);
    let report = soliplex.flush(BRIEFLY);
    assert_eq!((report.delivered, report.waiting), (0, 2001));
    let report = soliplex.shutdown(BRIEFLY);
    assert_eq!(report.waiting, 2001);
    assert_balance(&soliplex);
}

/// `message = …` beside a literal makes two fields of the name, and both are told.
#[test]
fn an_event_with_two_messages_keeps_both() {
    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = start(&server);
    log(&soliplex, || {
        tracing::error!(message = %"the disk is full", "request failed");
    });
    let _ = soliplex.flush(SOON);
    let logged = server.wait_for(1)[0].logged().join(" ");
    assert!(logged.contains("the disk is full"), "{logged}");
    assert!(logged.contains("request failed"), "{logged}");
}

#[test]
fn records_stay_bound_to_the_user_they_were_captured_under() {
    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = start(&server);
    log_some(&soliplex, 1);
    soliplex.set_user(Some("ada"));
    log_some(&soliplex, 1);
    soliplex.set_user(Some("grace"));
    log_some(&soliplex, 1);
    soliplex.set_user(None);
    log_some(&soliplex, 1);
    let _ = soliplex.flush(SOON);
    let records: Vec<_> = server
        .wait_for(1)
        .iter()
        .flat_map(Request::records)
        .collect();
    let users: Vec<_> = records
        .iter()
        .map(|record| record["userId"].as_str())
        .collect();
    assert_eq!(users, [None, Some("ada"), Some("grace"), None]);
}

#[test]
fn ids_are_sanitized_and_no_allowlist_hides_them() {
    let server = Scripted::start(|_| Reply::accepted());
    let allowlist = Rules::builder().allow_only(["message"]).build().unwrap();
    for rules in [Rules::standard(), allowlist] {
        let before = server.requests().len();
        let soliplex = builder(&server)
            .rules(rules)
            .user("first@example.org")
            .begin();
        log_some(&soliplex, 1);
        soliplex.set_user(Some("second@example.org"));
        soliplex.set_active_run(Some(("thread of third@example.org", "fourth@example.org")));
        log_some(&soliplex, 1);
        soliplex.set_user(Some("u-4711"));
        soliplex.set_active_run(Some(("thread-7", "run-1")));
        log_some(&soliplex, 1);
        assert!(soliplex.flush(SOON).is_complete());
        let requests = server.requests();
        let records = requests[before..].iter().flat_map(Request::records);
        let bound = records
            .filter(|record| record["logger"] != "soliplex")
            .map(|record| (record["userId"].clone(), record["activeRun"].clone()));
        let expected = [
            (json!("[EMAIL]"), json!(null)),
            (
                json!("[EMAIL]"),
                json!({"threadId": "thread of [EMAIL]", "runId": "[EMAIL]"}),
            ),
            (
                json!("u-4711"),
                json!({"threadId": "thread-7", "runId": "run-1"}),
            ),
        ];
        assert_eq!(bound.collect::<Vec<_>>(), expected);
    }
    for request in server.requests() {
        assert!(!String::from_utf8_lossy(&request.body).contains("@example.org"));
    }
}

#[test]
fn switched_off_nothing_is_captured_and_nothing_sent() {
    let server = Scripted::start(|_| Reply::accepted());
    // Nothing leaves before it is switched off.
    let soliplex = builder(&server).consent(Consent::Pending).begin();
    log_some(&soliplex, 3);
    soliplex.set_enabled(false);
    soliplex.set_consent(Consent::Granted);
    log_some(&soliplex, 5);
    // The three, and the session's start.
    assert_eq!(soliplex.flush(SOON).waiting, 4);
    assert!(server.requests().is_empty());
    soliplex.set_enabled(true);
    let report = soliplex.flush(SOON);
    assert_eq!((report.delivered, report.waiting), (4, 0));
    assert_eq!(soliplex.stats().captured, 3);
    assert_balance(&soliplex);
}

#[test]
fn without_a_network_no_request_is_made() {
    let server = Scripted::start(|_| Reply::accepted());
    let online = Arc::new(Mutex::new(false));
    let checker = Arc::clone(&online);
    let soliplex = builder(&server)
        .network_checker(move || *checker.lock().unwrap())
        .begin();
    log_some(&soliplex, 1);
    // The event, and the session's start.
    assert_eq!(soliplex.flush(SOON).waiting, 2);
    assert_eq!(soliplex.stats().state, State::Offline);
    assert!(server.requests().is_empty());
    *online.lock().unwrap() = true;
    soliplex.network_changed(NetworkKind::Wifi, true);
    assert!(soliplex.flush(SOON).is_complete());
}

#[test]
fn a_flush_can_be_awaited_in_any_runtime() {
    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = start(&server);
    let current_thread = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let many_threads = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    for runtime in [current_thread, many_threads] {
        log_some(&soliplex, 1);
        let report = runtime.block_on(soliplex.flush_async(SOON));
        assert_eq!((report.delivered, report.waiting), (1, 0));
        // And the blocking form within a runtime, where a nested one would panic.
        runtime.block_on(async { assert!(soliplex.flush(SOON).is_complete()) });
    }
}

#[test]
fn what_was_left_waiting_is_delivered_by_the_next_start() {
    let store = tempfile::tempdir().unwrap();
    let server = Scripted::start(|_| Reply::status(503));
    let first = builder(&server).store_dir(store.path()).begin();
    log_some(&first, 7);
    assert_eq!(first.shutdown(BRIEFLY).waiting, 7);
    server.now(|_| Reply::accepted());
    let second = builder(&server).store_dir(store.path()).begin();
    insist(&second);
    let stats = second.stats();
    // Its own are that its session started, and how the first one ended.
    assert_eq!(
        (stats.recovered, stats.own, stats.delivered, stats.captured),
        (7, 2, 9, 0)
    );
}

#[test]
fn records_keep_the_version_they_were_captured_under() {
    let store = tempfile::tempdir().unwrap();
    let server = Scripted::start(|_| Reply::status(503));
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        let soliplex = Soliplex::builder("delivery-test", version)
            .endpoint(server.url())
            .store_dir(store.path())
            .startup_jitter(Duration::ZERO)
            .panic_hook(PanicHook::Off)
            .start()
            .unwrap();
        log(&soliplex, || tracing::info!("captured under {version}"));
        let _ = soliplex.shutdown(BRIEFLY);
    }
    server.now(|_| Reply::accepted());
    let before = server.requests().len();
    let soliplex = builder(&server).store_dir(store.path()).begin();
    insist(&soliplex);
    let requests = server.requests();
    let versions: Vec<(String, Vec<String>)> = requests[before..]
        .iter()
        .map(|request| (request.resource("service.version"), request.logged()))
        .collect();
    let expected = ["1.0.0", "1.1.0", "2.0.0"].map(|version| {
        (
            version.to_owned(),
            vec![format!("captured under {version}")],
        )
    });
    assert_eq!(versions, expected);
}

#[test]
fn a_store_at_its_bound_gives_up_the_least_severe_and_says_so() {
    let store = tempfile::tempdir().unwrap();
    let server = Scripted::start(|_| Reply::status(503));
    let soliplex = builder(&server)
        .store_dir(store.path())
        .max_store_bytes(2_000_000)
        .begin();
    let text = "words ".repeat(300);
    for _ in 0..30 {
        log(&soliplex, || {
            (0..100).for_each(|_| tracing::debug!("{text}"));
            tracing::error!("to be kept");
        });
        // The queue is emptied into the store, and nothing is delivered.
        let _ = soliplex.flush(Duration::ZERO);
    }
    server.now(|_| Reply::accepted());
    insist(&soliplex);
    let stats = soliplex.stats();
    let reasons: Vec<DiscardReason> = stats.discarded.iter().map(|(reason, _)| *reason).collect();
    assert_eq!(reasons, [DiscardReason::SpoolFull], "{stats:?}");
    assert_balance(&soliplex);

    let records: Vec<_> = server
        .requests()
        .into_iter()
        .flat_map(|request| request.records())
        .collect();
    let delivered = |message: &str| {
        let ids = records.iter().filter(|record| record["message"] == message);
        ids.map(|record| record["id"].to_string())
            .collect::<HashSet<_>>()
            .len()
    };
    assert_eq!(delivered("to be kept"), 30);
    assert!(delivered("records discarded") > 0);
}

#[test]
fn a_flush_that_is_awaited_returns_in_time_though_the_pipeline_is_held_up() {
    let server = Scripted::start(|_| Reply::accepted());
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = Mutex::new(held);
    let soliplex = builder(&server)
        .token_provider(move || {
            let _ = held.lock().unwrap().recv();
            None
        })
        .start()
        .unwrap();
    log_some(&soliplex, 1);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    for _ in 0..2 {
        let report = runtime.block_on(soliplex.flush_async(BRIEFLY));
        assert_eq!(report.delivered, 0);
    }
    drop(release);
}

#[test]
fn a_batch_keeps_to_its_bytes_before_they_are_compressed() {
    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = start(&server);
    let text = "words ".repeat(7_000);
    log(&soliplex, || {
        (0..60).for_each(|number| tracing::info!(number, "{text}"));
    });
    assert!(soliplex.flush(SOON).is_complete());
    let requests = server.requests();
    let records: usize = requests.iter().map(|request| request.records().len()).sum();
    assert_eq!(records, 60);
    let largest = requests.iter().map(|request| request.body.len()).max();
    assert!(
        (600 * 1024..=900 * 1024).contains(&largest.unwrap()),
        "{largest:?}"
    );
}

/// Where a blocking client or a runtime of the pipeline's own would panic when it is dropped.
#[test]
fn a_pipeline_begins_and_ends_within_any_runtime() {
    let server = Scripted::start(|_| Reply::accepted());
    let current_thread = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let many_threads = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    for runtime in [current_thread, many_threads] {
        runtime.block_on(async {
            let soliplex = start(&server);
            log_some(&soliplex, 1);
            assert!(soliplex.flush_async(SOON).await.is_complete());
            log_some(&soliplex, 1);
            assert!(soliplex.shutdown(SOON).is_complete());
            drop(soliplex);
            // And one that nobody shuts down.
            drop(start(&server));
        });
    }
}
