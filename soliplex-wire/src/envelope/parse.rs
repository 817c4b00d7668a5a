//! Taking a request's body apart, in one pass where it is well formed.
//!
//! The records are read where they stand ([`whole`]). Only where that gives up, because something
//! may be wrong with one of them, is the body read again with each record cut out first
//! ([`apart`]), so that the one that is wrong fails alone and its error can be told.

use super::apart::apart;
use super::whole::whole;
use super::{Envelope, EnvelopeError, EnvelopeRef, Received};
use crate::LogRecordRef;

impl Envelope {
    /// Reads a request's body.
    ///
    /// # Errors
    ///
    /// As [`EnvelopeRef::parse`].
    pub fn parse(body: &[u8]) -> Result<Envelope, EnvelopeError> {
        let envelope = Received::<LogRecordRef<'_>>::parse(body)?;
        Ok(Received {
            records: envelope
                .records
                .into_iter()
                .map(|record| record.map(LogRecordRef::into_owned))
                .collect(),
            resource: envelope.resource,
            sent_at: envelope.sent_at,
            receipt: envelope.receipt,
        })
    }
}

impl<'a> EnvelopeRef<'a> {
    /// Reads a request's body.
    ///
    /// `resource`, `sentAt` (`sent_at`) and `receipt` may be absent, and a malformed `sentAt` or
    /// `receipt` is taken for absent; `logs` is the one field that makes a body a batch.
    ///
    /// # Errors
    ///
    /// Only for what is wrong with the body as a whole; what is wrong with a record stands in its
    /// place in [`records`](Received::records).
    pub fn parse(body: &'a [u8]) -> Result<EnvelopeRef<'a>, EnvelopeError> {
        // Once for the whole body, so that no text in it is looked at again.
        let text =
            std::str::from_utf8(body).map_err(|error| not_json(body, error.valid_up_to()))?;
        if let Some(envelope) = whole(text) {
            return Ok(envelope);
        }
        apart(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => EnvelopeError::WrongShape,
            _ => EnvelopeError::NotJson {
                line: error.line(),
                column: error.column(),
            },
        })?
    }
}

