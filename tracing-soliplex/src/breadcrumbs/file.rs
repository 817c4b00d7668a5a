//! The file under the ring: found or made, of its full size, and begun anew when it is of no use.
//!
//! The store directory's lock is what keeps other processes out; there is none on this file. One
//! that sleeps has it mapped all the same, and a mapping of a file that was made shorter ends its
//! process. So the file is never made shorter, and never another one: whoever wants a ring of
//! another size begins it where the old one stood, and who wakes up does the same.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::Ordering::{Relaxed, Release};

use super::MAX_SLOTS;
use super::ring::{Entry, Found, MAGIC_AT, PREFIX_WORDS, Ring, slots_by_prefix};
use super::slot::{SLOT_WORDS, Slot};
use super::word::WORD_BYTES;
use crate::in_place;
use crate::map::Memory;

/// Why the breadcrumbs are in memory although a file was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum OpenError {
    /// It can neither be opened nor created.
    #[error("the breadcrumbs' file could not be opened")]
    Open(#[source] io::Error),
    /// Its size could not be had, usually because the disk is full.
    #[error("no room for the breadcrumbs' file")]
    Allocate(#[source] io::Error),
    /// It could not be mapped into memory.
    #[error("the breadcrumbs' file could not be mapped")]
    Map(#[source] io::Error),
}

/// A ring in a file.
pub(super) struct Opened {
    pub(super) ring: Ring<Memory>,
    /// Whether there was a file that was of no use.
    pub(super) was_damaged: bool,
}

/// Opens the ring at `path`, or makes one of that many slots there.
pub(super) fn open(path: &Path, slots: u64) -> Result<Opened, OpenError> {
    let file = open_file(path)?;
    let found = adopt(&file)?;
    let was_damaged = found.is_none() && !is_blank(&file).map_err(OpenError::Open)?;
    let ring = match found {
        Some(ring) if ring.slots() == slots => ring,
        found => begin(&file, found.as_ref(), slots)?,
    };
    Ok(Opened { ring, was_damaged })
}

fn open_file(path: &Path) -> Result<File, OpenError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path).map_err(OpenError::Open)
}

fn adopt(file: &File) -> Result<Option<Ring<Memory>>, OpenError> {
    let bytes = file.metadata().map_err(OpenError::Open)?.len();
    // Nobody has ever written more, so what is beyond is not ours.
    let words = bytes.min(MOST_BYTES) as usize / WORD_BYTES;
    if words <= PREFIX_WORDS {
        return Ok(None);
    }
    let map = |words| Memory::map(file, words).map_err(OpenError::Map);
    let wanted = match slots_by_prefix(&map(PREFIX_WORDS)?) {
        Some(slots @ ..=MAX_SLOTS) => file_words(slots),
        _ => return Ok(None),
    };
    // What is behind it was a larger ring's.
    Ok(Ring::adopt(map(wanted.min(words))?))
}

/// Whether the file ends, or has a zero, where a ring's first word stands: one whose creation was
/// interrupted, for that word is written last.
fn is_blank(mut file: &File) -> io::Result<bool> {
    let mut first = Vec::new();
    file.rewind()?;
    file.take(WORD_BYTES as u64).read_to_end(&mut first)?;
    Ok(first.iter().all(|byte| *byte == 0))
}

/// A new ring in this file, with what it has room for of the one that is there.
fn begin(
    mut file: &File,
    old: Option<&Ring<Memory>>,
    slots: u64,
) -> Result<Ring<Memory>, OpenError> {
    let new = super::heap(slots);
    if let Some(old) = old {
        move_over(old, &new);
    }
    let there = file.seek(SeekFrom::End(0)).map_err(OpenError::Open)?;
    let wanted = (file_words(slots) * WORD_BYTES) as u64;
    if there == 0 {
        in_place::ask(file);
    }
    // Only of a file that we have written ourselves is it known that it has no holes.
    let written = if old.is_some() { there } else { 0 };
    file.seek(SeekFrom::Start(written))
        .map_err(OpenError::Open)?;
    if let Err(error) = write_zeros(file, wanted.saturating_sub(written)) {
        // What has been added to it would only keep the disk full, and nobody has it mapped.
        let _ = file.set_len(there);
        return Err(OpenError::Allocate(error));
    }
    let map = |words| Memory::map(file, words).map_err(OpenError::Map);
    let memory = map(wanted.max(there.min(MOST_BYTES)) as usize / WORD_BYTES)?;
    // Blank until it is whole; behind it nothing of a larger one is left.
    memory[MAGIC_AT].store(0, Release);
    let zeros = std::iter::repeat(0);
    let values = new.memory().iter().map(|word| word.load(Relaxed));
    for (word, value) in memory.iter().zip(values.chain(zeros)).skip(MAGIC_AT + 1) {
        word.store(value, Release);
    }
    let magic = new.memory()[MAGIC_AT].load(Relaxed);
    memory[MAGIC_AT].store(magic, Release);
    Ok(new.moved_to(map(file_words(slots))?))
}

/// Writes every byte: a file with holes would end the application with SIGBUS in the middle of a
/// write to it, when the disk is full.
fn write_zeros(mut file: &File, bytes: u64) -> io::Result<()> {
    io::copy(&mut io::repeat(0).take(bytes), &mut file)?;
    file.flush()
}

/// Takes what fits over into a ring of another size.
fn move_over(old: &Ring<Memory>, new: &Ring<Memory>) {
    let session = old.session();
    old.sessions().for_each(|id| new.begin_session(id));
    if let Some(id) = old.session_id(session) {
        new.begin_session(id);
    }
    let mut slot = Slot::new();
    let tail = old.tail();
    for ticket in old.oldest(tail)..tail {
        // The ticket stays the same: who follows the records counts by it.
        new.go_on_with(ticket);
        if old.read(ticket, &mut slot) == Found::Whole {
            let (text, _) = slot.text.as_chunks();
            let used = slot.head.text_bytes().div_ceil(WORD_BYTES);
            let _ = new.write(&Entry {
                unix_nanos: slot.unix_nanos,
                session: slot.session,
                head: slot.head,
                text: text.get(..used).unwrap_or_default(),
            });
        }
    }
    new.go_on_with(tail);
}

/// As large as the file can be.
const MOST_BYTES: u64 = (file_words(MAX_SLOTS) * WORD_BYTES) as u64;

/// Words in the file of a ring with that many slots.
pub(super) const fn file_words(slots: u64) -> usize {
    PREFIX_WORDS + slots as usize * SLOT_WORDS
}
