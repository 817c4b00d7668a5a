//! The client against a server that does as it is told: one test for each row of the table of
//! answers, and for what an application is promised whatever the server does.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tracing_soliplex::{
    Builder, Diagnostic, DiscardReason, PanicHook, Sanitize as _, Soliplex, State,
};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::scripted::{Reply, Request, Scripted};

/// For what is expected to happen; a flush returns as soon as it has.
const SOON: Duration = Duration::from_secs(30);

/// For what is expected not to happen.
const BRIEFLY: Duration = Duration::from_millis(300);

/// A pipeline in memory, which sends when it is flushed, and at once on errors.
fn builder(server: &Scripted) -> Builder {
    Soliplex::builder("delivery-test", "1.0.0")
        .endpoint(server.url())
        .startup_jitter(Duration::ZERO)
        .flush_interval(Duration::from_secs(3600))
        .panic_hook(PanicHook::Off)
}

fn start(server: &Scripted) -> Soliplex {
    builder(server).start().unwrap()
}

/// Logs on this thread through the pipeline.
fn log<T>(soliplex: &Soliplex, log: impl FnOnce() -> T) -> T {
    let stack = tracing_subscriber::registry().with(soliplex.export_layer());
    let _default = stack.sanitize(soliplex).set_default();
    log()
}

fn log_some(soliplex: &Soliplex, count: u64) {
    log(soliplex, || {
        for number in 0..count {
            tracing::info!(number, "event {number}");
        }
    });
}

/// Flushes again and again, each time with an attempt at once, until all is delivered.
fn insist(soliplex: &Soliplex) {
    for _ in 0..100 {
        if soliplex.flush(BRIEFLY).is_complete() {
            return;
        }
    }
    panic!("not delivered: {:?}", soliplex.stats());
}

fn assert_balance(soliplex: &Soliplex) {
    let stats = soliplex.stats();
    let fates = stats.delivered + stats.waiting + stats.total_discarded();
    assert_eq!(
        stats.captured + stats.recovered + stats.own,
        fates,
        "{stats:?}"
    );
}

// === 2xx ===

#[test]
fn what_the_server_takes_is_delivered() {
    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = builder(&server)
        .token_provider(|| Some("a-token".into()))
        .start()
        .unwrap();
    log_some(&soliplex, 3);
    let report = soliplex.flush(SOON);
    assert_eq!((report.delivered, report.waiting), (3, 0));
    assert_eq!(report.to_string(), "3 delivered, 0 waiting");

    let requests = server.wait_for(1);
    let request = &requests[0];
    assert_eq!(request.path, "/api/v1/logs");
    assert_eq!(request.token(), Some("a-token"));
    assert_eq!(request.headers["content-type"], "application/json");
    assert_eq!(request.headers["content-encoding"], "gzip");
    assert_eq!(request.messages(), ["event 0", "event 1", "event 2"]);
    assert_balance(&soliplex);
}

#[test]
fn a_record_the_server_rejects_becomes_a_dead_letter_and_the_rest_is_delivered() {
    let server = Scripted::start(|request| {
        let rejected = json!({ "index": 1, "id": request.ids()[1], "reason": "too old" });
        let answer = json!({ "accepted": 2, "duplicates": 0, "rejected": [rejected] });
        Reply::Status(200, &[], answer.to_string())
    });
    let soliplex = start(&server);
    log_some(&soliplex, 3);
    // Only the first answer rejects: the loss record that follows is taken.
    let first = soliplex.flush(SOON);
    server.now(|_| Reply::accepted());
    insist(&soliplex);
    assert_eq!(first.discarded, [(DiscardReason::Rejected, 1)]);
    let letters = soliplex.dead_letters(SOON);
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].reason, "too old");
    assert_eq!(letters[0].record.message, "event 1");
    assert_balance(&soliplex);
}

#[test]
fn a_loss_is_told_in_the_stream() {
    let server = Scripted::start(|_| {
        let rejected = json!({ "index": 0, "reason": "refused" });
        Reply::Status(200, &[], json!({ "rejected": [rejected] }).to_string())
    });
    let soliplex = start(&server);
    log_some(&soliplex, 1);
    let _ = soliplex.flush(SOON);
    server.now(|_| Reply::accepted());
    insist(&soliplex);
    let requests = server.requests();
    let mut records = requests.iter().flat_map(Request::records);
    let told = records
        .rfind(|record| record["logger"] == "soliplex")
        .unwrap();
    assert_eq!(told["attributes"]["soliplex.discard.reason"], "rejected");
    assert_eq!(told["attributes"]["soliplex.discard.count"], 1);
}

#[test]
fn duplicates_the_server_recognizes_count_as_delivered() {
    let server =
        Scripted::start(|_| Reply::Status(200, &[], json!({ "duplicates": 2 }).to_string()));
    let soliplex = start(&server);
    log_some(&soliplex, 2);
    let _ = soliplex.flush(SOON);
    let stats = soliplex.stats();
    assert_eq!((stats.delivered, stats.duplicates), (2, 2));
}

