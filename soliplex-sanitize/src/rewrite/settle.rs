//! All printed text of one event, cleaned.
//!
//! Most events hold no secret, and looking at six short texts one after the other costs several
//! times what looking at them in one go does. So all text is looked at once; only if the rules
//! see something to examine there, or a name might tell what its value does not, is each value
//! sanitized by itself.

use std::mem;

use super::scratch::{Recorded, Rendered, Scratch};
use crate::{KeyVerdict, Rules};

/// Moves the clean form of all printed text to where the values are built from.
pub(super) fn settle(rules: &Rules, scratch: &mut Scratch) {
    let names_count = scratch
        .recorded
        .iter()
        .any(|recorded| name_counts(rules, recorded, &scratch.printed));
    if !names_count && rules.are_silent_on(&scratch.printed) {
        mem::swap(&mut scratch.printed, &mut scratch.text);
        return;
    }
    for recorded in &mut scratch.recorded {
        let (Rendered::Str(range) | Rendered::Debug(range)) = &mut recorded.value else {
            continue;
        };
        let printed = scratch.printed.get(range.clone()).unwrap_or_default();
        let clean = match recorded.verdict {
            KeyVerdict::Keep => rules.sanitize_kept(recorded.name, printed),
            KeyVerdict::Redact | KeyVerdict::Drop => rules.sanitize_value(recorded.name, printed),
        };
        let start = scratch.text.len();
        scratch.text.push_str(&clean);
        *range = start..scratch.text.len();
    }
}

/// Whether a value may have to go for its name, whatever its text.
fn name_counts(rules: &Rules, recorded: &Recorded, printed: &str) -> bool {
    let (Rendered::Str(range) | Rendered::Debug(range)) = &recorded.value else {
        return false;
    };
    let text = printed.get(range.clone()).unwrap_or_default();
    recorded.verdict != KeyVerdict::Keep || (recorded.name != MESSAGE && rules.may_need_name(text))
}

/// Tracing's own name for the text of an event, which says nothing about it.
const MESSAGE: &str = "message";
