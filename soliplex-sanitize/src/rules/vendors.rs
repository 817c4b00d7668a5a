//! Keys that say by their prefix whose they are.
//!
//! A row of [`list`] is a prefix, the characters that may follow it, and how many at least. The lengths are
//! those that the vendors document or the public rule sets (gitleaks, secretlint, detect-secrets)
//! agree on, a little shorter where vendors have been known to change them: a prefix this telling
//! needs no exact length.

mod list;

use list::VENDORS;

use super::steps::steps;

/// What may follow a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// `0-9a-fA-F`
    Hex,
    /// `0-9A-Za-z`
    Alnum,
    /// `0-9A-Z`
    Upper,
    /// Letters, digits, `_`, `-`.
    Word,
    /// Letters, digits, `_`, `-`, `.`.
    Dotted,
    /// Letters, digits, `+`, `/`, `=`, `_`, `-`.
    Base64,
    /// Letters, digits, `_`, `-`, `.`, `=`, `+`, `/`, `~`, `%`, `!`.
    Any,
}

impl Tail {
    pub(super) fn has(self, c: u8) -> bool {
        let extra: &[u8] = match self {
            Tail::Hex => return c.is_ascii_hexdigit(),
            Tail::Upper => return c.is_ascii_digit() || c.is_ascii_uppercase(),
            Tail::Alnum => b"",
            Tail::Word => b"_-",
            Tail::Dotted => b"_-.",
            Tail::Base64 => b"_-+/=",
            Tail::Any => b"_-.=+/~%!",
        };
        c.is_ascii_alphanumeric() || extra.contains(&c)
    }
}

/// One kind of key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vendor {
    pub(super) prefix: &'static str,
    pub(super) tail: Tail,
    pub(super) min: usize,
}

/// Where the key ends that `token` begins with, if it begins with one.
pub(super) fn find(token: &[u8]) -> Option<usize> {
    let &[a, b, c, ..] = token else { return None };
    let head = head(a, b, c);
    if HEADS[head / 64] & (1 << (head % 64)) == 0 {
        return None;
    }
    let end = BY_FIRST[usize::from(FIRSTS[usize::from(a & 0x7f)])..]
        .iter()
        .map(|n| &VENDORS[usize::from(*n)])
        .take_while(|vendor| vendor.prefix.as_bytes()[0] == a)
        .filter(|vendor| token.starts_with(vendor.prefix.as_bytes()))
        .find_map(|vendor| {
            let tail = &token[vendor.prefix.len()..];
            let length = tail.iter().take_while(|c| vendor.tail.has(**c)).count();
            steps(length);
            let varied = tail[..length].iter().any(|c| *c != tail[0]);
            // Small letters with dashes are words: `sdk-integration-tests-of-the-client`.
            let words = tail[..length]
                .iter()
                .all(|c| c.is_ascii_lowercase() || matches!(c, b'-' | b'_'))
                && tail[..length].iter().any(|c| !c.is_ascii_lowercase());
            (length >= vendor.min && varied && !words).then_some(vendor.prefix.len() + length)
        })?;
    // Punctuation at the end belongs to the sentence.
    let stop = |c: &&u8| matches!(c, b'.' | b'-' | b'%' | b'!' | b'/');
    Some(end - token[..end].iter().rev().take_while(stop).count())
}

const fn head(a: u8, b: u8, c: u8) -> usize {
    ((a as usize & 0x7f) * 5209 + (b as usize & 0x7f) * 131 + c as usize) & 0x7fff
}

/// Which three bytes a key can begin with, hashed: most words end here.
static HEADS: [u64; 512] = {
    let mut heads = [0; 512];
    let mut i = 0;
    while i < VENDORS.len() {
        let prefix = VENDORS[i].prefix.as_bytes();
        // A prefix of two leaves the third byte to the key.
        let (mut c, last) = if prefix.len() > 2 {
            (prefix[2], prefix[2])
        } else {
            (0, 127)
        };
        loop {
            let head = head(prefix[0], prefix[1], c);
            heads[head / 64] |= 1 << (head % 64);
            if c == last {
                break;
            }
            c += 1;
        }
        i += 1;
    }
    heads
};

/// The rows by first letter, and where each letter's rows begin.
static BY_FIRST: [u16; VENDORS.len()] = {
    let mut rows = [0; VENDORS.len()];
    let mut at = 0;
    let mut first = 0;
    while first < 128 {
        let mut i = 0;
        while i < VENDORS.len() {
            if VENDORS[i].prefix.as_bytes()[0] == first {
                rows[at] = i as u16;
                at += 1;
            }
            i += 1;
        }
        first += 1;
    }
    rows
};

static FIRSTS: [u16; 128] = {
    let mut starts = [0; 128];
    let mut i = 0;
    while i < BY_FIRST.len() {
        let first = VENDORS[BY_FIRST[i] as usize].prefix.as_bytes()[0] as usize;
        let seen =
            i > 0 && VENDORS[BY_FIRST[i - 1] as usize].prefix.as_bytes()[0] as usize == first;
        if !seen {
            starts[first] = i as u16;
        }
        i += 1;
    }
    starts
};
