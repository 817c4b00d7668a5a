//! What a run was to delete because consent was withdrawn, and did not live to: the next start does
//! it, before anything of it can be sent or shown.

use std::io;
use std::sync::atomic::Ordering;

use super::{RING, trouble};
use crate::breadcrumbs::Breadcrumbs;
use crate::builder::{Builder, Fresh};
use crate::command::Consent;
use crate::diagnostics::{Diagnostic, Diagnostics, DiscardReason};
use crate::packed::{Form, Kind, Packed};
use crate::queue::{Queue, Reader};
use crate::run::Run;
use crate::spool::Directory;
use crate::store;

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

/// Empties what stands beside the stores, counts all that is gone, and says what is not.
pub(super) fn empty(
    stored: u64,
    (queue, reader): (&Queue, &mut Reader),
    breadcrumbs: &Breadcrumbs,
    diagnostics: &Diagnostics,
) -> Option<Diagnostic> {
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
    // After the queue was opened, which may have set its file aside only then.
    let set_aside = queue.delete_set_aside();
    set_aside
        .err()
        .map(|error| trouble(RING, store::chain(&error)))
}
