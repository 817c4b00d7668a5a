//! Adding to and taking from the rules.

use std::sync::Arc;

use regex::RegexBuilder;

use super::Rules;
use super::catalog::Rule;
use super::patterns::{Pattern, Validator};
use super::table::{Normal, Table};

/// A compiled pattern may take this much memory; a larger one is an error, not a slow process.
const MAX_PATTERN_BYTES: usize = 1 << 20;

/// Adds to and takes from a rule set; everything is checked by [`build`](RulesBuilder::build).
///
/// ```
/// use soliplex_sanitize::Rules;
///
/// let rules = Rules::builder()
///     .deny_key("mrn")
///     .allow_key("session_token_hint")
///     .pattern("ticket", r"\bTCK-\d{6}\b")
///     .without("phone")
///     .build()?;
/// assert_eq!(rules.sanitize("mrn=A-77 for TCK-123456"), "mrn=[REDACTED] for [TICKET]");
/// # Ok::<(), soliplex_sanitize::RulesError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct RulesBuilder {
    on: u64,
    denied: Vec<String>,
    allowed: Vec<String>,
    allowlist: Option<Vec<String>>,
    patterns: Vec<Added>,
    replacements: Vec<(String, String)>,
    without: Vec<String>,
    scopes: Vec<(String, Rules)>,
}

#[derive(Clone)]
struct Added {
    name: String,
    regex: String,
    marker: Option<String>,
    validator: Option<Validator>,
}

/// Why a rule set could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// A pattern is not a regular expression, or compiles to more than a megabyte.
    #[error("pattern {name} does not compile")]
    Pattern {
        /// The pattern's name.
        name: String,
        /// What the compiler said.
        #[source]
        source: Box<regex::Error>,
    },
    /// A pattern matches the empty text, so it would fire everywhere.
    #[error("pattern {name} matches the empty text")]
    EmptyMatch {
        /// The pattern's name.
        name: String,
    },
    /// No built-in rule has this name.
    #[error("there is no rule named {name}")]
    UnknownRule {
        /// The name that was asked for.
        name: String,
    },
    /// Two patterns, or a pattern and a built-in rule, share a name.
    #[error("rule {name} is named twice")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// What is put in place of a rule's matches would be redacted itself, and again each time.
    #[error("the replacement of {name} would be redacted itself")]
    Replacement {
        /// The rule's or the pattern's name.
        name: String,
    },
    /// The text is not TOML, or not of the shape of a rules file.
    #[error("rules file is not valid")]
    File(#[source] Box<toml::de::Error>),
}

impl RulesBuilder {
    pub(super) fn standard() -> RulesBuilder {
        RulesBuilder {
            on: u64::MAX,
            denied: Vec::new(),
            allowed: Vec::new(),
            allowlist: None,
            patterns: Vec::new(),
            replacements: Vec::new(),
            without: Vec::new(),
            scopes: Vec::new(),
        }
    }

    /// No rules at all, to begin from nothing.
    pub fn empty() -> RulesBuilder {
        RulesBuilder {
            on: 0,
            ..RulesBuilder::standard()
        }
    }

    /// The value of fields whose name ends in these words goes, in any spelling: `mrn` covers
    /// `MRN`, `patient.mrn` and `patientMrn`.
    pub fn deny_key(mut self, key: impl AsRef<str>) -> Self {
        self.denied.push(normal(key.as_ref()));
        self
    }

    /// Fields of this name, in any spelling, are not sensitive by name; patterns still apply.
    pub fn allow_key(mut self, key: impl AsRef<str>) -> Self {
        self.allowed.push(normal(key.as_ref()));
        self
    }

