//! The mapping itself: one function a row or two of the table in [`otlp`](super).

use std::collections::HashMap;

use std::borrow::Cow;

use jiff::Timestamp;
use soliplex_wire::{AnyValue, Attributes, LogRecord, Severity, Uuid};

use super::{RECORD_UID, protobuf};
use crate::spool::Facts;

/// What the server knows about a batch beside its records.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The server's clock when the batch arrived.
    pub received_at: Timestamp,
    /// The client's clock when it sent.
    pub sent_at: Option<Timestamp>,
    /// The user the session was issued to.
    pub user: Option<&'a str>,
    /// The session's own id.
    pub session: Option<&'a str>,
    /// The rules the client sanitized under.
    pub rules: Option<&'a str>,
    /// Whether the upstream is Logfire, which shows a text of its own.
    pub logfire: bool,
}

/// Maps and encodes a batch: one resource, one scope a logger, records in the order they were sent
/// within it.
pub fn encode(
    resource: &Attributes,
    records: &[LogRecord],
    arrival: &Arrival<'_>,
) -> (Vec<u8>, Facts) {
    let stamp = Stamp::new(arrival);
    let mut facts = Facts {
        records: 0,
        bytes: 0,
        urgent: false,
        earliest: u64::MAX,
        latest: 0,
    };
    let mut scopes: Vec<(&str, Vec<u8>)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut scratch = Vec::with_capacity(1024);
    for record in records {
        let time = record.timestamp.map_or(stamp.received_nanos, nanos);
        facts.records += 1;
        facts.urgent |= record.severity >= Severity::Error;
        facts.earliest = facts.earliest.min(time);
        facts.latest = facts.latest.max(time);

        scratch.clear();
        log_record(&mut scratch, record, time, arrival, &stamp);
        let at = *places.entry(&record.logger).or_insert_with(|| {
            scopes.push((&record.logger, scope(&record.logger, scratch.len())));
            scopes.len() - 1
        });
        protobuf::bytes(&mut scopes[at].1, SCOPE_LOGS_RECORDS, &scratch);
    }
    let request = request(resource, &scopes, arrival);
    facts.bytes = u32::try_from(request.len()).unwrap_or(u32::MAX);
    (request, facts)
}

fn request(resource: &Attributes, scopes: &[(&str, Vec<u8>)], arrival: &Arrival<'_>) -> Vec<u8> {
    let mut resource_logs = Vec::new();
    protobuf::bytes(
        &mut resource_logs,
        RESOURCE_LOGS_RESOURCE,
        &map_resource(resource, arrival),
    );
    for (_, scope) in scopes {
        protobuf::bytes(&mut resource_logs, RESOURCE_LOGS_SCOPES, scope);
    }
    let mut request = Vec::with_capacity(resource_logs.len() + 8);
    protobuf::bytes(&mut request, REQUEST_RESOURCE_LOGS, &resource_logs);
    request
}

/// What is the same for every record of a batch, worked out once.
struct Stamp {
    received_nanos: u64,
    received_text: String,
    skew_ms: Option<i64>,
}

impl Stamp {
    fn new(arrival: &Arrival<'_>) -> Self {
        let received_ms = arrival.received_at.as_millisecond();
        Stamp {
            received_nanos: nanos(arrival.received_at),
            received_text: arrival.received_at.to_string(),
            skew_ms: arrival
                .sent_at
                .map(|sent| received_ms - sent.as_millisecond()),
        }
    }
}

/// The beginning of a `ScopeLogs`, with room for a first record; a batch may name a scope a record.
fn scope(name: &str, first: usize) -> Vec<u8> {
    let mut scope = Vec::with_capacity(name.len() + 4);
    protobuf::bytes(&mut scope, SCOPE_NAME, name.as_bytes());
    let mut scope_logs = Vec::with_capacity(name.len() + first + 16);
    protobuf::bytes(&mut scope_logs, SCOPE_LOGS_SCOPE, &scope);
    scope_logs
}

fn map_resource(resource: &Attributes, arrival: &Arrival<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    for (key, value) in resource.iter() {
        if key != SANITIZE_RULES || arrival.rules.is_none() {
            protobuf::attribute(&mut out, RESOURCE_ATTRIBUTES, key, value);
        }
    }
    if resource.get(SERVICE_NAME).is_none() {
        // The resource conventions ask for this name where none is known.
        protobuf::text_attribute(
            &mut out,
            RESOURCE_ATTRIBUTES,
            SERVICE_NAME,
            "unknown_service",
        );
    }
    if let Some(rules) = arrival.rules {
        protobuf::text_attribute(&mut out, RESOURCE_ATTRIBUTES, SANITIZE_RULES, rules);
    }
    if resource.dropped() > 0 {
        protobuf::varint(&mut out, RESOURCE_DROPPED, resource.dropped().into());
    }
    out
}

