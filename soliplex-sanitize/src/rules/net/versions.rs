//! What has four dotted numbers and is no address: the version of something.

use super::{begins_address, is_private};
use crate::rules::context::word_before;
use crate::rules::scan::Scan;

impl Scan<'_> {
    /// Whether four dotted numbers are more likely a version than an address.
    pub(super) fn is_version(&self, start: usize, end: usize) -> bool {
        let b = self.b;
        let before = if start > 0 { b[start - 1] } else { b' ' };
        let after = b.get(end).copied().unwrap_or(b' ');
        let after2 = b.get(end + 1).copied().unwrap_or(b' ');
        let private = is_private(&b[start..end]);
        if before.is_ascii_alphanumeric() || before == b'_' || b[..start].ends_with(b".so.") {
            // `v1.2.3.4`, `rc1.2.3.4`; and a key run together with its value is not worth the risk.
            return true;
        }
        if after.is_ascii_alphabetic() || after == b'_' {
            return !private;
        }
        if matches!(after, b'-' | b'+' | b'~') && after2.is_ascii_alphanumeric() && !private {
            return !begins_address(&b[end + 1..]);
        }
        if after == b'.' && after2.is_ascii_alphabetic() && !self.is_packed(start, end) {
            return is_file_ending(&b[end + 1..]);
        }
        // `2.5.4.3=…`, what a certificate names by number.
        if after == b'=' && b[start..end].starts_with(b"2.5.4.") {
            return true;
        }
        let port = after == b':' && after2.is_ascii_digit();
        let told = is_artifact(&b[..start]) || is_framework(&b[..start], &b[end..]);
        let told = told && is_modest(&b[start..end]);
        let begins = is_small(
            b[start..end]
                .split(|c| *c == b'.')
                .next()
                .unwrap_or_default(),
        );
        if !private && !port && (told || begins && becomes_version(&b[end..])) {
            return true;
        }
        match before {
            // A package's own version, as in `~31bf3856ad364e35~~6.1.1.0`.
            b'~' => true,
            b'-' => {
                let named = [&b"ip-"[..], b"host-"]
                    .iter()
                    .any(|name| b[..start].ends_with(name));
                start >= 2 && b[start - 2].is_ascii_alphanumeric() && !private && !named
            }
            b'/' if start >= 2 && b[start - 2].is_ascii_alphanumeric() => {
                !private && after != b':' && is_product(&b[..start - 1])
            }
            _ => {
                let word = word_before(b, start);
                [
                    "version", "ver", "release", "build", "firmware", "driver", "revision", "rev",
                    "sdk", "chrome", "versions", "v", "oid", "kernel", "package", "tag", "bios",
                ]
                .iter()
                .any(|w| word.eq_ignore_ascii_case(w.as_bytes()))
                    || word.len() > 7 && word[word.len() - 7..].eq_ignore_ascii_case(b"version")
            }
        }
    }

    /// `openssl-libs-3.0.7.27.x86_64`: a package's name, version and architecture.
    fn is_packed(&self, start: usize, end: usize) -> bool {
        let rest = self.b[end..].iter().take(MAX_NAME_BYTES);
        let length =
            rest.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-'));
        let mut rest = &self.b[end..end + length.count()];
        // `.el8_4`, `.fc38`: the distribution that it was packed for.
        if let Some(number) = rest.strip_prefix(b".el").or(rest.strip_prefix(b".fc")) {
            let digits = number
                .iter()
                .take_while(|c| c.is_ascii_digit() || **c == b'_');
            let digits = digits.count();
            if digits == 0 {
                return false;
            }
            rest = &number[digits..];
        }
        let machines = [&b""[..], b".x86_64", b".noarch", b".aarch64", b".i686"];
        let rest = rest.strip_suffix(b".rpm").unwrap_or(rest);
        self.b[..start].ends_with(b"-") && machines.contains(&rest)
    }
}

/// Four numbers of two digits at most, the first one of one: most versions have no larger ones, and
/// most addresses do.
fn is_modest(text: &[u8]) -> bool {
    let mut parts = text.split(|c| *c == b'.');
    parts.next().is_some_and(|first| first.len() == 1) && parts.all(|part| part.len() < 3)
}

