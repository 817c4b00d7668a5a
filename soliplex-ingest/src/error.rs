//! Every failure of a request and the answer it gets: one match.

use std::time::Duration;

use axum::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use soliplex_wire::{EnvelopeError, Problem, ProblemType};

use crate::auth::AuthError;
use crate::body::BodyError;
use crate::forward::{Cause, Outcome};
use crate::rate_limit::Exceeded;
use crate::spool::{AppendError, FULL_RETRY_AFTER};

/// Why a request was not answered with 200. Holds nothing of the request.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// The server is going away.
    #[error("the server is shutting down; send again shortly")]
    Draining,
    /// Too much at once.
    #[error("the server is busy; send again shortly")]
    Busy,
    /// No identity.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// No body.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// No batch.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// Over a quota.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// Not kept.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// Not forwarded, where nothing is kept.
    #[error("the upstream did not take the batch: {0}")]
    Upstream(Outcome),
    /// No such path.
    #[error("this server takes batches at /api/v1/logs")]
    NotFound,
    /// No such method at this path.
    #[error("use {0}")]
    Method(&'static str),
    /// A defect of this server.
    #[error("the request ended in a defect of the server")]
    Defect,
}

impl IngestError {
    /// The kind of problem, which brings the status with it.
    pub fn kind(&self) -> ProblemType {
        match self {
            IngestError::Draining | IngestError::Busy => ProblemType::Unavailable,
            IngestError::Auth(AuthError::KeysUnavailable) => ProblemType::Unavailable,
            IngestError::Auth(_) => ProblemType::Unauthorized,
            IngestError::Body(BodyError::TooLarge) => ProblemType::BodyTooLarge,
            IngestError::Body(BodyError::Type | BodyError::Encoding) => {
                ProblemType::UnsupportedMediaType
            }
            IngestError::Body(BodyError::Timeout) => ProblemType::RequestTimeout,
            IngestError::Body(BodyError::Broken | BodyError::Corrupt) => ProblemType::MalformedBody,
            IngestError::Envelope(EnvelopeError::NotJson { .. }) => ProblemType::MalformedBody,
            IngestError::Envelope(_) => ProblemType::NotABatch,
            IngestError::Exceeded(_) => ProblemType::QuotaExceeded,
            // The upstream is what keeps the spool from emptying.
            IngestError::Append(AppendError::Full) | IngestError::Upstream(_) => {
                ProblemType::UpstreamFailed
            }
            IngestError::Append(_) => ProblemType::Unavailable,
            IngestError::NotFound => ProblemType::NotFound,
            IngestError::Method(_) => ProblemType::MethodNotAllowed,
            IngestError::Defect => ProblemType::Internal,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            IngestError::Draining | IngestError::Busy => Some(BUSY_RETRY_AFTER),
            IngestError::Auth(AuthError::KeysUnavailable) => Some(KEYS_RETRY_AFTER),
            IngestError::Append(_) => Some(FULL_RETRY_AFTER),
            IngestError::Exceeded(exceeded) => Some(exceeded.retry_after),
            IngestError::Upstream(Outcome::Later { after, .. }) => {
                Some(after.unwrap_or(FULL_RETRY_AFTER))
            }
            IngestError::Upstream(Outcome::Held(Cause::Status(_))) => Some(FULL_RETRY_AFTER),
            _ => None,
        }
    }

    fn problem(&self) -> Problem {
        let mut problem = Problem::new(self.kind()).with_detail(self.to_string());
        if let IngestError::Exceeded(exceeded) = self {
            problem.violated_policies.push(exceeded.policy.to_owned());
        }
        problem
    }
}

impl IntoResponse for IngestError {
    fn into_response(self) -> Response {
        let problem = self.problem();
        let status =
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // A problem is a few texts; writing it as JSON has nothing to fail at.
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let content_type = (
            axum::http::header::CONTENT_TYPE,
            HeaderValue::from_static(Problem::CONTENT_TYPE),
        );
        let mut response = (status, [content_type], body).into_response();
        let headers = response.headers_mut();
        if let Some(wait) = self.retry_after() {
            headers.insert(RETRY_AFTER, seconds(wait));
        }
        match self {
            IngestError::Auth(error) if status == StatusCode::UNAUTHORIZED => {
                // RFC 6750, section 3: without a token, no error code.
                let challenge = match error {
                    AuthError::Missing => "Bearer",
                    _ => "Bearer error=\"invalid_token\"",
                };
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
            }
            IngestError::Exceeded(exceeded) => {
                let value = format!(
                    "\"{}\";r=0;t={}",
                    exceeded.policy,
                    whole_seconds(exceeded.retry_after)
                );
                headers.extend(
                    HeaderValue::try_from(value)
                        .ok()
                        .map(|value| (RATE_LIMIT, value)),
                );
            }
            IngestError::Method(allowed) => {
                headers.insert(ALLOW, HeaderValue::from_static(allowed));
            }
            _ => {}
        }
        response
    }
}

/// An error and its sources, on one line.
pub(crate) struct Chain<'a>(pub(crate) &'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

fn seconds(wait: Duration) -> HeaderValue {
    HeaderValue::from(whole_seconds(wait))
}

/// Whole seconds, rounded up and at least one: zero would mean "at once".
fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// draft-ietf-httpapi-ratelimit-headers, section 4.
pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

const BUSY_RETRY_AFTER: Duration = Duration::from_secs(5);

/// Half of a client's patience with an identity provider that restarts.
const KEYS_RETRY_AFTER: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_the_status_of_the_contract() {
        for (error, status, header) in [
            (IngestError::Draining, 503, Some("retry-after")),
            (AuthError::Missing.into(), 401, Some("www-authenticate")),
            (AuthError::Expired.into(), 401, Some("www-authenticate")),
            (AuthError::KeysUnavailable.into(), 503, Some("retry-after")),
            (BodyError::TooLarge.into(), 413, None),
            (BodyError::Encoding.into(), 415, None),
            (BodyError::Corrupt.into(), 400, None),
            (BodyError::Timeout.into(), 408, None),
            (
                EnvelopeError::NotJson { line: 1, column: 1 }.into(),
                400,
                None,
            ),
            (EnvelopeError::WrongShape.into(), 422, None),
            (
                Exceeded {
                    policy: "user",
                    retry_after: Duration::from_millis(1500),
                }
                .into(),
                429,
                Some("ratelimit"),
            ),
            (AppendError::Full.into(), 502, Some("retry-after")),
            (AppendError::DiskFull.into(), 503, Some("retry-after")),
            (
                IngestError::Upstream(Outcome::Unwanted(500, Default::default())),
                502,
                None,
            ),
            (IngestError::Method("POST"), 405, Some("allow")),
        ] {
            let text = format!("{error:?}");
            let response = error.into_response();
            assert_eq!(response.status(), status, "{text}");
            assert_eq!(response.headers()["content-type"], Problem::CONTENT_TYPE);
            if let Some(header) = header {
                assert!(response.headers().contains_key(header), "{text}: {header}");
            }
        }
    }

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds() {
        for (millis, expected) in [(0, 1), (1, 1), (1000, 1), (1001, 2)] {
            assert_eq!(whole_seconds(Duration::from_millis(millis)), expected);
        }
    }
}
