//! The mapping itself: one function a row of the table in [`otlp`](super).

use jiff::Timestamp;
use soliplex_wire::{AnyValue, Attributes, LogRecord, Severity, Uuid};

use super::RECORD_UID;
use super::proto::{
    self, ArrayValue, ExportLogsServiceRequest, InstrumentationScope, KeyValue, KeyValueList,
    Resource, ResourceLogs, ScopeLogs, any_value,
};

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

/// Maps a batch: one resource, one scope a logger, records in the order they were sent within it.
pub fn map(
    resource: Attributes,
    records: Vec<LogRecord>,
    arrival: &Arrival<'_>,
) -> ExportLogsServiceRequest {
    let stamp = Stamp::new(arrival);
    let mut scopes: Vec<ScopeLogs> = Vec::new();
    for record in records {
        let same = |scope: &ScopeLogs| {
            scope
                .scope
                .as_ref()
                .is_some_and(|scope| scope.name == record.logger)
        };
        let at = scopes.iter().position(same).unwrap_or_else(|| {
            scopes.push(scope(record.logger.clone()));
            scopes.len() - 1
        });
        scopes[at]
            .log_records
            .push(log_record(record, arrival, &stamp));
    }
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(map_resource(resource, arrival)),
            scope_logs: scopes,
            schema_url: String::new(),
        }],
    }
}

/// What is the same for every record of a batch, worked out once.
struct Stamp {
    received_nanos: u64,
    received_text: String,
    skew_ms: Option<i64>,
}

impl Stamp {
    fn new(arrival: &Arrival<'_>) -> Self {
        Stamp {
            received_nanos: nanos(arrival.received_at),
            received_text: arrival.received_at.to_string(),
            skew_ms: arrival
                .sent_at
                .map(|sent| arrival.received_at.as_millisecond() - sent.as_millisecond()),
        }
    }
}

