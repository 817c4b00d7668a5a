//! Whether a JSON value kept its shape when it was redacted. The fuzz target includes this file.

use serde_json::Value;

/// The same containers with members of the same shapes; a string or number may have become a string.
pub(crate) fn same_shape(before: &Value, after: &Value) -> bool {
    match (before, after) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_shape(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let gone = a.keys().filter(|name| !b.contains_key(*name)).count();
            let new = b.iter().filter(|(name, _)| !a.contains_key(*name));
            let new: Vec<&Value> = new.map(|(_, value)| value).collect();
            // A name may be redacted too, and two that are fall together, or with one that read
            // like their marker before.
            let is_marker = |name: &String| name.starts_with('[');
            let kept = |(name, value): (&String, &Value)| match b.get(name) {
                Some(after) => is_marker(name) || same_shape(value, after),
                None => new.len() < gone || new.iter().any(|after| same_shape(value, after)),
            };
            new.len() <= gone
                && (gone == 0 || !new.is_empty() || a.keys().any(is_marker))
                && a.iter().all(kept)
        }
        (Value::String(_) | Value::Number(_), Value::String(_)) => true,
        (a, b) => a == b,
    }
}
