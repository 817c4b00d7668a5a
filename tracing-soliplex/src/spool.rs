//! The spool: records on disk, from the moment the worker has them until the server has them.
//!
//! One writer, the worker's thread, which owns the [`Spool`] and calls its three verbs: append,
//! peek, confirm. A record is a string of bytes here; what is in it, when it is sent and what an
//! answer means is decided elsewhere, and the ring in front of the spool is not known but for a
//! number.
//!
//! # What holds
//! - **Durable when told.** An operation that returns `Ok` is on disk: one redb commit each, with
//!   `Durability::Immediate`. One that returns an error has changed nothing, or says so.
//! - **Once in, once out.** A record leaves when it is confirmed, evicted or wiped, and for no
//!   other reason; it never comes back. Nothing on disk says that a record is in hand. The ring's
//!   position is stored in the commit that stores its records, so a crash between that and the
//!   ring's release stores nothing twice.
//! - **Bounded.** The file is never longer than [`SpoolOptions::max_bytes`], but for a moment
//!   when a full one is freed. It doubles as it grows, so that between half of the bound and all
//!   of it is used when the first record has to go. Memory: redb's cache and one batch.
//! - **Counted.** Records appended = waiting + confirmed + evicted + lost to the disk. What was given
//!   up is entered in the ledger by the commit that gives it up, and stays there until the record
//!   that tells of it has been delivered or refused for good (`ledger.rs`). Evicting leaves alone
//!   what the server has a part of, or may have (`Spool::keep`).
//!
//! # What happens when …
//! - … *the disk fails*: the call says so, redb is closed, the next call opens it again. How long
//!   to wait in between is the caller's to choose. What then reads back well is believed, although
//!   a disk that failed a sync may know better; nobody else can.
//! - … *the disk is full*: new records are refused ([`AppendError::DiskFull`]), confirming and
//!   evicting go on. Room is written out when the file grows, so a full disk is met there and not
//!   in the middle of a commit, and the free pages of the file are real. Copy-on-write asks for
//!   pages even to delete; where the file has none left, they come out of `spool.headroom`, a
//!   file of 256 KiB that is deleted for the purpose and made again when there is room. A file
//!   beside the store can be given up without writing to the store, which free pages inside it
//!   cannot.
//! - … *the file cannot be opened*, because it is damaged, of a later version, or makes redb panic:
//!   it is renamed, a new one is made, the loss is told. One that is found damaged, or makes redb
//!   panic, while it is open is opened again, read through, and renamed if it cannot be or if the
//!   same happens again at once. Panics are caught, which needs a build that unwinds.
//! - … *a second process comes*: it gets [`OpenError::Held`], with the name of the first.
//! - … *the directory is read-only*: [`OpenError::Directory`]; [`Spool::in_memory`] keeps what it
//!   can until the process ends.
//!
//! # On disk
//! `directory.rs` lists the files, `tables.rs` the tables with the rules for versions, `chunk.rs`
//! the bytes of a chunk. Records that are appended together and share lane and context are one
//! value, a chunk: a value for each record would cost twice the time. A record's place in the
//! order of age is the number of its chunk, which is never used twice.

mod append;
mod chunk;
mod confirm;
mod dead_letter;
mod directory;
mod error;
mod evict;
mod growth;
mod lane;
mod ledger;
mod limits;
mod memory;
mod mend;
mod meta;
mod peek;
mod place;
mod state;
mod store;
mod tables;
#[cfg(test)]
mod tests;

pub(crate) use append::{Append, Frame};
pub(crate) use dead_letter::DeadLetter;
pub(crate) use directory::Directory;
pub(crate) use error::{AppendError, OpenError, Unavailable};
pub(crate) use evict::EvictReason;
pub(crate) use lane::Lane;
pub(crate) use ledger::Loss;
#[cfg(test)]
pub(crate) use ledger::{DENIED, REJECTED, SPOOL_DAMAGED};
pub(crate) use limits::SpoolOptions;
pub(crate) use peek::{Cursor, PeekLimits, Peeked, StoredRecord};
pub(crate) use store::SetAside;
#[cfg(test)]
pub(crate) use tests::Disk;

use confirm::Confirmed;
use evict::Evictions;
use memory::Memory;
use peek::PeekHandle;
use place::Place;
use state::LaneTotals;
use std::io;
use std::time::Duration;
use store::Store;

/// Records on disk. Dropping it closes the file and lets the next one in; opening it again costs
/// a few milliseconds, so a mobile host that must let go of its files does just that.
pub(crate) struct Spool {
    store: Store,
    max_age: Duration,
    /// An append met the byte bound, and nothing has been evicted since: the lowest lane of it.
    at_bound: Option<Lane>,
    /// What has been evicted by calls that failed later on.
    untold: Evictions,
    /// What a call would have told, had its commit not failed.
    in_doubt: InDoubt,
    /// The last append's write, when it failed.
    append_in_doubt: Option<u64>,
    unreadable_records: u64,
    /// A mending's write that failed, and how many records it would have removed.
    mend_in_doubt: Option<(u64, u64)>,
    /// The chunks that eviction leaves alone.
    kept: Vec<u64>,
}