    /// Allowlist mode: only fields of these names pass at all, and the other rules still apply to
    /// them. Called again, it adds. An event's text is a field too, `message`; what is no field,
    /// an event's logger or a [user's id](Rules::sanitize_id), is not on the list.
    pub fn allow_only<K: AsRef<str>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.allowlist
            .get_or_insert_default()
            .extend(keys.into_iter().map(|k| normal(k.as_ref())));
        self
    }

    /// Adds a pattern; its marker is its name in capitals, `[TICKET]`.
    pub fn pattern(self, name: impl Into<String>, regex: impl Into<String>) -> Self {
        self.add(name.into(), regex.into(), None, None)
    }

    /// Adds a pattern with what is put in place of a match.
    pub fn pattern_with(
        self,
        name: impl Into<String>,
        regex: impl Into<String>,
        replacement: impl Into<String>,
    ) -> Self {
        self.add(name.into(), regex.into(), Some(replacement.into()), None)
    }

    /// Adds a pattern whose matches count only when `valid` agrees: a check digit, a range. The
    /// [fingerprint](Rules::hash) does not know what `valid` does.
    pub fn pattern_if(
        self,
        name: impl Into<String>,
        regex: impl Into<String>,
        valid: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.add(name.into(), regex.into(), None, Some(Arc::new(valid)))
    }

    fn add(
        mut self,
        name: String,
        regex: String,
        marker: Option<String>,
        validator: Option<Validator>,
    ) -> Self {
        self.patterns.push(Added {
            name,
            regex,
            marker,
            validator,
        });
        self
    }

    /// Puts `text` in place of what a built-in rule finds, instead of the rule's marker.
    pub fn replacement(mut self, rule: impl Into<String>, text: impl Into<String>) -> Self {
        self.replacements.push((rule.into(), text.into()));
        self
    }

    /// Switches a built-in rule off.
    pub fn without(mut self, rule: impl Into<String>) -> Self {
        self.without.push(rule.into());
        self
    }

    /// Records of this logger and those below it (`app::db` covers `app::db::pool`) follow these
    /// rules instead, which take over nothing of the others; see [`Rules::for_logger`].
    pub fn for_logger(mut self, logger: impl Into<String>, rules: Rules) -> Self {
        self.scopes.push((logger.into(), rules));
        self
    }

    /// Checks every pattern and every name.
    ///
    /// # Errors
    ///
    /// The first pattern that does not compile or matches nothing, the first name that is unknown
    /// or given twice, the first replacement that these rules would redact.
    pub fn build(self) -> Result<Rules, RulesError> {
        let mut table = Table::new(self.on);
        for name in self.without {
            let rule = Rule::named(&name).ok_or(RulesError::UnknownRule { name })?;
            table.on &= !(1 << rule as u64);
        }
        for (name, text) in self.replacements {
            let rule = Rule::named(&name).ok_or(RulesError::UnknownRule { name })?;
            table.markers[rule as usize] = text;
        }
        for added in self.patterns {
            let pattern = compile(added)?;
            if Rule::named(&pattern.name).is_some()
                || table.patterns.iter().any(|p| p.name == pattern.name)
            {
                return Err(RulesError::Duplicate { name: pattern.name });
            }
            table.patterns.push(pattern);
        }
        table.denied = self.denied;
        table.allowed = self.allowed;
        table.allowlist = self.allowlist;
        table.scopes = self.scopes;
        let rules = Rules(Arc::new(table.seal()));
        let mut markers = rules.0.markers();
        let unclean = markers.find(|(_, marker)| !rules.explain(marker).is_empty());
        if let Some((name, _)) = unclean {
            let name = name.to_owned();
            return Err(RulesError::Replacement { name });
        }
        drop(markers);
        Ok(rules)
    }
}

fn compile(added: Added) -> Result<Pattern, RulesError> {
    let Added {
        name,
        regex,
        marker,
        validator,
    } = added;
    let regex = match RegexBuilder::new(&regex)
        .size_limit(MAX_PATTERN_BYTES)
        .dfa_size_limit(MAX_PATTERN_BYTES)
        .build()
    {
        Ok(regex) => regex,
        Err(source) => {
            return Err(RulesError::Pattern {
                name,
                source: Box::new(source),
            });
        }
    };
    if regex.is_match("") {
        return Err(RulesError::EmptyMatch { name });
    }
    let marker = marker
        .unwrap_or_else(|| format!("[{}]", name.to_uppercase().replace(['-', ' ', '.'], "_")));
    Ok(Pattern {
        name,
        regex,
        marker,
        validator,
    })
}

fn normal(key: &str) -> String {
    String::from_utf8_lossy(Normal::of(key.as_bytes()).as_bytes()).into_owned()
}

/// The stricter rules.
pub(super) fn dod() -> RulesBuilder {
    let keys = [
        "name",
        "first_name",
        "last_name",
        "full_name",
        "username",
        "user_name",
        "callsign",
        "call_sign",
        "rank",
        "unit",
        "uic",
        "address",
        "hostname",
        "host_name",
        "device_name",
        "email",
        "phone",
        "lat",
        "lon",
        "lng",
        "latitude",
        "longitude",
        "mgrs",
        "grid",
        "position",
        "coordinates",
        "location",
    ];
    let builder = keys
        .into_iter()
        .fold(RulesBuilder::standard(), RulesBuilder::deny_key);
    builder
        .pattern_with("edipi-near-person", r"(?i)\b(?:user|member|cac|person|sailor|soldier|airman|marine|officer|dod)\b[^\n\d]{0,16}(\d{10})\b", "[EDIPI]")
        .pattern_with("bare-coordinates", r"(-?\d{1,2}\.\d{4,}\s*,\s*-?\d{1,3}\.\d{4,})", "[COORDINATES]")
}
