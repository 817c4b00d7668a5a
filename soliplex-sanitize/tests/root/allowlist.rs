//! In allowlist mode nothing passes that is not named: down every way, of every kind.

use std::error::Error;

use soliplex_sanitize::{Rules, Sanitize as _, SanitizeLayer};
use tracing::{Dispatch, dispatcher, field, info, info_span};
use tracing_subscriber::{Registry, layer::SubscriberExt as _};

use crate::capture::{Failure, Kind, Recorder, bridge_log};

fn rules() -> Rules {
    let rules = Rules::builder().allow_only(["message", "kept", "user.id"]);
    rules.build().unwrap()
}

/// What a layer sees below the root, and one in a wrapper of its own.
fn seen(log: impl Fn()) -> [Recorder; 2] {
    let (below, wrapped) = (Recorder::default(), Recorder::default());
    let stack = Registry::default().with(below.clone()).sanitize(rules());
    dispatcher::with_default(&stack.into(), &log);
    let stack = Registry::default().with(SanitizeLayer::new(wrapped.clone(), rules()));
    dispatcher::with_default(&Dispatch::new(stack), &log);
    [below, wrapped]
}

/// The names that passed, of the last thing seen.
fn names(recorder: &Recorder) -> Vec<&'static str> {
    let seen = recorder.seen();
    let values = seen.last().map(|seen| seen.values.clone());
    values.unwrap_or_default().iter().map(|v| v.0).collect()
}

#[test]
fn no_value_of_any_kind_passes_that_is_not_named() {
    let failure = Failure::chain(&["failed", "for a reason"]);
    let error: &(dyn Error + 'static) = &failure;
    for recorder in seen(|| {
        info!(
            a = true, b = -1, c = 1_u64, d = -1_i128, e = 1_u128, f = 0.5, g = "text",
            h = &b"bytes"[..], i = ?"debug", j = %"display", error, kept = 7, "message"
        );
    }) {
        assert_eq!(names(&recorder), ["message", "kept"]);
    }
}

#[test]
fn nor_does_one_of_a_span_or_of_a_late_record() {
    for recorder in seen(|| {
        let span = info_span!(
            "work",
            a = true,
            kept = field::Empty,
            late = field::Empty,
            b = "text"
        );
        span.record("late", 7);
        span.record("kept", 1);
    }) {
        let [span, late] = &recorder.seen()[..] else {
            panic!("{recorder:?}");
        };
        assert_eq!(span.values, []);
        assert_eq!(late.values, [("kept", Kind::I64(1))]);
    }
}

#[test]
fn other_rules_run_on_what_passes_and_any_spelling_is_named() {
    for recorder in seen(|| info!(kept = "a@example.org", user_id = 7, "to b@example.org")) {
        assert_eq!(
            recorder.only(),
            [
                ("message", Kind::Debug("to [EMAIL]".to_owned())),
                ("kept", Kind::Str("[EMAIL]".to_owned())),
                ("user_id", Kind::I64(7)),
            ]
        );
    }
}

#[test]
fn a_bridged_record_keeps_its_logger_and_place() {
    bridge_log();
    for recorder in seen(|| log::info!(target: "app::bridged", "to a@example.org")) {
        let passed = [
            "message",
            "log.target",
            "log.module_path",
            "log.file",
            "log.line",
        ];
        assert_eq!(names(&recorder), passed);
        let values = recorder.only();
        assert_eq!(values[0].1, Kind::Debug("to [EMAIL]".to_owned()));
        assert_eq!(values[1].1, Kind::Str("app::bridged".to_owned()));
    }
}

#[test]
fn no_field_feigns_to_be_the_bridges() {
    for recorder in seen(|| {
        tracing::event!(name: "log event", target: "log", tracing::Level::INFO, log.file = "secret", "m");
    }) {
        assert_eq!(names(&recorder), ["message"]);
    }
}
