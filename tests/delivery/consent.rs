//! What is left in the store directory when consent is withdrawn.

use std::fs;
use std::path::Path;
use std::sync::mpsc::channel;

use tempfile::tempdir;
use tracing_soliplex::{Consent, Diagnostic, Soliplex};

use super::{BRIEFLY, Begin as _, SOON, builder, insist, log, log_some};
use crate::scripted::{Reply, Scripted};

/// The files with the session's id in them, as text, as bytes, or the half by which our own files know
/// it.
fn naming(store: &Path, session: &str) -> Vec<String> {
    let id = u128::from_str_radix(&session.replace('-', ""), 16).unwrap();
    let half = (id >> 64) as u64;
    let forms = [
        session.as_bytes().to_vec(),
        half.to_be_bytes().to_vec(),
        half.to_le_bytes().to_vec(),
    ];
    let mut named = Vec::new();
    for entry in fs::read_dir(store).unwrap() {
        let path = entry.unwrap().path();
        // A link to nowhere says nothing.
        let bytes = fs::read(&path).unwrap_or_default();
        let has = |form: &Vec<u8>| bytes.windows(form.len()).any(|found| found == form);
        if forms.iter().any(has) {
            named.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    named.sort();
    named
}

#[test]
fn no_file_names_a_session_whose_consent_was_withdrawn() {
    let store = tempdir().unwrap();
    let server = Scripted::start(|_| Reply::status(503));
    let start = |consent| -> Soliplex {
        // A small queue is read sooner.
        let builder = builder(&server).store_dir(store.path());
        builder.queue_bytes(1 << 18).consent(consent).begin()
    };
    let soliplex = start(Consent::Granted);
    let session = soliplex.session_id();
    log_some(&soliplex, 20);
    let _ = soliplex.flush(SOON / 20);
    let mut named = naming(store.path(), &session);
    named.retain(|file| file != "queue.ring");
    assert_eq!(named, ["breadcrumbs.ring", "run.marker", "spool.redb"]);
    log(&soliplex, || tracing::error!("perhaps not stored yet"));
    soliplex.set_consent(Consent::Denied);
    log_some(&soliplex, 1);
    let _ = soliplex.flush(SOON);
    assert_eq!(naming(store.path(), &session), [""; 0]);
    soliplex.set_consent(Consent::Granted);
    let _ = soliplex.flush(SOON / 20);
    assert_ne!(soliplex.session_id(), session);
    // The run is known by its first session, and goes on.
    assert_eq!(naming(store.path(), &session), ["run.marker"]);
    let _ = soliplex.shutdown(BRIEFLY);
    drop(soliplex);

    server.now(|_| Reply::accepted());
    let next = start(Consent::Granted);
    log_some(&next, 1);
    insist(&next);
    assert_eq!(naming(store.path(), &session), [""; 0]);
}

/// What is in the other files is not kept because of one.
#[cfg(unix)]
#[test]
fn withdrawn_consent_empties_the_queue_while_the_store_cannot_be_opened() {
    let server = Scripted::start(|_| Reply::accepted());
    let store = tempdir().unwrap();
    let spool = store.path().join("spool.redb");
    std::os::unix::fs::symlink(store.path().join("no folder/spool"), &spool).unwrap();
    let (say, said) = channel();
    let soliplex = builder(&server)
        .store_dir(store.path())
        // A small queue is read sooner.
        .queue_bytes(1 << 18)
        .on_diagnostic(move |diagnostic| drop(say.send(diagnostic.clone())))
        .begin();
    let unavailable = said.recv_timeout(SOON).unwrap();
    assert!(
        matches!(unavailable, Diagnostic::StoreUnavailable { .. }),
        "{unavailable:?}"
    );
    log_some(&soliplex, 3);
    let session = soliplex.session_id();
    let named = ["breadcrumbs.ring", "queue.ring", "run.marker"];
    assert_eq!(naming(store.path(), &session), named);
    soliplex.set_consent(Consent::Denied);
    let _ = soliplex.flush(SOON);
    assert_eq!(naming(store.path(), &session), [""; 0]);
    let _ = soliplex.shutdown(BRIEFLY);
}
