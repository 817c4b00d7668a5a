//! Hardware addresses in pairs or quads of hex.

use super::catalog::Rule;
use super::context::Context;
use super::scan::Scan;

impl Scan<'_> {
    /// Looks at the end of a sixth hex pair.
    pub(super) fn mac_pairs(&mut self, at: usize) {
        let start = at + 1 - MAC_BYTES;
        if is_mac(self.b, start) {
            self.push(start, start + MAC_BYTES, Rule::Mac);
        } else if self.b[..start].ends_with(b"MAC=") && is_frame(&self.b[start..]) {
            self.push(start, start + 2 * MAC_BYTES + 1, Rule::Mac);
        }
    }

    /// Looks at the end of a third hex quad.
    pub(super) fn mac_quads(&mut self, at: usize) {
        let b = self.b;
        let start = at - 13;
        let edge = |i: usize| {
            b.get(i).is_some_and(|c| {
                c.is_ascii_alphanumeric()
                    || *c == b'.' && b.get(i + 1).is_some_and(u8::is_ascii_alphanumeric)
            })
        };
        let address = &b[start..=at];
        let digits = address.iter().filter(|c| c.is_ascii_digit()).count();
        if (start > 0 && (b[start - 1].is_ascii_alphanumeric() || b[start - 1] == b'.'))
            || edge(at + 1)
            || is_trivial_mac(address)
        {
            return;
        }
        if digits == 12 && !self.context(start, at + 1).has(Context::MAC) {
            return;
        }
        self.push(start, at + 1, Rule::Mac);
    }
}

const MAC_BYTES: usize = 17;

/// Six hex pairs with one separator, standing by themselves.
fn is_mac(b: &[u8], start: usize) -> bool {
    let end = start + MAC_BYTES;
    let Some(address) = b.get(start..end) else {
        return false;
    };
    let separator = address[2];
    let edge = |i: usize| b.get(i).is_some_and(u8::is_ascii_alphanumeric);
    let joined = start > 0
        && (edge(start - 1) || b[start - 1] == separator && !is_named(&b[..start]))
        || edge(end)
        || b.get(end) == Some(&separator) && edge(end + 1);
    let shaped = address.iter().enumerate().all(|(i, c)| {
        if i % 3 == 2 {
            *c == separator
        } else {
            c.is_ascii_hexdigit()
        }
    });
    shaped && matches!(separator, b':' | b'-') && !joined && !is_trivial_mac(address)
}

/// `bssid:`, and no more hex.
fn is_named(before: &[u8]) -> bool {
    let Some(name) = before.strip_suffix(b":") else {
        return false;
    };
    let letters = name
        .iter()
        .rev()
        .take(MAC_BYTES)
        .take_while(|c| c.is_ascii_alphabetic());
    letters.filter(|c| !c.is_ascii_hexdigit()).count() > 1
}

/// Two addresses and the type of what follows, as a packet filter logs the head of a frame.
fn is_frame(rest: &[u8]) -> bool {
    const FRAME_BYTES: usize = 14 * 3 - 1;
    let ends = rest.get(FRAME_BYTES).is_none_or(|c| *c == b' ');
    let shaped = |(i, c): (usize, &u8)| match i % 3 {
        2 => *c == b':',
        _ => c.is_ascii_hexdigit(),
    };
    let head = rest.get(..FRAME_BYTES);
    ends && head.is_some_and(|head| head.iter().enumerate().all(shaped))
}

/// All zeros or all ones say nothing about a device.
fn is_trivial_mac(address: &[u8]) -> bool {
    let mut hex = address.iter().filter(|c| c.is_ascii_hexdigit());
    let Some(first) = hex.next() else { return true };
    matches!(first, b'0' | b'f' | b'F') && hex.all(|c| c.eq_ignore_ascii_case(first))
}
