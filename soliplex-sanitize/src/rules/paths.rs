//! Absolute paths: what tells the code place stays, whose machine it was goes.
//!
//! A path to a source file with a line number is cut to where the package begins
//! (`/home/ann/app/src/main.rs:10` becomes `src/main.rs:10`); of any other path below a home
//! directory only the user's name goes. Line, column and function are never touched.

use super::catalog::Rule;
use super::scan::Scan;
use super::span::Fill;
use super::steps::steps;

const MAX_PATH_BYTES: usize = 1024;

impl Scan<'_> {
    /// Looks at a `/` that begins a path, perhaps after `file:` or a drive letter.
    pub(super) fn slash(&mut self, at: usize) {
        let b = self.b;
        if is_plain(b, at) {
            return;
        }
        if is_file_url(b, at) {
            // `file:///C:/…` has a slash before the drive.
            let root = at + 2;
            let drive = b.get(root + 2) == Some(&b':')
                && b.get(root + 1).is_some_and(u8::is_ascii_alphabetic);
            return self.path(at - 5, if drive { root + 3 } else { root });
        }
        if is_drive(b, at) {
            return self.path(at - 2, at);
        }
        self.path(at, at);
    }

    /// Looks at a backslash: a drive's root, or the escape before a path (`\t/home/ann/main.go:1`).
    pub(super) fn drive(&mut self, at: usize) {
        let b = self.b;
        if is_drive(b, at) {
            self.path(at - 2, at);
        } else if b.get(at + 2) == Some(&b'/') && ends_escape(b, at + 2) {
            self.path(at + 2, at + 2);
        }
    }

    /// `start` is where a cut begins, `root` where its first separator should be.
    fn path(&mut self, start: usize, root: usize) {
        let b = self.b;
        // `file://` may be all there is.
        if root >= b.len() {
            return;
        }
        let (end, names) = path_end(b, root);
        if end <= root + 1 || names.are_plain(&b[root..end]) {
            return;
        }
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

    /// `:10`, `(10,5)`, `", line 10`, `:line 10`.
    fn has_line(&self, end: usize) -> bool {
        let rest = &self.b[end..self.b.len().min(end + 12)];
        let digit = |n: usize| rest.get(n).is_some_and(u8::is_ascii_digit);
        matches!(rest.first(), Some(b':' | b'(' | b'#')) && digit(1)
            || rest.starts_with(b":line ")
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
    if is_file_url(b, at) {
        return false;
    }
    // What follows a marker is the rest of something that was longer, and an escaped slash is read
    // with its escape.
    if b.get(at + 1) == Some(&b'/') || at > 0 && matches!(b[at - 1], b']' | b'\\') {
        return true;
    }
    let (end, names) = path_end(b, at);
    end <= at + 1 || names.are_plain(&b[at..end])
}

fn is_file_url(b: &[u8], at: usize) -> bool {
    b.get(at + 1) == Some(&b'/') && b[..at].ends_with(b"file:")
}

/// The parts of a path, as ranges.
struct Path<'b> {
    b: &'b [u8],
    parts: [(usize, usize); 32],
    count: usize,
}

impl<'b> Path<'b> {
    fn split(b: &'b [u8], root: usize) -> Path<'b> {
        let mut path = Path {
            b,
            parts: [(0, 0); 32],
            count: 0,
        };
        let mut start = root;
        for i in root..=b.len() {
            if i == b.len() || matches!(b[i], b'/' | b'\\') {
                if i > start {
                    if path.count == path.parts.len() {
                        path.parts.rotate_left(1);
                        path.count -= 1;
                    }
                    path.parts[path.count] = (start, i);
                    path.count += 1;
                }
                start = i + 1;
            }
        }
        path
    }

    fn part(&self, i: usize) -> &'b [u8] {
        if i >= self.count {
            return b"";
        }
        let (start, end) = self.parts[i];
        &self.b[start..end]
    }

    fn last(&self) -> Option<usize> {
        (self.count > 0).then(|| self.parts[self.count - 1].0)
    }

