//! The batches that wait for the upstream, on this machine's disk.
//!
//! * [`append`](Spool::append) returns once the batch is fsynced. Batches that arrive while a commit is
//!   under way share the next one, and where several come, that one waits three milliseconds for more,
//!   so many small clients do not cost an fsync each.
//! * [`peek`](Spool::peek) lends the oldest batches to the forwarder, led by the newest that carries an
//!   error; [`confirm`](Spool::confirm) removes what the upstream took; [`release`](Spool::release) puts back
//!   what it did not. No loan is written down: after a crash everything unconfirmed is lent again.
//! * A record's id is remembered for a window of time. A duplicate is answered only when the first is durable.
//! * What is waiting is bounded in bytes, and the disk keeps a headroom. Beyond either, `append` refuses.
//! * A file that cannot be read is set aside under another name and a fresh one is started.
//!
//! One thread writes (`writer`); the tables stand in `store`, the order of loans in `waiting`, the
//! remembered ids in `seen`.

mod command;
mod facts;
mod group;
mod marks;
mod room;
mod seen;
mod store;
mod waiting;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{Notify, oneshot, watch};
use uuid::Uuid;

use crate::config::Limits;
use command::Command;
pub use facts::Facts;
use room::{Room, Space};
pub use store::StoreError;
use store::{Opener, Store};
use waiting::Waiting;
use writer::Writer;

/// A batch as it is appended.
#[derive(Debug)]
pub struct Batch {
    /// An encoded `ExportLogsServiceRequest`, compressed or not.
    pub request: Vec<u8>,
    /// What is known of it.
    pub facts: Facts,
    /// The ids its clients gave its records; each at most once.
    pub ids: Vec<Uuid>,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Appended {
    /// Records that are new and now durable.
    pub records: u32,
    /// Records that were durable before.
    pub duplicates: u32,
}

/// Why a batch was not taken. Nothing of it was kept.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// What waits has reached its bound in bytes.
    #[error("the spool is at its bound")]
    Full,
    /// The disk is at its headroom.
    #[error("the disk is at its headroom")]
    DiskFull,
    /// The write failed.
    #[error("the spool could not be written")]
    Storage(#[source] Arc<StoreError>),
    /// The server is shutting down.
    #[error("the spool is closed")]
    Closed,
}

/// Why batches are refused at this moment, as readiness tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// What waits has reached its bound in bytes.
    #[error("the spool is at its bound")]
    Full,
    /// The disk is at its headroom.
    #[error("the disk is at its headroom")]
    DiskFull,
    /// The last write failed.
    #[error("the spool cannot be written")]
    Storage,
    /// The writer ended in a defect.
    #[error("the spool's writer ended in a defect")]
    Gone,
}

/// A batch lent to the forwarder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loan {
    /// Its place in the order of arrival.
    pub seq: u64,
    /// What is known of it.
    pub facts: Facts,
}

/// How much is waiting, lent batches included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Batches.
    pub batches: u64,
    /// Records.
    pub records: u64,
    /// Bytes of OTLP.
    pub bytes: u64,
}

/// The spool. Dropping it waits for the writer to finish what it was given.
#[derive(Debug)]
pub struct Spool {
    shared: Arc<Shared>,
    commands: Option<mpsc::Sender<Command>>,
    thread: Option<JoinHandle<()>>,
    /// Closed when the writer's thread has ended.
    alive: watch::Receiver<()>,
    recovered: Recovered,
}

/// What was found on opening.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovered {
    /// What was waiting.
    pub pending: Pending,
    /// The name a damaged file was set aside under.
    pub set_aside: Option<PathBuf>,
    /// Ids that are still remembered.
    pub ids: usize,
}

/// What the writer and the readers both touch.
#[derive(Debug)]
struct Shared {
    store: Store,
    waiting: Mutex<Waiting>,
    /// Told when there is something new to lend.
    arrived: Notify,
    /// Told when something was confirmed.
    confirmed: Notify,
    /// Whether the last commit failed.
    failing: AtomicBool,
    /// Bytes of the last batch, if there was no room for it; else zero.
    refused_bytes: AtomicU64,
    room: Room,
    /// How many ids are remembered, and since when: milliseconds since 1970, zero for none.
    ids: AtomicU64,
    oldest_id_ms: AtomicU64,
    ids_forgotten_early: AtomicU64,
}

impl Spool {
    /// Opens the spool in `dir`, creating both if missing.
    ///
    /// # Errors
    ///
    /// When the folder cannot be used, or another server uses it. A damaged file is no error: it
    /// is set aside, and [`recovered`](Spool::recovered) says where.
    pub fn open(dir: &Path, limits: &Limits) -> Result<Spool, StoreError> {
        Spool::open_with(dir, limits, &store::file_opener())
    }

    pub(crate) fn open_with(
        dir: &Path,
        limits: &Limits,
        opener: &Opener,
    ) -> Result<Spool, StoreError> {
        let opened = Store::open(dir, opener)?;
        let mut waiting = Waiting::default();
        for (seq, facts) in &opened.batches {
            waiting.add(*seq, *facts);
        }
        let recovered = Recovered {
            pending: waiting.pending(),
            set_aside: opened.set_aside,
            ids: opened.ids.len(),
        };
        let shared = Arc::new(Shared {
            store: opened.store,
            waiting: Mutex::new(waiting),
            arrived: Notify::new(),
            confirmed: Notify::new(),
            failing: AtomicBool::new(false),
            refused_bytes: AtomicU64::new(0),
            room: Room::new(limits),
            ids: AtomicU64::new(0),
            oldest_id_ms: AtomicU64::new(0),
            ids_forgotten_early: AtomicU64::new(0),
        });
        let (living, alive) = watch::channel(());
        let (commands, received) = mpsc::channel();
        let writer = Writer::new(Arc::clone(&shared), limits, opened.next_seq, opened.ids);
        let thread = std::thread::Builder::new()
            .name("spool-writer".to_owned())
            .spawn(move || {
                let _living = living;
                writer.run(&received);
            })
            .map_err(StoreError::Folder)?;
        Ok(Spool {
            shared,
            commands: Some(commands),
            thread: Some(thread),
            alive,
            recovered,
        })
    }

