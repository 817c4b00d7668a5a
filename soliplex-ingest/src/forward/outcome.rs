//! What an upstream's answer means: the one table that decides.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use soliplex_sanitize::Rules;

/// What an upstream's answer means for the request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Taken.
    Accepted,
    /// Taken but for some records; OTLP does not say which, and forbids sending again.
    Partial {
        /// How many were refused.
        rejected: u64,
        /// Why, in the upstream's words, bounded and on one line; often empty.
        message: String,
    },
    /// Too large: send it in parts.
    TooLarge,
    /// Some record in it is refused for good.
    Refused(u16, Said),
    /// The upstream failed over it for good.
    Unwanted(u16, Said),
    /// A setting is wrong; nothing about the records is.
    Held(Cause),
    /// Not now.
    Later {
        /// When the upstream asks to be tried again.
        after: Option<Duration>,
        /// Why not now.
        cause: Cause,
    },
}

/// Why the upstream refused, in its own words: bounded, on one line, often empty.
///
/// For whoever looks after the records. No answer to a client holds it, since it may quote them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Said(pub String);

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Said")
            .field("bytes", &self.0.len())
            .finish()
    }
}

impl Outcome {
    /// The same with the upstream's words for it, where it has a place for them.
    pub(super) fn with_words(mut self, text: &str) -> Outcome {
        if let Outcome::Refused(_, said) | Outcome::Unwanted(_, said) = &mut self {
            said.0 = words(text);
        }
        self
    }

    /// What is told of it in a dead letter.
    pub(super) fn told(&self) -> String {
        match self {
            Outcome::Refused(_, said) | Outcome::Unwanted(_, said) if !said.0.is_empty() => {
                format!("{self}: {}", said.0)
            }
            _ => self.to_string(),
        }
    }
}

/// Why a request did not get through.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The upstream answered with this status.
    Status(u16),
    /// No connection.
    Connect,
    /// No answer in time.
    Timeout,
    /// The connection broke, or the answer could not be read.
    Broken,
    /// This server could not do its part.
    Internal,
}

/// Reads the table. `retry_after` is the header's text.
pub(super) fn classify(status: u16, retry_after: Option<&str>, now: Timestamp) -> Outcome {
    let cause = Cause::Status(status);
    match status {
        200..=299 => Outcome::Accepted,
        413 => Outcome::TooLarge,
        // A redirect of a POST asks for a decision; so do these.
        300..=399 | 401 | 403 | 404 => Outcome::Held(cause),
        // OTLP: exactly these are retryable.
        429 | 502 | 503 | 504 => Outcome::Later {
            after: retry_after.and_then(|text| parse_retry_after(text, now)),
            cause,
        },
        400..=499 => Outcome::Refused(status, Said::default()),
        _ => Outcome::Unwanted(status, Said::default()),
    }
}

/// The upstream's words as they may stand in a log: sanitized, since they may quote a record, on one
/// line, without control characters, cut at 512 bytes.
pub(super) fn words(text: &str) -> String {
    // Before anything is cut: half of a secret is not recognized.
    let clean = Rules::standard().sanitize(text);
    let mut kept = String::new();
    for word in clean.split(|c: char| c.is_control() || c.is_whitespace()) {
        let gap = usize::from(!kept.is_empty());
        if word.is_empty() {
            continue;
        }
        if kept.len() + gap + word.len() > MAX_WORDS_BYTES {
            kept.push('…');
            break;
        }
        if gap > 0 {
            kept.push(' ');
        }
        kept.push_str(word);
    }
    kept
}

/// A sentence or two; a page of HTML is no reason.
const MAX_WORDS_BYTES: usize = 512;

