//! What looks random beside a word that sounds like a secret.

use super::{MAX_TOKEN_BYTES, is_token, is_word};
use crate::rules::catalog::Rule;
use crate::rules::context::{is_gap, word_before};
use crate::rules::entropy::{is_drawn, looks_random};
use crate::rules::keys::{Strength, has_stem};
use crate::rules::scan::Scan;
use crate::rules::schemes::decodes_to_pair;
use crate::rules::steps::steps;

impl Scan<'_> {
    /// A random word after `token`, `credential`, `bearer` and their like.
    pub(super) fn random_beside_secret(&mut self, start: usize, end: usize) {
        let b = self.b;
        // Most long words say already that they are not random.
        let may_go_on = b.get(end).is_some_and(|c| is_token(*c));
        if end - start < 16 && !may_go_on {
            return;
        }
        // Base64 of URLs may begin with a dash.
        let start = start - usize::from(b[..start].ends_with(b" -"));
        // And stand beside no other word.
        let apart = start > 0 && is_gap(b[start - 1]);
        if !apart {
            return;
        }
        let before = word_before(b, start);
        if before == b"base64" && is_picture(&b[..start]) {
            return;
        }
        // All of them are of three to eleven letters, and nearly all words before a long one are
        // not.
        let underlined = before.contains(&b'_');
        if !(3..=if underlined { 24 } else { 11 }).contains(&before.len())
            || !before[0].is_ascii_alphabetic()
        {
            return;
        }
        let named = whole_name(b, start, before);
        let joined = named.len() > before.len() || underlined;
        let edge = b.get(end).copied().unwrap_or(b' ');
        let quoted = matches!(b[start - 1], b'"' | b'\'') && b[start - 1] == edge
            || b[start - 1] == b'|' && edge == b'|'
            || b[..start].ends_with(b"| ") && edge == b' ';
        let certain = joined && self.table.strength(named) == Some(Strength::Certain)
            || quoted && self.table.strength(named) > Some(Strength::Hint)
            || [&b"token"[..], b"apikey"]
                .iter()
                .any(|word| before.eq_ignore_ascii_case(word));
        // Most words hold no stem of one of these, and "base64" alone of them has none.
        let may_be = has_stem(before) || before.len() == b"base64".len();
        let is = |word: &&str| before.eq_ignore_ascii_case(word.as_bytes());
        if !(certain || may_be && SECRET_WORDS.iter().any(is)) {
            return;
        }
        let more = b[end..]
            .iter()
            .take(MAX_TOKEN_BYTES)
            .take_while(|c| is_token(**c))
            .count();
        steps(more);
        let stop = b[..end + more]
            .iter()
            .rposition(|c| *c != b'.')
            .map_or(end, |n| n + 1)
            .max(end);
        let word = &b[start..stop];
        let is_path = word.contains(&b'/') && word.contains(&b'.');
        // Hex is most often a hash, but not where the word before leaves no doubt.
        let shortest = if joined { 16 } else { 32 };
        let hex = certain && word.len() >= shortest && word.iter().all(u8::is_ascii_hexdigit);
        let wrapped = word.len() < 64 && word.len().is_multiple_of(4) && {
            decodes_to_pair(word) && word.iter().any(u8::is_ascii_uppercase)
        };
        let drawn = quoted && certain && is_drawn(word);
        if (looks_random(word) || hex || wrapped || drawn) && !is_path {
            // `creds name:password`.
            let pair = b[stop..]
                .iter()
                .skip(1)
                .take(MAX_TOKEN_BYTES)
                .take_while(|c| is_token(**c))
                .count();
            let paired = b.get(stop) == Some(&b':') && looks_random(&b[stop + 1..stop + 1 + pair]);
            let stop = if paired { stop + 1 + pair } else { stop };
            self.push(start, stop, Rule::Entropy);
        }
    }
}

const SECRET_WORDS: &[&str] = &[
    "token",
    "key",
    "secret",
    "credential",
    "credentials",
    "password",
    "apikey",
    "passphrase",
    "cred",
    "creds",
    "jwt",
    "auth",
    "secrets",
    "keys",
    "tokens",
    "base64",
];

/// Whether a name ends like a word that makes a random text beside it a secret.
pub(in crate::rules) fn ends_like_secret_word(name: &[u8]) -> bool {
    SECRET_WORDS.iter().any(|word| {
        let tail = name.len().checked_sub(word.len());
        tail.is_some_and(|at| name[at..].eq_ignore_ascii_case(word.as_bytes()))
    })
}

/// A word, and what dashes or a space join to its front: `X-Api-Key 4f9c…`, `api key '4f9c…'`,
/// `('Api-Key', '4f9c…')`. Only quotes and a comma, or the edge of a column, may stand between it and
/// `start` besides a space.
fn whole_name<'b>(b: &'b [u8], start: usize, word: &'b [u8]) -> &'b [u8] {
    let gaps: [&[u8]; 12] = [
        b" ", b" '", b" \"", b"', '", b"\", \"", b"','", b"\",\"", b"=", b":", b">", b"|", b" | ",
    ];
    let ends = |gap: &&&[u8]| {
        let name = b[..start].strip_suffix(**gap);
        name.is_some_and(|name| name.ends_with(word))
    };
    let Some(gap) = gaps.iter().rfind(ends) else {
        return word;
    };
    let end = start - gap.len();
    let at = end - word.len();
    let before = b[..at].iter().rev().take(24);
    match at.checked_sub(1).map(|at| b[at]) {
        Some(b'-') => &b[at - before.take_while(|c| is_word(**c)).count()..end],
        Some(b' ') => {
            let more = before.skip(1).take_while(|c| c.is_ascii_lowercase());
            let from = at - 1 - more.count();
            if from < at - 1 { &b[from..end] } else { word }
        }
        _ => word,
    }
}

/// `data:image/png;base64,`: what follows is seen, not kept secret.
fn is_picture(before: &[u8]) -> bool {
    let near = &before[before.len().saturating_sub(MAX_MEDIA_BYTES)..];
    let Some(media) = near.strip_suffix(b";base64,") else {
        return false;
    };
    let from = media.iter().rposition(|c| {
        !c.is_ascii_alphanumeric() && !matches!(c, b'/' | b'+' | b'-' | b'.' | b';' | b'=')
    });
    let kinds = [&b"image/"[..], b"font/", b"audio/", b"video/"];
    from.is_some_and(|colon| {
        let kind = &media[colon + 1..];
        media[..=colon].ends_with(b"data:") && kinds.iter().any(|known| kind.starts_with(known))
    })
}

/// `data:image/svg+xml;charset=utf-8;base64,`
const MAX_MEDIA_BYTES: usize = 48;
