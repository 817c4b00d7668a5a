//! What one record or another is read as, and what is said of one that cannot be.

use soliplex_wire::limits::MAX_ID_BYTES;
use soliplex_wire::{ActiveRun, Breadcrumb, Envelope, LogRecord, LogRecordRef, Severity, Uuid};

#[test]
fn upstreams_dart_record_reads_unchanged() {
    let json = r#"{"timestamp":"2026-02-06T12:00:00.000Z","level":"warning","logger":"HTTP","message":"m",
        "attributes":{},"error":null,"stack_trace":"s","span_id":null,"trace_id":null,"install_id":"i",
        "session_id":"s","user_id":null,"active_run":{"thread_id":"t","run_id":null}}"#;
    let record = LogRecord::parse(json).unwrap();
    assert_eq!(record.severity, Severity::Warn);
    assert_eq!(record.stack_trace.as_deref(), Some("s"));
    assert_eq!(
        record.active_run.unwrap(),
        ActiveRun {
            thread_id: Some("t".into()),
            run_id: None
        }
    );
}

#[test]
fn each_wrong_field_is_named_and_never_echoed() {
    for (json, reason) in [
        ("7", "expected a JSON object"),
        (r#"{"message":["hunter2"]}"#, "message: expected a string"),
        (r#"{"id":"hunter2"}"#, "id: expected a UUID"),
        (
            r#"{"seq":-1}"#,
            "seq: expected a whole number, not negative",
        ),
        (
            r#"{"attributes":"hunter2"}"#,
            "attributes: expected an object",
        ),
        (r#"{"stack_trace":{}}"#, "stackTrace: expected a string"),
        (
            r#"{"breadcrumbs":{}}"#,
            "breadcrumbs: expected an array of objects",
        ),
        (
            r#"{"breadcrumbs":[{"message":1}]}"#,
            "breadcrumbs: expected an array of objects with string fields",
        ),
        (
            r#"{"active_run":"hunter2"}"#,
            "activeRun: expected an object",
        ),
    ] {
        assert_eq!(LogRecord::parse(json).unwrap_err().to_string(), reason);
    }
    for (name, field) in [
        ("id", "id"),
        ("timestamp", "timestamp"),
        ("level", "level"),
        ("logger", "logger"),
        ("message", "message"),
        ("error", "error"),
        ("stackTrace", "stackTrace"),
        ("trace_id", "traceId"),
        ("spanId", "spanId"),
        ("install_id", "installId"),
        ("sessionId", "sessionId"),
        ("user_id", "userId"),
    ] {
        let wrong = LogRecord::parse(&format!(r#"{{"{name}":404}}"#)).unwrap_err();
        assert_eq!(wrong.to_string(), format!("{field}: expected a string"));
    }
    let long = format!(r#"{{"user_id":"{}"}}"#, "x".repeat(MAX_ID_BYTES + 1));
    assert_eq!(
        LogRecord::parse(&long).unwrap_err().to_string(),
        "userId: expected at most 256 bytes"
    );
}

#[test]
fn a_refused_record_keeps_its_id_wherever_it_stands() {
    let id = Uuid::from_u128(7);
    for (json, kept) in [
        (format!(r#"{{"id":"{id}","message":1}}"#), true),
        (
            format!(r#"{{"message":1,"x":[{{"id":2}}],"id":"{id}"}}"#),
            true,
        ),
        (format!(r#"{{"id":"{id}","message":"\ud800"}}"#), true),
        (r#"{"message":1,"id":"hunter2"}"#.to_owned(), false),
        (r#"{"message":1}"#.to_owned(), false),
        ("7".to_owned(), false),
    ] {
        let body = format!(r#"{{"logs":[{json},{{}}]}}"#);
        let records = Envelope::parse(body.as_bytes()).unwrap().records;
        let bad = records[0].as_ref().unwrap_err();
        assert_eq!(bad.id, kept.then_some(id), "{json}");
        assert!(records[1].is_ok());
    }
}

#[test]
fn one_record_that_json_does_not_allow_changes_no_other() {
    let good = r#"{"message":"m","attributes":{"a":[1,"b\n"]}}"#;
    let read = |bad: &str| {
        let body = format!(r#"{{"logs":[{good},{bad},{good}]}}"#);
        Envelope::parse(body.as_bytes()).unwrap().records
    };
    // In one pass, and with each record cut out because one of them fails the pass.
    let (whole, apart) = (read("{}"), read(r#"{"n":1e999}"#));
    assert!(whole[1].is_ok() && apart[1].is_err());
    assert_eq!((&whole[0], &whole[2]), (&apart[0], &apart[2]));
}

#[test]
fn a_timestamp_that_would_be_written_just_so_is_not_written_anew() {
    for (text, kept) in [
        ("2026-02-06T12:00:00Z", true),
        ("2026-02-06T12:00:00.123456789Z", true),
        ("2026-02-06T12:00:00.500Z", false),
        ("2026-02-06T12:00:00.Z", false),
        ("2026-02-06T23:59:60Z", false),
        ("2026-02-06T12:00Z", false),
        ("2026-02-06 12:00:00Z", false),
        ("2026-02-06T12:00:00,5Z", false),
        ("2026-02-06T12:00:00z", false),
        ("2026-02-06T13:00:00+01:00", false),
    ] {
        let json = format!(r#"{{"timestamp":"{text}"}}"#);
        let record = LogRecordRef::parse(&json).unwrap();
        assert_eq!(record.timestamp_text.as_deref(), kept.then_some(text));
        let written = record.timestamp.map(|timestamp| timestamp.to_string());
        assert_eq!(written.as_deref() == Some(text), kept, "{text}");
    }
}

#[test]
fn a_strange_timestamp_is_kept_as_it_came() {
    for (text, instant) in [
        (
            "2026-02-06T12:00:00.123456Z",
            Some("2026-02-06T12:00:00.123456Z"),
        ),
        ("2026-02-06T13:00:00+01:00", Some("2026-02-06T12:00:00Z")),
        ("2026-02-06T12:00:00.000", Some("2026-02-06T12:00:00Z")),
        ("yesterday", None),
    ] {
        let record = LogRecord::parse(&format!(r#"{{"timestamp":"{text}"}}"#)).unwrap();
        assert_eq!(
            record.timestamp,
            instant.map(|text| text.parse().unwrap()),
            "{text}"
        );
        let kept = record.attributes.get("extra.timestamp");
        assert_eq!(kept.is_some(), instant.is_none(), "{text}");
    }
}

#[test]
fn debug_shows_no_part_of_what_a_record_says() {
    let secret = "hunter2";
    let record = LogRecord {
        message: secret.into(),
        error: Some(secret.into()),
        stack_trace: Some(secret.into()),
        user_id: Some(secret.into()),
        attributes: [("password", secret)].into_iter().collect(),
        breadcrumbs: vec![Breadcrumb {
            message: secret.into(),
            ..Breadcrumb::default()
        }],
        ..LogRecord::default()
    };
    let json = serde_json::to_string(&record).unwrap();
    let envelope = Envelope::parse(format!("{{\"logs\":[{json}]}}").as_bytes());
    let shown = format!("{record:?} {:?} {envelope:?}", record.breadcrumbs);
    assert!(!shown.contains(secret), "{shown}");
}
