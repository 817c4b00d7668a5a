//! The rules: what counts as confidential, and what is put in its place.
//!
//! Text goes through one pass of a [gate](gate) that only looks for shapes, then through
//! hand-written verifiers at the few positions the gate names; nothing is written, and nothing
//! allocated, unless a verifier is sure. Disguised text (escapes, full-width digits, colors) is
//! read once more in plain. Regular expressions run only where the user brings their own.
//!
//! The modules, in reading order: [`catalog`] names the rules; [`gate`] finds shapes; [`scan`]
//! hands them to [`pairs`] (with [`keys`], [`entropy`]), [`prose`] (with [`routers`],
//! [`statements`]), [`codes`] and [`flags`]; to [`net`], [`emails`] and [`macs`]; to [`numbers`],
//! [`cards`], [`births`], [`iban`], [`places`] and [`phone`] (with [`context`]); to [`tokens`] (with
//! [`vendors`], [`shaped_keys`], [`hashes`], [`webhooks`], [`wallets`], [`vehicles`], [`encoded`]),
//! [`schemes`] (with [`base64`]), [`pem`] and [`paths`]. [`fold`] undoes disguises; [`runs`] finds
//! where words begin; [`span`] puts the finds in order; [`json`] walks structured values; [`table`],
//! [`builder`] and [`file`] say which rules are on, and [`patterns`] searches for the user's own. How
//! values reach this module is the business of the crate's other files.

mod base64;
mod births;
mod builder;
mod cards;
mod catalog;
mod codes;
mod context;
mod emails;
mod encoded;
mod entropy;
mod field;
mod file;
mod flags;
mod fold;
mod gate;
mod hashes;
mod iban;
mod json;
mod keys;
mod macs;
mod net;
mod numbers;
mod pairs;
mod paths;
mod patterns;
mod pem;
mod phone;
mod places;
mod prose;
mod routers;
mod runs;
mod scan;
mod schemes;
mod shaped_keys;
mod span;
mod statements;
mod steps;
mod table;
mod tokens;
mod vehicles;
mod vendors;
mod wallets;
mod webhooks;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

pub use builder::{RulesBuilder, RulesError};
pub use catalog::RuleInfo;
pub(crate) use field::{MESSAGE, Name, Names};

use keys::Strength;
use scan::Found;
use span::{Fill, Span};
use table::Table;

/// What stands in the place of a value whose name is sensitive.
const REDACTED: &str = "[REDACTED]";

/// How often redacted text is read again at most; the first time nearly always finds nothing.
const MAX_ROUNDS: usize = 4;

/// Room for markers that are longer than what they replace, so that few texts are moved while they
/// are written.
const MAX_GROWTH: usize = 256;

/// What counts as confidential and what replaces it.
///
/// Cheap to clone; clones share the receipt. `Debug` shows the fingerprint and the names of added
/// rules, never a pattern.
///
/// ```
/// use soliplex_sanitize::Rules;
///
/// let rules = Rules::standard();
/// assert_eq!(rules.sanitize("mail ann@example.com, token=s3cr3t!"), "mail [EMAIL], token=[REDACTED]");
/// assert_eq!(rules.sanitize("nothing to hide"), "nothing to hide");
/// ```
#[derive(Clone)]
pub struct Rules(Arc<Table>);

/// What the name of a field says about its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyVerdict {
    /// The value is free text and is searched like any other.
    Keep,
    /// The name is sensitive: strings, numbers and everything inside containers go; `true`, `false`
    /// and null stay.
    Redact,
    /// The name is not on the allowlist: the field is left out.
    Drop,
}

/// One hit: which rule, and where; never what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's name.
    pub rule: String,
    /// The byte range in the text that was examined.
    pub range: Range<usize>,
}

/// A fingerprint of a rule set: the same in every process, another one when the rules differ.
///
/// Of a [validator](RulesBuilder::pattern_if) it knows that there is one, not what it does: a
/// pattern whose validator changes needs another name. `Display` writes sixteen hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RulesHash(u64);

impl fmt::Display for RulesHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// How often each rule fired: the receipt of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleCounts(Vec<(String, u64)>);