// === 401, 403, 404 ===

#[test]
fn a_refused_token_is_not_tried_again_and_another_one_resumes() {
    for status in [401, 403] {
        let server = Scripted::start(move |request| match request.token() {
            Some("new") => Reply::accepted(),
            _ => Reply::status(status),
        });
        let token = Arc::new(Mutex::new("old"));
        let parked = Arc::new(Mutex::new(0));
        let (provider, counter) = (Arc::clone(&token), Arc::clone(&parked));
        let soliplex = builder(&server)
            .token_provider(move || Some((*provider.lock().unwrap()).to_owned()))
            .on_diagnostic(move |diagnostic| {
                if matches!(diagnostic, Diagnostic::Parked { .. }) {
                    *counter.lock().unwrap() += 1;
                }
            })
            .start()
            .unwrap();
        log_some(&soliplex, 2);
        assert_eq!(soliplex.flush(SOON).waiting, 2);
        assert_eq!(soliplex.stats().state, State::Parked);
        assert_eq!(soliplex.flush(BRIEFLY).waiting, 2);
        assert_eq!(
            server.requests().len(),
            1,
            "the same token was tried twice after {status}"
        );
        assert_eq!(*parked.lock().unwrap(), 1);

        *token.lock().unwrap() = "new";
        soliplex.token_changed();
        assert!(soliplex.flush(SOON).is_complete());
        assert_eq!(soliplex.stats().state, State::Active);
        assert_balance(&soliplex);
    }
}

#[test]
fn without_a_login_records_wait_and_nothing_is_asked_of_the_server() {
    let server = Scripted::start(|_| Reply::accepted());
    let login = Arc::new(Mutex::new(None));
    let provider = Arc::clone(&login);
    let soliplex = builder(&server)
        .token_provider(move || provider.lock().unwrap().clone())
        .start()
        .unwrap();
    log_some(&soliplex, 1);
    assert_eq!(soliplex.flush(BRIEFLY).waiting, 1);
    assert!(server.requests().is_empty());
    *login.lock().unwrap() = Some("token".to_owned());
    soliplex.token_changed();
    assert!(soliplex.flush(SOON).is_complete());
}

#[test]
fn a_wrong_endpoint_parks_until_the_configuration_changes() {
    let server = Scripted::start(|_| Reply::status(404));
    let soliplex = start(&server);
    log_some(&soliplex, 1);
    assert_eq!(soliplex.flush(SOON).waiting, 1);
    assert_eq!(soliplex.stats().state, State::Parked);
    assert_eq!(soliplex.flush(BRIEFLY).waiting, 1);
    assert_eq!(server.requests().len(), 1);

    server.now(|_| Reply::accepted());
    soliplex.network_changed();
    assert!(soliplex.flush(SOON).is_complete());
}

// === 408, 429, 5xx, no answer ===

#[test]
fn a_server_that_fails_is_tried_again_and_nothing_is_discarded() {
    for status in [408, 429, 500, 502, 503, 504] {
        let mut failures = 4;
        let server = Scripted::start(move |_| {
            failures -= 1;
            if failures > 0 {
                Reply::status(status)
            } else {
                Reply::accepted()
            }
        });
        let soliplex = start(&server);
        log_some(&soliplex, 2);
        insist(&soliplex);
        let ids: Vec<_> = server.requests().iter().map(Request::ids).collect();
        assert!(ids.len() >= 4, "after {status}");
        assert!(
            ids.iter().all(|same| *same == ids[0]),
            "other ids after {status}"
        );
        assert_eq!(soliplex.stats().total_discarded(), 0, "after {status}");
        assert_balance(&soliplex);
    }
}

#[test]
fn a_time_the_server_names_is_kept_even_when_somebody_flushes() {
    const LATER: &[(&str, &str)] = &[("retry-after", "3600")];
    let server = Scripted::start(|_| Reply::Status(503, LATER, String::new()));
    let soliplex = start(&server);
    log_some(&soliplex, 1);
    assert_eq!(soliplex.flush(BRIEFLY).waiting, 1);
    assert_eq!(soliplex.stats().state, State::BackingOff);
    assert_eq!(soliplex.flush(BRIEFLY).waiting, 1);
    assert_eq!(server.requests().len(), 1);
    // Another network may lead to another server, which has named no time.
    server.now(|_| Reply::accepted());
    soliplex.network_changed();
    assert!(soliplex.flush(SOON).is_complete());
}

#[test]
fn a_batch_whose_answer_was_lost_is_sent_again_under_the_same_ids() {
    let mut first = true;
    let server = Scripted::start(move |_| {
        if std::mem::take(&mut first) {
            Reply::Break
        } else {
            Reply::accepted()
        }
    });
    let soliplex = start(&server);
    log_some(&soliplex, 5);
    insist(&soliplex);
    let requests = server.requests();
    assert!(requests.len() >= 2);
    let (first, last) = (&requests[0], &requests[requests.len() - 1]);
    assert_eq!(first.ids(), last.ids());
}

