//! How a run ended, as the next start tells it; each end is that of a real process.

use std::path::Path;

use crate::backend::count_by;
use aftermath::{Aftermath, check_breadcrumbs, check_signal};

mod aftermath;
mod of_main;

#[test]
fn the_next_start_tells_how_the_run_before_it_ended() {
    let crash = |how| ["--rate", "0", "--crash-after", how];
    let slow = ["--rate", "20", "--crash-after", "5=caught-panic"];
    // How it ends; after how many events it is killed; what the next start says; how gravely; how
    // many panics are on record.
    type Case<'a> = (
        &'a str,
        &'a [&'a str],
        Option<usize>,
        &'a str,
        &'a str,
        usize,
    );
    let cases: [Case<'_>; 16] = [
        ("shutdown", &["--rate", "0"], None, "clean", "INFO", 0),
        (
            "main returns",
            &["--rate", "0", "--end", "return"],
            None,
            "clean",
            "INFO",
            0,
        ),
        (
            "exit(0) in main",
            &["--rate", "0", "--end", "exit=0"],
            None,
            "clean",
            "INFO",
            0,
        ),
        (
            "exit(1) in main",
            &["--rate", "0", "--end", "exit=1"],
            None,
            "clean",
            "INFO",
            0,
        ),
        // So says the documentation: it cannot be told from the thread's own end.
        (
            "exit in another thread, without shutdown",
            &crash("5=exit"),
            None,
            "uncleanly",
            "ERROR",
            0,
        ),
        ("panic", &crash("5=panic"), None, "panic", "ERROR", 1),
        (
            "panic = abort",
            &crash("5=panic-abort"),
            None,
            "panic",
            "ERROR",
            1,
        ),
        (
            "panic in main",
            &["--rate", "0", "--end", "panic"],
            None,
            "panic",
            "ERROR",
            1,
        ),
        (
            "panics at once",
            &crash("5=panics"),
            None,
            "panic",
            "ERROR",
            8,
        ),
        (
            "a panic that is caught",
            &crash("5=caught-panic"),
            None,
            "clean",
            "INFO",
            1,
        ),
        (
            "a panic that is caught, and main returns",
            &[
                "--rate",
                "0",
                "--crash-after",
                "5=caught-panic",
                "--end",
                "return",
            ],
            None,
            "clean",
            "INFO",
            1,
        ),
        // The kill is some seconds after the panic.
        (
            "SIGKILL after a caught panic",
            &slow,
            Some(70),
            "uncleanly",
            "ERROR",
            1,
        ),
        ("abort", &crash("5=abort"), None, "uncleanly", "ERROR", 0),
        (
            "SIGSEGV",
            &crash("5=segfault"),
            None,
            "uncleanly",
            "ERROR",
            0,
        ),
        // That the thread which logged last has ended tells of no end in order.
        (
            "abort in main, after the other threads' end",
            &["--rate", "0", "--end", "abort"],
            None,
            "uncleanly",
            "ERROR",
            0,
        ),
        (
            "SIGKILL",
            &["--rate", "50"],
            Some(5),
            "uncleanly",
            "ERROR",
            0,
        ),
    ];
    for (name, arguments, killed_after, end, severity, panics) in cases {
        let mut all = vec!["--events", "100", "--startup-jitter", "0"];
        all.extend(arguments);
        let aftermath = Aftermath::of(&all, killed_after);
        let told = aftermath.end();
        let attributes = &told["attributes"];
        assert_eq!(attributes["soliplex.previous.end"], end, "{name}: {told}");
        assert_eq!(told["severity"], severity, "{name}");
        // Those in `main` come last.
        let before = if name == "panic in main" { 100 } else { 5 };
        assert_eq!(aftermath.panics(before), panics, "{name}");
        check_signal(name, aftermath.status);
        check_breadcrumbs(name, told, aftermath.told.len());
        if name == "panic in main" {
            let panic = &aftermath
                .records
                .iter()
                .find(|record| record["scope"] == "panic");
            assert_eq!(panic.unwrap()["attributes"]["thread.name"], "main");
        }
        // It names the session it tells of, and belongs to the one that tells it.
        let previous = attributes["session.previous_id"].as_str().unwrap();
        assert_ne!(attributes["session.id"], previous, "{name}");
        let sessions = count_by(&aftermath.records, "session.id");
        assert!(sessions[previous] > aftermath.told.len(), "{name}");
        // Of a run of seconds: a wrong unit or a missing start would show. The slow one has logged
        // twenty events a second until it was killed.
        let least = killed_after.map_or(0, |events| if events > 20 { 2_500 } else { 0 });
        let run_time_ms = attributes["soliplex.previous.run_time_ms"].as_i64();
        assert!(
            (least..60_000).contains(&run_time_ms.unwrap()),
            "{name}: {told}"
        );
    }
}

