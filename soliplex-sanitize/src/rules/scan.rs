//! One reading of one text: the gate's positions go to the verifiers, their spans are collected.

mod folded;
mod found;
mod quoting;

use std::mem;
use std::ops::Range;

use super::catalog::Rule;
use super::context::{self, Context};
use super::field::Suspect;
use super::flags::Tools;
use super::fold;
use super::gate::{self, Shape};
use super::keys::Strength;
use super::pairs::MAX_CONTAINER_BYTES;
use super::paths::{self, Walk};
use super::span::{Fill, Source, Span, resolve};
use super::steps::steps;
use super::table::Table;

use folded::find_folded;
pub(super) use found::Found;
use found::give_up_rest;
pub(super) use quoting::own_slashes;

/// What one reading knows.
pub(super) struct Scan<'t> {
    pub(super) b: &'t [u8],
    pub(super) table: &'t Table,
    pub(super) spans: Vec<Span>,
    pub(super) needs_fold: bool,
    /// Whether the text stood in base64 inside another one.
    pub(super) is_decoded: bool,
    /// Whether a verifier has looked further than [`MAX_AHEAD_BYTES`].
    looks_far: bool,
    pub(super) looks: usize,
    /// Whether the text begins like a list or a map.
    is_structure: bool,
    /// The first position not looked at because so much had been found or looked at before it.
    full_at: usize,
    // Each verifier that walks along a run remembers where it ended, so that no byte of a hostile
    // text is walked over once per position.
    pub(super) userinfo_seen: usize,
    pub(super) userinfo_start: usize,
    pub(super) dotted_until: usize,
    pub(super) colon_until: usize,
    pub(super) decimal_until: usize,
    pub(super) groups_until: usize,
    pub(super) groups_seen: Range<usize>,
    /// A bare value outside JSON and one inside.
    pub(super) bare_seen: [Range<usize>; 2],
    /// The name judged last, and the same with the words before it.
    pub(super) judged: [(Range<usize>, Option<Strength>); 2],
    pub(super) walk: Walk,
    pub(super) tools: Tools,
    pub(super) container_until: usize,
    pub(super) container_budget: usize,
}

/// A number in groups and the words behind it lie no further from where it begins. A value that does
/// says so, or has no space in it.
const MAX_AHEAD_BYTES: usize = 40;

/// A name and the words before a number lie no further from what they belong to.
const MAX_BEHIND_BYTES: usize = 64;

/// When so much has been found in a text, what is left of it goes as a whole: it is no log line, and
/// looking at all of it would keep the thread that logs it for tens of milliseconds. A record of 64
/// KiB holds no more, for the shortest find and the space behind it have four bytes.
const MAX_SPANS: usize = 16 * 1024;

/// And when so many places of a text have been looked at: a line of text has one every twenty bytes,
/// dense JSON every six.
const MAX_LOOKS: usize = 48 * 1024 * LOOK;

/// What looking at one place counts: twice what it takes to undo a disguise, and a third of what it
/// takes to see that a long word is no key.
pub(super) const LOOK: usize = 2;

/// Everything in `text` that must go.
pub(super) fn find(table: &Table, text: &str) -> Found {
    let mut scan = Scan::new(table, text.as_bytes());
    scan.run();
    // Nearly always.
    let is_done = !(scan.needs_fold || scan.is_full() || table.has_patterns());
    if scan.spans.is_empty() && is_done {
        return Found {
            spans: Vec::new(),
            is_near: true,
        };
    }
    finish(&mut scan, text)
}

/// Everything that must go of `text`, in which `before` was replaced.
///
/// What lies far from each replacement was read before and nothing was found in it, so that it is
/// read again only where a verifier looks far.
pub(super) fn find_again(table: &Table, text: &str, before: &Found) -> Found {
    let mut scan = Scan::new(table, text.as_bytes());
    if before.is_near {
        scan.run_near(&before.spans);
    } else {
        scan.run();
    }
    finish(&mut scan, text)
}

fn finish(scan: &mut Scan<'_>, text: &str) -> Found {
    let mut spans = mem::take(&mut scan.spans);
    let known = give_up_rest(scan.full_at, text.as_bytes(), &mut spans);
    if scan.needs_fold {
        find_folded(scan.table, &text[..known], &mut spans);
    }
    if scan.table.has_patterns() {
        scan.table.user_spans(text, &mut spans);
    }
    if !spans.is_empty() {
        resolve(&mut spans);
    }
    Found {
        spans,
        is_near: !(scan.needs_fold || scan.looks_far),
    }
}

