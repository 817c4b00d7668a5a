//! Each row of the table in [`otlp`](crate::otlp), and what a client cannot do.

use std::collections::BTreeMap;

use prost::Message as _;
use soliplex_wire::{AnyValue as Wire, Breadcrumb, Envelope, LogRecord, Uuid};

use super::record::{LOGFIRE_MSG_BYTES, display_text};
use super::*;
use crate::otlp::RECORD_UID;
use crate::otlp::proto::{self, ExportLogsServiceRequest, KeyValue, any_value};
use crate::otlp::validate::validate;

mod any_records;

/// Through bytes, as everything goes; the facts must be those of the records.
fn map(
    resource: Attributes,
    records: Vec<LogRecord>,
    arrival: &Arrival<'_>,
) -> ExportLogsServiceRequest {
    let records: Vec<_> = records.into_iter().map(LogRecordRef::from).collect();
    let mut bytes = Vec::new();
    let facts = encode(&mut bytes, &resource, &records, arrival);
    let request = ExportLogsServiceRequest::decode(bytes.as_slice()).unwrap();
    assert_eq!(facts, Facts::of(&request, bytes.len()));
    assert_eq!(request.encode_to_vec(), bytes);
    request
}

const RECEIVED: &str = "2026-02-06T12:00:01Z";
const UID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn arrival() -> Arrival<'static> {
    Arrival {
        received_at: RECEIVED.parse().unwrap(),
        sent_at: Some("2026-02-06T12:00:00.250Z".parse().unwrap()),
        user: Some("jane"),
        session: Some("login-7"),
        issuer: None,
        rules: None,
        logfire: false,
    }
}

fn parse(logs: &str) -> ExportLogsServiceRequest {
    let body = format!(r#"{{"resource":{{"service.name":"field"}},"logs":[{logs}]}}"#);
    let envelope = Envelope::parse(body.as_bytes()).unwrap();
    let records = envelope
        .records
        .into_iter()
        .map(|record| record.unwrap())
        .collect();
    map(envelope.resource, records, &arrival())
}

fn only(request: &ExportLogsServiceRequest) -> &proto::LogRecord {
    &request.resource_logs[0].scope_logs[0].log_records[0]
}

fn attributes(record: &proto::LogRecord) -> BTreeMap<&str, &any_value::Value> {
    let value = |pair: &'_ KeyValue| {
        pair.value
            .as_ref()
            .and_then(|value| value.value.as_ref())
            .is_some()
    };
    record
        .attributes
        .iter()
        .filter(|pair| value(pair))
        .map(|pair| {
            (
                pair.key.as_str(),
                pair.value.as_ref().unwrap().value.as_ref().unwrap(),
            )
        })
        .collect()
}

fn check(record: &str, expected: &[(&str, Option<&str>)]) {
    let request = parse(record);
    assert_eq!(validate(&request), [], "{record}");
    let attributes = attributes(only(&request));
    for (key, text) in expected {
        let found = attributes.get(key).map(|value| match value {
            any_value::Value::StringValue(text) => text.clone(),
            other => serde_json::to_string(other).unwrap(),
        });
        assert_eq!(found.as_deref(), *text, "{key} of {record}");
    }
}

