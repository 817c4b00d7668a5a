//! The standard exporter as the oracle: the same record through `opentelemetry-otlp` and through
//! ours.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry::{InstrumentationScope, Key, KeyValue, SpanId, TraceFlags, TraceId};
use opentelemetry_otlp::{Protocol, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{LogBatch, LogExporter as _, SdkLoggerProvider};
use serde_json::{Value, json};
use soliplex_ingest::otlp::proto::{ExportLogsServiceRequest, LogRecord};
use soliplex_ingest::otlp_sink::{OtlpSink, Received};
use tokio::sync::oneshot;

use crate::road::{Road, data_dir};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

/// What a sink received while `send` ran.
async fn received(send: impl AsyncFnOnce(String)) -> ExportLogsServiceRequest {
    let sink = OtlpSink::bind("127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let endpoint = sink.endpoint();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let (stop, stopped) = oneshot::channel::<()>();
    let kept = Arc::clone(&requests);
    let keep = move |received: &Received| {
        assert_eq!(received.violations, []);
        kept.lock().unwrap().push(received.request.clone());
    };
    let served = tokio::spawn(sink.serve(Arc::new(keep), async {
        let _ = stopped.await;
    }));
    send(endpoint).await;
    stop.send(()).unwrap();
    served.await.unwrap().unwrap();
    let mut requests = requests.lock().unwrap();
    assert_eq!(requests.len(), 1);
    requests.remove(0)
}

fn only(request: &ExportLogsServiceRequest) -> &LogRecord {
    &request.resource_logs[0].scope_logs[0].log_records[0]
}

fn attributes(pairs: &[soliplex_ingest::otlp::proto::KeyValue]) -> BTreeMap<String, Value> {
    pairs
        .iter()
        .map(|pair| {
            (
                pair.key.clone(),
                sorted(serde_json::to_value(&pair.value).unwrap()),
            )
        })
        .collect()
}

/// The exporter writes maps in the order of their hashes: they are sets to OTLP.
fn sorted(mut value: Value) -> Value {
    match &mut value {
        Value::Array(values) => {
            let mut sorted_values: Vec<Value> = values.drain(..).map(sorted).collect();
            if sorted_values.iter().all(|value| value.get("key").is_some()) {
                sorted_values.sort_by_key(|value| value["key"].to_string());
            }
            *values = sorted_values;
        }
        Value::Object(map) => {
            for value in map.values_mut() {
                *value = sorted(value.take());
            }
        }
        _ => {}
    }
    value
}

#[tokio::test]
async fn our_requests_say_what_the_standard_exporter_says() {
    let time = jiff::Timestamp::now();
    let ours = received(async |endpoint| {
        let dir = data_dir();
        let road = Road::start(dir.path(), &endpoint, "").await;
        let (status, _) = road
            .post(&json!({
                "resource": { "service.name": "field", "device.count": 3 },
                "logs": [{ "timestamp": time.to_string(), "level": "warning", "logger": "auth", "message": "signed in",
                    "traceId": TRACE, "spanId": SPAN,
                    "attributes": { "text": "a", "whole": 7, "half": 0.5, "yes": true, "list": [1, "b"],
                                    "nested": { "deep": { "x": 1 }, "y": "z" } } }],
            }))
            .await;
        assert_eq!(status, 200);
        let _ = road.stop().await;
    })
    .await;
    let theirs = received(async |endpoint| export_by_the_standard(endpoint, time).await).await;

    let (our_record, their_record) = (only(&ours), only(&theirs));
    assert_eq!(our_record.time_unix_nano, their_record.time_unix_nano);
    assert_eq!(our_record.severity_number, their_record.severity_number);
    assert_eq!(our_record.severity_text, their_record.severity_text);
    assert_eq!(our_record.body, their_record.body);
    assert_eq!(our_record.trace_id, their_record.trace_id);
    assert_eq!(our_record.span_id, their_record.span_id);
    let ours_by_key = attributes(&our_record.attributes);
    for (key, value) in attributes(&their_record.attributes) {
        assert_eq!(ours_by_key.get(&key), Some(&value), "{key}");
    }
    let resource = |request: &ExportLogsServiceRequest| {
        attributes(
            &request.resource_logs[0]
                .resource
                .as_ref()
                .unwrap()
                .attributes,
        )
    };
    assert_eq!(resource(&ours), resource(&theirs));
    let scope = |request: &ExportLogsServiceRequest| {
        request.resource_logs[0].scope_logs[0]
            .scope
            .clone()
            .unwrap()
            .name
    };
    assert_eq!(scope(&ours), scope(&theirs));
}

async fn export_by_the_standard(endpoint: String, time: jiff::Timestamp) {
    let mut exporter = opentelemetry_otlp::LogExporter::builder()
        .with_http()
        .with_endpoint(endpoint)
        .with_protocol(Protocol::HttpBinary)
        .build()
        .unwrap();
    let resource = Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", "field"),
            KeyValue::new("device.count", 3),
        ])
        .build();
    exporter.set_resource(&resource);
    let mut record = SdkLoggerProvider::builder()
        .build()
        .logger("auth")
        .create_log_record();
    let nanos = u64::try_from(time.as_nanosecond()).unwrap();
    record.set_timestamp(SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos));
    record.set_observed_timestamp(SystemTime::now());
    record.set_severity_number(Severity::Warn);
    record.set_severity_text("WARN");
    record.set_body("signed in".into());
    record.set_trace_context(
        TraceId::from_hex(TRACE).unwrap(),
        SpanId::from_hex(SPAN).unwrap(),
        Some(TraceFlags::default()),
    );
    let map = |pairs: Vec<(&'static str, AnyValue)>| {
        AnyValue::Map(Box::new(
            pairs
                .into_iter()
                .map(|(key, value)| (Key::from(key), value))
                .collect(),
        ))
    };
    record.add_attribute("text", "a");
    record.add_attribute("whole", 7);
    record.add_attribute("half", 0.5);
    record.add_attribute("yes", true);
    record.add_attribute(
        "list",
        AnyValue::ListAny(Box::new(vec![1.into(), "b".into()])),
    );
    record.add_attribute(
        "nested",
        map(vec![
            ("deep", map(vec![("x", 1.into())])),
            ("y", "z".into()),
        ]),
    );
    let scope = InstrumentationScope::builder("auth").build();
    exporter
        .export(LogBatch::new(&[(&record, &scope)]))
        .await
        .unwrap();
}
