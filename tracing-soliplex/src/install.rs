//! The installation's id: made once, kept in a file of its own beside the store.
//!
//! A file of its own, so that it outlives a store that had to be set aside; and should that file be
//! lost or damaged, the [run's marker](crate::run) still has it. It is random, and says nothing of
//! the machine it was made on.
//!
//! The file is one line: the id, a space, and the CRC-32 of the id's text in eight hexadecimal
//! digits, since one digit of an id that has turned over makes another id.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use soliplex_wire::Uuid;

const FILE: &str = "install-id";

/// The id of the installation that keeps its store in `directory`.
///
/// An id that is not there or is no id is replaced, by that of the run before where `marked` says
/// it. One that cannot be read just now gives way for this run, and is left as it is.
pub(crate) fn id(directory: Option<&Path>, marked: Option<Uuid>) -> String {
    let path = directory.map(|directory| directory.join(FILE));
    let known = path.as_deref().map(fs::read_to_string);
    if let Some(Ok(text)) = &known
        && let Some(id) = parse(text)
    {
        return id;
    }
    let id = marked.unwrap_or_else(Uuid::new_v4).to_string();
    if let (Some(path), Some(known)) = (path, known)
        && is_lost(&known)
    {
        // A directory that cannot be written is reported when the store is opened in it.
        let _ = write(&path, &id);
    }
    id
}

/// The id in a file that is as it was written.
fn parse(text: &str) -> Option<String> {
    let (id, sum) = text.trim_end().split_once(' ')?;
    let is_whole = sum == checksum(id) && Uuid::parse_str(id).is_ok_and(|id| !id.is_nil());
    is_whole.then(|| id.to_owned())
}

fn checksum(id: &str) -> String {
    format!("{:08x}", crc32fast::hash(id.as_bytes()))
}

/// Whether what was read is no id and never will be, rather than out of reach for the moment: too
/// many open files, a disk that fails, somebody else's lock.
fn is_lost(read: &io::Result<String>) -> bool {
    match read {
        Ok(_) => true,
        Err(error) => matches!(
            error.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::InvalidData
        ),
    }
}

/// Written whole or not at all: a half-written id would be replaced by another one.
fn write(path: &Path, id: &str) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&fresh)?;
    writeln!(file, "{id} {}", checksum(id))?;
    file.sync_all()?;
    fs::rename(fresh, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_keeps_its_id_and_replaces_a_damaged_one() {
        let directory = tempfile::tempdir().unwrap();
        let first = id(Some(directory.path()), None);
        assert_eq!(id(Some(directory.path()), None), first);
        let whole = fs::read_to_string(directory.path().join(FILE)).unwrap();
        let nil = Uuid::nil().to_string();
        for damaged in [
            "not an id".to_owned(),
            first.clone(),
            // One bit of the first digit.
            format!(
                "{}{}",
                if whole.starts_with('a') { 'b' } else { 'a' },
                &whole[1..]
            ),
            format!("{nil} {}", checksum(&nil)),
        ] {
            fs::write(directory.path().join(FILE), &damaged).unwrap();
            let second = id(Some(directory.path()), None);
            assert_ne!(second, first, "{damaged}");
            assert!(!damaged.starts_with(&second), "{damaged}");
            assert_eq!(id(Some(directory.path()), Some(Uuid::from_u128(7))), second);
        }
    }

    #[test]
    fn an_id_that_is_lost_is_taken_from_the_run_before_and_kept_again() {
        let directory = tempfile::tempdir().unwrap();
        let marked = Uuid::from_u128(7);
        assert_eq!(id(Some(directory.path()), Some(marked)), marked.to_string());
        assert_eq!(id(Some(directory.path()), None), marked.to_string());
    }

    #[test]
    fn an_id_that_is_only_out_of_reach_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE);
        // What stands there cannot be read as a file, as when too many are open.
        fs::create_dir(&path).unwrap();
        assert!(Uuid::parse_str(&id(Some(directory.path()), None)).is_ok());
        assert!(path.is_dir());
        assert!(!path.with_extension("new").exists());
    }

    #[test]
    fn without_a_directory_there_is_an_id_all_the_same() {
        assert!(Uuid::parse_str(&id(None, None)).is_ok());
        assert!(Uuid::parse_str(&id(Some(Path::new("/nonexistent/directory")), None)).is_ok());
    }
}
