//! Structured values: maps, lists, and the name as the context of a value.

use std::borrow::Cow;
use std::cell::Cell;

use serde_json::Value;

use super::catalog::Rule;
use super::keys::{holds_settings, is_set_to, is_setting};
use super::span::Source;
use super::{KeyVerdict, REDACTED, Rules, scan};

/// Values nested deeper than this go whole: nobody reads them, and the walk must end.
const MAX_DEPTH: usize = 64;

/// Redacts a value in place.
pub(super) fn sanitize(rules: &Rules, value: &mut Value) {
    walk(rules, "", value, 0);
}

fn walk(rules: &Rules, key: &str, value: &mut Value, depth: usize) {
    if depth > MAX_DEPTH {
        return redact_whole(rules, value);
    }
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::String(text) => {
            if let Cow::Owned(clean) = in_context(rules, key, text) {
                *text = clean;
            }
        }
        Value::Number(number) => {
            let text = number.to_string();
            if let Cow::Owned(clean) = in_context(rules, key, &text) {
                *value = Value::String(clean);
            }
        }
        Value::Array(items) => {
            redact_told(rules, items);
            items
                .iter_mut()
                .for_each(|item| walk(rules, key, item, depth + 1));
        }
        Value::Object(map) => {
            map.retain(|name, _| rules.key(name) != KeyVerdict::Drop);
            redact_named(rules, map);
            for (name, item) in map.iter_mut() {
                match rules.key(name) {
                    // Where a shell works, and no password.
                    KeyVerdict::Redact if name == "PWD" && is_folder(item) => {
                        walk(rules, "", item, depth + 1);
                    }
                    KeyVerdict::Redact if holds_settings(name.as_bytes()) => {
                        redact_unless_set(rules, item);
                    }
                    KeyVerdict::Redact => redact_whole(rules, item),
                    _ => walk(rules, name, item, depth + 1),
                }
            }
            clean_names(rules, map);
        }
    }
}

/// `{"auth": {"type": "oidc", "retries": 3, "user": "…"}}`: of a map, what plainly says how one is
/// let in stays, where its name would stay by itself.
fn redact_unless_set(rules: &Rules, value: &mut Value) {
    let Value::Object(map) = value else {
        return redact_whole(rules, value);
    };
    map.retain(|name, _| rules.key(name) != KeyVerdict::Drop);
    for (name, item) in map {
        let set = match item {
            Value::String(text) => is_set_to(text.as_bytes()),
            Value::Number(number) => is_set_to(number.to_string().as_bytes()),
            _ => false,
        };
        if !(set && is_setting(name.as_bytes()) && rules.key(name) == KeyVerdict::Keep) {
            redact_whole(rules, item);
        }
    }
}

fn is_folder(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.starts_with('/'))
}

/// Every string and number goes; `true`, `false`, null and the shape stay.
fn redact_whole(rules: &Rules, value: &mut Value) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::String(text) if text.is_empty() || rules.0.is_marker(text.as_bytes()) => {}
        Value::String(_) | Value::Number(_) => {
            rules.0.count(Source::Builtin(Rule::Key));
            *value = Value::String(REDACTED.to_owned());
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redact_whole(rules, item)),
        Value::Object(map) => map.values_mut().for_each(|item| redact_whole(rules, item)),
    }
}

/// `["Authorization", "…"]` and `["--password", "…"]`: in a pair, and in the arguments of a command,
/// one string names the next.
fn redact_told(rules: &Rules, items: &mut [Value]) {
    let is_pair = items.len() == 2;
    for i in 1..items.len() {
        let (before, rest) = items.split_at_mut(i);
        let Some(name) = before[i - 1].as_str() else {
            continue;
        };
        let flag = name.strip_prefix("--").or_else(|| name.strip_prefix('-'));
        let (Some(name), Some(value)) = (flag.or(is_pair.then_some(name)), rest.first_mut()) else {
            continue;
        };
        // A list of names says nothing of what stands under them.
        let names = value.as_str().is_some_and(|text| {
            text.bytes()
                .all(|c| c.is_ascii_lowercase() || matches!(c, b'_' | b'-'))
        });
        // A text that was redacted has a bracket in it, and is no name for having lost its rest.
        let plain = !name.contains(['[', '<']);
        if !names && plain && rules.key(name) == KeyVerdict::Redact {
            redact_whole(rules, value);
        }
    }
}