/// Calls `on` for every position in `text` that deserves a look; where there is none, `find` finds
/// nothing but what patterns of the user's own match.
#[inline]
pub(super) fn suspects(text: &[u8], mut on: impl FnMut(Suspect)) {
    gate::scan_event(text, |shape, at| on(Suspect { shape, at }));
}

/// Whether a verifier finds something, or calls for a second reading, where `text` shows a shape
/// whose last byte is at `at`.
pub(super) fn fires(table: &Table, text: &str, shape: Shape, at: usize) -> bool {
    // A shape with a byte of any kind in its middle may have been seen across two texts.
    if at + 1 < shape.bytes() {
        return false;
    }
    // Of all that is in a short text, a path is the most usual.
    if shape == Shape::Slash && paths::is_plain(text.as_bytes(), at) {
        return false;
    }
    let mut scan = Scan::new(table, text.as_bytes());
    scan.look(shape, at);
    scan.needs_fold || !scan.spans.is_empty()
}

/// The first byte at or after `start` that is no part of an escape: `\nann@…` begins at its `a`,
/// and so does `\u0000ann@…`.
fn after_escape(b: &[u8], start: usize) -> usize {
    let floor = start.saturating_sub(5);
    let Some(slash) = b[floor..start]
        .iter()
        .rposition(|c| *c == b'\\')
        .map(|n| floor + n)
    else {
        return start;
    };
    let end = match b.get(slash + 1) {
        Some(b'u') if b[slash + 2..].iter().take(4).all(u8::is_ascii_hexdigit) => slash + 6,
        Some(b'n' | b'r' | b't' | b'b' | b'f') => slash + 2,
        _ => start,
    };
    start.max(end)
}

