//! What a session begins with, read out of the queue.

use std::sync::atomic::{AtomicBool, AtomicI64};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use soliplex_wire::encode::Head;
use soliplex_wire::{Attributes, LogRecord};

use super::*;
use crate::breadcrumbs::{BreadcrumbOptions, Breadcrumbs};
use crate::clock::Clock;
use crate::diagnostics::Diagnostics;
use crate::packed::{Kind, Packed};
use crate::queue::{Queue, QueueOptions, Reader};
use crate::run::Run;
use crate::session::Session;
use crate::wake::Wake;

const MINUTE: i64 = 60 * 1_000_000_000;
const START: i64 = 1_770_000_000 * 1_000_000_000;

/// A wall clock that a test sets.
#[derive(Debug)]
struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn unix_nanos(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

struct Device {
    capture: Arc<Capture>,
    clock: Arc<SetClock>,
    reader: Reader,
}

impl Device {
    /// One whose session ends by half an hour's silence.
    fn new() -> Device {
        let (queue, reader) = Queue::memory(QueueOptions::default());
        let clock = Arc::new(SetClock(AtomicI64::new(START)));
        let timeout = Some(Duration::from_secs(30 * 60));
        let resource: Attributes = [("service.version", "1.4.2"), ("color", "green")]
            .into_iter()
            .collect();
        let session = Session::begin("install", &resource, Run::unmarked(), timeout);
        let (breadcrumbs, _) = Breadcrumbs::open(None, BreadcrumbOptions::default());
        let capture = Arc::new(Capture {
            session: Arc::new(session),
            queue,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            diagnostics: Arc::new(Diagnostics::new(None)),
            wake: Arc::new(Wake::default()),
            breadcrumbs: Arc::new(breadcrumbs),
            enabled: AtomicBool::new(true),
            denied: AtomicBool::new(false),
            barred: AtomicBool::new(false),
        });
        Device {
            capture,
            clock,
            reader,
        }
    }

    fn begun(found: &Found) -> Device {
        let device = Device::new();
        begin_run(&device.capture, found, &breadcrumbs::Previous::default());
        device
    }

    fn log(&self, message: &str) {
        log(&self.capture, message);
    }

    fn wait(&self, minutes: i64) {
        self.clock.0.fetch_add(minutes * MINUTE, Ordering::Relaxed);
    }

    /// All records in the queue, each with its session's id.
    fn records(&mut self) -> Vec<(Uuid, LogRecord)> {
        let mut records = Vec::new();
        let mut announced = Vec::new();
        let drained = self.reader.drain(usize::MAX, |frame| {
            let packed = Packed::parse(frame.payload).unwrap();
            if packed.head.kind == Kind::Context {
                announced.push(packed.head);
                return;
            }
            let session = announced
                .iter()
                .find(|facts| facts.context == packed.head.context);
            let head = Head {
                seq: Some(packed.head.seq),
                ..Head::default()
            };
            let mut json = Vec::new();
            head.join(packed.body, &mut json);
            let record = LogRecord::parse(std::str::from_utf8(&json).unwrap()).unwrap();
            records.push((session.expect("announced before").id, record));
        });
        self.reader.release(drained.end);
        records
    }
}

fn log(capture: &Capture, message: &str) {
    capture.record(Severity::Info, "test", |_, texts| {
        texts.message.push_str(message);
    });
}

fn text<'r>(record: &'r LogRecord, name: &str) -> Option<&'r str> {
    match record.attributes.get(name) {
        Some(AnyValue::String(text)) => Some(text),
        _ => None,
    }
}

fn previous(end: End, lifecycle: Lifecycle) -> Found {
    Found::Previous(Previous {
        first_session: Uuid::from_u128(7),
        generation: 0,
        started: START - 5 * MINUTE,
        last_alive: START - MINUTE,
        end,
        lifecycle,
    })
}

#[test]
fn a_first_start_knows_of_no_session_before_it_and_an_unreadable_marker_says_unknown() {
    for (found, end) in [(Found::Nothing, None), (Found::Unreadable, Some("unknown"))] {
        let records = Device::begun(&found).records();
        let [(_, start)] = &records[..] else {
            panic!("{} records", records.len());
        };
        assert_eq!((start.seq, start.severity), (Some(1), Severity::Info));
        assert_eq!(text(start, "service.version"), Some("1.4.2"));
        assert_eq!(text(start, "color"), None, "the resource has it");
        assert_eq!(text(start, PREVIOUS_END), end);
        assert_eq!(text(start, PREVIOUS_ID), None);
    }
}