/// Below 32, as the first number of most versions and of few addresses is.
fn is_small(number: &[u8]) -> bool {
    number.len() == 1 || number.len() == 2 && number < &b"32"[..]
}

/// `from 1.2.3.4 to version 1.2.3.5`: four numbers again.
fn becomes_version(after: &[u8]) -> bool {
    let Some(next) = after.strip_prefix(b" to version ") else {
        return false;
    };
    let length = next.iter().take(MAX_VERSION_BYTES);
    let length = length
        .take_while(|c| c.is_ascii_digit() || **c == b'.')
        .count();
    let parts = next[..length].split(|c| *c == b'.').take(4);
    parts.filter(|part| !part.is_empty()).count() == 4
}

/// No version of four numbers is longer.
const MAX_VERSION_BYTES: usize = 24;

/// `org.acme:client:`, `log4j:log4j:jar:`: what an artifact's version stands behind.
fn is_artifact(before: &[u8]) -> bool {
    let Some(before) = before.strip_suffix(b":") else {
        return false;
    };
    let before = before.strip_suffix(b":jar").unwrap_or(before);
    let name = |c: &&u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_');
    let run = |text: &[u8]| {
        text.iter()
            .rev()
            .take(MAX_NAME_BYTES)
            .take_while(name)
            .count()
    };
    let (rest, artifact) = before.split_at(before.len() - run(before));
    let Some(rest) = rest.strip_suffix(b":") else {
        return false;
    };
    let group = &rest[rest.len() - run(rest)..];
    let lettered = artifact.iter().chain(group).any(u8::is_ascii_alphabetic);
    lettered && !group.is_empty() && (group.contains(&b'.') || group == artifact)
}

/// `Microsoft.AspNetCore.App 8.0.1.0 [/usr/…]`: capitals and dots, as a .NET package is called, and
/// nothing said of it. Loggers are called so, too.
fn is_framework(before: &[u8], after: &[u8]) -> bool {
    let ends = after.is_empty() || after.starts_with(b"\n") || after.starts_with(b" [");
    let Some(before) = before.strip_suffix(b" ").filter(|_| ends) else {
        return false;
    };
    let name = before.iter().rev().take(MAX_NAME_BYTES);
    let length = name
        .take_while(|c| c.is_ascii_alphanumeric() || **c == b'.')
        .count();
    let mut parts = before[before.len() - length..].split(|c| *c == b'.');
    let capital = |part: &[u8]| part.first().is_some_and(u8::is_ascii_uppercase) && part.len() > 2;
    let maker = parts.next();
    (maker == Some(b"Microsoft") || maker == Some(b"System")) && parts.all(capital)
}

/// The name of a package is no longer.
const MAX_NAME_BYTES: usize = 64;

/// `Chrome/120.0.6099.109`: the word before the slash is a product.
fn is_product(before: &[u8]) -> bool {
    let start = before
        .iter()
        .rposition(|c| !c.is_ascii_alphanumeric() && *c != b'-')
        .map_or(0, |p| p + 1);
    let word = &before[start..];
    let capital = word.first().is_some_and(u8::is_ascii_uppercase);
    capital
        || [
            "curl", "nginx", "node", "python", "okhttp", "wget", "go", "java", "openssl", "app",
            "v", "libwww", "dart",
        ]
        .iter()
        .any(|p| word.eq_ignore_ascii_case(p.as_bytes()))
}

/// `1.2.3.4.jar`.
fn is_file_ending(rest: &[u8]) -> bool {
    let end = rest
        .iter()
        .position(|c| !c.is_ascii_alphanumeric())
        .unwrap_or(rest.len());
    [
        "jar", "tar", "zip", "exe", "dll", "so", "deb", "rpm", "gz", "whl", "msi", "apk", "dmg",
        "pkg", "final", "release", "ga", "snapshot", "beta", "alpha", "rc", "nupkg", "war",
    ]
    .iter()
    .any(|e| rest[..end].eq_ignore_ascii_case(e.as_bytes()))
}
