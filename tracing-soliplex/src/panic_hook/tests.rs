//! What a hook does belongs to a whole process, so each case is one: the test starts its own binary
//! once more, which runs [`child`] alone, and reads what that prints.

use std::env;
use std::fmt;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use soliplex_sanitize::Sanitize as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;

use super::*;
use crate::soliplex::Soliplex;

/// What the child is to do.
const CASE: &str = "SOLIPLEX_TEST_PANIC";

/// Much longer than it takes.
const SOON: Duration = Duration::from_secs(30);

/// What an earlier hook says.
const EARLIER: &str = "the earlier hook heard of it";

/// Runs [`child`], and what it printed to standard output and error.
fn run(case: &str) -> (String, String) {
    let module = module_path!().split_once("::").expect("a crate's name").1;
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env::current_exe().expect("this binary"))
        .args(["--exact", &format!("{module}::child"), "--nocapture"])
        .env(CASE, case)
        .stdin(Stdio::null())
        .output()
        .expect("a child");
    let (out, err) = (text_of(stdout), text_of(stderr));
    assert!(status.success(), "{case}: {out}\n{err}");
    (out, err)
}

fn text_of(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("text")
}

/// Not a test by itself: what the tests below run in another process.
#[test]
fn child() {
    match env::var(CASE).unwrap_or_default().as_str() {
        "sanitized" => panics_with(PanicHook::ChainSanitized),
        "chain" => panics_with(PanicHook::Chain),
        "caught" => panics_that_are_caught(),
        "held" => panics_under_each_lock(),
        _ => {}
    }
}

fn pipeline(hook: PanicHook) -> Soliplex {
    panic::set_hook(Box::new(|info| {
        let said = text(info.payload()).unwrap_or_default();
        eprintln!("{EARLIER}: {said}");
    }));
    // A nanosecond of silence: the panic's record begins another session.
    let builder = Soliplex::builder("panics", "1").session_timeout(Duration::from_nanos(1));
    builder.panic_hook(hook).start().unwrap()
}

fn panics_with(hook: PanicHook) {
    let soliplex = pipeline(hook);
    let panicked = thread::spawn(|| panic!("no card of ada@example.org was accepted")).join();
    assert!(panicked.is_err());
    assert_eq!(soliplex.stats().captured, 1);
}

/// A value that cannot be printed.
struct Unprintable;

impl fmt::Debug for Unprintable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("this value panics")
    }
}

fn panics_that_are_caught() {
    let soliplex = pipeline(PanicHook::ChainSanitized);
    let (breadcrumbs, export) = (soliplex.breadcrumb_layer(), soliplex.export_layer());
    let stack = registry().with(breadcrumbs).with(export);
    tracing::dispatcher::with_default(&stack.sanitize(&soliplex).into(), || {
        (0..50).for_each(|_| tracing::info!(value = ?Unprintable, "below a root"));
    });
    let (breadcrumbs, export) = (soliplex.breadcrumb_layer(), soliplex.export_layer());
    let stack = registry().with(breadcrumbs).with(export);
    tracing::dispatcher::with_default(&stack.into(), || {
        (0..50).for_each(|_| tracing::info!("{:?} without one", Unprintable));
    });
    assert_eq!(soliplex.stats().captured, 100);
    let recent = soliplex.recent(&crate::Filter::new().at_least(Severity::Warn));
    assert!(recent.records.is_empty(), "{recent:?}");
}

/// Runs `panics` in a thread of its own, which has to come to its end.
fn ends(panics: impl FnOnce() + Send + 'static) {
    let (ended, end) = channel::<()>();
    thread::spawn(move || {
        let _ended = ended;
        panics();
    });
    // Its end is told by nobody being left who could say anything.
    let told = end.recv_timeout(SOON);
    assert_eq!(told, Err(std::sync::mpsc::RecvTimeoutError::Disconnected));
}

fn panics_under_each_lock() {
    let soliplex = pipeline(PanicHook::ChainSanitized);
    let held = soliplex.clone();
    ends(move || {
        let capture = &held.inner.capture;
        let _known = held.inner.connectivity.hold();
        let _seen = held.inner.lifecycle.hold();
        let _upkeep = capture.breadcrumbs.hold();
        let _owed = capture.session.owed.hold();
        panic!("a defect of ours");
    });
    assert_eq!(soliplex.stats().captured, 1);
    // And whoever takes the locks next finds them usable.
    soliplex.network_changed(crate::NetworkKind::None, false);
    let _ = soliplex.on_hidden();
    soliplex.clear_recent();
    assert_eq!(soliplex.stats().captured, 3);
}

#[test]
fn the_sanitized_text_is_printed_in_place_of_what_an_earlier_hook_would_say() {
    let (_, err) = run("sanitized");
    assert!(
        err.contains("panicked at tracing-soliplex/src/panic_hook/tests.rs:"),
        "{err}"
    );
    assert!(err.contains("no card of [EMAIL] was accepted"), "{err}");
    assert!(!err.contains("ada@") && !err.contains(EARLIER), "{err}");
}

#[test]
fn an_earlier_hook_is_called_and_sees_the_text_as_it_is() {
    let (_, err) = run("chain");
    let said = format!("{EARLIER}: no card of ada@example.org was accepted");
    assert!(err.contains(&said), "{err}");
    assert!(!err.contains("[EMAIL]"), "printed once: {err}");
}

#[test]
fn a_value_that_cannot_be_printed_is_no_death_of_the_application() {
    let (_, err) = run("caught");
    // Whoever is to mend it still sees it; each layer tries by itself where there is no root.
    assert!(err.matches("this value panics").count() >= 100, "{err}");
}

#[test]
fn a_panic_under_any_lock_of_ours_is_on_record_and_holds_up_nobody() {
    let (_, err) = run("held");
    assert!(err.contains("a defect of ours"), "{err}");
}

#[test]
fn nothing_that_is_told_of_a_panic_holds_a_secret() {
    let told = Told::sanitized(
        "upload for thread@example.org",
        "cannot reach message@example.org",
        "/home/grace/app/src/main.rs:7:3",
        &Rules::standard(),
    );
    assert_eq!(told.thread, "upload for [EMAIL]");
    assert_eq!(told.message, "cannot reach [EMAIL]");
    assert!(told.location.ends_with("main.rs:7:3"), "{}", told.location);
    assert!(!told.location.contains("grace"), "{}", told.location);
}
