//! All printed text of one event, cleaned.
//!
//! Most events hold no secret, and looking at six short texts one after the other costs several
//! times what looking at them in one go does. So all text is looked at once; only if the rules
//! see something to examine there, or a name might tell what its value does not, is each value
//! sanitized by itself.

use std::{borrow::Cow, mem};

use super::scratch::{Recorded, Rendered, Scratch};
use crate::{KeyVerdict, Rules};

/// Moves the clean form of all printed text to where the values are built from.
pub(super) fn settle(rules: &Rules, scratch: &mut Scratch) {
    let Scratch {
        printed,
        text,
        recorded,
        ..
    } = scratch;
    let silent = rules.are_silent_on(printed);
    if silent
        && !recorded
            .iter()
            .any(|recorded| name_counts(rules, recorded, printed))
    {
        mem::swap(printed, text);
        return;
    }
    for recorded in recorded {
        let look = !silent || name_counts(rules, recorded, printed);
        let (Rendered::Str(range) | Rendered::Debug(range)) = &mut recorded.value else {
            continue;
        };
        let raw = printed.get(range.clone()).unwrap_or_default();
        let clean = match recorded.verdict {
            KeyVerdict::Keep if !look => Cow::Borrowed(raw),
            KeyVerdict::Keep if recorded.name == MESSAGE => rules.sanitize(raw),
            KeyVerdict::Keep => rules.sanitize_kept(recorded.name, raw),
            KeyVerdict::Redact | KeyVerdict::Drop => rules.sanitize_value(recorded.name, raw),
        };
        let start = text.len();
        text.push_str(&clean);
        *range = start..text.len();
    }
}

/// Whether a value may have to go for its name, though nothing in its text says so.
fn name_counts(rules: &Rules, recorded: &Recorded, printed: &str) -> bool {
    let (Rendered::Str(range) | Rendered::Debug(range)) = &recorded.value else {
        return false;
    };
    recorded.verdict != KeyVerdict::Keep
        || (recorded.name != MESSAGE
            && rules.may_need_name(printed.get(range.clone()).unwrap_or_default()))
}

/// Tracing's own name for the text of an event, which says nothing about it.
const MESSAGE: &str = "message";
