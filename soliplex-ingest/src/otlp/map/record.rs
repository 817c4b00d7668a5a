//! One record: the rows of the table in [`otlp`](crate::otlp) that are about it.

use soliplex_wire::{AnyValue, AnyValueRef, AttributesRef, LogRecordRef, Severity, Uuid};

use super::{Arrival, SERVER_RECEIVED_AT, Stamp};
use crate::otlp::{RECORD_UID, TIME_ADJUSTED, protobuf};

/// Writes a record whose time is `time`, nanoseconds since 1970.
pub(super) fn log_record<'r>(
    out: &mut Vec<u8>,
    record: &'r LogRecordRef<'_>,
    time: u64,
    arrival: &Arrival<'_>,
    stamp: &mut Stamp<'r>,
) {
    protobuf::fixed64(out, RECORD_TIME, time);
    if record.severity != Severity::Unspecified {
        protobuf::varint(out, RECORD_SEVERITY_NUMBER, record.severity.number().into());
    }
    protobuf::text(out, RECORD_SEVERITY_TEXT, severity_text(record));
    protobuf::text_value(out, RECORD_BODY, &record.message);
    stamp.identify(record, arrival);
    out.extend_from_slice(&stamp.identity_attributes);
    out.extend_from_slice(&stamp.attributes);
    let mut attributes = ServerAttributes { out, set: 0 };
    attributes.uid(record);
    attributes.facts(record, arrival);
    attributes.exception(record);
    let set = attributes.set;
    client_attributes(out, &record.attributes, set);
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

fn severity_text<'a>(record: &'a LogRecordRef<'_>) -> &'a str {
    match (&record.severity_text, record.severity) {
        (Some(text), Severity::Unspecified) => text,
        (_, severity) => severity.text(),
    }
}

impl<'r> Stamp<'r> {
    /// Has the attributes at hand that say whose a record is.
    fn identify(&mut self, record: &'r LogRecordRef<'_>, arrival: &Arrival<'_>) {
        let claimed = [&record.install_id, &record.session_id, &record.user_id];
        let [install, session, user] = claimed.map(|id| id.as_deref());
        if self.identity.replace([install, session, user]) == Some([install, session, user]) {
            return;
        }
        self.identity_attributes.clear();
        let mut attributes = ServerAttributes {
            out: &mut self.identity_attributes,
            set: 0,
        };
        attributes.text("install.id", install.unwrap_or(UNKNOWN));
        attributes.text("session.id", session.unwrap_or(UNKNOWN));
        // A record from before the login belongs to nobody; the session's user does not claim it.
        if let Some(claimed) = user {
            attributes.text("user.id", claimed);
            if arrival.user.is_some_and(|user| user != claimed) {
                attributes.value("soliplex.user_mismatch", AnyValueRef::Bool(true));
            }
        }
    }
}

/// The attributes the server sets. They come first; what the client sent under these names is moved
/// aside.
struct ServerAttributes<'a> {
    out: &'a mut Vec<u8>,
    /// Which of [`OURS_WHEN_SET`] are, a bit each.
    set: u32,
}

impl ServerAttributes<'_> {
    fn uid(&mut self, record: &LogRecordRef<'_>) {
        let mut buffer = Uuid::encode_buffer();
        if record.id.is_none()
            && let Some(AnyValueRef::String(own)) = record.attributes.get(RECORD_UID)
        {
            return self.text(RECORD_UID, own);
        }
        let id = record.id.unwrap_or_else(Uuid::now_v7);
        self.text(RECORD_UID, id.hyphenated().encode_lower(&mut buffer));
    }

    fn facts(&mut self, record: &LogRecordRef<'_>, arrival: &Arrival<'_>) {
        match (&record.timestamp_text, record.timestamp) {
            (Some(text), _) => self.text("client_timestamp", text),
            (None, Some(time)) => self.text("client_timestamp", &time.to_string()),
            (None, None) => {}
        }
        if let Some(seq) = record.seq {
            self.value("soliplex.seq", AnyValue::from(seq).into());
        }
        if arrival.logfire {
            self.text(
                "logfire.msg",
                &display_text(&record.logger, &record.message),
            );
        }
        if let Some(run) = &record.active_run {
            self.optional(THREAD_ID, run.thread_id.as_deref());
            self.optional(RUN_ID, run.run_id.as_deref());
        }
        if !record.breadcrumbs.is_empty()
            // Breadcrumbs are texts and times; writing them as JSON has nothing to fail at.
            && let Ok(json) = serde_json::to_string(&record.breadcrumbs)
        {
            self.optional(BREADCRUMBS, Some(&json));
        }
    }

    fn exception(&mut self, record: &LogRecordRef<'_>) {
        if let Some(error) = record.error.as_deref() {
            self.optional(EXCEPTION_TYPE, exception_type(error));
            self.optional(EXCEPTION_MESSAGE, Some(error));
        }
        self.optional(EXCEPTION_STACKTRACE, record.stack_trace.as_deref());
    }

    /// Sets an attribute whose name is the server's on every record.
    fn text(&mut self, key: &str, text: &str) {
        protobuf::text_attribute(self.out, RECORD_ATTRIBUTES, key, text);
    }

    fn value(&mut self, key: &str, value: AnyValueRef<'_>) {
        protobuf::attribute(self.out, RECORD_ATTRIBUTES, key, &value);
    }

    /// Sets one of [`OURS_WHEN_SET`].
    fn optional(&mut self, place: usize, text: Option<&str>) {
        if let Some(text) = text {
            self.text(OURS_WHEN_SET[place], text);
            self.set |= 1 << place;
        }
    }
}

