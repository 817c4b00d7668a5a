//! Which of the recent records are shown.

use std::fmt;

use soliplex_wire::{Severity, Uuid};

use super::recent::RecentRecord;

/// Which records [`Soliplex::recent`](crate::Soliplex::recent) and
/// [`Soliplex::subscribe`](crate::Soliplex::subscribe) show. A new one shows all.
///
/// ```
/// use tracing_soliplex::{Filter, Severity};
///
/// let filter = Filter::new()
///     .at_least(Severity::Warn)
///     .logger("app::sync")
///     .text("timed out")
///     .limit(200);
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Filter {
    at_least: Severity,
    /// In lower case, as is the text.
    logger: String,
    text: String,
    session: Option<Option<Uuid>>,
    limit: Option<usize>,
}

impl Filter {
    /// Shows all records there are.
    pub fn new() -> Filter {
        Filter::default()
    }

    /// Shows what is at least as severe.
    pub fn at_least(mut self, severity: Severity) -> Filter {
        self.at_least = severity;
        self
    }

    /// Shows the loggers that begin like this, in any case.
    pub fn logger(mut self, prefix: &str) -> Filter {
        self.logger = prefix.to_lowercase();
        self
    }

    /// Shows what has this text in its message or its logger, in any case.
    pub fn text(mut self, text: &str) -> Filter {
        self.text = text.to_lowercase();
        self
    }

    /// Shows one session, by its [id](crate::Soliplex::session_id). Those of earlier runs are there
    /// for as long as the ring has not come round.
    pub fn session(mut self, id: &str) -> Filter {
        self.session = Some(Uuid::parse_str(id).ok());
        self
    }

    /// Shows at most so many of [`recent`](crate::Soliplex::recent)'s records, the newest.
    pub fn limit(mut self, records: usize) -> Filter {
        self.limit = Some(records);
        self
    }

    pub(super) fn most(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }

    pub(super) fn shows(&self, record: &RecentRecord) -> bool {
        let (logger, message) = (&record.breadcrumb.logger, &record.breadcrumb.message);
        record.breadcrumb.severity >= self.at_least
            && self
                .session
                .is_none_or(|id| id.is_some() && id == record.session_id)
            && logger.to_lowercase().starts_with(&self.logger)
            && (self.text.is_empty()
                || message.to_lowercase().contains(&self.text)
                || logger.to_lowercase().contains(&self.text))
    }
}

/// Shows no text: a person searches for what they know.
impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filter")
            .field("at_least", &self.at_least)
            .field("logger", &self.logger)
            .finish_non_exhaustive()
    }
}
