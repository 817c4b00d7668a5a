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

/// Maps a batch and appends it, encoded, to `out`: one resource, one scope a logger, records in the
/// order they were sent within it.
pub fn encode<'r, 'a: 'r>(
    out: &mut Vec<u8>,
    resource: &Attributes,
    records: impl IntoIterator<Item = &'r LogRecordRef<'a>>,
    arrival: &Arrival<'_>,
) -> Facts {
    let mut stamp = Stamp::new(arrival);
    let mut facts = Facts {
        records: 0,
        bytes: 0,
        urgent: false,
        earliest: u64::MAX,
        latest: 0,
    };
    let before = out.len();
    protobuf::message(out, REQUEST_RESOURCE_LOGS, BATCH_LEN_BYTES, |out| {
        protobuf::message(out, RESOURCE_LOGS_RESOURCE, RESOURCE_LEN_BYTES, |out| {
            map_resource(out, resource, arrival);
        });
        for scope in by_scope(records).chunk_by(|(one, _), (next, _)| one == next) {
            protobuf::message(out, RESOURCE_LOGS_SCOPES, BATCH_LEN_BYTES, |out| {
                let name = &scope[0].1.logger;
                protobuf::message(out, SCOPE_LOGS_SCOPE, SCOPE_LEN_BYTES, |out| {
                    protobuf::text(out, SCOPE_NAME, name);
                });
                for (_, record) in scope {
                    let time = record.timestamp.map_or(stamp.received_nanos, nanos);
                    facts.records += 1;
                    facts.urgent |= record.severity >= Severity::Error;
                    facts.earliest = facts.earliest.min(time);
                    facts.latest = facts.latest.max(time);
                    protobuf::message(out, SCOPE_LOGS_RECORDS, RECORD_LEN_BYTES, |out| {
                        log_record(out, record, time, arrival, &mut stamp);
                    });
                }
            });
        }
    });
    facts.bytes = u32::try_from(out.len() - before).unwrap_or(u32::MAX);
    facts
}

/// The records of each scope together, each with its scope's place; scopes in the order of their
/// first records.
fn by_scope<'r, 'a: 'r>(
    records: impl IntoIterator<Item = &'r LogRecordRef<'a>>,
) -> Vec<(usize, &'r LogRecordRef<'a>)> {
    let mut scopes = Scopes::default();
    let records = records.into_iter();
    let mut placed: Vec<_> = records
        .map(|record| (scopes.place(&record.logger), record))
        .collect();
    placed.sort_by_key(|(place, _)| *place);
    placed
}

/// The scopes of a batch, in the order of their first records.
#[derive(Default)]
struct Scopes<'a> {
    first: Vec<&'a str>,
    rest: HashMap<&'a str, usize>,
}

impl<'a> Scopes<'a> {
    fn place(&mut self, name: &'a str) -> usize {
        // Few are compared sooner than one is hashed, and most batches have few.
        if let Some(place) = self.first.iter().position(|first| *first == name) {
            return place;
        }
        if self.first.len() < FEW_SCOPES {
            self.first.push(name);
            return self.first.len() - 1;
        }
        let next = self.first.len() + self.rest.len();
        *self.rest.entry(name).or_insert(next)
    }
}

/// What is the same for every record of a batch, worked out once.
struct Stamp<'r> {
    received_nanos: u64,
    /// The attributes that every record has alike, encoded.
    attributes: Vec<u8>,
    /// Whose the last record was, and the attributes that say so, encoded: records of one session
    /// follow each other.
    identity: Option<Identity<'r>>,
    identity_attributes: Vec<u8>,
}

/// Install, session and user as a record claims them.
type Identity<'r> = [Option<&'r str>; 3];

impl Stamp<'_> {
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
            identity: None,
            identity_attributes: Vec::with_capacity(256),
        }
    }
}

fn map_resource(out: &mut Vec<u8>, resource: &Attributes, arrival: &Arrival<'_>) {
    for (key, value) in resource.iter() {
        if key != SANITIZE_RULES || arrival.rules.is_none() {
            let value = AnyValueRef::from(value.clone());
            protobuf::attribute(out, RESOURCE_ATTRIBUTES, key, &value);
        }
    }
    if resource.get(SERVICE_NAME).is_none() {
        // The resource conventions ask for this name where none is known.
        protobuf::text_attribute(out, RESOURCE_ATTRIBUTES, SERVICE_NAME, "unknown_service");
    }
    if let Some(rules) = arrival.rules {
        protobuf::text_attribute(out, RESOURCE_ATTRIBUTES, SANITIZE_RULES, rules);
    }
    if resource.dropped() > 0 {
        protobuf::varint(out, RESOURCE_DROPPED, resource.dropped().into());
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

const SERVER_RECEIVED_AT: &str = "server_received_at";

/// Scopes that are compared one by one.
const FEW_SCOPES: usize = 8;

// Bytes of the lengths of most batches and of what a scope has of them, up to 2 MiB; of resources and
// records, up to 16 KiB; and of scopes, which are a name.
const BATCH_LEN_BYTES: usize = 3;
const RESOURCE_LEN_BYTES: usize = 2;
const RECORD_LEN_BYTES: usize = 2;
const SCOPE_LEN_BYTES: usize = 1;

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
