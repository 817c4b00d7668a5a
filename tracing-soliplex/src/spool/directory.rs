//! The spool's folder: who may use it, which files stand in it, what becomes of a damaged one.
//! What is inside the store's file is not known here.
//!
//! | file | what |
//! |---|---|
//! | `spool.lock` | locked while a spool is open; names the process that holds it |
//! | `spool.redb` | the store |
//! | `spool.headroom` | disk held back so that a full one can be freed |
//! | `spool.redb.fresh` | a store in the making that is to take the place of one that is wiped |
//! | `spool.redb.damaged-<n>` | a store that could not be opened; at most two are kept |

use super::error::{Holder, OpenError};
use super::limits::{HEADROOM_BYTES, MAX_SET_ASIDE};
use redb::StorageBackend;
use redb::backends::FileBackend;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

const LOCK: &str = "spool.lock";
const STORE: &str = "spool.redb";
const FRESH: &str = "spool.redb.fresh";
const HEADROOM: &str = "spool.headroom";
const SET_ASIDE_PREFIX: &str = "spool.redb.damaged-";

/// A folder this process alone may use. Dropping it, and each clone of it, lets the next one in.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    _lock: Arc<Lock>,
}

/// Holds the lock; the system releases it with the process, however that ends.
#[derive(Debug)]
struct Lock {
    file: File,
    /// Who took it.
    pid: u32,
}

impl Drop for Lock {
    /// Lets go although a forked child may have the file, too, and with it the lock: closed here it
    /// would be held until that child ends. The child in its turn does not take it from its parent.
    fn drop(&mut self) {
        if self.pid == std::process::id() {
            let _ = self.file.unlock();
        }
    }
}

impl Directory {
    /// Makes the folder if need be and takes its lock.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let not_writable = |source| OpenError::Directory {
            path: path.to_owned(),
            source,
        };
        fs::create_dir_all(path).map_err(not_writable)?;
        let mut lock = private_file(&path.join(LOCK)).map_err(not_writable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = read_holder(&mut lock);
                return Err(OpenError::Held { holder });
            }
            Err(TryLockError::Error(source)) => return Err(not_writable(source)),
        }
        // Only the error message of the next process hangs on this, so a full disk may stop it.
        let _ = write_holder(&mut lock);
        Ok(Self {
            path: path.to_owned(),
            _lock: Arc::new(Lock {
                file: lock,
                pid: std::process::id(),
            }),
        })
    }

    /// Opens or creates the store's file.
    pub(crate) fn store(&self) -> Result<Box<dyn StorageBackend>, redb::DatabaseError> {
        let path = self.path.join(STORE);
        let is_new = !path.exists();
        let file = private_file(&path)?;
        if is_new {
            sync_directory(&self.path)?;
        }
        Ok(Box::new(FileBackend::new(file)?))
    }

    /// Renames the store's file away and returns its new name; nothing when there is none.
    pub(crate) fn set_store_aside(&self) -> io::Result<Option<PathBuf>> {
        let kept = self.set_aside_files()?;
        let number = kept.last().map_or(1, |(number, _)| number + 1);
        let aside = self.path.join(format!("{SET_ASIDE_PREFIX}{number}"));
        match fs::rename(self.path.join(STORE), &aside) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
        let surplus = (kept.len() + 1).saturating_sub(MAX_SET_ASIDE);
        for (_, path) in kept.iter().take(surplus) {
            // One that cannot be deleted takes room, and nothing else hangs on it.
            let _ = fs::remove_file(path);
        }
        Ok(Some(aside))
    }

    /// An empty file that may [take the store's place](Self::adopt_fresh).
    pub(crate) fn fresh(&self) -> Result<FileBackend, redb::DatabaseError> {
        let path = self.path.join(FRESH);
        // What a crash may have left of one.
        remove_if_there(&path)?;
        FileBackend::new(private_file(&path)?)
    }

    /// Deletes the store and every one set aside, and has the fresh one in its place: whenever a
    /// crash comes, there is one of the two.
    pub(crate) fn adopt_fresh(&self) -> io::Result<()> {
        for (_, path) in self.set_aside_files()? {
            remove_if_there(&path)?;
        }
        fs::rename(self.path.join(FRESH), self.path.join(STORE))?;
        sync_directory(&self.path)
    }

    /// Deletes the store and every one set aside; the lock stays.
    pub(crate) fn delete_stores(&self) -> io::Result<()> {
        self.release_headroom()?;
        remove_if_there(&self.path.join(FRESH))?;
        for (_, path) in self.set_aside_files()? {
            remove_if_there(&path)?;
        }
        // Last, so that where something will not go the store is what it was.
        remove_if_there(&self.path.join(STORE))
    }

    /// Holds disk back, where that is not done yet.
    pub(crate) fn take_headroom(&self) -> io::Result<()> {
        let path = self.path.join(HEADROOM);
        if fs::metadata(&path).is_ok_and(|found| found.len() == HEADROOM_BYTES) {
            return Ok(());
        }
        let written = write_headroom(&path);
        if written.is_err() {
            // A part of it would only deepen the want of space.
            remove_if_there(&path)?;
        }
        written
    }

    /// Gives the disk held back to whoever needs it now.
    pub(crate) fn release_headroom(&self) -> io::Result<()> {
        remove_if_there(&self.path.join(HEADROOM))
    }

    /// The files set aside, oldest first.
    fn set_aside_files(&self) -> io::Result<Vec<(u64, PathBuf)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            let number = path
                .file_name()
                .and_then(|name| name.to_str()?.strip_prefix(SET_ASIDE_PREFIX))
                .and_then(|number| number.parse().ok());
            if let Some(number) = number {
                files.push((number, path));
            }
        }
        files.sort_unstable();
        Ok(files)
    }
}

/// Opens for reading and writing what only this user may see.
fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes a new name durable: a file's own sync need not. Windows does so by itself.
fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(path)?.sync_all()?;
    }
    Ok(())
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn write_headroom(path: &Path) -> io::Result<()> {
    let mut file = private_file(path)?;
    // Written and not only measured out: a hole would hold nothing back.
    io::copy(&mut io::repeat(0).take(HEADROOM_BYTES), &mut file)?;
    file.sync_all()
}

fn write_holder(lock: &mut File) -> io::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = now.map_or(0, |since| since.as_secs());
    lock.set_len(0)?;
    lock.rewind()?;
    write!(lock, "{} {seconds}", std::process::id())
}

fn read_holder(lock: &mut File) -> Option<Holder> {
    let mut text = String::new();
    lock.take(64).read_to_string(&mut text).ok()?;
    let (pid, since) = text.split_once(' ')?;
    Some(Holder {
        pid: pid.parse().ok()?,
        since_unix_seconds: since.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A forked child has the same file open, and kept a suspended parent's folder locked.
    #[test]
    fn a_folder_that_is_let_go_of_is_free_while_a_child_has_its_lock_open() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::open(folder.path()).unwrap();
        let _childs = directory._lock.file.try_clone().unwrap();
        let clone = directory.clone();
        drop(directory);
        Directory::open(folder.path()).unwrap_err();
        drop(clone);
        Directory::open(folder.path()).unwrap();
    }
}
