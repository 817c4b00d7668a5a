//! What a host tells of its application's life, on record and for the files.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::{TempDir, tempdir};
use tracing_soliplex::{LifecycleReport, Soliplex};

use super::{BRIEFLY, Begin as _, SOON, arrived, assert_balance, builder, log, start};
use crate::scripted::{Reply, Scripted};

type Call = fn(&Soliplex) -> LifecycleReport;

/// All ways to leave, with the word that is on record.
const LEAVING: [(Call, &str); 3] = [
    (Soliplex::on_paused, "paused"),
    (Soliplex::on_hidden, "hidden"),
    (Soliplex::on_detached, "detached"),
];

/// What arrived about the application's life, in order.
fn states(server: &Scripted) -> Vec<String> {
    let about = |record: &Value| {
        assert_eq!(record["message"], "lifecycle_changed");
        record["attributes"]["state"].as_str().unwrap().to_owned()
    };
    let records = arrived(server);
    let of_lifecycle = |record: &&Value| record["logger"] == "Lifecycle";
    records.iter().filter(of_lifecycle).map(about).collect()
}

fn deliver(soliplex: &Soliplex) {
    assert!(soliplex.flush(SOON).is_complete(), "{:?}", soliplex.stats());
}

/// A pipeline on this directory that lets go of it in the background.
fn start_releasing(store: &Path, server: &Scripted) -> Soliplex {
    let builder = builder(server).store_dir(store).lifecycle_timeout(SOON);
    builder.release_files_in_background().begin()
}

#[test]
fn each_change_is_on_record_once_in_whatever_order_a_host_calls() {
    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = start(&server);
    let resumed = |soliplex: &Soliplex| assert!(soliplex.on_resumed());
    resumed(&soliplex);
    let _ = soliplex.on_hidden();
    let _ = soliplex.on_paused();
    let _ = soliplex.on_paused();
    let _ = soliplex.on_detached();
    let _ = soliplex.on_paused();
    resumed(&soliplex);
    resumed(&soliplex);
    let _ = soliplex.on_detached();
    deliver(&soliplex);
    let expected = [
        "hidden", "paused", "detached", "paused", "resumed", "detached",
    ];
    assert_eq!(states(&server), expected);
    assert_balance(&soliplex);
}

#[test]
fn whoever_leaves_has_everything_delivered_before() {
    for (leave, state) in LEAVING {
        let server = Scripted::start(|_| Reply::accepted());
        let soliplex = builder(&server).lifecycle_timeout(SOON).begin();
        log(&soliplex, || tracing::info!("drawn"));
        // The next regular occasion is an hour away.
        let report = leave(&soliplex);
        assert!(report.flush.is_complete(), "{state}: {report:?}");
        assert!(!report.files_released, "nobody asked for it");
        assert_eq!(states(&server), [state]);
        assert_balance(&soliplex);
    }
}

#[test]
fn a_server_that_never_answers_holds_nobody_up_beyond_the_deadline() {
    let server = Scripted::start(|_| Reply::Silence);
    let store = tempdir().unwrap();
    let timeout = Duration::from_millis(500);
    let soliplex = builder(&server)
        .store_dir(store.path())
        .lifecycle_timeout(timeout)
        .release_files_in_background()
        .begin();
    log(&soliplex, || tracing::error!("hangs"));
    server.wait_for(1);
    for (leave, state) in LEAVING {
        let begun = Instant::now();
        let report = leave(&soliplex);
        let left = begun.elapsed();
        soliplex.on_resumed();
        let back = begun.elapsed() - left;
        assert!(!report.flush.is_complete(), "{state}");
        // A busy machine may need a moment to wake the one who waits; the request itself would be
        // given up after 30 seconds.
        for waited in [left, back] {
            assert!(waited < timeout * 3, "{state}: {waited:?}");
        }
    }
}

#[test]
fn another_process_may_have_the_files_while_the_application_sleeps() {
    for (leave, state) in [LEAVING[0], LEAVING[2]] {
        let server = Scripted::start(|_| Reply::accepted());
        let store = tempdir().unwrap();
        let first = start_releasing(store.path(), &server);
        assert!(leave(&first).files_released, "{state}");
        assert!(leave(&first).files_released, "{state}, once more");

        let second = start_releasing(store.path(), &server);
        deliver(&second);
        let _ = second.shutdown(SOON);
        drop(second);

        assert!(first.on_resumed());
        log(&first, || tracing::info!("back"));
        deliver(&first);
        assert_eq!(states(&server), [state, "resumed"]);
        let back = |record: &&Value| record["message"] == "back";
        assert_eq!(arrived(&server).iter().filter(back).count(), 1);
        assert_eq!(first.stats().total_discarded(), 0);
        assert_balance(&first);
    }
}

