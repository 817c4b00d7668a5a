//! This reader against `serde_json`.

use proptest::prelude::*;

use super::*;
use crate::limits::MAX_DEPTH;

fn read(text: &str) -> Option<AnyValueRef<'_>> {
    let mut json = Json::new(text);
    let value = json.value(MAX_DEPTH)?;
    json.is_at_end().then_some(value)
}

fn passed_over(text: &str) -> Option<&str> {
    let mut json = Json::new(text);
    let raw = json.raw(MAX_DEPTH)?;
    json.is_at_end().then_some(raw)
}

/// JSON, or nearly: tokens that belong together more often than not.
fn nearly_json() -> impl Strategy<Value = String> {
    let token = proptest::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"\"",
        "\"b\\n\"",
        "\"\\u00e4\"",
        "\"\\ud800\"",
        "\"\\x\"",
        "\"ä\"",
        "\"\u{1}\"",
        "\"",
        "\\",
        "0",
        "-0",
        "-1",
        "01",
        "1.5",
        "1e3",
        "1e",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "999999999999999999",
        "1000000000000000000",
        "1e400",
        "-1.25",
        "0.10",
        "1.",
        "-0.0",
        "0.1e1",
        "9007199254740993.5",
        "900719925474099.25",
        "0.000000000000000001",
        "0.0000000000000000001",
        "-",
        "true",
        "false",
        "null",
        "nul",
        " ",
        "\n",
        "\t",
        "\u{a0}",
        "\"a\":",
        "\"a\":1,",
        "[1,",
        "{\"k\":[",
    ]);
    proptest::collection::vec(token, 0..12).prop_map(|tokens| tokens.concat())
}

/// Any value, with space and escapes where JSON has them.
fn json() -> impl Strategy<Value = String> {
    let text = "[ -~äß日\u{7f}\u{1f980}\n\t\"\\\\]{0,40}";
    let leaf = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>()
            .prop_filter("JSON has no such number", |number| number.is_finite())
            .prop_map(|number| format!("{number:e}")),
        (any::<i64>(), 0..20_u32, any::<u32>()).prop_map(|(whole, places, rest)| format!(
            "{}.{rest:01$}",
            whole >> (places * 3),
            places as usize
        )),
        text.prop_map(|text| serde_json::to_string(&text).unwrap()),
        proptest::sample::select(vec!["true", "false", "null", "-0", "0"]).prop_map(String::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        let pair = (text, inner.clone()).prop_map(|(key, value)| {
            format!("{} :\t{value}", serde_json::to_string(&key).unwrap())
        });
        prop_oneof![
            proptest::collection::vec(inner, 0..6)
                .prop_map(|values| format!("[ {}]", values.join(",\n"))),
            proptest::collection::vec(pair, 0..6)
                .prop_map(|pairs| format!("{{{} }}", pairs.join(" ,"))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn what_is_read_is_what_serde_json_reads(text in prop_oneof![nearly_json(), any::<String>()]) {
        let expected = serde_json::from_str::<AnyValueRef<'_>>(&text).ok();
        prop_assert_eq!(passed_over(&text), expected.as_ref().map(|_| text.trim()));
        prop_assert_eq!(read(&text), expected);
    }

    #[test]
    fn all_json_within_the_limits_is_read(text in json()) {
        let expected = serde_json::from_str::<AnyValueRef<'_>>(&text).unwrap();
        prop_assert_eq!(read(&text), Some(expected));
        prop_assert_eq!(passed_over(&text), Some(text.trim()));
    }

    #[test]
    fn a_string_ends_where_it_ends(text in "[ -~ä]{0,40}", place in 0..40_usize, byte in any::<u8>()) {
        let mut bytes = text.into_bytes();
        let place = place.min(bytes.len());
        bytes.insert(place, byte & 0x7f);
        if let Ok(text) = std::str::from_utf8(&bytes) {
            let json = Json::new(text);
            let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..b' ');
            let expected = bytes.iter().position(is_special).unwrap_or(bytes.len());
            prop_assert_eq!(json.plain_until(0), expected);
        }
    }
}

#[test]
fn nesting_beyond_the_limit_is_left_to_the_other_reader() {
    for (levels, is_read) in [(MAX_DEPTH, true), (MAX_DEPTH + 1, false), (100_000, false)] {
        let text = "[".repeat(levels) + &"]".repeat(levels);
        assert_eq!(read(&text).is_some(), is_read, "{levels}");
    }
}

#[test]
fn a_raw_value_is_the_text_of_one_value() {
    let mut json = Json::new(r#" {"a": [1, "]"]} , 2"#);
    assert_eq!(json.raw(MAX_DEPTH), Some(r#"{"a": [1, "]"]}"#));
    assert_eq!(json.eat(b','), Some(()));
    assert_eq!(json.raw(MAX_DEPTH), Some("2"));
    assert_eq!(json.raw(MAX_DEPTH), None);
}
