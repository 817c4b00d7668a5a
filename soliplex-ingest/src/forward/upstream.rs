//! One request to the upstream, and what its answer means.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use prost::Message as _;
use reqwest::Url;
use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};

use super::outcome::{Cause, Outcome, classify, words};
use crate::config::{Compression, Endpoint, ForwardConfig, Secret};
use crate::metrics::Metrics;
use crate::otlp::packed;
use crate::otlp::proto::{ExportLogsServiceRequest, ExportLogsServiceResponse};

/// Where OTLP goes, with everything a request needs.
#[derive(Debug)]
pub struct Upstream {
    endpoint: Endpoint,
    client: reqwest::Client,
    headers: HeaderMap,
    token: RwLock<Option<HeaderValue>>,
    token_file: Option<PathBuf>,
    compression: Compression,
    metrics: Arc<Metrics>,
}

/// Why no request could ever be made with this configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamError {
    /// A header's name or value is not one HTTP can carry.
    #[error("{0} cannot be sent as an HTTP header")]
    Header(&'static str),
    /// The HTTP client could not be made.
    #[error("the HTTP client could not be made")]
    Client(#[source] reqwest::Error),
}

impl Upstream {
    /// Prepares requests; makes no connection yet.
    pub fn try_new(
        config: &ForwardConfig,
        metrics: Arc<Metrics>,
    ) -> Result<Upstream, UpstreamError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROTOBUF));
        for (name, value) in &config.headers {
            let name: HeaderName = name
                .parse()
                .map_err(|_| UpstreamError::Header("a name in forward.headers"))?;
            let value =
                header_value(value).ok_or(UpstreamError::Header("a value in forward.headers"))?;
            headers.insert(name, value);
        }
        let token = match &config.token {
            Some(token) => Some(header_value(token).ok_or(UpstreamError::Header("forward.token"))?),
            None => None,
        };
        let mut client = reqwest::Client::builder()
            .timeout(config.timeout)
            .connect_timeout(CONNECT_TIMEOUT.min(config.timeout))
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("soliplex-ingest/", env!("CARGO_PKG_VERSION")));
        if config.endpoint.is_on_this_machine() {
            // No proxy can reach what is on this machine.
            client = client.no_proxy();
        }
        let client = client.build().map_err(UpstreamError::Client)?;
        Ok(Upstream {
            endpoint: config.endpoint.clone(),
            client,
            headers,
            token: RwLock::new(token),
            token_file: config.token_file.clone(),
            compression: config.compression,
            metrics,
        })
    }

    /// Posts one encoded `ExportLogsServiceRequest`.
    pub async fn post(&self, request: Vec<u8>) -> Outcome {
        let Endpoint::Url(url) = &self.endpoint else {
            return print(&request);
        };
        match self.compress(request) {
            Ok((body, encoding)) => self.send_timed(url, body, encoding).await,
            Err(_) => Outcome::Later {
                after: None,
                cause: Cause::Internal,
            },
        }
    }

    /// Posts one that is compressed already; only where [`takes_gzip`](Upstream::takes_gzip).
    pub(crate) async fn post_gzip(&self, body: Vec<u8>) -> Outcome {
        match &self.endpoint {
            Endpoint::Url(url) => self.send_timed(url, body, Some(GZIP)).await,
            Endpoint::Stdout => Outcome::Later {
                after: None,
                cause: Cause::Internal,
            },
        }
    }

    /// Whether batches may be compressed before they are posted.
    pub(crate) fn takes_gzip(&self) -> bool {
        self.compression == Compression::Gzip && self.endpoint != Endpoint::Stdout
    }

    async fn send_timed(
        &self,
        url: &Url,
        body: Vec<u8>,
        encoding: Option<&'static str>,
    ) -> Outcome {
        let start = Instant::now();
        let outcome = self.send(url, body, encoding).await;
        self.metrics.upstream_request(&outcome, start.elapsed());
        outcome
    }

    async fn send(&self, url: &Url, body: Vec<u8>, encoding: Option<&'static str>) -> Outcome {
        let mut headers = self.headers.clone();
        if let Some(encoding) = encoding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        if let Some(token) = &*self.token.read().unwrap_or_else(PoisonError::into_inner) {
            headers.insert(AUTHORIZATION, token.clone());
        }
        let response = match self
            .client
            .post(url.clone())
            .headers(headers)
            .body(body)
            .send()
            .await
        {
            Ok(response) => response,
            Err(error) => {
                return Outcome::Later {
                    after: None,
                    cause: cause_of(&error),
                };
            }
        };
        let outcome = self.read(response).await;
        if matches!(outcome, Outcome::Held(Cause::Status(401 | 403))) {
            self.read_token_again().await;
        }
        outcome
    }

    async fn read(&self, mut response: reqwest::Response) -> Outcome {
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok());
        let outcome = classify(response.status().as_u16(), retry_after, Timestamp::now());
        if outcome != Outcome::Accepted {
            // OTLP: the body is a `google.rpc.Status`; its beginning is enough to read its message.
            if let Ok(Some(chunk)) = response.chunk().await {
                let said = String::from_utf8_lossy(&chunk[..chunk.len().min(MAX_REASON_BYTES)]);
                tracing::warn!(%outcome, said = words(&said), "the upstream says why");
                return outcome.with_words(&said);
            }
            return outcome;
        }
        let protobuf = response
            .headers()
            .get(CONTENT_TYPE)
            .is_none_or(|value| value.as_bytes().starts_with(PROTOBUF.as_bytes()));
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > MAX_ANSWER_BYTES => {
                    tracing::warn!(
                        bytes = chunk.len(),
                        "the upstream's answer is too long and was not read"
                    );
                    return Outcome::Accepted;
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                // OTLP: without the whole answer, the request is to be sent again.
                Err(error) => {
                    return Outcome::Later {
                        after: None,
                        cause: cause_of(&error),
                    };
                }
            }
        }
        if protobuf {
            partial(&body)
        } else {
            Outcome::Accepted
        }
    }

    fn compress(&self, request: Vec<u8>) -> std::io::Result<(Vec<u8>, Option<&'static str>)> {
        match self.compression {
            Compression::None => Ok((request, None)),
            Compression::Gzip => {
                let kept = [packed::pack(&request)];
                Ok(match packed::gzip(&kept) {
                    Some(body) => (body, Some(GZIP)),
                    None => (kept.concat(), None),
                })
            }
            Compression::Zstd => Ok((zstd::bulk::compress(&request, 1)?, Some("zstd"))),
        }
    }

    /// A rotated token takes effect without a restart.
    async fn read_token_again(&self) {
        let Some(path) = &self.token_file else { return };
        if let Ok(text) = tokio::fs::read_to_string(path).await
            && let Some(value) = header_value(&Secret::new(text.trim_end_matches(['\r', '\n'])))
        {
            *self.token.write().unwrap_or_else(PoisonError::into_inner) = Some(value);
        }
    }
}

