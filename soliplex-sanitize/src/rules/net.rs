//! Addresses of the network, and the credentials inside a URL.

mod versions;

use std::net::Ipv6Addr;

use super::catalog::Rule;
use super::scan::Scan;
use super::steps::steps;

const MAX_USERINFO_BYTES: usize = 512;

/// A database's user has a name no longer than this.
const MAX_USER_BYTES: usize = 64;

impl Scan<'_> {
    /// Looks at an `@`: the end of a URL's user info, or the middle of an address.
    pub(super) fn at_sign(&mut self, at: usize) {
        let quoted = |c: Option<&u8>| matches!(c, Some(b'\'' | b'`' | b'"'));
        if quoted(at.checked_sub(1).map(|at| &self.b[at])) && quoted(self.b.get(at + 1)) {
            return self.identified(at + 1);
        }
        if !self.userinfo(at) {
            self.email(at);
        }
    }

    /// `scheme://user:password@host`: the password goes, user and host stay.
    fn userinfo(&mut self, at: usize) -> bool {
        let b = self.b;
        // Two `@` of one word share its beginning, which is looked for once.
        let mut start = at;
        while start > self.userinfo_seen && !ends_userinfo(b[start - 1]) {
            start -= 1;
        }
        steps(at - start);
        if start == self.userinfo_seen && start > 0 {
            start = self.userinfo_start;
        }
        (self.userinfo_seen, self.userinfo_start) = (at + 1, start);
        if at - start > MAX_USERINFO_BYTES {
            return false;
        }
        let is_url = start >= 3 && &b[start - 3..start] == b"://";
        // `jdbc:oracle:thin:user/password@host`
        let is_thin = !is_url && start > 0 && b[start - 1] == b'/' && {
            let head = &b[start.saturating_sub(64)..start];
            memchr::memmem::find(head, b":thin:").is_some()
        };
        // `sqlplus user/password@service`
        let is_thin = is_thin
            || !is_url && start > 0 && b[start - 1] == b'/' && {
                let name = b[..start - 1].iter().rev().take(MAX_USER_BYTES);
                let name = name
                    .take_while(|c| c.is_ascii_alphanumeric() || **c == b'_')
                    .count();
                b[..start - 1 - name].ends_with(b"sqlplus ")
            };
        let is_driver = b[at + 1..].starts_with(b"tcp(") || b[at + 1..].starts_with(b"unix(");
        if is_thin {
            self.push(start, at, Rule::UrlCredentials);
            return true;
        }
        if !is_url && !is_driver {
            return false;
        }
        let info = &b[start..at];
        // `sqlserver://host;user=sa;password=p@ss` names what is in it.
        if info.contains(&b';') {
            return false;
        }
        match memchr::memchr(b':', info) {
            Some(colon) => {
                let password = &info[colon + 1..];
                // The token stands where the user does.
                let lone = matches!(password, b"" | b"x-oauth-basic" | b"x");
                if lone && colon >= 16 && !self.is_marker(&info[..colon]) {
                    self.push(start, start + colon, Rule::UrlCredentials);
                    return true;
                }
                if !password.is_empty() && !self.is_marker(password) {
                    // Of two halves of a key, neither is a name.
                    let halves = colon >= 8 && info[..colon].iter().all(u8::is_ascii_hexdigit);
                    let from = if halves { start } else { start + colon + 1 };
                    self.push(from, at, Rule::UrlCredentials);
                }
            }
            // A lone long user is a token.
            None if info.len() >= 16 && !self.is_marker(info) => {
                self.push(start, at, Rule::UrlCredentials)
            }
            None => {}
        }
        true
    }

    /// Looks at the first digit of a fourth dotted number.
    pub(super) fn dotted(&mut self, at: usize) {
        let b = self.b;
        if at < self.dotted_until {
            return;
        }
        let mut start = at;
        while start > 0
            && (b[start - 1].is_ascii_digit() || b[start - 1] == b'.')
            && at - start < 64
        {
            start -= 1;
        }
        let mut end = at;
        while end < b.len() && (b[end].is_ascii_digit() || b[end] == b'.') {
            end += 1;
        }
        steps(end - start);
        self.dotted_until = end;
        // The dots at the edges belong to the sentence.
        while end > start && b[end - 1] == b'.' {
            end -= 1;
        }
        while start < end && b[start] == b'.' {
            start += 1;
        }
        let end = before_port(b, start, end);
        if is_ipv4(&b[start..end]) && !self.is_version(start, end) {
            self.push(start, end, Rule::Ipv4);
            // `[0 10.0.0.1:6379] "AUTH" "…"`, `10.0.0.1:6379> AUTH …`
            let rest = b[end..].iter().take(8);
            let port = rest
                .take_while(|c| c.is_ascii_digit() || **c == b':')
                .count();
            if matches!(b[end + port..], [b']' | b'>', b' ', ..]) {
                self.spoken(end + port + 2);
            }
        }
    }

    /// Looks at colons between hex digits.
    pub(super) fn colon_hex(&mut self, at: usize) {
        let b = self.b;
        if at < self.colon_until {
            return;
        }
        let part = |c: u8| c.is_ascii_hexdigit() || c == b':' || c == b'.';
        let mut start = at;
        while start > 0 && at - start < 48 && part(b[start - 1]) {
            start -= 1;
        }
        let mut end = at;
        while end < b.len() && part(b[end]) {
            end += 1;
        }
        steps(end - start);
        self.colon_until = end;
        if end - start > 64 {
            return;
        }
        while end > start
            && (b[end - 1] == b'.' || b[end - 1] == b':' && !b[..end].ends_with(b"::"))
        {
            end -= 1;
        }
        let before = if start > 0 { b[start - 1] } else { b' ' };
        if before.is_ascii_alphanumeric() || before == b'_' {
            // `addr:fe80::1` has its first colon here; `Event::0` is a path.
            match b[start..end].iter().position(|c| *c == b':') {
                Some(0) if b.get(start + 1) != Some(&b':') => start += 1,
                // The `6` of `ip6:` looks like a part of the address.
                Some(1) if b[..=start].ends_with(b"ip6") || b[..=start].ends_with(b"inet6") => {
                    start += 2;
                }
                _ => return,
            }
        } else if b[start] == b':' && b.get(start + 1) != Some(&b':') {
            start += 1;
        }
        while start < end && b[start] == b'.' {
            start += 1;
        }
        if b.get(end)
            .is_some_and(|c| c.is_ascii_alphanumeric() || *c == b'_')
        {
            return;
        }
        let text = &b[start..end];
        let groups = text.split(|c| *c == b':').filter(|g| !g.is_empty()).count();
        let digits = text.iter().any(u8::is_ascii_digit);
        if (digits || groups >= 3) && is_ipv6(text) && !is_own(text) {
            self.push(start, end, Rule::Ipv6);
        }
    }
}

