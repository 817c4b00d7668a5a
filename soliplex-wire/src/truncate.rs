//! Cutting what does not fit: in a stated order, on character boundaries, and marked.

use std::borrow::Cow;

use crate::limits::{MAX_RECORD_BYTES, MIN_KEPT_BYTES, TRUNCATED};
use crate::{AnyValue, LogRecord};

/// What [`LogRecord::truncate`] had to cut, in the order in which it cuts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Truncated {
    /// The message ends in the mark.
    pub message: bool,
    /// Long attribute values end in the mark, or whole attributes are gone and counted.
    pub attributes: bool,
    /// The stack trace ends in the mark.
    pub stack_trace: bool,
    /// The error ends in the mark.
    pub error: bool,
    /// The oldest breadcrumbs are gone.
    pub breadcrumbs: bool,
}

impl Truncated {
    /// Whether anything was cut.
    pub fn any(self) -> bool {
        self != Self::default()
    }
}

impl LogRecord {
    /// Cuts the record until it fits [`MAX_RECORD_BYTES`].
    ///
    /// The message gives way first, then the attributes, the stack trace, the error and last the
    /// breadcrumbs. A field gives up no more than is needed, and keeps [`MIN_KEPT_BYTES`] as long
    /// as a later field can still give; only when all have given does a field lose the rest.
    pub fn truncate(&mut self) -> Truncated {
        self.truncate_to(MAX_RECORD_BYTES)
    }

    /// The same for another limit in bytes: a writer that has to leave room cuts to less.
    pub fn truncate_to(&mut self, limit: usize) -> Truncated {
        let mut cut = Truncated::default();
        // One round in which every field keeps its share, and one in which none does.
        for keep in [MIN_KEPT_BYTES, 0] {
            for step in STEPS {
                let len = self.encoded_len();
                if len <= limit {
                    return cut;
                }
                step(self, len - limit, keep, &mut cut);
            }
        }
        cut
    }
}

/// Takes at least `excess` encoded bytes from one field, as far as it has more than `keep`.
type Step = fn(&mut LogRecord, excess: usize, keep: usize, &mut Truncated);

const STEPS: [Step; 6] = [
    |record, excess, keep, cut| cut.message |= shorten(&mut record.message, excess, keep),
    |record, excess, keep, cut| cut.attributes |= shorten_attributes(record, excess, keep),
    |record, excess, keep, cut| {
        if let Some(text) = &mut record.stack_trace {
            cut.stack_trace |= shorten(text, excess, keep);
        }
    },
    |record, excess, keep, cut| {
        if let Some(text) = &mut record.error {
            cut.error |= shorten(text, excess, keep);
        }
    },
    |record, excess, _, cut| cut.breadcrumbs |= shorten_breadcrumbs(record, excess),
    // What is left can only be long names that no parser or capture lets through.
    |record, excess, keep, _| {
        if keep == 0 {
            shorten(&mut record.logger, excess, keep);
            if let Some(text) = &mut record.severity_text {
                shorten(text, excess, keep);
            }
        }
    },
];

fn shorten_attributes(record: &mut LogRecord, excess: usize, keep: usize) -> bool {
    let mut left = excess;
    let mut cut = false;
    for value in record.attributes.values_mut().values_mut() {
        if let AnyValue::String(text) = value
            && left > 0
        {
            let before = encoded_text_len(text);
            cut |= shorten(text, left, keep);
            left = left.saturating_sub(before.saturating_sub(encoded_text_len(text)));
        }
    }
    // Text alone was not enough: the largest attributes go whole, and are counted.
    while left > 0 {
        let sizes = record
            .attributes
            .iter()
            .map(|(key, value)| (json_len(key) + json_len(value) + 2, key));
        let Some((size, key)) = sizes.filter(|(size, _)| *size > keep).max() else {
            break;
        };
        let key = key.to_owned();
        record.attributes.remove(&key);
        record.attributes.count_dropped(1);
        left = left.saturating_sub(size);
        cut = true;
    }
    cut
}

fn shorten_breadcrumbs(record: &mut LogRecord, excess: usize) -> bool {
    let mut left = excess;
    let mut oldest = 0;
    for breadcrumb in &record.breadcrumbs {
        if left == 0 {
            break;
        }
        left = left.saturating_sub(json_len(breadcrumb) + 1);
        oldest += 1;
    }
    record.breadcrumbs.drain(..oldest);
    oldest > 0
}

/// Cuts `text` so that its JSON form gets shorter by `excess` bytes, or down to `keep`; `false`
/// when there was nothing to give.
fn shorten(text: &mut String, excess: usize, keep: usize) -> bool {
    let len = encoded_text_len(text);
    let mark = if keep == 0 && len <= TRUNCATED.len() {
        0
    } else {
        TRUNCATED.len()
    };
    if len <= keep.max(mark) {
        return false;
    }
    let room = len.saturating_sub(excess).max(keep).saturating_sub(mark);
    let end = prefix_within(text, room);
    if end + mark >= text.len() {
        return false;
    }
    text.truncate(end);
    if mark > 0 {
        text.push_str(TRUNCATED);
    }
    true
}

/// Cuts `text` to `max_bytes` of UTF-8, the mark included.
pub(crate) fn cut_borrowed(text: &mut Cow<'_, str>, max_bytes: usize) {
    if text.len() > max_bytes {
        cut_text(text.to_mut(), max_bytes);
    }
}

