//! Threads from which no layer hears.

use std::thread;

use soliplex_sanitize::{Rules, Sanitize as _, SanitizeLayer, deafen};
use tracing::{Dispatch, dispatcher, error, error_span, field};
use tracing_subscriber::Registry;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::capture::Output;

/// Every stack of ours, with a layer that tells all there is to tell of events and spans.
fn stacks(output: &Output) -> [(&'static str, Dispatch); 3] {
    let layer = || {
        let layer = tracing_subscriber::fmt::layer().with_writer(output.clone());
        layer.with_ansi(false).with_span_events(FmtSpan::FULL)
    };
    let root = |rules| Registry::default().with(layer()).sanitize(rules).into();
    let wrapped = SanitizeLayer::new(layer(), Rules::standard());
    [
        ("root", root(Rules::standard())),
        ("root without rules", root(Rules::none())),
        ("layer", Dispatch::new(Registry::default().with(wrapped))),
    ]
}

#[test]
fn what_a_deaf_thread_logs_reaches_no_layer_and_what_others_log_does() {
    for count in 0..stacks(&Output::default()).len() {
        let output = Output::default();
        let (name, stack) = stacks(&output).into_iter().nth(count).unwrap();
        for (deaf, said) in [(true, "unheard"), (false, "heard")] {
            let stack = stack.clone();
            let thread = thread::spawn(move || {
                if deaf {
                    deafen();
                }
                dispatcher::with_default(&stack, || {
                    let outer = error_span!("outer", said, late = field::Empty);
                    outer.record("late", said);
                    let inner = outer.in_scope(|| error_span!("inner", said));
                    inner.follows_from(&outer);
                    inner.clone().in_scope(|| error!("{said}"));
                });
            });
            thread.join().unwrap();
        }
        let text = output.text();
        let lines = text.lines().filter(|line| line.contains("\"heard\""));
        // Opened, entered, left and closed, and one event; the outer one first, to open the inner.
        assert_eq!(lines.count(), 9, "{name}: {text}");
        assert!(!text.contains("unheard"), "{name}: {text}");
    }
}

#[test]
fn a_span_that_a_deaf_thread_opened_or_holds_harms_no_other() {
    let output = Output::default();
    for (name, stack) in stacks(&output) {
        let heard = dispatcher::with_default(&stack, || error_span!("heard"));
        let deaf = {
            let (stack, held) = (stack.clone(), heard.clone());
            thread::spawn(move || {
                deafen();
                held.in_scope(|| ());
                dispatcher::with_default(&stack, || error_span!("unheard"))
            })
        };
        let unheard = deaf.join().unwrap();
        dispatcher::with_default(&stack, || {
            unheard.record("late", 1);
            heard.follows_from(&unheard);
            let child = error_span!(parent: &unheard, "child");
            child.clone().in_scope(|| error!("{name} goes on"));
        });
        drop((heard, unheard));
        assert!(output.text().contains(&format!("{name} goes on")));
    }
    let closed = output.text().matches(" heard: root::deaf: close").count();
    assert_eq!(closed, 3, "once each, though a deaf thread held it");
}
