//! A store directory that cannot be had for a while, because the disk fails or another process
//! has it; and one that has to be emptied.

use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

use tempfile::tempdir;
use tracing_soliplex::{
    Consent, Diagnostic, DiscardReason, Soliplex, StartError, Stats, TestOutcome,
};

use super::{Begin as _, SOON, arrived, assert_balance, builder, log, log_some};
use crate::scripted::{Reply, Scripted};

/// The pipeline on a directory, and what it says of its store.
fn start_on(store: &Path, server: &Scripted) -> (Soliplex, Receiver<String>) {
    let (say, said) = channel();
    let soliplex = builder(server)
        .store_dir(store)
        .on_diagnostic(move |diagnostic| {
            if let Diagnostic::StoreUnavailable { error } = diagnostic {
                let _ = say.send(error.clone());
            }
        })
        .begin();
    (soliplex, said)
}

fn stop(soliplex: &Soliplex) -> Stats {
    let _ = soliplex.shutdown(SOON);
    soliplex.stats()
}

/// Has a link to nowhere stand where the store's file belongs, so that it cannot be opened.
#[cfg(unix)]
fn obstruct(store: &Path) {
    std::os::unix::fs::symlink(store.join("no folder/spool"), store.join("spool.redb")).unwrap();
}

#[cfg(unix)]
#[test]
fn what_is_logged_while_the_store_cannot_be_opened_outlives_the_process() {
    let server = Scripted::start(|_| Reply::accepted());
    let store = tempdir().unwrap();
    obstruct(store.path());
    let (soliplex, said) = start_on(store.path(), &server);
    said.recv_timeout(SOON).unwrap();
    log_some(&soliplex, 3);
    // The events, and the session's start.
    assert_eq!(stop(&soliplex).waiting, 4);
    drop(soliplex);
    assert_eq!(server.requests().len(), 0);

    fs::remove_file(store.path().join("spool.redb")).unwrap();
    let (soliplex, _) = start_on(store.path(), &server);
    let _ = soliplex.flush(SOON);
    assert_eq!(
        server.wait_for(1)[0].logged(),
        ["event 0", "event 1", "event 2"]
    );
    assert_eq!(stop(&soliplex).recovered, 4);
    assert_balance(&soliplex);
}

#[cfg(unix)]
#[test]
fn a_store_that_can_be_opened_after_all_is_opened_without_a_restart() {
    let server = Scripted::start(|_| Reply::accepted());
    let store = tempdir().unwrap();
    obstruct(store.path());
    let (soliplex, said) = start_on(store.path(), &server);
    said.recv_timeout(SOON).unwrap();
    log(&soliplex, || tracing::error!("kept in the queue"));
    fs::remove_file(store.path().join("spool.redb")).unwrap();
    assert_eq!(server.wait_for(1)[0].logged(), ["kept in the queue"]);
    stop(&soliplex);
    assert_balance(&soliplex);
}

#[cfg(unix)]
#[test]
fn while_the_store_cannot_be_opened_nobody_else_gets_the_files_beside_it() {
    let server = Scripted::start(|_| Reply::accepted());
    let store = tempdir().unwrap();
    obstruct(store.path());
    let (soliplex, said) = start_on(store.path(), &server);
    said.recv_timeout(SOON).unwrap();
    let second = builder(&server).store_dir(store.path()).start();
    assert!(
        matches!(second, Err(StartError::StoreInUse(_))),
        "{second:?}"
    );
    stop(&soliplex);
    drop(soliplex);
    let (third, _) = start_on(store.path(), &server);
    stop(&third);
}

#[cfg(unix)]
#[test]
fn a_test_event_that_finds_no_room_was_not_captured() {
    let server = Scripted::start(|_| Reply::accepted());
    let store = tempdir().unwrap();
    obstruct(store.path());
    let builder = builder(&server)
        .store_dir(store.path())
        .queue_bytes(64 * 1024);
    let soliplex = builder.start().unwrap();
    let control = soliplex.control();
    // Into what is left of the queue for errors, to the last byte.
    for text in ["x".repeat(1_000), String::new()] {
        let lost = || soliplex.stats().total_discarded();
        let before = lost();
        log(&soliplex, || {
            while lost() == before {
                tracing::error!("{text}");
            }
        });
    }
    assert_eq!(control.send_test_event(SOON), TestOutcome::NotCaptured);
    stop(&soliplex);
    assert_balance(&soliplex);
}

