//! From a file and an environment to checked values by key.
//!
//! Values are flattened to one text a key (lists and pairs keep their parts), so that both sources
//! meet in the same form and an error can name the key without touching the value.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::keys::{ALL, FORWARD_TOKEN, Key, Kind};
use super::value::{Value, from_text, from_toml_value, lines_of_pairs};
use super::{ConfigError, Secret};

/// The names and values of an environment: the process's, or a test's.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The process's own. Variables that are not UTF-8 are no concern of ours and left out.
    pub fn of_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values may be secrets; names are enough.
        f.debug_set()
            .entries(self.0.keys().filter(|name| name.starts_with(PREFIX)))
            .finish()
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Environment(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

/// The name of the environment variable for a key's path.
pub(crate) fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "__").to_ascii_uppercase())
}

/// What was set, by path, every path known and every value of its key's kind.
pub(super) struct Settings(BTreeMap<String, Value>);

impl Settings {
    pub(super) fn load(file: Option<&Path>, env: &Environment) -> Result<Self, ConfigError> {
        let mut settings = match file {
            None => Settings(BTreeMap::new()),
            Some(path) => {
                Settings::from_toml(&std::fs::read_to_string(path).map_err(|source| {
                    ConfigError::Read {
                        path: path.to_owned(),
                        source,
                    }
                })?)?
            }
        };
        settings.overlay(env)?;
        Ok(settings)
    }

