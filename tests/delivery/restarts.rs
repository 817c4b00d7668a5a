//! What one run leaves to the next, and what happens where two of them meet.

use std::fs;

use tempfile::tempdir;
use tracing_soliplex::{DiscardReason, State};

use super::{BRIEFLY, Begin as _, SOON, arrived, assert_balance, builder, insist, log, log_some};
use crate::device::{Device, NO_BOUND};
use crate::scripted::{Reply, Request, Scripted};

#[test]
fn a_restart_does_not_hurry_a_server_that_is_down() {
    let store = tempdir().unwrap();
    let server = Scripted::start(|_| Reply::status(503));
    let first = builder(&server).store_dir(store.path()).begin();
    log_some(&first, 1);
    for _ in 0..4 {
        // Each with an attempt at once, after which the next would wait twice as long.
        let _ = first.flush(BRIEFLY);
    }
    let _ = first.shutdown(BRIEFLY);
    let attempts = server.request_count();
    assert!(attempts >= 4, "{attempts}");

    let second = builder(&server).store_dir(store.path()).start().unwrap();
    log(&second, || tracing::error!("would be sent at once"));
    assert_eq!(server.count_up_to(attempts + 1, 4 * BRIEFLY), attempts);
    assert_eq!(second.stats().state, State::BackingOff);
    // The wait is its own choice, and ends where somebody asks.
    let _ = second.flush(BRIEFLY);
    assert!(server.request_count() > attempts);
}

/// Each start asked anew, and a device that crashes at its start starts often.
#[test]
fn a_restart_asks_no_server_that_knows_no_such_endpoint_and_asks_another_at_once() {
    let store = tempdir().unwrap();
    let nobody = Scripted::start(|_| Reply::status(404));
    let first = builder(&nobody).store_dir(store.path()).begin();
    log_some(&first, 1);
    let _ = first.flush(SOON);
    assert_eq!(first.stats().state, State::Parked);
    let _ = first.shutdown(BRIEFLY);
    let asked = nobody.request_count();
    let second = builder(&nobody).store_dir(store.path()).begin();
    log(&second, || tracing::error!("would be sent at once"));
    assert_eq!(nobody.count_up_to(asked + 1, 4 * BRIEFLY), asked);
    assert_eq!(second.stats().state, State::Parked);
    let _ = second.shutdown(BRIEFLY);

    let server = Scripted::start(|_| Reply::accepted());
    let third = builder(&server).store_dir(store.path()).begin();
    insist(&third);
    let _ = third.shutdown(SOON);
    let fourth = builder(&server).store_dir(store.path()).begin();
    log_some(&fourth, 1);
    insist(&fourth);
    assert_eq!(fourth.stats().state, State::Active);
}

/// The crash of the one arrived as the other's, who had only logged in after it.
#[test]
fn how_a_run_ended_is_told_of_nobody_who_logged_in_later() {
    let store = tempdir().unwrap();
    // Not one that keeps to itself how sessions begin.
    let server = Scripted::proxy(|_| Reply::accepted());
    let run = |user: &str| {
        let builder = builder(&server).store_dir(store.path()).user(user);
        let soliplex = builder.start().unwrap();
        let _ = soliplex.shutdown(SOON);
    };
    run("ada");
    run("grace");
    let requests = server.requests();
    let records: Vec<_> = requests.iter().flat_map(Request::records).collect();
    let of = |event: &str| {
        let records = records.iter();
        let records = records.filter(|record| record["attributes"]["event.name"] == event);
        records.map(|record| &record["userId"]).collect::<Vec<_>>()
    };
    assert_eq!(of("session.start"), ["ada", "grace"]);
    assert_eq!(of("previous_session_ended"), [&serde_json::Value::Null]);
}

