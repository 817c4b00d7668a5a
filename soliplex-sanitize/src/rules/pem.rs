//! Private keys in PEM, OpenSSH and PGP armor, over several lines, escaped or cut short.

use super::catalog::Rule;
use super::scan::Scan;
use super::steps::steps;

/// A 16384-bit RSA key in base64 is shorter.
const MAX_KEY_BYTES: usize = 16 * 1024;
const MAX_LABEL_BYTES: usize = 64;

impl Scan<'_> {
    /// Looks at five dashes, the fifth at `at`.
    pub(super) fn armor(&mut self, at: usize) {
        let b = self.b;
        let start = at - 4;
        let head = &b[at + 1..b.len().min(at + 1 + MAX_LABEL_BYTES)];
        if !head.trim_ascii_start().starts_with(b"BEGIN") {
            return;
        }
        let Some(label) = memchr::memmem::find(head, b"-----") else {
            return;
        };
        let private = [&b"PRIVATE KEY"[..], b"PRIVATE+KEY"];
        let named = |name: &&[u8]| memchr::memmem::find(&head[..label], name).is_some();
        if !private.iter().any(named) {
            return;
        }
        let body = at + 1 + label + 5;
        self.looked(MAX_KEY_BYTES);
        // A key never goes on beyond the string it stands in.
        let limit = b.len().min(body + MAX_KEY_BYTES);
        let text = &b[body..limit];
        let text = &text[..memchr::memchr(b'"', text).unwrap_or(text.len())];
        let stop = match memchr::memmem::find(text, b"-----END") {
            Some(end) => {
                let tail = &text[end + 8..text.len().min(end + 8 + MAX_LABEL_BYTES)];
                end + 8 + memchr::memmem::find(tail, b"-----").map_or(0, |n| n + 5)
            }
            // Cut short: as far as it looks like base64 in lines.
            None => {
                let armored = &text[..text
                    .iter()
                    .position(|c| !is_armor(*c))
                    .unwrap_or(text.len())];
                armored
                    .iter()
                    .rposition(u8::is_ascii_alphanumeric)
                    .map_or(0, |n| n + 1)
            }
        };
        steps(text.len());
        self.push(start, body + stop, Rule::PrivateKey);
    }
}

fn is_armor(c: u8) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(
            c,
            b'+' | b'/' | b'=' | b'\\' | b'\n' | b'\r' | b' ' | b'-' | b':' | b',' | b'.'
        )
}
