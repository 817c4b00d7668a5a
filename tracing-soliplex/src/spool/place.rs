//! Where the store's bytes are, and what becomes of them there.

use super::directory::Directory;
use super::error::Fault;
use redb::StorageBackend;
use redb::backends::FileBackend;
use std::io;
use std::path::PathBuf;

/// Where the bytes are.
pub(crate) enum Place {
    /// In a folder on disk.
    Directory(Directory),
    /// In memory, or wherever a test puts them; called for each opening.
    Supplied(Box<dyn Fn() -> io::Result<Box<dyn StorageBackend>> + Send>),
}

impl Place {
    pub(super) fn storage(&self) -> Result<Box<dyn StorageBackend>, Fault> {
        match self {
            Self::Directory(directory) => Ok(directory.store()?),
            Self::Supplied(supply) => Ok(supply().map_err(redb::Error::Io)?),
        }
    }

    pub(super) fn set_aside(&self) -> io::Result<Option<PathBuf>> {
        match self {
            Self::Directory(directory) => directory.set_store_aside(),
            Self::Supplied(supply) => supply()?.set_len(0).map(|()| None),
        }
    }

    /// Where a store can be made that takes the place of this one, if there is such a place.
    pub(super) fn fresh(&self) -> Result<Option<FileBackend>, Fault> {
        match self {
            Self::Directory(directory) => Ok(Some(directory.fresh()?)),
            Self::Supplied(_) => Ok(None),
        }
    }

    pub(super) fn adopt_fresh(&self) -> io::Result<()> {
        match self {
            Self::Directory(directory) => directory.adopt_fresh(),
            Self::Supplied(_) => Ok(()),
        }
    }

    pub(super) fn delete(&self) -> io::Result<()> {
        match self {
            Self::Directory(directory) => directory.delete_stores(),
            Self::Supplied(supply) => supply()?.set_len(0),
        }
    }

    /// On a full disk there is nothing to take; the next call tries again.
    pub(super) fn take_headroom(&self) {
        match self {
            Self::Directory(directory) => drop(directory.take_headroom()),
            Self::Supplied(_) => {}
        }
    }

    pub(super) fn release_headroom(&self) {
        match self {
            Self::Directory(directory) => drop(directory.release_headroom()),
            Self::Supplied(_) => {}
        }
    }
}
