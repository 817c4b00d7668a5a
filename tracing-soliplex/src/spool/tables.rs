//! The store's tables, and the few rows that every commit touches.
//!
//! | table | key | value |
//! |---|---|---|
//! | `format` | `"spool"` | the format version of the whole store |
//! | `state` | `"state"` | [`State`], nineteen numbers |
//! | `chunks.low`, `chunks.normal`, `chunks.high`, `chunks.marker` | chunk number, ascending by age over all lanes | a chunk, see `chunk.rs` |
//! | `contexts` | context | the facts of a session, as the caller encoded them |
//! | `context_users` | context | how many chunks and dead letters name it; at none both rows go |
//! | `dead` | dead-letter number | a dead letter, see `dead_letter.rs` |
//! | `meta` | a name | small facts of the caller's; the losses to be told, see `ledger.rs`; how many records were ever delivered |
//! | `reserve` | | never anything: an append proves here that room is left |
//!
//! **Versions.** A change an older spool would misread raises [`FORMAT`], and an older spool then
//! sets the file aside as it would a damaged one. A new table or a new name in `meta` is no such
//! change. A chunk has a version of its own.

use super::error::Fault;
use super::lane::Lane;
use super::ledger::{self, Ledger};
use super::limits::RESERVE_BYTES;
use super::state::{State, StateRow};
use redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};
use std::collections::BTreeMap;

/// The format this code writes, and the only one it reads.
pub(crate) const FORMAT: u64 = 2;

/// The row of `meta` with how many records were ever delivered, eight bytes, little-endian. A store of
/// the time before it has none, and an older spool leaves it as it is.
const DELIVERED: &str = "delivered";

/// The caller's facts, as they are held in memory.
pub(crate) type Meta = BTreeMap<String, Vec<u8>>;

pub(crate) type Chunks = TableDefinition<'static, u64, &'static [u8]>;

pub(crate) const CONTEXTS: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("contexts");
pub(crate) const DEAD: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("dead");
pub(crate) const META: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("meta");
const RESERVE: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("reserve");
pub(crate) const CONTEXT_USERS: TableDefinition<'static, u64, u64> =
    TableDefinition::new("context_users");
const FORMATS: TableDefinition<'static, &str, u64> = TableDefinition::new("format");
const STATES: TableDefinition<'static, &str, StateRow> = TableDefinition::new("state");

const CHUNKS_LOW: Chunks = TableDefinition::new("chunks.low");
const CHUNKS_NORMAL: Chunks = TableDefinition::new("chunks.normal");
const CHUNKS_HIGH: Chunks = TableDefinition::new("chunks.high");
const CHUNKS_MARKER: Chunks = TableDefinition::new("chunks.marker");

/// The table of a lane's chunks.
pub(crate) fn chunks(lane: Lane) -> Chunks {
    match lane {
        Lane::Low => CHUNKS_LOW,
        Lane::Normal => CHUNKS_NORMAL,
        Lane::High => CHUNKS_HIGH,
        Lane::Marker => CHUNKS_MARKER,
    }
}

/// Makes every table of an empty store, so that readers need not ask whether they exist.
pub(crate) fn create(txn: &WriteTransaction, state: &State, meta: &Meta) -> Result<(), Fault> {
    for lane in Lane::ALL {
        txn.open_table(chunks(lane))?;
    }
    txn.open_table(CONTEXTS)?;
    txn.open_table(CONTEXT_USERS)?;
    txn.open_table(DEAD)?;
    let mut table = txn.open_table(META)?;
    for (name, value) in meta {
        table.insert(name.as_str(), value.as_slice())?;
    }
    drop(table);
    txn.open_table(FORMATS)?.insert("spool", FORMAT)?;
    save_ledger(txn, &state.ledger)?;
    save_delivered(txn, state)?;
    save_state(txn, state)
}