#[test]
fn a_hidden_application_goes_on_logging() {
    let server = Scripted::start(|_| Reply::accepted());
    let store = tempdir().unwrap();
    let soliplex = start_releasing(store.path(), &server);
    assert!(!soliplex.on_hidden().files_released);
    log(&soliplex, || tracing::info!("still here"));
    deliver(&soliplex);
    assert_eq!(soliplex.stats().total_discarded(), 0);
}

#[test]
fn who_comes_back_while_another_has_the_files_is_on_record_once_they_are_free() {
    let server = Scripted::start(|_| Reply::accepted());
    let store = tempdir().unwrap();
    let first = builder(&server)
        .store_dir(store.path())
        .lifecycle_timeout(Duration::from_secs(2))
        .release_files_in_background()
        .begin();
    assert!(first.on_paused().files_released);
    let second = start_releasing(store.path(), &server);
    assert!(!first.on_resumed(), "another has the files");
    let _ = second.shutdown(SOON);
    drop(second);

    let mut screen = first.control().subscribe();
    let resumed = ["paused", "resumed"];
    while states(&server) != resumed {
        assert!(
            screen.changed_timeout(SOON).is_some(),
            "{:?}",
            first.stats()
        );
    }
    assert_balance(&first);
}

#[test]
fn a_host_that_cannot_make_up_its_mind_ends_as_it_said_last() {
    let server = Scripted::start(|_| Reply::accepted());
    let store = tempdir().unwrap();
    let soliplex = start_releasing(store.path(), &server);
    std::thread::scope(|scope| {
        for (leave, _) in LEAVING {
            let soliplex = &soliplex;
            scope.spawn(move || {
                for _ in 0..5 {
                    let _ = leave(soliplex);
                    soliplex.on_resumed();
                }
            });
        }
    });
    assert!(soliplex.on_resumed());
    log(&soliplex, || tracing::info!("in front"));
    deliver(&soliplex);
    let told = states(&server);
    assert!(told.windows(2).all(|two| two[0] != two[1]), "{told:?}");
    assert_eq!(told.last().unwrap(), "resumed");
    assert_balance(&soliplex);
}

#[test]
fn what_a_phone_kills_in_the_background_is_not_told_as_a_crash() {
    for (leave, state) in LEAVING {
        // Not one that keeps to itself how sessions begin.
        let server = Scripted::proxy(|_| Reply::accepted());
        let store = tempdir().unwrap();
        let killed = builder(&server).store_dir(store.path()).begin();
        let _ = leave(&killed);
        // What a kill leaves behind: the files as they are at this moment.
        let left = copy(store.path());
        disown(left.path());
        let next = builder(&server).store_dir(left.path()).begin();
        deliver(&next);
        let told = arrived(&server);
        let of_end =
            |record: &&Value| record["attributes"]["event.name"] == "previous_session_ended";
        let end = told
            .iter()
            .find(of_end)
            .unwrap_or_else(|| panic!("{told:?}"));
        assert_eq!(end["level"], "info", "{end}");
        let attributes = &end["attributes"];
        assert_eq!(attributes["soliplex.previous.lifecycle"], state);
        assert_eq!(attributes["soliplex.previous.end"], "uncleanly");
    }
}

/// Has the run's marker be that of another process than this one: its word 20 tells.
fn disown(store: &Path) {
    let path = store.join("run.marker");
    let mut marker = fs::read(&path).unwrap();
    marker[160..168].fill(0);
    fs::write(&path, marker).unwrap();
}

fn copy(store: &Path) -> TempDir {
    let copy = tempdir().unwrap();
    for entry in fs::read_dir(store).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

#[test]
fn what_is_logged_after_a_sleep_survives_although_another_run_wished_for_another_queue() {
    let server = Scripted::start(|_| Reply::status(503));
    let store = tempdir().unwrap();
    let begin = |bytes| {
        let builder = builder(&server).store_dir(store.path());
        builder.queue_bytes(bytes).begin()
    };
    let first = begin(256 << 10);
    assert!(first.suspend(SOON));
    let second = begin(1 << 20);
    log(&second, || tracing::info!("in between"));
    let _ = second.shutdown(BRIEFLY);
    drop(second);
    first.resume();
    let _ = first.flush(BRIEFLY);
    // With its worker gone nothing leaves the queue any more.
    let _ = first.shutdown(BRIEFLY);
    log(&first, || tracing::info!("after the sleep"));
    let left = copy(store.path());
    let server = Scripted::start(|_| Reply::accepted());
    let next = builder(&server).store_dir(left.path()).begin();
    deliver(&next);
    let told: Vec<_> = arrived(&server)
        .iter()
        .map(|record| record["message"].clone())
        .collect();
    for message in ["in between", "after the sleep"] {
        assert!(told.contains(&message.into()), "{told:?}");
    }
}
