//! What the name of a field says about its value.
//!
//! A name is split into words (`accessToken`, `x-api-key`, `DB.PASSWORD`), and the words are
//! judged, never the letters: `author`, `tokenizer` and `secretary` are words of their own. What
//! follows the sensitive word counts too: a `token_count` is a number, a `password_hash` is not.

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

/// Three letters that every sensitive word holds, at least one of them: a name without any needs no
/// closer look, and most names of most logs have none. A test holds the list to the words.
const STEMS: &[&[u8; 3]] = &[
    b"ssw", b"pwd", b"phr", b"sco", b"psw", b"ecr", b"ssn", b"cvv", b"cvc", b"key", b"oke", b"uth",
    b"sid", b"cre", b"otp", b"kie", b"srf", b"jwt", b"rer", b"mfa", b"sas", b"mne", b"two", b"2fa",
    b"pin", b"pas", b"sen", b"iti", b"edi", b"dod", b"mbi", b"mei", b"msi", b"cci", b"dob", b"nin",
    b"bir", b"sig", b"non", b"sal", b"has", b"see", b"dsn", b"num", b"cur", b"cod", b"fac", b"nsw",
    b"aad", b"cpf", b"ein", b"dev", b"mrn", b"aml", b"cke", b"ses", b"pan", b"onn", b"tax", b"nat",
    b"eys", b"wor", b"sio", b"cou", b"acc", b"car", b"psk", b"sko", b"eno", b"aro", b"lav", b"esl",
    b"asl", b"ifr", b"mdp",
];

/// The stems as a set of 15-bit numbers, five bits a letter.
static STEM_BITS: [u64; 512] = {
    let mut bits = [0; 512];
    let mut i = 0;
    while i < STEMS.len() {
        let [a, b, c] = *STEMS[i];
        let n = (a as usize & 31) << 10 | (b as usize & 31) << 5 | (c as usize & 31);
        bits[n / 64] |= 1 << (n % 64);
        i += 1;
    }
    bits
};

/// Whether any three letters in a row are a stem.
pub(super) fn has_stem(name: &[u8]) -> bool {
    let mut last = 0;
    name.iter().any(|c| {
        last = (last << 5 | usize::from(c & 31)) & 0x7fff;
        is_stem(last)
    })
}

/// Whether three letters, the first in the highest of three times five bits, are a stem.
#[inline]
pub(super) fn is_stem(letters: usize) -> bool {
    STEM_BITS[letters / 64] & (1 << (letters % 64)) != 0
}

/// What stands before a stem in some sensitive word, as bits by the letter's lowest five; all where
/// a word begins with the stem. Several stems share a place, which then lets through what any of
/// them does.
static BEFORE_STEM: [u32; 256] = {
    let mut before = [0; 256];
    let mut group = 0;
    while group < WORDS.len() {
        let mut n = 0;
        while n < WORDS[group].1.len() {
            add_stems(&mut before, WORDS[group].1[n].as_bytes());
            n += 1;
        }
        group += 1;
    }
    let mut list = 0;
    while list < BESIDE.len() {
        let mut n = 0;
        while n < BESIDE[list].len() {
            add_stems(&mut before, BESIDE[list][n].as_bytes());
            n += 1;
        }
        list += 1;
    }
    before
};

/// Words that make others sensitive (`tax_id`, `card_no`), and names whose values are judged where
/// they are read.
const BESIDE: [&[&str]; 4] = [
    NUMBERED,
    SECRET_CODES,
    &[
        "taxpayer",
        "tax",
        "dod",
        "national",
        "session",
        "sess",
        "connection",
        "conn",
        "code",
    ],
    &["ticket", "samlresponse"],
];

const fn add_stems(before: &mut [u32; 256], word: &[u8]) {
    let mut i = 0;
    while i + 2 < word.len() {
        let n = (word[i] as usize & 31) << 10
            | (word[i + 1] as usize & 31) << 5
            | (word[i + 2] as usize & 31);
        if STEM_BITS[n / 64] & (1 << (n % 64)) != 0 {
            before[stem_place(n)] |= if i == 0 {
                u32::MAX
            } else {
                1 << (word[i - 1] & 31)
            };
        }
        i += 1;
    }
}

const fn stem_place(letters: usize) -> usize {
    (letters ^ letters >> 7) % 256
}