/// Only the gap in the numbers told of them, and nobody looks for gaps.
#[test]
fn what_was_refused_before_a_run_ended_untold_is_told_by_the_next() {
    let store = tempdir().unwrap();
    let flood = [
        "--crash-at-startup",
        "exit",
        "--events",
        "40000",
        "--rate",
        "0",
        "--max-store-bytes",
        NO_BOUND,
    ];
    let (told, _) = Device::start(store.path(), "http://127.0.0.1:9", "none", &flood).finish();
    assert_eq!(told.len(), 40_000);

    let server = Scripted::start(|_| Reply::accepted());
    // On a busy machine more than the default bound has been stored by then.
    let soliplex = builder(&server)
        .store_dir(store.path())
        .max_store_bytes(NO_BOUND.parse().unwrap())
        .begin();
    insist(&soliplex);
    let records = arrived(&server);
    let events: Vec<_> = records
        .iter()
        .filter(|record| record["attributes"]["event_id"].is_string())
        .collect();
    let losses: Vec<_> = records
        .iter()
        .map(|record| &record["attributes"])
        .filter(|attributes| attributes["soliplex.discard.reason"] == "queue_full")
        .map(|attributes| {
            let count = attributes["soliplex.discard.count"].as_u64();
            (count.unwrap(), &attributes["soliplex.discard.session_id"])
        })
        .collect();
    let refused = (told.len() - events.len()) as u64;
    assert!(refused > 0, "the queue took them all");
    assert_eq!(losses, [(refused, &events[0]["sessionId"])]);
    assert_balance(&soliplex);
    let discarded = [(DiscardReason::QueueFull, refused)];
    assert_eq!(soliplex.stats().discarded, discarded);
}

/// A frame whose bytes changed while nobody ran. Whose it was it does not say.
#[test]
fn a_frame_that_was_torn_is_told_of_in_the_stream() {
    let store = tempdir().unwrap();
    let device = [
        "--crash-at-startup",
        "exit",
        "--events",
        "20",
        "--rate",
        "0",
    ];
    let device = Device::start(store.path(), "http://127.0.0.1:9", "none", &device);
    let (told, _) = device.finish();
    let ring = store.path().join("queue.ring");
    let mut bytes = fs::read(&ring).unwrap();
    for id in [&told[3], &told[11]] {
        let mut places = bytes.windows(id.len());
        let place = places.position(|found| found == id.as_bytes()).unwrap();
        bytes[place] ^= 1;
    }
    fs::write(&ring, bytes).unwrap();

    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = builder(&server).store_dir(store.path()).begin();
    insist(&soliplex);
    let records = arrived(&server);
    let ids = records
        .iter()
        .filter(|record| record["attributes"]["event_id"].is_string());
    assert_eq!(ids.count(), told.len() - 2);
    let torn: Vec<_> = records
        .iter()
        .map(|record| &record["attributes"])
        .filter(|attributes| attributes["soliplex.discard.reason"] == "torn")
        .map(|attributes| attributes["soliplex.discard.count"].as_u64())
        .collect();
    assert_eq!(torn, [Some(2)]);
    assert_balance(&soliplex);
}

#[test]
fn what_is_logged_after_a_shutdown_is_delivered_by_the_next_run_though_it_runs_already() {
    let store = tempdir().unwrap();
    let server = Scripted::start(|_| Reply::accepted());
    let first = builder(&server).store_dir(store.path()).begin();
    assert!(first.shutdown(SOON).is_complete());
    log(&first, || tracing::error!("between the two"));
    let second = builder(&server).store_dir(store.path()).begin();
    log(&first, || tracing::error!("beside the second"));
    log(&second, || tracing::error!("by the second"));
    insist(&second);
    let mut logged: Vec<String> = server.requests().iter().flat_map(Request::logged).collect();
    logged.sort();
    assert_eq!(
        logged,
        ["beside the second", "between the two", "by the second"]
    );
    let of_first = arrived(&server);
    let of_first = of_first
        .iter()
        .filter(|record| record["sessionId"] == first.session_id());
    assert_eq!(of_first.count(), 2, "each in the session that logged it");
}
