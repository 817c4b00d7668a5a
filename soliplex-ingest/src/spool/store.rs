//! The tables and the file they live in.
//!
//! | table | key | value |
//! |---|---|---|
//! | `batches` | place in the order of arrival | an encoded `ExportLogsServiceRequest`, compressed (`otlp::packed`) or not |
//! | `facts` | the same | records, bytes, urgent, earliest, latest: 25 bytes, little-endian |
//! | `ids` | place in the order of commits | when, in milliseconds since 1970 (8 bytes), and 16 bytes an id |
//!
//! Facts stand apart from batches so that opening a full spool does not read it whole.

use std::io;
use std::ops::RangeInclusive;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use redb::{Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, TableDefinition};
use uuid::Uuid;

use super::Facts;
use super::room::Space;
use crate::error::Chain;

const BATCHES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("batches");
const FACTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("facts");
const IDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("ids");

/// Why the spool's file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The data folder cannot be created or written.
    #[error("the data folder cannot be used")]
    Folder(#[source] io::Error),
    /// Another process has the file open.
    #[error("the data folder is in use by another server; give each server a folder of its own")]
    InUse,
    /// The file could not be read or written.
    #[error("the spool's file failed")]
    File(#[source] Box<redb::Error>),
}

impl<E: Into<redb::Error>> From<E> for StoreError {
    fn from(error: E) -> Self {
        StoreError::File(Box::new(error.into()))
    }
}

/// The file. A failed write closes it for good in redb, so it can be opened again in place.
pub(super) struct Store {
    path: PathBuf,
    opener: Opener,
    database: RwLock<Option<Database>>,
}

/// What the file lives on; tests have a disk that fails on purpose.
#[derive(Clone)]
pub(crate) struct Opener {
    /// Opens the file at a path.
    pub(crate) open: Open,
    /// How much room there is for the file at a path.
    pub(crate) space: Look,
}

type Open = Arc<dyn Fn(&Path) -> Result<Database, DatabaseError> + Send + Sync>;
type Look = Arc<dyn Fn(&Path) -> Option<Space> + Send + Sync>;

/// The ids of one earlier commit.
#[derive(Debug)]
pub(super) struct IdGroup {
    pub(super) key: u64,
    pub(super) at_ms: u64,
    pub(super) ids: Vec<Uuid>,
}

/// A store and what was in it.
pub(super) struct Opened {
    pub(super) store: Store,
    pub(super) batches: Vec<(u64, Facts)>,
    pub(super) ids: Vec<IdGroup>,
    pub(super) next_seq: u64,
    pub(super) set_aside: Option<PathBuf>,
}

/// What one commit changes.
#[derive(Debug, Default)]
pub(super) struct Changes<'a> {
    pub(super) append: Vec<(u64, Facts, &'a [u8])>,
    pub(super) remove: Vec<u64>,
    pub(super) remember: Option<(u64, u64, &'a [Uuid])>,
    pub(super) forget: Vec<RangeInclusive<u64>>,
}

impl Changes<'_> {
    fn is_empty(&self) -> bool {
        self.append.is_empty()
            && self.remove.is_empty()
            && self.remember.is_none()
            && self.forget.is_empty()
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Store {
    pub(super) fn open(dir: &Path, opener: &Opener) -> Result<Opened, StoreError> {
        std::fs::create_dir_all(dir).map_err(StoreError::Folder)?;
        let path = dir.join(FILE);
        let aside = dir.join(format!(
            "{FILE}.damaged-{}",
            jiff::Timestamp::now().as_millisecond()
        ));
        match Store::try_open(&path, opener) {
            Err(StoreError::File(error)) if !is_environment(&error) => {
                tracing::error!(error = %Chain(&*error), aside = %aside.display(), "the spool is damaged and set aside");
                std::fs::rename(&path, &aside).map_err(StoreError::Folder)?;
                let opened = Store::try_open(&path, opener)?;
                Ok(Opened {
                    set_aside: Some(aside),
                    ..opened
                })
            }
            opened => opened,
        }
    }

    fn try_open(path: &Path, opener: &Opener) -> Result<Opened, StoreError> {
        // A file full of nonsense may trip an assertion in the reader; that is damage too.
        let opened = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let database = open_database(path, opener)?;
            let contents = load(&database)?;
            Ok::<_, StoreError>((database, contents))
        }));
        let (database, contents) = opened.unwrap_or_else(|_| {
            Err(StoreError::from(redb::Error::Corrupted(
                "reading the file panicked".to_owned(),
            )))
        })?;
        Ok(Opened {
            store: Store {
                path: path.to_owned(),
                opener: opener.clone(),
                database: RwLock::new(Some(database)),
            },
            batches: contents.batches,
            next_seq: contents.next_seq,
            ids: contents.ids,
            set_aside: None,
        })
    }

    pub(super) fn read(&self, seq: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.with(|database| {
            let table = database.begin_read()?.open_table(BATCHES)?;
            Ok(table.get(seq)?.map(|value| value.value().to_vec()))
        })
    }

    /// Whether a batch is in the file.
    pub(super) fn holds(&self, seq: u64) -> Result<bool, StoreError> {
        self.with(|database| {
            let table = database.begin_read()?.open_table(FACTS)?;
            Ok(table.get(seq)?.is_some())
        })
    }

    /// The ids of the commits under these keys.
    pub(super) fn ids(&self, keys: RangeInclusive<u64>) -> Result<Vec<Uuid>, StoreError> {
        self.with(|database| {
            let table = database.begin_read()?.open_table(IDS)?;
            let mut ids = Vec::new();
            for entry in table.range(keys)? {
                ids.append(&mut read_ids(entry?.1.value()).1);
            }
            Ok(ids)
        })
    }

    /// Commits with an fsync: when this returns, the changes survive a power cut.
    pub(super) fn commit(&self, changes: &Changes<'_>) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        self.with(|database| {
            let write = database.begin_write()?;
            {
                let mut batches = write.open_table(BATCHES)?;
                let mut facts = write.open_table(FACTS)?;
                let mut ids = write.open_table(IDS)?;
                for (seq, fact, request) in &changes.append {
                    batches.insert(seq, *request)?;
                    facts.insert(seq, fact.to_bytes().as_slice())?;
                }
                for seq in &changes.remove {
                    batches.remove(seq)?;
                    facts.remove(seq)?;
                }
                if let Some((key, at_ms, new)) = changes.remember {
                    ids.insert(key, write_ids(at_ms, new).as_slice())?;
                }
                for keys in &changes.forget {
                    ids.retain_in(keys.clone(), |_, _| false)?;
                }
            }
            write.commit()?;
            Ok(())
        })
    }

    /// Opens the file again after a failed write.
    pub(super) fn reopen(&self) -> Result<(), StoreError> {
        let mut database = self
            .database
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        // The old handle holds the file's lock.
        *database = None;
        *database = Some(open_database(&self.path, &self.opener)?);
        Ok(())
    }

    /// How much room the disk has; `None` where the system does not tell.
    pub(super) fn space(&self) -> Option<Space> {
        (self.opener.space)(&self.path)
    }

    fn with<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        match &*database {
            Some(database) => work(database),
            None => Err(StoreError::from(redb::Error::PreviousIo)),
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let database = self
            .database
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // After a panic inside redb its closing panics too; the next start repairs what is left.
        let _ = std::panic::catch_unwind(AssertUnwindSafe(|| drop(database)));
    }
}

