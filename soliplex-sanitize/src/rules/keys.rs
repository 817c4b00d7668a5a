//! What the name of a field says about its value.
//!
//! A name is split into words (`accessToken`, `x-api-key`, `DB.PASSWORD`), and the words are
//! judged, never the letters: `author`, `tokenizer` and `secretary` are words of their own. What
//! follows the sensitive word counts too: a `token_count` is a number, a `password_hash` is not.

mod about;
mod beside;
mod stems;
mod words;

pub(super) use stems::{has_stem, is_stem, may_follow, may_have_stem};

use beside::{NUMBERED, SECRET_CODES, SECRET_KEYS, TOKEN_KINDS};
use words::{Meaning, ends_like_one, meaning};

/// How strongly a name suggests that its value is secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    /// Only a value that looks random is one (`key`, `signature`).
    Hint,
    /// The value is secret unless it is plainly a word or a small number (`token`, `auth`, `pin`).
    Likely,
    /// The value is secret unless it says that there is none (`password`, `client_secret`).
    Certain,
}

/// Keys of tables and caches, of which none lets one in.
const PLAIN_KEYS: &[&str] = &[
    "public",
    "pub",
    "primary",
    "foreign",
    "partition",
    "sort",
    "cache",
    "bucket",
    "object",
    "row",
    "column",
    "schema",
    "idempotency",
    "sequence",
    "routing",
    "lookup",
    "index",
];

/// Names longer than this are judged by their end.
pub(super) const MAX_KEY_BYTES: usize = 64;
const MAX_WORDS: usize = 12;

/// A name's words in lower case, without allocating.
pub(super) struct Words {
    letters: [u8; MAX_KEY_BYTES],
    /// Start and end of each word in `letters`.
    bounds: [(u8, u8); MAX_WORDS],
    count: usize,
    /// Where the part after the last dot begins: it names the value, the rest names its owner.
    own: u8,
}

impl Words {
    /// Splits at anything but letters and digits, and where a lower case letter meets an upper one.
    pub(super) fn split(name: &[u8]) -> Words {
        let name = &name[name.len().saturating_sub(MAX_KEY_BYTES)..];
        let mut words = Words {
            letters: [0; MAX_KEY_BYTES],
            bounds: [(0, 0); MAX_WORDS],
            count: 0,
            own: 0,
        };
        let mut start = 0;
        // What is between the words is copied too, and lies in none of them.
        words.letters[..name.len()].copy_from_slice(name);
        words.letters.make_ascii_lowercase();
        for (i, &b) in name.iter().enumerate() {
            if GOES_ON[usize::from(b)] {
                continue;
            }
            let inside = b.is_ascii_uppercase();
            let turns = inside && i > start && {
                let before = name[i - 1];
                let next_is_lower = name.get(i + 1).is_some_and(u8::is_ascii_lowercase);
                before.is_ascii_lowercase()
                    || before.is_ascii_digit()
                    || (before.is_ascii_uppercase() && next_is_lower)
            };
            if !inside || turns {
                words.push(start, i);
                if b == b'.' {
                    words.own = i as u8;
                }
                start = if inside { i } else { i + 1 };
            }
        }
        words.push(start, name.len());
        words
    }

    #[inline]
    fn push(&mut self, start: usize, end: usize) {
        if start >= end {
            return;
        }
        if self.count == MAX_WORDS {
            // The last words decide, so the first one makes room.
            self.bounds.rotate_left(1);
            self.count -= 1;
        }
        self.bounds[self.count] = (start as u8, end as u8);
        self.count += 1;
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.count).map(|i| self.get(i))
    }

    fn get(&self, i: usize) -> &[u8] {
        if i >= self.count {
            return b"";
        }
        let (start, end) = self.bounds[i];
        &self.letters[usize::from(start)..usize::from(end)]
    }

    fn is_own(&self, i: usize) -> bool {
        self.bounds[i].0 >= self.own
    }

    /// A word without the digits that number it: `password2` is `password`.
    fn stem(&self, i: usize) -> &[u8] {
        let word = self.get(i);
        let digits = word.iter().rev().take_while(|b| b.is_ascii_digit()).count();
        if digits == word.len() {
            word
        } else {
            &word[..word.len() - digits]
        }
    }
}

