//! The rules as the root asks them: for many short values whose names never change.
//!
//! What a name says is worked out once per callsite, and all text of an event is looked at in one
//! go before any value is read by itself. Both are shortcuts to the answers of
//! [`Rules::sanitize_value`], never other answers.

use std::borrow::Cow;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing_core::Field;
use tracing_core::callsite::Identifier;

use super::gate::Shape;
use super::keys::MAX_KEY_BYTES;
use super::{KeyVerdict, Rules, context, json, pairs, scan, tokens};
use crate::PerCallsite;

/// What the rules say of the name of one field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name {
    pub(crate) verdict: KeyVerdict,
    /// Whether it is that of the text of an event.
    pub(crate) is_message: bool,
    /// Whether the name may tell what a text is though the text by itself does not.
    pub(crate) tells: bool,
    /// Whether a number with decimals may have to go under this name: it may be a coordinate.
    pub(crate) hides_decimals: bool,
    /// Whole numbers below this, and above its negative, stay under this name; zero if it has a
    /// verdict.
    pub(crate) first_secret_number: u64,
    /// The same for numbers with a point.
    pub(crate) first_secret_float: f64,
}

/// What the rules say of the names of one callsite, in the order of its fields.
#[derive(Debug)]
pub(crate) struct Names {
    /// Another one for every callsite and every set of rules, in the life of the process; zero for
    /// a callsite that is not remembered.
    pub(crate) id: u64,
    pub(crate) names: Box<[Name]>,
}

/// The names of all callsites met so far.
pub(super) type KnownNames = PerCallsite<Names>;

/// The shortest number that a name can make tell has seven digits: a license.
const FIRST_NAMED_NUMBER: u64 = 1_000_000;

/// The shortest number that tells by itself, a card's, has thirteen.
const FIRST_BARE_NUMBER: u64 = 1_000_000_000_000;

/// Texts up to this long are looked at place by place; what is longer is read as a whole, which
/// remembers from place to place what it has read.
const MAX_PLACED_BYTES: usize = 512;

/// A number of the kind that a name like `lat` turns into a place.
const COORDINATE: &str = "38.889484";

impl Rules {
    /// Whether some loggers have rules of their own.
    #[inline]
    pub(crate) fn has_scopes(&self) -> bool {
        self.0.has_scopes()
    }

    /// What these rules say of the fields of a callsite; nothing when it is not remembered.
    #[inline]
    pub(crate) fn names(&self, callsite: Identifier) -> &Names {
        static UNKNOWN: LazyLock<Names> = LazyLock::new(|| Names {
            id: 0,
            names: Box::default(),
        });
        let known = self.0.names.get_or_init(KnownNames::new);
        let Identifier(site) = callsite;
        let names = known.get_or_insert_with(callsite, || {
            static NEXT: AtomicU64 = AtomicU64::new(1);
            let fields = site.metadata().fields().iter();
            Names {
                id: NEXT.fetch_add(1, Ordering::Relaxed),
                names: fields.map(|field| self.name_of(&field)).collect(),
            }
        });
        names.unwrap_or_else(|| &UNKNOWN)
    }

    /// What these rules say of the name of one field.
    ///
    /// No allowlist drops what the `log` bridge says of the record it brings: without it the
    /// record would lose its logger.
    pub(crate) fn name_of(&self, field: &Field) -> Name {
        let name = self.name(field.name());
        match name.verdict {
            KeyVerdict::Drop if is_of_bridge(field) => Name {
                verdict: KeyVerdict::Keep,
                ..name
            },
            _ => name,
        }
    }

    /// What these rules say of one name.
    #[cold]
    pub(crate) fn name(&self, name: &str) -> Name {
        if self.is_none() {
            return Name {
                verdict: KeyVerdict::Keep,
                is_message: name == MESSAGE,
                tells: false,
                hides_decimals: false,
                first_secret_number: u64::MAX,
                first_secret_float: f64::INFINITY,
            };
        }
        let verdict = self.key(name);
        let tells = name != MESSAGE && self.tells(name.as_bytes());
        let coordinate = format!("{name}={COORDINATE}");
        let first_secret_number = match tells {
            // A pattern of the user's may match any number.
            _ if verdict != KeyVerdict::Keep || self.has_patterns() => 0,
            true => FIRST_NAMED_NUMBER,
            false => FIRST_BARE_NUMBER,
        };
        Name {
            verdict,
            is_message: name == MESSAGE,
            tells,
            hides_decimals: tells && !self.explain(&coordinate).is_empty(),
            first_secret_number,
            first_secret_float: first_secret_number as f64,
        }
    }

