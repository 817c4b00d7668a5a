//! What a session begins with, read out of the queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};
use std::time::Duration;

use soliplex_wire::encode::{self, Buffer, Head};
use soliplex_wire::{Attributes, Breadcrumb, LogRecord};

use super::*;
use crate::breadcrumbs::{BreadcrumbOptions, Breadcrumbs};
use crate::clock::{Clock, Moment};
use crate::packed::{Form, Kind, Packed};
use crate::queue::{Queue, QueueOptions, Reader};
use crate::run::Run;
use crate::session::Session;
use crate::wake::Wake;

mod silence;

const MINUTE: i64 = 60 * 1_000_000_000;
const START: i64 = 1_770_000_000 * 1_000_000_000;

/// Clocks that a test sets.
#[derive(Debug, Default)]
struct SetClock {
    unix: AtomicI64,
    monotonic: AtomicI64,
    asleep: AtomicI64,
    /// Whether the system keeps to itself how long it has slept.
    is_mute: AtomicBool,
}

impl Clock for SetClock {
    fn unix_nanos(&self) -> i64 {
        self.unix.load(Ordering::Relaxed)
    }

    fn moment(&self) -> Moment {
        Moment {
            unix_nanos: self.unix_nanos(),
            monotonic_nanos: self.monotonic.load(Ordering::Relaxed),
        }
    }

    fn asleep(&self) -> Option<i64> {
        let is_mute = self.is_mute.load(Ordering::Relaxed);
        (!is_mute).then(|| self.asleep.load(Ordering::Relaxed))
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
        Device::with_queue(QueueOptions::default())
    }

    fn with_queue(options: QueueOptions) -> Device {
        let (queue, reader) = Queue::memory(options);
        let clock = Arc::new(SetClock {
            unix: AtomicI64::new(START),
            asleep: AtomicI64::new(77 * MINUTE),
            ..SetClock::default()
        });
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
            plans: Default::default(),
            enabled: AtomicBool::new(true),
            denied: AtomicBool::new(false),
            withdrawals: AtomicU64::new(0),
            forgotten: AtomicU64::new(0),
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
        self.set_clock(minutes);
        let clock = &self.clock.monotonic;
        clock.fetch_add(minutes * MINUTE, Ordering::Relaxed);
    }

    fn sleep(&self, minutes: i64) {
        self.nap(minutes * 60_000);
    }

    fn nap(&self, milliseconds: i64) {
        for clock in [&self.clock.unix, &self.clock.asleep] {
            clock.fetch_add(milliseconds * 1_000_000, Ordering::Relaxed);
        }
    }

    fn set_clock(&self, minutes: i64) {
        let clock = &self.clock.unix;
        clock.fetch_add(minutes * MINUTE, Ordering::Relaxed);
    }

    /// All records in the queue, each with its session's id.
    fn records(&mut self) -> Vec<(Uuid, LogRecord)> {
        let mut records = Vec::new();
        let mut announced = Vec::new();
        let drained = self.reader.drain(usize::MAX, |frame| {
            let packed = Packed::parse(frame.payload, Form::Queued).unwrap();
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
            let mut members = Buffer::new();
            encode::print(packed.body, &mut members).unwrap();
            head.join(&members, &mut json);
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
        install_id: Uuid::nil(),
        started: START - 5 * MINUTE,
        last_alive: START - MINUTE,
        run_nanos: 4 * MINUTE,
        end,
        lifecycle,
        refused: 0,
        is_refused_noted: true,
        stored: 0,
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
fn without_consent_nothing_is_told_and_with_it_a_session_begins() {
    let mut device = Device::new();
    device.capture.denied.store(true, Ordering::Relaxed);
    let found = previous(End::Panic, Lifecycle::Foreground);
    begin_run(&device.capture, &found, &breadcrumbs::Previous::default());
    device.log("unheard");
    assert_eq!(device.records().len(), 0);
    assert!(begin_another(&device.capture, Another::Consent));
    device.capture.denied.store(false, Ordering::Relaxed);
    device.log("heard");
    let records = device.records();
    let messages: Vec<_> = records.iter().map(|(_, record)| &record.message).collect();
    assert_eq!(messages, ["session started", "heard"]);
    let start = &records[0].1;
    assert_eq!(text(start, PREVIOUS_END), Some("consent"));
    assert_eq!(text(start, PREVIOUS_ID), None, "nothing is told of it");
}

#[test]
fn a_start_marker_that_finds_no_room_is_told_as_soon_as_there_is() {
    let options = QueueOptions {
        capacity_bytes: 64 * 1024,
    };
    let mut device = Device::with_queue(options);
    let fill = |device: &Device| {
        let text = "x".repeat(500);
        while device
            .capture
            .queue
            .push(Lane::Error, text.as_bytes())
            .is_ok()
        {}
        while device.capture.queue.push(Lane::Error, b"x").is_ok() {}
    };
    let empty = |device: &mut Device| {
        let end = device.reader.drain(usize::MAX, |_| ()).end;
        device.reader.release(end);
    };
    // As after a run whose store could not be written.
    fill(&device);
    let found = previous(End::Panic, Lifecycle::Foreground);
    begin_run(&device.capture, &found, &breadcrumbs::Previous::default());
    pay(&device.capture);
    empty(&mut device);
    pay(&device.capture);
    announce(&device.capture, 0);
    fill(&device);
    device.wait(31);
    device.log("awake");
    let stats = device.capture.diagnostics.stats();
    assert_eq!(stats.own, 3);
    assert_eq!(stats.total_discarded(), 1, "the application's own");

    let mut told = Vec::new();
    let drained = device.reader.drain(usize::MAX, |frame| {
        let head = Packed::parse(frame.payload, Form::Queued).map(|packed| packed.head);
        told.extend(head.filter(|head| head.kind == Kind::Record));
    });
    device.reader.release(drained.end);
    pay(&device.capture);
    let drained = device.reader.drain(usize::MAX, |frame| {
        told.push(Packed::parse(frame.payload, Form::Queued).unwrap().head);
    });
    device.reader.release(drained.end);
    let numbers: Vec<_> = told.iter().map(|head| head.seq).collect();
    assert_eq!(
        numbers,
        [1, 2, 1],
        "two of the run's first session, one of the next"
    );
    assert_eq!(told[2].context, device.capture.session.context());
}

#[test]
fn how_the_last_run_ended_is_told_with_what_that_run_did_last_and_no_other() {
    let crumb = |message: &str| Breadcrumb {
        timestamp: None,
        severity: Severity::Info,
        logger: "app".to_owned(),
        message: message.to_owned(),
        category: soliplex_wire::Category::Ui,
    };
    for (kept_by, expected) in [
        (
            Some(Uuid::from_u128(7)),
            &["opened the map", "took a photo"][..],
        ),
        (Some(Uuid::from_u128(8)), &[]),
        (None, &[]),
    ] {
        let mut device = Device::new();
        let kept = breadcrumbs::Previous {
            session_id: kept_by,
            breadcrumbs: vec![crumb("opened the map"), crumb("took a photo")],
            trouble: None,
        };
        let found = previous(End::Uncleanly, Lifecycle::Foreground);
        begin_run(&device.capture, &found, &kept);
        let records = device.records();
        let told = records[1].1.breadcrumbs.iter();
        let told: Vec<&str> = told.map(|crumb| &*crumb.message).collect();
        assert_eq!(told, expected, "{kept_by:?}");
    }
}
