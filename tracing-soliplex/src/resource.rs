//! What is true of the whole process, sanitized like any field: it passes through no layer, so it
//! is cleaned here, where it enters.

use soliplex_sanitize::{KeyVerdict, Rules};
use soliplex_wire::{AnyValue, Attributes};

/// What a redacted number or container becomes.
const REDACTED: &str = "[REDACTED]";

/// The attributes as they may be kept.
pub(crate) fn sanitized(resource: &Attributes, rules: &Rules) -> Attributes {
    resource
        .iter()
        .filter_map(|(name, value)| Some((name, clean(name, value, rules)?)))
        .collect()
}

/// The value as it may be kept under this name, if it may be kept at all.
fn clean(name: &str, value: &AnyValue, rules: &Rules) -> Option<AnyValue> {
    let verdict = rules.key(name);
    Some(match (verdict, value) {
        (KeyVerdict::Drop, _) => return None,
        // True and false tell no secret, whatever they are called.
        (_, AnyValue::Null | AnyValue::Bool(_)) => value.clone(),
        (_, AnyValue::String(text)) => rules.sanitize_value(name, text).as_ref().into(),
        (KeyVerdict::Redact, _) => REDACTED.into(),
        (KeyVerdict::Keep, AnyValue::Int(_) | AnyValue::Double(_)) => value.clone(),
        (KeyVerdict::Keep, AnyValue::Array(values)) => AnyValue::Array(
            values
                .iter()
                .filter_map(|value| clean(name, value, rules))
                .collect(),
        ),
        (KeyVerdict::Keep, AnyValue::Map(values)) => AnyValue::Map(
            values
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), clean(name, value, rules)?)))
                .collect(),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_confidential_is_kept_at_any_depth() {
        let nested = AnyValue::Map(
            [
                ("password".to_owned(), AnyValue::from("hunter2")),
                ("owner".to_owned(), "jane@example.org".into()),
                ("cores".to_owned(), 8_i64.into()),
            ]
            .into(),
        );
        let resource: Attributes = [
            ("service.name", AnyValue::from("app")),
            ("device.pin", 4711_i64.into()),
            ("contacts", AnyValue::Array(vec!["jane@example.org".into()])),
            ("device", nested),
        ]
        .into_iter()
        .collect();
        let kept = sanitized(&resource, &Rules::standard());
        let text = serde_json::to_string(&kept).unwrap();
        for secret in ["hunter2", "jane", "4711"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert_eq!(kept.get("service.name"), Some(&"app".into()));
        assert!(text.contains(r#""cores":8"#), "{text}");
    }
}
