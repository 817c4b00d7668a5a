//! Whatever a client posts, what is forwarded breaks no rule of OTLP.
//!
//! The input is a batch's JSON. What can be read of it is mapped, checked by the strict validator,
//! taken through protobuf and JSON and back, halved, and moved into a window of times.
//!
//! `fuzz/run mapping`
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use prost::Message as _;
use soliplex_ingest::otlp::proto::ExportLogsServiceRequest;
use soliplex_ingest::otlp::validate::validate;
use soliplex_ingest::otlp::{self, Arrival, Window};
use soliplex_wire::{EnvelopeRef, Timestamp};

fuzz_target!(|input: &[u8]| {
    let Ok(envelope) = EnvelopeRef::parse(input) else {
        return;
    };
    let mut records: Vec<_> = envelope
        .records
        .into_iter()
        .filter_map(Result::ok)
        .collect();
    for record in &mut records {
        let _ = record.truncate();
    }
    if records.is_empty() {
        return;
    }
    let count = records.len();
    let arrival = Arrival {
        received_at: Timestamp::UNIX_EPOCH + Duration::from_secs(1_770_000_000),
        sent_at: envelope.sent_at,
        user: Some("jane"),
        session: None,
        issuer: None,
        rules: envelope
            .receipt
            .as_ref()
            .map(|receipt| receipt.rules.as_str()),
        logfire: true,
    };
    let mut bytes = Vec::new();
    let facts = otlp::encode(&mut bytes, &envelope.resource, &records, &arrival);
    let request = ExportLogsServiceRequest::decode(bytes.as_slice()).unwrap();
    assert_eq!(validate(&request), []);
    assert_eq!(facts.records as usize, count);
    let json = serde_json::to_string(&request).unwrap();
    let again: ExportLogsServiceRequest = serde_json::from_str(&json).unwrap();
    assert_eq!(validate(&again), []);

    let (left, right) = otlp::halves(&bytes).unwrap();
    assert_eq!(records_in(&left) + records_in(&right), count);

    let window = Window {
        max_age: Duration::from_secs(86_400),
        max_ahead: Duration::from_secs(3_600),
    };
    let fitted = window.fit(&bytes, 1_770_000_000_000_000_000).unwrap();
    let fitted = ExportLogsServiceRequest::decode(fitted.as_slice()).unwrap();
    assert_eq!(validate(&fitted), []);
    assert_eq!(records_in(&fitted), count);
});

fn records_in(request: &ExportLogsServiceRequest) -> usize {
    let scopes = request
        .resource_logs
        .iter()
        .flat_map(|resource| &resource.scope_logs);
    scopes.map(|scope| scope.log_records.len()).sum()
}
