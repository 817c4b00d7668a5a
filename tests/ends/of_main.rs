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
        ("shut down, exit elsewhere", "clean"),
        ("shut down, started elsewhere", "clean"),
    ] {
        let store = tempdir().unwrap();
        let mut program = Command::new(env!("CARGO_BIN_EXE_tested-end"));
        let status = program.arg(how).arg(store.path()).status().unwrap();
        let panics = how.starts_with("panics") || how.starts_with("carries on");
        assert_eq!(status.code(), Some(if panics { 101 } else { 0 }), "{how}");

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
        let records = requests.iter().flat_map(Request::records);
        let ends: Vec<_> = records
            .filter(|record| record["attributes"]["event.name"] == "previous_session_ended")
            .map(|record| record["attributes"]["soliplex.previous.end"].clone())
            .collect();
        assert_eq!(ends, [end], "{how}");
    }
}
