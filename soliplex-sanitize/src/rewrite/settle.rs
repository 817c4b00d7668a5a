//! All printed text of one event, cleaned.
//!
//! Most events hold no secret, and looking at six short texts one after the other costs several
//! times what looking at them in one go does. So all text is looked at once, and where it might
//! hold something, that place is; only a value in which a rule fires there, or whose name might
//! tell what its text does not, is sanitized by itself.

use std::{borrow::Cow, mem};

use super::scratch::{Recorded, Rendered, Scratch};
use crate::{KeyVerdict, Rules, rules::MESSAGE, rules::Names};

/// Moves the clean form of all printed text to where the values are built from, unless it is what
/// the callsite with these `names` said the last time, and clean.
#[inline]
pub(super) fn settle(rules: &Rules, names: &Names, scratch: &mut Scratch) {
    if scratch.repeats.knows(names, scratch.ends, &scratch.printed) {
        mem::swap(&mut scratch.printed, &mut scratch.text);
    } else if look(rules, scratch) {
        scratch.repeats.keep(names, scratch.ends, &scratch.text);
    }
}

/// The same for text of no known callsite; whether it was clean.
pub(super) fn look(rules: &Rules, scratch: &mut Scratch) -> bool {
    let Scratch {
        printed,
        text,
        recorded,
        named,
        ..
    } = scratch;
    let all = rules.has_patterns();
    let mut any = false;
    if all || *named {
        for recorded in &mut *recorded {
            recorded.suspect = all || (recorded.suspect && name_counts(recorded, printed));
            any |= recorded.suspect;
        }
    }
    rules.suspects(printed, |suspect| {
        // Texts were printed one behind the other, so the first that ends behind a place holds it.
        let holder = recorded
            .iter_mut()
            .find_map(|recorded| match &recorded.value {
                Rendered::Str(range) | Rendered::Debug(range) if suspect.at < range.end => {
                    Some((&mut recorded.suspect, range.clone()))
                }
                _ => None,
            });
        if let Some((is_suspect, range)) = holder
            && !*is_suspect
        {
            let value = printed.get(range.clone()).unwrap_or_default();
            *is_suspect = rules.may_fire(value, range.start, suspect);
            any |= *is_suspect;
        }
    });
    if any {
        rewrite(rules, recorded, printed, text);
    } else {
        mem::swap(printed, text);
    }
    !any
}

/// Whether a value may have to go for its name, though nothing in its text says so.
fn name_counts(recorded: &Recorded, printed: &str) -> bool {
    let (Rendered::Str(range) | Rendered::Debug(range)) = &recorded.value else {
        return false;
    };
    let text = || printed.get(range.clone()).unwrap_or_default();
    recorded.verdict != KeyVerdict::Keep || Rules::may_need_name(text())
}

/// Copies clean values and sanitizes the others.
#[inline(never)]
fn rewrite(rules: &Rules, recorded: &mut [Recorded], printed: &str, text: &mut String) {
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
