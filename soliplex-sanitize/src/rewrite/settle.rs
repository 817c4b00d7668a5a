//! All printed text of one event, cleaned.
//!
//! Most events hold no secret, and looking at six short texts one after the other costs several
//! times what looking at them in one go does. So all text is looked at once; only a value in which
//! the rules see something to examine, or whose name might tell what its text does not, is
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
    let all = rules.has_patterns();
    let mut any = false;
    for recorded in &mut *recorded {
        recorded.suspect = all || name_counts(rules, recorded, printed);
        any |= recorded.suspect;
    }
    rules.suspects(printed, |at| {
        let holder = recorded.iter_mut().find(|recorded| recorded.holds(at));
        any |= holder.is_some_and(|holder| {
            holder.suspect = true;
            true
        });
    });
    if !any {
        mem::swap(printed, text);
        return;
    }
    for recorded in recorded {
        let (Rendered::Str(range) | Rendered::Debug(range)) = &mut recorded.value else {
            continue;
        };
        let raw = printed.get(range.clone()).unwrap_or_default();
        let clean = match recorded.verdict {
            KeyVerdict::Keep if !recorded.suspect => Cow::Borrowed(raw),
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

impl Recorded {
    /// Whether the position lies in the text of this value.
    fn holds(&self, at: usize) -> bool {
        match &self.value {
            Rendered::Str(range) | Rendered::Debug(range) => range.contains(&at),
            _ => false,
        }
    }
}

/// Tracing's own name for the text of an event, which says nothing about it.
const MESSAGE: &str = "message";
