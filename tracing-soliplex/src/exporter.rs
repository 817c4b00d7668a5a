//! The seam to the network: one request out, one outcome back.
//!
//! What an answer means is decided here, in [`ExportOutcome`], and nowhere else; what to do about
//! it is [`delivery`](crate::delivery)'s.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use soliplex_wire::Answer;

pub(crate) mod http;

/// A batch on its way out.
pub(crate) struct Export {
    /// The batch as JSON.
    pub(crate) body: Vec<u8>,
    /// The session's token; without one the request is made without.
    pub(crate) token: Option<Token>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ExportOutcome {
    /// 2xx: the server has the batch, and says what became of each record.
    Accepted(Answer),
    /// 401, 403: the token is missing or does not hold.
    Unauthorized { status: u16 },
    /// 413: too large for the server.
    TooLarge,
    /// 400, 422: something in this very batch offends.
    Refused { status: u16 },
    /// 408, 429, 5xx: not now.
    Busy {
        status: u16,
        retry_after: Option<Duration>,
    },
    /// No answer: no connection, a broken one, or too late.
    Unreachable {
        error: String,
        /// Whether the server may have the batch all the same.
        may_have_arrived: bool,
    },
    /// Any other answer: this is not the endpoint, or not one that speaks our contract.
    Misplaced { status: u16 },
}

/// The future of an [`ExportOutcome`].
pub(crate) type Exporting = Pin<Box<dyn Future<Output = ExportOutcome> + Send>>;

/// Sends batches.
pub(crate) trait Exporter: Send {
    /// Sends one batch. Never fails but by its outcome, and always ends.
    fn export(&self, export: Export) -> Exporting;
}

impl ExportOutcome {
    /// The outcome that goes with a status other than 2xx.
    pub(crate) fn of_status(status: u16, retry_after: Option<Duration>) -> ExportOutcome {
        match status {
            401 | 403 => ExportOutcome::Unauthorized { status },
            413 => ExportOutcome::TooLarge,
            400 | 422 => ExportOutcome::Refused { status },
            408 | 429 | 500..=599 => ExportOutcome::Busy {
                status,
                retry_after,
            },
            _ => ExportOutcome::Misplaced { status },
        }
    }
}

/// A session's token. Its text never shows.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token(String);

impl Token {
    /// `None` when the text, without the blanks around it, could not stand in a header.
    pub(crate) fn parse(text: &str) -> Option<Token> {
        let text = text.trim();
        let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Token(text.to_owned()))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_from_a_file_loses_its_line_end_and_a_strange_one_is_none() {
        assert_eq!(Token::parse("abc.def\n").unwrap().expose(), "abc.def");
        for text in ["", "\n", "abc def", "abc\u{0}", "tökén"] {
            assert_eq!(Token::parse(text), None);
        }
    }

    #[test]
    fn each_status_has_its_meaning() {
        use ExportOutcome as O;
        let busy = |status| O::Busy {
            status,
            retry_after: None,
        };
        for (status, outcome) in [
            (401, O::Unauthorized { status: 401 }),
            (403, O::Unauthorized { status: 403 }),
            (413, O::TooLarge),
            (400, O::Refused { status: 400 }),
            (422, O::Refused { status: 422 }),
            (408, busy(408)),
            (429, busy(429)),
            (500, busy(500)),
            (502, busy(502)),
            (503, busy(503)),
            (301, O::Misplaced { status: 301 }),
            (404, O::Misplaced { status: 404 }),
            (405, O::Misplaced { status: 405 }),
            (415, O::Misplaced { status: 415 }),
        ] {
            assert_eq!(O::of_status(status, None), outcome, "{status}");
        }
    }
}