    /// Where the user's name stands.
    fn home(&self) -> Option<(usize, usize)> {
        let named = (0..3.min(self.count)).find(|&i| {
            let part = self.part(i);
            part == b"home"
                || part == b"Users"
                || part == b"users" && i == 0
                || part == b"Documents and Settings"
        })?;
        let allowed = named == 0
            || matches!(
                self.part(0),
                b"export" | b"var" | b"mnt" | b"usr" | b"System" | b"private" | b"data"
            );
        let user = named + 1;
        let shared = matches!(
            self.part(user),
            b"Shared" | b"Public" | b"Default" | b"shared" | b""
        );
        (allowed && !shared).then(|| self.parts[user])
    }

    /// Where a package's own path begins, below a tool's cache.
    fn package(&self) -> Option<usize> {
        for i in 0..self.count {
            let skip = match (self.part(i), self.part(i + 1), self.part(i + 2)) {
                (b"registry", b"src", _)
                | (b".pub-cache" | b"Pub" | b"pub-cache", b"hosted", _) => 3,
                (b"Pub", b"Cache", b"hosted") => 4,
                (b"gems", gem, _) if gem.contains(&b'-') => 1,
                (b"git", b"checkouts", _) | (b"lib", b"rustlib", b"src") => {
                    if self.part(i) == b"git" { 2 } else { 4 }
                }
                (b".pub-cache", b"git", _) | (b"pkg", b"mod", _) => 2,
                (b"rustc", hash, _) if hash.len() >= 7 && i == 0 => 2,
                (b"node_modules" | b"site-packages" | b"dist-packages", ..) => 0,
                _ => continue,
            };
            if i + skip < self.count {
                // The innermost of nested packages would lose who brought it in, so the first wins.
                return Some(self.parts[i + skip].0);
            }
        }
        None
    }

    /// The first folder that by its name holds code; without one, the last two parts.
    fn code_root(&self) -> usize {
        let after_home = self.home().map_or(0, |(_, end)| {
            (0..self.count)
                .find(|&i| self.parts[i].0 > end)
                .unwrap_or(self.count - 1)
        });
        let named = (after_home..self.count.saturating_sub(1)).find(|&i| {
            matches!(
                self.part(i),
                b"src"
                    | b"lib"
                    | b"test"
                    | b"tests"
                    | b"bin"
                    | b"examples"
                    | b"example"
                    | b"benches"
                    | b"packages"
                    | b"crates"
                    | b"library"
                    | b"integration_test"
                    | b"cmd"
                    | b"internal"
                    | b"pkg"
                    | b"Sources"
                    | b"source"
            )
        });
        let fallback = self.count.saturating_sub(2).max(after_home);
        self.parts[named.unwrap_or(fallback)].0
    }
}

/// A drive letter and a colon before the separator.
fn is_drive(b: &[u8], at: usize) -> bool {
    at >= 2
        && b[at - 1] == b':'
        && b[at - 2].is_ascii_alphabetic()
        && (at == 2 || !b[at - 3].is_ascii_alphanumeric() || ends_escape(b, at - 2))
}

/// Whether `\n`, `\t` or `\r` stands before `at`.
fn ends_escape(b: &[u8], at: usize) -> bool {
    at >= 2 && b[at - 2] == b'\\' && matches!(b[at - 1], b'n' | b't' | b'r')
}

/// What the names in a path have been seen to have.
#[derive(Clone, Copy, Default)]
struct Names {
    /// A dot, as a source's name does.
    dot: bool,
    /// The first letters of a folder of homes.
    home: bool,
}

impl Names {
    /// Whether the path is neither a source's nor leads through a home: most are not, and this
    /// costs less than taking it apart.
    fn are_plain(self, path: &[u8]) -> bool {
        !(self.home || self.dot && ends_like_source(path))
    }
}

/// What a byte is to a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Name,
    Dot,
    Slash,
    Backslash,
    Space,
    End,
}

