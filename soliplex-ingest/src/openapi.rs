//! The OpenAPI document, made from the constants and types the server itself runs on.

use serde_json::{Map, Value, json};
use soliplex_wire::limits::{MAX_BODY_BYTES, MAX_REQUEST_RECORDS};
use soliplex_wire::{LOGS_PATH, Problem, ProblemType};

/// OpenAPI 3.1 for everything a client uses.
pub(crate) fn document() -> Value {
    let mut responses = Map::new();
    responses.insert("200".to_owned(), answer());
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
        "openapi": "3.1.0",
        "info": { "title": "soliplex-ingest", "version": env!("CARGO_PKG_VERSION") },
        "paths": { (LOGS_PATH): { "post": {
            "summary": "Post a batch of records",
            "description": format!("At most {MAX_BODY_BYTES} bytes before and after decompression, as gzip, zstd or neither."),
            "security": [{ "session": [] }],
            "requestBody": { "required": true, "content": { "application/json": {
                "schema": { "$ref": "#/components/schemas/Batch" } } } },
            "responses": responses,
        } } },
        "components": {
            "securitySchemes": { "session": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } },
            "schemas": { "Batch": batch(), "Record": record(), "Answer": answer_schema(), "Problem": problem() },
        },
    })
}

fn answer() -> Value {
    json!({
        "description": "Every record has exactly one fate, and the accepted ones are durable",
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Answer" } } },
    })
}

fn answer_schema() -> Value {
    let count = json!({ "type": "integer", "minimum": 0 });
    json!({
        "type": "object",
        "required": ["accepted", "duplicates", "rejected"],
        "properties": {
            "accepted": count, "duplicates": count,
            "rejected": { "type": "array", "items": {
                "type": "object",
                "required": ["index", "reason"],
                "properties": { "index": count, "id": uuid(), "reason": { "type": "string" } },
            } },
        },
    })
}

fn batch() -> Value {
    json!({
        "type": "object",
        "required": ["logs"],
        "properties": {
            "logs": { "type": "array", "maxItems": MAX_REQUEST_RECORDS, "items": { "$ref": "#/components/schemas/Record" } },
            "resource": { "type": ["object", "null"] },
            "sentAt": optional_time(),
            "receipt": { "type": ["object", "null"], "properties": {
                "rules": { "type": "string" },
                "redactions": { "type": "object", "additionalProperties": { "type": "integer", "minimum": 0 } },
            } },
        },
    })
}

/// Every field may also be spelled in snake_case, be null or be absent; unknown ones are kept.
fn record() -> Value {
    let text = json!({ "type": ["string", "null"] });
    json!({
        "type": "object",
        "additionalProperties": true,
        "properties": {
            "id": uuid(), "seq": { "type": ["integer", "null"], "minimum": 0 },
            "timestamp": optional_time(), "level": text, "logger": text, "message": text,
            "attributes": { "type": ["object", "null"] },
            "droppedAttributesCount": { "type": ["integer", "null"], "minimum": 0 },
            "error": text, "stackTrace": text, "spanId": text, "traceId": text,
            "installId": text, "sessionId": text, "userId": text,
            "activeRun": { "type": ["object", "null"], "properties": { "threadId": text, "runId": text } },
            "breadcrumbs": { "type": ["array", "null"], "items": { "type": "object" } },
        },
    })
}

fn problem() -> Value {
    json!({
        "type": "object",
        "required": ["type", "title", "status"],
        "properties": {
            "type": { "type": "string" }, "title": { "type": "string" },
            "status": { "type": "integer" }, "detail": { "type": "string" },
            "violated-policies": { "type": "array", "items": { "type": "string" } },
        },
    })
}

fn uuid() -> Value {
    json!({ "type": ["string", "null"], "format": "uuid" })
}

fn optional_time() -> Value {
    json!({ "type": ["string", "null"], "format": "date-time" })
}

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
