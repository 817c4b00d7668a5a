//! Keys of vendors that no prefix tells, but their whole shape: Discord's, Telegram's, Azure's,
//! Mailchimp's.

use super::catalog::Rule;
use super::context::word_before;
use super::entropy::bits_per_byte;
use super::scan::Scan;
use super::steps::steps;
use super::tokens::{is_mixed, is_word};

impl Scan<'_> {
    /// `access_token$production$…$…`, PayPal's and Braintree's.
    pub(super) fn dollar_key(&mut self, start: usize, end: usize) -> bool {
        let b = self.b;
        let floor = start.saturating_sub(MAX_DOLLAR_BYTES);
        let Some(from) = memchr::memmem::rfind(&b[floor..start], b"access_token$") else {
            return false;
        };
        self.push(floor + from, end, Rule::ApiKey);
        true
    }

    /// Keys in several pieces: Discord's, Terraform's.
    pub(super) fn dotted_key(&mut self, start: usize, end: usize) -> bool {
        let b = self.b;
        let run = |from: usize| {
            b[from..]
                .iter()
                .take(200)
                .take_while(|c| is_word(**c) || **c == b'!')
                .count()
        };
        if (23..=28).contains(&(end - start))
            && matches!(b[start], b'M' | b'N' | b'O')
            && b.get(end) == Some(&b'.')
        {
            let second = run(end + 1);
            if (5..=7).contains(&second) && b.get(end + 1 + second) == Some(&b'.') {
                let third = run(end + 2 + second);
                if third >= 26 {
                    self.push(start, end + 2 + second + third, Rule::ApiKey);
                    return true;
                }
            }
        }
        if end - start == 17
            && b[start..].starts_with(b"pat")
            && b.get(end) == Some(&b'.')
            && run(end + 1) == 64
        {
            self.push(start, end + 65, Rule::ApiKey);
            return true;
        }
        if start > 22 && b[..start].ends_with(b".atlasv1.") && end - start >= 50 {
            let from = start - 9;
            let id = b[..from]
                .iter()
                .rev()
                .take(14)
                .take_while(|c| c.is_ascii_alphanumeric())
                .count();
            self.push(from - id, end, Rule::ApiKey);
            return true;
        }
        false
    }

    /// Keys with something other than a dot inside: Telegram's, Azure's, Facebook's.
    pub(super) fn joined_key(&mut self, start: usize, end: usize) -> bool {
        let b = self.b;
        if start < 3 {
            return false;
        }
        let digits_before = |to: usize| {
            b[..to]
                .iter()
                .rev()
                .take(18)
                .take_while(|c| c.is_ascii_digit())
                .count()
        };
        match b[start - 1] {
            b':' if (33..=37).contains(&(end - start)) && b[start] == b'A' => {
                let id = digits_before(start - 1);
                if (6..=16).contains(&id) {
                    self.push(start - 1 - id, end, Rule::ApiKey);
                    return true;
                }
            }
            b'~' if b[start - 2] == b'Q' && b[start - 3].is_ascii_digit() && end - start >= 28 => {
                let id = b[..start - 3]
                    .iter()
                    .rev()
                    .take(3)
                    .take_while(|c| is_word(**c) || matches!(c, b'~' | b'.'))
                    .count();
                let tail = b[end..]
                    .iter()
                    .take(40)
                    .take_while(|c| is_word(**c) || matches!(c, b'~' | b'.'))
                    .count();
                self.push(start - 3 - id, end + tail, Rule::ApiKey);
                return true;
            }
            b'|' if (24..=44).contains(&(end - start)) => {
                let id = digits_before(start - 1);
                if (14..=17).contains(&id) {
                    self.push(start - 1 - id, end, Rule::ApiKey);
                    return true;
                }
            }
            _ => {}
        }
        false
    }

    /// Azure's keys, whose identifier ends in a digit and `Q` before the `~`.
    pub(super) fn tilde_key(&mut self, start: usize, end: usize) -> bool {
        let b = self.b;
        // `~` inside the word's neighborhood: the identifier comes first.
        if b.get(end) == Some(&b'~')
            && end - start >= 4
            && b[end - 1] == b'Q'
            && b[end - 2].is_ascii_digit()
        {
            let tail = b[end + 1..]
                .iter()
                .take(60)
                .take_while(|c| is_word(**c) || matches!(c, b'~' | b'.'))
                .count();
            if tail >= 28 {
                self.push(start, end + 1 + tail, Rule::ApiKey);
                return true;
            }
        }
        false
    }

    /// Keys known by their whole shape: Mailchimp's, MaxMind's, Mailgun's, Okta's.
    pub(super) fn shaped_key(&mut self, start: usize, end: usize) -> bool {
        let word = &self.b[start..end];
        let mailchimp = (36..=37).contains(&word.len())
            && &word[32..35] == b"-us"
            && word[..32].iter().all(u8::is_ascii_hexdigit)
            && word[35..].iter().all(u8::is_ascii_digit);
        let maxmind = word.len() == 40 && word.ends_with(b"_mmk") && word[6] == b'_';
        let hex = |part: &[u8]| part.iter().all(u8::is_ascii_hexdigit);
        let mailgun = word.len() == 50
            && word[32] == b'-'
            && word[41] == b'-'
            && hex(&word[..32])
            && hex(&word[33..41])
            && hex(&word[42..]);
        let okta = word.len() == 42
            && word.starts_with(b"00")
            && is_mixed(word)
            && bits_per_byte(word) >= 4.0;
        let found = mailchimp || maxmind || mailgun || okta || is_prefixed(word);
        if found {
            self.push(start, end, Rule::ApiKey);
        }
        found
    }

    /// The key of a storage account: sixty-four bytes in base64, whatever stands before it. An
    /// integrity or a signature of as many says so.
    pub(super) fn storage_key(&mut self, start: usize, end: usize) -> bool {
        let b = self.b;
        let near = &b[end..b.len().min(end + STORAGE_KEY_BYTES + 2)];
        let filled = memchr::memchr(b'=', near).is_some_and(|n| near[n..].starts_with(b"=="));
        if !filled || !is_mixed(&b[start..end]) {
            return false;
        }
        let part = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/');
        let back = b[..end].iter().rev().take(STORAGE_KEY_BYTES + 1);
        let from = end - back.take_while(|c| part(c)).count();
        let more = b[from..].iter().take(STORAGE_KEY_BYTES + 1);
        let length = more.take_while(|c| part(c)).count();
        steps(end - from + length);
        let stop = from + length + 2;
        let shaped = length == STORAGE_KEY_BYTES && b[from + length..].starts_with(b"==");
        let before = &b[..from];
        let tailed = b.get(stop).is_some_and(|c| part(c) || *c == b'=');
        if !shaped || tailed || before.ends_with(b"-") {
            return false;
        }
        let word = word_before(b, from);
        let ends = |name: &&str| {
            let tail = word.len().checked_sub(name.len());
            tail.is_some_and(|at| word[at..].eq_ignore_ascii_case(name.as_bytes()))
        };
        let public = [
            "integrity",
            "digest",
            "signature",
            "sig",
            "hash",
            "checksum",
            "sha512",
        ];
        let found = !public.iter().any(ends);
        if found {
            self.push(from, stop, Rule::ApiKey);
        }
        found
    }

    /// `ExponentPushToken[…]`
    pub(super) fn push_token(&mut self, start: usize, end: usize) -> bool {
        let found = self.b[..start].ends_with(b"PushToken[") && self.b.get(end) == Some(&b']');
        if found {
            self.push(start, end, Rule::ApiKey);
        }
        found
    }
}

/// Sixty-four bytes in base64, without what fills them up.
const STORAGE_KEY_BYTES: usize = 86;

/// `access_token$production$`, sixteen characters and a `$`.
const MAX_DOLLAR_BYTES: usize = 48;

/// A short prefix in small letters, `_`, and thirty or more characters drawn from all three kinds:
/// what every young vendor's keys look like.
fn is_prefixed(word: &[u8]) -> bool {
    if word.len() < 33 {
        return false;
    }
    let Some(prefix) = word.iter().take(9).position(|c| *c == b'_') else {
        return false;
    };
    let tail = &word[prefix + 1..];
    prefix >= 2
        && word[..prefix].iter().all(u8::is_ascii_lowercase)
        && (30..=200).contains(&tail.len())
        && tail.iter().all(u8::is_ascii_alphanumeric)
        && is_mixed(tail)
        && tail.iter().filter(|c| c.is_ascii_digit()).count() >= 3
        && bits_per_byte(tail) >= 4.0
}
