//! Events, spans and late records of every size, whose arrays differ inside.

use soliplex_sanitize::{Rules, Sanitize as _};
use tracing::{Dispatch, Level};
use tracing_core::{
    Event, Kind as MetadataKind, Metadata,
    callsite::DefaultCallsite,
    field::{FieldSet, Value},
    identify_callsite,
    span::{Attributes, Record},
};
use tracing_subscriber::{Registry, layer::SubscriberExt as _};

use crate::capture::{Kind, Recorder};

/// Metadata with that many fields, `f0`, `f1` …
fn metadata(fields: usize) -> &'static Metadata<'static> {
    static CALLSITE: DefaultCallsite = DefaultCallsite::new(&PLACEHOLDER);
    static PLACEHOLDER: Metadata<'static> = Metadata::new(
        "placeholder",
        "sizes",
        Level::INFO,
        None,
        None,
        None,
        FieldSet::new(&[], identify_callsite!(&CALLSITE)),
        MetadataKind::EVENT,
    );
    let names = (0..fields).map(|i| &*format!("f{i}").leak());
    let names: &'static [&'static str] = names.collect::<Vec<_>>().leak();
    Box::leak(Box::new(Metadata::new(
        "sized",
        "sizes",
        Level::INFO,
        None,
        None,
        None,
        FieldSet::new(names, identify_callsite!(&CALLSITE)),
        MetadataKind::EVENT,
    )))
}

/// Every third value a number, a text or absent.
fn values(texts: &[String]) -> Vec<Option<&dyn Value>> {
    let values = texts.iter().enumerate().map(|(i, text)| match i % 3 {
        0 => Some(&7_u64 as &dyn Value),
        1 => Some(text as &dyn Value),
        _ => None,
    });
    values.collect()
}

#[test]
fn all_values_arrive_in_order_whatever_their_number() {
    for size in (0..70).chain([255, 256, 257, 600]) {
        let recorder = Recorder::default();
        let stack = Registry::default().with(recorder.clone());
        let dispatch: Dispatch = stack.sanitize(Rules::standard()).into();
        let metadata = metadata(size);
        let texts: Vec<_> = (0..size).map(|i| format!("a{i}@example.org {i}")).collect();
        let values = values(&texts);
        let set = metadata.fields().value_set_all(&values);

        dispatch.event(&Event::new(metadata, &set));
        let span = dispatch.new_span(&Attributes::new(metadata, &set));
        dispatch.record(&span, &Record::new(&set));

        let names = metadata.fields().iter().map(|field| field.name());
        let expected: Vec<_> = names
            .enumerate()
            .filter_map(|(i, name)| match i % 3 {
                0 => Some((name, Kind::U64(7))),
                1 => Some((name, Kind::Str(format!("[EMAIL] {i}")))),
                _ => None,
            })
            .collect();
        let seen = recorder.seen();
        assert_eq!(seen[0].values, expected, "event of {size}");
        assert_eq!(seen[1].values, expected, "span of {size}");
        let records = seen[2..].iter().flat_map(|seen| seen.values.clone());
        assert_eq!(records.collect::<Vec<_>>(), expected, "record of {size}");
        assert!(seen.len() <= 3 + size / 256, "{size}");
    }
}
