//! Secrets that must not get out, and the search for them in everything that was written or sent.
//!
//! Each run makes new ones, so that a find is a leak of this run and of nothing else.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What the device knows and nobody else may. Each text is random where a real one would be.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Canaries {
    pub(super) password: String,
    pub(super) bearer: String,
    pub(super) api_key: String,
    pub(super) email: String,
    pub(super) address: String,
    pub(super) card: String,
}

impl Canaries {
    pub(super) fn new() -> Canaries {
        let [a, b, c, d, ..] = Uuid::new_v4().into_bytes();
        Canaries {
            password: format!("Kestrel{}", letters(12)),
            bearer: format!("eyJhbGciOiJIUzI1NiJ9.{}.{}", letters(24), letters(32)),
            api_key: format!("sk_live_{}", letters(24)),
            email: format!("grace.{}@example.org", letters(10).to_lowercase()),
            address: format!("10.{}.{}.{}", 100 + a % 100, 100 + b % 100, 100 + c % 100),
            card: card_number(u64::from(d) * 1_000_003 + u64::from(a)),
        }
    }

    /// What each is called, and the text by which it would be known again.
    fn needles(&self) -> [(&'static str, &str); 6] {
        let signature = self.bearer.rsplit('.').next().unwrap_or(&self.bearer);
        let mailbox = self.email.split('@').next().unwrap_or(&self.email);
        [
            ("password", &self.password),
            ("bearer token", signature),
            ("API key", &self.api_key),
            ("e-mail address", mailbox),
            ("IP address", &self.address),
            ("card number", &self.card),
        ]
    }

    /// What kinds of secrets there are.
    pub(super) fn names(&self) -> Vec<&'static str> {
        self.needles().into_iter().map(|(name, _)| name).collect()
    }
}

fn letters(count: usize) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    let bytes = std::iter::repeat_with(|| Uuid::new_v4().into_bytes()).flatten();
    bytes
        // Version and variant stand in two of the bytes and are the same in all.
        .filter_map(|byte| ALPHABET.get(usize::from(byte) % 64).copied())
        .map(char::from)
        .take(count)
        .collect()
}

/// Sixteen digits with a valid check digit: Luhn, ISO/IEC 7812-1.
fn card_number(random: u64) -> String {
    let digits = format!("4539{:011}", random % 100_000_000_000);
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0');
            match place % 2 {
                0 if digit > 4 => 2 * digit - 9,
                0 => 2 * digit,
                _ => digit,
            }
        })
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

// === Watch ===

/// Looks for canaries, and remembers where it looked.
#[derive(Clone)]
pub(super) struct Watch {
    needles: Arc<[(&'static str, Finder<'static>)]>,
    looked: Arc<Mutex<Looked>>,
}

#[derive(Default)]
struct Looked {
    bytes: BTreeMap<&'static str, u64>,
    found: Vec<Found>,
}

/// A secret that got out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) what: &'static str,
    pub(super) place: String,
}

impl Watch {
    pub(super) fn new(canaries: &Canaries) -> Watch {
        let needles = canaries.needles().into_iter();
        Watch {
            needles: needles
                .map(|(name, text)| (name, Finder::new(text.as_bytes()).into_owned()))
                .collect(),
            looked: Arc::default(),
        }
    }

    /// Searches these bytes, which must not begin or end within a secret.
    pub(super) fn look(&self, place: &'static str, bytes: &[u8]) {
        self.look_in(place, place, bytes);
    }

    /// Searches every file of a folder, as it is now.
    pub(super) fn look_in_dir(&self, place: &'static str, dir: &Path) -> io::Result<()> {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                self.look_in_dir(place, &entry.path())?;
                continue;
            }
            let mut bytes = Vec::new();
            File::open(entry.path())?.read_to_end(&mut bytes)?;
            let file = format!("{place}, {}", entry.file_name().to_string_lossy());
            self.look_in(place, &file, &bytes);
        }
        Ok(())
    }

    /// Where was looked, and how many bytes.
    pub(super) fn places(&self) -> Vec<(&'static str, u64)> {
        let looked = self.looked();
        looked
            .bytes
            .iter()
            .map(|(place, bytes)| (*place, *bytes))
            .collect()
    }

    /// What was found.
    pub(super) fn found(&self) -> Vec<Found> {
        self.looked().found.clone()
    }

    fn look_in(&self, place: &'static str, precisely: &str, bytes: &[u8]) {
        let found = self
            .needles
            .iter()
            .filter(|(_, finder)| finder.find(bytes).is_some());
        let found: Vec<Found> = found
            .map(|(what, _)| Found {
                what,
                place: precisely.to_owned(),
            })
            .collect();
        let mut looked = self.looked();
        *looked.bytes.entry(place).or_default() += bytes.len() as u64;
        for find in found {
            if !looked.found.contains(&find) {
                looked.found.push(find);
            }
        }
    }

    fn looked(&self) -> MutexGuard<'_, Looked> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_got_out_is_found_and_named() {
        let canaries = Canaries::new();
        let watch = Watch::new(&canaries);
        watch.look("the log", b"nothing to see");
        assert_eq!(watch.found(), []);
        for (name, secret) in canaries.needles() {
            let watch = Watch::new(&canaries);
            watch.look("the log", format!("x{secret}y {secret}").as_bytes());
            let expected = Found {
                what: name,
                place: "the log".to_owned(),
            };
            assert_eq!(watch.found(), [expected]);
        }
    }

    #[test]
    fn a_secret_in_a_file_is_found() {
        let canaries = Canaries::new();
        let watch = Watch::new(&canaries);
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("deep")).unwrap();
        let bytes = [&[0xff; 5000], canaries.password.as_bytes(), &[0; 5000]].concat();
        fs::write(dir.path().join("deep/store"), bytes).unwrap();
        watch.look_in_dir("the store", dir.path()).unwrap();
        assert_eq!(watch.found()[0].place, "the store, store");
        assert_eq!(watch.places(), [("the store", 10_019)]);
    }

    #[test]
    fn the_rules_know_every_canary() {
        let rules = tracing_soliplex::Rules::standard();
        for _ in 0..100 {
            let canaries = Canaries::new();
            let watch = Watch::new(&canaries);
            let Canaries {
                password,
                bearer,
                api_key,
                email,
                address,
                card,
            } = &canaries;
            for text in [
                format!("password={password}"),
                format!("password: {password}"),
                format!("Authorization: Bearer {bearer}"),
                format!("rejected api_key={api_key}"),
                format!("reset link sent to {email}"),
                format!("connected from {address}"),
                format!("card {card} was declined"),
            ] {
                let clean = rules.sanitize(&text);
                watch.look("a text", clean.as_bytes());
                assert_eq!(watch.found(), [], "{clean}");
            }
        }
    }

    #[test]
    fn card_numbers_have_a_valid_check_digit() {
        // A number of the payment industry's test suites; its last digit is computed.
        assert_eq!(card_number(14_880_343_646), "4539148803436467");
    }
}
