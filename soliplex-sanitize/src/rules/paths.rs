//! Absolute paths: what tells the code place stays, whose machine it was goes.
//!
//! A path to a source file with a line number is cut to where the package begins
//! (`/home/ann/app/src/main.rs:10` becomes `src/main.rs:10`); of any other path below a home
//! directory only the user's name goes. Line, column and function are never touched.

mod parts;
mod walk;

use wide::u8x16;

use super::catalog::Rule;
use super::scan::Scan;
use super::span::Fill;

use parts::{Path, is_source};
pub(super) use walk::Walk;

impl Scan<'_> {
    /// Looks at a `/` that begins a path, perhaps after `file:` or a drive letter.
    pub(super) fn slash(&mut self, at: usize) {
        let b = self.b;
        if is_add(b, at) {
            return self.added_user(at);
        }
        if is_file_url(b, at) {
            // `file:///C:/…` has a slash before the drive.
            let root = at + 2;
            let drive = b.get(root + 2) == Some(&b':')
                && b.get(root + 1).is_some_and(u8::is_ascii_alphabetic);
            return self.path(at - 5, if drive { root + 3 } else { root });
        }
        if is_none(b, at) {
            return;
        }
        let Some(walk) = self.walk.resumed(b, at) else {
            return;
        };
        let start = match b[..at].last() {
            _ if is_drive(b, at) => at - 2,
            Some(b'~') => at - 1,
            _ => at,
        };
        self.path_along(start, &walk);
    }

    /// Looks at a backslash: a drive's root, or the escape before a path (`\t/home/ann/main.go:1`).
    pub(super) fn drive(&mut self, at: usize) {
        let b = self.b;
        if is_drive(b, at) {
            let start = at - 2;
            // `\\?\C:\…`, where a path may be long.
            let long = LONG_PATHS.iter().find(|long| b[..start].ends_with(long));
            self.path(start - long.map_or(0, |long| long.len()), at);
        } else if let Some(root) = share_root(b, at) {
            self.path(at, root);
        } else if b.get(at + 2) == Some(&b'/') && ends_escape(b, at + 2) {
            self.path(at + 2, at + 2);
        }
    }

    /// `net user NAME PASSWORD /add`, the slash at `at`.
    fn added_user(&mut self, at: usize) {
        let b = self.b;
        let from = at.saturating_sub(MAX_USER_BYTES);
        const NET_USER: &[u8] = b"net user ";
        let Some(n) = b[from..at]
            .windows(NET_USER.len())
            .rposition(|words| words.eq_ignore_ascii_case(NET_USER))
        else {
            return;
        };
        let name = from + n + NET_USER.len();
        let given = b[name..at].trim_ascii_end();
        let Some(space) = memchr::memchr(b' ', given) else {
            return;
        };
        let (open, stop) = (name + space + 1, name + given.len());
        let single = !b[open..stop].contains(&b' ');
        if single && !matches!(b[open], b'/' | b'*') && !self.starts_with_marker(open) {
            self.push(open, stop, Rule::Key);
        }
    }

    /// `start` is where a cut begins, `root` where its first separator should be.
    fn path(&mut self, start: usize, root: usize) {
        // `file://` may be all there is.
        if root < self.b.len() {
            self.path_along(start, &Walk::along(self.b, root));
        }
    }

    fn path_along(&mut self, start: usize, walk: &Walk) {
        let b = self.b;
        if walk.is_plain(b) {
            return;
        }
        let (root, end) = (walk.start(), walk.end());
        let path = Path::split(&b[..end], root);
        let Some(last) = path.last() else { return };
        if is_source(&b[last..end])
            && (self.has_line(end) || path.home().is_some() || path.package().is_some())
        {
            let keep = path.package().unwrap_or_else(|| path.code_root());
            self.push_fill(start, keep, Rule::Path, Fill::Cut);
        } else if let Some((from, to)) = path.home()
            && !self.is_marker(&b[from..to])
            // `/users/ann@example.com/profile` is an address.
            && !b[from..to].contains(&b'@')
            && self.starts_like_home(root)
        {
            self.push(from, to, Rule::HomeUser);
        }
    }

    /// `:10`, `(10,5)`, `", line 10`, `:line 10`, ` on line 10`.
    fn has_line(&self, end: usize) -> bool {
        let rest = &self.b[end..self.b.len().min(end + 12)];
        let digit = |n: usize| rest.get(n).is_some_and(u8::is_ascii_digit);
        matches!(rest.first(), Some(b':' | b'(' | b'#')) && digit(1)
            || rest.starts_with(b":line ")
            || rest.starts_with(b" on line ")
            || rest.starts_with(b"\", line ")
            || rest.starts_with(b"\\\", line ")
            || rest.starts_with(b"', line ")
    }

    /// A URL's path is not a file's: `https://host/home/page`.
    fn starts_like_home(&self, root: usize) -> bool {
        root == 0 || !self.b[root - 1].is_ascii_alphanumeric() || ends_escape(self.b, root)
    }
}