/// Small letters and digits: they go on with a word or are the first of one.
static GOES_ON: [bool; 256] = {
    let mut goes_on = [false; 256];
    let mut c = 0;
    while c < 256 {
        goes_on[c] = (c as u8).is_ascii_lowercase() || (c as u8).is_ascii_digit();
        c += 1;
    }
    goes_on
};

/// Whether a name's last word is one that means something, alone or behind others.
pub(super) fn ends_in_known_word(name: &[u8]) -> bool {
    let digits = name.iter().rev().take_while(|c| c.is_ascii_digit()).count();
    let name = &name[..name.len() - digits];
    let small = name.iter().rev().take_while(|c| c.is_ascii_lowercase());
    let small = small.count();
    // In capitals throughout, or with one at its beginning.
    let length = match name.iter().rev().nth(small) {
        Some(c) if c.is_ascii_uppercase() && small > 0 => small + 1,
        Some(c) if c.is_ascii_uppercase() => {
            let capitals = name.iter().rev().take_while(|c| c.is_ascii_uppercase());
            capitals.count()
        }
        _ => small,
    };
    let mut letters = [0; LONGEST_WORD];
    let Some(word) = letters.get_mut(..length) else {
        return false;
    };
    word.copy_from_slice(&name[name.len() - length..]);
    word.make_ascii_lowercase();
    meaning(word).is_some() || ends_like_one(word)
}

/// No word of any meaning is longer.
const LONGEST_WORD: usize = 24;

/// `auth`: what lets one in, or how one is let in.
pub(super) fn holds_settings(name: &[u8]) -> bool {
    let words = Words::split(name);
    words.count > 0 && words.get(words.count - 1) == b"auth"
}

/// `type`, `max_retries`: says how something is done, and not who or what it is done with.
pub(super) fn is_setting(name: &[u8]) -> bool {
    let words = Words::split(name);
    if words.count == 0 {
        return false;
    }
    let last = words.stem(words.count - 1);
    let tells = [&b"name"[..], b"names", b"url", b"uri", b"time", b"count"].contains(&last);
    meaning(last) == Some(Meaning::About) && !tells
}

/// What a setting may be set to: one of the ways to be let in, or a small number. Anything else
/// under a sensitive name may be a secret, whatever its own name is.
pub(super) fn is_set_to(value: &[u8]) -> bool {
    let small = (1..=MAX_SET_DIGITS).contains(&value.len());
    let way = matches!(
        value,
        b"basic"
            | b"bearer"
            | b"digest"
            | b"kerberos"
            | b"ldap"
            | b"oauth"
            | b"oauth2"
            | b"oidc"
            | b"saml"
            | b"sso"
    );
    way || small && value.iter().all(u8::is_ascii_digit)
}

/// `auth=anonymous`, `authorization=granted`: how one was let in, and no scheme that what lets one in
/// follows; `rest` begins with the value.
pub(super) fn says_let_in(name: &[u8], rest: &[u8]) -> bool {
    let words = [&b"anonymous"[..], b"granted"];
    let Some(rest) = words.into_iter().find_map(|word| rest.strip_prefix(word)) else {
        return false;
    };
    let ends = |c: &u8| matches!(c, b' ' | b',' | b';' | b'\n' | b')' | b'}');
    let words = Words::split(name);
    let last = words.count.checked_sub(1).map(|last| words.get(last));
    rest.first().is_none_or(ends) && matches!(last, Some(b"auth" | b"authorization"))
}

/// A time in seconds, a count of tries; a key has more digits.
const MAX_SET_DIGITS: usize = 6;

/// Judges a name by the built-in words; without a stem it is not worth it.
pub(super) fn judge(name: &[u8]) -> Option<Strength> {
    let words = Words::split(name);
    (0..words.count).rev().find_map(|i| {
        let strength = words.strength_at(i)?;
        Some(words.stands(i, strength).then_some(strength))
    })?
}

impl Words {
    /// Whether the words after the `i`-th leave it what the name is about.
    fn stands(&self, i: usize, strength: Strength) -> bool {
        (i + 1..self.count).all(|t| {
            let word = self.stem(t);
            match meaning(word) {
                Some(Meaning::About | Meaning::Id) => false,
                Some(Meaning::Session | Meaning::Security | Meaning::Factor | Meaning::License)
                | None => {
                    // `AppToken.destroy` is something a token does; `token_whatever` may be one.
                    strength == Strength::Certain && self.is_own(t) == self.is_own(i)
                }
                Some(_) => true,
            }
        })
    }

