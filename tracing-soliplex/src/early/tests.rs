//! What is taken in before anybody takes it out, and starts that come to nothing.

use super::*;

use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;

use soliplex_wire::Severity;
use soliplex_wire::encode::{self, Buffer, Members};

use crate::packed::{Form, Packed};
use crate::panic_hook::PanicHook;
use crate::queue::QueueOptions;
use crate::run::End;

/// Much longer than it takes.
const SOON: Duration = Duration::from_secs(30);

/// Says that this is the process that the test below has started.
const CHILD: &str = "SOLIPLEX_TEST_EARLY";

#[test]
fn a_second_pipeline_in_a_folder_is_told_who_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let start = || {
        Soliplex::builder("app", "1")
            .store_dir(directory.path())
            .panic_hook(PanicHook::Off)
            .early()
    };
    let _first = start().unwrap();
    let Err(error @ StartError::StoreInUse(_)) = start().map(drop) else {
        panic!("let in beside another");
    };
    let holder = std::error::Error::source(&error).unwrap().to_string();
    let pid = std::process::id();
    assert!(
        holder.contains(&format!("in use by process {pid} since ")),
        "{holder}"
    );
}

/// The hook is the whole process's. What explores interleavings beside this test panics by the thousand,
/// on stacks too small for the rules: one that overflowed while a table of theirs was being made left
/// all who needed it waiting for ever.
#[test]
fn a_panic_of_the_worker_itself_is_on_record_and_is_not_the_end_of_the_run() {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "early::tests::a_worker_that_panics"])
        .env(CHILD, "")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(said.contains("1 passed"), "{said}");
}

/// Not a test by itself: what the test above runs in another process.
#[test]
fn a_worker_that_panics() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (say, said) = channel();
    let early = Soliplex::builder("app", "1")
        .store_dir(directory.path())
        .panic_hook(PanicHook::Chain)
        .on_diagnostic(move |diagnostic| drop(say.send(diagnostic.clone())))
        .early()
        .unwrap();
    let target = Target {
        endpoint: Some(Endpoint::parse("http://localhost").unwrap()),
        exporter: Box::new(|_| panic!("a defect of ours")),
    };
    let soliplex = early.run(target).unwrap();
    while said.recv_timeout(SOON).unwrap() != Diagnostic::Stopped {}
    drop(soliplex);

    let (_, found) = Run::open(&directory.path().join(run::FILE));
    let Ok(Found::Previous(previous)) = found else {
        panic!("no marker");
    };
    assert_eq!(previous.end, End::Clean);
    let ring = directory.path().join(RING);
    let (_, mut reader, _) = Queue::open(&ring, QueueOptions::default());
    let mut fatal = Vec::new();
    let _ = reader.drain(usize::MAX, |frame| {
        let packed = Packed::parse(frame.payload, Form::Queued).unwrap();
        if packed.head.severity == Severity::Fatal {
            let mut members = Buffer::new();
            encode::print(packed.body, &mut members).unwrap();
            fatal.push(String::from_utf8_lossy(&members).into_owned());
        }
    });
    let [panic] = &fatal[..] else {
        panic!("{fatal:?}");
    };
    assert!(panic.contains("panicked: a defect of ours"), "{panic}");
    assert!(panic.contains("soliplex-worker"), "{panic}");
}

#[test]
fn what_is_logged_before_the_start_is_bounded_and_counted() {
    let early = Soliplex::builder("app", "1")
        .queue_bytes(4 << 20)
        .panic_hook(PanicHook::Off)
        .early()
        .unwrap();
    let capture = Arc::clone(&early.stage.capture);
    let text = "words ".repeat(1_000);
    for _ in 0..1_000 {
        capture.record(soliplex_wire::Severity::Info, "test", |_, texts| {
            texts.message.push_str(&text);
        });
    }
    let soliplex = early.start().unwrap();
    let _ = soliplex.flush(SOON);
    let stats = soliplex.stats();
    assert_eq!(stats.captured, 1_000);
    let kept = stats.captured - stats.total_discarded();
    assert!((300..1_000).contains(&kept), "{stats:?}");
    assert_eq!(
        stats.captured + stats.own,
        stats.waiting + stats.total_discarded()
    );
}

#[test]
fn an_endpoint_that_is_refused_leaves_no_trace() {
    let directory = tempfile::tempdir().unwrap();
    let builder = Soliplex::builder("app", "1").store_dir(directory.path());
    assert!(builder.endpoint("no url").start().is_err());
    assert!(!directory.path().join(run::FILE).exists());
}

#[test]
fn before_the_start_it_is_what_is_logged_that_says_the_application_is_alive() {
    let directory = tempfile::tempdir().unwrap();
    let early = Soliplex::builder("app", "1")
        .store_dir(directory.path())
        .panic_hook(PanicHook::Off)
        .early()
        .unwrap();
    let capture = Arc::clone(&early.stage.capture);
    let begun = capture.clock.unix_nanos();
    while capture.clock.unix_nanos() == begun {}
    // Noted once a second; this one says that it is of some seconds later.
    let then = begun + 5_000_000_000;
    capture.record_opened(
        Severity::Info,
        Some(then),
        |packed| Members::begin(packed, Severity::Info, "test"),
        |_, _, _| (),
    );
    drop((early, capture));
    let (_, found) = Run::open(&directory.path().join(run::FILE));
    let Ok(Found::Previous(previous)) = found else {
        panic!("no marker");
    };
    assert!(previous.last_alive > begun, "{previous:?}");
    assert!(previous.run_nanos > 0, "{previous:?}");
}

#[test]
fn who_lets_go_of_everything_before_the_start_has_ended_in_order_if_nothing_is_lost() {
    for (queue_is_in_memory, end) in [(false, End::Clean), (true, End::Unknown)] {
        let directory = tempfile::tempdir().unwrap();
        if queue_is_in_memory {
            // What stands there cannot be opened as a file.
            std::fs::create_dir(directory.path().join(RING)).unwrap();
        }
        let builder = Soliplex::builder("app", "1").store_dir(directory.path());
        let early = builder.panic_hook(PanicHook::Off).early().unwrap();
        let layer = early.export_layer();
        drop((early, layer));
        let (_, found) = Run::open(&directory.path().join(run::FILE));
        let Ok(Found::Previous(previous)) = found else {
            panic!("no marker");
        };
        assert_eq!(previous.end, end);
    }
}
