//! From the wire's records to OTLP's, and what can be asked of the encoded form.
//!
//! Records are encoded when they are accepted and kept in that form: forwarding then joins bytes
//! instead of building records again, and encoding itself builds no tree. Encoded requests can be
//! joined because a protobuf message followed by another of its type is their union, so the
//! resources of two batches simply follow each other. Only the rare cases decode: a duplicate to
//! take out, a time to adjust, a batch to split. Where the upstream takes gzip, a batch is also
//! compressed when it is accepted, and joined in that form (`packed`).
//!
//! # Why not opentelemetry-otlp's `LogExporter`
//!
//! It is tied to one resource, hides status codes and partial success behind `Ok(())`, panics
//! without an observed time, wants `'static` severity texts, percent-decodes header values, and
//! must be handed records one tree at a time. The standard's own messages (`opentelemetry-proto`)
//! have none of these; they decode, split and check what is encoded here. The exporter stays as the
//! oracle: `tests/server/oracle.rs` sends the same records through it and compares what arrives.
//!
//! # What becomes what
//!
//! | wire | OTLP |
//! |---|---|
//! | `timestamp` | `time_unix_nano`, and `client_timestamp` as text; the server's time when absent |
//! | | `observed_time_unix_nano`, `server_received_at`, `server.received_at`: the server's clock |
//! | `level` | severity number 1, 5, 9, 13, 17, 21 and its text; 0 and the original text when unknown |
//! | `logger` | the scope's name |
//! | `message` | the body; for Logfire also `logfire.msg`, "logger: message" in 512 bytes |
//! | `attributes` | attributes, typed and nested; a name the server sets itself moves under `client.` |
//! | `error`, `stackTrace` | `exception.type` where it can be told, `exception.message`, `exception.stacktrace` |
//! | `traceId`, `spanId` | the same, when real; a span without its trace is left out |
//! | `installId`, `sessionId`, `userId` | `install.id`, `session.id`, `user.id`; `unknown` for an absent install or session |
//! | `id` | `log.record.uid` |
//! | `seq` | `soliplex.seq` |
//! | `activeRun` | `thread_id`, `run_id` |
//! | `breadcrumbs` | `breadcrumbs`, one JSON text |
//! | `sentAt` | `soliplex.clock_skew_ms`: the server's clock less the client's when it sent |
//! | `resource` | the resource; `service.name` is added when absent |
//! | the session's claims | `enduser.id`, `soliplex.auth.session`, `soliplex.auth.issuer` where there are several; `soliplex.user_mismatch` when the claimed user differs |

mod map;
pub(crate) mod packed;
mod protobuf;
mod split;
pub mod validate;
mod window;

pub use map::{Arrival, encode};
pub(crate) use split::{count, records};
pub use split::{halves, without};
pub use window::Window;

/// The messages of OTLP that this crate works with.
pub mod proto {
    pub use opentelemetry_proto::tonic::collector::logs::v1::{
        ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
    };
    pub use opentelemetry_proto::tonic::common::v1::{
        AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value,
    };
    pub use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
    pub use opentelemetry_proto::tonic::resource::v1::Resource;
}

/// The attribute that carries a record's id.
pub const RECORD_UID: &str = "log.record.uid";

/// The attribute that says a record's time was moved into the upstream's window.
pub const TIME_ADJUSTED: &str = "soliplex.time_adjusted";
