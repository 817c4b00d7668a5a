//! An error with its causes.

use std::error::Error;
use std::fmt;

/// What went wrong, and what it was because of.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) &'static str, pub(crate) Option<Box<Failure>>);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|source| source as _)
    }
}
