//! Layers by other hands below the sanitizing root: what they keep and would send holds no secret,
//! and what they would say of an event stays the same otherwise.
//!
//! Beside them stands `tracing-sanitize` 0.1.1, a layer that promises the same. A layer cannot
//! change what its siblings see, so it leaks everything; that test is here to keep the comparison
//! honest, and fails when a later version, tried in its place, keeps the promise.

#![allow(
    clippy::unwrap_used,
    reason = "test code that is not itself a test function may be blunt, too"
)]

use std::{
    error::Error,
    fmt, io,
    sync::{Arc, LazyLock, Mutex},
};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::{
    logs::{InMemoryLogExporter, SdkLoggerProvider},
    trace::{InMemorySpanExporter, SdkTracerProvider},
};
use sentry_core::{ClientOptions, test::with_captured_envelopes_options};
use sentry_tracing::{BreadcrumbLayer, ErrorLayer, LogLayer, SpanLayer};
use soliplex_sanitize::{Rules, Sanitize as _};
use tracing::{Dispatch, dispatcher, error, field, info, info_span};
use tracing_subscriber::{Layer, Registry, filter::LevelFilter, layer::SubscriberExt as _};

/// Each secret holds its own name and the word "canary"; the card is the one that cannot.
const CANARIES: [&str; 17] = [
    "messagecanary",
    "strcanary",
    "debugcanary",
    "displaycanary",
    "bytescanary",
    "passwordcanary",
    "jsoncanary",
    "errorcanary",
    "sourcecanary",
    "causecanary",
    "shownerrorcanary",
    "spancanary",
    "spantokencanary",
    "latecanary",
    "latepasswordcanary",
    "insidecanary",
    "4111111111111111",
];

