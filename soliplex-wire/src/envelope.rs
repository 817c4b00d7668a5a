//! The batch envelope: what a client posts, and how the server takes it apart.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::limits::MAX_REQUEST_RECORDS;
use crate::{Attributes, BadRecord, LogRecord, LogRecordRef};

mod apart;
mod parse;
mod whole;

/// What a client posts.
///
/// Generic over its records, so that records written earlier ([`encode`](crate::encode)) are
/// joined, not parsed again.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Batch<'a, R> {
    /// What is true of the whole process: service, version, operating system, device.
    pub resource: &'a Attributes,
    /// The client's clock when sending; the server works out the skew from it.
    pub sent_at: Timestamp,
    /// What the sanitizer did to these records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<&'a Receipt>,
    /// The records, oldest first.
    pub logs: R,
}

/// What the sanitizer did: under which rules, and how often each of them fired. Never what it
/// matched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Receipt {
    /// The hash of the rule set.
    pub rules: String,
    /// How often each rule fired, by the rule's name; rules that did not are left out.
    pub redactions: BTreeMap<String, u64>,
}

/// What the server received, with records of its own.
pub type Envelope = Received<LogRecord>;

/// What the server received, with records borrowed from the request's body: the cheap way to look
/// at each record once.
pub type EnvelopeRef<'a> = Received<LogRecordRef<'a>>;

/// What the server received.
#[derive(Clone, Debug)]
pub struct Received<R> {
    /// The records in the order they were sent, or what is wrong with each.
    pub records: Vec<Result<R, BadRecord>>,
    /// What is true of the whole process.
    pub resource: Attributes,
    /// The client's clock when it sent.
    pub sent_at: Option<Timestamp>,
    /// What the sanitizer did to these records.
    pub receipt: Option<Receipt>,
}

/// Why a request's body is no envelope at all. Never holds any part of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// Not JSON: answered with 400.
    NotJson {
        /// The line at which it stopped making sense, from 1.
        line: usize,
        /// The column in that line, from 1.
        column: usize,
    },
    /// JSON of another shape: answered with 422.
    WrongShape,
    /// More than [`MAX_REQUEST_RECORDS`]: answered with 422.
    TooManyRecords,
}

impl fmt::Display for EnvelopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EnvelopeError::NotJson { line, column } => {
                write!(f, "the body is not JSON: see line {line}, column {column}")
            }
            EnvelopeError::WrongShape => f.write_str(
                "the body is not a batch: expected an object with an array `logs` and an object `resource`",
            ),
            EnvelopeError::TooManyRecords => {
                write!(f, "too many records: send at most {MAX_REQUEST_RECORDS} in one request")
            }
        }
    }
}

impl std::error::Error for EnvelopeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_batch_is_refused_without_an_echo() {
        for (body, expected) in [
            ("", EnvelopeError::NotJson { line: 1, column: 0 }),
            ("{\"logs\":[", EnvelopeError::NotJson { line: 1, column: 9 }),
            ("[]", EnvelopeError::WrongShape),
            ("{}", EnvelopeError::WrongShape),
            ("{\"logs\":{\"hunter2\":1}}", EnvelopeError::WrongShape),
            (
                "{\"logs\":[],\"resource\":\"hunter2\"}",
                EnvelopeError::WrongShape,
            ),
        ] {
            let error = Envelope::parse(body.as_bytes()).unwrap_err();
            assert_eq!(error, expected, "{body}");
            assert!(!error.to_string().contains("hunter2"));
        }
        let many = format!("{{\"logs\":[{}1]}}", "1,".repeat(MAX_REQUEST_RECORDS));
        assert_eq!(
            Envelope::parse(many.as_bytes()).unwrap_err(),
            EnvelopeError::TooManyRecords
        );
    }

    #[test]
    fn an_empty_batch_is_a_batch() {
        let envelope = Envelope::parse(br#"{"logs":[],"resource":null,"sentAt":"never"}"#).unwrap();
        assert!(envelope.records.is_empty() && envelope.resource.is_empty());
        assert_eq!(envelope.sent_at, None);
    }

    #[test]
    fn a_batch_reads_what_it_writes() {
        let resource: Attributes = [("service.name", "app")].into_iter().collect();
        let receipt = Receipt {
            rules: "ab12".into(),
            redactions: [("email".to_owned(), 3)].into(),
        };
        let sent_at: Timestamp = "2026-02-06T12:00:00Z".parse().unwrap();
        let record = LogRecord {
            message: "hello".into(),
            ..Default::default()
        };
        let batch = Batch {
            resource: &resource,
            sent_at,
            receipt: Some(&receipt),
            logs: [&record],
        };
        let envelope = Envelope::parse(&serde_json::to_vec(&batch).unwrap()).unwrap();
        assert_eq!(envelope.records, [Ok(record)]);
        assert_eq!(
            (envelope.resource, envelope.sent_at),
            (resource, Some(sent_at))
        );
        assert_eq!(envelope.receipt, Some(receipt));
    }

    #[test]
    fn a_deeply_nested_record_does_not_reach_the_stack() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        let body =
            format!("{{\"logs\":[{{\"attributes\":{{\"a\":{deep}}}}},{{\"message\":\"fine\"}}]}}");
        let records = Envelope::parse(body.as_bytes()).unwrap().records;
        assert!(records.iter().all(Result::is_ok));
    }
}
