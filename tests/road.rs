//! One record from a macro to the OTLP receiver, through the real server.

use std::error::Error;
use std::time::Duration;

use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use serde_json::{Value, json};
use tracing::{debug, error, info, info_span, trace, warn};
use tracing_soliplex::{Builder, PanicHook, Sanitize as _, Soliplex, SpanId, TraceId};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::backend::{Backend, is_about_session};
use crate::failure::Failure;

const SOON: Duration = Duration::from_secs(30);

fn builder(backend: &Backend) -> Builder {
    let token = backend.token();
    Soliplex::builder("road-test", "2.1.0")
        .endpoint(backend.url())
        .token_provider(move || Some(token.clone()))
        .startup_jitter(Duration::ZERO)
        .panic_hook(PanicHook::Off)
}

/// Logs through the pipeline and returns what of it arrived at the far end, in order.
fn arrived(log: impl FnOnce(&Soliplex)) -> Vec<Value> {
    let backend = Backend::start();
    let soliplex = builder(&backend).start().unwrap();
    {
        let stack = tracing_subscriber::registry().with(soliplex.export_layer());
        let _default = stack.sanitize(&soliplex).set_default();
        log(&soliplex);
    }
    deliver(backend, &soliplex)
}

fn deliver(backend: Backend, soliplex: &Soliplex) -> Vec<Value> {
    let report = soliplex.shutdown(SOON);
    assert!(report.is_complete(), "{report}");
    let mut records = backend.finish();
    records.sort_by_key(|record| record["attributes"]["soliplex.seq"].as_u64());
    assert!(is_about_session(&records[0]), "{}", records[0]);
    records.split_off(1)
}

fn only(mut records: Vec<Value>) -> Value {
    assert_eq!(records.len(), 1, "{records:?}");
    records.remove(0)
}

#[test]
fn records_arrive_under_the_agent_run_and_the_session_they_were_logged_in() {
    let backend = Backend::start();
    // After a nanosecond's silence: each record begins a session of its own.
    let builder = builder(&backend).session_timeout(Duration::from_nanos(1));
    let soliplex = builder.start().unwrap();
    let mut sessions = vec![soliplex.session_id()];
    {
        let stack = tracing_subscriber::registry().with(soliplex.export_layer());
        let _default = stack.sanitize(&soliplex).set_default();
        for run in [
            Some(("thread-7", "run-1")),
            Some(("thread-7", "run-2")),
            None,
        ] {
            soliplex.set_active_run(run);
            info!("asked");
            sessions.push(soliplex.session_id());
        }
    }
    assert!(soliplex.shutdown(SOON).is_complete());
    let records = backend.finish();
    let text = |record: &Value, name: &str| record["attributes"][name].as_str().map(str::to_owned);
    for (number, session) in sessions.iter().enumerate() {
        let of = |record: &&Value| text(record, "session.id").as_ref() == Some(session);
        let of_session: Vec<&Value> = records.iter().filter(of).collect();
        let find = |body: &str| of_session.iter().find(|record| record["body"] == body);
        let start = find("session started").unwrap();
        assert_eq!(start["attributes"]["soliplex.seq"], 1);
        let previous = number.checked_sub(1).map(|number| sessions[number].clone());
        assert_eq!(text(start, "session.previous_id"), previous);
        let end = previous.map(|_| "inactivity".to_owned());
        assert_eq!(text(start, "soliplex.previous.end"), end);
        let Some(number) = number.checked_sub(1) else {
            continue;
        };
        let asked = find("asked").unwrap();
        assert_eq!(asked["attributes"]["soliplex.seq"], 2);
        let run = (text(asked, "thread_id"), text(asked, "run_id"));
        let thread = || Some("thread-7".to_owned());
        let expected = [
            (thread(), Some("run-1".to_owned())),
            (thread(), Some("run-2".to_owned())),
            (None, None),
        ];
        assert_eq!(run, expected[number]);
    }
}

#[test]
fn fields_arrive_with_their_types() {
    let record = only(arrived(|_| {
        info!(
            target: "shop.cart",
            text = "plain",
            number = -7_i64,
            large = u64::MAX,
            half = 0.5,
            yes = true,
            debugged = ?Some(3),
            shown = %"as is",
            "added {} to the cart",
            "an apple"
        );
    }));
    assert_eq!(record["body"], "added an apple to the cart");
    assert_eq!(record["scope"], "shop.cart");
    assert_eq!(
        (&record["severity"], &record["severityNumber"]),
        (&json!("INFO"), &json!(9))
    );
    let attributes = &record["attributes"];
    for (name, expected) in [
        ("text", json!("plain")),
        ("number", json!(-7)),
        ("half", json!(0.5)),
        ("yes", json!(true)),
        ("debugged", json!("Some(3)")),
        ("shown", json!("as is")),
    ] {
        assert_eq!(attributes[name], expected, "{name}");
    }
    assert_eq!(record["resource"]["service.name"], "road-test");
    assert_eq!(record["resource"]["service.version"], "2.1.0");
    assert!(record.get("traceId").is_none(), "an id was invented");
}

