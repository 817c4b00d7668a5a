//! A store that is of no use any more, gone, or not to be had when a run looks for it: what that
//! costs is told.

use std::fs;
use std::sync::mpsc::channel;

use tempfile::tempdir;
use tracing_soliplex::{Consent, Diagnostic};

use super::{Begin as _, SOON, arrived, assert_balance, builder, log_some};
use crate::scripted::{Reply, Scripted};

/// The next start cannot say how many records were in a store that it cannot read. It says that
/// there was one.
#[test]
fn a_store_that_nobody_can_read_is_told_of_in_the_stream() {
    let server = Scripted::start(|_| Reply::accepted());
    let store = tempdir().unwrap();
    fs::write(store.path().join("spool.redb"), "no store").unwrap();
    let soliplex = builder(&server).store_dir(store.path()).begin();
    let _ = soliplex.flush(SOON);
    let requests = server.requests();
    let records = requests.iter().flat_map(|request| request.records());
    let told: Vec<_> = records
        .filter(|record| record["attributes"]["soliplex.discard.reason"] == "spool_damaged")
        .map(|record| record["message"].clone())
        .collect();
    assert_eq!(
        told,
        ["a damaged file set aside, with records nobody can count"]
    );
    let _ = soliplex.shutdown(SOON);
    assert_eq!(soliplex.stats().uncounted, 1);
    assert_balance(&soliplex);
}

/// What the marker of the run before says is all that is left of it.
#[test]
fn a_store_that_was_deleted_between_two_runs_is_told_of_with_its_records() {
    let server = Scripted::start(|_| Reply::accepted());
    let store = tempdir().unwrap();
    let begin = |consent| {
        builder(&server)
            .store_dir(store.path())
            .consent(consent)
            .begin()
    };
    let before = begin(Consent::Pending);
    log_some(&before, 4);
    let _ = before.flush(SOON);
    // The events, and the session's start.
    let _ = before.shutdown(SOON);
    assert_eq!(before.stats().waiting, 5);
    drop(before);
    fs::remove_file(store.path().join("spool.redb")).unwrap();

    let after = begin(Consent::Granted);
    assert!(after.flush(SOON).is_complete());
    let told: Vec<_> = arrived(&server)
        .iter()
        .map(|record| record["attributes"].clone())
        .filter(|told| told["soliplex.discard.reason"] == "spool_damaged")
        .map(|told| told["soliplex.discard.count"].clone())
        .collect();
    assert_eq!(told, [5]);
    let _ = after.shutdown(SOON);
    assert_balance(&after);
    drop(after);

    // Told once, and nothing waits any more.
    let later = begin(Consent::Granted);
    assert!(later.flush(SOON).is_complete());
    assert_eq!(later.stats().discarded, []);
    let _ = later.shutdown(SOON);
}

#[test]
fn a_queue_whose_file_cannot_be_had_is_in_memory_and_that_is_told() {
    let server = Scripted::start(|_| Reply::accepted());
    let store = tempdir().unwrap();
    fs::create_dir(store.path().join("queue.ring")).unwrap();
    let (say, said) = channel();
    let soliplex = builder(&server)
        .store_dir(store.path())
        .on_diagnostic(move |diagnostic| drop(say.send(diagnostic.clone())))
        .begin();
    let told = said.recv_timeout(SOON).unwrap();
    let Diagnostic::StoreUnavailable { error } = &told else {
        panic!("{told:?}");
    };
    assert!(error.contains("queue's file"), "{error}");
    log_some(&soliplex, 2);
    assert_eq!(soliplex.flush(SOON).waiting, 0);
    assert_eq!(server.wait_for(1)[0].logged(), ["event 0", "event 1"]);
    let _ = soliplex.shutdown(SOON);
    assert_balance(&soliplex);
}