impl RuleCounts {
    /// Rule names and hits; rules that never fired are left out.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(name, hits)| (name.as_str(), *hits))
    }

    /// Hits of all rules together.
    pub fn total(&self) -> u64 {
        self.0.iter().map(|(_, hits)| hits).sum()
    }
}

// === impl Rules ===

impl Rules {
    /// The rules for every application: the whole table of `docs/rules.md`.
    ///
    /// Built once per process; every call after the first is a clone of a pointer.
    pub fn standard() -> Rules {
        static STANDARD: OnceLock<Rules> = OnceLock::new();
        STANDARD
            .get_or_init(|| Rules(Arc::new(Table::new(u64::MAX).seal())))
            .clone()
    }

    /// The standard rules, and stricter ones for defense use.
    ///
    /// On top of [`Rules::standard`], names of people, units, hosts and places are sensitive as
    /// keys (`username`, `callsign`, `unit`, `hostname`, `lat`, `grid` …), a ten-digit number near
    /// the words user, member or CAC is an EDIPI, and decimal coordinates need no word beside them.
    pub fn dod() -> Rules {
        static DOD: OnceLock<Rules> = OnceLock::new();
        DOD.get_or_init(|| builder::dod().build().unwrap_or_else(|_| Rules::standard()))
            .clone()
    }

    /// Changes nothing: for tests, and to compare output byte by byte.
    pub fn none() -> Rules {
        static NONE: OnceLock<Rules> = OnceLock::new();
        NONE.get_or_init(|| Rules(Arc::new(Table::new(0).seal())))
            .clone()
    }

