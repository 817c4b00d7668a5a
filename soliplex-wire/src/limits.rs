//! Every limit both sides keep, each with its reason. What only one side needs stands in that
//! side's `config.rs`.

/// Bytes of one record, encoded as JSON: 64 KiB.
///
/// Ten times the largest stack trace seen in the field, and small enough for fourteen such records
/// to share a batch. A larger record is cut by [`LogRecord::truncate`](crate::LogRecord::truncate).
pub const MAX_RECORD_BYTES: usize = 64 * 1024;

/// Bytes a field keeps, at the least, when its record is cut.
///
/// Enough for a message to stay a sentence and for a stack trace to keep its top frames.
pub const MIN_KEPT_BYTES: usize = 1024;

/// Records in one batch from a client.
///
/// At half a kilobyte each, some 50 KB: a few compressed packets on a mobile network.
pub const MAX_BATCH_RECORDS: usize = 100;

/// Bytes of one batch from a client, encoded and before compression: 900 KiB.
///
/// [`MAX_BODY_BYTES`] less a margin for the envelope around the records.
pub const MAX_BATCH_BYTES: usize = 900 * 1024;

/// Bytes of a request body the server reads, before and after decompression: 1 MiB.
pub const MAX_BODY_BYTES: usize = 1 << 20;

/// Records the server takes from one request.
///
/// A body of [`MAX_BODY_BYTES`] filled with the smallest sensible records; our client sends
/// [`MAX_BATCH_RECORDS`].
pub const MAX_REQUEST_RECORDS: usize = 10_000;

/// Attributes of one record. OpenTelemetry's default (`OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT`).
pub const MAX_ATTRIBUTES: usize = 128;

/// Bytes of an attribute's key. Longer keys are cut; no convention has one half as long.
pub const MAX_KEY_BYTES: usize = 256;

/// Levels of nesting in an attribute's value. A container deeper than this is replaced by
/// [`TRUNCATED`].
///
/// Deep enough for any structure a person logs, shallow enough for recursion on any thread's stack.
pub const MAX_DEPTH: usize = 16;

/// Bytes of an install, session, user, thread or run id. Longer ones are refused.
pub const MAX_ID_BYTES: usize = 256;

/// Bytes of a logger's name. Longer names are cut.
pub const MAX_LOGGER_BYTES: usize = 512;

/// Breadcrumbs an error carries. Older ones are left out.
pub const MAX_BREADCRUMBS: usize = 20;

/// Bytes of a bearer token. Identity providers stay well below; header limits of common proxies
/// are here.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// What stands at the end of every text that was cut, and in place of what was cut away whole.
pub const TRUNCATED: &str = "…[truncated]";