fn log_record(
    out: &mut Vec<u8>,
    record: &LogRecord,
    time: u64,
    arrival: &Arrival<'_>,
    stamp: &Stamp,
) {
    protobuf::fixed64(out, RECORD_TIME, time);
    if record.severity != Severity::Unspecified {
        protobuf::varint(out, RECORD_SEVERITY_NUMBER, record.severity.number().into());
    }
    protobuf::bytes(out, RECORD_SEVERITY_TEXT, severity_text(record).as_bytes());
    protobuf::text_value(out, RECORD_BODY, &record.message);
    let mut attributes = ServerAttributes {
        out,
        keys: Vec::with_capacity(16),
    };
    attributes.identity(record, arrival);
    attributes.facts(record, arrival, stamp);
    attributes.exception(record);
    let keys = attributes.keys;
    client_attributes(out, &record.attributes, &keys);
    if record.attributes.dropped() > 0 {
        protobuf::varint(out, RECORD_DROPPED, record.attributes.dropped().into());
    }
    if let Some(trace_id) = record.trace_id {
        protobuf::bytes(out, RECORD_TRACE_ID, &trace_id.to_bytes());
        // A span id means nothing without the trace it is unique in.
        if let Some(span_id) = record.span_id {
            protobuf::bytes(out, RECORD_SPAN_ID, &span_id.to_bytes());
        }
    }
    protobuf::fixed64(out, RECORD_OBSERVED_TIME, stamp.received_nanos);
}

fn severity_text(record: &LogRecord) -> &str {
    match (&record.severity_text, record.severity) {
        (Some(text), Severity::Unspecified) => text,
        (_, severity) => severity.text(),
    }
}

/// The attributes the server sets. They come first; what the client sent under these names is moved
/// aside.
struct ServerAttributes<'a> {
    out: &'a mut Vec<u8>,
    keys: Vec<&'static str>,
}

impl ServerAttributes<'_> {
    fn identity(&mut self, record: &LogRecord, arrival: &Arrival<'_>) {
        self.text(
            "install.id",
            record.install_id.as_deref().unwrap_or(UNKNOWN),
        );
        self.text(
            "session.id",
            record.session_id.as_deref().unwrap_or(UNKNOWN),
        );
        // A record from before the login belongs to nobody; the session's user does not claim it.
        self.optional("user.id", record.user_id.as_deref());
        self.optional("enduser.id", arrival.user);
        self.optional("soliplex.auth.session", arrival.session);
        if let (Some(claimed), Some(user)) = (record.user_id.as_deref(), arrival.user)
            && claimed != user
        {
            self.value("soliplex.user_mismatch", true.into());
        }
        let mut buffer = Uuid::encode_buffer();
        match (record.id, record.attributes.get(RECORD_UID)) {
            (Some(id), _) => self.text(RECORD_UID, id.hyphenated().encode_lower(&mut buffer)),
            (None, Some(AnyValue::String(own))) => self.text(RECORD_UID, own),
            (None, _) => self.text(
                RECORD_UID,
                Uuid::now_v7().hyphenated().encode_lower(&mut buffer),
            ),
        }
    }

    fn facts(&mut self, record: &LogRecord, arrival: &Arrival<'_>, stamp: &Stamp) {
        if let Some(timestamp) = record.timestamp {
            self.text("client_timestamp", &timestamp.to_string());
        }
        self.text("server_received_at", &stamp.received_text);
        self.text("server.received_at", &stamp.received_text);
        if let Some(skew) = stamp.skew_ms {
            self.value("soliplex.clock_skew_ms", skew.into());
        }
        if let Some(seq) = record.seq {
            self.value("soliplex.seq", seq.into());
        }
        if arrival.logfire {
            self.text(
                "logfire.msg",
                &display_text(&record.logger, &record.message),
            );
        }
        if let Some(run) = &record.active_run {
            self.optional("thread_id", run.thread_id.as_deref());
            self.optional("run_id", run.run_id.as_deref());
        }
        if !record.breadcrumbs.is_empty()
            // Breadcrumbs are texts and times; writing them as JSON has nothing to fail at.
            && let Ok(json) = serde_json::to_string(&record.breadcrumbs)
        {
            self.text("breadcrumbs", &json);
        }
    }

    fn exception(&mut self, record: &LogRecord) {
        if let Some(error) = record.error.as_deref() {
            self.optional("exception.type", exception_type(error));
            self.text("exception.message", error);
        }
        self.optional("exception.stacktrace", record.stack_trace.as_deref());
    }

    fn text(&mut self, key: &'static str, text: &str) {
        self.keys.push(key);
        protobuf::text_attribute(self.out, RECORD_ATTRIBUTES, key, text);
    }

    fn optional(&mut self, key: &'static str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(key, text);
        }
    }

    fn value(&mut self, key: &'static str, value: AnyValue) {
        self.keys.push(key);
        protobuf::attribute(self.out, RECORD_ATTRIBUTES, key, &value);
    }
}