/// Opens the real file.
pub(super) fn file_opener() -> Opener {
    Opener {
        open: Arc::new(|path| Database::builder().set_cache_size(CACHE_BYTES).create(path)),
        space: Arc::new(|path| {
            let disk = rustix::fs::statvfs(path.parent()?).ok()?;
            // A file may be longer than what the disk has given it.
            let blocks = rustix::fs::stat(path).ok()?.st_blocks;
            Some(Space {
                free: disk.f_bavail.saturating_mul(disk.f_frsize),
                file: u64::try_from(blocks).ok()?.saturating_mul(512),
            })
        }),
    }
}

fn open_database(path: &Path, opener: &Opener) -> Result<Database, StoreError> {
    match (opener.open)(path) {
        Ok(database) => Ok(database),
        Err(DatabaseError::DatabaseAlreadyOpen) => Err(StoreError::InUse),
        Err(error) => Err(error.into()),
    }
}

struct Contents {
    batches: Vec<(u64, Facts)>,
    ids: Vec<IdGroup>,
    next_seq: u64,
}

fn load(database: &Database) -> Result<Contents, StoreError> {
    let write = database.begin_write()?;
    // Opening a table creates it, so that readers always find all three.
    write.open_table(BATCHES)?;
    write.open_table(FACTS)?;
    write.open_table(IDS)?;
    write.commit()?;

    let read = database.begin_read()?;
    let mut batches = Vec::new();
    // From the clock, so that a place is not used again after everything was drained: dead letters
    // are named by it. Whatever is in the tables wins over a clock that went back.
    let mut next_seq = u64::try_from(jiff::Timestamp::now().as_microsecond()).unwrap_or(0);
    for entry in read.open_table(FACTS)?.iter()? {
        let (seq, facts) = entry?;
        next_seq = next_seq.max(seq.value() + 1);
        batches.extend(Facts::from_bytes(facts.value()).map(|facts| (seq.value(), facts)));
    }
    let mut ids = Vec::new();
    for entry in read.open_table(IDS)?.iter()? {
        let (key, value) = entry?;
        next_seq = next_seq.max(key.value() + 1);
        let (at_ms, group) = read_ids(value.value());
        ids.push(IdGroup {
            key: key.value(),
            at_ms,
            ids: group,
        });
    }
    Ok(Contents {
        batches,
        ids,
        next_seq,
    })
}

/// Whether the error is the machine's (no right, no room) rather than the file's.
fn is_environment(error: &redb::Error) -> bool {
    match error {
        redb::Error::Io(error) => !matches!(
            error.kind(),
            // redb says so of a file that is not its own, or ends too soon.
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
        ),
        _ => false,
    }
}

fn write_ids(at_ms: u64, ids: &[Uuid]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 + 16 * ids.len());
    bytes.extend_from_slice(&at_ms.to_le_bytes());
    ids.iter()
        .for_each(|id| bytes.extend_from_slice(id.as_bytes()));
    bytes
}

fn read_ids(bytes: &[u8]) -> (u64, Vec<Uuid>) {
    let Some((at_ms, ids)) = bytes.split_first_chunk::<8>() else {
        return (0, Vec::new());
    };
    let ids = ids
        .chunks_exact(16)
        .filter_map(|id| Uuid::from_slice(id).ok())
        .collect();
    (u64::from_le_bytes(*at_ms), ids)
}

const FILE: &str = "spool.redb";

/// A mebibyte is as fast as redb's default of one gibibyte; two leave room for the largest batch.
const CACHE_BYTES: usize = 2 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_what_they_write() {
        let ids = [Uuid::now_v7(), Uuid::nil(), Uuid::max()];
        assert_eq!(read_ids(&write_ids(5, &ids)), (5, ids.to_vec()));
    }
}
