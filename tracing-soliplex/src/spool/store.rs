//! redb, kept open: opens the file and opens it again after a failure, runs one transaction at
//! a time, and turns every way it can fail, panics included, into a [`Fault`]. What the
//! transactions say is the business of the operations.
//!
//! redb refuses every call once its storage has failed, until it is dropped and opened again. So
//! the handle is dropped at the failure and the next call opens a new one.

use super::error::{Fault, Unavailable};
use super::growth::{BoundedStorage, Failure, Growth};
use super::ledger::{Loss, SPOOL_DAMAGED};
use super::limits::{MAX_CAME_TRUE, MIN_MAX_BYTES, QUICK_REPAIR_FROM, SpoolOptions};
use super::place::Place;
use super::state::State;
use super::tables::{self, Meta};
use redb::{Database, ReadTransaction, ReadableDatabase, WriteTransaction};
use soliplex_sanitize::caught;
use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

mod freeing;
mod wipe;

/// The open store and its counters.
pub(crate) struct Store {
    place: Place,
    growth: Arc<Growth>,
    cache_bytes: usize,
    state: State,
    meta: Meta,
    db: Option<Database>,
    /// How many writes there were in this process, which names each.
    writes: u64,
    /// A write whose commit failed and may yet have reached the disk, with that commit's number.
    in_doubt: Option<(u64, u64)>,
    /// The last such writes that turned out to be there.
    came_true: VecDeque<u64>,
    /// Whether the file was made when it was last opened.
    is_new: bool,
    /// What last found the file at fault. One that opens again and bears the same is well: a bit that
    /// turned over in memory, or a slip of redb's, is no reason to throw away what waits.
    suspected: Option<Access>,
    /// Why the file must not be opened again.
    spoiled: Option<Fault>,
    set_aside: Option<SetAside>,
}

/// A store that had to be given up.
#[derive(Debug)]
pub(crate) struct SetAside {
    /// The file's new name; none where there was no file.
    pub(crate) path: Option<PathBuf>,
    /// What was wrong with it.
    pub(crate) reason: Fault,
    /// How many records were in it; none when it could not be read at all.
    pub(crate) records_lost: Option<u64>,
}

/// What a transaction does to the file.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Access {
    Read,
    Write,
}

/// A write that failed, and what it would have told: the commit it had come to may be on the disk
/// all the same, which is known once the file is open again.
struct Failed<T> {
    fault: Fault,
    out: Option<T>,
}

impl<T> From<Fault> for Failed<T> {
    fn from(fault: Fault) -> Self {
        Self { fault, out: None }
    }
}

impl fmt::Display for SetAside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("store given up: ")?;
        fmt::Display::fmt(&self.reason, f)
    }
}

impl Store {
    /// Opens the store, setting aside a file that is damaged, and one that cannot be read unless it
    /// is `patient`.
    pub(crate) fn open(
        place: Place,
        options: &SpoolOptions,
        patient: bool,
    ) -> Result<Self, Unavailable> {
        let mut store = Self {
            place,
            growth: Arc::new(Growth::new(options.max_bytes.max(MIN_MAX_BYTES))),
            cache_bytes: options.cache_bytes,
            state: State::default(),
            meta: Meta::new(),
            db: None,
            writes: 0,
            in_doubt: None,
            came_true: VecDeque::new(),
            is_new: false,
            suspected: None,
            spoiled: None,
            set_aside: None,
        };
        match store.ensure_open() {
            // Later the failure may pass; a start that always fails would never end.
            Err(fault) if fault.will_not_pass() && !patient => {
                store.spoiled = Some(fault);
                store.ensure_open()?;
            }
            opened => opened?,
        }
        store.place.take_headroom();
        Ok(store)
    }

    /// The counters as of the last commit.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// The caller's facts.
    pub(crate) fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Keeps a fact that has been stored.
    pub(crate) fn remember_meta(&mut self, name: &str, value: &[u8]) {
        self.meta.insert(name.to_owned(), value.to_vec());
    }