fn client_attributes(out: &mut Vec<u8>, attributes: &Attributes, server_keys: &[&str]) {
    for (key, value) in attributes.iter() {
        if key == RECORD_UID && matches!(value, AnyValue::String(_)) {
            // Either it is the record's own id already, or the record's id is the better one.
            continue;
        }
        let mut key = Cow::Borrowed(key);
        if is_reserved(&key) || server_keys.contains(&&*key) {
            key = format!("{CLIENT_PREFIX}{key}").into();
            // Moving aside must not make a key twice; OTLP wants them unique.
            if attributes.get(&key).is_some() {
                continue;
            }
        }
        protobuf::attribute(out, RECORD_ATTRIBUTES, &key, value);
    }
}

/// The type's name at the head of an error's text, such as `StateError` in "StateError: no
/// element"; `None` where the head reads like prose.
fn exception_type(error: &str) -> Option<&str> {
    let head = error.split([':', '(']).next()?;
    let head = match error[head.len()..].strip_prefix("::") {
        // A Rust path has colons of its own: take it up to the first single one.
        Some(_) => error.split(": ").next()?,
        None => head,
    };
    let last = head.rsplit(['.', ':']).next()?;
    let is_name =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '<' | '>' | '$');
    let reads_as_type =
        head.len() < error.len() || last.ends_with("Error") || last.ends_with("Exception");
    (reads_as_type
        && last.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && head.chars().all(is_name))
    .then_some(head)
}

/// Names only the server may give a meaning to, even on a record where it does not set them.
fn is_reserved(key: &str) -> bool {
    RESERVED.contains(&key)
}

/// Logfire's display text: cut by us, since Logfire cuts silently.
fn display_text(logger: &str, message: &str) -> String {
    let mut shown =
        String::with_capacity((logger.len() + message.len() + 2).min(LOGFIRE_MSG_BYTES + 4));
    for part in if logger.is_empty() {
        ["", "", message]
    } else {
        [logger, ": ", message]
    } {
        let room = LOGFIRE_MSG_BYTES - shown.len();
        shown.push_str(&part[..part.floor_char_boundary_at(room)]);
    }
    shown
}

trait FloorCharBoundary {
    fn floor_char_boundary_at(&self, index: usize) -> usize;
}

impl FloorCharBoundary for str {
    /// `str::floor_char_boundary`, which is younger than the oldest toolchain this crate builds
    /// with.
    fn floor_char_boundary_at(&self, index: usize) -> usize {
        let mut end = index.min(self.len());
        while !self.is_char_boundary(end) {
            end -= 1;
        }
        end
    }
}

/// Nanoseconds since 1970; a clock before it or beyond 2262, where backends that count in `i64`
/// end, is moved to the nearest end. Zero would mean "unknown".
fn nanos(time: Timestamp) -> u64 {
    time.as_nanosecond()
        .clamp(1, i64::MAX.into())
        .unsigned_abs() as u64
}

const SERVICE_NAME: &str = "service.name";
const SANITIZE_RULES: &str = "soliplex.sanitize.rules";
const UNKNOWN: &str = "unknown";
const CLIENT_PREFIX: &str = "client.";

/// Bytes of a message that Logfire shows; it cuts the rest without a word.
const LOGFIRE_MSG_BYTES: usize = 512;

const RESERVED: [&str; 13] = [
    "install.id",
    "session.id",
    "user.id",
    "enduser.id",
    "client_timestamp",
    "server_received_at",
    "server.received_at",
    "soliplex.auth.session",
    "soliplex.user_mismatch",
    "soliplex.clock_skew_ms",
    "soliplex.seq",
    super::TIME_ADJUSTED,
    "logfire.msg",
];

// Field numbers of OTLP's protobuf messages.
const REQUEST_RESOURCE_LOGS: u32 = 1;
const RESOURCE_LOGS_RESOURCE: u32 = 1;
const RESOURCE_LOGS_SCOPES: u32 = 2;
const RESOURCE_ATTRIBUTES: u32 = 1;
const RESOURCE_DROPPED: u32 = 2;
const SCOPE_LOGS_SCOPE: u32 = 1;
const SCOPE_LOGS_RECORDS: u32 = 2;
const SCOPE_NAME: u32 = 1;
const RECORD_TIME: u32 = 1;
const RECORD_SEVERITY_NUMBER: u32 = 2;
const RECORD_SEVERITY_TEXT: u32 = 3;
const RECORD_BODY: u32 = 5;
const RECORD_ATTRIBUTES: u32 = 6;
const RECORD_DROPPED: u32 = 7;
const RECORD_TRACE_ID: u32 = 9;
const RECORD_SPAN_ID: u32 = 10;
const RECORD_OBSERVED_TIME: u32 = 11;

#[cfg(test)]
mod tests;
