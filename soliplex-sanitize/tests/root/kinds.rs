//! Each value keeps the kind it was recorded as, and loses what the rules object to.

use std::error::Error;

use soliplex_sanitize::{Rules, Sanitize as _};
use tracing::{dispatcher, field, info, info_span};
use tracing_subscriber::{Registry, layer::SubscriberExt as _};

use crate::capture::{Failure, Kind, Recorder, bridge_log};

fn check(log: impl FnOnce(), expected: &[(&'static str, Kind)]) {
    let recorder = Recorder::default();
    let stack = Registry::default()
        .with(recorder.clone())
        .sanitize(Rules::standard());
    dispatcher::with_default(&stack.into(), log);
    assert_eq!(recorder.only(), expected);
}

fn text(text: &str) -> Kind {
    Kind::Str(text.to_owned())
}

fn debug(text: &str) -> Kind {
    Kind::Debug(text.to_owned())
}

#[test]
fn clean_values_arrive_as_they_were_recorded() {
    check(
        || {
            info!(
                a = true, b = -1, c = 1_u64, d = -1_i128, e = 1_u128, f = 0.5, g = "text",
                h = &b"\xff\0"[..], i = ?"debug", j = %"display", "message"
            );
        },
        &[
            ("message", debug("message")),
            ("a", Kind::Bool(true)),
            ("b", Kind::I64(-1)),
            ("c", Kind::U64(1)),
            ("d", Kind::I128(-1)),
            ("e", Kind::U128(1)),
            ("f", Kind::F64(0.5)),
            ("g", text("text")),
            ("h", Kind::Bytes(b"\xff\0".to_vec())),
            ("i", debug("\"debug\"")),
            ("j", debug("display")),
        ],
    );
}

#[test]
fn secrets_go_and_kinds_stay() {
    check(
        || {
            info!(
                g = "to a.person@example.org",
                h = &b"to a.person@example.org\xff"[..],
                i = ?"a.person@example.org",
                j = %"a.person@example.org",
                "hello {}", "a.person@example.org"
            );
        },
        &[
            ("message", debug("hello [EMAIL]")),
            ("g", text("to [EMAIL]")),
            ("h", Kind::Bytes(b"to [EMAIL]\xff".to_vec())),
            ("i", debug("\"[EMAIL]\"")),
            ("j", debug("[EMAIL]")),
        ],
    );
}

#[test]
fn a_sensitive_name_hides_strings_numbers_and_bytes_but_not_booleans() {
    check(
        || {
            info!(
                password = "hunter-2-hunter",
                secret = 123_456_789_u64,
                token = -7.25,
                auth = ?Some("hunter-2-hunter"),
                credential = &b"hunter\xff"[..],
                ssn = true,
            );
        },
        &[
            ("password", text("[REDACTED]")),
            ("secret", text("[REDACTED]")),
            ("token", text("[REDACTED]")),
            ("auth", debug("[REDACTED]")),
            ("credential", Kind::Bytes(b"[REDACTED]".to_vec())),
            ("ssn", Kind::Bool(true)),
        ],
    );
}

#[test]
fn a_long_number_that_is_a_card_becomes_a_marker_and_other_numbers_stay() {
    check(
        || {
            info!(
                a = 4_111_111_111_111_111_u64,
                b = 4_111_111_111_111_111_i128,
                c = 41,
                d = 1_700_000_000_000_i64,
                e = 1.5e9
            );
        },
        &[
            ("a", text("[CARD]")),
            ("b", text("[CARD]")),
            ("c", Kind::I64(41)),
            ("d", Kind::I64(1_700_000_000_000)),
            ("e", Kind::F64(1.5e9)),
        ],
    );
}

#[test]
fn a_coordinate_goes_as_a_number_too_and_other_decimals_stay() {
    check(
        || {
            info!(
                lat = 38.889484,
                longitude = -77.036527,
                ratio = 38.889484,
                lat_count = 2.0
            )
        },
        &[
            ("lat", text("[COORDINATES]")),
            ("longitude", text("[COORDINATES]")),
            ("ratio", Kind::F64(38.889484)),
            ("lat_count", Kind::F64(2.0)),
        ],
    );
}

#[test]
fn rules_scoped_to_a_logger_apply_to_its_events_spans_and_late_records() {
    bridge_log();
    let lenient = Rules::builder().without("email").build().unwrap();
    let rules = Rules::builder()
        .for_logger("lenient", lenient)
        .build()
        .unwrap();
    let recorder = Recorder::default();
    let stack = Registry::default().with(recorder.clone()).sanitize(rules);
    dispatcher::with_default(&stack.into(), || {
        for _ in 0..2 {
            info!(target: "lenient::inner", mail = "a@example.org");
            info!(target: "strict", mail = "a@example.org");
        }
        let lenient =
            info_span!(target: "lenient", "l", mail = "a@example.org", late = field::Empty);
        let strict = info_span!(target: "strict", "s", mail = "a@example.org", late = field::Empty);
        lenient.record("late", "b@example.org");
        strict.record("late", "b@example.org");
        log::info!(target: "lenient", "to a@example.org");
        log::info!(target: "strict", "to a@example.org");
    });
    let seen = recorder.seen();
    let first: Vec<_> = seen.iter().map(|seen| seen.values[0].1.clone()).collect();
    let (raw, clean) = (|| text("a@example.org"), || text("[EMAIL]"));
    assert_eq!(
        first,
        [
            raw(),
            clean(),
            raw(),
            clean(),
            raw(),
            clean(),
            text("b@example.org"),
            clean(),
            debug("to a@example.org"),
            debug("to [EMAIL]"),
        ]
    );
}

#[test]
fn an_error_is_cleaned_through_its_whole_source_chain_and_keeps_its_type_name() {
    let error = Failure::chain(&[
        "mail to a@example.org failed",
        "no route",
        "for b@example.org",
    ]);
    let recorder = Recorder::default();
    let stack = Registry::default()
        .with(recorder.clone())
        .sanitize(Rules::standard());
    dispatcher::with_default(&stack.into(), || {
        info!(error = &error as &(dyn Error + 'static));
    });
    let values = recorder.only();
    let Kind::Error(chain) = &values[0].1 else {
        panic!("{values:?}");
    };
    let displays: Vec<_> = chain.iter().map(|(display, _)| display.as_str()).collect();
    assert_eq!(
        displays,
        ["mail to [EMAIL] failed", "no route", "for [EMAIL]"]
    );
    for (_, debug) in chain {
        assert!(debug.starts_with("Failure {"), "{debug}");
        assert!(!debug.contains("@example.org"), "{debug}");
    }
}

#[test]
fn spans_and_late_records_are_cleaned_like_events() {
    let recorder = Recorder::default();
    let stack = Registry::default()
        .with(recorder.clone())
        .sanitize(Rules::standard());
    dispatcher::with_default(&stack.into(), || {
        let span = info_span!(
            "s",
            from = "a@example.org",
            password = field::Empty,
            n = field::Empty
        );
        span.record("password", "hunter-2-hunter").record("n", 7);
    });
    let seen = recorder.seen();
    assert_eq!(seen[0].values, [("from", text("[EMAIL]"))]);
    assert_eq!(seen[1].values, [("password", text("[REDACTED]"))]);
    assert_eq!(seen[2].values, [("n", Kind::I64(7))]);
}

#[test]
fn a_field_announced_as_empty_is_still_announced() {
    #[derive(Clone, Default)]
    struct Announced(std::sync::Arc<std::sync::Mutex<Vec<&'static str>>>);

    impl<S: tracing_core::Subscriber> tracing_subscriber::Layer<S> for Announced {
        fn on_new_span(
            &self,
            attributes: &tracing_core::span::Attributes<'_>,
            _: &tracing_core::span::Id,
            _: tracing_subscriber::layer::Context<'_, S>,
        ) {
            let fields = attributes.fields().iter();
            let there = fields
                .filter(|field| attributes.contains(field))
                .map(|field| field.name());
            self.0.lock().unwrap().extend(there);
        }
    }

    let announced = Announced::default();
    let stack = Registry::default()
        .with(announced.clone())
        .sanitize(Rules::standard());
    dispatcher::with_default(&stack.into(), || {
        info_span!("s", a = 1, b = field::Empty, c = "c");
    });
    assert_eq!(*announced.0.lock().unwrap(), ["a", "b", "c"]);
}

/// A field that is absent prints nothing, so that two events of one callsite may print the same
/// bytes under different names. What was harmless as a nickname is not as a password.
#[test]
fn what_was_clean_under_one_name_is_looked_at_under_another() {
    let recorder = Recorder::default();
    let stack = Registry::default()
        .with(recorder.clone())
        .sanitize(Rules::standard());
    dispatcher::with_default(&stack.into(), || {
        for (nickname, password) in [(Some("hunter2"), None), (None, Some("hunter2"))] {
            info!(nickname, password, "saved");
        }
    });
    let seen = format!("{:?}", recorder.seen());
    assert_eq!(seen.matches("hunter2").count(), 1, "{seen}");
    assert!(seen.contains("[REDACTED]"), "{seen}");
}