/// What a 2xx says of its records.
fn partial(body: &[u8]) -> Outcome {
    let Ok(ExportLogsServiceResponse {
        partial_success: Some(partial),
    }) = ExportLogsServiceResponse::decode(body)
    else {
        return Outcome::Accepted;
    };
    match u64::try_from(partial.rejected_log_records) {
        Ok(rejected) if rejected > 0 => Outcome::Partial {
            rejected,
            message: words(&partial.error_message),
        },
        _ => {
            // OTLP: nothing refused but a message is a warning; the text is the upstream's, not a
            // client's.
            if !partial.error_message.is_empty() {
                tracing::warn!(message = %words(&partial.error_message), "the upstream warns");
            }
            Outcome::Accepted
        }
    }
}

fn print(request: &[u8]) -> Outcome {
    let line = ExportLogsServiceRequest::decode(request)
        .ok()
        .and_then(|request| serde_json::to_string(&request).ok());
    match line.map(|line| writeln!(std::io::stdout().lock(), "{line}")) {
        Some(Ok(())) => Outcome::Accepted,
        _ => Outcome::Later {
            after: None,
            cause: Cause::Internal,
        },
    }
}

fn header_value(secret: &Secret) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(secret.reveal()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn cause_of(error: &reqwest::Error) -> Cause {
    if error.is_timeout() {
        Cause::Timeout
    } else if error.is_connect() {
        Cause::Connect
    } else {
        Cause::Broken
    }
}

const GZIP: &str = "gzip";

const PROTOBUF: &str = "application/x-protobuf";

/// OTLP's own advice for the answer a client reads.
const MAX_ANSWER_BYTES: usize = 4 << 20;

/// Bytes of a refusal's body that are looked at.
const MAX_REASON_BYTES: usize = 1024;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
