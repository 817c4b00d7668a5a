//! What the verifiers found, put in order and written out.

use super::catalog::Rule;

/// What stands in place of a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fill {
    /// The rule's marker.
    Marker,
    /// The marker between quotes, each behind so many backslashes: a bare number in JSON.
    Quoted(u8),
    /// Nothing: the part of a path that tells no code place.
    Cut,
}

/// Which rule fired: a built-in one, or the n-th of the user's patterns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Builtin(Rule),
    User(u16),
}

/// A range of bytes to be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) source: Source,
    pub(super) fill: Fill,
}

/// Sorts spans and merges those that overlap: the union is replaced under the name of the one that
/// begins first, or, of two that begin together, the longer one.
pub(super) fn resolve(spans: &mut Vec<Span>) {
    if spans.len() < 2 {
        return;
    }
    spans.sort_by(|a, b| {
        a.start
            .cmp(&b.start)
            .then(b.end.cmp(&a.end))
            .then(rank(a).cmp(&rank(b)))
    });
    let mut kept = 0;
    for i in 0..spans.len() {
        let span = spans[i];
        if kept > 0 && span.start < spans[kept - 1].end {
            let last = &mut spans[kept - 1];
            // The end of a password and the host behind it look like an address; the host stays.
            if last.source == Source::Builtin(Rule::UrlCredentials)
                && span.source == Source::Builtin(Rule::Email)
            {
                continue;
            }
            if last.fill == Fill::Cut && span.end > last.start {
                // A cut leaves what follows it; a marker must not be lost in it.
                last.fill = span.fill;
                last.source = span.source;
            }
            last.end = last.end.max(span.end);
        } else {
            spans[kept] = span;
            kept += 1;
        }
    }
    spans.truncate(kept);
}

/// Names and keys before patterns, so that one field always gives the same marker.
fn rank(span: &Span) -> u16 {
    match span.source {
        Source::Builtin(rule) => rule as u16,
        Source::User(n) => 256 + n,
    }
}
