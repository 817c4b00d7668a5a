//! From a file and an environment to checked values by key.
//!
//! Values are flattened to one text a key (lists and pairs keep their parts), so that both sources
//! meet in the same form and an error can name the key without touching the value.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::Secret;
use super::keys::{ALL, FORWARD_TOKEN, Key, Kind};

/// Why a configuration cannot be used. Names keys and files, never values.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file named on the command line cannot be read.
    #[error("cannot read the configuration file {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("the configuration is not valid TOML: line {line}")]
    Syntax {
        /// The line where reading stopped, counted from one.
        line: usize,
    },
    /// No such key.
    #[error("unknown key {key}{}", suggestion(key))]
    Unknown {
        /// The key as it was written.
        key: String,
    },
    /// The value does not fit the key.
    #[error("{key}: expected {expected}")]
    Invalid {
        /// The key.
        key: String,
        /// What would fit.
        expected: &'static str,
    },
    /// A key that another setting needs.
    #[error("{key} is not set, but {needed_by} needs it")]
    Missing {
        /// The key.
        key: &'static str,
        /// Who needs it.
        needed_by: &'static str,
    },
    /// A secret and the file to read it from are both set.
    #[error("{key} and {key}_file are both set; keep one")]
    Twice {
        /// The key without `_file`.
        key: &'static str,
    },
    /// The file that holds a secret cannot be read.
    #[error("{key}_file: cannot read the file")]
    SecretFile {
        /// The key without `_file`.
        key: &'static str,
        /// Why not.
        source: io::Error,
    },
}

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

enum Value {
    Text(String),
    List(Vec<String>),
    Pairs(Vec<(String, String)>),
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

/// One name and value a line; a value may hold commas and equals signs.
fn lines_of_pairs(text: &str) -> Option<Vec<(String, Secret)>> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| {
            let (name, value) = line.split_once('=')?;
            Some((name.trim().to_owned(), Secret::new(value.trim())))
        })
        .collect()
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

fn from_toml_value(path: &str, kind: Kind, value: toml::Value) -> Result<Value, ConfigError> {
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

fn from_text(path: &str, kind: Kind, text: &str) -> Result<Value, ConfigError> {
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

fn invalid(key: Key, expected: &'static str) -> ConfigError {
    ConfigError::Invalid {
        key: key.path.to_owned(),
        expected,
    }
}

/// The known key that ends like the unknown one, for the usual slip of a forgotten section.
fn suggestion(key: &str) -> String {
    let name = key
        .rsplit(['.', '_'])
        .next()
        .unwrap_or(key)
        .to_ascii_lowercase();
    let mut text = String::new();
    if let Some(near) = ALL
        .iter()
        .find(|known| known.path.rsplit(['.', '_']).next() == Some(&name))
    {
        // Writing to a String cannot fail.
        let _ = write!(text, " (did you mean {}?)", near.path);
    }
    text
}

const MAX_SECONDS: u64 = 10 * 365 * 24 * 3600;
const MAX_MILLIS: u64 = 3600 * 1000;
const PREFIX: &str = "SOLIPLEX_INGEST_";