    /// The built-in rules, in the order in which overlapping ones win.
    pub fn built_in() -> impl Iterator<Item = &'static RuleInfo> {
        catalog::RULES.iter().map(|entry| &entry.info)
    }

    /// Starts from the standard rules.
    pub fn builder() -> RulesBuilder {
        RulesBuilder::standard()
    }

    /// Reads a rules file; see `docs/rules.md` for its shape.
    ///
    /// # Errors
    ///
    /// Text that is not TOML or not of that shape, an unknown rule, a pattern that does not
    /// compile.
    pub fn from_toml(text: &str) -> Result<Rules, RulesError> {
        file::read(text)
    }

    /// Whether these rules change nothing, for any logger.
    #[inline]
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// The rules for records of one logger: these, unless others were set for it or for a parent
    /// (`app::db` for `app::db::pool`).
    pub fn for_logger(&self, logger: &str) -> &Rules {
        self.0.scoped(logger).unwrap_or(self)
    }

    /// Redacts free text; borrowed, and nothing allocated, when no rule fires.
    pub fn sanitize<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.is_none() {
            return Cow::Borrowed(text);
        }
        let found = scan::find(&self.0, text);
        if found.spans.is_empty() {
            Cow::Borrowed(text)
        } else {
            Cow::Owned(self.write(text, found))
        }
    }

    /// What the name of a field says about its value; allocates nothing.
    pub fn key(&self, key: &str) -> KeyVerdict {
        if self.is_none() {
            KeyVerdict::Keep
        } else if !self.0.is_allowed(key) {
            KeyVerdict::Drop
        } else if self.hides(key) {
            KeyVerdict::Redact
        } else {
            KeyVerdict::Keep
        }
    }

    /// Whether a name is sensitive, whatever an allowlist says.
    fn hides(&self, key: &str) -> bool {
        let strength = self.0.strength(key.as_bytes());
        // A name that was redacted itself is one of a rule, and says nothing of its value. A marker
        // that is a word is a name like any other.
        let is_word = key.starts_with(|c: char| c.is_ascii_alphanumeric());
        strength.is_some_and(|strength| strength > Strength::Hint)
            && (is_word || !self.0.is_marker(key.as_bytes()))
    }

    /// Redacts the text of a field: whole when its name is sensitive, else like free text in which
    /// the name is the word before the value (`edipi`, `lat`, `api key`).
    ///
    /// An empty text, and one that is a marker already, stays. A field that is not on the allowlist
    /// comes out as `[REDACTED]`: who can leave it out should ask [`Rules::key`] first.
    pub fn sanitize_value<'a>(&self, key: &str, text: &'a str) -> Cow<'a, str> {
        match self.key(key) {
            _ if text.is_empty() || self.0.is_marker(text.as_bytes()) => Cow::Borrowed(text),
            KeyVerdict::Keep => json::in_context(self, key, text),
            KeyVerdict::Redact | KeyVerdict::Drop => {
                self.0.count(span::Source::Builtin(catalog::Rule::Key));
                Cow::Borrowed(REDACTED)
            }
        }
    }

    /// Redacts an id, of a user or a run: as [`Rules::sanitize_value`], but an id is no field, and so
    /// no allowlist hides it.
    ///
    /// ```
    /// use soliplex_sanitize::Rules;
    ///
    /// let rules = Rules::builder().allow_only(["message"]).build()?;
    /// assert_eq!(rules.sanitize_id("user.id", "u-4711"), "u-4711");
    /// assert_eq!(rules.sanitize_id("user.id", "ann@example.com"), "[EMAIL]");
    /// # Ok::<(), soliplex_sanitize::RulesError>(())
    /// ```
    pub fn sanitize_id<'a>(&self, name: &str, id: &'a str) -> Cow<'a, str> {
        let listed = self.key(name);
        if listed == KeyVerdict::Redact || (listed == KeyVerdict::Drop && self.hides(name)) {
            self.sanitize_value(name, id)
        } else {
            self.sanitize_kept(name, id)
        }
    }

    /// Redacts a JSON value in place: keys, strings and numbers, nested to any depth up to a limit
    /// of 64, below which everything goes.
    ///
    /// The shape stays: a map keeps its keys (in allowlist mode, those on the list), a list its
    /// length. A redacted number becomes a string.
    pub fn sanitize_json(&self, value: &mut serde_json::Value) {
        if !self.is_none() {
            json::sanitize(self, value);
        }
    }

    /// Which rules fire on a text, and where, in order.
    pub fn explain(&self, text: &str) -> Vec<Finding> {
        if self.is_none() {
            return Vec::new();
        }
        scan::find(&self.0, text)
            .spans
            .into_iter()
            .map(|span| Finding {
                rule: self.0.name(span.source).to_owned(),
                range: span.start..span.end,
            })
            .collect()
    }

    /// The fingerprint of these rules.
    pub fn hash(&self) -> RulesHash {
        RulesHash(self.0.hash)
    }

    /// How often each rule has fired in this process, through any clone, the rules of single loggers
    /// included. The counts only grow: who wants those of a while subtracts.
    pub fn counts(&self) -> RuleCounts {
        RuleCounts(self.0.hits())
    }

    /// Writes the text with what was found replaced, and again while what was replaced has uncovered
    /// something: a match that touched another one, which no rule takes for whole.
    fn write(&self, text: &str, mut found: Found) -> String {
        let mut out = self.write_once(text, &mut found.spans);
        for _ in 0..MAX_ROUNDS {
            let again = scan::find_again(&self.0, &out, &found);
            if again.spans.is_empty() {
                break;
            }
            found = again;
            out = self.write_once(&out, &mut found.spans);
        }
        found.give_back();
        out
    }

    /// Writes the text with its spans replaced; they then say where the replacements stand.
    fn write_once(&self, text: &str, spans: &mut [Span]) -> String {
        let mut out = String::with_capacity(text.len() + MAX_GROWTH.min(16 * spans.len()));
        let mut at = 0;
        for span in spans {
            out.push_str(&text[at..span.start]);
            at = span.end;
            span.start = out.len();
            let marker = self.0.marker(span.source);
            match span.fill {
                Fill::Marker => out.push_str(marker),
                Fill::Cut => {}
                Fill::Quoted(slashes) => {
                    for around in [true, false] {
                        (0..slashes).for_each(|_| out.push('\\'));
                        out.push('"');
                        if around {
                            out.push_str(marker);
                        }
                    }
                }
            }
            span.end = out.len();
            self.0.count(span.source);
        }
        out.push_str(&text[at..]);
        out
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let added: Vec<&str> = self.0.patterns.iter().map(|p| p.name.as_str()).collect();
        f.debug_struct("Rules")
            .field("hash", &format_args!("{}", self.hash()))
            .field("added", &added)
            .finish_non_exhaustive()
    }
}