/// Sends every canary into the current subscriber, each by its own way.
fn log_everything() {
    let span = info_span!(
        "work",
        mail = "spancanary@example.org",
        token = "spantokencanary",
        late = field::Empty,
        password = field::Empty
    );
    span.record("late", "latecanary@example.org");
    span.record("password", field::debug("latepasswordcanary"));
    let _entered = span.enter();
    info!(
        text = "to strcanary@example.org",
        debug_value = ?Some("debugcanary@example.org"),
        display_value = %"displaycanary@example.org",
        bytes = &b"bytescanary@example.org"[..],
        password = "passwordcanary",
        json = r#"{"password":"jsoncanary"}"#,
        card = 4_111_111_111_111_111_u64,
        kept = "plain text",
        count = 42,
        "hello messagecanary@example.org"
    );
    let error = Failure::new(&[
        "mail to errorcanary@example.org failed",
        "no route to sourcecanary@example.org",
        "password=causecanary",
    ]);
    error!(error = &error as &(dyn Error + 'static), "failed");
    error!(shown = %Failure::new(&["shownerrorcanary@example.org"]), "failed");
    log::info!("bridged insidecanary@example.org");
}

#[derive(Debug)]
struct Failure {
    text: &'static str,
    source: Option<Box<Failure>>,
}

impl Failure {
    fn new(texts: &[&'static str]) -> Failure {
        let (text, sources) = texts.split_first().unwrap();
        Failure {
            text,
            source: (!sources.is_empty()).then(|| Box::new(Failure::new(sources))),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// Logs everything into `layer`, alone or below the root.
fn log_into(layer: impl Layer<Registry> + Send + Sync, rooted: bool) {
    // Tests run at the same time; one that finds the bridge half built would log into the void.
    static BRIDGED: LazyLock<()> = LazyLock::new(|| tracing_log::LogTracer::init().unwrap());
    LazyLock::force(&BRIDGED);
    let stack = Registry::default().with(layer);
    let dispatch = if rooted {
        stack.sanitize(Rules::standard()).into()
    } else {
        Dispatch::new(stack)
    };
    dispatcher::with_default(&dispatch, log_everything);
}

/// Runs a peer without and with the root. Without it, all canaries must come out but those
/// `never_exported` by the peer anyway, or the test would prove nothing; with it, none may.
fn check(export: impl Fn(bool) -> String, never_exported: &[&str], kept: &[&str]) {
    let bare = export(false);
    for canary in CANARIES {
        let exported = !never_exported.contains(&canary);
        assert_eq!(
            holds(&bare, canary),
            exported,
            "{canary} without a root: {bare}"
        );
    }

    let rooted = export(true);
    for canary in CANARIES {
        assert!(!holds(&rooted, canary), "{canary} leaks: {rooted}");
    }
    for text in kept {
        assert!(rooted.contains(text), "{text} is lost: {rooted}");
    }
}

/// Whether a canary is there, as it is or, as bytes are shown, in hexadecimal or decimal numbers.
fn holds(export: &str, canary: &str) -> bool {
    let numbers = |show: fn(u8) -> String, between: &str| {
        let shown: Vec<String> = canary.bytes().map(show).collect();
        shown.join(between)
    };
    export.contains(canary)
        || export.contains(&numbers(|byte| format!("{byte:02x}"), " "))
        || export.contains(&numbers(|byte| byte.to_string(), ", "))
}

#[test]
fn sentry_captures_no_canary_in_events_breadcrumbs_logs_or_spans() {
    let export = |rooted| {
        let layers = vec![
            SpanLayer::new().boxed(),
            LogLayer::new().boxed(),
            BreadcrumbLayer::new().boxed(),
            ErrorLayer::new().with_filter(LevelFilter::ERROR).boxed(),
        ];
        let options = ClientOptions::new().traces_sample_rate(1.0);
        let envelopes = with_captured_envelopes_options(|| log_into(layers, rooted), options);
        let mut bytes = Vec::new();
        for envelope in envelopes {
            envelope.to_writer(&mut bytes).unwrap();
        }
        String::from_utf8(bytes).unwrap()
    };
    check(
        export,
        &[],
        &[
            "plain text",
            "[EMAIL]",
            "[REDACTED]",
            r#""type":"Failure""#,
            "no route to",
        ],
    );
}

#[test]
fn tracing_opentelemetry_exports_no_canary_in_spans_or_their_events() {
    let export = |rooted| {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(exporter.clone())
            .build();
        log_into(
            tracing_opentelemetry::layer().with_tracer(provider.tracer("peers")),
            rooted,
        );
        format!("{:?}", exporter.get_finished_spans().unwrap())
    };
    check(
        export,
        &[],
        &[
            "plain text",
            "[EMAIL]",
            "[REDACTED]",
            "I64(42)",
            "no route to",
        ],
    );
}

#[test]
fn opentelemetry_appender_tracing_exports_no_canary_in_log_records() {
    let export = |rooted| {
        let exporter = InMemoryLogExporter::default();
        let provider = SdkLoggerProvider::builder()
            .with_simple_exporter(exporter.clone())
            .build();
        log_into(OpenTelemetryTracingBridge::new(&provider), rooted);
        format!("{:?}", exporter.get_emitted_logs().unwrap())
    };
    check(
        export,
        &[
            "spancanary",
            "spantokencanary",
            "latecanary",
            "latepasswordcanary",
            "sourcecanary",
            "causecanary",
        ],
        &["plain text", "[EMAIL]", "[REDACTED]", "Int(42)"],
    );
}

/// A shared buffer for `fmt`.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output {
    fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
    {
        let output = self.clone();
        tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(move || output.clone())
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[test]
fn tracing_sanitize_0_1_1_leaks_in_its_own_example_and_in_any_order_where_the_root_does_not() {
    let leaky = || tracing_sanitize::SanitizeLayer::default();
    let log = || {
        info_span!("login", mail = "spancanary@example.org").in_scope(|| {
            info!(
                email = "strcanary@example.org",
                "hello messagecanary@example.org"
            )
        });
    };
    let (below, above, rooted) = (Output::default(), Output::default(), Output::default());
    let stack = Registry::default().with(leaky()).with(below.layer());
    dispatcher::with_default(&Dispatch::new(stack), log);
    let stack = Registry::default().with(above.layer()).with(leaky());
    dispatcher::with_default(&Dispatch::new(stack), log);
    let stack = Registry::default().with(rooted.layer());
    dispatcher::with_default(&stack.sanitize(Rules::standard()).into(), log);

    for canary in ["spancanary@", "strcanary@", "messagecanary@"] {
        assert!(below.text().contains(canary), "{}", below.text());
        assert!(above.text().contains(canary), "{}", above.text());
        assert!(!rooted.text().contains(canary), "{}", rooted.text());
    }
    assert_eq!(rooted.text().matches("[EMAIL]").count(), 3);
}