#[test]
fn a_session_begins_with_what_it_runs_on_and_what_came_before() {
    let aftermath = Aftermath::of(&["--events", "3", "--crash-after", "3=abort"], None);
    let mut starts = aftermath.event("session.start");
    starts.sort_by_key(|start| start["attributes"]["session.previous_id"].is_string());
    let [first, second] = starts[..] else {
        panic!("{} starts", starts.len());
    };
    for start in [first, second] {
        let attributes = &start["attributes"];
        assert_eq!(attributes["soliplex.seq"], 1, "the first of its session");
        assert_eq!(start["severity"], "INFO");
        assert_eq!(attributes["service.version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(attributes["app.build_id"], "field-device-1");
        assert_eq!(attributes["os.type"], std::env::consts::OS);
        assert!(attributes["host.arch"].is_string());
        if cfg!(not(target_os = "linux")) || Path::new("/etc/os-release").exists() {
            assert!(attributes["os.name"].is_string(), "{start}");
        }
        assert_eq!(attributes["app.installation.id"], attributes["install.id"]);
        let alias = attributes["soliplex.device.alias"].as_str().unwrap();
        assert_eq!(alias.split('-').count(), 3, "{alias}");
        assert_eq!(start["resource"]["soliplex.device.alias"], alias);
        assert_eq!(
            start["resource"]["deployment.environment.name"],
            "field-test"
        );
    }
    assert_eq!(
        first["attributes"]["soliplex.device.alias"],
        second["attributes"]["soliplex.device.alias"]
    );
    assert!(first["attributes"].get("soliplex.previous.end").is_none());
    let second = &second["attributes"];
    assert_eq!(second["soliplex.previous.end"], "uncleanly");
    assert_eq!(
        second["session.previous_id"],
        first["attributes"]["session.id"]
    );
}

#[test]
fn what_is_logged_before_a_crash_at_the_very_start_arrives() {
    for (how, end) in [
        ("abort", "uncleanly"),
        ("panic", "panic"),
        ("exit", "clean"),
    ] {
        let arguments = ["--events", "7", "--rate", "0", "--crash-at-startup", how];
        let aftermath = Aftermath::of(&arguments, None);
        assert_eq!(aftermath.told.len(), 7, "{how}");
        let arrived = count_by(&aftermath.records, "event_id");
        for event_id in &aftermath.told {
            assert_eq!(arrived.get(event_id), Some(&1), "{event_id} after {how}");
        }
        assert_eq!(aftermath.end()["attributes"]["soliplex.previous.end"], end);
        assert_eq!(aftermath.panics(7), usize::from(how == "panic"));
    }
}

#[cfg(unix)]
#[test]
#[ignore = "needs a device that is built to abort, as `.ci/run` builds it"]
fn where_panics_abort_each_of_them_is_the_end_and_is_on_record() {
    use std::os::unix::process::ExitStatusExt as _;

    let more: [&[&str]; 5] = [
        &["--crash-after", "5=panic"],
        &["--crash-after", "5=panics"],
        // Nobody catches it.
        &["--crash-after", "5=caught-panic"],
        &["--end", "panic"],
        &["--crash-at-startup", "panic"],
    ];
    for arguments in more {
        let all = [&["--events", "20", "--rate", "0"], arguments].concat();
        let aftermath = Aftermath::of(&all, None);
        let signal = aftermath.status.and_then(|status| status.signal());
        assert_eq!(signal, Some(6), "SIGABRT: {arguments:?}");
        let end = aftermath.end();
        assert_eq!(end["attributes"]["soliplex.previous.end"], "panic", "{end}");
        // Of several at once the first one ends them all.
        let before = if arguments[0] == "--crash-after" {
            5
        } else {
            20
        };
        assert!((1..=8).contains(&aftermath.panics(before)), "{arguments:?}");
        let arrived = count_by(&aftermath.records, "event_id");
        for event_id in &aftermath.told {
            assert_eq!(arrived.get(event_id), Some(&1), "{arguments:?}");
        }
    }
}
