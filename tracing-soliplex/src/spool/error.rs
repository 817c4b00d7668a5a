//! What can go wrong, by operation. A [`Fault`] is a cause; the errors around it say what the
//! caller may do about it. None of them carries a byte of a record.

use super::chunk::ChunkError;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Why a spool's directory could not be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum OpenError {
    /// Another process, or another part of this one, works in the directory.
    #[error("spool directory in use by {}", holder_text(.holder.as_ref()))]
    Held {
        /// Who holds it, when the lock file could be read.
        holder: Option<Holder>,
    },
    /// The directory cannot be made or written: read-only, not a directory, not ours.
    #[error("spool directory not writable: {}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The process named in a lock file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Holder {
    /// Its process id.
    pub(crate) pid: u32,
    /// When it took the lock, seconds since the Unix epoch.
    pub(crate) since_unix_seconds: u64,
}

fn holder_text(holder: Option<&Holder>) -> String {
    match holder {
        Some(holder) => format!(
            "process {} since {} (seconds since the Unix epoch)",
            holder.pid, holder.since_unix_seconds
        ),
        None => "an unnamed process".to_owned(),
    }
}

/// Why records were not appended. Nothing of the call is stored, but for
/// [`AppendError::Unavailable`], whose doc says how to find out.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum AppendError {
    /// The spool's own bound is reached: call `evict`, then try again, until it evicts nothing.
    #[error("spool at its byte bound")]
    Full,
    /// The disk is full. Confirming still works and makes room; so does waiting. Every try opens
    /// the store anew and reads it through, so it is worth to wait.
    #[error("no space left for the spool")]
    DiskFull,
    /// The store failed. Whether the records are stored is known when `ring_through` next
    /// answers, which reopens the store.
    #[error("spool not available")]
    Unavailable(#[from] Unavailable),
}

/// The store failed. It was closed, and the next call opens it again; what had been confirmed
/// stays confirmed, what had been appended stays.
#[derive(Debug, Error)]
#[error("spool not available")]
pub(crate) struct Unavailable(#[from] pub(crate) Fault);

/// The cause beneath an error.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum Fault {
    /// The file would have grown beyond the caller's bound.
    #[error("byte bound reached")]
    Bound,
    /// The device has no space left, or the process may write no more.
    #[error("no space left on the device")]
    DiskFull,
    /// The device failed, or will not let us.
    #[error("store input or output failed")]
    Io(#[source] Box<redb::Error>),
    /// The file is no spool, or no longer one.
    #[error("store damaged")]
    Damaged(#[source] Option<Box<redb::Error>>),
    /// The file was written by a later version, or by something else.
    #[error("store of another format")]
    Foreign,
    /// The file was deleted by somebody else while records were in it.
    #[error("store gone")]
    Gone,
    /// The store's code panicked, which it does over some damaged files.
    #[error("store panicked")]
    Panicked,
    /// A chunk cannot be read; the others may be well.
    #[error("unreadable chunk")]
    Chunk(#[from] ChunkError),
}

/// The number of `EIO` wherever there is one. Windows gives it to a denied access, which means
/// the same here.
const EIO: i32 = 5;

impl Fault {
    /// Whether a start should give the file up although it may be well: what refuses to be read
    /// now will refuse tomorrow. A want of memory, handles or space is none of the file's.
    pub(crate) fn will_not_pass(&self) -> bool {
        use io::ErrorKind::{IsADirectory, PermissionDenied};
        let Self::Io(error) = self else {
            return false;
        };
        matches!(&**error, redb::Error::Io(source)
            if matches!(source.kind(), PermissionDenied | IsADirectory)
                || source.raw_os_error() == Some(EIO))
    }

    /// Whether the file itself is at fault, so that opening it again would not help.
    pub(crate) fn lies_in_the_file(&self) -> bool {
        matches!(self, Self::Damaged(_) | Self::Foreign | Self::Panicked)
    }

    /// The same fault once more, for a second place that has to name it.
    pub(crate) fn noted(&self) -> Self {
        match self {
            Self::Foreign => Self::Foreign,
            Self::Panicked => Self::Panicked,
            _ => Self::Damaged(None),
        }
    }

    /// Whether the store goes on as it is, the failed transaction simply being undone.
    pub(crate) fn leaves_the_store_open(&self) -> bool {
        matches!(self, Self::Chunk(_))
    }
}

impl From<redb::Error> for Fault {
    fn from(error: redb::Error) -> Self {
        use io::ErrorKind::{InvalidData, UnexpectedEof};
        match &error {
            redb::Error::Io(source) if is_disk_full(source) => Self::DiskFull,
            redb::Error::Io(source) if matches!(source.kind(), InvalidData | UnexpectedEof) => {
                Self::Damaged(Some(Box::new(error)))
            }
            redb::Error::Io(_)
            | redb::Error::PreviousIo
            | redb::Error::DatabaseClosed
            | redb::Error::DatabaseAlreadyOpen
            | redb::Error::TransactionPoisoned
            | redb::Error::Unsupported => Self::Io(Box::new(error)),
            redb::Error::UpgradeRequired(_) => Self::Foreign,
            // What is left says that the tables, the pages or redb itself are not as they should
            // be.
            _ => Self::Damaged(Some(Box::new(error))),
        }
    }
}

/// Whether an error means that there is no room, as opposed to a fault.
pub(crate) fn is_disk_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// redb has an error type for each of its operations; to us they are all faults.
macro_rules! fault_from {
    ($($error:ty),+ $(,)?) => {$(
        impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                Self::from(redb::Error::from(error))
            }
        }
    )+};
}

fault_from!(
    redb::CommitError,
    redb::CompactionError,
    redb::DatabaseError,
    redb::StorageError,
    redb::TableError,
    redb::TransactionError,
);
