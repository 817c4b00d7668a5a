//! What a run was to delete because consent was withdrawn, and did not live to: the next start does
//! it, before anything of it can be sent or shown.

use std::io;
use std::sync::atomic::Ordering;

use crate::breadcrumbs::Breadcrumbs;
use crate::builder::{Builder, Fresh};
use crate::command::Consent;
use crate::diagnostics::{Diagnostics, DiscardReason};
use crate::packed::{Form, Kind, Packed};
use crate::queue::Reader;
use crate::run::Run;
use crate::spool::Directory;

impl Builder<Fresh> {
    /// Deletes the stores of a run whose consent was withdrawn, if that was left to do, and says how
    /// many records they held. Without consent the worker deletes them.
    ///
    /// # Errors
    ///
    /// When the system will not have a file deleted.
    pub(super) fn finish_wipe(
        &self,
        run: &Run,
        directory: Option<&Directory>,
    ) -> io::Result<Option<u64>> {
        let (Some(directory), Some(records)) = (directory, run.withdrawn()) else {
            return Ok(None);
        };
        if self.consent == Consent::Denied {
            return Ok(None);
        }
        directory.delete_stores()?;
        Ok(Some(records))
    }
}

/// Empties what stands beside the stores, and counts all that is gone.
pub(super) fn empty(
    stored: u64,
    reader: &mut Reader,
    breadcrumbs: &Breadcrumbs,
    diagnostics: &Diagnostics,
) {
    let mut gone = stored;
    let drained = reader.drain(usize::MAX, |frame| {
        let kind = Packed::parse(frame.payload, Form::Queued).map(|packed| packed.head.kind);
        gone += u64::from(kind != Some(Kind::Context));
    });
    reader.release(drained.end);
    breadcrumbs.wipe();
    breadcrumbs.reopen();
    diagnostics.recovered.fetch_add(gone, Ordering::Relaxed);
    diagnostics.discard(DiscardReason::Denied, gone);
}
