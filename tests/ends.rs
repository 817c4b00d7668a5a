//! How a run ended, as the next start tells it; each end is that of a real process.

use std::path::Path;
use std::process::ExitStatus;

use serde_json::Value;
use tempfile::tempdir;

use crate::backend::{Backend, count_by};
use crate::device::{Device, drain};

/// What arrived of a device that ended somehow, and of the start after it.
struct Aftermath {
    told: Vec<String>,
    /// What the kernel told of its end, if it was not killed by us.
    status: Option<ExitStatus>,
    records: Vec<Value>,
}

impl Aftermath {
    /// Runs the device and then a start that only delivers. It is killed when it has logged so
    /// many events, if that is said.
    fn of(arguments: &[&str], killed_after: Option<usize>) -> Aftermath {
        let backend = Backend::start();
        let store = tempdir().unwrap();
        let (url, token) = (backend.url(), backend.token());
        let mut device = Device::start(store.path(), &url, &token, arguments);
        let (told, status) = if let Some(events) = killed_after {
            device.wait_for(events);
            (device.kill(), None)
        } else {
            let (told, status) = device.finish();
            (told, Some(status))
        };
        let (account, empty) = drain(store.path(), &url, &token);
        assert!(empty, "{account}");
        assert_eq!(account["balances"], true, "{account}");
        Aftermath {
            told,
            status,
            records: backend.finish(),
        }
    }

    /// The one record with this name that tells of the device's run.
    fn event(&self, name: &str) -> Vec<&Value> {
        let records = self.records.iter();
        records
            .filter(|record| record["attributes"]["event.name"] == name)
            .collect()
    }

    /// How the device's run ended.
    fn end(&self) -> &Value {
        match self.event("previous_session_ended")[..] {
            [record] => record,
            ref records => panic!("{} ends", records.len()),
        }
    }

    /// How many panics are on record, each with all that a panic should tell.
    fn panics(&self) -> usize {
        let records = self.records.iter();
        let panics = records.filter(|record| record["scope"] == "panic");
        panics.inspect(|panic| check_panic(panic)).count()
    }
}

fn check_panic(panic: &Value) {
    assert_eq!(panic["severity"], "FATAL");
    assert_eq!(
        panic["body"],
        "panicked: the field device panics as it was told to"
    );
    let text = |name: &str| panic["attributes"][name].as_str().unwrap_or_default();
    assert!(text("code.location").contains("crash.rs:"), "{panic}");
    assert_ne!(text("thread.name"), "");
    // Symbolised, and no path says where it was built.
    let trace = text("exception.stacktrace");
    assert!(trace.contains("field_device"), "{trace}");
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let root = root.unwrap().to_str().unwrap();
    assert!(!panic.to_string().contains(root), "{panic}");
    assert_ne!(text("breadcrumbs"), "", "{panic}");
}

/// The kernel's own word for how it ended: the faults are real ones.
#[cfg(unix)]
fn check_signal(name: &str, status: Option<ExitStatus>) {
    use std::os::unix::process::ExitStatusExt as _;

    let (abort, segfault) = (6, 11);
    let expected = match name {
        name if name.starts_with("abort") || name == "panic = abort" => Some(abort),
        "SIGSEGV" => Some(segfault),
        _ => None,
    };
    assert_eq!(
        status.and_then(|status| status.signal()),
        expected,
        "{name}"
    );
}

#[cfg(not(unix))]
fn check_signal(_: &str, _: Option<ExitStatus>) {}

/// The last records before the end, in their order, of a device that has told of so many events.
fn check_breadcrumbs(name: &str, end: &Value, told: usize) {
    let breadcrumbs = end["attributes"]["breadcrumbs"].as_str().unwrap();
    let breadcrumbs: Vec<Value> = serde_json::from_str(breadcrumbs).unwrap();
    assert!((5..=20).contains(&breadcrumbs.len()), "{name}: {end}");
    let messages = breadcrumbs
        .iter()
        .map(|crumb| crumb["message"].as_str().unwrap());
    let logged: Vec<&str> = messages
        .filter(|text| !text.starts_with("panicked: "))
        .collect();
    let last = |events: usize| {
        let numbers = events.checked_sub(logged.len())?..events;
        Some(numbers.map(|number| EVENTS[number % 4]).collect::<Vec<_>>())
    };
    // One that was killed may have logged an event that it had no time to tell of.
    let is_the_last = [told, told + 1]
        .into_iter()
        .any(|events| last(events).as_ref() == Some(&logged));
    assert!(is_the_last, "{name}, {told} told: {logged:?}");
}

/// What the device says of its events, from the first one on, again and again.
const EVENTS: [&str; 4] = [
    "screen shown",
    "photos saved",
    "position is inexact",
    "battery read",
];

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
    let cases: [Case<'_>; 15] = [
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
        assert_eq!(aftermath.panics(), panics, "{name}");
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
        assert_eq!(aftermath.panics(), usize::from(how == "panic"));
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
        assert!((1..=8).contains(&aftermath.panics()), "{arguments:?}");
        let arrived = count_by(&aftermath.records, "event_id");
        for event_id in &aftermath.told {
            assert_eq!(arrived.get(event_id), Some(&1), "{arguments:?}");
        }
    }
}
