//! One wrapped layer, and who may believe that it is fed clean values.

use std::sync::{Arc, Mutex};

use soliplex_sanitize::{Rules, Sanitize as _, SanitizeLayer, is_sanitized};
use tracing::{Dispatch, dispatcher, error, info, info_span};
use tracing_core::{LevelFilter, Subscriber};
use tracing_subscriber::{Layer, Registry, layer::SubscriberExt as _};

use crate::capture::{FORMATS, Output, Recorder};

#[test]
fn a_wrapped_layer_sees_clean_values_and_its_sibling_raw_ones() {
    let (wrapped, sibling) = (Recorder::default(), Recorder::default());
    let stack = Registry::default()
        .with(SanitizeLayer::new(wrapped.clone(), Rules::standard()))
        .with(sibling.clone());
    dispatcher::with_default(&Dispatch::new(stack), || {
        let span = info_span!(
            "s",
            mail = "a@example.org",
            password = tracing::field::Empty
        );
        span.record("password", "hunter-2-hunter");
        info!("to {}", "a@example.org");
    });
    let raw = format!("{:?}", sibling.seen());
    assert!(
        raw.contains("a@example.org") && raw.contains("hunter-2-hunter"),
        "{raw}"
    );
    let clean = format!("{:?}", wrapped.seen());
    assert!(
        !clean.contains("a@example.org") && !clean.contains("hunter-2-hunter"),
        "{clean}"
    );
    assert_eq!(wrapped.seen().len(), 3);
}

#[test]
fn several_layers_can_be_wrapped_at_once() {
    let recorders = [
        Recorder::default(),
        Recorder::default(),
        Recorder::default(),
    ];
    let [a, b, c] = recorders.clone();
    let stack = Registry::default()
        .with(SanitizeLayer::new(vec![a, b], Rules::standard()))
        .with(SanitizeLayer::new(Some(c), Rules::standard()));
    dispatcher::with_default(&Dispatch::new(stack), || info!("to {}", "a@example.org"));
    for recorder in recorders {
        assert_eq!(recorder.messages(), ["to [EMAIL]"]);
    }
}

#[test]
fn a_filter_works_inside_and_outside_the_wrapper() {
    let (inside, outside) = (Recorder::default(), Recorder::default());
    let stack = Registry::default()
        .with(SanitizeLayer::new(
            inside.clone().with_filter(LevelFilter::ERROR),
            Rules::standard(),
        ))
        .with(
            SanitizeLayer::new(outside.clone(), Rules::standard()).with_filter(LevelFilter::INFO),
        );
    dispatcher::with_default(&Dispatch::new(stack), || {
        info!("info");
        error!("error");
    });
    assert_eq!(inside.messages(), ["error"]);
    assert_eq!(outside.messages(), ["info", "error"]);
}

#[test]
fn wrapped_fmt_layers_print_the_same_with_rules_that_do_nothing() {
    for format in FORMATS {
        let (bare, wrapped) = (Output::default(), Output::default());
        let log = || {
            let span = info_span!("s", a = 1, b = tracing::field::Empty);
            span.record("b", "late");
            span.in_scope(|| info!(n = 1, "message"));
        };
        let stack = Registry::default().with(format.layer(&bare));
        dispatcher::with_default(&Dispatch::new(stack), log);
        let stack =
            Registry::default().with(SanitizeLayer::new(format.layer(&wrapped), Rules::none()));
        dispatcher::with_default(&Dispatch::new(stack), log);
        assert_eq!(bare.text(), wrapped.text(), "{format:?}");
    }
}

/// The trap that the wrapper's documentation warns of, so that the warning stays true.
#[test]
fn a_raw_fmt_layer_beside_the_wrapper_supplies_raw_span_text() {
    let (raw, wrapped) = (Output::default(), Output::default());
    let stack = Registry::default()
        .with(
            tracing_subscriber::fmt::layer()
                .with_ansi(false)
                .with_writer(raw),
        )
        .with(SanitizeLayer::new(
            tracing_subscriber::fmt::layer()
                .with_ansi(false)
                .with_writer(wrapped.clone()),
            Rules::standard(),
        ));
    dispatcher::with_default(&Dispatch::new(stack), || {
        info_span!("s", mail = "a@example.org").in_scope(|| info!("to {}", "a@example.org"));
    });
    assert!(wrapped.text().contains("to [EMAIL]"), "{}", wrapped.text());
    assert!(
        wrapped.text().contains("s{mail=\"a@example.org\"}"),
        "{}",
        wrapped.text()
    );
}

/// Asks for the marker as an exporting layer would.
#[derive(Clone, Default)]
struct Asking(Arc<Mutex<Vec<bool>>>);

impl Asking {
    fn answers(&self) -> Vec<bool> {
        self.0.lock().unwrap().clone()
    }
}

impl<S: Subscriber> Layer<S> for Asking {
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        self.0.lock().unwrap().push(is_sanitized(dispatch));
    }
}

#[test]
fn a_layer_below_the_root_finds_the_marker_also_through_a_filter() {
    let (plain, filtered) = (Asking::default(), Asking::default());
    let stack = Registry::default()
        .with(plain.clone())
        .with(filtered.clone().with_filter(LevelFilter::INFO))
        .sanitize(Rules::standard());
    let dispatch: Dispatch = stack.into();
    assert_eq!(plain.answers(), [true]);
    assert_eq!(filtered.answers(), [true]);
    assert!(is_sanitized(&dispatch));
}

#[test]
fn no_marker_is_found_without_a_root_or_under_rules_that_do_nothing() {
    let asking = Asking::default();
    let _ = Dispatch::new(Registry::default().with(asking.clone()));
    let _: Dispatch = Registry::default()
        .with(asking.clone())
        .sanitize(Rules::none())
        .into();
    let _ =
        Dispatch::new(Registry::default().with(SanitizeLayer::new(asking.clone(), Rules::none())));
    assert_eq!(asking.answers(), [false, false, false]);
}

#[test]
fn a_layer_inside_the_wrapper_finds_the_marker_and_its_sibling_does_not() {
    let (first, inside, last) = (Asking::default(), Asking::default(), Asking::default());
    let stack = Registry::default()
        .with(first.clone())
        .with(SanitizeLayer::new(inside.clone(), Rules::standard()))
        .with(last.clone());
    let dispatch = Dispatch::new(stack);
    assert_eq!(first.answers(), [false]);
    assert_eq!(inside.answers(), [true]);
    assert_eq!(last.answers(), [false]);
    assert!(!is_sanitized(&dispatch));
}

#[test]
fn layers_below_the_root_are_found_by_their_type() {
    let dispatch: Dispatch = Registry::default()
        .with(SanitizeLayer::new(Recorder::default(), Rules::standard()))
        .sanitize(Rules::standard())
        .into();
    assert!(dispatch.is::<Recorder>());
    assert!(dispatch.is::<SanitizeLayer<Recorder>>());
    assert!(dispatch.is::<Registry>());
    assert!(!dispatch.is::<Output>());
}

#[test]
fn debug_of_the_stack_and_the_wrapper_shows_no_value_and_no_layer() {
    let stack = Registry::default()
        .with(Recorder::default())
        .sanitize(Rules::standard());
    assert!(format!("{stack:?}").starts_with("SanitizedStack { rewriter: Rewriter { rules: Rules"));
    let layer = SanitizeLayer::new(Recorder::default(), Rules::standard());
    assert!(!format!("{layer:?}").contains("Recorder"));
}