/// Whether a sensitive word has this byte before this stem: `packet` and `mouth` hold one too.
#[inline]
pub(super) fn may_follow(before: Option<u8>, stem: usize) -> bool {
    let letters = BEFORE_STEM[stem_place(stem)];
    before.map_or(letters == u32::MAX, |c| letters & 1 << (c & 31) != 0)
}

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
                Some(Meaning::Session | Meaning::Security | Meaning::Factor) | None => {
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
            Meaning::Verifier if after(&["code"]) => Certain,
            Meaning::Id if after(&["taxpayer", "tax", "dod", "national"]) => Likely,
            Meaning::Id if after(&["session", "sess"]) => Hint,
            Meaning::String if after(&["connection", "conn"]) => Certain,
            Meaning::Session if i == 0 || after(&["user", "my", "laravel", "gitlab"]) => Hint,
            Meaning::Pan if i > 0 => Likely,
            Meaning::Birth if after(&["of"]) && before(2) == b"date" => Likely,
            _ => return None,
        };
        Some(found)
    }
}

/// What a word contributes to a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Secret,
    Credential,
    Personal,
    Token,
    Tokens,
    Pass,
    Key,
    Random,
    Number,
    Security,
    Code,
    Factor,
    Answer,
    Phrase,
    Id,
    String,
    Session,
    Pan,
    Birth,
    Word,
    Passe,
    Verifier,
    /// May follow a sensitive word and leaves it sensitive: `token_value`.
    Value,
    /// Says that the field is about a secret and not the secret itself: `token_count`.
    About,
}

const TOKEN_KINDS: &[&str] = &[
    "access", "refresh", "auth", "api", "bearer", "id", "session", "device", "csrf", "push",
];
const SECRET_KEYS: &[&str] = &[
    "api",
    "secret",
    "private",
    "encryption",
    "encrypt",
    "signing",
    "sign",
    "auth",
    "account",
    "shared",
    "master",
    "service",
    "ssh",
    "deploy",
    "license",
    "licence",
    "session",
    "client",
    "storage",
    "subscription",
    "security",
    "app",
    "application",
    "admin",
    "wallet",
    "recovery",
    "hmac",
    "jwt",
    "aes",
    "rsa",
    "pgp",
    "gpg",
    "webhook",
    "write",
    "ingest",
    "server",
    "root",
    "instrumentation",
    "apikey",
    "access",
];
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
const NUMBERED: &[&str] = &[
    "ssn", "card", "cc", "account", "acct", "routing", "passport", "license", "licence", "iban",
    "phone", "mobile", "medicare", "itin", "tax",
];
const SECRET_CODES: &[&str] = &[
    "security",
    "verification",
    "auth",
    "authorization",
    "access",
    "recovery",
    "backup",
    "mfa",
    "totp",
    "otp",
    "factor",
    "pairing",
    "invite",
    "time",
    "login",
    "sms",
    "confirmation",
    "activation",
    "device",
    "2fa",
];

