//! What holds for every record: it survives the wire, and it fits when it is cut.

#![allow(
    clippy::unwrap_used,
    reason = "a test may be blunt, its strategies too"
)]

use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use serde_json::{Map, Value};
use soliplex_wire::encode::{self, Head};
use soliplex_wire::limits::{
    MAX_BREADCRUMBS, MAX_DEPTH, MAX_ID_BYTES, MAX_RECORD_BYTES, TRUNCATED,
};
use soliplex_wire::{
    ActiveRun, AnyValue, Attributes, Batch, Breadcrumb, Category, Double, Envelope, LogRecord,
    Severity, SpanId, Timestamp, TraceId, Uuid,
};

// === Any record ===

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z ]{0,40}",
        Just("\u{0}\"\\\n\u{7f}\u{2028}😀".to_owned()),
    ]
}

fn id() -> impl Strategy<Value = String> {
    any::<String>().prop_filter("an id is not empty and has its limit", |id| {
        !id.is_empty() && id.len() <= MAX_ID_BYTES
    })
}

fn scalar() -> impl Strategy<Value = AnyValue> {
    prop_oneof![
        text().prop_map(AnyValue::String),
        any::<bool>().prop_map(AnyValue::Bool),
        any::<i64>().prop_map(AnyValue::Int),
        any::<f64>().prop_filter_map("JSON has no NaN", |n| Double::try_new(n)
            .map(AnyValue::Double)),
    ]
}

fn value() -> impl Strategy<Value = AnyValue> {
    scalar().prop_recursive(MAX_DEPTH as u32, 64, 6, |inner| {
        prop_oneof![
            vec(
                prop_oneof![4 => inner.clone(), 1 => Just(AnyValue::Null)],
                0..6
            )
            .prop_map(AnyValue::Array),
            btree_map(text(), inner, 0..6).prop_map(AnyValue::Map),
        ]
    })
}

fn attributes() -> impl Strategy<Value = Attributes> {
    vec(("[a-z.é]{1,20}", value()), 0..8).prop_map(|pairs| pairs.into_iter().collect())
}

fn timestamp() -> impl Strategy<Value = Timestamp> {
    let (min, max) = (Timestamp::MIN.as_second(), Timestamp::MAX.as_second() - 1);
    (min..max, 0..1_000_000_000).prop_map(|(s, ns)| Timestamp::new(s, ns).unwrap())
}

fn severity() -> impl Strategy<Value = Severity> {
    proptest::sample::select(Severity::ALL.to_vec())
}

fn breadcrumb() -> impl Strategy<Value = Breadcrumb> {
    let category = prop_oneof![Just("ui"), Just("network"), Just("system"), Just("sync")];
    (of(timestamp()), severity(), text(), text(), category).prop_map(
        |(timestamp, severity, logger, message, category)| Breadcrumb {
            timestamp,
            severity,
            logger,
            message,
            category: Category::from(category),
        },
    )
}

prop_compose! {
    fn record()(
        (id, seq, timestamp) in (of(any::<u128>()), of(0..i64::MAX as u64), of(timestamp())),
        (severity, foreign) in (severity(), "[a-z]{1,8}ish"),
        (logger, message, attributes) in ("[a-z:]{0,40}", text(), attributes()),
        (error, stack_trace) in (of(text()), of(text())),
        (trace, span) in (of(1..u128::MAX), of(1..u64::MAX)),
        (install_id, session_id, user_id) in (of(id()), of(id()), of(id())),
        run in of((of(id()), of(id()))),
        breadcrumbs in vec(breadcrumb(), 0..=MAX_BREADCRUMBS),
    ) -> LogRecord {
        LogRecord {
            id: id.map(Uuid::from_u128),
            seq,
            timestamp,
            severity,
            severity_text: (severity == Severity::Unspecified).then_some(foreign),
            logger,
            message,
            attributes,
            error,
            stack_trace,
            trace_id: trace.and_then(|id| TraceId::from_bytes(id.to_be_bytes())),
            span_id: span.and_then(|id| SpanId::from_bytes(id.to_be_bytes())),
            install_id,
            session_id,
            user_id,
            active_run: run
                .filter(|run| *run != (None, None))
                .map(|(thread_id, run_id)| ActiveRun { thread_id, run_id }),
            breadcrumbs,
        }
    }
}

fn json(record: &LogRecord) -> String {
    serde_json::to_string(record).unwrap()
}

