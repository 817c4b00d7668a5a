//! The contract between soliplex clients and the ingest server.
//!
//! A client posts a [`Batch`] of [`LogRecord`]s to `/api/v1/logs`; the server answers with an
//! [`Answer`], or refuses with a [`Problem`]. Both sides take the names of the fields, the limits
//! and the rules for cutting from here and from nowhere else:
//!
//! ```
//! use soliplex_wire::{Envelope, LogRecord, Severity};
//!
//! let body = br#"{"resource":{"service.name":"field-app"},"logs":[
//!     {"level":"info","logger":"auth","message":"signed in","session_id":"s-1"},
//!     {"level":"error","message":404}]}"#;
//! let envelope = Envelope::parse(body)?;
//!
//! let first = envelope.records[0].as_ref().unwrap();
//! assert_eq!(first.severity, Severity::Info);
//! assert_eq!(first.session_id.as_deref(), Some("s-1"));     // either spelling is read
//!
//! let second = envelope.records[1].as_ref().unwrap_err();   // one bad record fails alone
//! assert_eq!(second.to_string(), "message: expected a string");
//! # Ok::<(), soliplex_wire::EnvelopeError>(())
//! ```
//!
//! # What a reader may rely on
//!
//! * Field names are written in camelCase and read in camelCase or snake_case, field by field.
//! * Absent and `null` mean the same, everywhere but inside an array, where `null` keeps its place.
//! * A field that this version does not know is kept as an attribute under `extra.`: an old reader
//!   loses nothing a new writer sends.
//! * What does not fit its limit is cut, and what is cut says so ([`limits::TRUNCATED`]).
//! * No error holds any part of the input that caused it.
//!
//! This crate does no I/O, reads no clock and needs no runtime. A record that has to be written
//! fast and only once, on an application's own thread, is written by [`encode`] without building a
//! [`LogRecord`] first.

#![forbid(unsafe_code)]

pub mod limits;

mod json;
mod severity;
mod value;

mod breadcrumb;
mod ids;
mod record;

pub mod encode;
mod truncate;

pub mod envelope;

mod answer;
mod problem;

pub use answer::{Answer, Rejected};
pub use breadcrumb::{Breadcrumb, BreadcrumbRef, Category};
pub use envelope::{Batch, Envelope, EnvelopeError, EnvelopeRef, Receipt, Received};
pub use ids::{SpanId, TraceId};
/// An instant, to the nanosecond; RFC 3339 on the wire.
pub use jiff::Timestamp;
pub use problem::{Problem, ProblemType};
pub use record::{ActiveRun, BadRecord, LogRecord, LogRecordRef, RecordError};
pub use severity::Severity;
pub use truncate::Truncated;
/// The type of a record's `id`.
pub use uuid::Uuid;
pub use value::{AnyValue, AnyValueRef, Attributes, AttributesRef, Double, MapRef};

/// The path a client posts its batches to.
pub const LOGS_PATH: &str = "/api/v1/logs";
