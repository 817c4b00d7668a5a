//! Dead letters: records the server will never take, kept for whoever wants to know why. Bounded
//! in number and bytes, the oldest out.
//!
//! A row, little-endian: version (1 byte), 3 zero bytes, reason length (4), context (8), seq (8),
//! the reason, the payload.

use super::error::{Fault, Unavailable};
use super::limits::{MAX_DEAD_RECORDS, MAX_REASON_BYTES};
use super::state::{DeadTotals, State};
use super::{Spool, tables};
use redb::{ReadableTable, WriteTransaction};

const VERSION: u8 = 1;

/// A record the server refused, by its place among the peeked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeadLetter<'a> {
    /// Which of `Peeked::records`.
    pub(crate) record: usize,
    /// Why; cut after [`MAX_REASON_BYTES`].
    pub(crate) reason: &'a str,
}

/// A dead letter read back.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct StoredDeadLetter {
    /// The context the record was captured in.
    pub(crate) context: u64,
    /// Its number within the session.
    pub(crate) seq: u64,
    /// Why it was refused.
    pub(crate) reason: String,
    /// The encoded record.
    pub(crate) payload: Vec<u8>,
}

impl std::fmt::Debug for StoredDeadLetter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredDeadLetter")
            .field("context", &self.context)
            .field("seq", &self.seq)
            .field("reason", &self.reason)
            .field("bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}

impl Spool {
    /// The dead letters, oldest first: at most 1,000, and at most 1 MiB together.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn dead_letters(&mut self) -> Result<Vec<StoredDeadLetter>, Unavailable> {
        Ok(self.store.read(|txn| {
            let mut letters = Vec::new();
            for row in txn.open_table(tables::DEAD)?.iter()? {
                // A row of a later version is passed over, and goes with the others in time.
                letters.extend(decode(row?.1.value()));
            }
            Ok(letters)
        })?)
    }
}

/// Adds a dead letter and returns how many older ones had to go for it, so that all of them take no
/// more than `max_bytes`.
pub(super) fn bury(
    txn: &WriteTransaction,
    state: &mut State,
    context: u64,
    (seq, payload): (u64, &[u8]),
    reason: &str,
    max_bytes: u64,
) -> Result<u64, Fault> {
    let reason = cut(reason);
    let row = encode(context, seq, reason, payload);
    let dead = &mut state.dead;
    txn.open_table(tables::DEAD)?
        .insert(dead.next, row.as_slice())?;
    tables::use_context(txn, context, 1)?;
    dead.next += 1;
    dead.records += 1;
    dead.bytes += row.len() as u64;

    let mut dropped = 0;
    while dead.records > MAX_DEAD_RECORDS || dead.bytes > max_bytes {
        if !remove_oldest(txn, dead)? {
            break;
        }
        dropped += 1;
    }
    dead.dropped += dropped;
    Ok(dropped)
}

fn remove_oldest(txn: &WriteTransaction, dead: &mut DeadTotals) -> Result<bool, Fault> {
    let mut table = txn.open_table(tables::DEAD)?;
    let Some((_, row)) = table.pop_first()? else {
        *dead = DeadTotals {
            records: 0,
            bytes: 0,
            ..*dead
        };
        return Ok(false);
    };
    dead.records = dead.records.saturating_sub(1);
    dead.bytes = dead.bytes.saturating_sub(row.value().len() as u64);
    if let Some(context) = context_of(row.value()) {
        tables::release_context(txn, context, 1)?;
    }
    Ok(true)
}

/// A reason within its limit, cut between characters.
fn cut(reason: &str) -> &str {
    let mut end = reason.len().min(MAX_REASON_BYTES);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason.get(..end).unwrap_or_default()
}

fn encode(context: u64, seq: u64, reason: &str, payload: &[u8]) -> Vec<u8> {
    let reason_len = u32::try_from(reason.len()).unwrap_or(0);
    let mut row = vec![VERSION, 0, 0, 0];
    row.extend(reason_len.to_le_bytes());
    row.extend(context.to_le_bytes());
    row.extend(seq.to_le_bytes());
    row.extend(reason.as_bytes());
    row.extend(payload);
    row
}

/// The context a row names; its place is the same in every version.
pub(super) fn context_of(row: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(row.get(8..16)?.try_into().ok()?))
}

fn decode(row: &[u8]) -> Option<StoredDeadLetter> {
    if row.first() != Some(&VERSION) {
        return None;
    }
    let reason_len = u32::from_le_bytes(row.get(4..8)?.try_into().ok()?);
    let seq = u64::from_le_bytes(row.get(16..24)?.try_into().ok()?);
    let (reason, payload) = row
        .get(24..)?
        .split_at_checked(usize::try_from(reason_len).ok()?)?;
    Some(StoredDeadLetter {
        context: context_of(row)?,
        seq,
        reason: String::from_utf8(reason.to_vec()).ok()?,
        payload: payload.to_vec(),
    })
}
