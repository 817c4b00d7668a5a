//! Writes that make room: they may use what is held back for them, where a full disk or the byte
//! bound leaves nothing else.

use super::super::error::Fault;
use super::super::state::State;
use super::{Access, Failed, Store, guarded};
use redb::WriteTransaction;

impl Store {
    /// As [`Store::write`], for work that makes room: it may use what is held back for that.
    /// The work may run twice.
    pub(crate) fn write_freeing<T>(
        &mut self,
        mut work: impl FnMut(&WriteTransaction, &mut State) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let out = match self.try_write(&mut work) {
            Err(Failed {
                fault: Fault::Bound | Fault::DiskFull,
                out,
            }) => out,
            done => return done.map_err(|failed| failed.fault),
        };
        self.place.release_headroom();
        self.ensure_open()?;
        let done = match out {
            // A full disk can refuse the last sync of a commit that it has all of.
            Some(out) if self.came_true(self.writes) => Ok(out),
            _ => self.write_sparing(work),
        };
        if done.is_ok() && self.growth.is_over() {
            // Only the file's length is at stake, and `compact_if_worth` tries again.
            let _ = self.compact();
        }
        self.place.take_headroom();
        done
    }

    /// Writes with the file growing as it must.
    fn write_sparing<T>(
        &mut self,
        work: impl FnOnce(&WriteTransaction, &mut State) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.growth.set_sparing(true);
        let done = self.try_write(work);
        self.growth.set_sparing(false);
        match done {
            Err(Failed {
                fault: fault @ (Fault::Bound | Fault::DiskFull),
                out,
            }) if self.ensure_open().is_ok() => {
                if let Some(out) = out
                    && self.came_true(self.writes)
                {
                    return Ok(out);
                }
                // The file has grown by room that is not there; closing it in good order cuts it
                // off.
                self.close();
                Err(fault)
            }
            done => done.map_err(|failed| failed.fault),
        }
    }

    /// Moves what is in the file to its start and cuts the rest off.
    pub(crate) fn compact(&mut self) -> Result<(), Fault> {
        self.ensure_open()?;
        let Some(db) = &mut self.db else {
            return Err(redb::Error::DatabaseClosed.into());
        };
        // Moving takes pages before it frees others, a few at a time.
        self.growth.set_sparing(true);
        let result = guarded(|| Ok(db.compact()?));
        self.growth.set_sparing(false);
        result
            .map(drop)
            .map_err(|fault| self.settle(fault, Access::Write))
    }
}
