//! A disk in memory that fails on demand: at a given call, when full, or by losing what was not
//! synced. Clones are the same disk.

use redb::StorageBackend;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    live: Vec<u8>,
    /// What the last sync made durable, where crashes are asked for.
    durable: Option<Vec<u8>>,
    /// What was done since.
    unsynced: Vec<Change>,
    calls: u64,
    syncs: u64,
    failing: Range<u64>,
    fails_as: Option<ErrorKind>,
    has_failed: bool,
    panic_at_call: Option<u64>,
    power_lost_at_sync: Option<u64>,
    capacity: Option<usize>,
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    SetLen(usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(at, data) => {
                let end = at + data.len();
                bytes.resize(bytes.len().max(end), 0);
                bytes[*at..end].copy_from_slice(data);
            }
            Self::SetLen(len) => bytes.resize(*len, 0),
        }
    }
}

impl Disk {
    /// The `n`th call from now on fails, and only that one.
    pub(crate) fn fail_once_at(&self, n: u64) {
        self.fail_times_at(n, 1);
    }

    /// The `n`th call from now on fails, and every later one.
    pub(crate) fn fail_from(&self, n: u64) {
        self.fail_times_at(n, u64::MAX);
    }

    /// The `n`th call from now on fails, and so many in all.
    pub(crate) fn fail_times_at(&self, n: u64, times: u64) {
        let mut inner = self.inner();
        let first = inner.calls + n;
        inner.failing = first..first.saturating_add(times);
    }

    /// What fails from now on fails for this reason.
    pub(crate) fn fail_as(&self, kind: ErrorKind) {
        self.inner().fails_as = Some(kind);
    }

    /// The `n`th call from now on panics.
    pub(crate) fn panic_once_at(&self, n: u64) {
        let mut inner = self.inner();
        inner.panic_at_call = Some(inner.calls + n);
    }

    pub(crate) fn is_to_panic(&self) -> bool {
        let inner = self.inner();
        inner.panic_at_call.is_some_and(|at| inner.calls < at)
    }

    /// Ends the failing.
    pub(crate) fn heal(&self) {
        self.inner().failing = 0..0;
    }

    /// Whether any call ever failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.inner().has_failed
    }

    /// From now on no more than this many bytes fit.
    pub(crate) fn set_capacity(&self, capacity: Option<usize>) {
        self.inner().capacity = capacity;
    }

    /// From now on remembers what is not yet synced.
    pub(crate) fn watch_syncs(&self) {
        let mut inner = self.inner();
        inner.durable = Some(inner.live.clone());
    }

    /// The power goes in the middle of the `n`th sync from now on; what follows fails.
    pub(crate) fn lose_power_at_sync(&self, n: u64) {
        let mut inner = self.inner();
        inner.power_lost_at_sync = Some(inner.syncs + n);
    }

    pub(crate) fn has_power(&self) -> bool {
        let inner = self.inner();
        inner.power_lost_at_sync.is_none_or(|at| inner.syncs < at)
    }

    /// The disk as it may be found after the power came back: all that was synced, and those of
    /// the later changes that `reached` lets through, by their number.
    pub(crate) fn after_power_loss(&self, reached: impl Fn(usize) -> bool) -> Self {
        let inner = self.inner();
        let mut live = inner.durable.clone().unwrap();
        for (number, change) in inner.unsynced.iter().enumerate() {
            if reached(number) {
                change.apply(&mut live);
            }
        }
        Self::of(live)
    }

    pub(crate) fn of(live: Vec<u8>) -> Self {
        let inner = Inner {
            live,
            ..Inner::default()
        };
        Self(Arc::new(Mutex::new(inner)))
    }

    /// The same bytes once more, as a killed process leaves them.
    pub(crate) fn as_left(&self) -> Self {
        Self::of(self.inner().live.clone())
    }

    pub(crate) fn len(&self) -> usize {
        self.inner().live.len()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    fn call(&self) -> io::Result<MutexGuard<'_, Inner>> {
        let mut inner = self.inner();
        inner.calls += 1;
        let (calls, syncs) = (inner.calls, inner.syncs);
        let fails = inner.failing.contains(&calls);
        if inner.panic_at_call == Some(calls) {
            drop(inner);
            panic!("injected");
        }
        let dark = inner.power_lost_at_sync.is_some_and(|at| syncs >= at);
        if fails || dark {
            inner.has_failed = true;
            let kind = inner.fails_as.unwrap_or(ErrorKind::Other);
            return Err(io::Error::new(kind, "injected"));
        }
        Ok(inner)
    }
}

impl Inner {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.live);
        if self.durable.is_some() {
            self.unsynced.push(change);
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.call()?.live.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let inner = self.call()?;
        let at = usize::try_from(offset).unwrap();
        let bytes = inner.live.get(at..at + out.len());
        out.copy_from_slice(bytes.ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).unwrap();
        self.call()?.change(Change::SetLen(len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut inner = self.call()?;
        inner.syncs += 1;
        if inner.power_lost_at_sync == Some(inner.syncs) {
            return Err(io::Error::other("power lost"));
        }
        if let Some(mut durable) = inner.durable.take() {
            for change in inner.unsynced.drain(..) {
                change.apply(&mut durable);
            }
            inner.durable = Some(durable);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut inner = self.call()?;
        let at = usize::try_from(offset).unwrap();
        let end = at + data.len();
        if inner.capacity.is_some_and(|capacity| end > capacity) {
            return Err(ErrorKind::StorageFull.into());
        }
        inner.change(Change::Write(at, data.to_vec()));
        Ok(())
    }
}
