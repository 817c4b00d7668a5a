//! A built rule set: which rules are on, what was added, how often each has fired.

use std::ops::Range;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Rules;
use super::catalog::{self, RULES, Rule};
use super::field::KnownNames;
use super::keys::{self, MAX_KEY_BYTES, Strength, Words};
use super::patterns::Pattern;
use super::span::Source;

/// What [`Rules`](super::Rules) shares between its clones.
pub(super) struct Table {
    /// A bit per built-in rule.
    pub(super) on: u64,
    /// Replacements for built-in markers, by the rule's number.
    pub(super) markers: Vec<String>,
    /// The first bytes of all markers: most values are told from one by theirs.
    marker_firsts: [bool; 256],
    pub(super) patterns: Vec<Pattern>,
    /// Lower-case names, words joined by `_`.
    pub(super) denied: Vec<String>,
    pub(super) allowed: Vec<String>,
    /// In allowlist mode, the only names that pass.
    pub(super) allowlist: Option<Vec<String>>,
    /// Loggers with rules of their own.
    pub(super) scopes: Vec<(String, Rules)>,
    pub(super) hash: u64,
    /// What these rules say of the fields of each callsite, once a root has asked.
    pub(super) names: OnceLock<KnownNames>,
    counts: Vec<AtomicU64>,
}

impl Table {
    pub(super) fn new(on: u64) -> Table {
        Table {
            on,
            markers: RULES.iter().map(|entry| entry.marker.to_owned()).collect(),
            marker_firsts: [false; 256],
            patterns: Vec::new(),
            denied: Vec::new(),
            allowed: Vec::new(),
            allowlist: None,
            scopes: Vec::new(),
            hash: 0,
            names: OnceLock::new(),
            counts: Vec::new(),
        }
    }

    /// Fixes the fingerprint and the counters; nothing may be added afterwards.
    pub(super) fn seal(mut self) -> Table {
        self.counts = (0..catalog::COUNT + self.patterns.len())
            .map(|_| AtomicU64::new(0))
            .collect();
        let added = self.patterns.iter().map(|pattern| &pattern.marker);
        for marker in self.markers.iter().chain(added) {
            if let Some(first) = marker.as_bytes().first() {
                self.marker_firsts[usize::from(*first)] = true;
            }
        }
        self.hash = self.fingerprint();
        self
    }

