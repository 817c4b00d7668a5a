//! Small facts of the caller's, by name: durable like records, and few. They are also held in
//! memory, so that they move along when a running spool has to give its file up.

use super::error::Unavailable;
use super::{Spool, tables};

impl Spool {
    /// The fact stored under a name. A file that was damaged before it was opened took its facts
    /// with it: who needs one to outlive that keeps a copy, and puts it back when
    /// [`Opened::set_aside`](super::Opened::set_aside) says so.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn meta(&mut self, name: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        self.store.ensure_open()?;
        Ok(self.store.meta().get(name).cloned())
    }

    /// Stores a fact under a name, durably.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn put_meta(&mut self, name: &str, value: &[u8]) -> Result<(), Unavailable> {
        self.store.write_freeing(|txn, _| {
            txn.open_table(tables::META)?.insert(name, value)?;
            Ok(())
        })?;
        self.store.remember_meta(name, value);
        Ok(())
    }

    /// Stores which ring the position is of that is stored with records, and that position: one
    /// without the other would have records of one ring taken for those of another.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn put_ring(
        &mut self,
        name: &str,
        ring: &[u8],
        through: u64,
    ) -> Result<(), Unavailable> {
        self.store.write_freeing(|txn, state| {
            state.ring_through = through;
            txn.open_table(tables::META)?.insert(name, ring)?;
            Ok(())
        })?;
        self.store.remember_meta(name, ring);
        Ok(())
    }
}
