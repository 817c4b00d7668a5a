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
        if !matches!(b[at], b'p' | b'a' | b'u' | b'U') {
            return;
        }
        self.tools.look_until(b, at);
        let runs = |tool: Option<usize>| tool.is_some_and(|start| at - start <= MAX_COMMAND_BYTES);
        let tool = match b[at] {
            // These ask for a password that does not follow at once.
            b'p' if end > at + 1 && runs(self.tools.asking) => self.tools.asking,
            b'p' => self.tools.login,
            b'a' => self.tools.redis,
            _ => self.tools.web,
        };
        if !runs(tool) {
            return;
        }
        self.looked(MAX_COMMAND_BYTES);
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

/// Where each sort of program was named last; a text is looked through for them once.
#[derive(Clone, Copy, Default)]
pub(super) struct Tools {
    seen: usize,
    login: Option<usize>,
    asking: Option<usize>,
    redis: Option<usize>,
    web: Option<usize>,
}

impl Tools {
    fn look_until(&mut self, b: &[u8], at: usize) {
        let from = self.seen.max(at.saturating_sub(MAX_COMMAND_BYTES));
        for i in from..at {
            let is = |name: &[u8]| b[i..].starts_with(name);
            let sort = match b[i] {
                b's' if is(b"sshpass") => &mut self.login,
                b'd' if is(b"docker login") => &mut self.login,
                b'p' if is(b"podman login") => &mut self.login,
                b'm' if is(b"mysql") || is(b"mariadb") => &mut self.asking,
                b'r' if is(b"redis-cli") => &mut self.redis,
                b's' if is(b"smbclient") => &mut self.web,
                b'c' if is(b"curl") => &mut self.web,
                b'w' if is(b"wget") => &mut self.web,
                b'h' if is(b"http ") => &mut self.web,
                _ => continue,
            };
            *sort = Some(i);
        }
        steps(at.saturating_sub(from));
        self.seen = self.seen.max(at);
    }
}

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