    /// Whether nothing is on and nothing was added, for no logger.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.on == 0 && self.adds_nothing()
    }

    fn adds_nothing(&self) -> bool {
        self.patterns.is_empty()
            && self.denied.is_empty()
            && self.allowlist.is_none()
            && self.scopes.iter().all(|(_, rules)| rules.is_none())
    }

    pub(super) fn has_scopes(&self) -> bool {
        !self.scopes.is_empty()
    }

    /// The rules of the longest scope that holds the logger.
    pub(super) fn scoped(&self, logger: &str) -> Option<&Rules> {
        self.scopes
            .iter()
            .filter(|(scope, _)| {
                let rest = logger.strip_prefix(scope.as_str());
                rest.is_some_and(|rest| {
                    rest.is_empty() || rest.starts_with("::") || rest.starts_with('.')
                })
            })
            .max_by_key(|(scope, _)| scope.len())
            .map(|(_, rules)| rules)
    }

    pub(super) fn is_on(&self, rule: Rule) -> bool {
        self.on & (1 << rule as u64) != 0
    }

    /// A quick look at a name: false when [`strength`](Table::strength) has nothing to say of it.
    pub(super) fn may_name_secret(&self, name: &[u8]) -> bool {
        keys::has_stem(name) || !self.denied.is_empty()
    }

    /// The built-in judgement, and what was added to it or taken from it.
    pub(super) fn strength(&self, name: &[u8]) -> Option<Strength> {
        self.may_name_secret(name).then(|| self.judge(name))?
    }

    /// The same for a name that [may name a secret](Table::may_name_secret).
    pub(super) fn judge(&self, name: &[u8]) -> Option<Strength> {
        if !self.denied.is_empty() || !self.allowed.is_empty() {
            let normal = Normal::of(name);
            if self
                .allowed
                .iter()
                .any(|n| n.as_bytes() == normal.as_bytes())
            {
                return None;
            }
            if self.denied.iter().any(|n| normal.ends_with(n.as_bytes())) {
                return Some(Strength::Certain);
            }
        }
        if self.is_on(Rule::Key) {
            keys::judge(name)
        } else {
            None
        }
    }

    pub(super) fn is_allowed(&self, name: &str) -> bool {
        self.allowlist.as_ref().is_none_or(|list| {
            let normal = Normal::of(name.as_bytes());
            list.iter().any(|n| n.as_bytes() == normal.as_bytes())
        })
    }

    pub(super) fn marker(&self, source: Source) -> &str {
        match source {
            Source::Builtin(rule) => &self.markers[rule as usize],
            Source::User(n) => &self.patterns[usize::from(n)].marker,
        }
    }

    /// Names and markers of all rules.
    pub(super) fn markers(&self) -> impl Iterator<Item = (&str, &str)> {
        let built_in = RULES.iter().map(|entry| entry.name).zip(&self.markers);
        let added = self.patterns.iter().map(|p| (p.name.as_str(), &p.marker));
        built_in
            .chain(added)
            .map(|(name, marker)| (name, marker.as_str()))
    }

    /// Whether a value is what some rule has put there.
    pub(super) fn is_marker(&self, value: &[u8]) -> bool {
        value
            .first()
            .is_some_and(|first| self.marker_firsts[usize::from(*first)])
            && (self.markers.iter().any(|m| m.as_bytes() == value)
                || self.patterns.iter().any(|p| p.marker.as_bytes() == value))
    }

    /// Whether a place in a text is within a marker that some rule has put there: a pattern that
    /// matches a piece of one would make it grow each time it is looked at.
    pub(super) fn is_in_marker(&self, text: &str, place: &Range<usize>) -> bool {
        let text = text.as_bytes();
        self.markers().any(|(_, marker)| {
            let first = place.end.saturating_sub(marker.len());
            (first..=place.start).any(|start| {
                let rest = text.get(start..);
                rest.is_some_and(|rest| rest.starts_with(marker.as_bytes()))
            })
        })
    }

    /// Whether patterns were added, which any text may match.
    pub(super) fn has_patterns(&self) -> bool {
        !self.patterns.is_empty()
    }

    pub(super) fn name(&self, source: Source) -> &str {
        match source {
            Source::Builtin(rule) => rule.entry().name,
            Source::User(n) => &self.patterns[usize::from(n)].name,
        }
    }

    pub(super) fn count(&self, source: Source) {
        let index = match source {
            Source::Builtin(rule) => rule as usize,
            Source::User(n) => catalog::COUNT + usize::from(n),
        };
        self.counts[index].fetch_add(1, Ordering::Relaxed);
    }

    /// Name and hits of every rule that fired, for any logger.
    pub(super) fn hits(&self) -> Vec<(String, u64)> {
        let mut hits = Vec::new();
        self.add_hits(&mut Vec::new(), &mut hits);
        hits
    }

    /// Adds the hits of these rules, unless they are counted already: loggers may share rules.
    fn add_hits(&self, counted: &mut Vec<*const Table>, hits: &mut Vec<(String, u64)>) {
        if counted.contains(&ptr::from_ref(self)) {
            return;
        }
        counted.push(self);
        let built_in = RULES.iter().map(|entry| entry.name);
        let names = built_in.chain(self.patterns.iter().map(|p| p.name.as_str()));
        for (name, count) in names.zip(&self.counts) {
            let count = count.load(Ordering::Relaxed);
            match hits.iter_mut().find(|(known, _)| known == name) {
                Some((_, sum)) => *sum = sum.saturating_add(count),
                None if count > 0 => hits.push((name.to_owned(), count)),
                None => {}
            }
        }
        for (_, Rules(scoped)) in &self.scopes {
            scoped.add_hits(counted, hits);
        }
    }

    /// FNV-1a over everything that changes what comes out.
    fn fingerprint(&self) -> u64 {
        let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
        hash.add(env!("CARGO_PKG_VERSION").as_bytes());
        hash.add(&catalog::REVISION.to_le_bytes());
        for (entry, marker) in RULES.iter().zip(&self.markers) {
            hash.add(entry.name.as_bytes());
            hash.add(&[u8::from(self.is_on(entry.rule))]);
            hash.add(marker.as_bytes());
        }
        for pattern in &self.patterns {
            hash.add(pattern.name.as_bytes());
            hash.add(pattern.regex.as_str().as_bytes());
            hash.add(pattern.marker.as_bytes());
            hash.add(&[u8::from(pattern.validator.is_some())]);
        }
        for (kind, list) in [
            (1, Some(&self.denied)),
            (2, Some(&self.allowed)),
            (3, self.allowlist.as_ref()),
        ] {
            hash.add(&[kind, u8::from(list.is_some())]);
            // Which name was given first makes no difference, nor does one given twice.
            let mut names: Vec<&String> = list.into_iter().flatten().collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                hash.add(name.as_bytes());
            }
        }
        let mut scopes: Vec<_> = self.scopes.iter().collect();
        // Of two for one logger the last counts, so these keep their order.
        scopes.sort_by_key(|(logger, _)| logger);
        for (logger, rules) in scopes {
            hash.add(logger.as_bytes());
            hash.add(&rules.0.hash.to_le_bytes());
        }
        hash.0
    }
}

