//! Redaction of personal data and secrets.
//!
//! [`Rules`] is the table of what counts as confidential and what is put in its place.

// Not `forbid`: implementing `downcast_raw`, an unsafe method of tracing's own traits, is allowed
// where the root and the layer forward it, and nowhere else.
#![deny(unsafe_code)]

mod layer;
mod marker;
mod redact;
mod rewrite;
mod root;
mod rules;

pub use layer::SanitizeLayer;
pub use marker::is_sanitized;
pub use root::{Sanitize, SanitizedStack};

pub use redact::{RedactMode, RedactSummary, redact_lines};
pub use rules::{
    Finding, KeyVerdict, RuleCounts, RuleInfo, Rules, RulesBuilder, RulesError, RulesHash,
};
