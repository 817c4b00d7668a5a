//! The OpenAPI document, generated from what the server itself runs on: the types' own serializers,
//! the limits, the table of problems and the table of pages.
//!
//! A schema is read off a specimen in which every field is set. Specimens are written without
//! `..Default`, so a field that is added to a type does not compile until it stands here; what is
//! in a schema is what the type writes, under the name it writes.

use serde::Serialize;
use serde_json::{Map, Value, json};
use soliplex_wire::limits::{MAX_BODY_BYTES, MAX_REQUEST_RECORDS};
use soliplex_wire::{
    ActiveRun, Answer, Attributes, Batch, Breadcrumb, Category, LOGS_PATH, LogRecord, Problem,
    ProblemType, Receipt, Rejected, Severity, SpanId, Timestamp, TraceId, Uuid,
};

use crate::routes;

/// OpenAPI 3.1 for everything a client uses.
pub(crate) fn document() -> Value {
    let mut paths = Map::new();
    paths.insert(LOGS_PATH.to_owned(), json!({ "post": post_logs() }));
    for (path, about, _) in routes::pages() {
        let responses = json!({ "200": { "description": about } });
        let page = json!({ "get": { "summary": about, "responses": responses } });
        paths.insert(path.to_owned(), page);
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": "soliplex-ingest", "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
        "components": {
            "securitySchemes": { "session": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } },
            "schemas": { "Batch": batch(), "Record": record(), "Answer": answer(), "Problem": problem() },
        },
    })
}

fn post_logs() -> Value {
    let mut responses = Map::new();
    responses.insert(
        "200".to_owned(),
        json!({
            "description": "Every record has exactly one fate, and the accepted ones are durable",
            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Answer" } } },
        }),
    );
    for kind in PROBLEMS {
        let mut response = json!({
            "description": kind.title(),
            "content": { (Problem::CONTENT_TYPE): { "schema": { "$ref": "#/components/schemas/Problem" } } },
        });
        if matches!(kind.status(), 429 | 502 | 503) {
            response["headers"] =
                json!({ "Retry-After": { "schema": { "type": "integer", "minimum": 1 } } });
        }
        responses.insert(kind.status().to_string(), response);
    }
    json!({
        "summary": "Post a batch of records",
        "description": format!("At most {MAX_BODY_BYTES} bytes before and after decompression, as gzip, zstd or neither."),
        "security": [{ "session": [] }],
        "requestBody": { "required": true, "content": { "application/json": {
            "schema": { "$ref": "#/components/schemas/Batch" } } } },
        "responses": responses,
    })
}

fn batch() -> Value {
    let receipt = Receipt {
        rules: TEXT.to_owned(),
        redactions: [(TEXT.to_owned(), 1)].into(),
    };
    let mut schema = sent(&Batch {
        resource: &some_attributes(),
        sent_at: Timestamp::UNIX_EPOCH,
        receipt: Some(&receipt),
        logs: [0],
    });
    schema["required"] = json!(["logs"]);
    let properties = &mut schema["properties"];
    properties["resource"] = any_object();
    properties["receipt"]["properties"]["redactions"] = any_object();
    properties["logs"] = json!({ "type": "array", "maxItems": MAX_REQUEST_RECORDS,
        "items": { "$ref": "#/components/schemas/Record" } });
    schema
}

/// Every field may also be spelled in snake_case, be null or be absent; unknown ones are kept.
fn record() -> Value {
    let text = || TEXT.to_owned();
    let mut schema = sent(&LogRecord {
        id: Some(Uuid::nil()),
        seq: Some(1),
        timestamp: Some(Timestamp::UNIX_EPOCH),
        severity: Severity::Info,
        severity_text: None,
        logger: text(),
        message: text(),
        attributes: some_attributes(),
        error: Some(text()),
        stack_trace: Some(text()),
        trace_id: TraceId::from_bytes([1; 16]),
        span_id: SpanId::from_bytes([1; 8]),
        install_id: Some(text()),
        session_id: Some(text()),
        user_id: Some(text()),
        active_run: Some(ActiveRun {
            thread_id: Some(text()),
            run_id: Some(text()),
        }),
        breadcrumbs: vec![Breadcrumb {
            timestamp: Some(Timestamp::UNIX_EPOCH),
            severity: Severity::Info,
            logger: text(),
            message: text(),
            category: Category::Ui,
        }],
    });
    schema["additionalProperties"] = true.into();
    schema["properties"]["attributes"] = any_object();
    schema
}

fn answer() -> Value {
    let rejected = Rejected {
        index: Some(1),
        id: Some(Uuid::nil()),
        reason: TEXT.to_owned(),
    };
    let answer = Answer {
        accepted: 1,
        duplicates: 1,
        rejected: vec![rejected],
    };
    let mut schema = returned(&answer, &Answer::default());
    schema["properties"]["rejected"]["items"] = returned(&answer.rejected[0], &Rejected::default());
    schema
}

