//! Telephone numbers, conservatively: with a `+`, in the North American grouping, with an area code
//! in parentheses, or beside a word that says so. A bare run of digits is never one.

use super::catalog::Rule;
use super::context::Context;
use super::scan::Scan;
use super::steps::steps;

/// How far before its second group a number may begin.
const MAX_BYTES_BACK: usize = 20;

impl Scan<'_> {
    /// Looks at `+` and a digit.
    pub(super) fn international(&mut self, at: usize) {
        let b = self.b;
        if at > 0
            && (b[at - 1].is_ascii_alphanumeric()
                || matches!(b[at - 1], b'_' | b'+' | b')' | b'=') && at > 1 && b[at - 2] == b'+')
        {
            return;
        }
        let (end, digits, groups) = number_end(b, at + 1);
        let country = b[at + 1..end].iter().find(|c| c.is_ascii_digit());
        let enough = if groups > 1 {
            (8..=15).contains(&digits)
        } else {
            (10..=15).contains(&digits)
                || (8..=15).contains(&digits) && self.context(at, end).has(Context::PHONE)
        };
        if enough && country != Some(&b'0') && !self.touches_time(end) {
            self.push(at, end, Rule::Phone);
        }
    }

    /// Looks at `ddd?ddd?dddd`, ending at `at`.
    pub(super) fn north_american(&mut self, at: usize) {
        let b = self.b;
        let exchange = at - 7;
        let before = b[at - 8];
        let mut i = at - 8;
        if before == b' ' && i > 0 && b[i - 1] == b')' {
            i -= 1;
        }
        let bracketed = b[i] == b')';
        if i < 3 || !b[i - 3..i].iter().all(u8::is_ascii_digit) {
            return;
        }
        let mut start = i - 3;
        if !bracketed && before != b[at - 4] && !(before == b' ' && b[at - 4] == b'-') {
            return;
        }
        if !(b'2'..=b'9').contains(&b[start])
            || (!(b'2'..=b'9').contains(&b[exchange]) && !bracketed)
        {
            return;
        }
        if bracketed {
            if start == 0 || b[start - 1] != b'(' {
                return;
            }
            start -= 1;
        }
        // The country code: `1-`, `1 `, `+1 `.
        if start > 1
            && matches!(b[start - 1], b'-' | b' ' | b'.')
            && b[start - 2] == b'1'
            && (start < 3 || !b[start - 3].is_ascii_alphanumeric())
        {
            start -= 2;
        }
        if self.touches_number(start, at + 1) {
            return;
        }
        let plain = b[at - 4] == b' ' || b[at - 4] == b'.';
        if plain && !bracketed && b[..start].last().is_some_and(u8::is_ascii_digit) {
            return;
        }
        self.push(start, extension_end(b, at + 1), Rule::Phone);
    }

    /// Looks at a `)` after a digit.
    pub(super) fn area_code(&mut self, at: usize) {
        let b = self.b;
        let close = at;
        let from = if b.get(at + 1) == Some(&b' ') {
            at + 2
        } else {
            at + 1
        };
        if !b.get(from).is_some_and(u8::is_ascii_digit) {
            return;
        }
        let digits = b[..close]
            .iter()
            .rev()
            .take(6)
            .take_while(|c| c.is_ascii_digit())
            .count();
        let start = close - digits;
        if start == 0
            || b[start - 1] != b'('
            || digits > 5
            || (start > 1 && b[start - 2].is_ascii_alphanumeric())
        {
            return;
        }
        let (end, rest, groups) = number_end(b, from);
        let dashed = b[from..end].contains(&b'-');
        let total = digits + rest;
        let shaped = dashed && (7..=13).contains(&total) && groups >= 2 && digits >= 2
            || digits == 3 && rest == 7
            // `(020) 7946 0018`
            || b[start] == b'0' && (3..=5).contains(&digits) && groups == 2 && (10..=11).contains(&total);
        if shaped || (7..=13).contains(&total) && self.context(start - 1, end).has(Context::PHONE) {
            self.push(start - 1, end, Rule::Phone);
        }
    }

    /// Looks at `ddd?ddd`: a number only beside a word that says so.
    pub(super) fn phone_groups(&mut self, at: usize) {
        let b = self.b;
        if at < self.groups_until {
            return;
        }
        let mut start = at;
        while start > self.groups_seen.end
            && (b[start - 1].is_ascii_digit()
                || matches!(b[start - 1], b' ' | b'-' | b'.' | b'/')
                    && start > 1
                    && b[start - 2].is_ascii_digit())
        {
            start -= 1;
        }
        steps(at - start);
        if start == self.groups_seen.end {
            // One run of digits and separators is walked along once.
            start = self.groups_seen.start;
        }
        self.groups_seen = start..at;
        self.looked(at - start);
        let start = start.max(at.saturating_sub(MAX_BYTES_BACK));
        if start > 0
            && (b[start - 1].is_ascii_alphanumeric() || matches!(b[start - 1], b'.' | b'-' | b'_'))
            || self.is_seconds(start)
            || self.is_status(start)
        {
            return;
        }
        let (end, digits, groups) = number_end(b, start);
        self.groups_until = end.max(at);
        if self.touches_time(end) {
            return;
        }
        if groups > 1 && (7..=16).contains(&digits) && end > at {
            let context = self.context(start, end);
            let rule = if context.has(Context::IMEI) && matches!(digits, 14..=16) {
                Rule::Imei
            } else if context.has(Context::EDIPI) && digits == 10 {
                Rule::Edipi
            } else if context.has(Context::PASSPORT) && digits == 9 {
                Rule::Passport
            } else if context.has(Context::SSN) && digits == 9 {
                Rule::Ssn
            } else if context.has(Context::MEDICAL) && digits == 10 {
                Rule::MedicalRecord
            } else if context.has(Context::PHONE) || context.has(Context::DSN) {
                Rule::Phone
            } else {
                return;
            };
            self.push(start, end, rule);
        }
    }

    /// `10:22:28.096 2931` begins with the seconds of a time.
    fn is_seconds(&self, start: usize) -> bool {
        let b = self.b;
        start > 1
            && b[start - 1] == b':'
            && b[start - 2].is_ascii_digit()
            && b.get(start + 2).is_some_and(|c| !c.is_ascii_digit())
    }

    /// `GET /auth/callback HTTP/1.1" 200 4821`: how a server answered, and with how many bytes.
    fn is_status(&self, start: usize) -> bool {
        self.b[..start]
            .strip_suffix(b"\" ")
            .and_then(|request| request.last_chunk::<8>())
            .is_some_and(|protocol| protocol.starts_with(b"HTTP/"))
    }

    /// `+00:00` and the like go on with a colon.
    fn touches_time(&self, end: usize) -> bool {
        self.b
            .get(end)
            .is_some_and(|c| matches!(c, b':' | b'%') || c.is_ascii_alphabetic() || *c == b'_')
            && !self.b[end..].starts_with(b": ")
    }
}