#[test]
fn other_files_that_are_damaged_are_told_of_and_replaced() {
    let server = Scripted::start(|_| Reply::accepted());
    let store = tempdir().unwrap();
    for file in ["breadcrumbs.ring", "run.marker"] {
        fs::write(store.path().join(file), "not what belongs here, by far").unwrap();
    }
    for expected in [&["run.marker", "breadcrumbs.ring"][..], &[]] {
        let (say, said) = channel();
        let builder = builder(&server).store_dir(store.path());
        let soliplex = builder.on_diagnostic(move |diagnostic| {
            if let Diagnostic::FileUnavailable { file, .. } = diagnostic {
                let _ = say.send(file.clone());
            }
        });
        stop(&soliplex.begin());
        assert_eq!(said.iter().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn an_installation_keeps_its_id_when_its_store_or_the_ids_own_file_is_lost() {
    let server = Scripted::start(|_| Reply::accepted());
    let store = tempdir().unwrap();
    let alias = || {
        let (soliplex, _) = start_on(store.path(), &server);
        stop(&soliplex);
        soliplex.device_alias()
    };
    let first = alias();
    let path = |file: &str| store.path().join(file);
    fs::write(path("spool.redb"), vec![7; 4096]).unwrap();
    assert_eq!(alias(), first);
    assert!(path("spool.redb.damaged-1").exists());
    fs::remove_file(path("install-id")).unwrap();
    assert_eq!(alias(), first);
    fs::write(path("install-id"), "").unwrap();
    assert_eq!(alias(), first);
    // With every trace of it gone it is another installation.
    fs::remove_file(path("install-id")).unwrap();
    fs::remove_file(path("run.marker")).unwrap();
    assert_ne!(alias(), first);
}

#[test]
fn whoever_changes_their_mind_at_once_is_heard_from_then_on_in_a_session_of_its_own() {
    // Not one that keeps to itself how sessions begin.
    let server = Scripted::proxy(|_| Reply::accepted());
    let store = tempdir().unwrap();
    let (soliplex, _) = start_on(store.path(), &server);
    for round in 0..5 {
        log_some(&soliplex, 3);
        soliplex.set_consent(Consent::Denied);
        log(&soliplex, || tracing::info!("unheard"));
        soliplex.set_consent(Consent::Granted);
        // Waits longer than that does, where a busy disk takes its time.
        let _ = soliplex.flush(SOON);
        log(&soliplex, || tracing::info!("heard {round}"));
        assert!(soliplex.flush(SOON).is_complete());
        let records = arrived(&server);
        let of_session = records
            .iter()
            .filter(|record| record["sessionId"] == soliplex.session_id());
        let mut texts: Vec<_> = of_session
            .map(|record| (record["seq"].as_u64(), record["message"].to_string()))
            .collect();
        texts.sort();
        let heard = format!("\"heard {round}\"");
        assert_eq!(
            texts[0],
            (Some(1), "\"session started\"".to_owned()),
            "{texts:?}"
        );
        assert!(texts.iter().any(|(_, text)| *text == heard), "{texts:?}");
        assert!(!records.iter().any(|record| record["message"] == "unheard"));
    }
    assert_balance(&soliplex);
}

#[test]
fn a_directory_that_cannot_be_made_is_reported_to_the_callback() {
    let server = Scripted::start(|_| Reply::accepted());
    let folder = tempdir().unwrap();
    let file = folder.path().join("a file");
    fs::write(&file, "").unwrap();
    let (soliplex, said) = start_on(&file, &server);
    let error = said.recv_timeout(SOON).unwrap();
    assert!(error.contains("directory"), "{error}");
    log_some(&soliplex, 1);
    assert_eq!(soliplex.flush(SOON).delivered, 1);
}

#[test]
fn after_another_process_has_had_the_files_what_is_logged_arrives_again() {
    let server = Scripted::start(|_| Reply::accepted());
    let store = tempdir().unwrap();
    let (first, _) = start_on(store.path(), &server);
    log_some(&first, 2);
    assert!(first.suspend(SOON));
    assert_eq!(first.stats().waiting, 2, "what waits is not forgotten");
    log_some(&first, 1);
    assert_eq!(
        first.stats().discarded,
        [(DiscardReason::QueueFull, 1)],
        "the queue may be somebody else's"
    );

    let (second, _) = start_on(store.path(), &server);
    log(&second, || tracing::info!("by the second"));
    // Three events, the session's start, and that the first one's files were released.
    assert!(second.flush(SOON).is_complete());
    assert_eq!(stop(&second).delivered, 5);
    assert_balance(&second);
    drop(second);

    first.resume();
    // A resumption is carried out by the worker; the flush stands behind it.
    let _ = first.flush(SOON);
    log(&first, || tracing::info!("by the first again"));
    let report = first.flush(SOON);
    assert!(report.is_complete(), "{report}");
    stop(&first);
    assert_balance(&first);
    let messages: Vec<String> = server
        .requests()
        .iter()
        .flat_map(|request| request.messages())
        .collect();
    let records = super::arrived(&server);
    let of = |message: &str| records.iter().find(|record| record["message"] == message);
    let lost = &of("records discarded").unwrap()["attributes"]["soliplex.discard.first_seq"];
    let before = of("event 1").unwrap()["seq"].as_u64().unwrap();
    assert_eq!(
        lost.as_u64(),
        Some(before + 1),
        "what was refused has a number"
    );
    for message in ["event 0", "event 1", "by the second", "by the first again"] {
        let count = messages.iter().filter(|sent| *sent == message).count();
        assert_eq!(count, 1, "{message}: {messages:?}");
    }
}

#[test]
fn a_start_without_consent_wipes_what_an_earlier_run_has_stored() {
    let server = Scripted::start(|_| Reply::accepted());
    let store = tempdir().unwrap();
    let aside = store.path().join("queue.ring.set-aside");
    let start = |consent| {
        let builder = builder(&server).store_dir(store.path()).consent(consent);
        builder.begin()
    };
    let first = start(Consent::Pending);
    log_some(&first, 2);
    assert_eq!(stop(&first).waiting, 3);
    fs::write(&aside, "may hold records").unwrap();

    let second = start(Consent::Denied);
    log_some(&second, 1);
    let stats = stop(&second);
    // The events, and the session's start.
    assert_eq!(stats.discarded, [(DiscardReason::Denied, 3)]);
    assert_balance(&second);
    assert!(!aside.exists());

    let third = start(Consent::Granted);
    let _ = third.flush(SOON);
    assert_eq!(server.wait_for(1)[0].logged(), ["records discarded"]);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_wipe_that_fails_is_made_again() {
    let server = Scripted::start(|_| Reply::accepted());
    let store = tempdir().unwrap();
    let aside = store.path().join("queue.ring.set-aside");
    let (say, said) = channel();
    let soliplex = builder(&server)
        .store_dir(store.path())
        .consent(Consent::Pending)
        .on_diagnostic(move |diagnostic| {
            let _ = say.send(diagnostic.clone());
        })
        .begin();
    log_some(&soliplex, 2);
    let _ = soliplex.flush(SOON);
    // A folder in its place cannot be deleted as a file.
    fs::create_dir(&aside).unwrap();
    soliplex.set_consent(Consent::Denied);
    let error = said.recv_timeout(SOON).unwrap();
    assert!(
        matches!(error, Diagnostic::StoreUnavailable { .. }),
        "{error:?}"
    );
    // Allowed again, while what was there before is still there: it would be wiped as well.
    soliplex.set_consent(Consent::Granted);
    log(&soliplex, || tracing::info!("too early"));
    fs::remove_dir(&aside).unwrap();
    let wiped = said.recv_timeout(SOON).unwrap();
    let reason = DiscardReason::Denied;
    // The events, and the session's start.
    assert_eq!(wiped, Diagnostic::Discarded { reason, count: 3 });
    // A flush comes after what was asked for before it.
    let _ = soliplex.flush(SOON);
    log(&soliplex, || tracing::info!("allowed again"));
    assert!(soliplex.flush(SOON).is_complete());
    let records = arrived(&server);
    let texts: Vec<_> = records
        .iter()
        .map(|record| record["message"].as_str().unwrap())
        .collect();
    assert!(texts.contains(&"allowed again"), "{texts:?}");
    assert!(!texts.contains(&"too early"), "{texts:?}");
    stop(&soliplex);
    assert_balance(&soliplex);
}
