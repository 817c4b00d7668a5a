//! Redaction of personal data and secrets, for every tracing layer at once.
//!
//! ```
//! use soliplex_sanitize::{Rules, Sanitize as _};
//! use tracing_subscriber::{fmt, prelude::*};
//!
//! tracing_subscriber::registry()
//!     .with(fmt::layer()) // anything at all: fmt, sentry, OpenTelemetry, your own
//!     .sanitize(Rules::standard())
//!     .init();
//!
//! tracing::info!(user = "jane@example.org", password = "hunter2", "signed in");
//! // INFO signed in user="[EMAIL]" password="[REDACTED]"
//! ```
//!
//! # What counts as confidential
//!
//! [`Rules`] is the table of it: names of fields that hide their value whole, and shapes of text
//! that are replaced by a marker which names the rule and holds no part of what it replaced.
//! Rules can be added, removed, scoped to loggers and read from a file.
//!
//! # What a layer sees
//!
//! The same event as without the root, with the same metadata, parent and fields in the same
//! order, and every value of the kind it was recorded as. Strings, numbers, `Debug` and `Display`
//! output, byte strings, errors with all their sources, span fields, late records and bridged
//! `log` records all go through the same rules. Rules that find nothing change nothing: the output
//! of `fmt` stays the same byte for byte. What does differ:
//!
//! - A number that has to go becomes a string, because its marker is one.
//! - A value is printed once, as `{:?}`, and passed on as printed; a layer that asks for `{:#?}`
//!   gets that same text.
//! - An error cannot be downcast to its own type: who could do so would read the raw value.
//! - A value whose `Debug` panics or fails is `[UNPRINTABLE]`, and so, four levels down, is one that
//!   logs itself. One of more than a mebibyte is cut, and ends in `[TRUNCATED]`.
//!
//! # What the root cannot see
//!
//! It sees what is recorded through tracing, and nothing else. Each of these needs its own cover:
//!
//! | what goes past the root | how to cover it |
//! |---|---|
//! | `println!`, `eprintln!`, a logger of one's own | forbid them by lint (`clippy::print_stdout`); pass what must be printed through [`Rules::sanitize`] |
//! | the features `log` and `log-always` of `tracing`, which hand raw values to the `log` crate as well | leave them off; to receive `log` records, install `tracing_log::LogTracer` instead |
//! | another crate's direct API: `OpenTelemetrySpanExt::set_attribute`, `sentry::capture_message`, `sentry::configure_scope` | sanitize before the call; for sentry also in `before_send` |
//! | the default printout of a panic, also of one that a `Debug` raised and the root caught | a panic hook that prints the sanitized text instead of calling the previous one; [`is_caught`] tells it which panics those are |
//! | a subscriber set for a scope with `with_default` or `set_default` | close that stack with [`.sanitize(…)`](Sanitize::sanitize) too |
//! | static metadata: target, span name, `file!()` with the build user's home directory | it is written by a programmer, not recorded; build with `--remap-path-prefix` |
//! | whatever a layer adds on its own: resource attributes, user ids, host names | pass it through [`Rules::sanitize_value`] where it enters |
//! | `valuable` values, an unstable feature of tracing | they are printed like any `Debug`, so their structure is lost but not their secrets |
//!
//! # Who does not own the root
//!
//! [`SanitizeLayer`] wraps one layer, or several, with the limits that its documentation tells.
//! A layer that must never see raw values asks [`is_sanitized`], and takes its copy from a
//! [`Rewriter`] where it is told no.
//!
//! # What it costs
//!
//! No lock and no allocation for an event that no rule touches, unless it has more than 32 fields or
//! an error: an error's whole chain is taken into texts of its own. What a field's name says is
//! worked out once per callsite; text is read once, and not at all when the callsite says what it
//! said the last time on this thread.
//!
//! What the root adds to an event is measured by `cargo bench -p soliplex-benches --bench client`,
//! and stands in `benches/REPORT.md`: about 130 ns on an AMD EPYC core for handing on anew an event
//! of five typed fields and a literal message whose texts vary, the standard rules included.

// Not `forbid`: implementing `downcast_raw`, an unsafe method of tracing's own traits, is allowed
// where the root and the layer forward it, and nowhere else.
#![deny(unsafe_code)]

mod rules;

mod callsite;

mod redact;

mod root;

mod layer;

mod marker;

mod rewrite;

mod caught;

mod deaf;

pub use callsite::PerCallsite;
pub use caught::{caught, is_caught};
pub use deaf::{deafen, is_deaf};
pub use layer::SanitizeLayer;
pub use marker::is_sanitized;
pub use redact::{RedactMode, RedactSummary, redact_lines};
pub use rewrite::{
    CleanField, CleanValue, CleanValues, Rewriter, want_clean_values, with_clean_values,
};
pub use root::{Sanitize, SanitizedStack};
pub use rules::{
    Finding, KeyVerdict, RuleCounts, RuleInfo, Rules, RulesBuilder, RulesError, RulesHash,
};
