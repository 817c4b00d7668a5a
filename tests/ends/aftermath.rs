//! What is left of a device that ended, and whether it tells what it should.

use std::process::ExitStatus;

use serde_json::Value;
use tempfile::tempdir;

use crate::backend::Backend;
use crate::device::{Device, drain};

/// What arrived of a device that ended somehow, and of the start after it.
pub(crate) struct Aftermath {
    pub(crate) told: Vec<String>,
    /// What the kernel told of its end, if it was not killed by us.
    pub(crate) status: Option<ExitStatus>,
    pub(crate) records: Vec<Value>,
}

impl Aftermath {
    /// Runs the device and then a start that only delivers. It is killed when it has logged so
    /// many events, if that is said.
    pub(crate) fn of(arguments: &[&str], killed_after: Option<usize>) -> Aftermath {
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
    pub(crate) fn event(&self, name: &str) -> Vec<&Value> {
        let records = self.records.iter();
        records
            .filter(|record| record["attributes"]["event.name"] == name)
            .collect()
    }

    /// How the device's run ended.
    pub(crate) fn end(&self) -> &Value {
        match self.event("previous_session_ended")[..] {
            [record] => record,
            ref records => panic!("{} ends", records.len()),
        }
    }

    /// How many panics are on record, each with all that a panic should tell, and with what was
    /// logged before it: so many events.
    pub(crate) fn panics(&self, after: usize) -> usize {
        let records = self.records.iter();
        let panics: Vec<&Value> = records
            .filter(|record| record["scope"] == "panic")
            .collect();
        for panic in &panics {
            check_panic(panic);
            let (before, others) = breadcrumbs(panic);
            assert_eq!(before, last_events(before.len(), after), "{panic}");
            assert_eq!(before.len(), after.min(20 - others), "{panic}");
            // Of several at once each may tell of the others, and none of itself.
            assert!(others < panics.len(), "{panic}");
        }
        panics.len()
    }
}

/// The events among a record's breadcrumbs, in their order, and how many panics are there.
fn breadcrumbs(record: &Value) -> (Vec<&'static str>, usize) {
    let breadcrumbs = record["attributes"]["breadcrumbs"].as_str().unwrap();
    let breadcrumbs: Vec<Value> = serde_json::from_str(breadcrumbs).unwrap();
    let text = |crumb: &Value, name: &str| crumb[name].as_str().unwrap().to_owned();
    assert!(breadcrumbs.is_sorted_by_key(|crumb| text(crumb, "timestamp")));
    let messages: Vec<String> = breadcrumbs
        .iter()
        .map(|crumb| text(crumb, "message"))
        .collect();
    let event = |message: &String| EVENTS.into_iter().find(|event| event == message);
    let events: Vec<&str> = messages.iter().filter_map(event).collect();
    let panics = messages
        .iter()
        .filter(|message| message.starts_with("panicked: "));
    let panics = panics.count();
    assert_eq!(events.len() + panics, messages.len(), "{messages:?}");
    (events, panics)
}

/// The last so many of a device's first events.
fn last_events(count: usize, of: usize) -> Vec<&'static str> {
    let numbers = of.saturating_sub(count)..of;
    numbers.map(|number| EVENTS[number % 4]).collect()
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
}

/// The kernel's own word for how it ended: the faults are real ones.
#[cfg(unix)]
pub(crate) fn check_signal(name: &str, status: Option<ExitStatus>) {
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
pub(crate) fn check_signal(_: &str, _: Option<ExitStatus>) {}

/// The last records before the end, in their order, of a device that has told of so many events.
pub(crate) fn check_breadcrumbs(name: &str, end: &Value, told: usize) {
    let (logged, panics) = breadcrumbs(end);
    // One that was killed may have logged an event that it had no time to tell of.
    let is_the_last = [told, told + 1].into_iter().any(|events| {
        logged.len() == events.min(20 - panics) && logged == last_events(logged.len(), events)
    });
    assert!(is_the_last, "{name}, {told} told: {logged:?}");
}

/// What the device says of its events, from the first one on, again and again.
const EVENTS: [&str; 4] = [
    "screen shown",
    "photos saved",
    "position is inexact",
    "battery read",
];
