//! Why a configuration cannot be used.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use super::keys::ALL;

/// Why a configuration cannot be used. Names keys and files, never values.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file named on the command line cannot be read.
    #[error("cannot read the configuration file {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("the configuration is not valid TOML: line {line}")]
    Syntax {
        /// The line where reading stopped, counted from one.
        line: usize,
    },
    /// No such key.
    #[error("unknown key {key}{}", suggestion(key))]
    Unknown {
        /// The key as it was written.
        key: String,
    },
    /// The value does not fit the key.
    #[error("{key}: expected {expected}")]
    Invalid {
        /// The key.
        key: String,
        /// What would fit.
        expected: &'static str,
    },
    /// A key that another setting needs.
    #[error("{key} is not set, but {needed_by} needs it")]
    Missing {
        /// The key.
        key: &'static str,
        /// Who needs it.
        needed_by: &'static str,
    },
    /// A secret and the file to read it from are both set.
    #[error("{key} and {key}_file are both set; keep one")]
    Twice {
        /// The key without `_file`.
        key: &'static str,
    },
    /// The file that holds a secret cannot be read.
    #[error("{key}_file: cannot read the file")]
    SecretFile {
        /// The key without `_file`.
        key: &'static str,
        /// Why not.
        source: io::Error,
    },
}

/// The known key that ends like the unknown one, for the usual slip of a forgotten section.
fn suggestion(key: &str) -> String {
    let name = key
        .rsplit(['.', '_'])
        .next()
        .unwrap_or(key)
        .to_ascii_lowercase();
    let mut text = String::new();
    if let Some(near) = ALL
        .iter()
        .find(|known| known.path.rsplit(['.', '_']).next() == Some(&name))
    {
        // Writing to a String cannot fail.
        let _ = write!(text, " (did you mean {}?)", near.path);
    }
    text
}
