//! A disk in memory that fails when a test tells it to: at a write, a sync or a read.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use redb::{Database, StorageBackend};

use super::Spool;
use super::room::Space;
use super::store::{Changes, Opener};

/// A disk in memory: what was written, and what of it has been synced.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    written: Mutex<Vec<u8>>,
    synced: Mutex<Vec<u8>>,
    /// Operations that still succeed; below zero they fail. `i64::MAX` is a sound disk.
    writes_left: AtomicI64,
    syncs_left: AtomicI64,
    /// Bytes it holds; zero is no end.
    capacity: AtomicU64,
    /// Reads that still succeed, and how many fail after them.
    reads_left: AtomicI64,
    bad_reads: AtomicI64,
    /// Whether the next write is a defect that panics.
    panics: AtomicBool,
    /// Whether a failure is the last thing that ever happens.
    off_after_failure: bool,
}

impl Disk {
    pub(crate) fn new(writes_left: i64, syncs_left: i64, off_after_failure: bool) -> Disk {
        Disk(Arc::new(Inner {
            writes_left: writes_left.into(),
            syncs_left: syncs_left.into(),
            reads_left: i64::MAX.into(),
            off_after_failure,
            ..Default::default()
        }))
    }

    /// The disk after the power came back: only what was synced.
    pub(crate) fn after_power_cut(&self) -> Disk {
        let disk = Disk::new(i64::MAX, i64::MAX, false);
        let synced = self.0.synced.lock().unwrap().clone();
        *disk.0.written.lock().unwrap() = synced.clone();
        *disk.0.synced.lock().unwrap() = synced;
        disk
    }

    pub(crate) fn opener(&self) -> Opener {
        let (disk, sized) = (self.clone(), self.clone());
        Opener {
            // Without a cache every read is the disk's.
            open: Arc::new(move |_| {
                Database::builder()
                    .set_cache_size(0)
                    .create_with_backend(disk.clone())
            }),
            space: Arc::new(move |_| sized.space()),
        }
    }

    /// A disk of so many bytes; without this it is without end.
    pub(crate) fn end_at(&self, bytes: u64) {
        self.0.capacity.store(bytes, Ordering::SeqCst);
    }

    fn space(&self) -> Option<Space> {
        let capacity = self.0.capacity.load(Ordering::SeqCst);
        if capacity == 0 {
            return None;
        }
        let file = self.0.written.lock().unwrap().len() as u64;
        Some(Space {
            free: capacity.saturating_sub(file),
            file,
        })
    }

    /// From now on, after `sound` reads `bad` ones fail.
    pub(crate) fn fail_reads(&self, sound: i64, bad: i64) {
        self.0.bad_reads.store(bad, Ordering::SeqCst);
        self.0.reads_left.store(sound, Ordering::SeqCst);
    }

    /// From now on, the sync after `sound` ones fails.
    pub(crate) fn fail_sync_after(&self, sound: i64) {
        self.0.syncs_left.store(sound, Ordering::SeqCst);
    }

    /// From now on, a write panics.
    pub(crate) fn panic_on_write(&self) {
        self.0.panics.store(true, Ordering::SeqCst);
    }

    /// How many syncs still succeed.
    pub(crate) fn syncs_left(&self) -> i64 {
        self.0.syncs_left.load(Ordering::SeqCst)
    }

    /// Keeps every read and write waiting until the guard is dropped.
    pub(crate) fn hold(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.written.lock().unwrap()
    }

    fn spend(&self, left: &AtomicI64) -> io::Result<()> {
        match left.fetch_sub(1, Ordering::SeqCst) {
            1.. => Ok(()),
            // The first failure, and every later one of a disk that stays off.
            0 => Err(io::Error::other("the disk fails")),
            _ if self.0.off_after_failure => Err(io::Error::other("the disk is off")),
            _ => Ok(()),
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.written.lock().unwrap().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if self.0.reads_left.fetch_sub(1, Ordering::SeqCst) <= 0
            && self.0.bad_reads.fetch_sub(1, Ordering::SeqCst) > 0
        {
            return Err(io::Error::other("the disk does not read"));
        }
        let written = self.0.written.lock().unwrap();
        let from = usize::try_from(offset).unwrap();
        let bytes = written
            .get(from..from + out.len())
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.spend(&self.0.writes_left)?;
        self.0
            .written
            .lock()
            .unwrap()
            .resize(usize::try_from(len).unwrap(), 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.spend(&self.0.syncs_left)?;
        *self.0.synced.lock().unwrap() = self.0.written.lock().unwrap().clone();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if self.0.panics.load(Ordering::SeqCst) {
            panic!("a defect below the writer");
        }
        self.spend(&self.0.writes_left)?;
        let from = usize::try_from(offset).unwrap();
        self.0.written.lock().unwrap()[from..from + data.len()].copy_from_slice(data);
        Ok(())
    }
}

impl Spool {
    /// Removes a batch from the file behind the spool's back.
    pub(crate) fn lose(&self, seq: u64) {
        let changes = Changes {
            remove: vec![seq],
            ..Default::default()
        };
        self.shared.store.commit(&changes).unwrap();
    }
}
