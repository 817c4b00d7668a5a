//! What a session begins with, and what is kept of it unless chosen otherwise.

use serde_json::{Value, json};
use tracing_soliplex::{Consent, Filter, Sanitize as _};
use tracing_subscriber::layer::SubscriberExt as _;

use super::{SOON, arrived, builder, log, start};
use crate::scripted::{Reply, Scripted};

#[test]
fn the_first_record_says_on_what_the_application_runs_as_far_as_its_host_knows() {
    // Not one that keeps to itself how sessions begin.
    let server = Scripted::proxy(|_| Reply::accepted());
    let builder = builder(&server)
        .environment("field-test")
        .build_id("2026.02.1")
        .runtime("flutter", "3.32.5")
        .resource("device.model.identifier", "rugged-10 of ann@example.org")
        .resource("os.version", "12.7.1");
    let soliplex = builder.start().unwrap();
    assert!(soliplex.flush(SOON).is_complete());
    let records = arrived(&server);
    let first = &records[0];
    assert_eq!(first["message"], "session started");
    assert_eq!(
        (&first["seq"], &first["level"]),
        (&json!(1), &json!("info"))
    );
    let said = &first["attributes"];
    for (name, value) in [
        ("event.name", "session.start"),
        ("service.name", "delivery-test"),
        ("service.version", "1.0.0"),
        ("deployment.environment.name", "field-test"),
        ("app.build_id", "2026.02.1"),
        ("process.runtime.name", "flutter"),
        ("process.runtime.version", "3.32.5"),
        ("device.model.identifier", "rugged-10 of [EMAIL]"),
        ("os.version", "12.7.1"),
        ("os.type", std::env::consts::OS),
        ("soliplex.device.alias", &soliplex.device_alias()),
    ] {
        assert_eq!(said[name], value, "{name}");
    }
    assert_ne!(said["host.arch"], Value::Null);
    assert_ne!(said["app.installation.id"], Value::Null);
    assert_eq!(said["session.previous_id"], Value::Null, "the first of all");
}

#[test]
fn unless_chosen_otherwise_at_least_the_last_hundred_records_are_kept() {
    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = start(&server);
    let stack = tracing_subscriber::registry().with(soliplex.breadcrumb_layer());
    tracing::dispatcher::with_default(&stack.sanitize(&soliplex).into(), || {
        (0..1_000).for_each(|number| tracing::debug!("event {number}"));
    });
    let recent = soliplex.recent(&Filter::new()).records;
    // A power of two, so that no more is kept than was asked for by more than half.
    assert!((100..=128).contains(&recent.len()), "{}", recent.len());
    let shown = recent.iter().map(|record| &record.breadcrumb.message);
    let expected = (0..1_000).rev().map(|number| format!("event {number}"));
    assert!(shown.eq(expected.take(recent.len()).collect::<Vec<_>>().iter()));
}

#[test]
fn what_a_span_was_told_without_consent_goes_with_no_later_record() {
    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = builder(&server).consent(Consent::Denied).start().unwrap();
    log(&soliplex, || {
        let span = tracing::info_span!(
            "visit",
            patient = "told before",
            room = tracing::field::Empty,
            bed = tracing::field::Empty
        );
        span.record("room", "told before");
        soliplex.set_consent(Consent::Granted);
        // Waits longer than that does, where a busy machine takes its time.
        let _ = soliplex.flush(SOON);
        span.record("bed", "told after");
        span.in_scope(|| tracing::info!("heard"));
    });
    assert!(soliplex.flush(SOON).is_complete());
    let records = arrived(&server);
    let heard = records.iter().find(|record| record["message"] == "heard");
    let attributes = &heard.unwrap()["attributes"];
    assert_eq!(attributes["span.name"], "visit");
    assert_eq!(attributes["bed"], "told after");
    assert!(
        !format!("{records:?}").contains("told before"),
        "{records:?}"
    );
}

#[test]
fn what_a_span_told_before_consent_was_withdrawn_goes_with_no_later_record() {
    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = start(&server);
    log(&soliplex, || {
        let span = tracing::info_span!("visit", site = "north", step = 1);
        let _entered = span.enter();
        soliplex.set_consent(Consent::Denied);
        soliplex.set_consent(Consent::Granted);
        assert!(soliplex.flush(SOON).is_complete());
        tracing::info!("unaware");
        span.record("step", 2);
        tracing::info!("told anew");
    });
    assert!(soliplex.flush(SOON).is_complete());
    let attributes = |message: &str| {
        let records = arrived(&server);
        let found = records.iter().find(|record| record["message"] == message);
        let attributes = &found.unwrap()["attributes"];
        ["site", "step", "span.name"].map(|name| attributes[name].clone())
    };
    assert_eq!(
        attributes("unaware"),
        [Value::Null, Value::Null, "visit".into()]
    );
    assert_eq!(
        attributes("told anew"),
        [Value::Null, 2.into(), "visit".into()]
    );
}