/// Where a body stops being UTF-8, and so JSON.
fn not_json(body: &[u8], at: usize) -> EnvelopeError {
    let before = body[..at].rsplit(|byte| *byte == b'\n');
    EnvelopeError::NotJson {
        line: before.clone().count(),
        column: before.map(<[u8]>::len).next().unwrap_or(0) + 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(body: &str, is_whole: bool) {
        let apart = apart(body);
        match whole(body) {
            Some(whole) => {
                assert!(is_whole, "{body}");
                let apart = apart.unwrap().unwrap();
                let same = |record: &Result<LogRecordRef<'_>, _>| {
                    record.clone().map(LogRecordRef::into_owned)
                };
                let all = |envelope: &EnvelopeRef<'_>| -> Vec<_> {
                    envelope.records.iter().map(same).collect()
                };
                assert_eq!(all(&whole), all(&apart), "{body}");
                assert_eq!(whole.resource, apart.resource, "{body}");
                assert_eq!(
                    (whole.sent_at, whole.receipt),
                    (apart.sent_at, apart.receipt),
                    "{body}"
                );
            }
            None => assert!(!is_whole, "{body}"),
        }
    }

    #[test]
    fn what_is_read_whole_is_what_is_read_apart() {
        for (body, is_whole) in [
            (r#"{"logs":[]}"#, true),
            (
                r#" { "logs" : [ ] , "resource" : null , "sentAt" : null } "#,
                true,
            ),
            (
                r#"{"resource":{"a":1,"b":null,"a":null,"":2,"c":[null,{"d":null}]},"logs":[]}"#,
                true,
            ),
            (
                r#"{"sent_at":"2026-02-06T12:00:00Z","logs":[{"message":"a\nb"}],"more":[{}]}"#,
                true,
            ),
            (
                r#"{"sentAt":7,"receipt":{"rules":"r","redactions":{"email":3}},"logs":[{}]}"#,
                true,
            ),
            (
                r#"{"logs":[{"id":null,"level":"info","seq":1,"x":1.5,"attributes":{"b":1,"a":[true,-0,1e3]}}]}"#,
                true,
            ),
            (
                r#"{"logs":[{"x":"y","install_id":"","stack_trace":null,"user_id":"u","level":"odd","timestamp":"never","trace_id":"z"}]}"#,
                true,
            ),
            (
                r#"{"logs":[{"attributes":{"b":"1","a":0.5},"seq":7,"y":true,"active_run":{"threadId":null,"run_id":"r"},"breadcrumbs":[{"message":"m"}],"droppedAttributesCount":3}]}"#,
                true,
            ),
            // The rest has something to say that this road does not.
            (r#"{"logs":[{"seq":"7"}]}"#, false),
            (r#"{"logs":[{"logger":7}]}"#, false),
            (r#"{"logs":[{"userId":{}}]}"#, false),
            (r#"{"logs":[{"attributes":"a"}]}"#, false),
            (r#"{"logs":[{"breadcrumbs":"b"}]}"#, false),
            (r#"{"logs":[{"seq":-1}]}"#, false),
            (r#"{"logs":[{"id":"7"},{}]}"#, false),
            (r#"{"logs":[7,{}]}"#, false),
            (r#"{"logs":[],"logs":[]}"#, false),
            (r#"{"logs":[],"sentAt":1,"sent_at":2}"#, false),
            (r#"{"logs":null}"#, false),
            (r#"{"logs":[]}{}"#, false),
            (r#"{"logs":[{"message":"\ud800"}]}"#, false),
            ("{\"logs\":[{\"message\":\"a\nb\"}]}", false),
            (r#"{"logs":[{},]}"#, false),
            (r#"{}"#, false),
            ("", false),
        ] {
            check(body, is_whole);
        }
    }

    /// Fields by either spelling, with values that belong there and values that do not.
    fn nearly_record() -> impl Strategy<Value = String> {
        let name = proptest::sample::select(vec![
            "id",
            "seq",
            "timestamp",
            "level",
            "logger",
            "message",
            "attributes",
            "error",
            "stackTrace",
            "stack_trace",
            "traceId",
            "trace_id",
            "spanId",
            "installId",
            "install_id",
            "sessionId",
            "session_id",
            "userId",
            "user_id",
            "activeRun",
            "active_run",
            "breadcrumbs",
            "droppedAttributesCount",
            "unknown",
            "a\\nb",
        ]);
        let value = proptest::sample::select(vec![
            r#""text""#,
            r#""with \"escapes\" ä""#,
            r#""""#,
            "null",
            "7",
            "-1",
            "12.5",
            "true",
            r#"{"b":1,"a":null,"":2}"#,
            r#"{"extra.unknown":1,"extra.a":[{}]}"#,
            r#"[{"message":"m","level":"info"}]"#,
            r#"{"threadId":"t","runId":null}"#,
            r#""01890a5d-ac96-774b-bcce-b302099a8057""#,
            r#""0af7651916cd43dd8448eb211c80319c""#,
            r#""b7ad6b7169203331""#,
            r#""2026-02-06T12:00:00.5Z""#,
            r#""warning""#,
        ]);
        let pairs = proptest::collection::vec((name, value), 0..8);
        pairs.prop_map(|pairs| {
            let written = pairs
                .iter()
                .map(|(name, value)| format!(r#""{name}":{value}"#));
            format!("{{{}}}", written.collect::<Vec<_>>().join(","))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        #[test]
        fn records_are_read_whole_as_apart_and_apart_only_where_one_is_wrong(
            records in proptest::collection::vec(nearly_record(), 0..4),
        ) {
            let body = format!(r#"{{"logs":[{}]}}"#, records.join(","));
            let is_sound = apart(&body).unwrap().unwrap().records.iter().all(Result::is_ok);
            check(&body, is_sound);
        }
    }
}
