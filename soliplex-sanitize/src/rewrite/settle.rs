//! All printed text of one event, cleaned.
//!
//! Most events hold no secret, and looking at six short texts one after the other costs several
//! times what looking at them in one go does. So all text is looked at once, and where it might
//! hold something, that place is; only a value in which a rule fires there, or whose name might
//! tell what its text does not, is sanitized by itself.

use std::{borrow::Cow, mem};

use tracing_core::{Field, field::FieldSet};

use super::scratch::{Recorded, Rendered, Scratch};
use crate::{KeyVerdict, Rules, rules::MESSAGE, rules::Names};

/// Moves the clean form of all printed text to where the values are built from, unless it is what
/// the callsite with these `names` said the last time, and clean. The values are those of `fields`.
#[inline]
pub(super) fn settle(rules: &Rules, names: &Names, fields: &FieldSet, scratch: &mut Scratch) {
    if scratch
        .repeats
        .knows(names, &scratch.recorded, &scratch.printed)
    {
        mem::swap(&mut scratch.printed, &mut scratch.text);
    } else if look(rules, Some(fields), scratch) {
        scratch
            .repeats
            .keep(names, &scratch.recorded, &scratch.text);
    }
    if let Some(first) = scratch.recorded.first() {
        let known = names.names.get(first.index);
        scratch.begins_with_message = match known {
            Some(name) => name.is_message,
            None => name_of(fields, first) == MESSAGE,
        };
    }
}

/// The same for text of no known callsite, a late record's if there are no `fields`; whether it was
/// clean.
pub(super) fn look(rules: &Rules, fields: Option<&FieldSet>, scratch: &mut Scratch) -> bool {
    let Scratch {
        printed,
        text,
        recorded,
        named,
        fields: late,
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
        let mut at = 0;
        let name = |recorded: &Recorded| {
            at += 1;
            match fields {
                Some(fields) => name_of(fields, recorded),
                None => late.get(at - 1).map_or("", Field::name),
            }
        };
        rewrite(rules, name, recorded, printed, text);
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

/// The name of a value's field.
#[cold]
fn name_of(fields: &FieldSet, recorded: &Recorded) -> &'static str {
    fields
        .iter()
        .nth(recorded.index)
        .map_or("", |field| field.name())
}

/// Copies clean values and sanitizes the others.
#[inline(never)]
fn rewrite(
    rules: &Rules,
    mut name: impl FnMut(&Recorded) -> &'static str,
    recorded: &mut [Recorded],
    printed: &str,
    text: &mut String,
) {
    for recorded in recorded {
        let name = name(recorded);
        let (Rendered::Str(range) | Rendered::Debug(range)) = &mut recorded.value else {
            continue;
        };
        let raw = printed.get(range.clone()).unwrap_or_default();
        let clean = match recorded.verdict {
            KeyVerdict::Keep if !recorded.suspect => Cow::Borrowed(raw),
            KeyVerdict::Keep if name == MESSAGE => rules.sanitize(raw),
            KeyVerdict::Keep => rules.sanitize_kept(name, raw),
            KeyVerdict::Redact | KeyVerdict::Drop => rules.sanitize_value(name, raw),
        };
        let start = text.len();
        text.push_str(&clean);
        *range = start..text.len();
    }
}
