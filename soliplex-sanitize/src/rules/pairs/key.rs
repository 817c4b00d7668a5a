//! The key left of a separator: where it is, and what it says.

use std::ops::Range;

use crate::rules::keys::{
    MAX_KEY_BYTES, Strength, ends_in_known_word, is_stem, may_follow, may_have_stem,
};
use crate::rules::runs::{And, run_start};
use crate::rules::scan::{Scan, own_slashes};
use crate::rules::steps::steps;

/// What a quick look at the name left of a separator says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// It is no key.
    Nothing,
    /// It holds a stem of a sensitive word.
    Stem,
    /// It does not end as a bare name does.
    Unclear,
    /// Spelled out, or of a form of its own: what follows is a password.
    Spelled,
    /// A server or its protocol: what follows may be said to it.
    Spoken,
    /// A host that a number follows.
    Host,
    /// The name of a form's part follows.
    Part,
}

/// The key left of a separator.
pub(super) struct Key {
    pub(super) start: usize,
    pub(super) end: usize,
    /// The quote around it and the backslashes before the quote.
    pub(super) quote: Option<(u8, usize)>,
}

impl Scan<'_> {
    /// A quick look at the name left of a separator: most have nothing to say.
    pub(super) fn look_at_key(&self, at: usize) -> Look {
        let b = self.b;
        let mut end = at;
        if end > 0 && b[end - 1] == b' ' {
            end -= 1;
        }
        if end == 0 || !b[end - 1].is_ascii_alphanumeric() || !self.table.denied.is_empty() {
            return Look::Unclear;
        }
        let start = word_start(b, end);
        if holds_stem(b, start, end) {
            return Look::Stem;
        }
        if start > 0 && !b[start - 1].is_ascii() {
            return Look::Unclear;
        }
        // Names that are not sensitive by themselves, and the verb of a sentence.
        let before = if end > 1 { b[end - 2] } else { b' ' };
        let ends: &[&[u8]] = match [before | 0x20, b[end - 1] | 0x20] {
            [b' ' | b'.' | b'-', b'd' | b't' | b'n'] if is_spelled_out(&b[..end]) => {
                return Look::Spelled;
            }
            [b';', b'p'] if is_wifi(&b[..end]) => return Look::Spelled,
            [b' ', b'c'] | [b'n' | b'm', b'd'] | [b'a' | b't', b'p'] | [b'p', b'3']
                if is_spoken_to(&b[..end]) =>
            {
                return Look::Spoken;
            }
            [b's', b't']
            | [b'o', b'm']
            | [b'a', b'l']
            | [b'r', b'g']
            | [b'e', b't']
            | [b'd', b'b']
                if b.get(at + 1).is_some_and(u8::is_ascii_digit) =>
            {
                return Look::Host;
            }
            [b'm', b'e'] if b[at..].starts_with(b"=\"") && b[..end].ends_with(b"; name") => {
                return Look::Part;
            }
            [b'a', b'c'] => &[b"mac"],
            [b'a', b't'] => &[b"lat"],
            [b'a', b'x'] => &[b"fax"],
            [b'd', b'e'] => &[b"latitude", b"longitude"],
            [b'd', b'r'] => &[b"hwaddr", b"macaddr"],
            [b'd', b'y'] => &[b"handy"],
            [b'e', b'l'] => &[b"tel"],
            [b'i' | b'a', b's'] => &[b" is", b" was"],
            [b'e', b'd'] => &[b" entered", b" provided", b" supplied"],
            [b'i', b'd'] => &[b"bssid", b"macid", b"appid"],
            [b'l', b'e'] => &[b"mobile"],
            [b'l', b'l'] => &[b"cell"],
            [b'n', b'e'] => &[b"phone"],
            [b'n', b'g'] => &[b"lng", b"string"],
            [b'o', b'n'] => &[b"telefon", b"lon"],
            [b'p', b'w'] => &[b"pw"],
            [b'r' | b't', b'y'] => &[b"entry", b"property"],
            [b's', b's'] => &[b"macaddress", b"mac_address", b"mac address"],
            [b'u', b'e'] => &[b"value"],
            _ => return Look::Nothing,
        };
        let named = |name: &&[u8]| ends_with_ignore_case(&b[..end], name);
        if ends.iter().any(named) {
            Look::Unclear
        } else {
            Look::Nothing
        }
    }

    /// A key is judged with up to three words before it when they stand apart: `api key: …`.
    pub(super) fn key_strength(&mut self, key: &Key, has_stem: bool) -> Option<Strength> {
        let b = self.b;
        let name = &b[key.start..key.end];
        // The verb's subject is the name: `verification code is: 123456`, `PIN entered: 4711`.
        let verbs = [&b"is"[..], b"was", b"entered", b"provided", b"supplied"];
        let verb = verbs.iter().any(|verb| name.eq_ignore_ascii_case(verb));
        if !has_stem && !verb && !self.table.may_name_secret(name) {
            return None;
        }
        let own = self.judged(0, key.start..key.end);
        if own.is_some_and(|s| s > Strength::Hint) || key.quote.is_some() {
            return own;
        }
        let mut start = key.start;
        // The words before it are nothing to a word that no rule knows.
        if start < 2 || b[start - 1] != b' ' || !verb && !ends_in_known_word(name) {
            return own;
        }
        for _ in 0..2 {
            if start < 2 || b[start - 1] != b' ' || !b[start - 2].is_ascii_alphabetic() {
                break;
            }
            start -= 1;
            while start > 0 && b[start - 1].is_ascii_alphabetic() && key.end - start < MAX_KEY_BYTES
            {
                start -= 1;
            }
        }
        if start < key.start {
            self.judged(1, start..key.end).or(own)
        } else {
            own
        }
    }

    /// `"[SSN]": …`, `[SSN]=…`: a marker names a rule, and nothing that follows it. What else stands
    /// in the name may: `"[EMAIL] password": …`.
    pub(super) fn is_named_by_marker(&self, key: &Key) -> bool {
        let b = self.b;
        let mut from = key.start.saturating_sub(1);
        let mut marked = false;
        while let Some(n) = memchr::memchr(b'[', &b[from..key.end]) {
            let at = from + n;
            from = at + 1;
            if !self.starts_with_marker(at) {
                continue;
            }
            marked = true;
            let rest = at + memchr::memchr(b']', &b[at..]).map_or(1, |n| n + 1);
            let own = |name: &[u8]| self.table.strength(name) > Some(Strength::Hint);
            let next = memchr::memchr(b'[', &b[rest.min(key.end)..key.end]);
            let next = next.map_or(key.end, |n| rest + n);
            if at > key.start && own(&b[key.start..at]) || rest < next && own(&b[rest..next]) {
                return false;
            }
            from = rest.min(key.end);
        }
        marked
    }

    /// Judges a name, unless it is the one judged last: texts that repeat a pair repeat its name.
    fn judged(&mut self, words: usize, name: Range<usize>) -> Option<Strength> {
        let b = self.b;
        let (last, strength) = &self.judged[words];
        if b[last.clone()] == b[name.clone()] {
            return *strength;
        }
        let strength = self.table.strength(&b[name.clone()]);
        self.judged[words] = (name, strength);
        strength
    }
}