#[test]
fn each_level_arrives_as_its_severity() {
    let records = arrived(|_| {
        trace!("1");
        debug!("5");
        info!("9");
        warn!("13");
        error!("17");
    });
    let severities = records
        .iter()
        .map(|record| record["severityNumber"].to_string());
    let bodies = records
        .iter()
        .map(|record| record["body"].as_str().unwrap().to_owned());
    assert!(severities.eq(bodies));
}

#[test]
fn numbers_of_a_session_go_on_from_its_start_and_have_no_gap() {
    let records = arrived(|_| (0..250).for_each(|number| info!(number, "counted")));
    let numbers = records
        .iter()
        .map(|record| record["attributes"]["soliplex.seq"].as_u64().unwrap());
    assert!(numbers.eq(2..=251));
}

#[test]
fn the_nearest_span_wins_and_late_fields_count() {
    let record = only(arrived(|_| {
        let outer = info_span!(
            "request",
            user = "outer",
            path = "/a",
            status = tracing::field::Empty
        );
        let _outer = outer.enter();
        let inner = info_span!("query", user = "inner", rows = 3_u64);
        let _inner = inner.enter();
        outer.record("status", 204_u64);
        info!(rows = 4_u64, "done");
    }));
    let attributes = &record["attributes"];
    assert_eq!(
        attributes["rows"], 4,
        "the event's own field wins over a span's"
    );
    assert_eq!(
        attributes["user"], "inner",
        "the nearer span wins over the farther"
    );
    assert_eq!(attributes["path"], "/a");
    assert_eq!(attributes["status"], 204);
    assert_eq!(attributes["span.name"], "query");
    assert_eq!(attributes["span.path"], "request:query");
}

