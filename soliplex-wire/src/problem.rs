//! What the server says of a request it did not take: problem details, RFC 9457.

use serde::{Deserialize, Serialize};

/// The body of every refusal, sent as `application/problem+json`. Never echoes the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Which problem it is, for programs.
    #[serde(rename = "type")]
    pub kind: ProblemType,
    /// Which problem it is, for people: the same for every occurrence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What to do about this occurrence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The quotas that were over, by the names `RateLimit-Policy` gives them.
    #[serde(
        default,
        rename = "violated-policies",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub violated_policies: Vec<String>,
}

/// The problems of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ProblemType {
    /// 400: the body is not JSON, or not what its encoding says.
    #[serde(rename = "urn:soliplex:problem:malformed-body")]
    MalformedBody,
    /// 401: no session, or one that does not hold.
    #[serde(rename = "urn:soliplex:problem:unauthorized")]
    Unauthorized,
    /// 404: no such path.
    #[serde(rename = "urn:soliplex:problem:not-found")]
    NotFound,
    /// 405: the path has no such method.
    #[serde(rename = "urn:soliplex:problem:method-not-allowed")]
    MethodNotAllowed,
    /// 408: the request did not arrive in time.
    #[serde(rename = "urn:soliplex:problem:request-timeout")]
    RequestTimeout,
    /// 413: the body is over its limit, before or after decompression.
    #[serde(rename = "urn:soliplex:problem:body-too-large")]
    BodyTooLarge,
    /// 415: a content type or encoding the server does not read.
    #[serde(rename = "urn:soliplex:problem:unsupported-media-type")]
    UnsupportedMediaType,
    /// 422: JSON, but no batch.
    #[serde(rename = "urn:soliplex:problem:not-a-batch")]
    NotABatch,
    /// 429: a quota is used up.
    #[serde(rename = "urn:soliplex:problem:quota-exceeded")]
    QuotaExceeded,
    /// 500: a defect of the server.
    #[serde(rename = "urn:soliplex:problem:internal")]
    Internal,
    /// 502: the upstream failed and the batch could not be kept.
    #[serde(rename = "urn:soliplex:problem:upstream-failed")]
    UpstreamFailed,
    /// 503: the server cannot take it now.
    #[serde(rename = "urn:soliplex:problem:unavailable")]
    Unavailable,
    /// A problem of a later version.
    #[serde(other, rename = "about:blank")]
    Other,
}

impl ProblemType {
    /// The HTTP status that goes with it.
    pub const fn status(self) -> u16 {
        match self {
            ProblemType::MalformedBody => 400,
            ProblemType::Unauthorized => 401,
            ProblemType::NotFound => 404,
            ProblemType::MethodNotAllowed => 405,
            ProblemType::RequestTimeout => 408,
            ProblemType::BodyTooLarge => 413,
            ProblemType::UnsupportedMediaType => 415,
            ProblemType::NotABatch => 422,
            ProblemType::QuotaExceeded => 429,
            ProblemType::Internal | ProblemType::Other => 500,
            ProblemType::UpstreamFailed => 502,
            ProblemType::Unavailable => 503,
        }
    }

    /// What people call it.
    pub const fn title(self) -> &'static str {
        match self {
            ProblemType::MalformedBody => "The body could not be read",
            ProblemType::Unauthorized => "A valid session is needed",
            ProblemType::NotFound => "There is nothing at this path",
            ProblemType::MethodNotAllowed => "This path has no such method",
            ProblemType::RequestTimeout => "The request took too long to arrive",
            ProblemType::BodyTooLarge => "The body is too large",
            ProblemType::UnsupportedMediaType => "The body's type or encoding is not supported",
            ProblemType::NotABatch => "The body is not a batch",
            ProblemType::QuotaExceeded => "A quota is used up",
            ProblemType::Internal | ProblemType::Other => "The server failed",
            ProblemType::UpstreamFailed => "The upstream failed",
            ProblemType::Unavailable => "The server cannot take this now",
        }
    }
}

impl Problem {
    /// The media type of a problem.
    pub const CONTENT_TYPE: &'static str = "application/problem+json";

    /// A problem of this kind, with its own title and status.
    pub fn new(kind: ProblemType) -> Problem {
        Problem {
            kind,
            title: kind.title().to_owned(),
            status: kind.status(),
            detail: None,
            violated_policies: Vec::new(),
        }
    }

    /// Says what to do about this occurrence.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Problem {
        self.detail = Some(detail.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_what_it_writes_and_what_a_newer_server_writes() {
        let problem = Problem::new(ProblemType::BodyTooLarge).with_detail("send at most 1 MiB");
        let json = serde_json::to_string(&problem).unwrap();
        assert_eq!(
            json,
            r#"{"type":"urn:soliplex:problem:body-too-large","title":"The body is too large","status":413,"detail":"send at most 1 MiB"}"#
        );
        assert_eq!(serde_json::from_str::<Problem>(&json).unwrap(), problem);
        let newer = r#"{"type":"urn:soliplex:problem:novel","title":"New","status":418}"#;
        assert_eq!(
            serde_json::from_str::<Problem>(newer).unwrap().kind,
            ProblemType::Other
        );
    }
}
