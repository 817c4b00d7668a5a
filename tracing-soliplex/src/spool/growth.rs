//! The file as redb sees it: a storage that keeps the length within the bound, writes new room
//! out before it is used, and remembers why it last failed. It knows bytes, not records.
//!
//! redb doubles its file when it needs a page. Here that is where a byte bound can be kept for
//! certain, whatever is stored, and where a full disk can be met before a commit begins.

use super::error::is_disk_full;
use super::limits::{DEAD_SHARE, MAX_DEAD_BYTES, MAX_PREALLOCATED_STEP};
use redb::StorageBackend;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};

/// What the spool and its storage tell each other. Only the worker's thread touches it; the
/// atomics are there because redb asks a storage to be `Sync`.
#[derive(Debug)]
pub(crate) struct Growth {
    max_bytes: u64,
    len: AtomicU64,
    /// Set while freeing: growth is then unbounded and takes no disk until a page is written.
    sparing: AtomicBool,
    failure: AtomicU8,
}

/// Why the storage refused a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Failure {
    /// The bound.
    Bound,
    /// The disk.
    DiskFull,
}

const NO_FAILURE: u8 = 0;
const BOUND: u8 = 1;
const DISK_FULL: u8 = 2;

impl Growth {
    pub(crate) fn new(max_bytes: u64) -> Self {
        Self {
            max_bytes,
            len: AtomicU64::new(0),
            sparing: AtomicBool::new(false),
            failure: AtomicU8::new(NO_FAILURE),
        }
    }

    /// The most bytes of dead letters.
    pub(crate) fn max_dead_bytes(&self) -> u64 {
        MAX_DEAD_BYTES.min(self.max_bytes / DEAD_SHARE)
    }

    /// Whether the file is longer than it may be: the bound was higher once, or had to give way
    /// so that room could be made.
    pub(crate) fn is_over(&self) -> bool {
        self.file_bytes() > self.max_bytes
    }

    /// The file's length, in bytes.
    pub(crate) fn file_bytes(&self) -> u64 {
        self.len.load(Relaxed)
    }

    pub(crate) fn set_file_bytes(&self, len: u64) {
        self.len.store(len, Relaxed);
    }

    pub(crate) fn set_sparing(&self, sparing: bool) {
        self.sparing.store(sparing, Relaxed);
    }

    /// The last failure that had a reason of ours, once.
    pub(crate) fn take_failure(&self) -> Option<Failure> {
        match self.failure.swap(NO_FAILURE, Relaxed) {
            BOUND => Some(Failure::Bound),
            DISK_FULL => Some(Failure::DiskFull),
            _ => None,
        }
    }

    fn note(&self, error: &io::Error) {
        if is_disk_full(error) && self.failure.load(Relaxed) == NO_FAILURE {
            self.failure.store(DISK_FULL, Relaxed);
        }
    }
}

/// A storage that grows as [`Growth`] allows.
#[derive(Debug)]
pub(crate) struct BoundedStorage {
    inner: Box<dyn StorageBackend>,
    growth: Arc<Growth>,
}

impl BoundedStorage {
    /// Takes over a storage. One that holds nothing but zeros was being created when the
    /// process ended; it is emptied, since redb would take it for a stranger's.
    pub(crate) fn try_new(inner: Box<dyn StorageBackend>, growth: Arc<Growth>) -> io::Result<Self> {
        let storage = Self { inner, growth };
        let mut len = storage.inner.len()?;
        if len > 0 && storage.is_unfinished(len)? {
            storage.inner.set_len(0)?;
            len = 0;
        }
        storage.growth.set_file_bytes(len);
        Ok(storage)
    }

    fn is_unfinished(&self, len: u64) -> io::Result<bool> {
        // redb's first layout is just over 1 MiB; anything longer has been in use.
        if len > 2 << 20 {
            return Ok(false);
        }
        let mut block = [0; ZEROS.len()];
        let mut at = 0;
        while at < len {
            let step = (len - at).min(ZEROS.len() as u64);
            let Some(part) = block.get_mut(..usize::try_from(step).unwrap_or(0)) else {
                return Ok(false);
            };
            self.inner.read(at, part)?;
            if part.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            at += step;
        }
        Ok(true)
    }

    fn grow(&self, from: u64, to: u64) -> io::Result<()> {
        let sparing = self.growth.sparing.load(Relaxed);
        if to > self.growth.max_bytes && !sparing {
            self.growth.failure.store(BOUND, Relaxed);
            return Err(io::Error::other("byte bound reached"));
        }
        // The length first: storage in memory takes no byte beyond it.
        self.inner.set_len(to)?;
        if !sparing && to - from <= MAX_PREALLOCATED_STEP {
            self.write_zeros(from, to).inspect_err(|_| {
                // Hand back what little was had; the error stands whether or not that works.
                let _ = self.inner.set_len(from);
            })?;
        }
        Ok(())
    }

    fn write_zeros(&self, from: u64, to: u64) -> io::Result<()> {
        let mut at = from;
        while at < to {
            let step = (to - at).min(ZEROS.len() as u64);
            let block = ZEROS.get(..usize::try_from(step).unwrap_or(0));
            self.inner.write(at, block.unwrap_or_default())?;
            at += step;
        }
        Ok(())
    }
}

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

// The lock on the directory stands for redb's own on the file, so the locking methods are left out.
impl StorageBackend for BoundedStorage {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let from = self.growth.file_bytes();
        let done = if len > from {
            self.grow(from, len)
        } else {
            self.inner.set_len(len)
        };
        done.inspect_err(|error| self.growth.note(error))?;
        self.growth.set_file_bytes(len);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.inner
            .sync_data()
            .inspect_err(|error| self.growth.note(error))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.inner
            .write(offset, data)
            .inspect_err(|error| self.growth.note(error))
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }
}
