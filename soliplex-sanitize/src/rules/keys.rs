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
        for (i, &b) in name.iter().enumerate() {
            words.letters[i] = b.to_ascii_lowercase();
            let inside = b.is_ascii_alphanumeric();
            let turns = inside && i > start && b.is_ascii_uppercase() && {
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

/// Judges a name by the built-in words.
pub(super) fn strength(name: &[u8]) -> Option<Strength> {
    let words = Words::split(name);
    (0..words.count)
        .rev()
        .find_map(|i| word_strength(&words, i).map(|s| (i, s)))
        .and_then(|(i, s)| {
            let tail = i + 1..words.count;
            if tail
                .clone()
                .any(|t| words.is_own(t) != words.is_own(i) && !is_value(words.stem(t)))
            {
                return None;
            }
            if s == Strength::Certain {
                // Whatever comes after a certain word may still say that this is only about it.
                return if tail.clone().any(|t| is_about(words.stem(t))) {
                    None
                } else {
                    Some(s)
                };
            }
            if tail.clone().all(|t| is_value(words.stem(t))) {
                Some(s)
            } else {
                None
            }
        })
}

/// Judges the word at `i` together with the ones before it.
fn word_strength(words: &Words, i: usize) -> Option<Strength> {
    use Strength::{Certain, Hint, Likely};
    let whole = words.get(i);
    let word = words.stem(i);
    let before = if i > 0 { words.stem(i - 1) } else { b"" };
    let earlier = if i > 1 { words.stem(i - 2) } else { b"" };
    match word {
        b"password" | b"passwords" | b"passwd" | b"passwort" | b"pwd" | b"passphrase"
        | b"passcode" | b"pswd" | b"psw" | b"secret" | b"secrets" | b"ssn" | b"cvv" | b"cvc"
        | b"apikey" | b"apikeys" | b"privatekey" | b"secretkey" | b"accesskey" | b"authtoken"
        | b"accesstoken" | b"refreshtoken" | b"idtoken" | b"authkey" | b"clientsecret"
        | b"authorization" | b"jsessionid" | b"phpsessid" | b"csrftoken" | b"xsrftoken"
        | b"sessiontoken" | b"sessionid" | b"sessid" | b"dbpass" | b"userpass" | b"sshpass"
        | b"pgpassword" | b"credential" | b"credentials" | b"creds" | b"totp" | b"storepass"
        | b"keypass" | b"appsecret" | b"connectionstring" | b"passwordhash" | b"encryptionkey"
        | b"signingkey" | b"masterkey" => Some(Certain),
        b"token"
            if before == b"next"
                || before == b"page"
                || before == b"continuation"
                || before == b"sync" =>
        {
            None
        }
        b"token" | b"auth" | b"cred" | b"cookie" | b"cookies" | b"csrf" | b"xsrf" | b"pin"
        | b"jwt" | b"bearer" | b"otp" | b"mfa" | b"sid" | b"sas" | b"pass" => {
            let paired = !before.is_empty() && matches!(word, b"pass" | b"token" | b"pin");
            let split = matches!(
                before,
                b"by" | b"all" | b"not" | b"first" | b"multi" | b"render" | b"pipeline"
            );
            if word == b"pass" && split {
                None
            } else if paired {
                Some(Certain)
            } else {
                Some(Likely)
            }
        }
        b"tokens" => matches!(
            before,
            b"access"
                | b"refresh"
                | b"auth"
                | b"api"
                | b"bearer"
                | b"id"
                | b"session"
                | b"device"
                | b"csrf"
                | b"push"
        )
        .then_some(Certain),
        b"key" | b"keys" => match before {
            b"api" | b"secret" | b"private" | b"encryption" | b"encrypt" | b"signing" | b"sign"
            | b"auth" | b"account" | b"shared" | b"master" | b"service" | b"ssh" | b"deploy"
            | b"license" | b"licence" | b"session" | b"client" | b"storage" | b"subscription"
            | b"security" | b"app" | b"application" | b"admin" | b"wallet" | b"recovery"
            | b"hmac" | b"jwt" | b"aes" | b"rsa" | b"pgp" | b"gpg" | b"webhook" | b"write"
            | b"ingest" | b"server" | b"root" | b"instrumentation" | b"apikey" => Some(Certain),
            b"access" => Some(Certain),
            b"public" | b"pub" | b"primary" | b"foreign" | b"partition" | b"sort" | b"cache"
            | b"bucket" | b"object" | b"row" | b"column" | b"schema" | b"idempotency"
            | b"sequence" | b"routing" | b"lookup" | b"index" => None,
            _ => Some(Hint),
        },
        b"session" | b"sess" => (i == 0
            || before == b"user"
            || before == b"my"
            || before == b"laravel"
            || before == b"gitlab")
            .then_some(Hint),
        b"signature" | b"sig" | b"nonce" | b"salt" | b"hash" if before == b"password" => {
            Some(Certain)
        }
        b"signature" | b"sig" | b"nonce" | b"salt" | b"seed" => Some(Hint),
        b"mnemonic" => Some(Likely),
        b"number" | b"no" | b"num" | b"nr" => match (earlier, before) {
            (_, b"ssn")
            | (b"social", b"security")
            | (_, b"card" | b"cc")
            | (b"bank" | b"checking" | b"savings", b"account")
            | (
                _,
                b"account" | b"acct" | b"routing" | b"passport" | b"license" | b"licence" | b"iban"
                | b"phone" | b"mobile" | b"medicare" | b"itin" | b"tax",
            ) => Some(Likely),
            _ => None,
        },
        b"security" if before == b"social" => Some(Likely),
        b"code" => match before {
            b"security" | b"verification" | b"auth" | b"authorization" | b"access"
            | b"recovery" | b"backup" | b"mfa" | b"totp" | b"otp" | b"factor" | b"pairing"
            | b"invite" | b"time" => Some(Likely),
            _ => None,
        },
        b"factor" if before == b"two" || before == b"multi" => Some(Likely),
        b"twofactor" | b"securitycode" => Some(Likely),
        b"answer" if before == b"security" => Some(Certain),
        b"passport" | b"itin" | b"edipi" | b"dodid" | b"mbi" | b"imei" | b"imsi" | b"iccid"
        | b"dob" | b"nino" => Some(Likely),
        b"id" => match before {
            b"session" | b"sess" | b"taxpayer" | b"tax" | b"dod" | b"national" => {
                Some(if before == b"session" { Hint } else { Likely })
            }
            _ => None,
        },
        b"string" | b"str" if before == b"connection" || before == b"conn" => Some(Certain),
        b"dsn" if i == 0 => Some(Hint),
        b"pan" if i > 0 => Some(Likely),
        b"birth" if before == b"of" && earlier == b"date" => Some(Likely),
        b"birthdate" | b"dateofbirth" | b"birthday" => Some(Likely),
        _ if joined(word) => Some(Certain),
        _ if whole == b"2fa" => Some(Likely),
        _ => None,
    }
}

/// Words written together: `dbpassword`, `mytoken`.
fn joined(word: &[u8]) -> bool {
    [
        &b"password"[..],
        b"passwd",
        b"apikey",
        b"secretkey",
        b"accesskey",
        b"authtoken",
        b"accesstoken",
        b"secret",
        b"sessionid",
        b"sessid",
    ]
    .iter()
    .any(|end| word.ends_with(end))
        || word.starts_with(b"password") && !word.starts_with(b"passwordless")
}

/// A word that says the field is about a secret and not the secret itself.
fn is_about(word: &[u8]) -> bool {
    matches!(
        word,
        b"count"
            | b"counts"
            | b"counter"
            | b"type"
            | b"types"
            | b"kind"
            | b"url"
            | b"uri"
            | b"endpoint"
            | b"length"
            | b"len"
            | b"size"
            | b"name"
            | b"names"
            | b"enabled"
            | b"disabled"
            | b"limit"
            | b"max"
            | b"min"
            | b"expires"
            | b"expiry"
            | b"expiration"
            | b"expired"
            | b"expire"
            | b"at"
            | b"in"
            | b"ttl"
            | b"age"
            | b"status"
            | b"state"
            | b"algorithm"
            | b"alg"
            | b"algo"
            | b"policy"
            | b"method"
            | b"mode"
            | b"required"
            | b"error"
            | b"errors"
            | b"provider"
            | b"version"
            | b"format"
            | b"scope"
            | b"scopes"
            | b"path"
            | b"file"
            | b"filename"
            | b"usage"
            | b"used"
            | b"index"
            | b"attempts"
            | b"attempt"
            | b"retries"
            | b"retry"
            | b"failures"
            | b"failed"
            | b"manager"
            | b"service"
            | b"handler"
            | b"class"
            | b"field"
            | b"fields"
            | b"label"
            | b"source"
            | b"valid"
            | b"invalid"
            | b"present"
            | b"exists"
            | b"set"
            | b"strength"
            | b"rotation"
            | b"rotated"
            | b"budget"
            | b"rate"
            | b"per"
            | b"limits"
            | b"timeout"
            | b"ms"
            | b"seconds"
            | b"date"
            | b"time"
            | b"issuer"
            | b"changed"
            | b"updated"
            | b"created"
            | b"reset"
            | b"verified"
            | b"validated"
            | b"check"
            | b"checks"
            | b"validation"
            | b"prompt"
            | b"placeholder"
            | b"store"
            | b"ref"
            | b"arn"
            | b"request"
            | b"requests"
            | b"response"
            | b"resolver"
            | b"factory"
            | b"builder"
            | b"parser"
            | b"event"
            | b"cache"
            | b"required_"
            | b"bits"
            | b"id"
            | b"ids"
            | b"renewer"
            | b"renewal"
            | b"authority"
            | b"module"
            | b"page"
            | b"screen"
            | b"policies"
            | b"complexity"
            | b"days"
            | b"hours"
            | b"hit"
            | b"miss"
            | b"missing"
            | b"ok"
            | b"success"
            | b"failure"
            | b"result"
    )
}

/// A word that may follow a likely one and still leave the value secret.
fn is_value(word: &[u8]) -> bool {
    matches!(
        word,
        b"value"
            | b"values"
            | b"header"
            | b"headers"
            | b"data"
            | b"string"
            | b"str"
            | b"raw"
            | b"code"
            | b"key"
            | b"here"
            | b"plain"
            | b"text"
            | b"plaintext"
            | b"hash"
            | b"hex"
            | b"encoded"
            | b"base"
            | b"old"
            | b"new"
            | b"current"
            | b"confirm"
            | b"confirmation"
            | b"backup"
            | b"prod"
            | b"production"
            | b"dev"
            | b"test"
            | b"staging"
            | b"live"
            | b"secret"
            | b"token"
            | b"number"
            | b"jar"
    )
}