    /// Judges the word at `i` together with the ones before it.
    fn strength_at(&self, i: usize) -> Option<Strength> {
        use Strength::{Certain, Hint, Likely};
        let word = self.stem(i);
        let before = |n: usize| if i >= n { self.stem(i - n) } else { b"" };
        let previous = before(1);
        let after = |words: &[&str]| i > 0 && words.iter().any(|w| w.as_bytes() == previous);
        let Some(meaning) = meaning(word) else {
            return ends_like_one(word).then_some(Certain);
        };
        let found = match meaning {
            Meaning::Secret => Certain,
            Meaning::Personal => Likely,
            // .NET's names of assemblies hold one.
            Meaning::Token if after(&["key"]) && before(2) == b"public" => return None,
            Meaning::Token if after(&["next", "page", "continuation", "sync", "cancellation"]) => {
                return None;
            }
            // A test suite passes; a `db_pass` is one.
            Meaning::Pass
                if after(&[
                    "by", "all", "not", "first", "multi", "render", "pipeline", "fail",
                ]) =>
            {
                return None;
            }
            Meaning::Token | Meaning::Pass if i > 0 => Certain,
            Meaning::Token | Meaning::Pass | Meaning::Credential => Likely,
            Meaning::Tokens if after(TOKEN_KINDS) => Certain,
            Meaning::Key if after(SECRET_KEYS) => Certain,
            Meaning::Key if after(PLAIN_KEYS) => return None,
            Meaning::Random if after(&["password", "amz", "goog", "ntlm", "nt", "lm"]) => Certain,
            Meaning::Key | Meaning::Random => Hint,
            Meaning::Number if after(NUMBERED) => Likely,
            Meaning::Number if after(&["record"]) && before(2) == b"medical" => Likely,
            Meaning::Number if after(&["identification"]) && before(2) == b"employer" => Likely,
            Meaning::Number if after(&["security"]) && before(2) == b"social" => Likely,
            Meaning::Security if after(&["social"]) => Likely,
            Meaning::Code if after(&["security"]) => Certain,
            Meaning::Code if after(SECRET_CODES) => Likely,
            // Of OAuth; of an error it is a number or a word.
            Meaning::Code if i == 0 => Hint,
            Meaning::Factor if after(&["two", "multi"]) => Likely,
            Meaning::Answer if after(&["security"]) => Certain,
            Meaning::Answer if after(&["question"]) && before(2) == b"security" => Certain,
            Meaning::Phrase if after(&["seed", "recovery", "secret", "backup", "mnemonic"]) => {
                Certain
            }
            Meaning::Word if after(&["pass"]) => Certain,
            Meaning::Passe if after(&["de"]) => Certain,
            Meaning::Verifier if after(&["code", "oauth"]) => Certain,
            Meaning::Id if after(&["taxpayer", "tax", "dod", "national"]) => Likely,
            Meaning::Id if after(&["session", "sess"]) => Hint,
            Meaning::String if after(&["connection", "conn"]) => Certain,
            Meaning::Session
                if i == 0 || after(&["user", "my", "laravel", "gitlab", "cookies"]) =>
            {
                Hint
            }
            Meaning::License if after(&["driver", "drivers", "driving"]) => Likely,
            Meaning::Pan if i > 0 => Likely,
            // Alone it says nothing of what happened then.
            Meaning::About if word == b"date" && after(&["birth"]) => Likely,
            Meaning::Birth if after(&["of"]) && before(2) == b"date" => Likely,
            _ => return None,
        };
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_split_where_a_reader_would_split_them() {
        let check = |name: &str, want: &[&str]| {
            let words = Words::split(name.as_bytes());
            let got: Vec<&[u8]> = words.iter().collect();
            assert_eq!(
                got,
                want.iter().map(|w| w.as_bytes()).collect::<Vec<_>>(),
                "{name}"
            );
        };
        check("accessToken", &["access", "token"]);
        check("HTTPToken", &["http", "token"]);
        check("x-api-key", &["x", "api", "key"]);
        check("DB.PASSWORD", &["db", "password"]);
        check("oauth2Token", &["oauth2", "token"]);
        check("__x__", &["x"]);
        check("", &[]);
    }
}