    /// What was found on opening.
    pub fn recovered(&self) -> &Recovered {
        &self.recovered
    }

    /// Keeps a batch; returns once it is durable.
    pub async fn append(&self, batch: Batch) -> Result<Appended, AppendError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Append { batch, reply });
        answer.await.unwrap_or(Err(AppendError::Closed))
    }

    /// Lends batches of at most so many records and bytes together; at least one, if any waits.
    pub fn peek(&self, max_records: usize, max_bytes: usize) -> Vec<Loan> {
        self.waiting().lend(max_records, max_bytes)
    }

    /// Reads a lent batch; `None` when it is not there any more.
    pub fn read(&self, seq: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.shared.store.read(seq)
    }

    /// Removes lent batches: the upstream has them, or their dead letters are durable.
    ///
    /// Returns at once. Until the next commit a crash would lend them again, and the upstream would
    /// see the same ids twice: that is the whole window in which a record can be forwarded twice.
    pub fn confirm(&self, seqs: Vec<u64>) {
        let mut waiting = self.waiting();
        waiting.remove(&seqs);
        // Before anyone sees that they are gone: whatever is appended after that is committed with
        // or after this.
        self.send(Command::Confirm { seqs });
        drop(waiting);
        self.shared.confirmed.notify_waiters();
    }

    /// Puts lent batches back.
    pub fn release(&self, seqs: &[u64]) {
        self.waiting().put_back(seqs);
        self.shared.arrived.notify_one();
    }

    /// Takes a lent batch that cannot be read out of the order of loans. It stays on disk, for the
    /// next start.
    pub fn set_apart(&self, seq: u64) {
        self.waiting().remove(&[seq]);
    }

    /// Replaces a lent batch by its parts, in one commit.
    pub async fn split(&self, seq: u64, parts: Vec<Batch>) -> Result<(), AppendError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Split { seq, parts, reply });
        answer.await.unwrap_or(Err(AppendError::Closed))
    }

    /// Opens the file again after a failed read, before which no other read succeeds.
    pub async fn reopen(&self) -> Result<(), AppendError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Reopen { reply });
        match answer.await {
            Ok(result) => result.map_err(AppendError::Storage),
            Err(_) => Err(AppendError::Closed),
        }
    }

    /// Why a batch like the last one would be refused now; `None` while batches are taken.
    ///
    /// Looked at anew each time: a server that nothing is sent to because it is not ready must find
    /// out by itself that it is ready again.
    pub fn refusal(&self) -> Option<Refusal> {
        let more = self.shared.refused_bytes.load(Ordering::Relaxed).max(1);
        if self.alive.has_changed().is_err() {
            Some(Refusal::Gone)
        } else if self.shared.failing.load(Ordering::Relaxed) {
            Some(Refusal::Storage)
        } else {
            let store = &self.shared.store;
            self.shared.lacks(more, || store.space())
        }
    }

    /// Returns when the writer has ended, which before [`drop`] only a defect can make it do.
    pub async fn gone(&self) {
        let mut alive = self.alive.clone();
        while alive.changed().await.is_ok() {}
    }

    /// The age of the oldest remembered id: how far back duplicates are known. Zero when none is.
    pub fn oldest_id(&self) -> Duration {
        let now_ms = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0);
        match self.shared.oldest_id_ms.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            oldest => Duration::from_millis(now_ms.saturating_sub(oldest)),
        }
    }

    /// How many ids had to be forgotten before their window was over, because too many came.
    pub fn ids_forgotten_early(&self) -> u64 {
        self.shared.ids_forgotten_early.load(Ordering::Relaxed)
    }

    /// How much is waiting.
    pub fn pending(&self) -> Pending {
        self.waiting().pending()
    }

    /// Whether anything waits that is not lent.
    pub fn has_ready(&self) -> bool {
        self.waiting().ready_bytes() > 0
    }

    /// Bytes that wait and are not lent.
    pub fn ready_bytes(&self) -> u64 {
        self.waiting().ready_bytes()
    }

    /// Returns when something may have become ready to lend.
    pub async fn arrived(&self) {
        self.shared.arrived.notified().await;
    }

    /// Returns once everything asked for so far is on disk.
    pub async fn flush(&self) {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Flush { reply });
        // A writer that is gone has nothing left to flush.
        let _ = answer.await;
    }

    fn send(&self, command: Command) {
        if let Some(commands) = &self.commands {
            // Without a writer the reply's sender is dropped, and the caller learns it from that.
            let _ = commands.send(command);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.shared.waiting()
    }
}

impl Shared {
    /// Why there is no room for so many bytes more; `None` when there is.
    fn lacks(&self, more: u64, space: impl FnOnce() -> Option<Space>) -> Option<Refusal> {
        let ids = self.ids.load(Ordering::Relaxed);
        let waiting = self.waiting().pending().bytes;
        self.room.lacks(more, waiting, ids, space)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has said so; there is nothing to add.
            let _ = thread.join();
        }
    }
}

/// How long an upstream's trouble may last before a client is told to come back: the hint of a
/// refusal.
pub(crate) const FULL_RETRY_AFTER: Duration = Duration::from_secs(30);

#[cfg(test)]
pub(crate) mod disk;
#[cfg(test)]
mod tests;
