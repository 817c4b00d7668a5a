//! An error with its whole source chain, cleaned.
//!
//! Layers take an error's text from `Display`, its causes from `source` and its type's name from
//! the head of `Debug`; all three are kept, and all three are clean. What is lost is
//! `downcast_ref` to the concrete type: whoever could reach that could read the raw value.

use std::{error::Error, fmt};

use super::limits::MAX_ERROR_SOURCES;
use crate::caught;

/// What remains of an error.
pub(super) struct CleanError {
    display: String,
    debug: String,
    source: Option<Box<CleanError>>,
}

impl CleanError {
    /// Cleans `error` and its sources with `clean`, which renders and sanitizes one value.
    pub(super) fn new(
        error: &(dyn Error + 'static),
        clean: &mut dyn FnMut(&dyn fmt::Debug) -> String,
    ) -> CleanError {
        CleanError::link(error, clean, MAX_ERROR_SOURCES)
    }

    fn link(
        error: &(dyn Error + 'static),
        clean: &mut dyn FnMut(&dyn fmt::Debug) -> String,
        sources_left: usize,
    ) -> CleanError {
        let display = clean(&format_args!("{error}"));
        let debug = clean(&error);
        let source = sources_left.checked_sub(1).and_then(|sources_left| {
            // A `source` that panics names no source.
            let source = caught(|| error.source()).ok()??;
            Some(Box::new(CleanError::link(source, clean, sources_left)))
        });
        CleanError {
            display,
            debug,
            source,
        }
    }
}

impl fmt::Display for CleanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.display)
    }
}

impl fmt::Debug for CleanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.debug)
    }
}

impl Error for CleanError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
