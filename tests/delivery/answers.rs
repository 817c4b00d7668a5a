//! The table of answers: what the client does about each, one test or more for each row.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tracing_soliplex::{Diagnostic, DiscardReason, NetworkKind, PanicHook, Soliplex, State};

use super::{BRIEFLY, Begin as _, SOON, assert_balance, builder, insist, log_some, start};
use crate::scripted::{Reply, Request, Scripted};

// === 2xx ===

#[test]
fn what_the_server_takes_is_delivered() {
    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = builder(&server)
        .token_provider(|| Some("a-token".into()))
        .begin();
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
        Reply::Status(
            200,
            &[],
            json!({ "accepted": 0, "rejected": [rejected] }).to_string(),
        )
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
    let server = Scripted::start(|_| {
        let answer = json!({ "accepted": 0, "duplicates": 2 });
        Reply::Status(200, &[], answer.to_string())
    });
    let soliplex = start(&server);
    log_some(&soliplex, 2);
    let _ = soliplex.flush(SOON);
    let stats = soliplex.stats();
    // The session's start is no duplicate.
    assert_eq!((stats.delivered, stats.duplicates), (1 + 2, 2));
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
            .begin();
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
        .begin();
    log_some(&soliplex, 1);
    // The event, and the session's start.
    assert_eq!(soliplex.flush(BRIEFLY).waiting, 2);
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
    soliplex.network_changed(NetworkKind::Wifi, true);
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
    soliplex.network_changed(NetworkKind::Wifi, true);
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
        .begin();
    log_some(&soliplex, 4);
    // The events, and the session's start.
    assert_eq!(soliplex.flush(BRIEFLY).waiting, 5);
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
        // What the flush has lost is told by the next.
        insist(&soliplex);
        let letters = soliplex.dead_letters(SOON);
        assert_eq!(letters.len(), 1, "after {status}");
        assert_eq!(letters[0].record.message, "event 13");
        assert!(letters[0].reason.contains(&status.to_string()));
        let stats = soliplex.stats();
        // 39 of the application's, the session's start, and the record of the loss.
        assert_eq!((stats.delivered, stats.own), (41, 2), "after {status}");
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
    assert_eq!(soliplex.stats().delivered, 1 + 6);
}