/// The hash function: small, stable, and not meant to withstand an adversary.
struct Fnv(u64);

impl Fnv {
    /// Adds a field and its end, so that two fields are never mistaken for one.
    fn add(&mut self, bytes: &[u8]) {
        for b in bytes.iter().chain(&(bytes.len() as u32).to_le_bytes()) {
            self.0 = (self.0 ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// A name in lower case with its words joined by `_`: `X-Api-Key`, `xApiKey` and `x_api_key` are
/// one.
pub(super) struct Normal {
    letters: [u8; MAX_KEY_BYTES * 2],
    length: usize,
}

impl Normal {
    pub(super) fn of(name: &[u8]) -> Normal {
        let words = Words::split(name);
        let mut normal = Normal {
            letters: [0; MAX_KEY_BYTES * 2],
            length: 0,
        };
        for word in words.iter() {
            if normal.length > 0 {
                normal.letters[normal.length] = b'_';
                normal.length += 1;
            }
            normal.letters[normal.length..normal.length + word.len()].copy_from_slice(word);
            normal.length += word.len();
        }
        normal
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.letters[..self.length]
    }

    /// Whether the last words are these.
    fn ends_with(&self, name: &[u8]) -> bool {
        let own = self.as_bytes();
        own.ends_with(name) && (own.len() == name.len() || own[own.len() - name.len() - 1] == b'_')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line for most rules.
    const LINES: [&str; 12] = [
        "password=hunter2 Cookie: session=4f8a2c; theme=dark https://ann:pw@example.org/x",
        "Bearer abcdefgh12345678 mail ann@example.org from 203.0.113.7 port 8080",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
        "AKIAIOSFODNN7EXAMPLE ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "ssn 123-45-6789 card 4111 1111 1111 1111 imei 490154203237518",
        "edipi 1017382946 passport C01234567 account 12345678 DE89370400440532013000",
        "call +1 (202) 555-0143, fe80::1ff:fe23:4567:890a, 00:1B:44:11:3A:B7",
        "lat 38.889484, lon -77.035278 at 18SUJ2337106519",
        "token 8f3kQz71LmPx04VbRt92Yw at /home/ann/src/app/src/main.rs:7:3",
        "version 1.2.3.4 took 12 ms for 018f3c6e-7b1a-7c3d-9e2f-1a2b3c4d5e6f",
        "callsign viper1 user 1017382946 signed in at 38.8977, -77.0365",
        "authored by tokenizer; token_count=12, GET /rooms/7 200",
    ];

    /// What the built-in rules make of these lines, in short.
    fn behavior() -> String {
        let mut hash = Fnv(0);
        for rules in [Rules::standard(), Rules::dod()] {
            LINES
                .iter()
                .for_each(|line| hash.add(rules.sanitize(line).as_bytes()));
        }
        format!("{:016x}", hash.0)
    }

    #[test]
    fn what_built_in_rules_are_and_do_is_told_by_their_fingerprints() {
        // Where only the behavior differs, rules do something else under the same fingerprint:
        // count the revision up, and pin all of it anew. A new version of this crate changes the
        // fingerprints, too.
        let [standard, dod] = [Rules::standard(), Rules::dod()].map(|r| r.hash().to_string());
        assert_eq!(
            (catalog::REVISION, &*behavior(), &*standard, &*dod),
            (
                2,
                "823564e5d36148f9",
                "175369c9090beb87",
                "788e227e46d22010"
            )
        );
    }
}