/// Cuts `text` to `max_bytes` of UTF-8, the mark included.
pub(crate) fn cut_text(text: &mut String, max_bytes: usize) {
    if text.len() > max_bytes {
        let mut end = max_bytes.saturating_sub(TRUNCATED.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str(TRUNCATED);
    }
}

/// The end of the longest prefix whose JSON form, without quotes, has at most `room` bytes.
fn prefix_within(text: &str, room: usize) -> usize {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += encoded_char_len(c);
        if used > room {
            return at;
        }
    }
    text.len()
}

/// Bytes of `text` in JSON, without quotes.
fn encoded_text_len(text: &str) -> usize {
    text.chars().map(encoded_char_len).sum()
}

/// Bytes of a character in JSON as serde_json writes it: RFC 8259, section 7.
fn encoded_char_len(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        c if c < ' ' => 6,
        c => c.len_utf8(),
    }
}

fn json_len(value: &(impl serde::Serialize + ?Sized)) -> usize {
    crate::encode::encoded_len(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Breadcrumb;

    fn long(len: usize) -> String {
        "ä\n".repeat(len / 3)
    }

    #[test]
    fn a_record_that_fits_is_left_alone() {
        let mut record = LogRecord {
            message: long(60_000 * 3 / 4),
            ..Default::default()
        };
        let before = record.clone();
        assert!(!record.truncate().any());
        assert_eq!(record, before);
    }

    #[test]
    fn the_message_gives_way_before_the_stack_trace() {
        let mut record = LogRecord {
            message: long(60_000),
            stack_trace: Some(long(30_000)),
            error: Some("boom".into()),
            ..Default::default()
        };
        let cut = record.truncate();
        assert_eq!(
            cut,
            Truncated {
                message: true,
                ..Default::default()
            }
        );
        assert!(record.message.ends_with(TRUNCATED));
        assert_eq!(record.stack_trace, Some(long(30_000)));
        // No more than needed: what is left fills the limit to within one character and its mark.
        assert!(
            record.encoded_len() > MAX_RECORD_BYTES - 8,
            "{}",
            record.encoded_len()
        );
    }

    #[test]
    fn every_field_gives_in_the_stated_order() {
        let full = || LogRecord {
            message: long(40_000),
            attributes: [("a", long(40_000))].into_iter().collect(),
            stack_trace: Some(long(40_000)),
            error: Some(long(40_000)),
            breadcrumbs: vec![
                Breadcrumb {
                    message: long(40_000),
                    ..Default::default()
                };
                3
            ],
            ..Default::default()
        };
        let mut seen = Vec::new();
        let mut limit = full().encoded_len();
        while limit > 200 {
            limit -= limit / 10;
            let mut record = full();
            let cut = record.truncate_to(limit);
            assert!(record.encoded_len() <= limit);
            let flags = [
                cut.message,
                cut.attributes,
                cut.stack_trace,
                cut.error,
                cut.breadcrumbs,
            ];
            let count = flags.iter().filter(|cut| **cut).count();
            assert!(
                flags[..count].iter().all(|cut| *cut),
                "an earlier field was spared: {cut:?}"
            );
            seen.push(count);
        }
        assert!(seen.is_sorted());
        assert_eq!((seen[0], seen[seen.len() - 1]), (1, 5));
    }

    #[test]
    fn the_oldest_breadcrumbs_go_first_and_no_more_of_them_than_have_to() {
        let crumb = |number: usize| Breadcrumb {
            message: format!("{number} {}", long(400)),
            ..Default::default()
        };
        let full = || LogRecord {
            breadcrumbs: (0..20).map(crumb).collect(),
            ..Default::default()
        };
        let each = (full().encoded_len() - LogRecord::default().encoded_len()) / 20;
        for gone in 0..=20 {
            let mut record = full();
            // A byte less than all but these would need.
            let limit = record.encoded_len() - gone * each;
            let cut = record.truncate_to(limit);
            assert_eq!(cut.breadcrumbs, gone > 0);
            let kept: Vec<_> = record
                .breadcrumbs
                .iter()
                .map(|crumb| &crumb.message)
                .collect();
            let newest: Vec<_> = (20 - kept.len()..20)
                .map(|number| crumb(number).message)
                .collect();
            assert_eq!(kept, newest.iter().collect::<Vec<_>>(), "in their order");
            assert!(
                (20 - gone).abs_diff(kept.len()) <= 1,
                "{gone}: {}",
                kept.len()
            );
        }
    }

    #[test]
    fn attributes_that_are_no_text_go_whole_and_are_counted() {
        let mut record = LogRecord {
            attributes: [(
                "numbers",
                AnyValue::Array(vec![AnyValue::Int(1_000_000); 10_000]),
            )]
            .into_iter()
            .chain([("small", AnyValue::Int(1))])
            .collect(),
            ..Default::default()
        };
        assert!(record.truncate().attributes);
        assert_eq!(record.attributes.dropped(), 1);
        assert_eq!(record.attributes.get("small"), Some(&AnyValue::Int(1)));
    }

    #[test]
    fn the_length_in_json_is_what_serde_json_writes() {
        let all: String = ('\0'..'\u{300}').collect();
        assert_eq!(
            encoded_text_len(&all) + 2,
            serde_json::to_string(&all).unwrap().len()
        );
    }
}
