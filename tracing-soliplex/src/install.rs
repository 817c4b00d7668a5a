//! The installation's id: made once, kept in a file of its own beside the store.
//!
//! A file of its own, so that it outlives a store that had to be set aside. It is random, and says
//! nothing of the machine it was made on.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use soliplex_wire::Uuid;

const FILE: &str = "install-id";

/// The id of the installation that keeps its store in `directory`.
///
/// An id that cannot be read is replaced; one that cannot be written lasts for this session.
pub(crate) fn id(directory: Option<&Path>) -> String {
    let path = directory.map(|directory| directory.join(FILE));
    let known = path
        .as_deref()
        .and_then(|path| fs::read_to_string(path).ok());
    if let Some(id) = known.and_then(|text| Uuid::parse_str(text.trim()).ok()) {
        return id.to_string();
    }
    let id = Uuid::new_v4().to_string();
    if let Some(path) = path {
        // A directory that cannot be written is reported when the store is opened in it.
        let _ = write(&path, &id);
    }
    id
}

/// Written whole or not at all: a half-written id would be replaced by another one.
fn write(path: &Path, id: &str) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&fresh)?;
    file.write_all(id.as_bytes())?;
    file.sync_all()?;
    fs::rename(fresh, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_keeps_its_id_and_replaces_a_damaged_one() {
        let directory = tempfile::tempdir().unwrap();
        let first = id(Some(directory.path()));
        assert_eq!(id(Some(directory.path())), first);
        fs::write(directory.path().join(FILE), "not an id").unwrap();
        let second = id(Some(directory.path()));
        assert_ne!(second, first);
        assert_eq!(id(Some(directory.path())), second);
    }

    #[test]
    fn without_a_directory_there_is_an_id_all_the_same() {
        assert!(Uuid::parse_str(&id(None)).is_ok());
        assert!(Uuid::parse_str(&id(Some(Path::new("/nonexistent/directory")))).is_ok());
    }
}