    /// Whether `name=text` can hold a secret that `text` does not: the name is a word that gives
    /// the text a meaning, or a key, or no plain name at all.
    fn tells(&self, name: &[u8]) -> bool {
        let plain = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.' | b'-');
        self.has_patterns()
            || name.len() > MAX_KEY_BYTES
            || !name.iter().all(plain)
            || self.0.strength(name).is_some()
            || tokens::ends_like_secret_word(name)
            || name.eq_ignore_ascii_case(pairs::ASSERTION)
            || context::speaks(name)
            || json::names_version(name)
    }

    /// Calls `on` for every position in `texts`, which are separated by NUL, at which a rule for
    /// free text might fire, with what it might be. A text that holds none of them comes out of
    /// [`Rules::sanitize`] as it is, unless there [are patterns](Rules::has_patterns).
    ///
    /// NUL belongs to no shape, so nothing is found across two texts, and nothing that lies in one
    /// is hidden by its neighbors.
    #[inline]
    pub(crate) fn suspects(&self, texts: &str, on: impl FnMut(Suspect)) {
        if !self.is_none() {
            scan::suspects(texts.as_bytes(), on);
        }
    }

    /// Whether a rule may fire on `text`, which begins at `start` of the texts that the suspect was
    /// seen in. Where all suspects of a text are answered no, nothing in it changes.
    pub(crate) fn may_fire(&self, text: &str, start: usize, suspect: Suspect) -> bool {
        let Some(at) = suspect.at.checked_sub(start) else {
            return true;
        };
        text.len() > MAX_PLACED_BYTES || scan::fires(&self.0, text, suspect.shape, at)
    }

    /// Whether patterns were added, which no text is known not to match.
    pub(crate) fn has_patterns(&self) -> bool {
        self.0.has_patterns()
    }

    /// Whether a name that [`tells`](Name::tells) might tell what such a text is.
    pub(crate) fn may_need_name(text: &str) -> bool {
        json::wants_context(text)
    }

    /// Redacts the text of a field whose name is known to be harmless, as `service.name` is: no list
    /// of names hides it. What its name says the text is still counts (`os.version` is no address).
    pub fn sanitize_kept<'a>(&self, key: &str, text: &'a str) -> Cow<'a, str> {
        if self.is_none() {
            return Cow::Borrowed(text);
        }
        json::in_context(self, key, text)
    }
}

/// Whether it is one of the fields by which `tracing-log` tells where a record came from. They are
/// known by their callsite, which no macro of tracing's makes: those know their module.
fn is_of_bridge(field: &Field) -> bool {
    const NAMES: [&str; 4] = ["log.target", "log.module_path", "log.file", "log.line"];
    let Identifier(site) = field.callsite();
    let metadata = site.metadata();
    metadata.target() == "log"
        && metadata.name() == "log event"
        && metadata.module_path().is_none()
        && NAMES.contains(&field.name())
}

/// A place in a text at which a rule might fire.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Suspect {
    pub(super) shape: Shape,
    /// The position of the shape's last byte.
    pub(crate) at: usize,
}

/// Tracing's own name for the text of an event, which says nothing about it.
pub(crate) const MESSAGE: &str = "message";

#[cfg(test)]
mod tests {
    use std::slice;

    use proptest::prelude::*;

    use super::*;
    use crate::KeyVerdict;

    /// Names that are kept, and some of which tell what their value is.
    const KEPT: [&str; 20] = [
        "message",
        "route",
        "lat",
        "edipi",
        "imei",
        "phone",
        "account",
        "version",
        "key",
        "card",
        "id",
        "log.file",
        "cache.key",
        "tokens",
        "tax",
        "path",
        "user_id",
        "hook/bot",
        "a b",
        "n",
    ];

