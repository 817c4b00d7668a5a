//! What a telemetry screen shows and does.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing_soliplex::{Consent, State, TelemetryControl, TelemetrySnapshot, TestOutcome};

use super::{BRIEFLY, Begin as _, SOON, assert_balance, builder, log, log_some, start};
use crate::scripted::{Reply, Scripted};

#[test]
fn a_screen_follows_what_delivery_does_without_asking() {
    let server = Scripted::start(|_| Reply::status(401));
    let token = Arc::new(Mutex::new("old"));
    let current = Arc::clone(&token);
    let provider = move || Some((*current.lock().unwrap()).to_owned());
    let soliplex = builder(&server).token_provider(provider).begin();
    let mut screen = soliplex.control().subscribe();
    log(&soliplex, || tracing::error!("nobody is logged in"));
    let mut wait_for = |what: &str, is_so: &dyn Fn(&TelemetrySnapshot) -> bool| loop {
        let shown = screen.changed_timeout(SOON);
        let shown = shown.unwrap_or_else(|| panic!("never {what}: {:?}", soliplex.stats()));
        if is_so(&shown) {
            return shown;
        }
    };
    let shown = wait_for("parked", &|shown| shown.stats.state == State::Parked);
    assert!(shown.stats.waiting >= 1 && shown.stats.last_error.is_some());
    assert_eq!(
        shown.endpoint,
        Some(format!("{}/api/v1/logs", server.url()))
    );
    server.now(|_| Reply::accepted());
    *token.lock().unwrap() = "new";
    soliplex.token_changed();
    wait_for("delivered", &|shown| {
        shown.stats.state == State::Active && shown.stats.waiting == 0
    });
    soliplex.control().set_enabled(false);
    wait_for("switched off", &|shown| {
        !shown.is_enabled && shown.stats.state == State::Disabled
    });
}

#[test]
fn a_screen_hears_nothing_while_nothing_changes() {
    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = start(&server);
    assert!(soliplex.flush(SOON).is_complete());
    let mut screen = soliplex.control().subscribe();
    let before = soliplex.stats();
    // Turn after turn of the worker, which has nothing to do: its answers say that they are over.
    for _ in 0..20 {
        assert!(soliplex.dead_letters(SOON).is_empty());
    }
    assert_eq!(screen.changed_timeout(Duration::ZERO), None);
    log_some(&soliplex, 1);
    // So the first thing that is heard is what was logged.
    let heard = screen.changed_timeout(SOON).unwrap();
    assert_eq!(heard.stats.captured, before.captured + 1);
}

// === Test events ===

/// A pipeline that has delivered what it begins with.
fn started(server: &Scripted) -> TelemetryControl {
    let soliplex = start(server);
    assert!(soliplex.flush(SOON).is_complete());
    soliplex.control()
}

#[test]
fn a_test_event_arrives_at_once_and_says_so() {
    let server = Scripted::start(|_| Reply::accepted());
    let control = started(&server);
    assert_eq!(control.send_test_event(SOON), TestOutcome::Delivered);
    let requests = server.requests();
    assert_eq!(requests.last().unwrap().messages(), ["test event"]);
}

#[test]
fn a_test_event_can_be_awaited_in_any_runtime() {
    let server = Scripted::start(|_| Reply::accepted());
    let control = started(&server);
    let outcome = block_on(control.send_test_event_async(SOON));
    assert_eq!(outcome, TestOutcome::Delivered);
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.build().unwrap().block_on(future)
}

#[test]
fn a_test_event_says_why_it_has_not_arrived() {
    for (status, state, patience) in [
        (401, State::Parked, SOON),
        (404, State::Parked, SOON),
        // Here it could still arrive, and is waited for.
        (503, State::BackingOff, BRIEFLY),
    ] {
        let server = Scripted::start(|_| Reply::accepted());
        let soliplex = start(&server);
        let control = soliplex.control();
        server.now(move |_| Reply::status(status));
        let mut screen = control.subscribe();
        log(&soliplex, || tracing::error!("refused"));
        while control.snapshot().stats.state != state {
            assert!(screen.changed_timeout(SOON).is_some(), "{status}");
        }
        // Awaited, and so answered by the worker, however late it comes to it.
        let outcome = block_on(control.send_test_event_async(patience));
        let TestOutcome::Waiting { state: is, reason } = outcome else {
            panic!("delivered after {status}");
        };
        assert_eq!(is, state, "{status}");
        assert!(reason.contains(&status.to_string()), "{status}: {reason}");
        // It is kept, as any record is.
        assert_eq!(control.snapshot().stats.waiting, 2, "{status}");
    }
}

