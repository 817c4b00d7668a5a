//! The words of names, and what each contributes.

use super::about::ABOUT;

/// What a word contributes to a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
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
    License,
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

/// Every word that means something in a name.
pub(super) const WORDS: &[(Meaning, &[&str])] = &[
    (
        Meaning::Secret,
        &[
            "password",
            "passwords",
            "passwd",
            "passw0rd",
            "p4ssw0rd",
            "pa55word",
            "passwort",
            "kennwort",
            "wachtwoord",
            "senha",
            "pwd",
            "pw",
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
            "privkey",
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
            "csrfmiddlewaretoken",
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
            "psswrd",
            "bindpw",
            "rootpw",
            "authcode",
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
    (Meaning::Pass, &["pass", "pin", "pincode", "mdp"]),
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
            "npi",
            "driverslicense",
            "driverlicense",
            "nhsnumber",
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
    (Meaning::License, &["license", "licence"]),
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
            "entered",
            "provided",
            "supplied",
        ],
    ),
    (Meaning::About, ABOUT),
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

pub(super) fn meaning(word: &[u8]) -> Option<Meaning> {
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
pub(super) fn ends_like_one(word: &[u8]) -> bool {
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
    use super::super::ends_in_known_word;
    use super::*;

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
    fn every_word_of_letters_is_known_at_the_end_of_a_name() {
        let words = WORDS.iter().flat_map(|(_, words)| *words);
        for word in words.filter(|word| word.bytes().all(|c| c.is_ascii_lowercase())) {
            let name = format!("the_{word}");
            assert!(ends_in_known_word(name.as_bytes()), "{word}");
        }
    }
}