impl<'t> Scan<'t> {
    fn new(table: &'t Table, b: &'t [u8]) -> Scan<'t> {
        Scan {
            b,
            table,
            spans: Vec::new(),
            needs_fold: false,
            is_decoded: false,
            looks_far: false,
            looks: 0,
            full_at: usize::MAX,
            is_structure: matches!(b.trim_ascii_start().first(), Some(b'[' | b'{')),
            userinfo_seen: 0,
            userinfo_start: 0,
            dotted_until: 0,
            colon_until: 0,
            decimal_until: 0,
            groups_until: 0,
            groups_seen: 0..0,
            bare_seen: [0..0, 0..0],
            judged: [(0..0, None), (0..0, None)],
            walk: Walk::default(),
            tools: Tools::default(),
            container_until: 0,
            container_budget: (2 * b.len()).min(4 * MAX_CONTAINER_BYTES),
        }
    }

    /// For what a word of another text decodes to.
    pub(super) fn decoded(table: &'t Table, b: &'t [u8]) -> Scan<'t> {
        Scan {
            is_decoded: true,
            ..Scan::new(table, b)
        }
    }

    pub(super) fn run(&mut self) {
        let b = self.b;
        gate::scan(b, self, Scan::look, Scan::is_full);
    }

    /// Looks around each span, from a space to a space, so that no word is seen in part.
    fn run_near(&mut self, spans: &[Span]) {
        let b = self.b;
        let mut spans = spans.iter().peekable();
        let mut until = 0;
        while let Some(span) = spans.next() {
            let from = span.start.saturating_sub(MAX_AHEAD_BYTES).max(until);
            let word = |from: usize| memchr::memrchr(b' ', &b[until..from]).map(|n| until + n);
            // What a separator ends is the name of what follows.
            let mut from = word(from).unwrap_or(until);
            if from > until && matches!(b[from - 1], b':' | b'=' | b'>') {
                from = word(from).unwrap_or(until);
            }
            until = span.end;
            loop {
                let near = b.len().min(until + MAX_BEHIND_BYTES);
                until = memchr::memchr(b' ', &b[near..]).map_or(b.len(), |n| near + n);
                // One that begins before the next one's neighborhood does is read with it.
                let Some(next) = spans.next_if(|next| next.start < until + MAX_AHEAD_BYTES) else {
                    break;
                };
                until = next.end.max(until);
            }
            let look = |scan: &mut Self, shape, at| scan.look(shape, from + at);
            gate::scan(&b[from..until], self, look, Scan::is_full);
        }
    }

    /// Says how far beyond the position it was given a verifier has looked.
    pub(super) fn looked(&mut self, bytes: usize) {
        self.looks_far |= bytes > MAX_AHEAD_BYTES;
    }

    fn look(&mut self, shape: Shape, at: usize) {
        steps(1);
        // What calls for a second reading costs little more, and most words that end like one that
        // counts are none: those that are count themselves.
        let is_light = matches!(shape, Shape::Folded | Shape::Password | Shape::Scheme);
        self.looks += LOOK * usize::from(!is_light);
        if self.spans.len() >= MAX_SPANS || self.looks > MAX_LOOKS {
            self.full_at = self.full_at.min(at);
            return;
        }
        match shape {
            Shape::Separator => self.pair(at),
            Shape::LongWord => {
                self.looks += 2 * LOOK;
                self.long_word(at);
            }
            Shape::Dotted => self.dotted(at),
            Shape::At => self.at_sign(at),
            Shape::Scheme => self.scheme(at + 1),
            Shape::Password => self.told_password(at + 1),
            Shape::Pass => self.told_pass(at + 1),
            Shape::Flag => self.flag(at),
            Shape::Code => self.told_code(at - 3),
            Shape::LongDigits => self.long_digits(at),
            Shape::Slash => self.slash(at),
            Shape::Backslash => {
                self.needs_fold |= match self.b.get(at + 1) {
                    Some(b'u' | b'x' | b'/' | b'n' | b'\\') => true,
                    Some(b'e' | b'0') => fold::escapes_color(&self.b[at + 1..]),
                    _ => false,
                };
                self.drive(at);
            }
            Shape::SocialSecurity => self.social_security(at),
            Shape::PartlyDashed => self.partly_dashed(at),
            Shape::Phone => self.north_american(at),
            Shape::PhoneGroups => self.phone_groups(at),
            Shape::AreaCode => self.area_code(at),
            Shape::Plus => self.international(at),
            Shape::CardGroups => self.card_groups(at),
            Shape::MacPairs => self.mac_pairs(at),
            Shape::MacQuads => self.mac_quads(at),
            Shape::ColonHex => self.colon_hex(at),
            Shape::Medicare => self.medicare(at),
            Shape::IbanGroups => self.iban_groups(at),
            Shape::Grid => self.grid(at),
            Shape::Decimal => self.decimal(at),
            Shape::Dashes => self.armor(at),
            Shape::Folded => {
                self.needs_fold = true;
                if self.b[at].is_ascii() {
                    self.looks += 1;
                } else {
                    self.degrees(at);
                }
            }
        }
    }

    fn is_full(&self) -> bool {
        self.full_at != usize::MAX
    }

    pub(super) fn context(&self, start: usize, end: usize) -> Context {
        context::around(self.b, start, end)
    }

    /// Whether a span already covers the position.
    pub(super) fn is_covered(&self, at: usize) -> bool {
        self.spans
            .iter()
            .rev()
            .take(4)
            .any(|s| s.start <= at && at < s.end)
    }

    pub(super) fn span_count(&self) -> usize {
        self.spans.len()
    }

    /// Takes back what was found since `span_count` said `count`.
    pub(super) fn forget_spans(&mut self, count: usize) {
        self.spans.truncate(count);
    }

    pub(super) fn is_marker(&self, value: &[u8]) -> bool {
        self.table.is_marker(value)
    }

    pub(super) fn starts_with_marker(&self, at: usize) -> bool {
        self.b.get(at) == Some(&b'[')
            && memchr::memchr(b']', &self.b[at..self.b.len().min(at + 40)])
                .is_some_and(|n| self.is_marker(&self.b[at..=at + n]))
    }

    pub(super) fn push(&mut self, mut start: usize, end: usize, rule: Rule) {
        // A sign belongs to its number.
        if start > 0 && self.b[start - 1] == b'-' && self.json_number(start - 1, end).is_some() {
            start -= 1;
        }
        let fill = match self.json_number(start, end) {
            Some(slashes) => Fill::Quoted(slashes),
            None => Fill::Marker,
        };
        self.push_fill(start, end, rule, fill);
        if rule == Rule::Card {
            self.beside_card(end);
        }
    }

    pub(super) fn push_fill(&mut self, mut start: usize, mut end: usize, rule: Rule, fill: Fill) {
        let b = self.b;
        start = after_escape(b, start);
        if start >= end || !self.table.is_on(rule) {
            return;
        }
        // A span never begins or ends inside a character.
        while start > 0 && b[start] & 0xc0 == 0x80 {
            start -= 1;
        }
        while end < b.len() && b[end] & 0xc0 == 0x80 {
            end += 1;
        }
        if self.spans.capacity() == 0 {
            self.spans = found::memory();
        }
        self.spans.push(Span {
            start,
            end,
            source: Source::Builtin(rule),
            fill,
        });
    }
}
