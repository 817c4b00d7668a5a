//! Filters go on working below the root, and those that look at values judge the clean ones.

use soliplex_sanitize::{Rules, RulesBuilder, Sanitize as _};
use tracing::{Dispatch, debug, dispatcher, error, info, info_span, trace};
use tracing_core::{Event, LevelFilter, Metadata, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt as _, dynamic_filter_fn, filter_fn},
    layer::{Context, Filter, SubscriberExt as _},
};

use crate::capture::{Kind, Recorder};

/// What is logged in each of the tests below.
fn log() {
    trace!("trace");
    debug!(target: "loud", "loud debug");
    let span = info_span!("request", id = 7, mail = "a@example.org");
    span.in_scope(|| debug!("debug in a span"));
    info!("info");
    error!(target: "quiet", "quiet error");
}

/// Logs below a root with `rules`, and without one, and expects the same messages.
fn check<S>(stack: impl Fn(Recorder) -> S, expected: &[&str])
where
    S: Subscriber + Send + Sync,
{
    let (bare, rooted) = (Recorder::default(), Recorder::default());
    dispatcher::with_default(&Dispatch::new(stack(bare.clone())), log);
    dispatcher::with_default(
        &stack(rooted.clone()).sanitize(Rules::standard()).into(),
        log,
    );
    assert_eq!(bare.messages(), expected);
    assert_eq!(rooted.messages(), expected);
}

/// A root whose rules are for one logger only rewrites that logger's records, and no others.
#[test]
fn rules_for_one_logger_work_where_there_are_none_for_the_rest() {
    let scoped = RulesBuilder::empty()
        .for_logger("audited", Rules::standard())
        .build()
        .expect("no pattern, no name");
    let recorder = Recorder::default();
    let stack = Registry::default().with(recorder.clone());
    dispatcher::with_default(&stack.sanitize(scoped).into(), || {
        info!(target: "audited", "mail to a@example.org");
        info!(target: "other", "mail to b@example.org");
    });
    assert_eq!(
        recorder.messages(),
        ["mail to [EMAIL]", "mail to b@example.org"]
    );
}

#[test]
fn an_env_filter_over_the_whole_stack_keeps_working() {
    let filter = || EnvFilter::new("info,loud=debug,quiet=off");
    check(
        |recorder| Registry::default().with(recorder).with(filter()),
        &["loud debug", "info"],
    );
}

#[test]
fn an_env_filter_on_span_fields_keeps_working() {
    let filter = || EnvFilter::new("info,[request{id=7}]=debug");
    check(
        |recorder| Registry::default().with(recorder.with_filter(filter())),
        &["debug in a span", "info", "quiet error"],
    );
}

#[test]
fn filters_of_single_layers_stay_independent() {
    check(
        |recorder| {
            Registry::default()
                .with(Recorder::default().with_filter(LevelFilter::ERROR))
                .with(recorder.with_filter(filter_fn(|metadata| metadata.target() != "quiet")))
                .with(Recorder::default().with_filter(LevelFilter::OFF))
        },
        &["trace", "loud debug", "debug in a span", "info"],
    );
    check(
        |recorder| {
            Registry::default()
                .with(Recorder::default().with_filter(LevelFilter::TRACE))
                .with(recorder.with_filter(LevelFilter::ERROR))
        },
        &["quiet error"],
    );
}

#[test]
fn a_filter_that_looks_at_the_current_span_keeps_working() {
    check(
        |recorder| {
            let in_span = dynamic_filter_fn(|metadata, ctx: &Context<'_, _>| {
                metadata.is_span() || ctx.lookup_current().is_some()
            });
            Registry::default().with(recorder.with_filter(in_span.or(LevelFilter::ERROR)))
        },
        &["debug in a span", "quiet error"],
    );
}

/// Keeps events with a value that contains a text; as a layer it decides for the whole stack.
struct Containing(&'static str);

impl Containing {
    fn finds(&self, event: &Event<'_>) -> bool {
        let recorder = Recorder::default();
        recorder.push("event", |visitor| event.record(visitor));
        recorder.only().iter().any(|(_, kind)| match kind {
            Kind::Str(text) | Kind::Debug(text) => text.contains(self.0),
            _ => false,
        })
    }
}

impl<S: Subscriber> Layer<S> for Containing {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        self.finds(event)
    }
}

impl<S> Filter<S> for Containing {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        self.finds(event)
    }
}

#[test]
fn filters_on_values_judge_the_clean_event() {
    for (searched, expected) in [
        ("a@example.org", vec![]),
        ("[EMAIL]", vec!["to [EMAIL]".to_owned()]),
    ] {
        let (whole, single) = (Recorder::default(), Recorder::default());
        let stack = Registry::default()
            .with(whole.clone())
            .with(Containing(searched));
        dispatcher::with_default(&stack.sanitize(Rules::standard()).into(), || {
            info!("to {}", "a@example.org")
        });
        let stack = Registry::default().with(single.clone().with_filter(Containing(searched)));
        dispatcher::with_default(&stack.sanitize(Rules::standard()).into(), || {
            info!("to {}", "a@example.org")
        });
        assert_eq!(whole.messages(), expected);
        assert_eq!(single.messages(), expected);
    }
}