    pub(super) fn from_toml(text: &str) -> Result<Self, ConfigError> {
        // The error of the parser quotes the line it stopped at; ours counts to it.
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let end = error.span().map_or(0, |span| span.start).min(text.len());
            ConfigError::Syntax {
                line: text.as_bytes()[..end]
                    .iter()
                    .filter(|b| **b == b'\n')
                    .count()
                    + 1,
            }
        })?;
        let mut settings = Settings(BTreeMap::new());
        settings.flatten("", table)?;
        Ok(settings)
    }

    fn flatten(&mut self, parent: &str, table: toml::Table) -> Result<(), ConfigError> {
        for (name, value) in table {
            let path = if parent.is_empty() {
                name
            } else {
                format!("{parent}.{name}")
            };
            match (known(&path), value) {
                (Some((_, kind)), value) => {
                    let value = from_toml_value(&path, kind, value)?;
                    self.0.insert(path, value);
                }
                (None, toml::Value::Table(table)) if is_section(&path) => {
                    self.flatten(&path, table)?
                }
                (None, _) if is_section(&path) => {
                    return Err(ConfigError::Invalid {
                        key: path,
                        expected: "a section",
                    });
                }
                (None, _) => return Err(ConfigError::Unknown { key: path }),
            }
        }
        Ok(())
    }

    fn overlay(&mut self, env: &Environment) -> Result<(), ConfigError> {
        for (name, text) in &env.0 {
            let Some(rest) = name.strip_prefix(PREFIX) else {
                continue;
            };
            let path = rest.replace("__", ".").to_ascii_lowercase();
            let (key, kind) =
                known(&path).ok_or_else(|| ConfigError::Unknown { key: name.clone() })?;
            let value = from_text(&path, kind, text)?;
            // A secret from the environment replaces the file's, in whichever form that was given.
            if matches!(key.kind, Kind::Secret | Kind::Pairs) {
                for form in [key.path.to_owned(), format!("{}_file", key.path)] {
                    if !env.0.contains_key(&variable(&form)) {
                        self.0.remove(&form);
                    }
                }
            }
            self.0.insert(path, value);
        }
        let file = format!("{}_file", FORWARD_TOKEN.path);
        if let Some(token) = env.0.get("LOGFIRE_TOKEN").filter(|token| !token.is_empty())
            && !self.0.contains_key(FORWARD_TOKEN.path)
            && !self.0.contains_key(&file)
        {
            self.0
                .insert(FORWARD_TOKEN.path.to_owned(), Value::Text(token.clone()));
        }
        Ok(())
    }

    /// The text of a key that has a default or must be set.
    pub(super) fn text(&self, key: Key) -> Result<String, ConfigError> {
        let text = self.optional(key)?.unwrap_or_default();
        if text.is_empty() {
            Err(invalid(key, "a text that is not empty"))
        } else {
            Ok(text)
        }
    }

    /// The text of a key that may be left unset; empty means unset.
    pub(super) fn optional(&self, key: Key) -> Result<Option<String>, ConfigError> {
        let text = match self.0.get(key.path) {
            Some(Value::Text(text)) => text.as_str(),
            Some(_) => return Err(invalid(key, "a text")),
            None => key.default,
        };
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    pub(super) fn parse<T: FromStr>(
        &self,
        key: Key,
        expected: &'static str,
    ) -> Result<T, ConfigError> {
        self.text(key)?.parse().map_err(|_| invalid(key, expected))
    }

    pub(super) fn choice<T: Copy>(
        &self,
        key: Key,
        choices: &[(&str, T)],
    ) -> Result<T, ConfigError> {
        let text = self.text(key)?;
        let found = choices.iter().find(|(name, _)| *name == text);
        found
            .map(|(_, choice)| *choice)
            .ok_or_else(|| invalid(key, key.about))
    }

    pub(super) fn count(&self, key: Key) -> Result<u64, ConfigError> {
        self.parse(key, "a whole number that is not negative")
    }

    pub(super) fn seconds(&self, key: Key) -> Result<Duration, ConfigError> {
        // The clock cannot add what is much longer, and nobody means it.
        match self.count(key)? {
            seconds @ ..=MAX_SECONDS => Ok(Duration::from_secs(seconds)),
            _ => Err(invalid(key, "a number of seconds of at most ten years")),
        }
    }

    /// A time that must pass: with zero everything would be too late.
    pub(super) fn timeout(&self, key: Key) -> Result<Duration, ConfigError> {
        match self.seconds(key)? {
            Duration::ZERO => Err(invalid(key, "a number of seconds of at least 1")),
            timeout => Ok(timeout),
        }
    }

    pub(super) fn millis(&self, key: Key) -> Result<Duration, ConfigError> {
        match self.count(key)? {
            millis @ ..=MAX_MILLIS => Ok(Duration::from_millis(millis)),
            _ => Err(invalid(key, "a number of milliseconds of at most one hour")),
        }
    }

    /// Origins as a browser names them.
    pub(super) fn origins(&self, key: Key) -> Result<Vec<String>, ConfigError> {
        let origins = self.list(key)?;
        if origins.iter().all(|origin| is_origin(origin)) {
            Ok(origins)
        } else {
            Err(invalid(
                key,
                "origins by name, such as https://app.example.org: scheme, host and port alone, and no *",
            ))
        }
    }

    pub(super) fn rate(&self, key: Key) -> Result<u32, ConfigError> {
        self.parse(key, "a whole number below 4294967296, or 0 for no limit")
    }

    pub(super) fn at_least_one(&self, key: Key) -> Result<usize, ConfigError> {
        match self.parse(key, "a whole number of at least 1")? {
            0 => Err(invalid(key, "a whole number of at least 1")),
            number => Ok(number),
        }
    }

    pub(super) fn list(&self, key: Key) -> Result<Vec<String>, ConfigError> {
        match self.0.get(key.path) {
            Some(Value::List(items)) => Ok(items.clone()),
            Some(_) => Err(invalid(key, "a list of texts")),
            None => Ok(Vec::new()),
        }
    }

    pub(super) fn pairs(&self, key: Key) -> Result<Vec<(String, Secret)>, ConfigError> {
        if let Some(path) = self.secret_file(key)? {
            if self.0.contains_key(key.path) {
                return Err(ConfigError::Twice { key: key.path });
            }
            let text = std::fs::read_to_string(path).map_err(|source| ConfigError::SecretFile {
                key: key.path,
                source,
            })?;
            return lines_of_pairs(&text).ok_or_else(|| invalid(key, "a file of lines name=value"));
        }
        match self.0.get(key.path) {
            Some(Value::Pairs(pairs)) => Ok(pairs
                .iter()
                .map(|(name, value)| (name.clone(), Secret::new(value)))
                .collect()),
            Some(_) => Err(invalid(key, "names and values")),
            None => Ok(Vec::new()),
        }
    }

    pub(super) fn secret_file(&self, key: Key) -> Result<Option<PathBuf>, ConfigError> {
        match self.0.get(&format!("{}_file", key.path)) {
            Some(Value::Text(path)) if !path.is_empty() => Ok(Some(path.into())),
            _ => Ok(None),
        }
    }

    pub(super) fn secret(&self, key: Key) -> Result<Option<Secret>, ConfigError> {
        match (self.optional(key)?, self.secret_file(key)?) {
            (Some(_), Some(_)) => Err(ConfigError::Twice { key: key.path }),
            (Some(text), None) => Ok(Some(Secret::new(text))),
            (None, None) => Ok(None),
            (None, Some(path)) => {
                let text =
                    std::fs::read_to_string(path).map_err(|source| ConfigError::SecretFile {
                        key: key.path,
                        source,
                    })?;
                // Editors and `echo` leave a newline that is not part of the secret.
                Ok(Some(Secret::new(text.trim_end_matches(['\r', '\n']))))
            }
        }
    }
}

/// The key a path belongs to and the kind of value it takes; `<key>_file` of a secret or of pairs
/// takes a plain text.
fn known(path: &str) -> Option<(Key, Kind)> {
    ALL.iter()
        .find_map(|key| match path.strip_prefix(key.path)? {
            "" => Some((*key, key.kind)),
            "_file" if matches!(key.kind, Kind::Secret | Kind::Pairs) => Some((*key, Kind::Text)),
            _ => None,
        })
}

fn is_origin(text: &str) -> bool {
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
        !host.is_empty() && host.bytes().all(allowed)
    })
}

fn is_section(path: &str) -> bool {
    ALL.iter().any(|key| {
        key.path
            .strip_prefix(path)
            .is_some_and(|rest| rest.starts_with('.'))
    })
}

pub(super) fn invalid(key: Key, expected: &'static str) -> ConfigError {
    ConfigError::Invalid {
        key: key.path.to_owned(),
        expected,
    }
}

const MAX_SECONDS: u64 = 10 * 365 * 24 * 3600;
const MAX_MILLIS: u64 = 3600 * 1000;
const PREFIX: &str = "SOLIPLEX_INGEST_";
