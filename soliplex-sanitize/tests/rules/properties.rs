//! What holds for every text: redacting twice changes nothing, JSON stays JSON, nothing secret that
//! was put in comes out.

use std::sync::OnceLock;

use proptest::prelude::*;
use serde_json::Value;
use soliplex_sanitize::Rules;

use crate::shape::same_shape;

/// The longest marker with quotes around it; what it replaces has at least one byte.
const MAX_MARKER_BYTES: usize = 24;

/// Pieces that rules react to, alone and against each other's edges.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "\\PC{0,12}",
        2 => "[a-z]{1,8}",
        3 => prop::sample::select(PIECES).prop_map(str::to_owned),
        1 => "[0-9]{1,20}",
        1 => "[0-9]{1,4}([-. :][0-9]{1,4}){1,6}",
        1 => "[A-Za-z0-9_-]{10,50}",
        // What lies further apart than most rules look is not read together the second time.
        1 => "( [a-z]{1,9}){6,24} ",
        1 => "[\\x00-\\x7f]{0,6}",
    ]
}

const PIECES: &[&str] = &[
    "file://",
    "C:",
    "password=",
    "token: ",
    "\"secret\":",
    "\\\"pin\\\":",
    "'",
    "\"",
    "\\",
    "\\\\",
    "\n",
    "\r\n",
    "\\n",
    " ",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    ",",
    ";",
    "&",
    "=",
    ":",
    "=>",
    "@",
    "ann@example.com",
    "https://u:p@h.example/",
    "10.0.0.1",
    "::2",
    "2001:db8::",
    "219-09-9999",
    "4111111111111111",
    "+1 415 555 0132",
    "Bearer ",
    "bearer abc123",
    "eyJhbGciOiJIUzI1NiJ9.",
    "ghp_",
    "-----BEGIN PRIVATE KEY-----",
    "-----END PRIVATE KEY-----",
    "/home/ann/src/main.rs:1",
    "C:\\Users\\ann\\x",
    "[REDACTED]",
    "[EMAIL]",
    "[IPV4]",
    "\u{1b}[31m",
    "\u{ff11}",
    "%40",
    "\\u0040",
    "&#64;",
    "lat 38.8977",
    "imei ",
    "Cookie: a=b; ",
    "Authorization: ",
    "Basic dXNlcjpwYXNz",
    "<password>",
    "Some(",
    "passport ",
    "hooks.slack.com/services/",
];

/// Rules with names, patterns and markers of the user's, some of them on nearly everything.
fn own() -> Rules {
    static OWN: OnceLock<Rules> = OnceLock::new();
    let build = || {
        let rules = Rules::builder()
            .deny_key("count")
            .allow_key("api_key")
            .without("phone")
            .replacement("email", "<mail>")
            .pattern("word", "[b-d]{3,}")
            .pattern("pair", r"x(\d+)y?")
            .pattern_if("even", r"\b\d{2,6}\b", |n: &str| {
                n.ends_with(['0', '2', '4'])
            });
        rules.build().expect("the rules are good")
    };
    OWN.get_or_init(build).clone()
}

fn listed() -> Rules {
    let rules = Rules::builder().allow_only(["message", "user", "nested", "token"]);
    rules.build().expect("the rules are good")
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..12).prop_map(|pieces| pieces.concat())
}

/// A value with names that matter and texts that do.
fn value() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        prop::sample::select(
            &[
                "password", "token", "user", "cookies", "count", "lat", "message", "api_key",
                "nested"
            ][..]
        )
        .prop_map(str::to_owned),
        "[a-z]{1,6}"
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// `file://` at the end of a message made the thread that logged it panic.
#[test]
fn a_text_may_end_where_a_path_should_begin() {
    for text in [
        "file://",
        "see file://",
        "file:///C:",
        "at file:///c:",
        "C:\\",
        "/",
    ] {
        assert_eq!(Rules::standard().sanitize(text), text);
    }
}

/// A command's flag at the end of a JSON string took the quote behind it for its argument's.
#[test]
fn a_flag_at_the_end_of_a_string_leaves_the_string_whole() {
    for text in [
        r#"{"body":"[{\"password\":[[\"--x-Bearer \"]]}]"}"#,
        r#"{"body":"[\"--x-Bearer Σ\"]"}"#,
        r#"{"body":"[\"docker login -p \"]"}"#,
        r#"{"body":"docker login -p s3cret\"x"}"#,
    ] {
        let clean = Rules::standard().sanitize(text).into_owned();
        let value: Result<Value, _> = serde_json::from_str(&clean);
        assert!(value.is_ok(), "{text} => {clean}");
    }
}

/// Arguments end at a bracket, so that each time a marker was read anew it grew by one.
#[test]
fn a_marker_behind_a_flag_does_not_grow() {
    for text in [
        "sshpass -p s3cretPw ssh root@db",
        "docker login -u ci -p s3cretPw",
        "machine db login ann password s3cretPw",
    ] {
        let clean = Rules::standard().sanitize(text).into_owned();
        assert!(
            clean.contains("[REDACTED]") && !clean.contains("]]"),
            "{clean}"
        );
    }
}