#[test]
fn times_are_the_clients_and_the_servers_and_both_are_attributes() {
    let request = parse(r#"{"timestamp":"2026-02-06T11:59:59.5Z","message":"m"}"#);
    let record = only(&request);
    assert_eq!(record.time_unix_nano, 1_770_379_199_500_000_000);
    assert_eq!(record.observed_time_unix_nano, 1_770_379_201_000_000_000);
    check(
        r#"{"timestamp":"2026-02-06T11:59:59.5Z"}"#,
        &[
            ("client_timestamp", Some("2026-02-06T11:59:59.5Z")),
            ("server_received_at", Some(RECEIVED)),
            ("server.received_at", Some(RECEIVED)),
            ("soliplex.clock_skew_ms", Some(r#"{"intValue":750}"#)),
        ],
    );
}

#[test]
fn a_record_without_a_time_has_the_servers_and_does_not_claim_a_client_clock() {
    let request = parse(r#"{"message":"m"}"#);
    assert_eq!(
        only(&request).time_unix_nano,
        only(&request).observed_time_unix_nano
    );
    check(r#"{"message":"m"}"#, &[("client_timestamp", None)]);
}

#[test]
fn levels_become_numbers_and_texts() {
    for (level, number, text) in [
        ("trace", 1, "TRACE"),
        ("debug", 5, "DEBUG"),
        ("info", 9, "INFO"),
        ("warning", 13, "WARN"),
        ("WARN", 13, "WARN"),
        ("error", 17, "ERROR"),
        ("fatal", 21, "FATAL"),
        ("notice", 0, "notice"),
    ] {
        let request = parse(&format!(r#"{{"level":"{level}"}}"#));
        let record = only(&request);
        assert_eq!(
            (record.severity_number, record.severity_text.as_str()),
            (number, text),
            "{level}"
        );
    }
}

#[test]
fn loggers_become_scopes_and_keep_the_order_of_their_records() {
    let request = parse(
        r#"{"logger":"a","message":"1"},{"logger":"b","message":"2"},{"logger":"a","message":"3"}"#,
    );
    let scopes: Vec<(String, usize)> = request.resource_logs[0]
        .scope_logs
        .iter()
        .map(|scope| (scope.scope.clone().unwrap().name, scope.log_records.len()))
        .collect();
    assert_eq!(scopes, [("a".to_owned(), 2), ("b".to_owned(), 1)]);
}

#[test]
fn a_client_cannot_speak_for_the_server_or_for_another_install() {
    check(
        r#"{"installId":"i","sessionId":"s","userId":"jane","attributes":{
            "install.id":"x","session.id":"x","user.id":"x","enduser.id":"x","server_received_at":"x",
            "soliplex.time_adjusted":"x","soliplex.user_mismatch":false,"logfire.msg":"x"}}"#,
        &[
            ("install.id", Some("i")),
            ("session.id", Some("s")),
            ("user.id", Some("jane")),
            ("enduser.id", Some("jane")),
            ("soliplex.auth.session", Some("login-7")),
            ("server_received_at", Some(RECEIVED)),
            ("soliplex.user_mismatch", None),
            ("soliplex.time_adjusted", None),
            ("logfire.msg", None),
            ("client.install.id", Some("x")),
            ("client.logfire.msg", Some("x")),
        ],
    );
}

#[test]
fn a_claimed_user_who_is_not_the_sessions_is_flagged_and_both_are_kept() {
    check(
        r#"{"userId":"john"}"#,
        &[
            ("user.id", Some("john")),
            ("enduser.id", Some("jane")),
            ("soliplex.user_mismatch", Some(r#"{"boolValue":true}"#)),
        ],
    );
}

#[test]
fn a_record_from_before_the_login_belongs_to_nobody() {
    check(
        r#"{"userId":null}"#,
        &[
            ("user.id", None),
            ("enduser.id", Some("jane")),
            ("soliplex.user_mismatch", None),
            ("install.id", Some("unknown")),
            ("session.id", Some("unknown")),
        ],
    );
}

#[test]
fn a_record_keeps_its_id_else_its_own_uid_else_gets_one() {
    let id = format!(r#"{{"id":"{UID}","attributes":{{"log.record.uid":"own"}}}}"#);
    check(
        &id,
        &[(RECORD_UID, Some(UID)), ("client.log.record.uid", None)],
    );
    check(
        r#"{"attributes":{"log.record.uid":"own"}}"#,
        &[(RECORD_UID, Some("own"))],
    );
    let request = parse("{}");
    let Some(any_value::Value::StringValue(made)) =
        attributes(only(&request)).get(RECORD_UID).copied()
    else {
        panic!("no uid");
    };
    assert!(made.parse::<Uuid>().is_ok());
}

#[test]
fn an_error_becomes_an_exception_and_its_type_is_told_only_where_it_shows() {
    for (error, kind) in [
        ("StateError: no element", Some("StateError")),
        ("FormatException", Some("FormatException")),
        ("std::io::Error: disk on fire", Some("std::io::Error")),
        ("dart.core.RangeError(3)", Some("dart.core.RangeError")),
        ("connection refused: os error 111", None),
        ("timeout: after 3 s", None),
        ("It failed", None),
        ("Failed", None),
        ("", None),
    ] {
        let record = serde_json::json!({ "error": error, "stackTrace": "#0 main" }).to_string();
        check(
            &record,
            &[
                ("exception.type", kind),
                ("exception.message", Some(error)),
                ("exception.stacktrace", Some("#0 main")),
            ],
        );
    }
}

#[test]
fn ids_that_are_not_real_are_left_out() {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    for (trace_id, span_id, bytes) in [
        (trace, "00f067aa0ba902b7", (16, 8)),
        (trace, "0000000000000000", (16, 0)),
        (
            "00000000000000000000000000000000",
            "00f067aa0ba902b7",
            (0, 0),
        ),
        ("nonsense", "00f067aa0ba902b7", (0, 0)),
    ] {
        let request = parse(&format!(
            r#"{{"traceId":"{trace_id}","spanId":"{span_id}"}}"#
        ));
        let record = only(&request);
        assert_eq!(
            (record.trace_id.len(), record.span_id.len()),
            bytes,
            "{trace_id} {span_id}"
        );
        assert_eq!(validate(&request), []);
    }
}

#[test]
fn values_keep_their_types_and_nesting() {
    let request = parse(
        r#"{"attributes":{"a":{"":1,"b":[1,2.5,null,true,"x"],"c":null}},"seq":7,
            "activeRun":{"threadId":"t","runId":null}}"#,
    );
    assert_eq!(validate(&request), []);
    let attributes = attributes(only(&request));
    let nested = serde_json::to_value(attributes["a"]).unwrap();
    assert_eq!(
        nested,
        serde_json::json!({ "kvlistValue": { "values": [{ "key": "b", "value": { "arrayValue": { "values": [
            { "intValue": "1" }, { "doubleValue": 2.5 }, {}, { "boolValue": true }, { "stringValue": "x" },
        ] } } }] } })
    );
    assert_eq!(attributes["soliplex.seq"], &any_value::Value::IntValue(7));
    assert_eq!(
        attributes["thread_id"],
        &any_value::Value::StringValue("t".into())
    );
    assert!(!attributes.contains_key("run_id"));
}

#[test]
fn breadcrumbs_become_one_json_text() {
    check(
        r#"{"level":"error","breadcrumbs":[{"level":"info","logger":"ui","message":"tap","category":"ui"}]}"#,
        &[(
            "breadcrumbs",
            Some(r#"[{"level":"info","logger":"ui","message":"tap","category":"ui"}]"#),
        )],
    );
}

#[test]
fn logfire_gets_a_text_it_will_not_cut() {
    for (logger, message, expected) in [
        ("auth", "hello".to_owned(), "auth: hello".to_owned()),
        ("", "hello".to_owned(), "hello".to_owned()),
        ("l", "ä".repeat(400), format!("l: {}", "ä".repeat(254))),
    ] {
        let shown = display_text(logger, &message);
        assert!(shown.len() <= LOGFIRE_MSG_BYTES);
        assert_eq!(shown, expected);
    }
}

#[test]
fn a_payload_without_a_service_name_is_told_so_and_otherwise_keeps_its_resource() {
    let request = map(Attributes::new(), Vec::new(), &arrival());
    let resource = request.resource_logs[0].resource.as_ref().unwrap();
    let json = serde_json::to_value(&resource.attributes).unwrap();
    let unknown = serde_json::json!({ "stringValue": "unknown_service" });
    assert_eq!(
        json,
        serde_json::json!([{ "key": "service.name", "value": unknown }])
    );
    let own: Attributes = [("service.name", Wire::from("a")), ("n", Wire::from(3_i64))]
        .into_iter()
        .collect();
    let request = map(own, Vec::new(), &arrival());
    let resource = request.resource_logs[0].resource.as_ref().unwrap();
    let json = serde_json::to_value(&resource.attributes).unwrap();
    assert_eq!(
        json,
        serde_json::json!([
            { "key": "n", "value": { "intValue": "3" } },
            { "key": "service.name", "value": { "stringValue": "a" } },
        ])
    );
}

#[test]
fn lengths_of_every_size_are_written_as_short_as_they_are() {
    for (records, message_bytes) in [(0, 0), (1, 0), (1, 100), (1, 20_000), (300, 10_000)] {
        let record = |number: usize| LogRecord {
            logger: (number % 30).to_string(),
            message: "m".repeat(message_bytes),
            ..Default::default()
        };
        // Its length takes one byte, two and three, the batch's one to four.
        for name_bytes in [1, 200, 20_000] {
            let resource = [("service.name", "s".repeat(name_bytes))];
            let resource = resource.into_iter().collect();
            let mut request = map(resource, (0..records).map(record).collect(), &arrival());
            let resource = request.resource_logs.remove(0);
            let scopes = resource.scope_logs.iter().map(|scope| &scope.log_records);
            assert_eq!(scopes.flatten().count(), records);
        }
    }
}
