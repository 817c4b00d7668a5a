//! What the upstream refused for good: one file a request, for an operator to read and to send again.
//!
//! A dead letter is a JSON object: when, why, how many records, and the request in OTLP's own JSON. The files
//! stand in `dead-letters/` of the data folder and can be listed, exported and sent again while the server
//! runs (`soliplex-ingest dead-letters …`). A file is complete or absent: it is written under another
//! name, fsynced and renamed. Together they are bounded in bytes; the oldest go first, and are counted.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use prost::Message as _;
use serde::{Deserialize, Serialize};

use crate::metrics::Reason;
use crate::otlp::proto::ExportLogsServiceRequest;

/// A refused request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeadLetter {
    /// When it was refused.
    pub at: Timestamp,
    /// Why, in the words of the counters.
    pub reason: String,
    /// What the upstream said.
    pub answer: String,
    /// How many of its records were refused; fewer than `records` after a partial success.
    pub refused: u64,
    /// How many records it holds.
    pub records: u64,
    /// The request.
    pub request: ExportLogsServiceRequest,
    #[serde(skip)]
    place: (u64, u64),
}

/// The folder of dead letters.
#[derive(Debug)]
pub struct DeadLetters {
    dir: PathBuf,
    max_bytes: u64,
    /// One writer at a time, so that the bound is kept.
    writing: Mutex<()>,
}

impl DeadLetter {
    pub(crate) fn new(
        place: (u64, u64),
        reason: Reason,
        answer: String,
        refused: u64,
        records: u64,
        request: &[u8],
    ) -> Self {
        DeadLetter {
            at: Timestamp::now(),
            reason: reason.as_str().to_owned(),
            answer,
            refused,
            records,
            // An undecodable request leaves an empty one: the counts still tell.
            request: ExportLogsServiceRequest::decode(request).unwrap_or_default(),
            place,
        }
    }
}

impl DeadLetters {
    /// Opens the folder below `data_dir`, creating it if missing.
    pub fn open(data_dir: &Path, max_bytes: u64) -> io::Result<DeadLetters> {
        let dir = data_dir.join("dead-letters");
        fs::create_dir_all(&dir)?;
        Ok(DeadLetters {
            dir,
            max_bytes,
            writing: Mutex::new(()),
        })
    }

    /// Keeps a dead letter; returns once it is on disk, with how many older ones had to go.
    pub fn put(&self, letter: &DeadLetter) -> io::Result<u64> {
        let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let json = serde_json::to_vec(letter)?;
        let evicted = self.make_room(json.len() as u64)?;
        // The place makes a repetition after a crash overwrite its first copy.
        let path = self
            .dir
            .join(format!("{:020}-{:03}.json", letter.place.0, letter.place.1));
        let unfinished = path.with_extension("tmp");
        let mut file = File::create(&unfinished)?;
        file.write_all(&json)?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)?;
        File::open(&self.dir)?.sync_all()?;
        Ok(evicted)
    }

    /// The dead letters' files, oldest first.
    pub fn list(&self) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                let modified = fs::metadata(&path)?.modified()?;
                found.push((modified, path));
            }
        }
        found.sort();
        Ok(found.into_iter().map(|(_, path)| path).collect())
    }

    /// Reads one.
    pub fn read(&self, path: &Path) -> io::Result<DeadLetter> {
        Ok(serde_json::from_slice(&fs::read(path)?)?)
    }

    fn make_room(&self, more: u64) -> io::Result<u64> {
        let mut files = Vec::new();
        for path in self.list()? {
            let bytes = fs::metadata(&path)?.len();
            files.push((path, bytes));
        }
        let mut total: u64 = files.iter().map(|(_, bytes)| bytes).sum();
        let mut evicted = 0;
        for (path, bytes) in files {
            if total.saturating_add(more) <= self.max_bytes {
                break;
            }
            fs::remove_file(path)?;
            total -= bytes;
            evicted += 1;
        }
        Ok(evicted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(place: u64) -> DeadLetter {
        DeadLetter::new((place, 0), Reason::Refused, "status 400".into(), 1, 1, &[])
    }

    #[test]
    fn a_repetition_overwrites_and_does_not_add() {
        let dir = tempfile::tempdir().unwrap();
        let letters = DeadLetters::open(dir.path(), 1 << 20).unwrap();
        assert_eq!(letters.put(&letter(3)).unwrap(), 0);
        assert_eq!(letters.put(&letter(3)).unwrap(), 0);
        let files = letters.list().unwrap();
        assert_eq!(files.len(), 1);
        assert_eq!(letters.read(&files[0]).unwrap().reason, "refused");
    }

    #[test]
    fn at_the_bound_the_oldest_go_first_and_are_counted() {
        let dir = tempfile::tempdir().unwrap();
        let one = serde_json::to_vec(&letter(1)).unwrap().len() as u64;
        let letters = DeadLetters::open(dir.path(), 2 * one + one / 2).unwrap();
        let evicted: u64 = (1..=4)
            .map(|place| letters.put(&letter(place)).unwrap())
            .sum();
        assert_eq!(evicted, 2);
        assert_eq!(letters.list().unwrap().len(), 2);
    }
}
