//! The file under a ring: found or made, locked, of its full size, and set aside when it is of
//! no use.
//!
//! Every byte of a new file is written before it is mapped. A file with holes would be quicker to
//! make, and a full disk would then end the application with SIGBUS in the middle of a push.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::recovery::{Found, Unusable};
use super::ring::{PREFIX_WORDS, Ring};
use super::word::WORD_BYTES;
use crate::in_place;
use crate::map::Memory;

/// A file that was of no use, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SetAside {
    pub(crate) reason: Unusable,
    /// Where it is now. Only the last one is kept.
    pub(crate) path: PathBuf,
}

/// Why the ring is in memory although a file was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Fallback {
    /// Another process, or another queue of this one, has it.
    #[error("the queue's file is in use")]
    InUse,
    /// It can neither be opened nor created.
    #[error("the queue's file could not be opened")]
    Open(#[source] io::Error),
    /// Its size could not be had, usually because the disk is full.
    #[error("no room for the queue's file")]
    Allocate(#[source] io::Error),
    /// It could not be mapped into memory.
    #[error("the queue's file could not be mapped")]
    Map(#[source] io::Error),
    /// It was of no use and could not be renamed either.
    #[error("the queue's file could not be set aside")]
    SetAside(#[source] io::Error),
}

/// A ring in a file, the file, whose lock lasts as long as it is open, and what was found.
pub(super) struct Opened {
    pub(super) ring: Ring<Memory>,
    pub(super) file: File,
    pub(super) found: Found,
    pub(super) set_aside: Option<SetAside>,
}

/// Opens the ring at `path`, or makes one of `capacity` bytes there.
///
/// A ring of another capacity is used `as_it_is` if that is asked for, and while there are frames in
/// it.
pub(super) fn open(path: &Path, capacity: u64, as_it_is: bool) -> Result<Opened, Fallback> {
    let file = open_locked(path)?;
    match adopt(&file) {
        Ok((ring, found)) if as_it_is || found.frames > 0 || ring.capacity() == capacity => {
            Ok(Opened {
                ring,
                file,
                found,
                set_aside: None,
            })
        }
        Ok((ring, found)) => {
            // Another process may have this file mapped, as one that was suspended does, and a
            // mapping of a file that was made shorter ends it: a new file takes the name.
            drop((ring, file));
            fs::remove_file(path).map_err(Fallback::Open)?;
            create(open_locked(path)?, path, capacity, found, None)
        }
        Err(Adopt::Unusable(Unusable::Blank)) => {
            create(file, path, capacity, Found::default(), None)
        }
        Err(Adopt::Unusable(reason)) => {
            // Closed first: where files are locked by name, an open one cannot be renamed.
            drop(file);
            let set_aside = set_aside(path, reason)?;
            let file = open_locked(path)?;
            create(file, path, capacity, Found::default(), Some(set_aside))
        }
        Err(Adopt::Io(error)) => Err(error),
    }
}

/// Opens the file for this process alone; an empty one if there was none.
fn open_locked(path: &Path) -> Result<File, Fallback> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let file = options.open(path).map_err(Fallback::Open)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        // Some network file systems know no locks. The spool's directory lock stands before ours.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(file),
        Err(TryLockError::Error(error)) => Err(Fallback::Open(error)),
        Err(TryLockError::WouldBlock) => Err(Fallback::InUse),
    }
}

/// Whether this is the file that has the name.
#[cfg(unix)]
pub(super) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match fs::metadata(path) {
        Ok(there) => Ok(id(there) == id(file.metadata()?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Elsewhere the name of a file that is open is nobody's to take.
#[cfg(not(unix))]
pub(super) fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

/// Why a file's ring was not taken over.
enum Adopt {
    Unusable(Unusable),
    Io(Fallback),
}

fn adopt(file: &File) -> Result<(Ring<Memory>, Found), Adopt> {
    let metadata = file
        .metadata()
        .map_err(|error| Adopt::Io(Fallback::Open(error)))?;
    let is_zero =
        |from, to| is_zero(file, from, to).map_err(|error| Adopt::Io(Fallback::Open(error)));
    if is_zero(0, WORD_BYTES)? {
        // A ring whose creation was interrupted, for that word is written last; or one that lost its
        // first page to a power cut, with frames behind it.
        let prefix = PREFIX_WORDS as u64 * WORD_BYTES;
        let most = file_words(super::options::MAX_CAPACITY_BYTES) * WORD_BYTES;
        return Err(Adopt::Unusable(match is_zero(prefix, most)? {
            true => Unusable::Blank,
            false => Unusable::Damaged,
        }));
    }
    let bytes = metadata.len();
    let words = bytes / WORD_BYTES;
    let plausible =
        bytes.is_multiple_of(WORD_BYTES) && words <= file_words(super::options::MAX_CAPACITY_BYTES);
    if !plausible || words <= PREFIX_WORDS as u64 {
        return Err(Adopt::Unusable(Unusable::Size));
    }
    let memory =
        Memory::map(file, words as usize).map_err(|error| Adopt::Io(Fallback::Map(error)))?;
    Ring::adopt(memory).map_err(Adopt::Unusable)
}

/// Whether all there is of the file between these bytes is zero.
fn is_zero(mut file: &File, from: u64, to: u64) -> io::Result<bool> {
    file.seek(SeekFrom::Start(from))?;
    let mut rest = BufReader::with_capacity(64 * 1024, file.take(to - from));
    loop {
        let block = rest.fill_buf()?;
        if block.is_empty() {
            return Ok(true);
        }
        if block.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        let length = block.len();
        rest.consume(length);
    }
}

fn create(
    file: File,
    path: &Path,
    capacity: u64,
    found: Found,
    set_aside: Option<SetAside>,
) -> Result<Opened, Fallback> {
    if let Err(error) = write_zeros(&file, file_words(capacity) * WORD_BYTES) {
        // What could be written of it would only keep the disk full. The file is empty or half
        // made, so nothing is lost with it; if it cannot be removed the next start begins here.
        let _ = fs::remove_file(path);
        return Err(Fallback::Allocate(error));
    }
    let memory = Memory::map(&file, file_words(capacity) as usize).map_err(Fallback::Map)?;
    Ok(Opened {
        ring: Ring::format(memory, super::new_id()),
        file,
        found,
        set_aside,
    })
}

/// Makes the file `bytes` zeros.
fn write_zeros(mut file: &File, bytes: u64) -> io::Result<()> {
    // Emptied first: a file may be longer, and pages in the middle of a file may be shared with a
    // snapshot of it, so that writing them once more could need room again.
    file.set_len(0)?;
    in_place::ask(file);
    file.rewind()?;
    io::copy(&mut io::repeat(0).take(bytes), &mut file)?;
    file.flush()
}

fn set_aside(path: &Path, reason: Unusable) -> Result<SetAside, Fallback> {
    let aside = aside(path);
    fs::rename(path, &aside).map_err(Fallback::SetAside)?;
    Ok(SetAside {
        reason,
        path: aside,
    })
}

/// Deletes what was set aside from `path`; nothing there is well.
pub(super) fn delete_set_aside(path: &Path) -> io::Result<()> {
    match fs::remove_file(aside(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn aside(path: &Path) -> PathBuf {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".set-aside");
    PathBuf::from(aside)
}

/// Words in the file of a ring.
fn file_words(capacity: u64) -> u64 {
    PREFIX_WORDS as u64 + capacity / WORD_BYTES
}
