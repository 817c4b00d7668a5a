//! Any text, redacted: no panic, the same again when redacted again, no longer than the markers can
//! make it, and JSON still JSON of the same shape.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use soliplex_sanitize::Rules;

#[path = "../../soliplex-sanitize/tests/rules/shape.rs"]
mod shape;

use shape::same_shape;

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
