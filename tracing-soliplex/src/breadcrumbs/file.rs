//! The file under the ring: found or made, of its full size, and replaced when it is of no use.
//!
//! The store directory's lock is what keeps other processes out; there is none on this file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use super::ring::{Entry, Found, PREFIX_WORDS, Ring};
use super::slot::{SLOT_WORDS, Slot};
use super::word::WORD_BYTES;
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
    /// It was of no use and could not be removed either.
    #[error("the breadcrumbs' file could not be replaced")]
    Replace(#[source] io::Error),
}

/// A ring in a file.
pub(super) struct Opened {
    pub(super) ring: Ring<Memory>,
    /// Whether there was a file that was of no use.
    pub(super) replaced: bool,
}

/// Opens the ring at `path`, or makes one of that many slots there.
pub(super) fn open(path: &Path, slots: u64) -> Result<Opened, OpenError> {
    let file = open_file(path)?;
    match adopt(&file)? {
        Some(ring) if ring.slots() == slots => Ok(Opened {
            ring,
            replaced: false,
        }),
        Some(ring) => {
            let new = replace(path, file, slots)?;
            move_over(&ring, &new);
            Ok(Opened {
                ring: new,
                replaced: false,
            })
        }
        None => Ok(Opened {
            replaced: !is_blank(&file).map_err(OpenError::Open)?,
            ring: replace(path, file, slots)?,
        }),
    }
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
    let word_bytes = WORD_BYTES as u64;
    let plausible = bytes.is_multiple_of(word_bytes)
        && bytes > PREFIX_WORDS as u64 * word_bytes
        && bytes <= file_words(super::MAX_SLOTS) as u64 * word_bytes;
    if !plausible {
        return Ok(None);
    }
    let memory = Memory::map(file, (bytes / word_bytes) as usize).map_err(OpenError::Map)?;
    Ok(Ring::adopt(memory))
}

/// Whether the file ends, or has a zero, where a ring's first word stands: one whose creation was
/// interrupted, for that word is written last.
fn is_blank(mut file: &File) -> io::Result<bool> {
    let mut first = Vec::new();
    file.rewind()?;
    file.take(WORD_BYTES as u64).read_to_end(&mut first)?;
    Ok(first.iter().all(|byte| *byte == 0))
}

/// A new ring in a new file of this name.
///
/// Another process may have the old one mapped, as one that was suspended does, and a mapping of a
/// file that was made shorter ends it: so the old one only loses its name.
fn replace(path: &Path, old: File, slots: u64) -> Result<Ring<Memory>, OpenError> {
    drop(old);
    fs::remove_file(path).map_err(OpenError::Replace)?;
    let file = open_file(path)?;
    let words = file_words(slots);
    if let Err(error) = write_zeros(&file, (words * WORD_BYTES) as u64) {
        // What could be written of it would only keep the disk full.
        let _ = fs::remove_file(path);
        return Err(OpenError::Allocate(error));
    }
    let memory = Memory::map(&file, words).map_err(OpenError::Map)?;
    Ok(Ring::format(memory))
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
}

/// Words in the file of a ring with that many slots.
pub(super) fn file_words(slots: u64) -> usize {
    PREFIX_WORDS + slots as usize * SLOT_WORDS
}
