//! Hashes of passwords: from `$2b$12$…` a password can be guessed.

use super::catalog::Rule;
use super::scan::Scan;
use super::steps::steps;
use super::tokens::is_token;

impl Scan<'_> {
    /// The hash of a password in base64, whose `.`, `/` and `+` make it look like several words.
    pub(super) fn inside_hash(&mut self, start: usize, end: usize) -> bool {
        let near = &self.b[start.saturating_sub(MAX_HASH_PIECES_BYTES)..start];
        memchr::memrchr(b'$', near).is_some() && self.hashed_password(start, end)
    }

    /// `$2b$12$…`, `$argon2id$v=19$…`, `pbkdf2_sha256$260000$…`, `{SSHA}…`: what a password was
    /// hashed to can be guessed from.
    pub(super) fn hashed_password(&mut self, start: usize, end: usize) -> bool {
        let b = self.b;
        let floor = start.saturating_sub(MAX_HASH_BYTES);
        let part = |c: &u8| is_token(*c) || matches!(c, b'$' | b'{' | b'}' | b',' | b':');
        let back = b[floor..start].iter().rev().take_while(|c| part(c)).count();
        let mut from = start - back;
        let head = &b[from..start];
        let known = HASHES
            .iter()
            .find_map(|name| memchr::memmem::find(head, name.as_bytes()));
        let Some(n) = known else { return false };
        from += n;
        let more = b[end..]
            .iter()
            .take(MAX_HASH_BYTES)
            .take_while(|c| part(c) && !matches!(c, b',' | b':'));
        let stop = end + more.count();
        steps(stop - from);
        if stop - from < MIN_HASH_BYTES {
            return false;
        }
        self.push(from, stop, Rule::Entropy);
        true
    }
}

/// How far before a piece of a hash its salt is looked for.
const MAX_HASH_PIECES_BYTES: usize = 64;

/// A salt and a hash, each in base64.
const MAX_HASH_BYTES: usize = 128;

const MIN_HASH_BYTES: usize = 24;

/// How hashes of passwords begin.
const HASHES: &[&str] = &[
    "$2a$",
    "$2b$",
    "$2x$",
    "$2y$",
    "$1$",
    "$5$",
    "$6$",
    "$y$",
    "$7$",
    "$8$",
    "$9$",
    "$P$",
    "$H$",
    "$argon2",
    "$scrypt$",
    "$apr1$",
    "pbkdf2_sha",
    "$pbkdf2",
    "bcrypt_sha256$",
    "SCRAM-SHA-256$",
    "pbkdf2:",
    "scrypt:",
    "{SSHA",
    "{SHA",
    "{CRYPT}",
    "{MD5}",
    "{SMD5}",
];