/// `p a s s w o r d`, `t.o.k.e.n`.
fn is_spelled_out(name: &[u8]) -> bool {
    let ends = |word: &[u8]| {
        let Some(from) = name.len().checked_sub(2 * word.len() - 1) else {
            return false;
        };
        let begins = from == 0 || !name[from - 1].is_ascii_alphanumeric();
        let spelled = name[from..].iter().enumerate().all(|(n, c)| match n % 2 {
            0 => c.eq_ignore_ascii_case(&word[n / 2]),
            _ => matches!(c, b' ' | b'.' | b'-'),
        });
        begins && spelled
    };
    ends(b"password") || ends(b"passwd") || ends(b"secret") || ends(b"token")
}

/// `WIFI:T:WPA;S:home;P`, as a network is told in a picture.
fn is_wifi(name: &[u8]) -> bool {
    let from = name.len().saturating_sub(MAX_WIFI_BYTES);
    memchr::memmem::find(&name[from..], b"WIFI:").is_some()
}

const MAX_WIFI_BYTES: usize = 96;

/// Whether what follows this name may be said to a server.
fn is_spoken_to(name: &[u8]) -> bool {
    let names = ["command", "send", "cmd", "imap", "smtp", "ftp", "pop3"];
    let named = |word: &&str| ends_with_ignore_case(name, word.as_bytes());
    names.iter().any(named) || name == b"C" || name.ends_with(b" C")
}

/// An element with longer attributes is none whose text is a secret.
const MAX_ELEMENT_BYTES: usize = 256;

/// Whether a stem stands in the name before `end`, where a byte is, and behind what some sensitive
/// word has there. Where three letters may be one, only the few around them are looked at closely.
#[inline(always)]
fn holds_stem(b: &[u8], start: usize, end: usize) -> bool {
    let mut from = start;
    while from + 2 < end {
        let until = (from + STEMS_AT_ONCE).min(end - 2);
        if may_have_stem(&b[from..until + 3]) && stems_begin(b, from..until) {
            return true;
        }
        from = until;
    }
    false
}