/// Reads the counters and the facts, after making sure that the store is a spool of our format;
/// nothing when the store is empty.
pub(crate) fn load(txn: &ReadTransaction) -> Result<Option<(State, Meta)>, Fault> {
    if txn.list_tables()?.next().is_none() {
        return Ok(None);
    }
    let formats = txn.open_table(FORMATS).map_err(|_| Fault::Foreign)?;
    let format = formats.get("spool")?.map(|row| row.value());
    if format != Some(FORMAT) {
        return Err(Fault::Foreign);
    }
    let row = txn.open_table(STATES)?.get("state")?;
    let row = row.ok_or(Fault::Damaged(None))?.value();
    let mut meta = Meta::new();
    for fact in txn.open_table(META)?.iter()? {
        let (name, value) = fact?;
        meta.insert(name.value().to_owned(), value.value().to_vec());
    }
    let ledger = meta.remove(ledger::ROW);
    let ledger = ledger.map_or_else(Ledger::default, |json| Ledger::from_json(&json));
    let delivered = meta.remove(DELIVERED);
    let delivered = delivered.and_then(|bytes| Some(u64::from_le_bytes(*bytes.first_chunk()?)));
    let state = State::from_row(row, ledger, delivered.unwrap_or(0));
    Ok(Some((state, meta)))
}

pub(crate) fn save_state(txn: &WriteTransaction, state: &State) -> Result<(), Fault> {
    txn.open_table(STATES)?.insert("state", state.to_row())?;
    Ok(())
}

pub(crate) fn save_ledger(txn: &WriteTransaction, ledger: &Ledger) -> Result<(), Fault> {
    txn.open_table(META)?
        .insert(ledger::ROW, ledger.to_json().as_slice())?;
    Ok(())
}

pub(crate) fn save_delivered(txn: &WriteTransaction, state: &State) -> Result<(), Fault> {
    txn.open_table(META)?
        .insert(DELIVERED, &state.delivered.to_le_bytes()[..])?;
    Ok(())
}

/// The facts of a context; none where none were given, or nobody names it any more.
pub(crate) fn facts(txn: &WriteTransaction, context: u64) -> Result<Option<Vec<u8>>, Fault> {
    let contexts = txn.open_table(CONTEXTS)?;
    let facts = contexts.get(context)?;
    Ok(facts.map(|facts| facts.value().to_vec()))
}

/// Fails, as any write would, unless [`RESERVE_BYTES`] of the file would be free after this
/// transaction: takes them and gives them back. Nothing of that reaches the disk.
pub(crate) fn prove_reserve(txn: &WriteTransaction) -> Result<(), Fault> {
    let mut table = txn.open_table(RESERVE)?;
    table.insert_reserve(0, RESERVE_BYTES)?;
    table.remove(0)?;
    Ok(())
}

/// Counts chunks or dead letters that name a context.
pub(crate) fn use_context(txn: &WriteTransaction, context: u64, users: u64) -> Result<(), Fault> {
    let mut table = txn.open_table(CONTEXT_USERS)?;
    let before = table.get(context)?.map_or(0, |row| row.value());
    table.insert(context, before + users)?;
    Ok(())
}

/// Whether no more than one chunk or dead letter names a context.
pub(crate) fn is_last_user(
    users: &impl ReadableTable<u64, u64>,
    context: u64,
) -> Result<bool, Fault> {
    Ok(users.get(context)?.is_none_or(|row| row.value() <= 1))
}

/// Counts them out again; the last one takes the context's facts along.
pub(crate) fn release_context(
    txn: &WriteTransaction,
    context: u64,
    users: u64,
) -> Result<(), Fault> {
    let mut table = txn.open_table(CONTEXT_USERS)?;
    let before = table.get(context)?.map_or(0, |row| row.value());
    if before > users {
        table.insert(context, before - users)?;
    } else {
        table.remove(context)?;
        txn.open_table(CONTEXTS)?.remove(context)?;
    }
    Ok(())
}

/// Puts a recount in place of the users counted so far; facts nobody names go.
pub(crate) fn replace_context_users(
    txn: &WriteTransaction,
    users: impl Iterator<Item = (u64, u64)>,
) -> Result<(), Fault> {
    let mut table = txn.open_table(CONTEXT_USERS)?;
    table.retain(|_, _| false)?;
    for (context, count) in users {
        table.insert(context, count)?;
    }
    let mut failed = None;
    txn.open_table(CONTEXTS)?.retain(|context, _| {
        table.get(context).map_or_else(
            |error| {
                failed = Some(error);
                true
            },
            |users| users.is_some(),
        )
    })?;
    failed.map_or(Ok(()), |error| Err(error.into()))
}