fn problem() -> Value {
    let least = Problem::new(ProblemType::Internal);
    let full = Problem {
        kind: least.kind,
        title: least.title.clone(),
        status: least.status,
        detail: Some(TEXT.to_owned()),
        violated_policies: vec![TEXT.to_owned()],
    };
    returned(&full, &least)
}

/// The schema of what a client sends: whatever is absent may also be null.
fn sent(specimen: &impl Serialize) -> Value {
    schema(&value(specimen), &|kind| json!([kind, "null"]))
}

/// The schema of what the server returns; what it leaves out of `least` is optional.
fn returned(specimen: &impl Serialize, least: &impl Serialize) -> Value {
    let mut schema = schema(&value(specimen), &|kind| kind.into());
    if let Value::Object(least) = value(least) {
        schema["required"] = least.into_iter().map(|(name, _)| name).collect();
    }
    schema
}

fn value(specimen: &impl Serialize) -> Value {
    // Plain values without a reason to fail; a specimen that is null would fail every test.
    serde_json::to_value(specimen).unwrap_or_default()
}

fn schema(specimen: &Value, kind: &dyn Fn(&str) -> Value) -> Value {
    match specimen {
        Value::String(text) if text.parse::<Uuid>().is_ok_and(|id| id.is_nil()) => {
            json!({ "type": kind("string"), "format": "uuid" })
        }
        Value::String(text) if text.parse::<Timestamp>().is_ok() => {
            json!({ "type": kind("string"), "format": "date-time" })
        }
        Value::Number(_) => json!({ "type": kind("integer"), "minimum": 0 }),
        Value::Array(values) => {
            let items: Vec<Value> = values.iter().map(|value| schema(value, kind)).collect();
            json!({ "type": kind("array"), "items": items.first() })
        }
        Value::Object(fields) => {
            let properties: Map<_, _> = fields
                .iter()
                .map(|(name, value)| (name.clone(), schema(value, kind)))
                .collect();
            json!({ "type": kind("object"), "properties": properties })
        }
        _ => json!({ "type": kind("string") }),
    }
}

/// Names and values of the client's own choice.
fn any_object() -> Value {
    json!({ "type": ["object", "null"] })
}

fn some_attributes() -> Attributes {
    [(TEXT, TEXT)].into_iter().collect()
}

/// Any text that is neither an id nor a time.
const TEXT: &str = "text";

/// What a batch may be answered with beside 200.
const PROBLEMS: [ProblemType; 10] = [
    ProblemType::MalformedBody,
    ProblemType::Unauthorized,
    ProblemType::RequestTimeout,
    ProblemType::BodyTooLarge,
    ProblemType::UnsupportedMediaType,
    ProblemType::NotABatch,
    ProblemType::QuotaExceeded,
    ProblemType::Internal,
    ProblemType::UpstreamFailed,
    ProblemType::Unavailable,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(value: &Value) -> Vec<&str> {
        let object = value.as_object().unwrap();
        object.keys().map(String::as_str).collect()
    }

    #[test]
    fn every_status_that_is_counted_is_documented() {
        let document = document();
        let documented = keys(&document["paths"][LOGS_PATH]["post"]["responses"]);
        let counted = crate::metrics::STATUSES.map(|status| status.to_string());
        // Another path or another method is no answer of this one.
        let here = counted
            .iter()
            .filter(|s| !["404", "405"].contains(&s.as_str()));
        assert_eq!(documented, here.collect::<Vec<_>>());
    }

    #[test]
    fn a_record_s_fields_are_read_under_the_names_in_the_document() {
        let schema = record();
        for name in keys(&schema["properties"]) {
            // A field that is known is not kept as one that is not.
            let json = format!(r#"{{"{name}":{{"deep":1}}}}"#);
            let read = LogRecord::parse(&json);
            let is_known = read.is_err()
                || read
                    .is_ok_and(|record| record.attributes.get(&format!("extra.{name}")).is_none());
            assert!(is_known, "{name}");
        }
        assert_eq!(schema["properties"]["id"]["format"], "uuid");
        assert_eq!(schema["properties"]["timestamp"]["format"], "date-time");
        assert_eq!(
            schema["properties"]["seq"]["type"],
            json!(["integer", "null"])
        );
    }

    #[test]
    fn what_is_always_in_an_answer_is_required() {
        assert_eq!(
            answer()["required"],
            json!(["accepted", "duplicates", "rejected"])
        );
        assert_eq!(
            answer()["properties"]["rejected"]["items"]["required"],
            json!(["index", "reason"])
        );
        assert_eq!(problem()["required"], json!(["status", "title", "type"]));
    }
}
