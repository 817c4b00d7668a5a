//! Where records are kept: a folder, or memory when there is none or it cannot be used.

use std::error::Error;
use std::path::PathBuf;

use crate::diagnostics::{Diagnostic, Diagnostics, DiscardReason};
use crate::intake::Intake;
use crate::queue::Recovered;
use crate::spool::{Directory, SetAside, Spool, SpoolOptions};

/// Where the worker is to keep records.
#[derive(Debug)]
pub(crate) struct Store {
    /// Where the folder is.
    pub(crate) path: Option<PathBuf>,
    /// The folder, locked for this process; none for memory.
    pub(crate) directory: Option<Directory>,
    pub(crate) options: SpoolOptions,
}

impl Store {
    /// Opens the spool and joins it to the queue. What cannot be had in the folder is had in
    /// memory, and said.
    pub(crate) fn open(
        &mut self,
        intake: &mut Intake,
        recovered: &Recovered,
        diagnostics: &Diagnostics,
    ) -> Option<Spool> {
        let in_folder = self.directory.take().map(|directory| {
            let (mut spool, opened) =
                Spool::open_in(directory, &self.options).map_err(|error| chain(&error))?;
            if let Some(aside) = &opened.set_aside {
                report(aside, diagnostics);
            }
            intake
                .join(&mut spool, recovered)
                .map_err(|error| chain(&error))?;
            Ok::<_, String>(spool)
        });
        match in_folder {
            Some(Ok(spool)) => return Some(spool),
            Some(Err(error)) => diagnostics.report(&Diagnostic::StoreUnavailable { error }),
            None => {}
        }
        let in_memory = Spool::in_memory(&self.options)
            .map_err(|error| chain(&error))
            .and_then(|(mut spool, _)| {
                intake
                    .join(&mut spool, recovered)
                    .map_err(|error| chain(&error))?;
                Ok(spool)
            });
        in_memory
            .map_err(|error| diagnostics.report(&Diagnostic::StoreUnavailable { error }))
            .ok()
    }
}

impl Store {
    pub(crate) fn options(&self) -> &SpoolOptions {
        &self.options
    }

    /// Opens the folder's spool again after it was let go of; `None` when there is no folder.
    ///
    /// # Errors
    ///
    /// When the folder cannot be had, as while another process uses it.
    pub(crate) fn reopen(&self) -> Result<Option<Spool>, Box<dyn Error>> {
        let Some(path) = &self.path else {
            return Ok(None);
        };
        let (spool, _) = Spool::open_in(Directory::open(path)?, &self.options)?;
        Ok(Some(spool))
    }
}

/// Counts and reports a store that was set aside; returns how many records went with it, where
/// that is known: of a store that has been open, whose records were counted when they came in.
pub(crate) fn report(aside: &SetAside, diagnostics: &Diagnostics) -> u64 {
    let lost = aside.records_lost.unwrap_or(0);
    diagnostics.discard(DiscardReason::SpoolDamaged, lost, None);
    let file = aside.path.as_ref().and_then(|path| path.file_name());
    let file = file.unwrap_or_default().to_string_lossy().into_owned();
    diagnostics.report(&Diagnostic::SetAside { file });
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