/// So many finds that the rest of the text goes with them, whatever is hidden behind them.
#[test]
fn what_follows_too_many_finds_goes_with_them() {
    let rules = Rules::standard();
    let known = "::2 ".repeat(16 * 1024);
    assert_eq!(rules.sanitize(&known), "[IPV6] ".repeat(16 * 1024));
    for dense in [
        "::2 ",
        "a@é.é ",
        "é ::2 ",
        "219-09-9999\nx ",
        "password=[\"ab\",\"cd\"] ",
    ] {
        for hidden in ["ann@example.com", "ann%40example.com", "plain words"] {
            let text = format!("first {}{hidden} {dense}", dense.repeat(17_000));
            let clean = rules.sanitize(&text);
            let gone = !clean.contains(hidden) && clean.starts_with("first ");
            assert!(gone, "{hidden} behind many {dense}");
            assert_eq!(
                rules.sanitize(&clean),
                clean,
                "{hidden} behind many {dense}"
            );
        }
    }
}

/// As many places that are looked at, though nothing is found there.
#[test]
fn what_follows_too_many_looks_goes_with_them() {
    let rules = Rules::standard();
    for few in ["key=x ".repeat(40_000), "wörd ".repeat(200_000)] {
        assert!(rules.sanitize(&few) == few, "{:.10} …", few);
    }
    for dense in ["key=x ", "a: b, ", "12:34:", "(+1 "] {
        let text = format!("first {}ann@example.com", dense.repeat(60_000));
        let clean = rules.sanitize(&text);
        assert!(clean.ends_with("[REDACTED]"), "{dense}");
        assert!(!clean.contains("ann@"), "{dense}");
        assert!(clean.starts_with("first "), "{dense}");
        assert_eq!(rules.sanitize(&clean), clean, "{dense}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn redacting_twice_changes_nothing(text in text()) {
        for rules in [Rules::standard(), Rules::dod(), own()] {
            let once = rules.sanitize(&text).into_owned();
            prop_assert_eq!(rules.sanitize(&once), once.as_str(), "of {:?} by {:?}", text, rules);
        }
    }

    #[test]
    fn redacting_a_value_twice_changes_nothing_whatever_the_rules(value in value()) {
        for rules in [Rules::dod(), own(), listed()] {
            let mut once = value.clone();
            rules.sanitize_json(&mut once);
            let mut twice = once.clone();
            rules.sanitize_json(&mut twice);
            prop_assert_eq!(once, twice, "of {:?} by {:?}", value, rules);
        }
    }

    #[test]
    fn redacted_text_grows_no_more_than_its_markers(text in text()) {
        let clean = Rules::standard().sanitize(&text).into_owned();
        prop_assert!(clean.len() <= text.len() * MAX_MARKER_BYTES);
    }

    #[test]
    fn findings_are_in_order_apart_and_on_characters(text in text()) {
        let mut end = 0;
        for finding in Rules::standard().explain(&text) {
            prop_assert!(finding.range.start >= end && finding.range.start < finding.range.end);
            prop_assert!(text.get(finding.range.clone()).is_some());
            end = finding.range.end;
        }
    }

    #[test]
    fn a_text_is_borrowed_exactly_when_nothing_is_found(text in text()) {
        let rules = Rules::standard();
        let borrowed = matches!(rules.sanitize(&text), std::borrow::Cow::Borrowed(_));
        prop_assert_eq!(borrowed, rules.explain(&text).is_empty());
    }

    #[test]
    fn json_in_a_text_stays_json_of_the_same_shape(value in value()) {
        let text = serde_json::json!([value]).to_string();
        let value = serde_json::json!([value]);
        let clean = Rules::standard().sanitize(&text).into_owned();
        let after: Value = serde_json::from_str(&clean).map_err(|e| TestCaseError::fail(format!("{e}: {text} => {clean}")))?;
        prop_assert!(same_shape(&value, &after), "{} => {}", text, clean);
    }

    #[test]
    fn json_in_a_json_string_stays_json_of_the_same_shape(value in value()) {
        let value = serde_json::json!([value]);
        let text = serde_json::json!({ "body": value.to_string() }).to_string();
        let clean = Rules::standard().sanitize(&text).into_owned();
        let outer: Value = serde_json::from_str(&clean).map_err(|e| TestCaseError::fail(format!("{e}: {text} => {clean}")))?;
        let body = outer["body"].as_str().ok_or_else(|| TestCaseError::fail("the body is a string"))?;
        let after: Value = serde_json::from_str(body).map_err(|e| TestCaseError::fail(format!("{e}: {text} => {clean}")))?;
        prop_assert!(same_shape(&value, &after), "{} => {}", text, clean);
    }

    #[test]
    fn a_structured_value_keeps_its_shape_and_is_clean_the_first_time(value in value()) {
        let rules = Rules::standard();
        let mut once = value.clone();
        rules.sanitize_json(&mut once);
        prop_assert!(same_shape(&value, &once));
        let mut twice = once.clone();
        rules.sanitize_json(&mut twice);
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn a_password_in_a_pair_never_comes_out(secret in "[a-z]{3}[A-Z0-9]{8}", before in "[a-z ]{0,10}", sep in prop::sample::select(&["=", ": ", "=\"", "\": \"", " => '"][..])) {
        let line = format!("{before} password{sep}{secret}");
        prop_assert!(!Rules::standard().sanitize(&line).contains(&secret), "{}", line);
    }

    #[test]
    fn an_address_with_its_neighbors_never_comes_out(a in 1_u8..255, b in any::<u8>(), c in any::<u8>(), d in 1_u8..255, before in "[a-df-h]{1,6}[ (=\\[,]", after in "[ ):,;\\]]") {
        // Every machine's own is none that names one.
        prop_assume!(a != 127);
        let address = format!("{a}.{b}.{c}.{d}");
        let line = format!("{before}{address}{after}");
        prop_assert!(!Rules::standard().sanitize(&line).contains(&address), "{}", line);
    }
}
