//! What a bench may be asked for on its command line.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The words a bench understands; `--bench`, which cargo adds, is passed over like any other flag.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// How much is measured.
    pub size: Size,
    /// Only contenders whose name begins so. Such a run keeps nothing for the report.
    pub named: Option<String>,
}

/// How much a run measures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Size {
    /// Enough to trust.
    #[default]
    Full,
    /// `--quick`: shows the order of things within two minutes, at more noise.
    Quick,
    /// `--tiny`: shows that everything still runs; its figures mean nothing.
    Tiny,
}

impl Options {
    /// Reads the process's arguments.
    pub fn from_args() -> Options {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let has = |flag: &str| words.iter().any(|word| word == flag);
        let size = match (has("--tiny"), has("--quick")) {
            (true, _) => Size::Tiny,
            (_, true) => Size::Quick,
            _ => Size::Full,
        };
        Options {
            size,
            named: words.into_iter().find(|word| !word.starts_with("--")),
        }
    }

    /// Whether this contender is to run.
    pub fn chooses(&self, name: &str) -> bool {
        self.named
            .as_ref()
            .is_none_or(|start| name.starts_with(start.as_str()))
    }

    /// What belongs to the run's size.
    pub fn pick<T>(&self, tiny: T, quick: T, full: T) -> T {
        match self.size {
            Size::Tiny => tiny,
            Size::Quick => quick,
            Size::Full => full,
        }
    }
}

impl Size {
    /// Where sections of this size wait for their report: what means nothing lies apart.
    pub fn kept_in(self) -> PathBuf {
        let folder = match self {
            Size::Tiny => "bench-check",
            Size::Quick | Size::Full => "bench-report",
        };
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target")).join(folder)
    }
}
