//! Redaction of personal data and secrets.
//!
//! [`Rules`] is the table of what counts as confidential and what is put in its place.

#![forbid(unsafe_code)]

mod rules;

pub use rules::{Finding, KeyVerdict, RuleCounts, Rules, RulesBuilder, RulesError, RulesHash};
