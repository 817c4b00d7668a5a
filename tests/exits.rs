//! Logging where hardly anything works any more, and what logging asks of the system.

use std::process::Command;

use tempfile::tempdir;
use tracing_soliplex::{PanicHook, Soliplex};

use crate::scripted::{Reply, Request, Scripted};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tested-exit");

#[test]
fn what_is_logged_in_a_drop_at_a_threads_end_and_at_exit_arrives_and_nothing_else_does() {
    assert_eq!(
        logged("root"),
        [
            "by the other crate",
            "in main",
            "in a thread",
            "in a drop at the thread's end",
            "in another thread",
            "in the last drop of a thread",
            "at exit"
        ]
    );
}

/// What an HTTP client logs of a request would be sent by the next one, of which it logs as much.
#[test]
fn without_a_root_the_pipeline_does_not_hear_itself_either() {
    for stack in ["layer", "bare", "no-rules"] {
        let logged = logged(stack);
        let own = ["by the other crate", "in main", "in a thread"];
        assert_eq!(logged[..own.len()], own, "{stack}");
        let last = ["drop", "in another thread", "at exit"];
        let is_last = |message: &String| last.iter().any(|last| message.contains(last));
        assert!(
            logged[own.len()..].iter().all(is_last),
            "{stack}: {logged:?}"
        );
    }
}

/// What the program has logged, in a stack of this kind, with all that was at work.
fn logged(stack: &str) -> Vec<String> {
    let store = tempdir().unwrap();
    let server = Scripted::start(|_| Reply::status(503));
    let status = Command::new(PROGRAM)
        .arg(store.path())
        .args([&server.url(), stack])
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
    // The client, its connections and the store were at work, and would have had much to say.
    assert!(server.request_count() > 0);

    server.now(|_| Reply::accepted());
    let before = server.request_count();
    let soliplex = Soliplex::builder("tested-exit", "1.0.0")
        .endpoint(server.url())
        .store_dir(store.path())
        .panic_hook(PanicHook::Off)
        .start()
        .unwrap();
    let report = soliplex.flush(std::time::Duration::from_secs(30));
    assert!(report.is_complete(), "{report}");
    let requests = server.requests();
    requests[before..]
        .iter()
        .flat_map(Request::logged)
        .collect()
}

/// Asks a tracer, because nothing in the process itself could tell. Where there is none, or where it
/// may not trace, nothing is shown.
#[test]
#[cfg(target_os = "linux")]
fn logging_makes_no_system_call() {
    use std::io::Write as _;

    let folder = tempdir().unwrap();
    let trace = folder.path().join("trace");
    let traced = Command::new("strace")
        .args(["-f", "-qq", "-o"])
        .arg(&trace)
        .arg(PROGRAM)
        .arg(folder.path().join("store"))
        .output();
    let trace = std::fs::read_to_string(&trace).unwrap_or_default();
    let lines: Vec<(&str, &str)> = trace
        .lines()
        .filter_map(|line| line.split_once(' '))
        .collect();
    let marker = |name: &str| lines.iter().position(|(_, call)| call.contains(name));
    let (Some(begin), Some(end)) = (marker("/here-it-begins"), marker("/here-it-ends")) else {
        // A macro's text is kept back from whoever looks at a run that passes.
        let text = "SKIPPED: there is no strace that may trace here";
        writeln!(std::io::stderr(), "{text}: {traced:?}").unwrap();
        return;
    };
    let (thread, _) = lines[begin];
    let rest_of_marker = |call: &str| call.trim_start().starts_with("<... ");
    // Where the machine's clock cannot be read without the kernel, that is not our choice.
    let reads_clock = |call: &str| call.contains("clock_gettime(");
    let calls: Vec<&str> = lines[begin + 1..end]
        .iter()
        .filter(|(of, call)| *of == thread && !rest_of_marker(call) && !reads_clock(call))
        .map(|(_, call)| *call)
        .collect();
    assert!(
        calls.is_empty(),
        "{} calls: {:?}",
        calls.len(),
        &calls[..calls.len().min(5)]
    );
    let others = lines.iter().filter(|(of, _)| *of != thread).count();
    assert!(others > 100, "only {others} calls by the other threads");
}