    /// The storage's length and its bound.
    pub(crate) fn growth(&self) -> &Growth {
        &self.growth
    }

    /// The store given up since this was last asked.
    pub(crate) fn take_set_aside(&mut self) -> Option<SetAside> {
        self.set_aside.take()
    }

    /// Whether there was no file to open, or none that could be.
    pub(crate) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Opens the store if it is not open.
    pub(crate) fn ensure_open(&mut self) -> Result<(), Fault> {
        if self.db.is_some() {
            return Ok(());
        }
        if let Some(reason) = self.spoiled.take() {
            self.give_up_file(reason)?;
        }
        match self.try_open() {
            Err(fault) if fault.lies_in_the_file() => {
                self.give_up_file(fault)?;
                self.try_open()
            }
            opened => opened,
        }
    }

    /// Runs a read transaction, which ends with the call: one held open would pin every page
    /// written since.
    pub(crate) fn read<T>(
        &mut self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.ensure_open()?;
        let Some(db) = &self.db else {
            return Err(redb::Error::DatabaseClosed.into());
        };
        let result = guarded(|| work(&db.begin_read()?));
        self.bore(Access::Read, &result);
        result.map_err(|fault| self.settle(fault, Access::Read))
    }

    /// Runs a write transaction and commits it durably, or changes nothing.
    pub(crate) fn write<T>(
        &mut self,
        work: impl FnOnce(&WriteTransaction, &mut State) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.try_write(work).map_err(|failed| failed.fault)
    }

    fn try_write<T>(
        &mut self,
        work: impl FnOnce(&WriteTransaction, &mut State) -> Result<T, Fault>,
    ) -> Result<T, Failed<T>> {
        // First of all: a write that never began must not go by the name of the one before.
        self.writes += 1;
        self.ensure_open()?;
        let Some(db) = &self.db else {
            return Err(Fault::from(redb::Error::DatabaseClosed).into());
        };
        let mut state = self.state.clone();
        state.commits += 1;
        let quick_repair = self.growth.file_bytes() >= QUICK_REPAIR_FROM;
        let prepared = guarded(|| {
            let mut txn = db.begin_write()?;
            txn.set_quick_repair(quick_repair);
            let out = work(&txn, &mut state)?;
            if state.ledger != self.state.ledger {
                tables::save_ledger(&txn, &state.ledger)?;
            }
            if state.delivered != self.state.delivered {
                tables::save_delivered(&txn, &state)?;
            }
            tables::save_state(&txn, &state)?;
            Ok((txn, out))
        });
        let (txn, out) = prepared.map_err(|fault| self.settle(fault, Access::Write))?;
        // Durability is redb's default, `Immediate`: the commit returns when the disk has it.
        let committed = guarded(|| Ok(txn.commit()?));
        self.bore(Access::Write, &committed);
        match committed {
            Ok(()) => self.state = state,
            Err(fault) => {
                let fault = self.settle(fault, Access::Write);
                // A failed commit may have reached the disk all the same; the file knows.
                self.in_doubt = Some((self.writes, state.commits));
                if self.ensure_open().is_err() || !self.came_true(self.writes) {
                    let out = Some(out);
                    return Err(Failed { fault, out });
                }
            }
        }
        Ok(out)
    }

    /// The name of the last write.
    pub(crate) fn last_write(&self) -> u64 {
        self.writes
    }

    /// Whether a write that failed took place after all, as the file told when it could be opened
    /// again.
    pub(crate) fn came_true(&self, write: u64) -> bool {
        self.came_true.contains(&write)
    }

    /// Closes the file; the next call opens it again.
    pub(super) fn close(&mut self) {
        let db = self.db.take();
        // Closing writes, and a damaged file may make that panic too.
        let _ = guarded(|| {
            drop(db);
            Ok(())
        });
    }

    /// Lifts a suspicion when what raised it has gone well.
    fn bore<T>(&mut self, access: Access, result: &Result<T, Fault>) {
        if result.is_ok() {
            self.suspected.take_if(|suspected| *suspected == access);
        }
    }

