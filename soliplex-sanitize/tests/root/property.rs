//! Whatever values are logged, an idle root passes them on unchanged, and a working one passes on
//! what the rules make of each.

use std::error::Error;

use proptest::prelude::*;
use soliplex_sanitize::{Rules, Sanitize as _};
use tracing::{Dispatch, dispatcher, info, info_span};
use tracing_subscriber::{Registry, layer::SubscriberExt as _};

use crate::capture::{FORMATS, Failure, Kind, Output, Recorder};

/// One value of each kind, some of them absent.
#[derive(Clone, Debug)]
struct Logged {
    signed: Option<i64>,
    unsigned: Option<u64>,
    wide: i128,
    wider: u128,
    float: f64,
    flag: bool,
    text: Option<String>,
    debugged: String,
    displayed: String,
    bytes: Vec<u8>,
    message: String,
    password: String,
}

/// Free text with something for the rules to find in some of it.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z]{1,6}@example\\.org( [a-z]{0,8}){0,3}",
        "password=[a-z0-9]{8} \\PC{0,10}",
        "[0-9]{3}-[0-9]{2}-[0-9]{4}",
    ]
}

prop_compose! {
    fn logged()(
        (signed, unsigned, wide, wider, float, flag) in any::<(Option<i64>, Option<u64>, i128, u128, f64, bool)>(),
        text in proptest::option::of(text()),
        (debugged, displayed, message, password) in (text(), text(), text(), text()),
        bytes in any::<Vec<u8>>(),
    ) -> Logged {
        Logged { signed, unsigned, wide, wider, float, flag, text, debugged, displayed, bytes, message, password }
    }
}

fn log(values: &Logged) {
    let Logged {
        signed,
        unsigned,
        wide,
        wider,
        float,
        flag,
        text,
        debugged,
        displayed,
        bytes,
        message,
        password,
    } = values;
    let text = text.as_deref();
    let span = info_span!("span", signed, text, late = tracing::field::Empty);
    span.record("late", displayed.as_str());
    span.in_scope(|| {
        info!(signed, unsigned, wide, wider, float, flag, text, ?debugged, %displayed, bytes = &bytes[..], password, "{message}");
    });
}

/// Values of each kind that hold nothing to redact.
#[derive(Clone, Debug)]
struct Clean {
    number: Option<i32>,
    wide: u32,
    share: f32,
    flag: bool,
    words: Option<String>,
    sentence: String,
}

prop_compose! {
    fn clean()(
        (number, wide, flag) in any::<(Option<i32>, u32, bool)>(),
        // Of sixteen digits it may be a card's.
        share in -1e6_f32..1e6,
        words in proptest::option::of("[a-z]{0,9}( \\PC){0,3}"),
        // Words stand apart: together they may be as long and as mixed as a wallet's address. So do
        // numbers: three of them are a social security number now and then.
        sentence in "(([A-Z][a-z]{1,8}|[0-9]{1,4} [A-Z][a-z]{1,8}|[äöü\t\n\"\\\\])? ){0,8}",
    ) -> Clean {
        Clean { number, wide, share, flag, words, sentence }
    }
}

fn log_clean(values: &Clean) {
    let Clean {
        number,
        wide,
        share,
        flag,
        words,
        sentence,
    } = values;
    let error = Failure::chain(&["could not open the map", "no such file"]);
    let error: &(dyn Error + 'static) = &error;
    let words = words.as_deref();
    let span = info_span!("work", number, words, late = tracing::field::Empty);
    span.record("late", sentence.as_str());
    span.in_scope(|| {
        info!(number, wide = u128::from(*wide), share, flag, words, ?sentence, shown = %sentence, bytes = sentence.as_bytes(), error, "{sentence}");
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_idle_root_changes_no_byte_of_generated_events(values in logged()) {
        for format in FORMATS {
            let (bare, rooted) = (Output::default(), Output::default());
            let stack = Registry::default().with(format.layer(&bare));
            dispatcher::with_default(&Dispatch::new(stack), || log(&values));
            let stack = Registry::default().with(format.layer(&rooted)).sanitize(Rules::none());
            dispatcher::with_default(&stack.into(), || log(&values));
            prop_assert_eq!(bare.text(), rooted.text());
        }
    }

    #[test]
    fn a_working_root_changes_no_byte_of_events_without_a_secret(values in clean()) {
        for format in FORMATS {
            let (bare, rooted) = (Output::default(), Output::default());
            let stack = Registry::default().with(format.layer(&bare));
            dispatcher::with_default(&Dispatch::new(stack), || log_clean(&values));
            let stack = Registry::default().with(format.layer(&rooted)).sanitize(Rules::standard());
            dispatcher::with_default(&stack.into(), || log_clean(&values));
            prop_assert_eq!(bare.text(), rooted.text());
        }
    }

    #[test]
    fn a_working_root_applies_the_rules_to_each_value_by_itself(values in logged()) {
        let rules = Rules::standard();
        let recorders = [Recorder::default(), Recorder::default()];
        let stack = Registry::default().with(recorders[0].clone());
        dispatcher::with_default(&Dispatch::new(stack), || log(&values));
        let stack = Registry::default().with(recorders[1].clone()).sanitize(rules.clone());
        dispatcher::with_default(&stack.into(), || log(&values));

        let [raw, clean] = recorders.map(|recorder| recorder.seen());
        prop_assert_eq!(raw.len(), clean.len());
        for (raw, clean) in raw.into_iter().zip(clean) {
            let expected: Vec<_> = raw.values.into_iter().map(|(name, kind)| (name, expected(&rules, name, kind))).collect();
            // NaN is not equal to itself; its text is.
            prop_assert_eq!(format!("{:?}", clean.values), format!("{expected:?}"));
        }
    }
}

/// What the rules make of one value: the model the root is held to.
fn expected(rules: &Rules, name: &str, kind: Kind) -> Kind {
    let clean = |text: &str| rules.sanitize_value(name, text).into_owned();
    let number = |text: String, kind: Kind| match clean(&text) {
        same if same == text => kind,
        other => Kind::Str(other),
    };
    match &kind {
        Kind::I64(value) => number(value.to_string(), kind),
        Kind::U64(value) => number(value.to_string(), kind),
        Kind::I128(value) => number(value.to_string(), kind),
        Kind::U128(value) => number(value.to_string(), kind),
        Kind::F64(value) => number(value.to_string(), kind),
        Kind::Str(text) => Kind::Str(clean(text)),
        Kind::Debug(text) => Kind::Debug(clean(text)),
        Kind::Bytes(bytes) => Kind::Bytes(
            bytes
                .utf8_chunks()
                .flat_map(|chunk| [clean(chunk.valid()).as_bytes(), chunk.invalid()].concat())
                .collect(),
        ),
        Kind::Bool(_) | Kind::Error(_) => kind,
    }
}