fn scope(name: String) -> ScopeLogs {
    ScopeLogs {
        scope: Some(InstrumentationScope {
            name,
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn map_resource(resource: Attributes, arrival: &Arrival<'_>) -> Resource {
    let dropped_attributes_count = resource.dropped();
    let named = resource.get(SERVICE_NAME).is_some();
    let mut attributes: Vec<KeyValue> = resource
        .into_iter()
        .map(|(key, value)| pair(key, value))
        .collect();
    if !named {
        // The resource conventions ask for this name where none is known.
        attributes.push(text(SERVICE_NAME, "unknown_service"));
    }
    if let Some(rules) = arrival.rules {
        attributes.retain(|attribute| attribute.key != SANITIZE_RULES);
        attributes.push(text(SANITIZE_RULES, rules));
    }
    Resource {
        attributes,
        dropped_attributes_count,
        ..Default::default()
    }
}

fn log_record(record: LogRecord, arrival: &Arrival<'_>, stamp: &Stamp) -> proto::LogRecord {
    let mut mapped = proto::LogRecord {
        time_unix_nano: record.timestamp.map_or(stamp.received_nanos, nanos),
        observed_time_unix_nano: stamp.received_nanos,
        severity_number: record.severity.number().into(),
        severity_text: severity_text(&record),
        dropped_attributes_count: record.attributes.dropped(),
        ..Default::default()
    };
    if let Some(trace_id) = record.trace_id {
        mapped.trace_id = trace_id.to_bytes().to_vec();
        // A span id means nothing without the trace it is unique in.
        mapped.span_id = record
            .span_id
            .map(|id| id.to_bytes().to_vec())
            .unwrap_or_default();
    }
    mapped.attributes = attributes(&record, arrival, stamp);
    push_client_attributes(&mut mapped.attributes, record.attributes);
    mapped.body = Some(string_value(record.message));
    mapped
}

fn severity_text(record: &LogRecord) -> String {
    match (&record.severity_text, record.severity) {
        (Some(text), Severity::Unspecified) => text.clone(),
        (_, severity) => severity.text().to_owned(),
    }
}

/// The attributes the server sets. They come first; what the client sent under these names is moved aside.
fn attributes(record: &LogRecord, arrival: &Arrival<'_>, stamp: &Stamp) -> Vec<KeyValue> {
    let mut out = Vec::with_capacity(16 + record.attributes.len());
    identity(&mut out, record, arrival);
    if let Some(timestamp) = record.timestamp {
        out.push(text("client_timestamp", timestamp.to_string()));
    }
    out.push(text("server_received_at", stamp.received_text.as_str()));
    out.push(text("server.received_at", stamp.received_text.as_str()));
    if let Some(skew) = stamp.skew_ms {
        out.push(pair("soliplex.clock_skew_ms", skew));
    }
    if let Some(seq) = record.seq {
        out.push(pair("soliplex.seq", seq));
    }
    if arrival.logfire {
        out.push(text(
            "logfire.msg",
            display_text(&record.logger, &record.message),
        ));
    }
    if let Some(run) = &record.active_run {
        out.extend(run.thread_id.as_deref().map(|id| text("thread_id", id)));
        out.extend(run.run_id.as_deref().map(|id| text("run_id", id)));
    }
    exception(&mut out, record);
    if !record.breadcrumbs.is_empty()
        // Breadcrumbs are texts and times; writing them as JSON has nothing to fail at.
        && let Ok(json) = serde_json::to_string(&record.breadcrumbs)
    {
        out.push(text("breadcrumbs", json));
    }
    out
}

fn identity(out: &mut Vec<KeyValue>, record: &LogRecord, arrival: &Arrival<'_>) {
    out.push(text(
        "install.id",
        record.install_id.as_deref().unwrap_or(UNKNOWN),
    ));
    out.push(text(
        "session.id",
        record.session_id.as_deref().unwrap_or(UNKNOWN),
    ));
    // A record from before the login belongs to nobody; the session's user does not claim it.
    out.extend(record.user_id.as_deref().map(|user| text("user.id", user)));
    out.extend(arrival.user.map(|user| text("enduser.id", user)));
    out.extend(
        arrival
            .session
            .map(|session| text("soliplex.auth.session", session)),
    );
    if let (Some(claimed), Some(user)) = (record.user_id.as_deref(), arrival.user)
        && claimed != user
    {
        out.push(pair("soliplex.user_mismatch", true));
    }
    match (record.id, record.attributes.get(RECORD_UID)) {
        (Some(id), _) => out.push(text(RECORD_UID, id.to_string())),
        (None, Some(AnyValue::String(own))) => out.push(text(RECORD_UID, own.as_str())),
        (None, _) => out.push(text(RECORD_UID, Uuid::now_v7().to_string())),
    }
}

fn exception(out: &mut Vec<KeyValue>, record: &LogRecord) {
    if let Some(error) = record.error.as_deref() {
        out.extend(exception_type(error).map(|name| text("exception.type", name)));
        out.push(text("exception.message", error));
    }
    out.extend(
        record
            .stack_trace
            .as_deref()
            .map(|stack| text("exception.stacktrace", stack)),
    );
}

/// The type's name at the head of an error's text, such as `StateError` in "StateError: no element";
/// `None` where the head reads like prose.
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

fn push_client_attributes(out: &mut Vec<KeyValue>, attributes: Attributes) {
    let server_set = out.len();
    for (key, value) in attributes {
        if key == RECORD_UID && matches!(value, AnyValue::String(_)) {
            // Either it is the record's own id already, or the record's id is the better one.
            continue;
        }
        let taken = is_reserved(&key) || out[..server_set].iter().any(|set| set.key == key);
        let key = if taken {
            format!("{CLIENT_PREFIX}{key}")
        } else {
            key
        };
        // Moving aside must not make a key twice; OTLP wants them unique.
        if !out.iter().any(|set| set.key == key) {
            out.push(pair(key, value));
        }
    }
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
    /// `str::floor_char_boundary`, which is younger than the oldest toolchain this crate builds with.
    fn floor_char_boundary_at(&self, index: usize) -> usize {
        let mut end = index.min(self.len());
        while !self.is_char_boundary(end) {
            end -= 1;
        }
        end
    }
}

/// Nanoseconds since 1970; a clock before it or beyond 2262, where backends that count in `i64` end, is
/// moved to the nearest end. Zero would mean "unknown".
fn nanos(time: Timestamp) -> u64 {
    time.as_nanosecond()
        .clamp(1, i64::MAX.into())
        .unsigned_abs() as u64
}

fn text(key: &str, value: impl Into<String>) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(string_value(value.into())),
        ..Default::default()
    }
}

fn pair(key: impl Into<String>, value: impl Into<AnyValue>) -> KeyValue {
    KeyValue {
        key: key.into(),
        value: Some(any_value(value.into())),
        ..Default::default()
    }
}

fn string_value(text: String) -> proto::AnyValue {
    proto::AnyValue {
        value: Some(any_value::Value::StringValue(text)),
    }
}

fn any_value(value: AnyValue) -> proto::AnyValue {
    use any_value::Value;
    let value = match value {
        AnyValue::Null => None,
        AnyValue::String(text) => Some(Value::StringValue(text)),
        AnyValue::Bool(value) => Some(Value::BoolValue(value)),
        AnyValue::Int(number) => Some(Value::IntValue(number)),
        AnyValue::Double(number) => Some(Value::DoubleValue(number.get())),
        AnyValue::Array(values) => Some(Value::ArrayValue(ArrayValue {
            values: values.into_iter().map(any_value).collect(),
        })),
        AnyValue::Map(values) => Some(Value::KvlistValue(KeyValueList {
            // An empty key is legal JSON and illegal OTLP.
            values: values
                .into_iter()
                .filter(|(key, _)| !key.is_empty())
                .map(|(key, value)| pair(key, value))
                .collect(),
        })),
    };
    proto::AnyValue { value }
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

#[cfg(test)]
mod tests;
