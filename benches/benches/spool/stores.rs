//! The stores, each used as one would for this: a durable commit of many, and the oldest out.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use crate::client::spool::{
    Append, Cursor, Directory, Frame, Lane, PeekLimits, Spool, SpoolOptions,
};

pub(crate) const RECORD_BYTES: usize = 500;

pub(crate) const BARE: &str = "bare file";
pub(crate) const OURS: &str = "ours";

/// Keeps records in the order they came.
pub(crate) trait Store {
    /// Stores so many more in one commit.
    fn append(&mut self, records: usize);

    /// Reads the oldest, at most so many, then removes them in one commit. Says how many.
    fn take(&mut self, most: usize) -> usize;

    /// Makes its files as small as it can.
    fn tidy(&mut self) {}
}

/// Opens a store in a folder.
pub(crate) type Open = fn(&Path) -> Box<dyn Store>;

/// Every store, with its name.
pub(crate) const ALL: &[(&str, Open)] = &[
    (OURS, |folder| Box::new(Ours::open(folder))),
    #[cfg(feature = "peers")]
    ("SQLite, WAL, FULL", |folder| Box::new(Sqlite::open(folder))),
    #[cfg(feature = "peers")]
    ("fjall, synced", |folder| Box::new(Fjall::open(folder))),
];

/// The limit: no order, no index, nothing ever removed.
pub(crate) fn bare_file(folder: &Path, records: usize) -> impl FnMut() {
    let mut file = File::create(folder.join("bare")).unwrap();
    let payload = vec![b'x'; RECORD_BYTES * records];
    move || {
        file.write_all(&payload).unwrap();
        file.sync_data().unwrap();
    }
}

struct Ours {
    spool: Spool,
    seq: u64,
}

impl Ours {
    fn open(folder: &Path) -> Ours {
        let options = SpoolOptions {
            max_bytes: 4 << 30,
            ..SpoolOptions::default()
        };
        let directory = Directory::open(folder).unwrap();
        let (spool, _) = Spool::open_in(directory, &options).unwrap();
        Ours { spool, seq: 0 }
    }
}

impl Store for Ours {
    fn append(&mut self, records: usize) {
        let payload = [b'x'; RECORD_BYTES];
        let frames: Vec<Frame<'_>> = (self.seq..)
            .take(records)
            .map(|seq| Frame {
                lane: Lane::Normal,
                context: 1,
                seq,
                unix_nanos: i64::MAX,
                payload: &payload,
            })
            .collect();
        self.seq += records as u64;
        self.spool
            .append(Append {
                frames: &frames,
                contexts: &[(1, b"facts")],
                ring_through: self.seq,
                ..Append::default()
            })
            .unwrap();
    }

    fn take(&mut self, most: usize) -> usize {
        let limits = PeekLimits {
            max_records: most as u64,
            max_bytes: 900_000.max(2 * (most * RECORD_BYTES) as u64),
        };
        let Some(batch) = self.spool.peek(Cursor::default(), limits).unwrap() else {
            return 0;
        };
        self.spool.confirm(&batch.handle, &[], 0).unwrap();
        batch.records.len()
    }

    fn tidy(&mut self) {
        self.spool.compact_if_worth().unwrap();
    }
}

#[cfg(feature = "peers")]
struct Sqlite(rusqlite::Connection);

#[cfg(feature = "peers")]
impl Sqlite {
    fn open(folder: &Path) -> Sqlite {
        let connection = rusqlite::Connection::open(folder.join("store.sqlite")).unwrap();
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                 CREATE TABLE IF NOT EXISTS records (id INTEGER PRIMARY KEY, body BLOB NOT NULL);",
            )
            .unwrap();
        Sqlite(connection)
    }
}

#[cfg(feature = "peers")]
impl Store for Sqlite {
    fn append(&mut self, records: usize) {
        let payload = [b'x'; RECORD_BYTES];
        let commit = self.0.transaction().unwrap();
        {
            let mut insert = commit
                .prepare_cached("INSERT INTO records (body) VALUES (?1)")
                .unwrap();
            for _ in 0..records {
                insert.execute([&payload[..]]).unwrap();
            }
        }
        commit.commit().unwrap();
    }

    fn take(&mut self, most: usize) -> usize {
        let commit = self.0.transaction().unwrap();
        let (mut taken, mut last) = (0, 0_i64);
        {
            let mut oldest = commit
                .prepare_cached("SELECT id, body FROM records ORDER BY id LIMIT ?1")
                .unwrap();
            let mut rows = oldest.query([most as i64]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                last = row.get(0).unwrap();
                std::hint::black_box(row.get::<_, Vec<u8>>(1).unwrap());
                taken += 1;
            }
            let mut delete = commit
                .prepare_cached("DELETE FROM records WHERE id <= ?1")
                .unwrap();
            delete.execute([last]).unwrap();
        }
        commit.commit().unwrap();
        taken
    }

    fn tidy(&mut self) {
        self.0
            .execute_batch(
                "PRAGMA wal_checkpoint(TRUNCATE); VACUUM; PRAGMA wal_checkpoint(TRUNCATE);",
            )
            .unwrap();
    }
}

#[cfg(feature = "peers")]
struct Fjall {
    database: fjall::Database,
    records: fjall::Keyspace,
    next: u64,
    /// What has been taken, so that no search goes through what was removed.
    oldest: u64,
}

#[cfg(feature = "peers")]
impl Fjall {
    fn open(folder: &Path) -> Fjall {
        let database = fjall::Database::builder(folder.join("fjall"))
            .open()
            .unwrap();
        let records = database
            .keyspace("records", fjall::KeyspaceCreateOptions::default)
            .unwrap();
        Fjall {
            database,
            records,
            next: 0,
            oldest: 0,
        }
    }
}

#[cfg(feature = "peers")]
impl Store for Fjall {
    fn append(&mut self, records: usize) {
        let payload = [b'x'; RECORD_BYTES];
        let mut batch = self
            .database
            .batch()
            .durability(Some(fjall::PersistMode::SyncData));
        for _ in 0..records {
            batch.insert(&self.records, self.next.to_be_bytes(), payload);
            self.next += 1;
        }
        batch.commit().unwrap();
    }

    fn take(&mut self, most: usize) -> usize {
        let mut batch = self
            .database
            .batch()
            .durability(Some(fjall::PersistMode::SyncData));
        let mut taken = 0;
        for guard in self.records.range(self.oldest.to_be_bytes()..).take(most) {
            let (key, value) = guard.into_inner().unwrap();
            std::hint::black_box(&value);
            self.oldest = u64::from_be_bytes((&*key).try_into().unwrap()) + 1;
            batch.remove(&self.records, key);
            taken += 1;
        }
        batch.commit().unwrap();
        taken
    }
}