/// RFC 9110, section 10.2.3: seconds, or a date.
pub(super) fn parse_retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text)
        .ok()?;
    // A date that has passed means now.
    Some(Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// 1, 2, 4 … 60 s, each shortened by up to a quarter so that servers that failed together do not
/// return together.
pub(super) fn backoff(failures: u32) -> Duration {
    let base = 1_u64
        .checked_shl(failures.saturating_sub(1))
        .unwrap_or(u64::MAX)
        .min(60)
        * 1000;
    // A random id is random enough for a jitter.
    let random = uuid::Uuid::new_v4().as_u64_pair().0 % (base / 4 + 1);
    Duration::from_millis(base - random)
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Accepted => f.write_str("accepted"),
            Outcome::Partial { rejected, message } if message.is_empty() => {
                write!(f, "partial success: {rejected} refused")
            }
            Outcome::Partial { rejected, message } => {
                write!(f, "partial success: {rejected} refused: {message}")
            }
            Outcome::TooLarge => f.write_str("status 413"),
            Outcome::Refused(status, _) | Outcome::Unwanted(status, _) => {
                write!(f, "status {status}")
            }
            Outcome::Held(cause) | Outcome::Later { cause, .. } => cause.fmt(f),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Status(status) => write!(f, "status {status}"),
            Cause::Connect => f.write_str("no connection"),
            Cause::Timeout => f.write_str("no answer in time"),
            Cause::Broken => f.write_str("the connection broke"),
            Cause::Internal => f.write_str("a failure of this server"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_otlp_calls_retryable_is_tried_again() {
        let now = Timestamp::UNIX_EPOCH;
        for status in 200..=599 {
            let later = matches!(classify(status, None, now), Outcome::Later { .. });
            assert_eq!(later, [429, 502, 503, 504].contains(&status), "{status}");
        }
        for (status, expected) in [
            (200, Outcome::Accepted),
            (202, Outcome::Accepted),
            (307, Outcome::Held(Cause::Status(307))),
            (400, Outcome::Refused(400, Said::default())),
            (401, Outcome::Held(Cause::Status(401))),
            (403, Outcome::Held(Cause::Status(403))),
            (404, Outcome::Held(Cause::Status(404))),
            (408, Outcome::Refused(408, Said::default())),
            (413, Outcome::TooLarge),
            (422, Outcome::Refused(422, Said::default())),
            (500, Outcome::Unwanted(500, Said::default())),
            (501, Outcome::Unwanted(501, Said::default())),
        ] {
            assert_eq!(classify(status, Some("7"), now), expected, "{status}");
        }
    }

    #[test]
    fn a_refusals_words_are_told_in_a_letter_and_nowhere_else() {
        let refused = classify(400, None, Timestamp::UNIX_EPOCH).with_words("no such\nfield");
        assert_eq!(refused.told(), "status 400: no such field");
        assert_eq!(refused.to_string(), "status 400");
        let later = classify(503, None, Timestamp::UNIX_EPOCH).with_words("busy");
        assert_eq!(later.told(), "status 503");
    }

    #[test]
    fn the_upstreams_words_are_one_bounded_line() {
        assert_eq!(words(" too\r\nold\u{1b}[0m\n"), "too old [0m");
        assert!(words(&"word ".repeat(1000)).len() <= MAX_WORDS_BYTES + '…'.len_utf8());
        assert_eq!(words(&"x".repeat(1000)), "…");
        let quoted = "attribute 'owner': 'jane@example.org' is no number";
        assert_eq!(words(quoted), "attribute 'owner': '[EMAIL]' is no number");
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let now: Timestamp = "2026-02-06T12:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("Fri, 06 Feb 2026 12:00:30 GMT", Some(30)),
            ("Fri, 06 Feb 2026 11:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            assert_eq!(
                parse_retry_after(text, now),
                expected.map(Duration::from_secs),
                "{text}"
            );
        }
    }

    #[test]
    fn the_backoff_grows_to_a_minute_and_never_beyond() {
        for (failures, base) in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (1000, 60)] {
            let wait = backoff(failures).as_millis();
            assert!(
                (750 * base..=1000 * base).contains(&wait),
                "{failures}: {wait}"
            );
        }
    }
}