#[test]
fn a_server_that_is_not_there_keeps_records_waiting() {
    let url = Scripted::start(|_| Reply::accepted()).url();
    // The server has been dropped: its port refuses.
    let soliplex = Soliplex::builder("delivery-test", "1.0.0")
        .endpoint(url)
        .startup_jitter(Duration::ZERO)
        .panic_hook(PanicHook::Off)
        .start()
        .unwrap();
    log_some(&soliplex, 4);
    assert_eq!(soliplex.flush(BRIEFLY).waiting, 4);
    let stats = soliplex.stats();
    assert!(stats.last_error.unwrap().contains("connect"));
    assert_balance(&soliplex);
}

// === 413, 400, 422 ===

#[test]
fn a_batch_too_large_for_the_server_is_halved_until_it_fits() {
    let server = Scripted::start(|request| {
        if request.records().len() > 3 {
            Reply::status(413)
        } else {
            Reply::accepted()
        }
    });
    let soliplex = start(&server);
    log_some(&soliplex, 20);
    let report = soliplex.flush(SOON);
    assert_eq!((report.delivered, report.waiting), (20, 0));
    let requests = server.requests();
    let taken = requests
        .iter()
        .filter(|request| request.records().len() <= 3);
    let messages: Vec<String> = taken.flat_map(Request::messages).collect();
    let expected: Vec<String> = (0..20).map(|number| format!("event {number}")).collect();
    assert_eq!(messages, expected, "in order and each once");
}

#[test]
fn a_single_record_too_large_for_the_server_becomes_a_dead_letter() {
    let server = Scripted::start(|request| {
        let refuses = request.messages().contains(&"event 5".to_owned());
        if refuses {
            Reply::status(413)
        } else {
            Reply::accepted()
        }
    });
    let soliplex = start(&server);
    log_some(&soliplex, 8);
    insist(&soliplex);
    let letters = soliplex.dead_letters(SOON);
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].record.message, "event 5");
    assert_eq!(soliplex.stats().discarded, [(DiscardReason::Rejected, 1)]);
    assert_balance(&soliplex);
}

#[test]
fn the_one_record_the_server_chokes_on_is_found_and_the_rest_is_delivered() {
    for status in [400, 422] {
        let server = Scripted::start(move |request| {
            let poisonous = request.messages().contains(&"event 13".to_owned());
            if poisonous {
                Reply::status(status)
            } else {
                Reply::accepted()
            }
        });
        let soliplex = start(&server);
        log_some(&soliplex, 40);
        insist(&soliplex);
        let letters = soliplex.dead_letters(SOON);
        assert_eq!(letters.len(), 1, "after {status}");
        assert_eq!(letters[0].record.message, "event 13");
        assert!(letters[0].reason.contains(&status.to_string()));
        let stats = soliplex.stats();
        // 39 of the application's, and the record of the loss.
        assert_eq!((stats.delivered, stats.own), (40, 1), "after {status}");
        assert_balance(&soliplex);
    }
}

#[test]
fn a_batch_refused_twice_is_not_given_up() {
    let mut refusals = 2;
    let server = Scripted::start(move |_| {
        refusals -= 1;
        if refusals >= 0 {
            Reply::status(400)
        } else {
            Reply::accepted()
        }
    });
    let soliplex = start(&server);
    log_some(&soliplex, 6);
    insist(&soliplex);
    assert_eq!(soliplex.stats().total_discarded(), 0);
    assert_eq!(soliplex.stats().delivered, 6);
}

// === What holds whatever the server does ===

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
fn switched_off_nothing_is_captured_and_nothing_sent() {
    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = start(&server);
    soliplex.set_enabled(false);
    log_some(&soliplex, 5);
    assert_eq!(soliplex.flush(SOON).waiting, 0);
    assert!(server.requests().is_empty());
    soliplex.set_enabled(true);
    log_some(&soliplex, 1);
    assert!(soliplex.flush(SOON).is_complete());
    assert_eq!(soliplex.stats().delivered, 1);
    assert_balance(&soliplex);
}

#[test]
fn without_a_network_no_request_is_made() {
    let server = Scripted::start(|_| Reply::accepted());
    let online = Arc::new(Mutex::new(false));
    let checker = Arc::clone(&online);
    let soliplex = builder(&server)
        .network_checker(move || *checker.lock().unwrap())
        .start()
        .unwrap();
    log_some(&soliplex, 1);
    assert_eq!(soliplex.flush(SOON).waiting, 1);
    assert_eq!(soliplex.stats().state, State::Offline);
    assert!(server.requests().is_empty());
    *online.lock().unwrap() = true;
    soliplex.network_changed();
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
    let first = builder(&server).store_dir(store.path()).start().unwrap();
    log_some(&first, 7);
    assert_eq!(first.shutdown(BRIEFLY).waiting, 7);
    server.now(|_| Reply::accepted());
    let second = builder(&server).store_dir(store.path()).start().unwrap();
    insist(&second);
    let stats = second.stats();
    assert_eq!(
        (stats.recovered, stats.delivered, stats.captured),
        (7, 7, 0)
    );
}
