//! The server's own log: sanitized by the rules it asks its clients to use.

use std::io;

use soliplex_sanitize::{Rules, Sanitize as _};
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use crate::config::{LogConfig, LogFormat};

/// Why the log cannot be set up.
#[derive(Debug, thiserror::Error)]
pub(super) enum LogError {
    #[error("log.filter is not a filter")]
    Filter,
    #[error("log.dir cannot be used")]
    Dir(#[source] io::Error),
    #[error("this process has a log already")]
    Installed(#[source] TryInitError),
}

/// Installs the log for the whole process. The guard writes what is left when it is dropped.
pub(super) fn init(config: &LogConfig) -> Result<Option<WorkerGuard>, LogError> {
    let filter = filter(config)?;
    let (writer, guard) = match &config.dir {
        None => (BoxMakeWriter::new(io::stderr), None),
        Some(dir) => {
            std::fs::create_dir_all(dir).map_err(LogError::Dir)?;
            let files = tracing_appender::rolling::Builder::new()
                .rotation(tracing_appender::rolling::Rotation::DAILY)
                .filename_prefix("soliplex-ingest")
                .filename_suffix("log")
                .max_log_files(MAX_LOG_FILES)
                .build(dir)
                .map_err(|error| LogError::Dir(io::Error::other(error)))?;
            let (writer, guard) = tracing_appender::non_blocking(files);
            (BoxMakeWriter::new(writer), Some(guard))
        }
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(false);
    let base = tracing_subscriber::registry().with(filter);
    match config.format {
        LogFormat::Text => base.with(lines).sanitize(Rules::standard()).try_init(),
        LogFormat::Json => base
            .with(lines.json())
            .sanitize(Rules::standard())
            .try_init(),
    }
    .map_err(LogError::Installed)?;
    Ok(guard)
}

/// What is logged.
pub(super) fn filter(config: &LogConfig) -> Result<EnvFilter, LogError> {
    // The parser's own error quotes the filter.
    EnvFilter::try_new(&config.filter).map_err(|_| LogError::Filter)
}

/// Two weeks: an incident is looked at within one.
const MAX_LOG_FILES: usize = 14;