/// `{"name": "Authorization", "value": "…"}`: one member names what another holds.
fn redact_named(rules: &Rules, map: &mut serde_json::Map<String, Value>) {
    let named = ["name", "key", "header"].into_iter().any(|by| {
        let name = map.get(by).and_then(Value::as_str);
        name.is_some_and(|name| rules.key(name) == KeyVerdict::Redact)
    });
    if named && let Some(value) = map.get_mut("value") {
        redact_whole(rules, value);
    }
}

/// A secret can stand in a name too (`{"ann@example.com": 3}`).
fn clean_names(rules: &Rules, map: &mut serde_json::Map<String, Value>) {
    let unclean: Vec<String> = map
        .keys()
        .filter(|name| matches!(rules.sanitize(name), Cow::Owned(_)))
        .cloned()
        .collect();
    for name in unclean {
        let Some(value) = map.remove(&name) else {
            continue;
        };
        let clean = rules.sanitize(&name).into_owned();
        let mut free = clean.clone();
        let mut n = 2;
        // Two names may come out alike; neither value is lost for it.
        while map.contains_key(&free) {
            free = format!("{clean}#{n}");
            n += 1;
        }
        map.insert(free, value);
    }
}

/// Redacts the text of a field whose name is not itself sensitive but may say what the text is:
/// `edipi`, `imei`, `lat`.
pub(super) fn in_context<'a>(rules: &Rules, key: &str, text: &'a str) -> Cow<'a, str> {
    if is_version(key, text) {
        return Cow::Borrowed(text);
    }
    let clean = rules.sanitize(text);
    if key.is_empty() || !wants_context(&clean) {
        return clean;
    }
    // The name and the value as one text, so that the name is the word before the value.
    let mut joined = SPARE.try_with(Cell::take).unwrap_or_default();
    joined.clear();
    joined.push_str(key);
    joined.push('=');
    joined.push_str(&clean);
    let mut found = scan::find(&rules.0, &joined);
    found.spans.retain_mut(|span| {
        let inside = span.start > key.len();
        if inside {
            span.start -= key.len() + 1;
            span.end -= key.len() + 1;
        }
        inside
    });
    let _ = SPARE.try_with(|spare| spare.set(joined));
    if found.spans.is_empty() {
        clean
    } else {
        Cow::Owned(rules.write(&clean, found))
    }
}

/// Dotted numbers under such a name are a version, though they may look like an address.
fn is_version(key: &str, text: &str) -> bool {
    text.bytes().all(|c| c.is_ascii_digit() || c == b'.')
        && text.contains('.')
        && names_version(key.as_bytes())
}

/// Whether what such a name names is a version.
pub(super) fn names_version(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 5] = [b"version", b"firmware", b"release", b"build", b"kernel"];
    let ends = |word: &[u8]| {
        let start = name.len().checked_sub(word.len());
        start.is_some_and(|start| name[start..].eq_ignore_ascii_case(word))
    };
    NAMES.into_iter().any(ends)
}

thread_local! {
    /// Where a name and its value are joined, kept between calls: clean values allocate nothing.
    static SPARE: Cell<String> = const { Cell::new(String::new()) };
}

/// Only short texts with a digit can be told by their name.
pub(super) fn wants_context(text: &str) -> bool {
    (6..=512).contains(&text.len()) && text.bytes().filter(u8::is_ascii_digit).count() >= 4
}
