//! Along a path once: where it ends, and whether it is worth being taken apart.

use super::parts::ends_like_source;
use crate::rules::steps::steps;

const MAX_PATH_BYTES: usize = 1024;

/// `a=/x/main.rs&b=/y/main.rs` holds two paths, the second inside the first; a text of many is none
/// that a person or a program has a use for.
const MAX_INNER_PATHS: usize = 3;

/// What the names in a path have been seen to have.
#[derive(Clone, Copy, Default)]
struct Names {
    /// A dot, as a source's name does.
    dot: bool,
    /// The first letters of a folder of homes.
    home: bool,
}

/// One way along a text from a separator on.
#[derive(Clone, Copy, Default)]
pub(in crate::rules) struct Walk {
    start: usize,
    /// Where it stopped; a path ends before the dots and separators there.
    stop: usize,
    end: usize,
    names: Names,
    /// How many of the paths inside it have been taken apart.
    taken_apart: usize,
}

// === impl Walk ===

impl Walk {
    pub(super) fn along(b: &[u8], root: usize) -> Walk {
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
                // A space belongs to a name when the path goes on behind it:
                // `C:\Users\Ann Lee\…`.
                Role::Space if windows && names_go_on(&b[i + 1..limit]) => {}
                Role::Space | Role::Backslash | Role::End => break,
            }
            i += 1;
        }
        steps(i - root);
        let mut end = i;
        while end > root && matches!(b[end - 1], b'.' | b'/' | b'\\') {
            end -= 1;
        }
        Walk {
            start: root,
            stop: i,
            end,
            names,
            taken_apart: 0,
        }
    }

    /// The way from `root` on, without going it again where this one has led over it; of the paths
    /// inside one that are worth being taken apart, so many and no more are.
    pub(super) fn resumed(&mut self, b: &[u8], root: usize) -> Option<Walk> {
        if root <= self.start || self.stop <= root {
            *self = Walk::along(b, root);
            return Some(*self);
        }
        let inner = Walk {
            start: root,
            end: self.end.max(root),
            names: Names {
                home: self.names.home || begins_home(&b[root + 1..], 0),
                ..self.names
            },
            ..*self
        };
        if !inner.is_plain(b) {
            self.taken_apart += 1;
        }
        (self.taken_apart <= MAX_INNER_PATHS).then_some(inner)
    }

    pub(super) fn start(&self) -> usize {
        self.start
    }

    pub(super) fn end(&self) -> usize {
        self.end
    }

    /// Whether the path is empty, or neither a source's nor leads through a home: most are not, and
    /// this costs less than taking it apart.
    pub(super) fn is_plain(&self, b: &[u8]) -> bool {
        let path = &b[self.start..self.end];
        path.len() <= 1 || !(self.names.home || self.names.dot && ends_like_source(path))
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
