//! The bounds of rewriting, each with its reason.

/// Bytes of one rendered value. Larger ones end in [`TRUNCATED`].
///
/// A `Debug` may print without end; no layer of ours keeps more than 64 KiB of a record, and one
/// MiB is what the rules are measured to handle in a few milliseconds.
pub(super) const MAX_VALUE_BYTES: usize = 1024 * 1024;

/// How far a truncated value is cut back to end on white space.
///
/// A secret cut in the middle is no longer recognized, so the last word goes as a whole.
pub(super) const MAX_LAST_WORD_BYTES: usize = 4 * 1024;

/// Renderings on one thread inside one another before a value is no longer asked for its text.
///
/// A `Debug` that logs needs two. One that logs itself would never end; and if it logs itself
/// twice, every level doubles the work, hence a small number.
pub(super) const MAX_NESTED_RENDERINGS: u8 = 4;

/// Errors of one source chain. An error may name itself as its source.
pub(super) const MAX_ERROR_SOURCES: usize = 32;

/// Values of one late record that travel together; tracing itself knows no bound. `Rewriter::record`
/// tells this number.
pub(super) const MAX_RECORD_VALUES: usize = 256;

/// Bytes and values of scratch memory that a thread keeps between events.
///
/// Enough for all but freak events; a single huge one must not pin its memory for ever.
pub(super) const MAX_KEPT_BYTES: usize = 64 * 1024;
pub(super) const MAX_KEPT_VALUES: usize = 256;

/// Stands for a value that panicked, failed or was nested too deeply while being printed.
pub(super) const UNPRINTABLE: &str = "[UNPRINTABLE]";

/// Ends a value that was cut to [`MAX_VALUE_BYTES`].
pub(super) const TRUNCATED: &str = "[TRUNCATED]";
