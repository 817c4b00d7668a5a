//! Every cap of the spool, each with the reason for its number. The caller's own wishes are
//! [`SpoolOptions`]; what a batch or a record may hold is decided elsewhere.

use std::time::Duration;

/// What an application may choose. [`Default`] fits a phone.
#[derive(Clone, Debug)]
pub(crate) struct SpoolOptions {
    /// The longest the file may grow, in bytes; raised to [`MIN_MAX_BYTES`] when lower.
    pub(crate) max_bytes: u64,
    /// Records older than this are evicted.
    pub(crate) max_age: Duration,
    /// Memory redb may keep pages in, in bytes.
    pub(crate) cache_bytes: usize,
}

impl Default for SpoolOptions {
    fn default() -> Self {
        Self {
            // Some twenty thousand records of 500 bytes: days of an ordinary application offline.
            max_bytes: 10_000_000,
            // A device left in a drawer for a holiday still reports what happened before it.
            max_age: Duration::from_secs(30 * 24 * 60 * 60),
            // As fast as the default of 1 GiB, measured; with no cache at all, four times slower.
            cache_bytes: 1 << 20,
        }
    }
}

/// redb's empty file is 1 MiB and doubles when it grows, so a lower bound could hold nothing.
pub(crate) const MIN_MAX_BYTES: u64 = 2_500_000;

/// A chunk is confirmed whole, so it must never be more than a batch may carry.
pub(crate) const MAX_CHUNK_RECORDS: usize = 100;

/// redb gives a large value a power of two of pages, and adds some bytes of its own. A chunk is
/// cut so that it fills its pages, leaving this much for redb.
pub(crate) const PAGE_SLACK_BYTES: usize = 64;

/// Sixteen of redb's pages: large enough that a commit is a value or two, small enough that a
/// place is still found in a fragmented file. A single record larger than this is a chunk of
/// its own.
pub(crate) const MAX_CHUNK_BYTES: usize = 64 * 1024 - PAGE_SLACK_BYTES;

/// A chunk of two pages is not cut: the second half would take a page of its own.
pub(crate) const MIN_SPLIT_BYTES: usize = 8 * 1024;

/// One dead letter is a bug report about a record, a thousand are a pattern; nobody reads more.
pub(crate) const MAX_DEAD_RECORDS: u64 = 1_000;

/// A tenth of the default bound, so that refused records cannot crowd out those still to go.
pub(crate) const MAX_DEAD_BYTES: u64 = 1 << 20;

/// And no more than this share of a lower bound, one part in ten: dead letters lie between everything
/// else in the file, and half a file of them leaves no place for the reserve.
pub(crate) const DEAD_SHARE: u64 = 10;

/// A reason is a word or a sentence from the server; the rest of a longer one is cut.
pub(crate) const MAX_REASON_BYTES: usize = 256;

/// Losses kept apart by session and reason. More sessions at once than there are starts between two
/// deliveries on a bad day; beyond it only the names of the sessions are lost.
pub(crate) const MAX_UNTOLD: usize = 16;

/// Records that tell of losses and are on their way; with as many, the rest waits for some to arrive.
pub(crate) const MAX_TOLD: usize = 16;

/// A session's facts are kept with its loss up to this length as a JSON string, which an ordinary
/// resource does not reach. The ledger is rewritten with each loss, and has to fit the reserve: with
/// the most of everything it takes 43 KB, a redb value of 64 KiB.
pub(crate) const MAX_LEDGER_FACTS: usize = 1024;

/// Damaged files kept for the curious; with more, the oldest goes.
pub(crate) const MAX_SET_ASIDE: usize = 2;

/// Copy-on-write asks for fresh pages even to delete. An append leaves at least this much of the
/// file free, 32 pages less their headers, so that what fills it can still leave. The tests empty
/// a full file within it, a hundred chunks at a time and one by one.
pub(crate) const RESERVE_BYTES: usize = 128 * 1024 - 512;

/// Where the file system itself copies on write, pages free in the file are not room on the
/// disk. This much is held back for that case, twice the reserve.
pub(crate) const HEADROOM_BYTES: u64 = 256 * 1024;

/// Growth up to this many bytes at once is written out with zeros, so that a full disk shows
/// when the file grows and not in the middle of a commit. Beyond it the pause would be felt.
pub(crate) const MAX_PREALLOCATED_STEP: u64 = 16 << 20;

/// From this length on each commit also stores redb's allocator state, at the price of a second
/// sync: walking a file after a crash was seen to take a millisecond a megabyte, opening one with
/// the state half a millisecond.
pub(crate) const QUICK_REPAIR_FROM: u64 = 64 << 20;

/// When the bound is reached, this share of the file is evicted at once: one part in eight, so
/// that the next append does not meet the bound again.
pub(crate) const EVICTED_SHARE: u64 = 8;

/// The file is compacted when less than one part in four is used; it then moves little.
pub(crate) const COMPACTED_BELOW_SHARE: u64 = 4;

/// A file no longer than twice redb's initial one is not worth compacting.
pub(crate) const MIN_COMPACTED_BYTES: u64 = 2_200_000;

/// Commits that failed and turned out to be on the disk are remembered until somebody asks. An
/// append, a confirmation and an eviction can each have one open; twice that is room to spare.
pub(crate) const MAX_CAME_TRUE: usize = 6;

/// No record is older than this crate, 1 January 2026 in nanoseconds since the Unix epoch. A
/// device without a battery for its clock starts in 1970.
pub(crate) const EARLIEST_UNIX_NANOS: i64 = 1_767_225_600_000_000_000;

/// How many chunks without an age one look for old ones passes over, some megabytes of reading at
/// most. They are at the start of a lane, so that more of them hide what is behind; it goes later.
pub(crate) const MAX_PASSED_OVER: usize = 64;