#[test]
fn only_an_end_that_somebody_saw_or_that_is_our_fault_is_an_error() {
    use Lifecycle::{Detached, Foreground, Hidden, Paused};
    for (end, lifecycle, severity) in [
        (End::Clean, Foreground, Severity::Info),
        (End::Panic, Foreground, Severity::Error),
        (End::Panic, Hidden, Severity::Error),
        (End::Uncleanly, Foreground, Severity::Error),
        (End::Uncleanly, Paused, Severity::Info),
        (End::Uncleanly, Hidden, Severity::Info),
        (End::Uncleanly, Detached, Severity::Info),
        (End::Suspended, Paused, Severity::Info),
        (End::Unknown, Foreground, Severity::Info),
    ] {
        let mut device = Device::begun(&previous(end, lifecycle));
        let records = device.records();
        let (_, told) = &records[1];
        assert_eq!(told.severity, severity, "{end:?} {lifecycle:?}");
        assert_eq!(text(told, PREVIOUS_END), Some(end.as_str()));
        assert_eq!(
            text(told, "soliplex.previous.lifecycle"),
            Some(lifecycle.as_str())
        );
        let run_time = told.attributes.get("soliplex.previous.run_time_ms");
        assert_eq!(run_time, Some(&(4 * 60_000_i64).into()));
        // An error does not wait for the next occasion to be sent.
        assert_eq!(
            device.capture.wake.take_urgent(),
            severity == Severity::Error
        );
    }
}

#[test]
fn a_record_after_a_long_silence_is_the_second_of_another_session() {
    let mut device = Device::begun(&Found::Nothing);
    device.log("before");
    device.wait(29);
    device.log("still the same");
    device.capture.session.active(device.clock.unix_nanos());
    device.wait(31);
    assert_eq!(device.records().len(), 3, "silence alone begins nothing");
    let first = device.capture.session.session_id();
    device.log("after");
    device.log("and on");
    let records = device.records();
    let told: Vec<_> = records
        .iter()
        .map(|(_, record)| (record.seq.unwrap(), record.message.as_str()))
        .collect();
    assert_eq!(told, [(1, "session started"), (2, "after"), (3, "and on")]);
    let now = device.capture.session.session_id();
    assert_ne!(now, first);
    assert!(records.iter().all(|(session, _)| *session == now));
    let (_, start) = &records[0];
    assert_eq!(text(start, PREVIOUS_ID), Some(first.to_string().as_str()));
    assert_eq!(text(start, PREVIOUS_END), Some("inactivity"));
}

#[test]
fn threads_that_wake_together_begin_one_session() {
    const THREADS: usize = 8;
    let mut device = Device::begun(&Found::Nothing);
    device.wait(31);
    let start = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                start.wait();
                log(&device.capture, "awake");
            });
        }
    });
    let records = device.records();
    let starts = records
        .iter()
        .filter(|(_, record)| record.message == "session started");
    assert_eq!(starts.count(), 2, "the run's first, and one more");
    assert_eq!(records.len(), 2 + THREADS);
    let mut numbers: Vec<_> = records
        .iter()
        .map(|(session, record)| (*session, record.seq))
        .collect();
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), records.len(), "no number twice in a session");
}

#[test]
fn without_consent_nothing_is_told_and_with_it_a_session_begins() {
    let mut device = Device::new();
    device.capture.denied.store(true, Ordering::Relaxed);
    let found = previous(End::Panic, Lifecycle::Foreground);
    begin_run(&device.capture, &found, &breadcrumbs::Previous::default());
    device.log("unheard");
    assert_eq!(device.records().len(), 0);
    device.capture.denied.store(false, Ordering::Relaxed);
    begin_another(&device.capture, Another::Consent);
    device.log("heard");
    let records = device.records();
    let messages: Vec<_> = records.iter().map(|(_, record)| &record.message).collect();
    assert_eq!(messages, ["session started", "heard"]);
    assert_eq!(text(&records[0].1, PREVIOUS_END), Some("consent"));
}