/// Writes what the client sent. What it sent under a name of the server's is moved aside.
fn client_attributes(out: &mut Vec<u8>, attributes: &AttributesRef<'_>, set: u32) {
    for (key, value) in attributes.iter() {
        if key == RECORD_UID {
            if matches!(value, AnyValueRef::String(_)) {
                // Either it is the record's own id already, or the record's id is the better one.
                continue;
            }
            set_aside(out, attributes, key, value);
        } else if is_reserved(key) || is_set(set, key) {
            set_aside(out, attributes, key, value);
        } else {
            protobuf::attribute(out, RECORD_ATTRIBUTES, key, value);
        }
    }
}

fn set_aside(
    out: &mut Vec<u8>,
    attributes: &AttributesRef<'_>,
    key: &str,
    value: &AnyValueRef<'_>,
) {
    let key = format!("{CLIENT_PREFIX}{key}");
    // Moving aside must not make a key twice; OTLP wants them unique.
    if attributes.get(&key).is_none() {
        protobuf::attribute(out, RECORD_ATTRIBUTES, &key, value);
    }
}

/// Whether the key is one of [`OURS_WHEN_SET`] and set.
fn is_set(set: u32, key: &str) -> bool {
    let place = OURS_WHEN_SET.iter().position(|ours| *ours == key);
    set != 0 && place.is_some_and(|place| set & (1 << place) != 0)
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
    // A `match` on text looks at its length first; most keys are none of these.
    matches!(
        key,
        "install.id"
            | "session.id"
            | "user.id"
            | "enduser.id"
            | "client_timestamp"
            | SERVER_RECEIVED_AT
            | "server.received_at"
            | "soliplex.auth.session"
            | "soliplex.auth.issuer"
            | "soliplex.user_mismatch"
            | "soliplex.clock_skew_ms"
            | "soliplex.seq"
            | TIME_ADJUSTED
            | "logfire.msg"
    )
}

/// Logfire's display text: cut by us, since Logfire cuts silently.
pub(super) fn display_text(logger: &str, message: &str) -> String {
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

const UNKNOWN: &str = "unknown";
const CLIENT_PREFIX: &str = "client.";

/// Bytes of a message that Logfire shows; it cuts the rest without a word.
pub(super) const LOGFIRE_MSG_BYTES: usize = 512;

/// Names that are the server's on the records it sets them on, and the client's on others.
const OURS_WHEN_SET: [&str; 6] = [
    "thread_id",
    "run_id",
    "breadcrumbs",
    "exception.type",
    "exception.message",
    "exception.stacktrace",
];
const THREAD_ID: usize = 0;
const RUN_ID: usize = 1;
const BREADCRUMBS: usize = 2;
const EXCEPTION_TYPE: usize = 3;
const EXCEPTION_MESSAGE: usize = 4;
const EXCEPTION_STACKTRACE: usize = 5;

// Field numbers of OTLP's protobuf messages.
const RECORD_TIME: u32 = 1;
const RECORD_SEVERITY_NUMBER: u32 = 2;
const RECORD_SEVERITY_TEXT: u32 = 3;
const RECORD_BODY: u32 = 5;
pub(super) const RECORD_ATTRIBUTES: u32 = 6;
const RECORD_DROPPED: u32 = 7;
const RECORD_TRACE_ID: u32 = 9;
const RECORD_SPAN_ID: u32 = 10;
const RECORD_OBSERVED_TIME: u32 = 11;