/// Whether nothing goes of the path that begins with the slash at `at`.
pub(super) fn is_plain(b: &[u8], at: usize) -> bool {
    !is_file_url(b, at)
        && !is_add(b, at)
        && (is_none(b, at) || is_bare(b, at) || Walk::along(b, at).is_plain(b))
}

/// Whether nothing goes of the path that begins with the slash at `at`, told without following it: it
/// has no dot, and nothing behind a slash looks like the beginning of a home. Says nothing of a path
/// that is very short, or longer than two lanes.
fn is_bare(b: &[u8], at: usize) -> bool {
    let path = &b[at..];
    // Near the root, `users` are a home, too.
    if path.len() <= 2 || path[1] == b'u' || path[2] == b'u' {
        return false;
    }
    match (path.first_chunk(), path.last_chunk()) {
        // Of a name and the slash before it, one lane has both.
        (Some(first), Some(last)) => {
            path.len() < 2 * LANE && is_bare_lane(first) && is_bare_lane(last)
        }
        _ => {
            let mut lane = [0; LANE];
            lane[..path.len()].copy_from_slice(path);
            is_bare_lane(&lane)
        }
    }
}

fn is_bare_lane(lane: &[u8; LANE]) -> bool {
    let bytes = u8x16::new(*lane);
    let is = |c: u8| bytes.simd_eq(u8x16::splat(c));
    let slashes = is(b'/').to_bitmask();
    let homes = is(b'h') | is(b'D') | is(b'U');
    (slashes << 1) & homes.to_bitmask() | is(b'.').to_bitmask() == 0
}

const LANE: usize = 16;

/// Whether no path begins with this slash: what follows a marker is the rest of something that was
/// longer, and an escaped slash is read with its escape.
fn is_none(b: &[u8], at: usize) -> bool {
    b.get(at + 1) == Some(&b'/') || at > 0 && matches!(b[at - 1], b']' | b'\\')
}

/// ` /add`, a switch and no path.
fn is_add(b: &[u8], at: usize) -> bool {
    // Nearly all paths go on here.
    b.get(at + 4).is_none_or(|c| !c.is_ascii_graphic())
        && b.get(at + 1..at + 4)
            .is_some_and(|word| word.eq_ignore_ascii_case(b"add"))
}

/// How far before the switch the command that has it may begin.
const MAX_USER_BYTES: usize = 160;

fn is_file_url(b: &[u8], at: usize) -> bool {
    b.get(at + 1) == Some(&b'/') && b[..at].ends_with(b"file:")
}

/// A drive letter and a colon before the separator.
fn is_drive(b: &[u8], at: usize) -> bool {
    at >= 2
        && b[at - 1] == b':'
        && b[at - 2].is_ascii_alphabetic()
        && (at == 2 || !b[at - 3].is_ascii_alphanumeric() || ends_escape(b, at - 2))
}

/// Where the path begins that is shared by the host which two backslashes at `at` begin, or four
/// inside a string.
fn share_root(b: &[u8], at: usize) -> Option<usize> {
    let slashes = b[at..].iter().take(5).take_while(|c| **c == b'\\').count();
    let first = at == 0 || !b[at - 1].is_ascii_alphanumeric() && !matches!(b[at - 1], b'\\' | b':');
    let named = b.get(at + slashes).is_some_and(u8::is_ascii_alphanumeric);
    (matches!(slashes, 2 | 4) && first && named).then(|| at + slashes - 1)
}

/// What lets a path of Windows be long; inside a string, too.
const LONG_PATHS: [&[u8]; 2] = [br"\\?\", br"\\\\?\\"];

/// Whether `\n`, `\t` or `\r` stands before `at`.
fn ends_escape(b: &[u8], at: usize) -> bool {
    at >= 2 && b[at - 2] == b'\\' && matches!(b[at - 1], b'n' | b't' | b'r')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_path_is_plain() {
        let pieces = [
            "/",
            "a",
            "api",
            "home",
            "h",
            "Users",
            "users",
            "u",
            "Documents and Settings",
            ".",
            "main.rs",
            "rooms",
            "42",
            " ",
            "\\",
            "0123456789abcdef",
        ];
        let count = pieces.len();
        let mut bare = 0;
        for n in 0..count.pow(4) {
            let parts = (0..4).map(|i| pieces[n / count.pow(i) % count]);
            for joint in ["", "/"] {
                let text = format!("x/{}", parts.clone().collect::<Vec<_>>().join(joint));
                if is_bare(text.as_bytes(), 1) {
                    bare += 1;
                    assert!(
                        Walk::along(text.as_bytes(), 1).is_plain(text.as_bytes()),
                        "{text}"
                    );
                }
            }
        }
        assert!(bare > 1000, "{bare}");
    }
}
