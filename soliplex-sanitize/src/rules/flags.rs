//! What is given to a command: `--password hunter2`, `mysql -phunter2`, `curl -u ann:hunter2`.

use super::catalog::Rule;
use super::keys::Strength;
use super::pairs::{closes_string, closing_quote, opening_quote};
use super::prose::{MAX_PASSWORD_BYTES, is_name};
use super::scan::{Scan, own_slashes};
use super::steps::steps;

impl Scan<'_> {
    /// `--password hunter2`, `"--token", "…"`, `mysql -phunter2`, `curl -u ann:hunter2`; `at` is the
    /// first letter behind the dashes.
    pub(super) fn flag(&mut self, at: usize) {
        let b = self.b;
        let end = at + b[at..].iter().take(64).take_while(|c| is_name(**c)).count();
        steps(end - at);
        let name = &b[at..end];
        if at < 2 || b[at - 2] == b' ' && name.len() < 4 || name == b"user" || name == b"proxy-user"
        {
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
                let letters = value.iter().all(|c| c.is_ascii_alphabetic() || *c == b'-');
                let capitals = value.iter().filter(|c| c.is_ascii_uppercase()).count();
                let word = letters && (capitals < 2 || capitals == value.len());
                let filled_in =
                    matches!(value.first(), None | Some(b'$' | b'<' | b'[' | b'{' | b'('));
                if !word && !filled_in && !self.starts_with_marker(open) {
                    self.push(open, stop, Rule::Key);
                }
            }
            _ => {}
        }
    }

    /// A flag of one letter means what its program says.
    fn short_flag(&mut self, at: usize, end: usize) {
        let b = self.b;
        if !matches!(b[at], b'p' | b'P' | b'a' | b'u' | b'U' | b'w' | b'k' | b'c') {
            return;
        }
        self.tools.look_until(b, at);
        let follows = !matches!(b.get(at + 1), None | Some(b' ' | b'='));
        let tool = match b[at] {
            _ if b[at..end].ends_with(b"user") => WEB,
            b'p' if follows && self.tools.run(ASKING, at) => ASKING,
            b'P' if self.tools.run(ZIP, at) => ZIP,
            b'p' | b'P' => LOGIN,
            b'a' if self.tools.run(REDIS, at) => REDIS,
            b'w' => LDAP,
            b'k' => OPENSSL,
            b'c' => SNMP,
            _ => WEB,
        };
        if !self.tools.run(tool, at) {
            return;
        }
        self.looked(MAX_COMMAND_BYTES);
        let long = at > 1 && b[at - 2] == b'-';
        let apart = matches!(b.get(end), Some(b' ' | b'='))
            && (end == at + 1 && !long || b[at..end].ends_with(b"user"));
        if long && !apart {
            return;
        }
        let from = if apart { end + 1 } else { at + 1 };
        let (open, stop) = argument(b, from.min(b.len()));
        let value = &b[open..stop];
        let colon = memchr::memchr(b':', value);
        // What is given to the web is a name and a password.
        let open = match colon {
            Some(colon) if tool == WEB => open + colon + 1,
            None if tool == WEB => return,
            _ => open,
        };
        let value = &b[open..stop];
        // Of other programs run in the same line, `-p` takes ports.
        let is_ports = tool == LOGIN
            && value.contains(&b':')
            && value.iter().all(|c| c.is_ascii_digit() || *c == b':');
        if value.len() >= 3
            && !is_ports
            && !matches!(value[0], b'-' | b'$' | b'<')
            && !matches!(value, b"public")
            && !self.starts_with_marker(open)
        {
            self.push(open, stop, Rule::Key);
        }
    }

    /// `ConvertTo-SecureString "…" -AsPlainText`; the command ends at `end`.
    pub(super) fn secured(&mut self, end: usize) {
        let b = self.b;
        let flag = &b" -String"[..];
        let at =
            end + if b[end..].starts_with(flag) {
                flag.len()
            } else {
                0
            } + 1;
        if let Some((open, mark)) = opening_quote(b, at.min(b.len())) {
            let stop = closing_quote(b, open, mark.0, mark.1);
            self.looked(stop - end);
            let filled_in = matches!(b.get(open), None | Some(b'$'));
            if stop > open && !filled_in && !self.starts_with_marker(open) {
                self.push(open, stop, Rule::Key);
            }
        }
    }
}

/// How far before a short flag the name of its program is looked for.
const MAX_COMMAND_BYTES: usize = 160;

/// Behind the first letter of where each sort of program was named last; a text is looked through
/// for them once.
#[derive(Clone, Copy, Default)]
pub(super) struct Tools {
    seen: usize,
    named: [usize; TOOLS.len()],
}

/// What is run with a password behind the flag, which may follow at once where the program asks for
/// it otherwise.
const TOOLS: [&[&[u8]]; 8] = [
    &[
        b"sshpass",
        b"docker login",
        b"podman login",
        b"az login",
        b"unlock-keychain",
        b"mongo",
        b"cqlsh",
        b"psexec",
        b"sqlcmd",
        b"bcp ",
        b"ipmitool",
    ],
    &[b"mysql", b"mariadb", b"7z "],
    &[b"redis-cli"],
    &[b"curl", b"wget", b"http ", b"smbclient", b"etcdctl"],
    &[b"ldap"],
    &[b"openssl "],
    &[b"snmp"],
    &[b"zip "],
];
const LOGIN: usize = 0;
const ASKING: usize = 1;
const REDIS: usize = 2;
const WEB: usize = 3;
const LDAP: usize = 4;
const OPENSSL: usize = 5;
const SNMP: usize = 6;
const ZIP: usize = 7;

/// The letters that they begin with.
static BEGINS_TOOL: [bool; 256] = {
    let mut begins = [false; 256];
    let mut sort = 0;
    while sort < TOOLS.len() {
        let mut n = 0;
        while n < TOOLS[sort].len() {
            begins[TOOLS[sort][n][0] as usize] = true;
            n += 1;
        }
        sort += 1;
    }
    begins
};

impl Tools {
    fn look_until(&mut self, b: &[u8], at: usize) {
        let from = self.seen.max(at.saturating_sub(MAX_COMMAND_BYTES));
        for i in from..at {
            if !BEGINS_TOOL[usize::from(b[i])] {
                continue;
            }
            for (last, names) in self.named.iter_mut().zip(TOOLS) {
                if names.iter().any(|name| b[i..].starts_with(name)) {
                    *last = i + 1;
                }
            }
        }
        steps(at.saturating_sub(from));
        self.seen = self.seen.max(at);
    }

    /// Whether one of the sort was named not long before `at`.
    fn run(&self, sort: usize, at: usize) -> bool {
        let named = self.named[sort];
        named > 0 && at - named < MAX_COMMAND_BYTES
    }
}

/// Where the argument that begins at `from` has its text.
fn argument(b: &[u8], from: usize) -> (usize, usize) {
    match opening_quote(b, from) {
        // The end of the text that the flag stands in.
        Some((open, mark)) if closes_string(b, open, mark.1, None) => (open, open),
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
            // The backslashes of an escaped quote that ends the text around it.
            let stop = from + length;
            let own = match b.get(stop) {
                Some(b'"' | b'\'') => own_slashes(&b[from..stop]),
                _ => 0,
            };
            (from, stop - own)
        }
    }
}