    /// Finds the cause of a failure and leaves the store fit for the next call.
    fn settle(&mut self, fault: Fault, access: Access) -> Fault {
        if fault.leaves_the_store_open() {
            return fault;
        }
        self.close();
        let fault = match self.growth.take_failure() {
            Some(Failure::Bound) => Fault::Bound,
            Some(Failure::DiskFull) => Fault::DiskFull,
            None => fault,
        };
        if fault.lies_in_the_file() && self.suspected.replace(access).is_some() {
            self.spoiled = Some(fault.noted());
        }
        fault
    }

    fn try_open(&mut self) -> Result<(), Fault> {
        let storage = self.place.storage()?;
        let growth = Arc::clone(&self.growth);
        let cache_bytes = self.cache_bytes;
        let gone = self.state.records();
        let mut fresh = self.state.clone();
        fresh.empty();
        fresh.ledger.add(Loss::counted(SPOOL_DAMAGED, gone));
        let meta = self.meta.clone();
        let is_suspected = self.suspected.is_some();
        let opened = guarded(|| {
            let storage =
                BoundedStorage::try_new(storage, Arc::clone(&growth)).map_err(redb::Error::Io)?;
            // Repairing a file that is full must not fail for want of a page.
            growth.set_sparing(growth.file_bytes() > 0);
            let mut builder = Database::builder();
            builder.set_cache_size(cache_bytes);
            let mut db = builder.create_with_backend(storage)?;
            if is_suspected {
                // Reads all of it, and fails where it is beyond repair.
                db.check_integrity()?;
            }
            let found = tables::load(&db.begin_read()?)?;
            if let Some((state, meta)) = found {
                return Ok((db, state, meta, false));
            }
            let txn = db.begin_write()?;
            tables::create(&txn, &fresh, &meta)?;
            txn.commit()?;
            Ok((db, fresh, meta, true))
        });
        self.growth.set_sparing(false);
        match opened {
            Ok((db, state, meta, is_new)) => {
                self.growth.take_failure();
                self.is_new = is_new;
                if is_new && gone > 0 {
                    self.note_given_up(None, Fault::Gone, Some(gone));
                }
                if let Some((write, commit)) = self.in_doubt.take()
                    && state.commits == commit
                {
                    self.came_true.truncate(MAX_CAME_TRUE - 1);
                    self.came_true.push_front(write);
                }
                self.db = Some(db);
                self.state = state;
                self.meta = meta;
                Ok(())
            }
            Err(fault) => Err(match self.growth.take_failure() {
                Some(Failure::Bound) => Fault::Bound,
                Some(Failure::DiskFull) => Fault::DiskFull,
                None => fault,
            }),
        }
    }

    fn give_up_file(&mut self, reason: Fault) -> Result<(), Fault> {
        let path = match self.place.set_aside() {
            Ok(path) => path,
            Err(error) => {
                self.spoiled = Some(reason);
                return Err(redb::Error::Io(error).into());
            }
        };
        self.suspected = None;
        // A store that was never open has no commit to its name, and no counters.
        let records_lost = (self.state.commits > 0).then(|| self.state.records());
        self.note_given_up(path, reason, records_lost);
        self.state.empty();
        let ledger = &mut self.state.ledger;
        ledger.add(match records_lost {
            Some(records) => Loss::counted(SPOOL_DAMAGED, records),
            None => Loss::uncounted(SPOOL_DAMAGED),
        });
        Ok(())
    }

    fn note_given_up(&mut self, path: Option<PathBuf>, reason: Fault, records_lost: Option<u64>) {
        let untold = self.set_aside.take().and_then(|before| before.records_lost);
        self.set_aside = Some(SetAside {
            path,
            reason,
            records_lost: match (records_lost, untold) {
                (None, None) => None,
                (lost, untold) => Some(lost.unwrap_or(0) + untold.unwrap_or(0)),
            },
        });
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}

/// Turns a panic into a fault. In a build that aborts on panic there is nothing to turn.
fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    caught(work).unwrap_or(Err(Fault::Panicked))
}
