//! Names that are not sensitive by themselves, and say so only of some values.

use super::{ASSERTION, Key, bare_end, ends_with_ignore_case, opening_quote};
use crate::rules::catalog::Rule;
use crate::rules::keys::{MAX_KEY_BYTES, Strength};
use crate::rules::scan::{Scan, own_slashes};

/// No authorization code and no ticket is shorter.
const MIN_GRANT_BYTES: usize = 12;

/// No key to an interface is shorter.
const MIN_KEY_BYTES: usize = 20;

/// An MD5 in hex is the shortest signature.
const MIN_SIGNATURE_BYTES: usize = 32;

/// What is longer is told by its randomness.
const SHORT_SESSION_BYTES: std::ops::Range<usize> = 6..20;

/// Six bytes in hex.
const MAC_DIGITS: usize = 12;

/// Fifteen digits and as many separators as anyone writes.
const MAX_PHONE_BYTES: usize = 28;

impl Scan<'_> {
    /// What was granted to a client, in the query of the address it comes back by.
    pub(super) fn grant(&mut self, key: &Key, at: usize) -> bool {
        let b = self.b;
        let name = &b[key.start..key.end];
        let in_query = key.start > 0 && matches!(b[key.start - 1], b'?' | b'&' | b'#');
        let granted = name.eq_ignore_ascii_case(b"code") || name.eq_ignore_ascii_case(b"ticket");
        let signed = ["signature", "sig", "hmac"]
            .iter()
            .any(|word| name.eq_ignore_ascii_case(word.as_bytes()));
        // Of an interface; a record's has other letters, or is short.
        let keyed = name.eq_ignore_ascii_case(b"key") || name.eq_ignore_ascii_case(b"appid");
        let asserted = name.eq_ignore_ascii_case(ASSERTION);
        if !(in_query && (granted || signed || keyed) || asserted) {
            return false;
        }
        let end = bare_end(b, at, false);
        let value = &b[at..end];
        // Beside other names hex is a hash of something; in a query it is what lets one in.
        if signed && (value.len() < MIN_SIGNATURE_BYTES || !value.iter().all(u8::is_ascii_hexdigit))
        {
            return false;
        }
        if keyed && (value.len() < MIN_KEY_BYTES || !value.iter().all(u8::is_ascii_alphanumeric)) {
            return false;
        }
        let any = |is: fn(&u8) -> bool| value.iter().any(is);
        let drawn = any(u8::is_ascii_digit) && any(u8::is_ascii_alphabetic)
            || any(u8::is_ascii_lowercase) && any(u8::is_ascii_uppercase);
        let secret = value.len() >= MIN_GRANT_BYTES && drawn;
        if secret {
            self.push(at, end, Rule::Key);
        }
        secret
    }

    /// `session_id=abc123`: too short to look random; a number, and words and numbers joined, say
    /// which session it is to who reads the log.
    pub(super) fn short_session(&mut self, at: usize) -> bool {
        let b = self.b;
        let at = opening_quote(b, at).map_or(at, |(open, _)| open);
        let value = &b[at..bare_end(b, at, false)];
        let any = |is: fn(&u8) -> bool| value.iter().any(is);
        let found = SHORT_SESSION_BYTES.contains(&value.len())
            && any(u8::is_ascii_digit)
            && any(u8::is_ascii_alphabetic)
            && value.iter().all(u8::is_ascii_alphanumeric)
            && !value.starts_with(b"0x");
        if found {
            self.push(at, at + value.len(), Rule::Key);
        }
        found
    }

    /// `<add key="Password" value="…"/>`: the name stands in the attribute before.
    pub(super) fn attribute(&self, key: &Key) -> Option<Strength> {
        let b = self.b;
        let name = &b[key.start..key.end];
        if name.eq_ignore_ascii_case(b"string") {
            // `<key>Password</key><string>…`
            let before = b[..key.start].strip_suffix(b"<")?.trim_ascii_end();
            let named = before.strip_suffix(b"</key>")?;
            let floor = named.len().saturating_sub(MAX_KEY_BYTES);
            let open = floor + memchr::memrchr(b'>', &named[floor..])?;
            return self.table.strength(&named[open + 1..]);
        }
        if !name.eq_ignore_ascii_case(b"value") {
            return None;
        }
        let left = b[..key.start].trim_ascii_end();
        if let Some(strength) = self.listed_name(left) {
            return Some(strength);
        }
        // `Property: app.password Value: "…"`, as Spring says what it cannot bind.
        let property = left.iter().rev().take(MAX_KEY_BYTES);
        let length = property.take_while(|c| c.is_ascii_graphic()).count();
        let (head, property) = left.split_at(left.len() - length);
        if head.ends_with(b"Property: ") {
            return self.table.strength(property);
        }
        // `<password value="…"/>`
        if let Some(open) = element_before(left) {
            return self.table.strength(&left[open..]);
        }
        let before = left.strip_suffix(b"\"")?;
        // `{"name":"Authorization","value":"…"}`
        let unescaped = &before[..before.len() - own_slashes(before)];
        if let Some(member) = unescaped.trim_ascii_end().strip_suffix(b",") {
            return self.member_named(member);
        }
        let floor = before.len().saturating_sub(MAX_KEY_BYTES);
        let open = floor + before[floor..].iter().rposition(|c| *c == b'"')?;
        let names = [&b"key="[..], b"name=", b"type=", b"id="];
        names
            .iter()
            .any(|name| before[..open].ends_with(name))
            .then(|| self.table.strength(&before[open + 1..]))?
    }

    /// `- name: DB_PASSWORD` in the line before, or `name: DB_PASSWORD,`.
    fn listed_name(&self, left: &[u8]) -> Option<Strength> {
        let floor = left.len().saturating_sub(MAX_KEY_BYTES + 8);
        let line = &left[floor..];
        let from = memchr::memrchr2(b'\n', b'{', line).map_or(0, |n| n + 1);
        let member = line[from..].trim_ascii_start();
        let member = member.strip_prefix(b"- ").unwrap_or(member);
        let names = [&b"name: "[..], b"key: "];
        let name = names.iter().find_map(|name| member.strip_prefix(*name))?;
        let name = name.strip_suffix(b",").unwrap_or(name);
        self.table.strength(name)
    }

    /// `"name":"Authorization"` at the end of `member`, in the object that a `"value"` follows in.
    fn member_named(&self, member: &[u8]) -> Option<Strength> {
        let name = member.strip_suffix(b"\"")?;
        let slashes = own_slashes(name);
        let name = &name[..name.len() - slashes];
        let floor = name.len().saturating_sub(MAX_KEY_BYTES);
        let open = floor + name[floor..].iter().rposition(|c| *c == b'"')?;
        let by = member[..open - slashes.min(open)].trim_ascii_end();
        let by = by
            .strip_suffix(b":")?
            .trim_ascii_end()
            .strip_suffix(b"\"")?;
        let by = &by[..by.len() - slashes.min(by.len())];
        let names = [&b"name"[..], b"key", b"header"];
        names
            .iter()
            .any(|word| by.ends_with(word))
            .then(|| self.table.strength(&name[open + 1..]))?
    }

    /// What is told by the end of its name, in whatever spelling: a telephone number, a degree, a
    /// hardware address.
    pub(super) fn contact(&mut self, key: &Key, at: usize) {
        let b = self.b;
        let name = &b[key.start..key.end];
        let ends = |words: &[&str]| {
            words
                .iter()
                .any(|word| ends_with_ignore_case(&b[..key.end], word.as_bytes()))
        };
        match name.last().map(u8::to_ascii_lowercase) {
            Some(b't' | b'g') => self.degree(name, at),
            Some(b'c' | b's' | b'r' | b'd') => {
                if name.eq_ignore_ascii_case(b"redis") {
                    self.spoken(at);
                } else if name == b"is" && ends(&["code is", "otp is", "pin is"]) {
                    self.sent_code(key.start, at);
                } else if ends(&[
                    "mac",
                    "macaddress",
                    "mac_address",
                    "mac address",
                    "hwaddr",
                    "macaddr",
                    "bssid",
                    "macid",
                ]) {
                    self.hardware(at);
                }
            }
            Some(b'e' | b'n') => {
                self.degree(name, at);
                self.telephone(name, at);
            }
            _ => self.telephone(name, at),
        }
    }

    /// `lat=38.9`: too few decimals to be seen by themselves.
    fn degree(&mut self, name: &[u8], at: usize) {
        let b = self.b;
        let is = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
        // `lat` is also what a latency is called, and has one decimal then.
        let least = if is("lat") { 2 } else { 1 };
        let named = ["lat", "lon", "lng", "latitude", "longitude"];
        if !named.into_iter().any(is) {
            return;
        }
        let at = opening_quote(b, at).map_or(at, |(open, _)| open);
        let sign = usize::from(b.get(at) == Some(&b'-'));
        let run = |from: usize| {
            let rest = b[from.min(b.len())..].iter();
            rest.take(20).take_while(|c| c.is_ascii_digit()).count()
        };
        let whole = run(at + sign);
        let dot = at + sign + whole;
        if !(1..=3).contains(&whole) || b.get(dot) != Some(&b'.') {
            return;
        }
        let decimals = run(dot + 1);
        let end = dot + 1 + decimals;
        let goes_on = b
            .get(end)
            .is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.'));
        if (least..=3).contains(&decimals) && !goes_on {
            self.push(at, end, Rule::Coordinates);
        }
    }

    /// `mac=001a2b3c4d5e`: without separators, only its name tells.
    fn hardware(&mut self, at: usize) {
        let b = self.b;
        let at = opening_quote(b, at).map_or(at, |(open, _)| open);
        let address = &b[at..b.len().min(at + MAC_DIGITS)];
        let alone = b
            .get(at + MAC_DIGITS)
            .is_none_or(|c| !c.is_ascii_alphanumeric() && !matches!(c, b'-' | b'_'));
        let varied = address.iter().any(|c| *c != address[0]);
        if address.len() == MAC_DIGITS
            && alone
            && varied
            && address.iter().all(u8::is_ascii_hexdigit)
        {
            self.push(at, at + MAC_DIGITS, Rule::Mac);
        }
    }

    fn telephone(&mut self, name: &[u8], at: usize) {
        let b = self.b;
        let called = [
            "phone",
            "mobile",
            "tel",
            "cell",
            "telefon",
            "fax",
            "handy",
            "telephone",
        ]
        .iter()
        .any(|word| name.eq_ignore_ascii_case(word.as_bytes()));
        if !called {
            return;
        }
        let at = opening_quote(b, at).map_or(at, |(open, _)| open);
        // A sign is not part of one.
        if b.get(at) == Some(&b'-') {
            return;
        }
        let length = b[at..]
            .iter()
            .take(MAX_PHONE_BYTES)
            .take_while(|c| {
                c.is_ascii_digit() || matches!(c, b' ' | b'-' | b'.' | b'/' | b'(' | b')' | b'+')
            })
            .count();
        let Some(last) = b[at..at + length].iter().rposition(u8::is_ascii_digit) else {
            return;
        };
        let end = at + last + 1;
        let number = &b[at..end];
        let count = |is: fn(&&u8) -> bool| number.iter().filter(is).count();
        let digits = count(|c| c.is_ascii_digit());
        let grouped = count(|c| matches!(c, b' ' | b'-' | b'/')) > 0;
        // A plain number is one of eight digits or more, and has no decimals.
        let whole = count(|c| **c == b'.') != 1;
        let goes_on = b
            .get(end)
            .is_some_and(|c| c.is_ascii_alphanumeric() || *c == b'_');
        if (grouped && digits == 7 || (8..=15).contains(&digits)) && (grouped || whole) && !goes_on
        {
            self.push(at, end, Rule::Phone);
        }
    }
}

/// `session_id`, `sessionId`.
pub(super) fn names_session(name: &[u8]) -> bool {
    let length = name
        .iter()
        .rev()
        .take_while(|c| c.is_ascii_alphanumeric() || **c == b'_');
    let own = &name[name.len() - length.count()..];
    ["session_id", "sessionid", "sess_id"]
        .iter()
        .any(|word| ends_with_ignore_case(own, word.as_bytes()))
}

/// Where the name begins that ends `left` and opens an element.
fn element_before(left: &[u8]) -> Option<usize> {
    let name = left.iter().rev().take(MAX_KEY_BYTES);
    let length = name
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.' | b':'))
        .count();
    let open = left.len() - length;
    (length > 0 && left[..open].ends_with(b"<")).then_some(open)
}