/// Every word that means something in a name.
const WORDS: &[(Meaning, &[&str])] = &[
    (
        Meaning::Secret,
        &[
            "password",
            "passwords",
            "passwd",
            "passwort",
            "kennwort",
            "wachtwoord",
            "senha",
            "pwd",
            "passphrase",
            "passcode",
            "pswd",
            "psw",
            "secret",
            "secrets",
            "ssn",
            "cvv",
            "cvc",
            "apikey",
            "apikeys",
            "privatekey",
            "secretkey",
            "accesskey",
            "authtoken",
            "accesstoken",
            "refreshtoken",
            "idtoken",
            "authkey",
            "clientsecret",
            "authorization",
            "jsessionid",
            "phpsessid",
            "csrftoken",
            "xsrftoken",
            "sessiontoken",
            "sessionid",
            "sessid",
            "dbpass",
            "userpass",
            "sshpass",
            "pgpassword",
            "credential",
            "credentials",
            "creds",
            "totp",
            "storepass",
            "keypass",
            "appsecret",
            "connectionstring",
            "passwordhash",
            "encryptionkey",
            "signingkey",
            "masterkey",
            "psswd",
            "passwrd",
            "psk",
            "motdepasse",
            "contrasena",
            "salasana",
            "adgangskode",
            "losenord",
            "parola",
            "clave",
            "heslo",
            "haslo",
            "sifre",
        ],
    ),
    (Meaning::Token, &["token"]),
    (Meaning::Tokens, &["tokens"]),
    (Meaning::Pass, &["pass", "pin", "mdp"]),
    (
        Meaning::Credential,
        &[
            "auth",
            "cred",
            "cookie",
            "cookies",
            "csrf",
            "xsrf",
            "jwt",
            "bearer",
            "otp",
            "mfa",
            "sid",
            "sas",
            "mnemonic",
            "twofactor",
            "securitycode",
            "2fa",
        ],
    ),
    (
        Meaning::Personal,
        &[
            "passport",
            "itin",
            "edipi",
            "dodid",
            "mbi",
            "imei",
            "imsi",
            "iccid",
            "dob",
            "nino",
            "aadhaar",
            "cpf",
            "ein",
            "mrn",
            "birthdate",
            "dateofbirth",
            "birthday",
        ],
    ),
    (Meaning::Key, &["key", "keys"]),
    (
        Meaning::Random,
        &["signature", "sig", "nonce", "salt", "hash", "seed", "dsn"],
    ),
    (Meaning::Number, &["number", "no", "num", "nr"]),
    (Meaning::Security, &["security"]),
    (Meaning::Code, &["code", "codes"]),
    (Meaning::Phrase, &["phrase"]),
    (Meaning::Factor, &["factor"]),
    (Meaning::Answer, &["answer"]),
    (Meaning::Id, &["id"]),
    (Meaning::String, &["string", "str"]),
    (Meaning::Session, &["session", "sess"]),
    (Meaning::Pan, &["pan"]),
    (Meaning::Birth, &["birth"]),
    // `pass_word`, `mot de passe`, `code_verifier`.
    (Meaning::Word, &["word"]),
    (Meaning::Passe, &["passe"]),
    (Meaning::Verifier, &["verifier"]),
    (
        Meaning::Value,
        &[
            "value",
            "values",
            "header",
            "headers",
            "data",
            "raw",
            "here",
            "plain",
            "text",
            "plaintext",
            "hex",
            "encoded",
            "base",
            "old",
            "new",
            "current",
            "confirm",
            "confirmation",
            "backup",
            "prod",
            "production",
            "dev",
            "test",
            "staging",
            "live",
            "jar",
            // `verification code is: 123456`.
            "is",
            "was",
        ],
    ),
    (
        Meaning::About,
        &[
            "count",
            "counts",
            "counter",
            "type",
            "types",
            "kind",
            "url",
            "uri",
            "endpoint",
            "length",
            "len",
            "size",
            "name",
            "names",
            "enabled",
            "disabled",
            "limit",
            "limits",
            "max",
            "min",
            "expires",
            "expiry",
            "expiration",
            "expired",
            "expire",
            "at",
            "in",
            "ttl",
            "age",
            "status",
            "state",
            "algorithm",
            "alg",
            "algo",
            "policy",
            "method",
            "mode",
            "required",
            "error",
            "errors",
            "provider",
            "version",
            "format",
            "scope",
            "scopes",
            "path",
            "file",
            "filename",
            "stdin",
            "usage",
            "used",
            "index",
            "attempts",
            "attempt",
            "retries",
            "retry",
            "failures",
            "failed",
            "manager",
            "service",
            "handler",
            "class",
            "field",
            "fields",
            "label",
            "source",
            "valid",
            "invalid",
            "present",
            "exists",
            "set",
            "strength",
            "rotation",
            "rotated",
            "budget",
            "rate",
            "per",
            "timeout",
            "ms",
            "seconds",
            "date",
            "time",
            "issuer",
            "changed",
            "updated",
            "created",
            "reset",
            "verified",
            "validated",
            "check",
            "checks",
            "validation",
            "prompt",
            "placeholder",
            "store",
            "ref",
            "arn",
            "request",
            "requests",
            "response",
            "resolver",
            "factory",
            "builder",
            "parser",
            "event",
            "cache",
            "bits",
            "ids",
            "renewer",
            "renewal",
            "authority",
            "module",
            "page",
            "screen",
            "policies",
            "complexity",
            "days",
            "hours",
            "hit",
            "miss",
            "missing",
            "ok",
            "success",
            "failure",
            "result",
        ],
    ),
];

