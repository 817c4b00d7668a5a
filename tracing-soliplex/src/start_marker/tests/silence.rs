//! A silence that ends a session, and what is none.

use std::sync::Barrier;

use soliplex_sanitize::Rules;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;
use crate::breadcrumbs::filter::Filter;
use crate::breadcrumbs::layer::BreadcrumbLayer;
use crate::export_layer::ExportLayer;
use crate::loss;
use crate::spool::Loss;

#[test]
fn a_record_after_a_long_silence_is_the_second_of_another_session() {
    let mut device = Device::begun(&Found::Nothing);
    device.log("before");
    device.wait(29);
    device.log("still the same");
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
fn a_session_goes_on_while_the_application_logs_whether_that_is_stored_or_not() {
    let mut device = Device::begun(&Found::Nothing);
    for _ in 0..10 {
        // Nobody takes anything out of the queue.
        device.wait(29);
        device.log("here");
    }
    let records = device.records();
    let started = |(_, record): &&(Uuid, LogRecord)| record.message == "session started";
    assert_eq!(records.iter().filter(started).count(), 1);
    assert_eq!(records.len(), 11);
}

#[test]
fn what_the_pipeline_says_of_itself_is_no_activity() {
    let mut device = Device::begun(&Found::Nothing);
    for _ in 0..10 {
        device.wait(29);
        let loss = Loss::counted(DiscardReason::QueueFull.as_str(), 1);
        let now = device.clock.unix_nanos();
        let packed = loss::record(&loss, None, &device.capture.session, now);
        assert!(!packed.is_empty());
    }
    device.log("after all that");
    let records = device.records();
    assert_eq!(records[1].1.message, "session started");
    assert_eq!(text(&records[1].1, PREVIOUS_END), Some("inactivity"));
}

#[test]
fn what_ends_a_silence_is_a_breadcrumb_of_the_session_that_it_begins() {
    let mut device = Device::begun(&Found::Nothing);
    let breadcrumbs = BreadcrumbLayer::new(Arc::clone(&device.capture), Rules::none(), false);
    let export = ExportLayer::new(Arc::clone(&device.capture), Rules::none(), false, None);
    // The first of them to see an event is the one that was added first.
    let stack = tracing_subscriber::registry()
        .with(breadcrumbs)
        .with(export);
    tracing::dispatcher::with_default(&stack.into(), || {
        tracing::info!("before");
        device.wait(31);
        tracing::info!("back again");
        tracing::error!("broke");
    });
    let records = device.records();
    let (session, error) = records.last().unwrap();
    let crumbs: Vec<&str> = error
        .breadcrumbs
        .iter()
        .map(|crumb| &*crumb.message)
        .collect();
    assert_eq!(crumbs, ["back again"]);
    let recent = device.capture.breadcrumbs.recent(&Filter::new());
    let of: Vec<_> = recent
        .iter()
        .map(|record| {
            (
                record.breadcrumb.message.as_str(),
                record.session_id == Some(*session),
            )
        })
        .collect();
    assert_eq!(
        of,
        [("broke", true), ("back again", true), ("before", false)]
    );
}

#[test]
fn a_silence_goes_by_no_clock_that_somebody_sets_and_goes_on_while_the_device_sleeps() {
    type Happens = fn(&Device);
    let cases: [(&str, Happens, bool); 10] = [
        (
            "the clock is set forward",
            |device| device.set_clock(600),
            false,
        ),
        (
            "the clock is set back",
            |device| device.set_clock(-600),
            false,
        ),
        (
            "a silence, and the clock is set back",
            |device| {
                device.wait(31);
                device.set_clock(-600);
            },
            true,
        ),
        ("the device sleeps long", |device| device.sleep(31), true),
        ("the device sleeps", |device| device.sleep(29), false),
        (
            "the device sleeps, and nothing happens for a while",
            |device| {
                device.sleep(20);
                device.wait(11);
            },
            true,
        ),
        (
            "the device sleeps twice, and is used in between",
            |device| {
                device.sleep(20);
                device.log("here");
                device.sleep(20);
            },
            false,
        ),
        (
            "the device sleeps, is used, and the clock is set forward",
            |device| {
                device.sleep(20);
                device.log("here");
                device.set_clock(20);
            },
            false,
        ),
        (
            "the device naps again and again, and then sleeps for a moment",
            |device| {
                for _ in 0..1000 {
                    device.nap(1900);
                    device.log("here");
                }
                device.nap(3000);
            },
            false,
        ),
        (
            "a system that does not tell whether it slept may have",
            |device| {
                device.clock.is_mute.store(true, Ordering::Relaxed);
                device.set_clock(31);
            },
            true,
        ),
    ];
    for (name, happens, ends) in cases {
        let device = Device::begun(&Found::Nothing);
        device.log("before");
        let first = device.capture.session.session_id();
        happens(&device);
        device.log("after");
        let is_another = device.capture.session.session_id() != first;
        assert_eq!(is_another, ends, "{name}");
    }
}
