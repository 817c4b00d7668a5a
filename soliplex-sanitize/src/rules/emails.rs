//! E-mail addresses, internationalized ones too; not `icon@2x.png`, not `user@1000.service`.

use super::catalog::Rule;
use super::scan::Scan;
use super::steps::steps;

impl Scan<'_> {
    pub(super) fn email(&mut self, at: usize) {
        let b = self.b;
        let mut start = at;
        while start > 0 && at - start < MAX_LOCAL_BYTES && is_local(b[start - 1]) {
            start -= 1;
        }
        steps(at - start);
        // A backslash escape's letter is not part of the name.
        if start > 0 && start < at && b[start - 1] == b'\\' && b[start].is_ascii_alphabetic() {
            start += 1;
        }
        while start < at
            && matches!(
                b[start],
                b'.' | b'-'
                    | b'\''
                    | b'%'
                    | b'+'
                    | b'='
                    | b'*'
                    | b'&'
                    | b'#'
                    | b'!'
                    | b'?'
                    | b'^'
                    | b'|'
                    | b'~'
            )
        {
            start += 1;
        }
        // What follows `ESC [` is a color.
        let colored = start >= 2 && b[start - 1] == b'[' && b[start - 2] == 0x1b;
        if start == at || b[at - 1] == b'.' || &b[start..at] == b"git" || colored {
            return;
        }
        // What a Common Access Card calls its holder.
        let card = matches!(at - start, 10 | 16) && b[start..at].iter().all(u8::is_ascii_digit);
        if card && b[at + 1..].starts_with(b"mil") {
            return self.push(start, at, Rule::Edipi);
        }
        let Some(end) = domain_end(b, at + 1) else {
            return;
        };
        self.push(start, end, Rule::Email);
        // `a1 LOGIN ann@example.org …`
        const VERB: &[u8] = b"LOGIN ";
        let quoted = start - usize::from(start > 0 && b[start - 1] == b'"');
        let verb = quoted.checked_sub(VERB.len());
        if let Some(verb) = verb.filter(|at| b[*at..quoted].eq_ignore_ascii_case(VERB)) {
            self.spoken(verb);
        }
    }
}

const MAX_LOCAL_BYTES: usize = 64;

const MAX_DOMAIN_BYTES: usize = 253;

fn is_local(c: u8) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(
            c,
            b'.' | b'_'
                | b'%'
                | b'+'
                | b'-'
                | b'\''
                | b'!'
                | b'#'
                | b'&'
                | b'*'
                | b'='
                | b'?'
                | b'^'
                | b'|'
                | b'~'
        ) && c != b'='
            && c != b'&'
            && c != b'|'
            && c != b'?'
        || is_latin(c)
}

/// A byte of a Latin letter with a diacritic, in UTF-8.
fn is_latin(c: u8) -> bool {
    matches!(c, 0xc3..=0xc9 | 0x80..=0xbf)
}

/// Where the domain that begins at `at` ends, if it is one.
fn domain_end(b: &[u8], at: usize) -> Option<usize> {
    let mut end = at;
    while end < b.len()
        && end - at < MAX_DOMAIN_BYTES
        && (b[end].is_ascii_alphanumeric() || matches!(b[end], b'-' | b'.') || is_latin(b[end]))
    {
        end += 1;
    }
    steps(end - at);
    while end > at && matches!(b[end - 1], b'.' | b'-') {
        end -= 1;
    }
    // Never end inside a character.
    while end > at && end < b.len() && b[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    let domain = &b[at..end];
    let dot = memchr::memrchr(b'.', domain)?;
    let top = &domain[dot + 1..];
    let host = &domain[..dot];
    let letters = top.len() >= 2
        && (top.iter().all(|c| c.is_ascii_alphabetic() || !c.is_ascii())
            || top.starts_with(b"xn--"));
    if !letters
        || host.is_empty()
        || host.starts_with(b"-")
        || host.starts_with(b".")
        || memchr::memmem::find(domain, b"..").is_some()
    {
        return None;
    }
    if is_unit_or_file(top)
        || host
            .iter()
            .all(|c| c.is_ascii_digit() || matches!(c, b'.' | b'x'))
            && host.len() < 4
    {
        return None;
    }
    Some(end)
}

/// Endings of systemd units, images and sources: `user@1000.service`, `icon@2x.png`.
fn is_unit_or_file(top: &[u8]) -> bool {
    let mut lower = [0_u8; MAX_ENDING_BYTES];
    let Some(lower) = lower.get_mut(..top.len()) else {
        return false;
    };
    lower.copy_from_slice(top);
    lower.make_ascii_lowercase();
    matches!(
        &*lower,
        b"service"
            | b"socket"
            | b"timer"
            | b"mount"
            | b"slice"
            | b"target"
            | b"scope"
            | b"device"
            | b"swap"
            | b"png"
            | b"jpg"
            | b"jpeg"
            | b"gif"
            | b"webp"
            | b"svg"
            | b"ico"
            | b"js"
            | b"mjs"
            | b"cjs"
            | b"ts"
            | b"jsx"
            | b"tsx"
            | b"css"
            | b"scss"
            | b"json"
            | b"xml"
            | b"html"
            | b"htm"
            | b"java"
            | b"kt"
            | b"dart"
            | b"cpp"
            | b"txt"
            | b"log"
            | b"yaml"
            | b"yml"
            | b"toml"
            | b"lock"
            | b"dll"
            | b"exe"
            | b"jar"
            | b"gz"
            | b"tgz"
            | b"tar"
            | b"local"
    )
}

/// No ending of those is longer.
const MAX_ENDING_BYTES: usize = 11;
