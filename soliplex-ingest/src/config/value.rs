//! A value as either source writes it.

use super::keys::Kind;
use super::{ConfigError, Secret};

/// What was set for a key, in parts where its kind has parts.
pub(super) enum Value {
    Text(String),
    List(Vec<String>),
    Pairs(Vec<(String, String)>),
}

pub(super) fn from_toml_value(
    path: &str,
    kind: Kind,
    value: toml::Value,
) -> Result<Value, ConfigError> {
    let wrong = |expected| ConfigError::Invalid {
        key: path.to_owned(),
        expected,
    };
    match (kind, value) {
        (Kind::Count, toml::Value::Integer(number)) => Ok(Value::Text(number.to_string())),
        (Kind::Count, _) => Err(wrong("a whole number")),
        (Kind::List, toml::Value::Array(items)) => items
            .into_iter()
            .map(|item| match item {
                toml::Value::String(text) => Ok(text),
                _ => Err(wrong("a list of texts")),
            })
            .collect::<Result<_, _>>()
            .map(Value::List),
        (Kind::List, _) => Err(wrong("a list of texts")),
        (Kind::Pairs, toml::Value::Table(table)) => table
            .into_iter()
            .map(|(name, value)| match value {
                toml::Value::String(text) => Ok((name, text)),
                _ => Err(wrong("a table of texts")),
            })
            .collect::<Result<_, _>>()
            .map(Value::Pairs),
        (Kind::Pairs, _) => Err(wrong("a table of texts")),
        (Kind::Text | Kind::Secret, toml::Value::String(text)) => Ok(Value::Text(text)),
        (Kind::Text | Kind::Secret, _) => Err(wrong("a text")),
    }
}

pub(super) fn from_text(path: &str, kind: Kind, text: &str) -> Result<Value, ConfigError> {
    let items = || {
        text.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
    };
    match kind {
        Kind::Text | Kind::Secret | Kind::Count => Ok(Value::Text(text.to_owned())),
        Kind::List => Ok(Value::List(items().map(str::to_owned).collect())),
        Kind::Pairs => items()
            .map(|item| {
                item.split_once('=')
                    .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
                    .ok_or_else(|| ConfigError::Invalid {
                        key: path.to_owned(),
                        expected: "name=value, separated by commas",
                    })
            })
            .collect::<Result<_, _>>()
            .map(Value::Pairs),
    }
}

/// One name and value a line; a value may hold commas and equals signs.
pub(super) fn lines_of_pairs(text: &str) -> Option<Vec<(String, Secret)>> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| {
            let (name, value) = line.split_once('=')?;
            Some((name.trim().to_owned(), Secret::new(value.trim())))
        })
        .collect()
}
