//! Where records are kept: a folder, or memory where there is none. What to do while a folder
//! cannot be had is the worker's to decide.

use std::error::Error;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use crate::diagnostics::{Diagnostics, DiscardReason};
use crate::intake::Intake;
use crate::spool::{Directory, OpenError, SetAside, Spool, SpoolOptions, Unavailable};

/// How often a file that cannot be read is left alone, a second apart, before it is given up for a
/// fresh one: what scans files for viruses holds one for a moment, a disk may come back.
const PATIENCE: u32 = 5;

/// Where the worker is to keep records.
#[derive(Debug)]
pub(crate) struct Store {
    /// Where the folder is; none where records are kept in memory.
    pub(crate) path: Option<PathBuf>,
    /// The folder while it is locked and its spool is not open: the other files in it are in use
    /// all the same.
    pub(crate) directory: Option<Directory>,
    /// Why there is no folder although one was asked for, until it has been reported.
    pub(crate) refused: Option<String>,
    pub(crate) options: SpoolOptions,
    /// How often it could not be opened, one after the other.
    pub(crate) failures: u32,
    /// Memory that fails when it is told to.
    #[cfg(test)]
    pub(crate) disk: Option<crate::spool::Disk>,
}

/// A spool that has been opened in its folder and joined to the queue.
pub(crate) struct Joined {
    pub(crate) spool: Spool,
    /// Whether it is a new one, where there was none or one that had to be set aside.
    pub(crate) is_fresh: bool,
}

impl Store {
    /// Takes the folder's lock, where it is not held yet. Nothing to do without a folder.
    ///
    /// # Errors
    ///
    /// When the folder cannot be had, as while another process uses it.
    pub(crate) fn lock(&mut self) -> Result<(), OpenError> {
        if let Some(path) = &self.path
            && self.directory.is_none()
        {
            self.directory = Some(Directory::open(path)?);
        }
        Ok(())
    }

    /// Opens the folder's spool and joins it to the queue; `None` when there is no folder. The lock
    /// is kept when that fails: what stands beside the store is this process's alone.
    ///
    /// # Errors
    ///
    /// When the folder or the store in it cannot be had.
    pub(crate) fn open(
        &mut self,
        intake: &mut Intake,
        diagnostics: &Diagnostics,
    ) -> Result<Option<Joined>, Box<dyn Error>> {
        self.lock()?;
        let Some(directory) = &self.directory else {
            return Ok(None);
        };
        let open = match self.failures {
            ..PATIENCE => Spool::open_patiently,
            _ => Spool::open_in,
        };
        self.failures += 1;
        let (mut spool, opened) = open(directory.clone(), &self.options)?;
        if let Some(aside) = &opened.set_aside {
            report(aside, diagnostics);
        }
        if opened.is_new && opened.set_aside.is_none() {
            intake.misses_store();
        }
        intake.join(&mut spool)?;
        // The spool holds it from here on, and lets go of it when it is closed.
        self.directory = None;
        self.failures = 0;
        let is_fresh = opened.is_new;
        Ok(Some(Joined { spool, is_fresh }))
    }

    /// A spool that ends with the process.
    ///
    /// # Errors
    ///
    /// When the store will not have it.
    pub(crate) fn in_memory(&self) -> Result<Spool, Unavailable> {
        #[cfg(test)]
        if let Some(disk) = self.disk.clone() {
            return Ok(Spool::with_backend(move || Ok(disk.clone()), &self.options)?.0);
        }
        Ok(Spool::in_memory(&self.options)?.0)
    }
}

/// Counts and reports a store that was set aside; returns how many records went with it, where
/// that is known: of a store that has been open, whose records were counted when they came in.
pub(crate) fn report(aside: &SetAside, diagnostics: &Diagnostics) -> u64 {
    let lost = aside.records_lost.unwrap_or(0);
    // The fresh one remembers it, and tells.
    diagnostics.count(DiscardReason::SpoolDamaged, lost);
    let uncounted = u64::from(aside.records_lost.is_none());
    diagnostics
        .uncounted
        .fetch_add(uncounted, Ordering::Relaxed);
    diagnostics.set_aside(aside.path.as_deref());
    lost
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
