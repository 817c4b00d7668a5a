//! Codes that are sent to somebody to prove who they are: `otp 123456`, `123456 is your login code`,
//! `G-123456`, and what stands on the back of a card.

use super::catalog::Rule;
use super::prose::last_word;
use super::scan::Scan;
use super::steps::steps;

/// How far behind a number the word that says what it is may stand.
const MAX_SENTENCE_BYTES: usize = 48;

/// A code that is sent to somebody has so many digits.
const MAX_CODE_DIGITS: usize = 8;

impl Scan<'_> {
    /// Looks at a number of four digits or more that begins at `start`.
    pub(super) fn told_code(&mut self, start: usize) {
        let b = self.b;
        let run = b[start..]
            .iter()
            .take(MAX_CODE_DIGITS + 1)
            .take_while(|c| c.is_ascii_digit())
            .count();
        let end = start + run;
        steps(run);
        if run == 4 && b.get(end) == Some(&b'-') && self.born_in(start) {
            return;
        }
        let next = b.get(end).copied().unwrap_or(b' ');
        let goes_on = next.is_ascii_alphanumeric()
            || matches!(next, b'_' | b'-' | b'/' | b':' | b'%')
            || next == b'.' && b.get(end + 1).is_some_and(u8::is_ascii_alphanumeric);
        if run > MAX_CODE_DIGITS || goes_on || self.is_covered(start) {
            return;
        }
        let to_do = run == 6 && is_purpose(&b[end..]);
        if is_yours(&b[end..]) {
            self.looked(MAX_SENTENCE_BYTES);
        }
        if b[..start].ends_with(b"-") {
            // `G-123456`, as Google writes its own.
            if is_explained(&b[end..]) && b[..start].ends_with(b"G-") {
                self.push(start - 2, end, Rule::Key);
            }
            return;
        }
        if is_code(b, start, run, to_do) || is_explained(&b[end..]) {
            self.push(start, end, Rule::Key);
        }
    }

    /// `Your login code: 123-456`, `code: 123456 expires in …`; the word `code` begins at `name`, and
    /// what may be one at `at`.
    pub(super) fn sent_code(&mut self, name: usize, at: usize) -> bool {
        let b = self.b;
        let run = |from: usize| {
            let rest = b[from.min(b.len())..].iter();
            rest.take(MAX_CODE_DIGITS + 1)
                .take_while(|c| c.is_ascii_digit())
                .count()
        };
        let first = run(at);
        let grouped = first == 3 && b.get(at + 3) == Some(&b'-') && run(at + 4) == 3;
        let end = if grouped { at + 7 } else { at + first };
        if !(grouped || (4..=MAX_CODE_DIGITS).contains(&first))
            || b.get(end)
                .is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
        {
            return false;
        }
        let yours = words_before(&b[..name], 3).any(|word| word.eq_ignore_ascii_case(b"your"));
        let expires = [&b" expires in "[..], b" is valid for "];
        let found = yours || expires.iter().any(|words| b[end..].starts_with(words));
        if found {
            self.push(at, end, Rule::Key);
        }
        found
    }

    /// What is told beside a card whose number ends at `end`: `cvv 123`, `|12|2027|123`.
    pub(super) fn beside_card(&mut self, end: usize) {
        let b = self.b;
        let rest = &b[end..b.len().min(end + MAX_BESIDE_BYTES)];
        let digits = |from: usize| {
            let more = rest[from.min(rest.len())..].iter();
            more.take_while(|c| c.is_ascii_digit()).count()
        };
        let at = if rest.first() == Some(&b'|') {
            let month = digits(1);
            let year = digits(2 + month);
            let code = 3 + month + year;
            let dated = month == 2 && matches!(year, 2 | 4);
            (dated && rest.get(2 + month - 1) == Some(&b'|') && rest.get(code - 1) == Some(&b'|'))
                .then_some(code)
        } else {
            CARD_CODES.iter().find_map(|name| {
                let n = rest
                    .windows(name.len())
                    .position(|word| word.eq_ignore_ascii_case(name))?;
                let after = n + name.len() + usize::from(rest.get(n + name.len()) == Some(&b'2'));
                let apart = |c: &&u8| matches!(c, b' ' | b':' | b'=' | b'#');
                Some(after + rest[after..].iter().take(3).take_while(apart).count())
            })
        };
        let Some(at) = at else { return };
        let goes_on = rest
            .get(at + digits(at))
            .is_some_and(u8::is_ascii_alphanumeric);
        if matches!(digits(at), 3 | 4) && !goes_on {
            self.push(end + at, end + at + digits(at), Rule::Key);
        }
    }

    /// `cvv 123`: no number is that short elsewhere; `end` is the space behind the word.
    pub(super) fn told_card_code(&mut self, end: usize) {
        let b = self.b;
        let at = end + 1 + 3 * usize::from(b[end + 1..].starts_with(b"is "));
        let length = b[at..].iter().take(5).take_while(|c| c.is_ascii_digit());
        let stop = at + length.count();
        let goes_on = b
            .get(stop)
            .is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'/' | b'%' | b'_'))
            && !b[stop..].starts_with(b". ");
        if matches!(stop - at, 3 | 4) && !goes_on {
            self.push(at, stop, Rule::Key);
        }
    }
}

