//! The server that receives soliplex batches and forwards them as OTLP.
//!
//! A client posts a batch of records to `POST /api/v1/logs` with its session as a bearer token. The
//! server answers 200 once every good record is on its disk, says what is wrong with each bad one,
//! and forwards to Logfire or any other OTLP/HTTP backend when that takes them.
//!
//! ```no_run
//! use soliplex_ingest::{Config, Server};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config::from_toml(
//!     r#"
//!     listen = "127.0.0.1:0"
//!     [auth]
//!     mode = "hs256"
//!     hs256_secret = "an example secret of 32 bytes ..."
//!     [forward]
//!     endpoint = "stdout"
//!     "#,
//! )?;
//! let server = Server::bind(config).await?;
//! println!("listening on {}", server.local_addr());
//! let report = server.serve(soliplex_ingest::until_asked_to_stop()).await;
//! println!("{:?}", report.account);
//! # Ok(())
//! # }
//! ```
//!
//! # What happens to a record
//!
//! *When is it safe?* When its batch is answered with 200: it has been fsynced (`forward.delivery =
//! "spool"`), or the upstream has acknowledged it (`"passthrough"`).
//!
//! *When is it forwarded?* Within `forward.linger_ms` while the upstream takes requests; oldest
//! first after an outage, with errors of this minute at the head of each request.
//!
//! *Can it be forwarded twice?* A record sent twice under one id within
//! `limits.dedupe_window_seconds` is forwarded once. A server killed between the upstream's answer
//! and its own next commit, some milliseconds later, sends those requests again under the same
//! `log.record.uid`; so it does with a batch it was killed over while sending it in parts, because
//! the upstream had refused the whole. `dead-letters resend` repeats the letter it was killed over,
//! and one whose server was killed over it and whose batch the upstream took after all.
//!
//! *When is it given up?* When the upstream refuses it for good, or fails over it with a status
//! that OTLP forbids to send again (500 above all): then it is a dead letter (`soliplex-ingest
//! dead-letters`), and after each such batch the next waits up to a minute. Dead letters beyond
//! `limits.dead_letter_bytes` go, oldest first, counted. Nothing is given up for its age or for the
//! length of an outage that says so (429, 502, 503, 504, no answer); at the spool's bound new
//! batches are refused instead, and their clients keep them.
//!
//! *Where can I look?* `/readyz` says what is wrong, `/metrics` counts every fate, and the counts
//! add up: `received + recovered = forwarded + duplicates + rejected + dead + pending`.

#![forbid(unsafe_code)]

pub mod cli;

pub mod config;

mod server;
mod tls;

mod routes;

pub mod auth;
pub mod rate_limit;

mod accept;
pub mod body;

pub mod otlp;
pub mod spool;

pub mod dead_letters;
pub mod forward;

pub mod otlp_sink;

mod error;
pub mod metrics;
mod openapi;

pub use config::{Config, ConfigError};
pub use error::IngestError;
pub use server::{BindError, Report, Server, until_asked_to_stop};
pub use tls::TlsError;