#[test]
fn a_test_event_the_server_will_never_take_is_told_with_its_reason() {
    let server = Scripted::start(|_| Reply::accepted());
    let control = started(&server);
    server.now(|request| {
        let messages = request.messages();
        let index = messages.iter().position(|text| text == "test event");
        let rejected: Vec<_> = index
            .map(|index| serde_json::json!({ "index": index, "reason": "tests are not taken" }))
            .into_iter()
            .collect();
        let answer = serde_json::json!({ "accepted": 0, "rejected": rejected });
        Reply::Status(200, &[], answer.to_string())
    });
    let reason = "tests are not taken".to_owned();
    let outcome = control.send_test_event(SOON);
    assert_eq!(outcome, TestOutcome::Rejected { reason });
}

#[test]
fn a_test_event_that_waits_for_consent_says_so() {
    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = builder(&server).consent(Consent::Pending).begin();
    let outcome = soliplex.control().send_test_event(SOON);
    let TestOutcome::Waiting { state, reason } = outcome else {
        panic!("delivered without consent");
    };
    assert_eq!(state, State::Disabled);
    assert!(reason.contains("consent"), "{reason}");
}

#[test]
fn a_test_event_that_cannot_go_out_says_so_at_once() {
    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = start(&server);
    let control = soliplex.control();
    soliplex.network_changed(tracing_soliplex::NetworkKind::None, false);
    let begun = std::time::Instant::now();
    let outcome = control.send_test_event(SOON);
    let is_offline = |outcome: &TestOutcome| {
        matches!(
            outcome,
            TestOutcome::Waiting {
                state: State::Offline,
                ..
            }
        )
    };
    assert!(is_offline(&outcome), "{outcome:?}");
    control.set_enabled(false);
    assert_eq!(control.send_test_event(SOON), TestOutcome::NotCaptured);
    assert!(begun.elapsed() < SOON / 3);
    assert_balance(&soliplex);
}

// === The endpoint ===

#[cfg(debug_assertions)]
#[test]
fn in_a_debug_build_another_endpoint_gets_what_the_first_one_refused() {
    let (wrong, right) = (
        Scripted::start(|_| Reply::status(404)),
        Scripted::start(|_| Reply::accepted()),
    );
    let soliplex = start(&wrong);
    let control = soliplex.control();
    log_some(&soliplex, 3);
    assert!(!soliplex.flush(SOON).is_complete());
    assert_eq!(soliplex.stats().state, State::Parked);

    assert_eq!(control.set_endpoint(&right.url()), Ok(()));
    // Without being asked to.
    assert_eq!(right.wait_for(1)[0].ids(), wrong.requests()[0].ids());
    assert!(soliplex.flush(SOON).is_complete());
    assert_eq!(soliplex.stats().state, State::Active);
    assert_eq!(wrong.requests().len(), 1);
    assert_balance(&soliplex);
}

#[cfg(debug_assertions)]
#[test]
fn an_endpoint_that_would_send_in_the_clear_is_refused_at_run_time_too() {
    use tracing_soliplex::{EndpointError, SetEndpointError};

    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = start(&server);
    let control = soliplex.control();
    let before = control.endpoint();
    for (url, error) in [
        ("http://ingest.example.org", EndpointError::Plaintext),
        (
            "https://me:pw@ingest.example.org",
            EndpointError::Credentials,
        ),
        ("ingest", EndpointError::NotAUrl),
    ] {
        let refused = Err(SetEndpointError::Endpoint(error));
        assert_eq!(control.set_endpoint(url), refused, "{url}");
    }
    assert_eq!(control.endpoint(), before);
    log_some(&soliplex, 1);
    assert!(soliplex.flush(SOON).is_complete());
}

// Only where the tests are built as a release is, which CI does for the lock itself alone: in
// `control.rs`, with debug assertions off.
#[cfg(not(debug_assertions))]
#[test]
fn in_a_release_build_the_endpoint_can_be_read_and_not_set() {
    let (server, other) = (
        Scripted::start(|_| Reply::accepted()),
        Scripted::start(|_| Reply::accepted()),
    );
    let soliplex = start(&server);
    let control = soliplex.control();
    let before = control.endpoint();
    assert_eq!(
        control.set_endpoint(&other.url()),
        Err(tracing_soliplex::SetEndpointError::Locked)
    );
    assert_eq!(control.endpoint(), before);
    log_some(&soliplex, 1);
    assert!(soliplex.flush(SOON).is_complete());
    assert!(other.requests().is_empty());
}
