//! From the queue's form of a record to the spool's: its members printed, which the thread that
//! logged it had no time for, and cut where they are too large.
//!
//! That shows only here, since what has to be escaped grows. What is too large before it is printed
//! already is cut where it is captured, in the same way: it would not fit the queue.

use soliplex_wire::LogRecord;
use soliplex_wire::encode::{self, Buffer};
use soliplex_wire::limits::{MAX_RECORD_BYTES, TRUNCATED};

use crate::packed::{Form, HEAD_BYTES, Packed, PackedHead};

/// Bytes of a record's members, so that with its head it keeps within [`MAX_RECORD_BYTES`]: the
/// head's names, numbers and punctuation take under 200 bytes, its two ids at most 36 each.
pub(crate) const MAX_MEMBER_BYTES: usize = MAX_RECORD_BYTES - 1024;

/// Appends a record that was in the queue as the spool stores it; false, and nothing, if its body is
/// none that was packed.
pub(crate) fn record(packed: &Packed<'_>, out: &mut Buffer) -> bool {
    let start = out.len();
    out.piece(&packed.head.to_bytes(Form::Stored));
    let body = out.len();
    if encode::print(packed.body, out).is_err() {
        out.truncate(start);
        return false;
    }
    if out.len() - body > MAX_MEMBER_BYTES {
        let mut cut = Buffer::new();
        let printed = out.get(body..).unwrap_or_default();
        encode::members(&within_limit(&packed.head, printed), &mut cut);
        out.truncate(body);
        // What was packed a line above can be printed.
        let _ = encode::print(&cut, out);
    }
    true
}

/// Cuts a record that is still to be pushed.
#[cold]
pub(crate) fn cut(head: &PackedHead, packed: &mut Buffer) {
    let mut printed = Buffer::new();
    let _ = encode::print(packed.get(HEAD_BYTES..).unwrap_or_default(), &mut printed);
    packed.truncate(HEAD_BYTES);
    encode::members(&within_limit(head, &printed), packed);
}

/// The slow road, for the rare record over its limit: read it back, and cut it.
#[cold]
fn within_limit(head: &PackedHead, members: &[u8]) -> LogRecord {
    let mut json = Vec::new();
    encode::Head::default().join(members, &mut json);
    let read = std::str::from_utf8(&json)
        .ok()
        .and_then(|json| LogRecord::parse(json).ok());
    // What we wrote ourselves we can read; were it not so, the record would still be told of.
    let mut record = read.unwrap_or_else(|| LogRecord {
        severity: head.severity,
        message: TRUNCATED.to_owned(),
        ..LogRecord::default()
    });
    let _ = record.truncate_to(MAX_MEMBER_BYTES);
    record
}

#[cfg(test)]
mod tests;