/// What the code on a card is called.
const CARD_CODES: [&[u8]; 3] = [b"cvv", b"cvc", b"cid"];

/// `, exp 12/2027, security code (CVV2): 123`
const MAX_BESIDE_BYTES: usize = 40;

/// The last words of a text, the last one first.
fn words_before(text: &[u8], count: usize) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    (0..count).map(move |_| {
        let (word, before) = last_word(rest);
        rest = before;
        word
    })
}

/// Whether the words before a number say that it is a code.
///
/// `to_do` says that they are followed by what the code is good for: `enter 123456 to confirm`.
fn is_code(b: &[u8], start: usize, digits: usize, to_do: bool) -> bool {
    let (mut word, mut rest) = last_word(&b[..start]);
    let verb = matches!(word, b"is" | b"was");
    if verb {
        (word, rest) = last_word(rest);
    }
    let (before, _) = last_word(rest);
    let is = |word: &[u8], names: &[&str]| {
        names
            .iter()
            .any(|name| word.eq_ignore_ascii_case(name.as_bytes()))
    };
    if is(word, &["otp", "totp", "passcode", "2fa", "mfa"]) {
        return true;
    }
    if is(word, &["pin"]) {
        return digits <= 6;
    }
    if to_do && is(word, &["use", "enter"]) {
        return true;
    }
    if is(word, &["password", "passwd"]) {
        return verb || is(before, &["time", "one-time"]);
    }
    // `otp for Ann is …`
    if verb && words_before(rest, 4).any(|word| is(word, &["otp", "totp", "passcode"])) {
        return true;
    }
    if is(word, &["code", "token"]) {
        let of_login = [
            "verification",
            "security",
            "login",
            "auth",
            "authentication",
            "authorization",
            "confirmation",
            "activation",
            "sms",
            "mfa",
            "2fa",
            "otp",
            "totp",
            "time",
            "one-time",
            "pin",
            "recovery",
            "backup",
            "pairing",
            "invite",
            "unlock",
            "access",
            "google",
            "authenticator",
        ];
        return is(before, &of_login)
            || digits >= 5 && is(before, &["your", "my", "enter"])
            || verb && digits == 6 && is(before, &["the"])
            || (verb || digits == 6)
                && ends_sentence(&b[start + digits..])
                && words_before(rest, 3).any(|word| is(word, &["your"]))
            || to_do && is(before, &["use"]);
    }
    false
}

/// Whether what follows a number is no word that says how many of something there are.
fn ends_sentence(rest: &[u8]) -> bool {
    !matches!(rest, [b' ', next, ..] if next.is_ascii_lowercase())
}

fn is_yours(rest: &[u8]) -> bool {
    rest.starts_with(b" is your ") || rest.starts_with(b" as your ")
}

/// Whether the words behind a number say so: `123456 is your login code`.
fn is_explained(rest: &[u8]) -> bool {
    let sentence = &rest[..rest.len().min(MAX_SENTENCE_BYTES)];
    let words: [&[u8]; 5] = [b"code", b"OTP", b"PIN", b"passcode", b"password"];
    // `… is the OTP for …`
    let is_the = [
        &b" is the OTP"[..],
        b" is the one-time",
        b" is the verification code",
    ];
    is_the.iter().any(|words| rest.starts_with(words))
        || is_yours(rest)
            && words
                .iter()
                .any(|word| memchr::memmem::find(sentence, word).is_some())
}

/// ` to verify`, ` to log in`: what a code is entered for.
fn is_purpose(rest: &[u8]) -> bool {
    let Some(verb) = rest.strip_prefix(b" to ") else {
        return false;
    };
    [
        &b"verify"[..],
        b"confirm",
        b"log",
        b"sign",
        b"reset",
        b"complete",
        b"authenticate",
        b"continue",
        b"activate",
        b"unlock",
        b"finish",
        b"access",
    ]
    .iter()
    .any(|purpose| verb.starts_with(purpose))
}
