//! What holds for every record there is.

use proptest::prelude::*;
use soliplex_wire::AnyValue as Wire;

use super::*;

fn any_wire_value() -> impl Strategy<Value = Wire> {
    let leaf = prop_oneof![
        Just(Wire::Null),
        any::<String>().prop_map(Wire::from),
        any::<bool>().prop_map(Wire::from),
        any::<i64>().prop_map(Wire::from),
        any::<f64>().prop_map(Wire::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Wire::Array),
            proptest::collection::btree_map(any::<String>(), inner, 0..4).prop_map(Wire::Map),
        ]
    })
}

prop_compose! {
    fn any_record()(
        id in any::<Option<u128>>(),
        seconds in -5_000_000_000_i64..50_000_000_000,
        level in 0_usize..7,
        texts in proptest::collection::vec(any::<String>(), 4),
        optional in proptest::collection::vec(any::<Option<String>>(), 5),
        values in proptest::collection::btree_map(any::<String>(), any_wire_value(), 0..6),
        crumbs in 0_usize..3,
    ) -> LogRecord {
        LogRecord {
            id: id.map(Uuid::from_u128),
            timestamp: Timestamp::from_second(seconds).ok(),
            severity: Severity::ALL[level],
            logger: texts[0].clone(),
            message: texts[1].clone(),
            attributes: values.into_iter().collect(),
            error: optional[0].clone(),
            stack_trace: optional[1].clone(),
            install_id: optional[2].clone(),
            session_id: optional[3].clone(),
            user_id: optional[4].clone(),
            breadcrumbs: vec![Breadcrumb { message: texts[2].clone(), ..Default::default() }; crumbs],
            ..Default::default()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_mapped_breaks_no_rule_in_protobuf_or_json(
        records in proptest::collection::vec(any_record(), 1..8),
        logfire in any::<bool>(),
    ) {
        let count = records.len();
        let request = map(Attributes::new(), records, &Arrival { logfire, ..arrival() });
        prop_assert_eq!(validate(&request), []);
        let json = serde_json::to_string(&request).unwrap();
        let again: ExportLogsServiceRequest = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(validate(&again), []);
        prop_assert_eq!(crate::otlp::count(&again), count);
    }

    #[test]
    fn halves_hold_every_record_once_and_in_order(records in proptest::collection::vec(any_record(), 1..8)) {
        let request = map(Attributes::new(), records, &arrival());
        let (left, right) = crate::otlp::halves(&request.encode_to_vec()).unwrap();
        let records = |request| crate::otlp::records(request).cloned().collect::<Vec<_>>();
        let all = records(&request);
        prop_assert_eq!(records(&left).len(), all.len().div_ceil(2));
        prop_assert_eq!([records(&left), records(&right)].concat(), all);
    }

    #[test]
    fn encoded_batches_that_follow_each_other_are_one_request(
        left in proptest::collection::vec(any_record(), 1..4),
        right in proptest::collection::vec(any_record(), 1..4),
    ) {
        let left = map(Attributes::new(), left, &arrival());
        let right = map(Attributes::new(), right, &arrival());
        let joined = [left.encode_to_vec(), right.encode_to_vec()].concat();
        let joined = ExportLogsServiceRequest::decode(joined.as_slice()).unwrap();
        prop_assert_eq!(joined.resource_logs, [left.resource_logs, right.resource_logs].concat());
    }
}
