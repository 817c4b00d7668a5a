//! Reading JSON that is as it should be, where it stands.
//!
//! Nearly every body a server gets is well formed, and reading it is the largest part of what a
//! record costs. This reader takes the common forms directly and hands the rest, escapes and
//! fractions, to `serde_json` a token at a time. It reads nothing that `serde_json` would not, and
//! nothing otherwise; where it gives up (`None`: an error, or nesting beyond the limit) the slower
//! reader finds out what is wrong. Properties below hold the one against the other.

use std::borrow::Cow;

use crate::limits::MAX_KEY_BYTES;
use crate::truncate::cut_borrowed;
use crate::{AnyValueRef, MapRef};

mod number;

/// A text that is read from its beginning on.
pub(crate) struct Json<'a> {
    text: &'a str,
    at: usize,
    /// The pairs of the objects whose end has not come yet. An object is given just the room it
    /// needs: a body of nothing but small ones would take many times its size otherwise.
    pairs: Vec<(Cow<'a, str>, AnyValueRef<'a>)>,
}

impl<'a> Json<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Json {
            text,
            at: 0,
            pairs: Vec::new(),
        }
    }

    /// Whether nothing but space is left.
    pub(crate) fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Reads an object; `each` reads the value of the name it is given.
    #[inline(always)]
    pub(crate) fn object(
        &mut self,
        mut each: impl FnMut(&mut Self, Cow<'a, str>) -> Option<()>,
    ) -> Option<()> {
        self.eat(b'{')?;
        if self.eats(b'}') {
            return Some(());
        }
        loop {
            let name = self.string()?;
            self.eat(b':')?;
            each(self, name)?;
            if !self.eats(b',') {
                return self.eat(b'}');
            }
        }
    }

    /// Reads an array; `each` reads an element.
    #[inline(always)]
    pub(crate) fn array(&mut self, mut each: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.eat(b'[')?;
        if self.eats(b']') {
            return Some(());
        }
        loop {
            each(self)?;
            if !self.eats(b',') {
                return self.eat(b']');
            }
        }
    }

    /// Reads a value with so many levels of nesting left.
    pub(crate) fn value(&mut self, depth: usize) -> Option<AnyValueRef<'a>> {
        match self.peek()? {
            b'"' => self.string().map(AnyValueRef::String),
            b'{' => self.map(depth.checked_sub(1)?),
            b'[' => {
                let depth = depth.checked_sub(1)?;
                let mut values = Vec::new();
                self.array(|json| {
                    values.push(json.value(depth)?);
                    Some(())
                })?;
                Some(AnyValueRef::Array(values))
            }
            b't' => self.word("true", AnyValueRef::Bool(true)),
            b'f' => self.word("false", AnyValueRef::Bool(false)),
            b'n' => self.word("null", AnyValueRef::Null),
            _ => self.number(),
        }
    }

    /// Whether the next value is a text.
    #[inline]
    pub(crate) fn is_at_string(&mut self) -> bool {
        self.peek() == Some(b'"')
    }

    /// Reads a null, where there is one.
    pub(crate) fn null(&mut self) -> Option<()> {
        self.peek()?;
        self.word("null", AnyValueRef::Null).map(|_| ())
    }

    /// The text of a value, as it was written.
    pub(crate) fn raw(&mut self, depth: usize) -> Option<&'a str> {
        self.peek()?;
        let start = self.at;
        self.skip(depth)?;
        self.text.get(start..self.at)
    }

    /// Reads on behind a value that [`value`](Json::value) would read.
    fn skip(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'{' => {
                let depth = depth.checked_sub(1)?;
                self.object(|json, _| json.skip(depth))
            }
            b'[' => {
                let depth = depth.checked_sub(1)?;
                self.array(|json| json.skip(depth))
            }
            // The rest takes no memory, but for a text with escapes.
            _ => self.value(depth).map(|_| ()),
        }
    }

    fn map(&mut self, depth: usize) -> Option<AnyValueRef<'a>> {
        let first = self.pairs.len();
        self.object(|json, mut key| {
            cut_borrowed(&mut key, MAX_KEY_BYTES);
            match json.value(depth)? {
                AnyValueRef::Null => {}
                value => json.pairs.push((key, value)),
            }
            Some(())
        })?;
        let pairs = self.pairs.drain(first..).collect();
        Some(AnyValueRef::Map(MapRef::settled(pairs)))
    }

    /// Reads a text.
    #[inline(always)]
    pub(crate) fn string(&mut self) -> Option<Cow<'a, str>> {
        self.eat(b'"')?;
        let start = self.at;
        let end = self.plain_until(start);
        if self.byte(end)? == b'"' {
            self.at = end + 1;
            self.text.get(start..end).map(Cow::Borrowed)
        } else {
            self.escaped(start, end)
        }
    }

    /// Reads on in a string that began at `start` and has its first escape at `at`.
    #[cold]
    fn escaped(&mut self, start: usize, mut at: usize) -> Option<Cow<'a, str>> {
        loop {
            match self.byte(at)? {
                b'"' => break,
                // Whatever is escaped, it is not the end.
                b'\\' => at = self.plain_until(at + 2),
                _ => return None,
            }
        }
        self.at = at + 1;
        let quoted = self.text.get(start - 1..self.at)?;
        serde_json::from_str(quoted).ok().map(Cow::Owned)
    }

    /// Where the first byte at or after `from` is that ends a string, begins an escape, or is not
    /// allowed in one.
    #[inline(always)]
    fn plain_until(&self, from: usize) -> usize {
        let mut at = from;
        while let Some(rest) = self.text.as_bytes().get(at..) {
            let Some(chunk) = rest.first_chunk() else {
                let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..b' ');
                return at + rest.iter().position(is_special).unwrap_or(rest.len());
            };
            let found = special(u64::from_le_bytes(*chunk));
            if found != 0 {
                return at + found.trailing_zeros() as usize / 8;
            }
            at += chunk.len();
        }
        at
    }

    fn word(&mut self, word: &str, value: AnyValueRef<'a>) -> Option<AnyValueRef<'a>> {
        self.text.get(self.at..)?.strip_prefix(word)?;
        self.at += word.len();
        Some(value)
    }

    /// The next byte that is not space.
    #[inline(always)]
    fn peek(&mut self) -> Option<u8> {
        match self.byte(self.at)? {
            b' ' | b'\n' | b'\t' | b'\r' => self.peek_beyond_space(),
            byte => Some(byte),
        }
    }

    #[cold]
    fn peek_beyond_space(&mut self) -> Option<u8> {
        loop {
            match self.byte(self.at)? {
                b' ' | b'\n' | b'\t' | b'\r' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    #[inline(always)]
    fn eat(&mut self, expected: u8) -> Option<()> {
        self.eats(expected).then_some(())
    }

    /// Reads a byte, if it is the next one that is not space.
    #[inline(always)]
    fn eats(&mut self, expected: u8) -> bool {
        let found = self.byte(self.at) == Some(expected) || self.peek() == Some(expected);
        self.at += usize::from(found);
        found
    }

    #[inline]
    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }
}

/// The high bit of the first byte that is a quotation mark, a backslash or a control character, and
/// perhaps of some behind it; zero when there is none.
///
/// Subtracting borrows from a byte's neighbor only once a byte was found below it, so the lowest
/// bit is true.
fn special(bytes: u64) -> u64 {
    const LOW: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = LOW << 7;
    let is_zero = |bytes: u64| bytes.wrapping_sub(LOW) & !bytes;
    let is_control = bytes.wrapping_sub(LOW * 0x20) & !bytes;
    let is_quote = is_zero(bytes ^ (LOW * u64::from(b'"')));
    let is_escape = is_zero(bytes ^ (LOW * u64::from(b'\\')));
    (is_control | is_quote | is_escape) & HIGH
}

#[cfg(test)]
mod tests;
