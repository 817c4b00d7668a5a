//! What the upstream refused for good: one file a request, for an operator to read and to send
//! again.
//!
//! A dead letter is a JSON object: when, why, how many records, and the request in OTLP's own JSON.
//! The files stand in `dead-letters/` of the data folder and can be listed, exported and sent again
//! while the server runs (`soliplex-ingest dead-letters …`). A file is complete or absent: it is
//! written under another name, fsynced and renamed. Together they are bounded in bytes; the oldest
//! go first, and are counted. A letter that is longer than the bound by itself is kept without its
//! request: one letter never costs all others.
//!
//! The server keeps their size in memory. An operator may remove files at the same time, so a
//! file that is gone is no error, and the folder is looked at again before anything has to go.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

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
    /// Bytes of all letters, as far as this process knows. Held while writing: one writer at a
    /// time, so that the bound is kept.
    bytes: Mutex<u64>,
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

impl DeadLetter {
    fn without_request(&self) -> Self {
        DeadLetter {
            request: ExportLogsServiceRequest::default(),
            answer: format!("{}; the request was too long to keep", self.answer),
            ..self.clone()
        }
    }
}

impl DeadLetters {
    /// Opens the folder below `data_dir`, creating it if missing.
    pub fn open(data_dir: &Path, max_bytes: u64) -> io::Result<DeadLetters> {
        let dir = data_dir.join("dead-letters");
        fs::create_dir_all(&dir)?;
        let letters = DeadLetters {
            dir,
            max_bytes,
            bytes: Mutex::new(0),
        };
        letters.look(&mut letters.bytes.lock().unwrap_or_else(PoisonError::into_inner))?;
        Ok(letters)
    }

    /// Removes what a kill left half written: its batch was not confirmed, and is forwarded again.
    ///
    /// Only for the server that has the folder's spool: another's letter may be under way.
    pub(crate) fn clear_unfinished(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            if path.extension().is_some_and(|name| name == UNFINISHED) {
                present(fs::remove_file(path))?;
            }
        }
        Ok(())
    }

    /// How many there are.
    pub fn count(&self) -> io::Result<u64> {
        let names = fs::read_dir(&self.dir)?.filter_map(Result::ok);
        let letters = names.filter(|entry| is_letter(&entry.path()));
        Ok(letters.count() as u64)
    }

    /// Keeps a dead letter; returns once it is on disk, with how many older ones had to go.
    pub fn put(&self, letter: &DeadLetter) -> io::Result<u64> {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut json = serde_json::to_vec(letter)?;
        if json.len() as u64 > self.max_bytes {
            tracing::error!(
                bytes = json.len(),
                "a dead letter is longer than limits.dead_letter_bytes and kept without its request"
            );
            json = serde_json::to_vec(&letter.without_request())?;
        }
        let more = json.len() as u64;
        if more > self.max_bytes {
            return Ok(1);
        }
        // The place makes a repetition after a crash overwrite its first copy.
        let path = self
            .dir
            .join(format!("{:020}-{:03}.json", letter.place.0, letter.place.1));
        let evicted = if bytes.saturating_add(more) > self.max_bytes {
            self.make_room(more, &mut bytes)?
        } else {
            0
        };
        let replaced = present(fs::metadata(&path))?.map(|old| old.len());
        let unfinished = path.with_extension(UNFINISHED);
        let mut file = File::create(&unfinished)?;
        file.write_all(&json)?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)?;
        File::open(&self.dir)?.sync_all()?;
        *bytes = (*bytes + more).saturating_sub(replaced.unwrap_or(0));
        Ok(evicted)
    }

    /// The dead letters' files, oldest first.
    pub fn list(&self) -> io::Result<Vec<PathBuf>> {
        let found = self.files()?.into_iter();
        Ok(found.map(|(_, path, _)| path).collect())
    }

    /// When each letter was written, where it is, and how long it is; oldest first.
    fn files(&self) -> io::Result<Vec<(SystemTime, PathBuf, u64)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            if is_letter(&path)
                && let Some(data) = present(fs::metadata(&path))?
            {
                found.push((data.modified()?, path, data.len()));
            }
        }
        found.sort();
        Ok(found)
    }

    /// Reads one.
    pub fn read(&self, path: &Path) -> io::Result<DeadLetter> {
        Ok(serde_json::from_slice(&fs::read(path)?)?)
    }

    /// Learns what is there.
    fn look(&self, bytes: &mut u64) -> io::Result<Vec<(SystemTime, PathBuf, u64)>> {
        let files = self.files()?;
        *bytes = files.iter().map(|(_, _, len)| len).sum();
        Ok(files)
    }

    fn make_room(&self, more: u64, bytes: &mut u64) -> io::Result<u64> {
        let mut evicted = 0;
        for (_, path, len) in self.look(bytes)? {
            if bytes.saturating_add(more) <= self.max_bytes {
                break;
            }
            evicted += u64::from(present(fs::remove_file(path))?.is_some());
            *bytes -= len;
        }
        Ok(evicted)
    }
}

