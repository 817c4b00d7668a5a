//! Any text, redacted: no panic, the same again when redacted again, no longer than the markers can
//! make it, and JSON still JSON of the same shape.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use soliplex_sanitize::Rules;

/// The longest marker, in quotes; every span it replaces holds at least one byte.
const MAX_MARKER_BYTES: usize = 24;

fuzz_target!(|text: &str| {
    let rules = Rules::standard();
    let once = rules.sanitize(text);
    assert!(once.len() <= text.len() * MAX_MARKER_BYTES);
    assert_eq!(rules.sanitize(&once), once, "redacting again changed the text");
    for finding in rules.explain(text) {
        assert!(text.get(finding.range).is_some_and(|part| !part.is_empty()));
    }
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        let after: Value = serde_json::from_str(&once).expect("redacted JSON is JSON");
        assert!(same_shape(&value, &after));
    }
});

/// The same containers with members of the same shapes; a string or number may have become a string.
fn same_shape(before: &Value, after: &Value) -> bool {
    match (before, after) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_shape(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            // A name may be redacted too, and two that are fall together.
            let renamed = |value: &Value| {
                let mut new = b.iter().filter(|(name, _)| !a.contains_key(*name));
                new.any(|(_, b)| same_shape(value, b))
            };
            let kept = |(name, a): (&String, &Value)| match b.get(name) {
                Some(b) => same_shape(a, b),
                None => renamed(a),
            };
            b.len() < a.len() || b.len() == a.len() && a.iter().all(kept)
        }
        (Value::String(_) | Value::Number(_), Value::String(_)) => true,
        (a, b) => a == b,
    }
}