// === The wire ===

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_record_survives_a_round_trip(record in record()) {
        let json = json(&record);
        prop_assert_eq!(record.encoded_len(), json.len());
        prop_assert_eq!(LogRecord::parse(&json), Ok(record));
    }

    #[test]
    fn any_batch_survives_a_round_trip(records in vec(record(), 0..4), resource in attributes()) {
        let sent_at = Timestamp::UNIX_EPOCH;
        let batch = Batch { resource: &resource, sent_at, receipt: None, logs: &records };
        let envelope = Envelope::parse(&serde_json::to_vec(&batch).unwrap()).unwrap();
        prop_assert_eq!(envelope.records, records.into_iter().map(Ok).collect::<Vec<_>>());
        prop_assert_eq!(envelope.resource, resource);
    }

    #[test]
    fn snake_case_and_nulls_read_the_same(record in record(), null in any::<bool>()) {
        let Value::Object(fields) = serde_json::to_value(&record).unwrap() else { unreachable!() };
        let mut other: Map<String, Value> = fields.into_iter().map(|(k, v)| (snake(&k), v)).collect();
        if let Some(Value::Object(run)) = other.get_mut("active_run") {
            *run = std::mem::take(run).into_iter().map(|(k, v)| (snake(&k), v)).collect();
        }
        if null {
            for name in ["id", "seq", "error", "stack_trace", "trace_id", "user_id", "active_run", "novel"] {
                other.entry(name).or_insert(Value::Null);
            }
        }
        prop_assert_eq!(LogRecord::parse(&serde_json::to_string(&other).unwrap()), Ok(record));
    }

    #[test]
    fn an_old_reader_keeps_what_a_new_writer_adds(record in record(), novel in value()) {
        let mut fields = serde_json::to_value(&record).unwrap();
        fields["battery"] = serde_json::to_value(&novel).unwrap();
        let read = LogRecord::parse(&fields.to_string()).unwrap();
        let mut expected = record;
        expected.attributes.insert("extra.battery", novel);
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn a_record_written_in_two_pieces_is_the_record(record in record()) {
        // The pieces cannot carry a level of another's making, nor half a trace context.
        let mut record = LogRecord { severity_text: None, ..record };
        if record.trace_id.is_none() || record.span_id.is_none() {
            (record.trace_id, record.span_id) = (None, None);
        }
        let (mut packed, mut members) = (encode::Buffer::new(), encode::Buffer::new());
        encode::members(&record, &mut packed);
        encode::print(&packed, &mut members).unwrap();
        let head = Head {
            id: record.id,
            seq: record.seq,
            timestamp: record.timestamp,
            install_id: record.install_id.as_deref(),
            session_id: record.session_id.as_deref(),
        };
        let mut json = Vec::new();
        head.join(&members, &mut json);
        prop_assert_eq!(LogRecord::parse(std::str::from_utf8(&json).unwrap()), Ok(record));
    }

    #[test]
    fn no_text_makes_the_parsers_panic_or_echo(text in any::<String>(), bytes in any::<Vec<u8>>()) {
        if let Err(error) = LogRecord::parse(&text) {
            let said = error.to_string();
            prop_assert!(text.len() < 12 || !said.contains(&text));
        }
        let _ = Envelope::parse(&bytes);
    }
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

// === The limits ===

fn long_text() -> impl Strategy<Value = String> {
    // Each character takes another number of bytes in UTF-8 and in JSON.
    ("[a\"\n\u{1}äß😀]{1,60}", 0..3_000_usize).prop_map(|(text, times)| text.repeat(times))
}

prop_compose! {
    fn long_record()(
        record in record(),
        (message, error, stack_trace) in (long_text(), of(long_text()), of(long_text())),
        long in vec(("[a-z]{1,9}", long_text()), 0..4),
    ) -> LogRecord {
        let mut record = LogRecord { message, error, stack_trace, ..record };
        record.attributes.extend(long);
        record
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_cut_record_fits_is_marked_and_still_reads(record in long_record()) {
        let mut cut = record.clone();
        let truncated = cut.truncate();
        prop_assert!(cut.encoded_len() <= MAX_RECORD_BYTES);
        prop_assert_eq!(truncated.any(), record.encoded_len() > MAX_RECORD_BYTES);

        let changed = [
            (truncated.message, cut.message != record.message, cut.message.ends_with(TRUNCATED)),
            (truncated.error, cut.error != record.error, ends_in_mark(&cut.error)),
            (truncated.stack_trace, cut.stack_trace != record.stack_trace, ends_in_mark(&cut.stack_trace)),
        ];
        for (said, changed, marked) in changed {
            prop_assert_eq!(said, changed);
            prop_assert!(!changed || marked);
        }
        prop_assert_eq!(LogRecord::parse(&json(&cut)), Ok(cut.clone()));
        prop_assert!(!cut.clone().truncate().any(), "what fits is cut no further");
    }
}

fn ends_in_mark(text: &Option<String>) -> bool {
    text.as_ref().is_some_and(|text| text.ends_with(TRUNCATED))
}
