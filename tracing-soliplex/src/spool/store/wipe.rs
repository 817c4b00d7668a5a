//! Wiping: whenever a crash comes, there is either what was stored or a file that tells how many
//! records are gone. Only where no second file can be made, as on a full disk, what was stored is
//! deleted first: a crash before the next call makes the file leaves none, and no count.

use super::super::error::Fault;
use super::super::ledger::{DENIED, Loss};
use super::super::state::State;
use super::super::tables::{self, Meta};
use super::{Store, guarded};
use redb::Database;
use std::io;

impl Store {
    /// Deletes what is stored and everything set aside, and has a new file in its place, in which
    /// chunk numbers and the ring's sequence go on, and which tells how many records are gone.
    pub(crate) fn wipe(&mut self) -> io::Result<()> {
        self.close();
        (self.suspected, self.spoiled) = (None, None);
        let mut fresh = self.state.clone();
        fresh.empty();
        // Whose they were is nobody's business any more.
        fresh.ledger.forget_names();
        let denied = Loss::counted(DENIED, self.state.records());
        fresh.ledger.add(denied);
        if self.make_fresh(&fresh).is_ok() {
            self.place.adopt_fresh()?;
        } else {
            // Without room for both, one goes before the other comes, which the next call makes.
            self.place.delete()?;
        }
        self.state = fresh;
        self.meta.clear();
        self.growth.set_file_bytes(0);
        Ok(())
    }

    /// Makes a store beside this one.
    fn make_fresh(&self, state: &State) -> Result<(), Fault> {
        let nowhere = || redb::Error::Io(io::ErrorKind::Unsupported.into());
        let storage = self.place.fresh()?.ok_or_else(nowhere)?;
        guarded(|| {
            let mut builder = Database::builder();
            builder.set_cache_size(self.cache_bytes);
            let db = builder.create_with_backend(storage)?;
            let txn = db.begin_write()?;
            tables::create(&txn, state, &Meta::new())?;
            txn.commit()?;
            Ok(())
        })
    }
}