/// The words by a hash of their letters, so that a name costs a look at each of its words and not
/// at each of ours. Slots hold the place in [`WORDS`]; collisions go to the next free slot.
static SLOTS: [(u8, u8); SLOT_COUNT] = {
    let mut slots = [(u8::MAX, 0); SLOT_COUNT];
    let mut group = 0;
    while group < WORDS.len() {
        let mut word = 0;
        while word < WORDS[group].1.len() {
            let mut slot = slot_of(WORDS[group].1[word].as_bytes());
            while slots[slot].0 != u8::MAX {
                slot = (slot + 1) % SLOT_COUNT;
            }
            slots[slot] = (group as u8, word as u8);
            word += 1;
        }
        group += 1;
    }
    slots
};

const SLOT_COUNT: usize = 2048;

const fn slot_of(word: &[u8]) -> usize {
    let mut hash = 0x811c_9dc5_u32;
    let mut i = 0;
    while i < word.len() {
        hash = (hash ^ word[i] as u32).wrapping_mul(0x0100_0193);
        i += 1;
    }
    (hash ^ (hash >> 15)) as usize % SLOT_COUNT
}

fn meaning(word: &[u8]) -> Option<Meaning> {
    let mut slot = slot_of(word);
    loop {
        let (group, n) = SLOTS[slot];
        let (meaning, words) = WORDS.get(usize::from(group))?;
        if words[usize::from(n)].as_bytes() == word {
            return Some(*meaning);
        }
        slot = (slot + 1) % SLOT_COUNT;
    }
}

/// Words written together: `dbpassword`, `mysecret`.
fn ends_like_one(word: &[u8]) -> bool {
    let Some(&[a, b, c]) = word.last_chunk::<3>() else {
        return false;
    };
    let ends: &[&[u8]] = match &[a, b, c] {
        b"ord" => &[b"password"],
        b"swd" => &[b"passwd"],
        b"key" => &[b"apikey", b"secretkey", b"accesskey", b"devkey"],
        b"ken" => &[b"authtoken", b"accesstoken"],
        b"ret" => &[b"secret"],
        b"nid" => &[b"sessionid"],
        b"sid" => &[b"sessid"],
        _ => return word.starts_with(b"password") && !word.starts_with(b"passwordless"),
    };
    ends.iter().any(|end| word.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_that_can_make_a_name_sensitive_holds_a_stem() {
        for (meaning, words) in WORDS {
            if matches!(meaning, Meaning::Value | Meaning::About) {
                continue;
            }
            for word in *words {
                // These are sensitive only beside another word, which then holds the stem.
                let beside = matches!(*word, "id" | "no" | "nr" | "string" | "str" | "verifier");
                assert!(beside || has_stem(word.as_bytes()), "{word}");
            }
        }
    }

    #[test]
    fn a_stem_counts_only_behind_a_letter_that_a_word_has_there() {
        let stems = |name: &str| {
            let name = name.as_bytes();
            let may = |i: usize| {
                let n = name[i..i + 3]
                    .iter()
                    .fold(0, |n, c| n << 5 | usize::from(c & 31));
                is_stem(n) && may_follow(i.checked_sub(1).map(|i| name[i]), n)
            };
            (0..name.len().saturating_sub(2)).any(may)
        };
        let groups = WORDS
            .iter()
            .filter(|(meaning, _)| *meaning != Meaning::About);
        for word in groups
            .flat_map(|(_, words)| *words)
            .chain(BESIDE.into_iter().flatten())
        {
            assert_eq!(stems(word), has_stem(word.as_bytes()), "{word}");
            assert_eq!(
                stems(&format!("my_{word}")),
                has_stem(word.as_bytes()),
                "{word}"
            );
        }
        for word in ["PacketResponder", "mouth", "broken"] {
            assert!(has_stem(word.as_bytes()) && !stems(word), "{word}");
        }
        for stem in STEMS {
            let stem = std::str::from_utf8(&stem[..]).unwrap_or("-");
            let mut words = WORDS
                .iter()
                .flat_map(|(_, words)| *words)
                .chain(BESIDE.into_iter().flatten());
            assert!(
                words.any(|word| word.contains(stem)),
                "{stem:?} is of no word"
            );
        }
    }

    #[test]
    fn every_word_is_found_by_its_letters() {
        for (meaning_of_group, words) in WORDS {
            for word in *words {
                let found = meaning(word.as_bytes());
                assert!(found.is_some(), "{word}");
                // A word in two groups would be judged by chance.
                assert_eq!(found, Some(*meaning_of_group), "{word}");
            }
        }
        assert_eq!(meaning(b"banana"), None);
    }

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