    fn name() -> impl Strategy<Value = String> {
        prop_oneof![
            prop::sample::select(&KEPT[..]).prop_map(str::to_owned),
            "[a-z]{1,8}([._][a-zA-Z]{1,8}){0,2}",
        ]
    }

    /// The suspects at which something might fire, as positions in the joined texts.
    fn firing(rules: &Rules, texts: &[String]) -> Vec<usize> {
        let mut found = Vec::new();
        rules.suspects(&texts.join("\0"), |suspect| {
            let mut start = 0;
            for text in texts {
                if (start..start + text.len()).contains(&suspect.at)
                    && rules.may_fire(text, start, suspect)
                {
                    found.push(suspect.at);
                }
                start += text.len() + 1;
            }
        });
        found
    }

    /// Values with and without a secret, and pieces that only look like one.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            "\\PC{0,40}",
            "[a-z ]{0,20}",
            "[0-9]{6,16}",
            "[0-9]{1,3}(\\.[0-9]{1,4}){1,4}",
            "([0-9]{3,4}[- .]){1,4}[0-9]{2,4}",
            "[a-z]{1,6}@[a-z]{1,6}\\.(org|example)",
            "(Bearer|basic|BEARER|Basic) [A-Za-z0-9]{8,20}",
            "[a-z]{3,9}[=:] ?[A-Za-z0-9]{4,20}",
            "(/[a-z.]{1,8}){1,5}(:[0-9]{1,3})?",
            "[0-9a-f]{2}(:[0-9a-f]{0,4}){2,7}",
            "[A-Za-z0-9_-]{15,40}",
        ]
    }

    proptest! {
        #[test]
        fn a_text_in_which_nothing_may_fire_does_not_change(texts in prop::collection::vec(text(), 0..5)) {
            let rules = Rules::standard();
            let firing = firing(&rules, &texts);
            let mut start = 0;
            for text in &texts {
                let range = start..start + text.len();
                if !firing.iter().any(|at| range.contains(at)) {
                    prop_assert_eq!(rules.sanitize(text), text.as_str());
                }
                start = range.end + 1;
            }
        }

        #[test]
        fn what_fires_alone_fires_beside_its_neighbors(texts in prop::collection::vec(text(), 0..5)) {
            let rules = Rules::standard();
            let joined = firing(&rules, &texts);
            let mut start = 0;
            for text in &texts {
                for at in firing(&rules, slice::from_ref(text)) {
                    prop_assert!(joined.contains(&(start + at)));
                }
                start += text.len() + 1;
            }
        }

        #[test]
        fn the_shortcuts_answer_as_sanitize_value_does(name in name(), text in text()) {
            let rules = Rules::standard();
            prop_assume!(rules.key(&name) == KeyVerdict::Keep);
            let expected = rules.sanitize_value(&name, &text);
            prop_assert_eq!(&rules.sanitize_kept(&name, &text), &expected);
            let tells = rules.name(&name).tells;
            if !tells && name != MESSAGE {
                prop_assert_eq!(&rules.sanitize(&text), &expected);
            }
            if firing(&rules, slice::from_ref(&text)).is_empty() && !(tells && Rules::may_need_name(&text)) && name != MESSAGE {
                prop_assert_eq!(expected, text.as_str());
            }
        }

        #[test]
        fn a_number_below_the_first_secret_one_stays(name in name(), digits in 1_u32..14, number: u64, places in 0_i32..9) {
            let rules = Rules::standard();
            let known = rules.name(&name);
            prop_assume!(known.verdict == KeyVerdict::Keep);
            let number = number % 10_u64.pow(digits);
            if number < known.first_secret_number {
                for text in [number.to_string(), format!("-{number}")] {
                    prop_assert_eq!(rules.sanitize_value(&name, &text), text.as_str());
                }
            }
            let float = number as f64 / 10_f64.powi(places);
            if float < known.first_secret_float && !(known.hides_decimals && float.fract() != 0.0) {
                let text = float.to_string();
                prop_assert_eq!(rules.sanitize_value(&name, &text), text.as_str());
            }
        }
    }
}
