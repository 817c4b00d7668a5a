//! Structured values: every leaf that is marked loses its secret, every other one stays.
//!
//! A line of `structured.txt` is JSON. In a string, `«…»` marks what must go; `«#…»` is a number
//! that must go. All other leaves must come out as they went in, under the same names.

use serde_json::Value;
use soliplex_sanitize::Rules;

use crate::lines::{headed, split_secret};
use crate::values::{Random, fill};

const ROUNDS: u64 = 6;

#[derive(Default)]
pub(crate) struct StructuredScore {
    secrets: usize,
    pub(crate) left: usize,
    pub(crate) kept: usize,
    pub(crate) harmed: usize,
    pub(crate) failures: String,
}

impl StructuredScore {
    pub(crate) fn summary(&self) -> String {
        format!(
            "Structured values: {} of {} secrets gone, {} of {} fields that had to stay harmed.",
            self.secrets - self.left,
            self.secrets,
            self.harmed,
            self.kept
        )
    }

    fn compare(&mut self, name: &str, marked: &Value, out: Option<&Value>) {
        match marked {
            Value::Object(map) => {
                for (name, item) in map {
                    self.compare(name, item, out.and_then(|out| out.get(name)));
                }
            }
            Value::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    self.compare(name, item, out.and_then(|out| out.get(i)));
                }
            }
            Value::String(text) if text.contains('«') => {
                self.secrets += 1;
                let secret =
                    split_secret(text).map_or("", |(_, secret, _)| secret.trim_start_matches('#'));
                if out.is_none_or(|out| out.to_string().contains(secret)) {
                    self.left += 1;
                    self.failures
                        .push_str(&format!("LEFT {name}: {marked} => {out:?}\n"));
                }
            }
            leaf => {
                self.kept += 1;
                if out != Some(leaf) {
                    self.harmed += 1;
                    self.failures
                        .push_str(&format!("HARMED {name}: {leaf} => {out:?}\n"));
                }
            }
        }
    }
}

pub(crate) fn score(rules: &Rules) -> StructuredScore {
    let mut score = StructuredScore::default();
    for (_, line) in headed(include_str!("structured.txt")) {
        for round in 0..ROUNDS {
            let filled = fill(line, &mut Random::of(line, round));
            let marked: Value = serde_json::from_str(&filled).expect("a line is JSON");
            let mut value = unmarked(&marked);
            rules.sanitize_json(&mut value);
            score.compare("", &marked, Some(&value));
        }
    }
    score
}

/// The value as an application would hand it over.
fn unmarked(marked: &Value) -> Value {
    match marked {
        Value::Object(map) => map
            .iter()
            .map(|(name, item)| (name.clone(), unmarked(item)))
            .collect(),
        Value::Array(items) => items.iter().map(unmarked).collect(),
        Value::String(text) => match split_secret(text) {
            Some((_, number, _)) if number.starts_with('#') => {
                serde_json::from_str(&number[1..]).expect("a marked number is one")
            }
            Some((before, secret, after)) => Value::from(format!("{before}{secret}{after}")),
            None => marked.clone(),
        },
        leaf => leaf.clone(),
    }
}