/// The outcome of a removal, by the number of its write, that is settled when the store opens
/// again: until then nobody knows whether to count it.
enum InDoubt {
    Nothing,
    Evicted(u64, Evictions),
    Confirmed(u64, PeekHandle, Confirmed),
}

/// What opening found.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The store that had to be given up for a new one.
    pub(crate) set_aside: Option<SetAside>,
    /// Whether there was no file to go on with.
    pub(crate) is_new: bool,
}

/// How full the spool is, as of its last commit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct SpoolStats {
    /// What waits, by lane, the lowest first.
    pub(crate) lanes: [LaneTotals; lane::LANES],
    /// The file's length, in bytes.
    pub(crate) file_bytes: u64,
    /// Dead letters kept.
    pub(crate) dead: u64,
    /// Dead letters that went for younger ones, since the file was made.
    pub(crate) dead_dropped: u64,
    /// Records that were confirmed as delivered, by whatever process had the folder.
    pub(crate) delivered: u64,
}

impl SpoolStats {
    /// Records waiting in all lanes.
    pub(crate) fn records(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.records).sum()
    }
}

impl Spool {
    /// Opens the spool in a folder that is this process's own, making the file if need be.
    ///
    /// # Errors
    /// When neither the file that is there nor a fresh one can be used, as on a full disk. A
    /// damaged file is no error; it is set aside.
    pub(crate) fn open_in(
        directory: Directory,
        options: &SpoolOptions,
    ) -> Result<(Self, Opened), Unavailable> {
        Self::open_place(Place::Directory(directory), options, false)
    }

    /// As [`Spool::open_in`], but a file that cannot be read, and may be well, is left alone.
    ///
    /// # Errors
    /// Then too.
    pub(crate) fn open_patiently(
        directory: Directory,
        options: &SpoolOptions,
    ) -> Result<(Self, Opened), Unavailable> {
        Self::open_place(Place::Directory(directory), options, true)
    }

    /// Opens a spool that ends with the process, for places without a disk.
    ///
    /// # Errors
    /// When redb will not have it.
    pub(crate) fn in_memory(options: &SpoolOptions) -> Result<(Self, Opened), Unavailable> {
        let memory = Memory::default();
        let supply = move || Ok(Box::new(memory.clone()) as Box<_>);
        Self::open_place(Place::Supplied(Box::new(supply)), options, false)
    }

    /// Opens the spool on storage of the caller's making; `supply` is called for each opening.
    #[cfg(test)]
    pub(crate) fn with_backend<B: redb::StorageBackend>(
        supply: impl Fn() -> io::Result<B> + Send + 'static,
        options: &SpoolOptions,
    ) -> Result<(Self, Opened), Unavailable> {
        let supply = move || supply().map(|backend| Box::new(backend) as Box<_>);
        Self::open_place(Place::Supplied(Box::new(supply)), options, false)
    }

    fn open_place(
        place: Place,
        options: &SpoolOptions,
        patient: bool,
    ) -> Result<(Self, Opened), Unavailable> {
        let mut store = Store::open(place, options, patient)?;
        let (set_aside, is_new) = (store.take_set_aside(), store.is_new());
        let spool = Self {
            store,
            max_age: options.max_age,
            at_bound: None,
            untold: Evictions::default(),
            in_doubt: InDoubt::Nothing,
            append_in_doubt: None,
            unreadable_records: 0,
            mend_in_doubt: None,
            kept: Vec::new(),
        };
        Ok((spool, Opened { set_aside, is_new }))
    }

    /// The ring's sequence up to which everything is stored; 0 in a new spool. Opens the store
    /// if a failure closed it.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn ring_through(&mut self) -> Result<u64, Unavailable> {
        self.store.ensure_open()?;
        Ok(self.store.state().ring_through)
    }

    /// How full the spool is. Touches no disk.
    pub(crate) fn stats(&self) -> SpoolStats {
        let state = self.store.state();
        SpoolStats {
            lanes: state.lanes,
            file_bytes: self.store.growth().file_bytes(),
            dead: state.dead.records,
            dead_dropped: state.dead.dropped,
            delivered: state.delivered,
        }
    }

    /// Deletes everything: the file, what was set aside, every fact. A new file takes its place, in
    /// which the ring's position is kept, so that what is gone does not come back, and how many
    /// records went.
    ///
    /// # Errors
    /// When a file cannot be deleted; to try again does no harm.
    pub(crate) fn wipe(&mut self) -> io::Result<()> {
        self.at_bound = None;
        self.store.wipe()
    }
}
