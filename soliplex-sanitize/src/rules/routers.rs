//! What a router is told: `password 7 0822455D0A16`, `snmp-server community … RO`.

use super::catalog::Rule;
use super::pairs::bare_end;
use super::prose::is_mixed;
use super::scan::Scan;

impl Scan<'_> {
    /// `snmp-server community … RO`, `tacacs-server key 7 …`: what a router is told, at `at`.
    pub(super) fn configured(&mut self, at: usize) {
        let b = self.b;
        let settings = [&b"community "[..], b"key "];
        let Some(setting) = settings.iter().find(|word| b[at..].starts_with(word)) else {
            return;
        };
        let at = at + setting.len();
        if let Some((open, stop)) = scrambled(b, at) {
            return self.push(open, stop, Rule::Key);
        }
        let stop = bare_end(b, at, false);
        let value = &b[at..stop];
        let shared = matches!(
            b.get(stop..stop + 3),
            Some(b" RO" | b" RW" | b" ro" | b" rw")
        );
        if value != b"public" && (shared || is_mixed(value)) && !self.is_marker(value) {
            self.push(at, stop, Rule::Key);
        }
    }
}

/// `7 0822455D0A16`, `0 hunter2`: how a router is told that a password is scrambled, and how.
pub(super) fn scrambled(b: &[u8], at: usize) -> Option<(usize, usize)> {
    let how = b.get(at)?;
    let open = at + 2;
    let stop = bare_end(b, open.min(b.len()), false);
    let value = b.get(open..stop)?;
    let hex = value.len() >= 6 && value.iter().all(u8::is_ascii_hexdigit);
    let told = match how {
        b'7' => hex && value.iter().any(u8::is_ascii_digit),
        b'0' | b'5' | b'6' | b'8' | b'9' => is_mixed(value),
        _ => false,
    };
    (b[at + 1] == b' ' && told).then_some((open, stop))
}
