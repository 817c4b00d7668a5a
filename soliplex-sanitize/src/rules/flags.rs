//! What is given to a command: `--password hunter2`, `mysql -phunter2`, `curl -u ann:hunter2`.

use super::catalog::Rule;
use super::keys::Strength;
use super::pairs::{closing_quote, opening_quote};
use super::prose::{MAX_PASSWORD_BYTES, is_name};
use super::scan::Scan;
use super::steps::steps;

impl Scan<'_> {
    /// `--password hunter2`, `"--token", "…"`, `mysql -phunter2`, `curl -u ann:hunter2`; `at` is the
    /// first letter behind the dashes.
    pub(super) fn flag(&mut self, at: usize) {
        let b = self.b;
        let end = at + b[at..].iter().take(64).take_while(|c| is_name(**c)).count();
        steps(end - at);
        let name = &b[at..end];
        if at < 2 || b[at - 2] == b' ' && name.len() < 4 || name == b"user" {
            return self.short_flag(at, end);
        }
        let Some(strength) = self.table.strength(name) else {
            return self.short_flag(at, end);
        };
        match b.get(end) {
            Some(b'"') => self.next_string(end, strength),
            Some(b' ') if strength > Strength::Hint => {
                let from = end + 1;
                if b.get(from) == Some(&b'-') {
                    return;
                }
                let (open, stop) = argument(b, from);
                let value = &b[open..stop];
                let word = value.iter().all(|c| c.is_ascii_alphabetic() || *c == b'-');
                let filled_in =
                    matches!(value.first(), None | Some(b'$' | b'<' | b'[' | b'{' | b'('));
                if !word && !filled_in && !self.is_marker(value) {
                    self.push(open, stop, Rule::Key);
                }
            }
            _ => {}
        }
    }

    /// A flag of one letter means what its program says.
    fn short_flag(&mut self, at: usize, end: usize) {
        let b = self.b;
        let tools: &[&[u8]] = match b[at] {
            b'p' => &[b"sshpass", b"docker login", b"podman login"],
            b'a' => &[b"redis-cli"],
            b'u' | b'U' => &[b"curl", b"wget", b"http ", b"smbclient"],
            _ => return,
        };
        let before = &b[at.saturating_sub(MAX_COMMAND_BYTES)..at];
        steps(before.len());
        let runs = |tool: &[u8]| memchr::memmem::find(before, tool).is_some();
        // These ask for a password that does not follow at once.
        let asks = b[at] == b'p' && end > at + 1 && (runs(b"mysql") || runs(b"mariadb"));
        if !asks && !tools.iter().any(|tool| runs(tool)) {
            return;
        }
        self.looked(before.len());
        let long = at > 1 && b[at - 2] == b'-';
        let apart = matches!(b.get(end), Some(b' ' | b'='))
            && (end == at + 1 && !long || b[at..end] == *b"user");
        if long && !apart {
            return;
        }
        let from = if apart { end + 1 } else { at + 1 };
        let (open, stop) = argument(b, from.min(b.len()));
        let value = &b[open..stop];
        let colon = memchr::memchr(b':', value);
        let open = match (b[at], colon) {
            (b'u' | b'U', Some(colon)) => open + colon + 1,
            (b'u' | b'U', None) => return,
            _ => open,
        };
        let value = &b[open..stop];
        if value.len() >= 3 && !matches!(value[0], b'-' | b'$' | b'<') && !self.is_marker(value) {
            self.push(open, stop, Rule::Key);
        }
    }
}

/// How far before a short flag the name of its program is looked for.
const MAX_COMMAND_BYTES: usize = 160;

/// Where the argument that begins at `from` has its text.
fn argument(b: &[u8], from: usize) -> (usize, usize) {
    match opening_quote(b, from) {
        Some((open, mark)) => (open, closing_quote(b, open, mark.0, mark.1)),
        None => {
            let length = b[from..]
                .iter()
                .take(8 * MAX_PASSWORD_BYTES)
                .take_while(|c| {
                    !matches!(
                        c,
                        0..=b' ' | b'"' | b'\'' | b'`' | b'|' | b';' | b']' | b')'
                    )
                })
                .count();
            steps(length);
            (from, from + length)
        }
    }
}
