//! The mapping itself: a batch with its resource and its scopes.

use std::collections::HashMap;

use jiff::Timestamp;
use soliplex_wire::{AnyValueRef, Attributes, LogRecordRef, Severity};

use super::protobuf;
use crate::spool::Facts;
use record::{RECORD_ATTRIBUTES, log_record};

mod record;

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
    /// Which of several issuers the session is of; `None` where there is one set of keys.
    pub issuer: Option<&'a str>,
    /// The rules the client sanitized under.
    pub rules: Option<&'a str>,
    /// Whether the upstream is Logfire, which shows a text of its own.
    pub logfire: bool,
}

/// Maps and encodes a batch: one resource, one scope a logger, records in the order they were sent
/// within it.
pub fn encode<'r, 'a: 'r>(
    resource: &Attributes,
    records: impl IntoIterator<Item = &'r LogRecordRef<'a>>,
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
    let mut scopes = Scopes::default();
    let mut scratch = Vec::with_capacity(2048);
    for record in records {
        let time = record.timestamp.map_or(stamp.received_nanos, nanos);
        facts.records += 1;
        facts.urgent |= record.severity >= Severity::Error;
        facts.earliest = facts.earliest.min(time);
        facts.latest = facts.latest.max(time);

        scratch.clear();
        log_record(&mut scratch, record, time, arrival, &stamp);
        let scope = scopes.named(&record.logger, scratch.len());
        protobuf::bytes(scope, SCOPE_LOGS_RECORDS, &scratch);
    }
    let request = request(&map_resource(resource, arrival), &scopes.written);
    facts.bytes = u32::try_from(request.len()).unwrap_or(u32::MAX);
    (request, facts)
}

fn request(resource: &[u8], scopes: &[Vec<u8>]) -> Vec<u8> {
    let len = protobuf::bytes_len(resource.len())
        + scopes
            .iter()
            .map(|scope| protobuf::bytes_len(scope.len()))
            .sum::<usize>();
    let mut request = Vec::with_capacity(protobuf::bytes_len(len));
    protobuf::length(&mut request, REQUEST_RESOURCE_LOGS, len);
    protobuf::bytes(&mut request, RESOURCE_LOGS_RESOURCE, resource);
    for scope in scopes {
        protobuf::bytes(&mut request, RESOURCE_LOGS_SCOPES, scope);
    }
    request
}

/// The scopes of a batch as they are written, in the order of their first records.
#[derive(Default)]
struct Scopes<'a> {
    places: HashMap<&'a str, usize>,
    last: Option<(&'a str, usize)>,
    written: Vec<Vec<u8>>,
}

impl<'a> Scopes<'a> {
    /// The scope of a logger, with room for a first record; a batch may name a scope a record.
    fn named(&mut self, name: &'a str, first: usize) -> &mut Vec<u8> {
        let at = match self.last {
            // What happens in one place is often told in a row.
            Some((last, at)) if last == name => at,
            _ => *self.places.entry(name).or_insert_with(|| {
                self.written.push(scope(name, first));
                self.written.len() - 1
            }),
        };
        self.last = Some((name, at));
        &mut self.written[at]
    }
}

/// The beginning of a `ScopeLogs`.
fn scope(name: &str, room: usize) -> Vec<u8> {
    let mut scope_logs = Vec::with_capacity(name.len() + room + 24);
    let len = protobuf::bytes_len(name.len());
    protobuf::length(&mut scope_logs, SCOPE_LOGS_SCOPE, len);
    protobuf::bytes(&mut scope_logs, SCOPE_NAME, name.as_bytes());
    scope_logs
}

/// What is the same for every record of a batch, worked out once.
struct Stamp {
    received_nanos: u64,
    /// The attributes that every record has alike, encoded.
    attributes: Vec<u8>,
}

impl Stamp {
    fn new(arrival: &Arrival<'_>) -> Self {
        let received = arrival.received_at.to_string();
        let mut attributes = Vec::with_capacity(256);
        let mut text = |key, text: Option<&str>| {
            if let Some(text) = text {
                protobuf::text_attribute(&mut attributes, RECORD_ATTRIBUTES, key, text);
            }
        };
        text(SERVER_RECEIVED_AT, Some(&received));
        text("server.received_at", Some(&received));
        text("enduser.id", arrival.user);
        text("soliplex.auth.session", arrival.session);
        text("soliplex.auth.issuer", arrival.issuer);
        if let Some(sent_at) = arrival.sent_at {
            let skew = arrival.received_at.as_millisecond() - sent_at.as_millisecond();
            let skew = AnyValueRef::Int(skew);
            protobuf::attribute(
                &mut attributes,
                RECORD_ATTRIBUTES,
                "soliplex.clock_skew_ms",
                &skew,
            );
        }
        Stamp {
            received_nanos: nanos(arrival.received_at),
            attributes,
        }
    }
}

fn map_resource(resource: &Attributes, arrival: &Arrival<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    for (key, value) in resource.iter() {
        if key != SANITIZE_RULES || arrival.rules.is_none() {
            let value = AnyValueRef::from(value.clone());
            protobuf::attribute(&mut out, RESOURCE_ATTRIBUTES, key, &value);
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

/// Nanoseconds since 1970; a clock before it or beyond 2262, where backends that count in `i64`
/// end, is moved to the nearest end. Zero would mean "unknown".
fn nanos(time: Timestamp) -> u64 {
    time.as_nanosecond()
        .clamp(1, i64::MAX.into())
        .unsigned_abs() as u64
}

const SERVICE_NAME: &str = "service.name";
const SANITIZE_RULES: &str = "soliplex.sanitize.rules";

const SERVER_RECEIVED_AT: &str = "server_received_at";

// Field numbers of OTLP's protobuf messages.
const REQUEST_RESOURCE_LOGS: u32 = 1;
const RESOURCE_LOGS_RESOURCE: u32 = 1;
const RESOURCE_LOGS_SCOPES: u32 = 2;
const RESOURCE_ATTRIBUTES: u32 = 1;
const RESOURCE_DROPPED: u32 = 2;
const SCOPE_LOGS_SCOPE: u32 = 1;
const SCOPE_LOGS_RECORDS: u32 = 2;
const SCOPE_NAME: u32 = 1;

#[cfg(test)]
mod tests;
