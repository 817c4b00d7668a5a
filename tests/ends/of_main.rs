//! The end of `main`, which is an end in order wherever that can be told.

use std::process::Command;
use std::time::Duration;

use tempfile::tempdir;
use tracing_soliplex::{PanicHook, Soliplex};

use crate::scripted::{Reply, Request, Scripted};

#[test]
fn the_end_of_main_is_an_end_in_order_wherever_that_can_be_told() {
    for (how, end) in [
        ("returns", "clean"),
        ("panics", "panic"),
        ("panics slowly", "panic"),
        ("panics, second pipeline", "panic"),
        ("panics, kept", "panic"),
        ("panics, kept, hook off", "panic"),
        ("carries on another thread's panic, kept", "panic"),
        ("catches a panic of its own, kept", "clean"),
        ("catches a panic of its own, main has logged", "clean"),
        ("catches another thread's panic, kept", "clean"),
        ("catches another thread's panic, main has logged", "clean"),
        ("returns, started elsewhere, main has logged", "clean"),
        // So says the documentation of each of these.
        ("returns, started elsewhere", "uncleanly"),
        ("exit elsewhere", "uncleanly"),
        ("panics, hook off", "uncleanly"),
        ("panics, hook replaced", "uncleanly"),
        ("returns, hook off", "uncleanly"),
        ("catches a panic of its own, and says nothing", "panic"),
        ("panics, suspended", "panic"),
        ("shut down at once, exit elsewhere", "clean"),
        ("shut down at once, started elsewhere", "clean"),
    ] {
        check(how, &[end]);
    }
}

/// Thread-locals that are older than ours are dropped after it, and those that are younger before:
/// what they did then was taken for a main that goes on.
#[test]
fn what_thread_locals_do_after_a_panic_is_no_sign_that_it_was_caught() {
    for (how, end) in [
        ("panics, a thread-local has a handle", "panic"),
        ("panics slowly, a thread-local has a handle", "panic"),
        ("panics, a thread-local logs", "panic"),
        ("panics, a thread-local shuts down", "panic"),
        (
            "panics, after it caught a panic of its own, kept, a thread-local logs",
            "panic",
        ),
        (
            "carries on another thread's panic, kept, an early thread-local logs",
            "panic",
        ),
        ("returns, a thread-local logs", "clean"),
        ("returns, a thread-local shuts down", "clean"),
    ] {
        check(how, &[end]);
    }
}

/// Nobody was left to say how it ended, though the marker needs nobody.
#[test]
fn a_run_whose_start_was_refused_is_told_of_like_any_other() {
    for (how, ends) in [
        ("panics, start refused", &["panic"][..]),
        ("panics, start refused, no layer", &["panic"]),
        ("aborts, start refused", &["uncleanly"]),
        ("aborts, start refused, no layer", &["uncleanly"]),
        ("returns, start refused", &["clean"]),
        ("returns, start refused, no layer", &["clean"]),
        (
            "returns, start refused, no layer, started again",
            &["clean", "clean"],
        ),
    ] {
        check(how, ends);
    }
}

/// A host that has a pipeline for each job, and catches what a job does, was told of as dead.
#[test]
fn a_shutdown_in_an_unwind_is_an_end_by_a_panic_only_if_the_process_ends_of_it() {
    for (how, ends) in [
        ("panics, shut down by a guard of main's", &["panic"][..]),
        (
            "catches a panic of its own, shut down by a guard, and says nothing",
            &["panic"],
        ),
        (
            "catches a panic of its own, shut down by a guard, kept",
            &["clean"],
        ),
        (
            "catches a panic of its own, shut down by a guard, starts again, exit elsewhere",
            &["clean", "uncleanly"],
        ),
    ] {
        check(how, ends);
    }
}

#[test]
fn a_main_that_unwinds_for_ten_seconds_has_caught_its_panic() {
    check(
        "catches a panic of its own, lives on, and says nothing",
        &["clean"],
    );
}

#[test]
fn a_process_that_lives_on_for_ten_seconds_after_a_shutdown_in_an_unwind_has_caught_the_panic() {
    check(
        "catches a panic of its own, shut down by a guard, lives on, exit elsewhere",
        &["clean"],
    );
}

/// Has a program end in this way, and the next start tell of its runs' ends.
fn check(how: &str, expected: &[&str]) {
    let store = tempdir().unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_tested-end"));
    let status = program.arg(how).arg(store.path()).status().unwrap();
    let code = match how {
        how if how.starts_with("panics") || how.starts_with("carries on") => Some(101),
        how if how.starts_with("aborts") => None,
        _ => Some(0),
    };
    if code.is_some() || cfg!(unix) {
        assert_eq!(status.code(), code, "{how}");
    }

    // Not one that keeps to itself how sessions begin.
    let server = Scripted::proxy(|_| Reply::accepted());
    let next = Soliplex::builder("tested-end", "1")
        .store_dir(store.path())
        .endpoint(server.url())
        .startup_jitter(Duration::ZERO)
        .panic_hook(PanicHook::Off);
    let next = next.start().unwrap();
    assert!(next.flush(Duration::from_secs(30)).is_complete(), "{how}");
    let requests = server.requests();
    let mut ends: Vec<_> = requests
        .iter()
        .flat_map(Request::records)
        .filter(|record| record["attributes"]["event.name"] == "previous_session_ended")
        .map(|record| {
            let attributes = &record["attributes"];
            let text = |name: &str| attributes[name].as_str().unwrap().to_owned();
            (
                text("soliplex.previous.started"),
                text("soliplex.previous.end"),
            )
        })
        .collect();
    ends.sort();
    let ends: Vec<_> = ends.into_iter().map(|(_, end)| end).collect();
    assert_eq!(ends, expected, "{how}");
}