fn ends_userinfo(c: u8) -> bool {
    matches!(
        c,
        0..=b' ' | b'"' | b'\'' | b'<' | b'>' | b'/' | b'?' | b'#' | b'\\'
    )
}

/// Where the address ends when a port follows it behind a fifth dot, as tcpdump writes it.
fn before_port(b: &[u8], start: usize, end: usize) -> usize {
    let text = &b[start..end];
    let port = text.iter().rev().take_while(|c| c.is_ascii_digit()).count();
    let between = b[end..].starts_with(b" > ") || b[..start].ends_with(b" > ");
    let is_port =
        matches!((port, between), (4 | 5, _) | (2 | 3, true)) && text[text.len() - port] != b'0';
    if is_port && text.iter().filter(|c| **c == b'.').count() == 4 {
        end - port - 1
    } else {
        end
    }
}

/// Whether hex digits, colons and dots are an address, and not the unspecified one.
fn is_ipv6(text: &[u8]) -> bool {
    if text.contains(&b'.') {
        let address = std::str::from_utf8(text).map(str::parse::<Ipv6Addr>);
        return address.is_ok_and(|a| a.is_ok_and(|a| !a.is_unspecified()));
    }
    // Of the usual form it is told in one look, which matters where a text is full of them.
    let (mut groups, mut digits) = (0, 0);
    let (mut is_short, mut is_specified) = (false, false);
    let mut i = 0;
    while i < text.len() {
        if text[i] != b':' {
            digits += 1;
            is_specified |= text[i] != b'0';
            i += 1;
            continue;
        }
        let is_double = text.get(i + 1) == Some(&b':');
        if digits > 4 || is_double && is_short || !is_double && (digits == 0 || i + 1 == text.len())
        {
            return false;
        }
        groups += usize::from(digits > 0);
        digits = 0;
        is_short |= is_double;
        i += if is_double { 2 } else { 1 };
    }
    groups += usize::from(digits > 0);
    digits <= 4 && is_specified && if is_short { groups < 8 } else { groups == 8 }
}

/// `::1`, every machine's own, perhaps with the port that some write right behind it.
fn is_own(text: &[u8]) -> bool {
    match text.strip_prefix(b"::1") {
        Some([]) => true,
        Some([b':', port @ ..]) => {
            (2..=5).contains(&port.len()) && port.iter().all(u8::is_ascii_digit)
        }
        Some(_) => false,
        None => text == b"0:0:0:0:0:0:0:1",
    }
}

/// Four octets that say which machine is meant: not its own, not all of them, and no mask.
fn is_ipv4(text: &[u8]) -> bool {
    let mut parts = 0;
    for part in text.split(|c| *c == b'.') {
        parts += 1;
        if parts > 4 || !(1..=3).contains(&part.len()) || (part.len() == 2 && part[0] == b'0') {
            return false;
        }
        if part.iter().fold(0_u32, |n, c| n * 10 + u32::from(c - b'0')) > 255 {
            return false;
        }
    }
    let names_one = !text.starts_with(b"127.") && !text.starts_with(b"255.");
    parts == 4 && names_one && text != b"0.0.0.0"
}

/// Whether what a range goes to begins here.
fn begins_address(rest: &[u8]) -> bool {
    let length = rest
        .iter()
        .take(MAX_IPV4_BYTES + 1)
        .take_while(|c| c.is_ascii_digit() || **c == b'.')
        .count();
    is_ipv4(&rest[..length])
}

const MAX_IPV4_BYTES: usize = 15;

fn is_private(text: &[u8]) -> bool {
    text.starts_with(b"10.") || text.starts_with(b"192.168.") || text.starts_with(b"172.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_what_the_standard_library_takes_for_one() {
        let check = |text: &str| {
            let parsed = text.parse::<Ipv6Addr>();
            let expected = parsed.is_ok_and(|a| !a.is_unspecified());
            assert_eq!(is_ipv6(text.as_bytes()), expected, "{text}");
        };
        // All texts of up to nine of these, and with a head and a tail that make them long.
        let mut texts = vec![String::new()];
        for _ in 0..9 {
            let longer = |text: &String| ["0", "f", ":"].map(|c| format!("{text}{c}"));
            texts = texts.iter().flat_map(longer).collect();
            for text in &texts {
                check(text);
                check(&format!("1:20:300:{text}:5:6"));
            }
        }
        for text in [
            "::ffff:10.0.0.1",
            "::10.0.0.256",
            "1:2:3:4:5:6:7:12345",
            "12345::",
        ] {
            check(text);
        }
    }
}