/// Reads digits and the separators between them: the end, how many digits, how many groups.
fn number_end(b: &[u8], from: usize) -> (usize, usize, usize) {
    let (mut i, mut end, mut digits, mut groups) = (from, from, 0, 0);
    let mut inside = false;
    let mut gap = 0;
    while i < b.len() && i - from < 32 && digits <= 15 {
        match b[i] {
            c if c.is_ascii_digit() => {
                digits += 1;
                groups += usize::from(!inside);
                inside = true;
                gap = 0;
                end = i + 1;
            }
            b' ' | b'-' | b'.' | b'(' | b')' | b'/' if gap < 2 => {
                inside = false;
                gap += 1;
            }
            _ => break,
        }
        i += 1;
    }
    steps(i - from);
    (end, digits, groups)
}

/// `, extension 12345`
const MAX_EXTENSION_BYTES: usize = 20;

/// ` x123`, ` ext. 123`.
fn extension_end(b: &[u8], end: usize) -> usize {
    let rest = &b[end..b.len().min(end + MAX_EXTENSION_BYTES)];
    let space = rest.iter().take_while(|c| matches!(c, b' ' | b',')).count();
    let words: [&[u8]; 6] = [b"extension ", b"ext. ", b"ext ", b"ext.", b"ext", b"x"];
    let word = words.into_iter().find(|w| rest[space..].starts_with(w));
    let Some(word) = word else { return end };
    let from = space + word.len();
    let digits = rest[from..]
        .iter()
        .take_while(|c| c.is_ascii_digit())
        .count();
    if digits == 0 {
        end
    } else {
        end + from + digits
    }
}