#[test]
fn an_error_arrives_with_the_chain_of_its_causes() {
    let record = only(arrived(|_| {
        let root = Failure("the disk is full", None);
        let failure = Failure(
            "saving failed",
            Some(Box::new(Failure("no page", Some(Box::new(root))))),
        );
        error!(error = &failure as &(dyn Error + 'static), "could not save");
    }));
    let message = &record["attributes"]["exception.message"];
    assert_eq!(message, "saving failed: no page: the disk is full");
}

#[test]
fn what_libraries_log_arrives_under_their_own_names() {
    // One for the whole process; other tests log nothing through `log`.
    let _ = tracing_log::LogTracer::init();
    let record = only(arrived(
        |_| log::warn!(target: "some_library::pool", "{} connections left", 2),
    ));
    assert_eq!(record["scope"], "some_library::pool");
    assert_eq!(record["severity"], "WARN");
    assert_eq!(record["body"], "2 connections left");
    let attributes = record["attributes"].as_object().unwrap();
    assert!(
        attributes
            .keys()
            .all(|name| !name.starts_with("log.") || name == "log.record.uid")
    );
}

#[test]
fn a_secret_is_gone_before_it_leaves_the_thread() {
    let records = arrived(|soliplex| {
        soliplex.set_user(Some("grace.hopper@example.org"));
        let _span = info_span!("login", password = "Kestrel-91-Zw").entered();
        info!(
            authorization = "Bearer eyJhbGciOiJIUzI1NiJ9.e30.Kestrel91Zw",
            "by grace.hopper@example.org"
        );
        error!(
            error = &Failure("password=Kestrel-91-Zw", None) as &(dyn Error + 'static),
            "refused"
        );
    });
    let text = serde_json::to_string(&records).unwrap();
    assert!(
        !text.contains("Kestrel") && !text.contains("grace"),
        "{text}"
    );
    assert_eq!(records[0]["body"], "by [EMAIL]");
}

#[test]
fn a_record_over_its_limit_arrives_cut_and_says_so() {
    let record = only(arrived(|_| {
        info!(note = "kept", "{}", "long ".repeat(40_000))
    }));
    let body = record["body"].as_str().unwrap();
    assert!(body.len() < 64 * 1024);
    assert!(body.ends_with("…[truncated]"));
    assert_eq!(record["attributes"]["note"], "kept");
}

#[test]
fn the_ids_of_an_opentelemetry_layer_arrive_without_being_asked_for() {
    let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder().build();
    let backend = Backend::start();
    let soliplex = builder(&backend).start().unwrap();
    let mut expected = Vec::new();
    {
        let stack = tracing_subscriber::registry()
            .with(tracing_opentelemetry::layer().with_tracer(provider.tracer("road")))
            .with(soliplex.export_layer());
        let _default = stack.sanitize(&soliplex).set_default();
        info!("outside of any span");
        for name in ["first", "second"] {
            let _span = info_span!("request", name).entered();
            info!("inside");
            let span = opentelemetry::Context::current()
                .span()
                .span_context()
                .clone();
            expected.push((span.trace_id().to_string(), span.span_id().to_string()));
        }
    }
    let records = deliver(backend, &soliplex);
    assert!(records[0].get("traceId").is_none(), "{}", records[0]);
    for (record, (trace_id, span_id)) in records[1..].iter().zip(&expected) {
        assert_eq!(record["traceId"], trace_id.as_str());
        assert_eq!(record["spanId"], span_id.as_str());
    }
    assert_ne!(expected[0].0, expected[1].0);
}

#[test]
fn whoever_asks_a_layer_of_their_own_gets_its_ids_and_no_others() {
    let backend = Backend::start();
    let ids = TraceId::from_bytes([7; 16]).zip(SpanId::from_bytes([9; 8]));
    let soliplex = builder(&backend).trace_context(move |_, _| ids).start();
    let soliplex = soliplex.unwrap();
    let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder().build();
    {
        let stack = tracing_subscriber::registry()
            .with(tracing_opentelemetry::layer().with_tracer(provider.tracer("road")))
            .with(soliplex.export_layer());
        let _default = stack.sanitize(&soliplex).set_default();
        info_span!("request").in_scope(|| info!("inside"));
    }
    let record = only(deliver(backend, &soliplex));
    assert_eq!(record["traceId"], "07".repeat(16));
    assert_eq!(record["spanId"], "09".repeat(8));
}

#[test]
fn without_a_tracing_layer_no_ids_are_invented() {
    let backend = Backend::start();
    let asks = |span: &tracing::span::Id, dispatch: &tracing::Dispatch| {
        // What the hook of an application does that has left its OpenTelemetry layer out.
        tracing_opentelemetry::get_otel_context(span, dispatch)?;
        TraceId::from_bytes([1; 16]).zip(SpanId::from_bytes([1; 8]))
    };
    let soliplex = builder(&backend).trace_context(asks).start().unwrap();
    {
        let stack = tracing_subscriber::registry().with(soliplex.export_layer());
        let _default = stack.sanitize(&soliplex).set_default();
        info_span!("request").in_scope(|| info!("with a hook and no layer"));
    }
    let asked = deliver(backend, &soliplex);
    let unasked = arrived(|_| info_span!("request").in_scope(|| info!("with neither")));
    for record in asked.into_iter().chain(unasked) {
        assert_eq!(record["attributes"]["span.name"], "request");
        assert!(record.get("traceId").is_none(), "{record}");
        assert!(record.get("spanId").is_none(), "{record}");
    }
}

#[test]
fn the_server_keeps_the_users_name_beside_the_sessions() {
    let record = only(arrived(|soliplex| {
        soliplex.set_user(Some("ada"));
        info!(session.id = "spoofed", "hello");
    }));
    let attributes = &record["attributes"];
    assert_eq!(attributes["user.id"], "ada");
    assert_eq!(attributes["enduser.id"], "tester");
    assert_eq!(attributes["soliplex.user_mismatch"], true);
    assert_ne!(attributes["session.id"], "spoofed");
    assert_eq!(attributes["client.session.id"], "spoofed");
}

#[test]
fn the_pipeline_logs_nothing_about_itself() {
    // A device whose stack takes every level of every target, in a process of its own because the
    // worker's thread would see nothing but a global subscriber.
    let backend = Backend::start();
    let store = tempfile::tempdir().unwrap();
    let arguments = [
        "--events",
        "20",
        "--rate",
        "0",
        "--error-every",
        "5",
        "--startup-jitter",
        "0",
    ];
    let device =
        crate::device::Device::start(store.path(), &backend.url(), &backend.token(), &arguments);
    let (told, status) = device.finish();
    assert!(status.success());
    assert_eq!(told.len(), 20);
    for record in backend.finish() {
        if is_about_session(&record) {
            continue;
        }
        assert_eq!(
            record["scope"], "soliplex_examples::field_device::work",
            "{record}"
        );
    }
}
