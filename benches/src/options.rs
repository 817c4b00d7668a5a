//! What a bench may be asked for on its command line.

/// The words a bench understands; `--bench`, which cargo adds, is passed over like any other flag.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// A run that shows the order of things within seconds, at more noise.
    pub quick: bool,
    /// Only contenders whose name begins so. Such a run keeps nothing for the report.
    pub named: Option<String>,
}

impl Options {
    /// Reads the process's arguments.
    pub fn from_args() -> Options {
        let words: Vec<String> = std::env::args().skip(1).collect();
        Options {
            quick: words.iter().any(|word| word == "--quick"),
            named: words.into_iter().find(|word| !word.starts_with("--")),
        }
    }

    /// Whether this contender is to run.
    pub fn chooses(&self, name: &str) -> bool {
        self.named
            .as_ref()
            .is_none_or(|start| name.starts_with(start.as_str()))
    }

    /// One of two sizes.
    pub fn pick<T>(&self, quick: T, full: T) -> T {
        if self.quick { quick } else { full }
    }
}