/// Short names are looked at in one go.
const STEMS_AT_ONCE: usize = 16;

/// Whether such a stem begins in a range of a name.
#[inline(never)]
fn stems_begin(b: &[u8], mut range: Range<usize>) -> bool {
    range.any(|i| {
        let letters = b[i..i + 3]
            .iter()
            .fold(0, |letters, c| letters << 5 | usize::from(c & 31));
        is_stem(letters) && may_follow(i.checked_sub(1).map(|i| b[i]), letters)
    })
}

/// Reads the key that ends at the separator.
pub(super) fn key_before(b: &[u8], at: usize) -> Option<Key> {
    let mut end = at;
    // `:=`, `||=`, `?=`.
    while end > 0 && at - end < 2 && matches!(b[end - 1], b':' | b'?' | b'|') && b[at] == b'=' {
        end -= 1;
    }
    // `=>` is reported at its `=`, and `->` is not a pair.
    while end > 0 && at - end < 4 && matches!(b[end - 1], b' ' | b'\t') {
        end -= 1;
    }
    // `*password*:`, in bold.
    while end > 0 && at - end < 4 && b[end - 1] == b'*' {
        end -= 1;
    }
    if end == 0 {
        return None;
    }
    if is_arrow(b, at) {
        end -= 1;
        while end > 0 && at - end < 4 && b[end - 1] == b' ' {
            end -= 1;
        }
    } else if b[at] == b'>' {
        if b[at - 1] == b'"' {
            return element_with_attributes(b, at);
        }
        let start = word_start(b, end);
        // An element's name, not a comparison.
        return (start > 0 && b[start - 1] == b'<' && start < end).then_some(Key {
            start,
            end,
            quote: None,
        });
    }
    // `headers["password"] = …`
    if b[end - 1] == b']' && end > 1 {
        if matches!(b[end - 2], b'"' | b'\'') {
            end -= 1;
        } else if b[at] == b'=' {
            // `[password] => …`
            let start = word_start(b, end - 1);
            let opened = start > 0 && b[start - 1] == b'[' && start < end - 1;
            return opened.then_some(Key {
                start,
                end: end - 1,
                quote: None,
            });
        }
    }
    if matches!(b[end - 1], b'"' | b'\'' | b'`') {
        let mark = b[end - 1];
        let close = end - 1 - own_slashes(&b[..end - 1]);
        let floor = close.saturating_sub(MAX_KEY_BYTES);
        let start = b[floor..close]
            .iter()
            .rposition(|&c| c == mark)
            // A fragment of a larger text may have lost the opening one.
            .map_or_else(|| word_start(b, close), |p| floor + p + 1);
        return (start < close).then_some(Key {
            start,
            end: close,
            quote: Some((mark, end - 1 - close)),
        });
    }
    let start = word_start(b, end);
    (start < end).then_some(Key {
        start,
        end,
        quote: None,
    })
}

/// `->` between a name and its value.
pub(super) fn is_arrow(b: &[u8], at: usize) -> bool {
    b[at] == b'>' && at > 0 && b[at - 1] == b'-'
}

/// `<wsse:Password Type="…">`, `<entry key="password">`: the element's name, or what one of its
/// attributes says that it holds.
fn element_with_attributes(b: &[u8], at: usize) -> Option<Key> {
    let floor = at.saturating_sub(MAX_ELEMENT_BYTES);
    let open = floor + memchr::memrchr(b'<', &b[floor..at])?;
    steps(at - open);
    let name = b[open + 1..at].iter().position(|c| *c == b' ')? + open + 1;
    let tag = &b[name..at];
    let key = |start: usize, end: usize| Key {
        start,
        end,
        quote: None,
    };
    for attribute in [&b" key=\""[..], b" name=\"", b" id=\""] {
        if let Some(n) = memchr::memmem::find(tag, attribute) {
            let start = name + n + attribute.len();
            let end = start + memchr::memchr(b'"', &b[start..at])?;
            return (start < end).then(|| key(start, end));
        }
    }
    Some(key(open + 1, name))
}

fn word_start(b: &[u8], end: usize) -> usize {
    let floor = end.saturating_sub(MAX_KEY_BYTES);
    floor + run_start(&b[floor..], end - floor, And::NameMarks)
}

pub(super) fn ends_with_ignore_case(name: &[u8], end: &[u8]) -> bool {
    name.len() >= end.len() && name[name.len() - end.len()..].eq_ignore_ascii_case(end)
}
