//! Deaths of the device's own making: what was told before is delivered after.

use tempfile::tempdir;

use crate::backend::{Backend, count_by};
use crate::device::{Device, drain};

fn check(crash: &str, dies: impl Fn(std::process::ExitStatus) -> bool) {
    let backend = Backend::start();
    let store = tempdir().unwrap();
    let (url, token) = (backend.url(), backend.token());
    let device = Device::start(
        store.path(),
        &url,
        &token,
        &[
            "--events",
            "500",
            "--rate",
            "0",
            "--threads",
            "3",
            "--error-every",
            "9",
            "--crash-after",
            &format!("120={crash}"),
        ],
    );
    let (told, status) = device.finish();
    assert!(dies(status), "{status}");
    assert!(told.len() >= 120, "{}", told.len());

    let (account, empty) = drain(store.path(), &url, &token);
    assert!(empty, "{account}");
    assert_eq!(account["balances"], true, "{account}");
    let records = backend.finish();
    let panics = records.iter().filter(|record| record["scope"] == "panic");
    let panics: Vec<_> = panics.collect();
    assert_eq!(panics.len(), usize::from(crash == "panic"), "{records:?}");
    for panic in panics {
        let breadcrumbs = panic["attributes"]["breadcrumbs"].as_str().unwrap();
        assert_eq!(breadcrumbs.matches("\"category\"").count(), 20);
        assert!(!breadcrumbs.contains("panicked"), "{breadcrumbs}");
    }
    let arrived = count_by(&records, "event_id");
    for event_id in &told {
        assert_eq!(
            arrived.get(event_id),
            Some(&1),
            "{event_id} after {crash}: {account}"
        );
    }
    // Each thread may have logged one event that it could not tell any more.
    assert!(arrived.len() <= told.len() + 3);
}

#[cfg(unix)]
fn by_signal(number: i32) -> impl Fn(std::process::ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    move |status| status.signal() == Some(number)
}

#[test]
fn what_was_logged_before_a_panic_arrives_once() {
    check("panic", |status| status.code() == Some(101));
}

#[test]
fn what_was_logged_before_an_exit_without_shutdown_arrives_once() {
    check("exit", |status| status.success());
}

#[test]
#[cfg(unix)]
fn what_was_logged_before_an_abort_arrives_once() {
    check("abort", by_signal(6));
}

#[test]
#[cfg(unix)]
fn what_was_logged_before_a_segfault_arrives_once() {
    check("segfault", by_signal(11));
}
