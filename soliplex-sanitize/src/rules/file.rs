//! Rules from a TOML file.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::builder::dod;
use super::{Rules, RulesBuilder, RulesError};

/// The shape of a rules file; every part may be left out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// `standard` or `none`.
    #[serde(default)]
    preset: Preset,
    #[serde(default)]
    deny_keys: Vec<String>,
    #[serde(default)]
    allow_keys: Vec<String>,
    /// Allowlist mode.
    allow_only: Option<Vec<String>>,
    /// Built-in rules that are switched off.
    #[serde(default)]
    without: Vec<String>,
    /// Built-in rule to replacement.
    #[serde(default)]
    replacements: BTreeMap<String, String>,
    #[serde(default, rename = "pattern")]
    patterns: Vec<PatternEntry>,
    /// Rules for single loggers, by the logger's name.
    #[serde(default, rename = "logger")]
    loggers: BTreeMap<String, File>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Preset {
    #[default]
    Standard,
    Dod,
    None,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PatternEntry {
    name: String,
    regex: String,
    replacement: Option<String>,
}

pub(super) fn read(text: &str) -> Result<Rules, RulesError> {
    let file: File = toml::from_str(text).map_err(|e| RulesError::File(Box::new(e)))?;
    build(file)
}

fn build(file: File) -> Result<Rules, RulesError> {
    let mut builder = match file.preset {
        Preset::Standard => RulesBuilder::standard(),
        Preset::Dod => dod(),
        Preset::None => RulesBuilder::empty(),
    };
    builder = file
        .deny_keys
        .iter()
        .fold(builder, |b, key| b.deny_key(key));
    builder = file
        .allow_keys
        .iter()
        .fold(builder, |b, key| b.allow_key(key));
    if let Some(keys) = file.allow_only {
        builder = builder.allow_only(keys);
    }
    builder = file
        .without
        .into_iter()
        .fold(builder, RulesBuilder::without);
    for (rule, text) in file.replacements {
        builder = builder.replacement(rule, text);
    }
    for pattern in file.patterns {
        builder = match pattern.replacement {
            Some(text) => builder.pattern_with(pattern.name, pattern.regex, text),
            None => builder.pattern(pattern.name, pattern.regex),
        };
    }
    for (logger, rules) in file.loggers {
        builder = builder.for_logger(logger, build(rules)?);
    }
    builder.build()
}