fn is_letter(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "json")
}

/// How the name of a letter ends while it is written.
const UNFINISHED: &str = "tmp";

/// The result of work on a file that somebody else may remove at any time; `None` when it is gone.
pub(crate) fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
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

    #[test]
    fn a_letter_over_the_bound_costs_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let one = serde_json::to_vec(&letter(1)).unwrap().len() as u64;
        let letters = DeadLetters::open(dir.path(), 4 * one).unwrap();
        assert_eq!(letters.put(&letter(1)).unwrap(), 0);
        let mut long = letter(2);
        let resource = crate::otlp::proto::ResourceLogs {
            schema_url: "x".repeat(usize::try_from(5 * one).unwrap()),
            ..Default::default()
        };
        long.request.resource_logs.push(resource);
        assert_eq!(letters.put(&long).unwrap(), 0);
        let files = letters.list().unwrap();
        assert_eq!(files.len(), 2);
        let kept = letters.read(&files[1]).unwrap();
        assert_eq!(kept.request, ExportLogsServiceRequest::default());
        assert_eq!(kept.answer, "status 400; the request was too long to keep");
    }

    /// Nobody lists it and no bound counts it, so it must not stay.
    #[test]
    fn what_a_kill_left_half_written_goes_and_the_letters_stay() {
        let dir = tempfile::tempdir().unwrap();
        let letters = DeadLetters::open(dir.path(), 1 << 20).unwrap();
        assert_eq!(letters.put(&letter(1)).unwrap(), 0);
        let whole = letters.list().unwrap();
        fs::write(whole[0].with_extension("tmp"), "{\"at\":").unwrap();
        letters.clear_unfinished().unwrap();
        let left = fs::read_dir(dir.path().join("dead-letters")).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().path()).collect();
        assert_eq!(left, whole);
    }

    #[test]
    fn what_an_operator_removes_is_no_error_and_makes_room() {
        let dir = tempfile::tempdir().unwrap();
        let one = serde_json::to_vec(&letter(1)).unwrap().len() as u64;
        let letters = DeadLetters::open(dir.path(), 2 * one + one / 2).unwrap();
        for place in 1..=2 {
            assert_eq!(letters.put(&letter(place)).unwrap(), 0);
        }
        assert_eq!(letters.count().unwrap(), 2);
        let gone = &letters.list().unwrap()[0];
        fs::remove_file(gone).unwrap();
        assert!(present(letters.read(gone)).unwrap().is_none());
        assert_eq!(letters.put(&letter(3)).unwrap(), 0, "there was room");
        assert_eq!(letters.count().unwrap(), 2);
        drop(letters);
        assert_eq!(
            DeadLetters::open(dir.path(), one).unwrap().count().unwrap(),
            2
        );
    }
}
