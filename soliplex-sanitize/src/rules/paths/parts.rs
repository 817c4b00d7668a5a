//! A path's parts: where a home's owner stands in it, where a package begins, what is a source.

use crate::rules::steps::steps;

/// The parts of a path, as ranges.
pub(super) struct Path<'b> {
    b: &'b [u8],
    parts: [(usize, usize); 32],
    count: usize,
}

impl<'b> Path<'b> {
    pub(super) fn split(b: &'b [u8], root: usize) -> Path<'b> {
        let mut path = Path {
            b,
            parts: [(0, 0); 32],
            count: 0,
        };
        steps(b.len() - root);
        let mut start = root;
        for i in memchr::memchr2_iter(b'/', b'\\', &b[root..]).map(|n| root + n) {
            path.add(start, i);
            start = i + 1;
        }
        path.add(start, b.len());
        path
    }

    fn add(&mut self, start: usize, end: usize) {
        if start == end {
            return;
        }
        // Of very many, the first are kept, and the last two.
        if self.count == self.parts.len() {
            self.count -= 1;
            self.parts[self.count - 1] = self.parts[self.count];
        }
        self.parts[self.count] = (start, end);
        self.count += 1;
    }

    fn part(&self, i: usize) -> &'b [u8] {
        if i >= self.count {
            return b"";
        }
        let (start, end) = self.parts[i];
        &self.b[start..end]
    }

    pub(super) fn last(&self) -> Option<usize> {
        (self.count > 0).then(|| self.parts[self.count - 1].0)
    }

    /// Where the user's name stands.
    pub(super) fn home(&self) -> Option<(usize, usize)> {
        let named = (0..3.min(self.count)).find(|&i| {
            let part = self.part(i);
            part == b"home"
                || part == b"Users"
                || part == b"users" && i == 0
                || part == b"Documents and Settings"
        })?;
        let allowed = named == 0
            || self.part(0).starts_with(b"wsl")
            // A drive, as MSYS names it.
            || self.part(0).len() == 1
            || matches!(
                self.part(0),
                b"export" | b"var" | b"mnt" | b"usr" | b"System" | b"private" | b"data"
            );
        let user = named + 1;
        let shared = matches!(
            self.part(user),
            b"Shared" | b"Public" | b"Default" | b"shared" | b""
        );
        // `/users/4711/orders` is an address.
        let numbered =
            self.part(named) == b"users" && self.part(user).iter().all(u8::is_ascii_digit);
        (allowed && !shared && !numbered).then(|| self.parts[user])
    }

    /// Where a package's own path begins, below a tool's cache.
    pub(super) fn package(&self) -> Option<usize> {
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
    pub(super) fn code_root(&self) -> usize {
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

/// Whether the path ends in a dot and what a source's name has behind it.
pub(super) fn ends_like_source(path: &[u8]) -> bool {
    let ending = path.iter().rev().take(MAX_ENDING_BYTES + 1);
    let length = ending.take_while(|c| c.is_ascii_lowercase()).count();
    let dot = path.len().checked_sub(length + 1);
    dot.is_some_and(|dot| path[dot] == b'.' && is_source(&path[dot..]))
}

/// No ending below is longer.
const MAX_ENDING_BYTES: usize = 6;

/// A file whose name says that it is code.
pub(super) fn is_source(name: &[u8]) -> bool {
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
            | b"wasm"
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
