//! The second reading: what only shows without disguises, and what is believed over a line break.

use std::cell::Cell;

use super::{Scan, give_up_rest};
use crate::rules::catalog::Rule;
use crate::rules::fold::Folded;
use crate::rules::span::{Source, Span, resolve};
use crate::rules::table::Table;
use crate::rules::tokens::is_mixed;

thread_local! {
    /// The buffer for folded text, kept between calls: folding allocates only while it grows.
    static SPARE: Cell<Option<Box<Folded>>> = const { Cell::new(None) };
}

/// A spare buffer larger than this is not kept.
const MAX_SPARE_BYTES: usize = 64 * 1024;

/// Reads the text again without its disguises and adds what only shows then.
pub(super) fn find_folded(table: &Table, text: &str, spans: &mut Vec<Span>) {
    // A thread that is ending has no spare one: what its last values log is read all the same.
    let spare = SPARE.try_with(Cell::take);
    let mut folded = spare.ok().flatten().unwrap_or_default();
    if folded.fold(table, text) {
        resolve(spans);
        let plain = spans.len();
        let mut scan = Scan::new(table, &folded.text);
        scan.run();
        give_up_rest(scan.full_at, &folded.text, &mut scan.spans);
        for span in &scan.spans {
            let (start, end) = folded.original(span.start, span.end);
            if let Some(joint) = folded.joint(span.start, span.end) {
                let inside = span.start < joint && joint < span.end;
                let next = spans[..plain].partition_point(|s| s.end <= start);
                let found = spans[..plain].get(next).is_some_and(|s| s.start < end);
                let disguised = text.as_bytes()[start..end] != folded.text[span.start..span.end];
                let believed = if span.end == folded.text.len() && scan.is_full() {
                    true
                } else if inside {
                    survives_joining(&folded.text, span, joint, found)
                } else {
                    disguised
                };
                if !believed {
                    continue;
                }
            }
            spans.push(Span {
                start,
                end,
                ..*span
            });
        }
    }
    if folded.text.capacity() <= MAX_SPARE_BYTES {
        let _ = SPARE.try_with(|spare| spare.set(Some(folded)));
    }
}

/// Whether a match across a line break is believed. `found` says that the first reading has found a
/// part of it: then the rest must look like a piece of the secret and not like the next line's
/// text.
fn survives_joining(text: &[u8], span: &Span, joint: usize, found: bool) -> bool {
    let Source::Builtin(rule) = span.source else {
        return false;
    };
    let (left, right) = (&text[span.start..joint], &text[joint..span.end]);
    let strict = matches!(
        rule,
        Rule::ApiKey
            | Rule::Jwt
            | Rule::Card
            | Rule::Iban
            | Rule::Email
            | Rule::Ssn
            | Rule::Phone
            | Rule::Ipv4
            | Rule::Ipv6
            | Rule::Mac
            | Rule::Bearer
            | Rule::Basic
            | Rule::Wallet
            | Rule::Medicare
            | Rule::Grid
            | Rule::PrivateKey
            | Rule::UrlCredentials
    );
    if !found && rule != Rule::Key {
        return strict;
    }
    match rule {
        Rule::ApiKey | Rule::Jwt | Rule::Bearer | Rule::Entropy => is_piece(right),
        Rule::Webhook => right.len() >= 12 && is_piece(right),
        // Check digits over both parts, and base64 that decodes, are no accident.
        Rule::UrlCredentials | Rule::Card | Rule::Iban | Rule::Basic => true,
        Rule::Email => {
            let before = span.start.checked_sub(1).map(|at| text[at]);
            let opened = matches!(before, Some(b'(' | b'<' | b'"' | b'\'' | b'=' | b':'));
            (opened || is_piece(left)) && right.contains(&b'@')
        }
        Rule::Ipv6 => right.len() >= 3 && is_piece(right),
        Rule::Key => {
            let closes = text
                .get(span.end)
                .is_none_or(|c| matches!(c, b'\n' | b'"' | b'\'' | b'}'));
            left.len() >= 4
                && is_piece(left)
                && right.len() >= 4
                && is_piece(right)
                && (closes || right.len() >= 12 || right.len() >= 8 && is_mixed(right))
        }
        _ => false,
    }
}

/// Digits, punctuation or a capital in the middle: a piece of something that is no word.
fn is_piece(part: &[u8]) -> bool {
    part.len() >= 20
        || part.iter().any(u8::is_ascii_digit)
        || part
            .windows(2)
            .any(|w| w[0].is_ascii_lowercase() && w[1].is_ascii_uppercase())
        || part
            .iter()
            .any(|c| matches!(c, b'.' | b'_' | b'+' | b'=' | b'/'))
}