static ROLES: [Role; 256] = {
    let mut roles = [Role::Name; 256];
    let mut c = 0;
    while c < 256 {
        roles[c] = match c as u8 {
            0..=0x1f
            | b'"'
            | b'\''
            | b'`'
            | b'<'
            | b'>'
            | b'|'
            | b','
            | b';'
            | b'('
            | b')'
            | b'['
            | b']'
            | b'{'
            | b'}'
            | b':'
            | b'*'
            | b'?'
            | b'#' => Role::End,
            b'.' => Role::Dot,
            b'/' => Role::Slash,
            b'\\' => Role::Backslash,
            b' ' => Role::Space,
            _ => Role::Name,
        };
        c += 1;
    }
    roles
};

/// Where a path ends, and what was seen on the way.
fn path_end(b: &[u8], root: usize) -> (usize, Names) {
    let limit = b.len().min(root + MAX_PATH_BYTES);
    let windows = b[root] == b'\\';
    let mut names = Names::default();
    let mut i = root;
    loop {
        let rest = b[i..limit].iter();
        i += rest
            .take_while(|c| ROLES[usize::from(**c)] == Role::Name)
            .count();
        if i == limit {
            break;
        }
        match ROLES[usize::from(b[i])] {
            Role::Name => {}
            Role::Dot => names.dot = true,
            Role::Slash => names.home |= begins_home(&b[i + 1..], i - root),
            Role::Backslash if windows => names.home |= begins_home(&b[i + 1..], i - root),
            // A space belongs to a name when the path goes on behind it: `C:\Users\Ann Lee\…`.
            Role::Space if windows && names_go_on(&b[i + 1..limit]) => {}
            Role::Space | Role::Backslash | Role::End => break,
        }
        i += 1;
    }
    steps(i - root);
    while i > root && matches!(b[i - 1], b'.' | b'/' | b'\\') {
        i -= 1;
    }
    (i, names)
}

/// `home`, `Users`, `Documents and Settings`; and at a root, behind one or two separators, `users`.
fn begins_home(rest: &[u8], depth: usize) -> bool {
    match rest {
        [b'h' | b'D', b'o', ..] | [b'U', b's', ..] => true,
        [b'u', b's', ..] => depth < 2,
        _ => false,
    }
}

fn names_go_on(rest: &[u8]) -> bool {
    rest.iter()
        .take(24)
        .find(|c| !c.is_ascii_alphanumeric())
        .is_some_and(|c| *c == b'\\')
}

/// Whether the path ends in a dot and what a source's name has behind it.
fn ends_like_source(path: &[u8]) -> bool {
    let ending = path.iter().rev().take(MAX_ENDING_BYTES + 1);
    let length = ending.take_while(|c| c.is_ascii_lowercase()).count();
    let dot = path.len().checked_sub(length + 1);
    dot.is_some_and(|dot| path[dot] == b'.' && is_source(&path[dot..]))
}

/// No ending below is longer.
const MAX_ENDING_BYTES: usize = 6;

/// A file whose name says that it is code.
fn is_source(name: &[u8]) -> bool {
    let Some(dot) = memchr::memrchr(b'.', name) else {
        return false;
    };
    matches!(
        &name[dot + 1..],
        b"rs"
            | b"dart"
            | b"py"
            | b"pyx"
            | b"js"
            | b"mjs"
            | b"cjs"
            | b"ts"
            | b"tsx"
            | b"jsx"
            | b"java"
            | b"kt"
            | b"kts"
            | b"scala"
            | b"go"
            | b"c"
            | b"cc"
            | b"cpp"
            | b"cxx"
            | b"h"
            | b"hpp"
            | b"m"
            | b"mm"
            | b"swift"
            | b"cs"
            | b"fs"
            | b"vb"
            | b"rb"
            | b"php"
            | b"ex"
            | b"exs"
            | b"erl"
            | b"lua"
            | b"pl"
            | b"vue"
            | b"svelte"
            | b"zig"
            | b"hs"
            | b"clj"
    )
}
