//! The exporter that posts to the ingest server over HTTP.

use std::error::Error as _;
use std::fmt;
use std::io::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Response, Url};
use soliplex_wire::{Answer, LOGS_PATH, Timestamp};

use super::{Export, ExportOutcome, Exporter, Exporting};
use crate::store::chain;

#[cfg(test)]
mod tests;

/// How long one request may take, from connecting to the end of the answer. A batch is at most 900
/// KB before compression; on a network that cannot carry it in this time, a smaller one later is
/// better.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of an answer that are read. It lists at most a batch's records, each with a reason.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// A `Retry-After` beyond this is taken for this: a server's slip must not silence a device for
/// good.
pub(crate) const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// gzip's own default. For 100 records, 45 KB, level 6 takes 0.28 ms and leaves 13 % of the bytes,
/// level 1 0.09 ms and 20 %: radio time costs more than either.
const COMPRESSION: Compression = Compression::new(6);

/// Where batches are posted to.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Endpoint(Url);

/// Why a text is no endpoint. Holds no part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// It is no URL.
    #[error("the endpoint is not a URL: give one like https://ingest.example.org")]
    NotAUrl,
    /// It is neither http nor https.
    #[error("the endpoint's scheme is not supported: give an https URL")]
    Scheme,
    /// It would send records and tokens in the clear to another machine.
    #[error(
        "the endpoint is not encrypted: give an https URL (http is for this machine's own addresses only)"
    )]
    Plaintext,
    /// It holds a user name or password.
    #[error("the endpoint holds credentials: leave them out and give a token provider")]
    Credentials,
}

impl Endpoint {
    /// Reads an endpoint. Without a path of its own it gets [`LOGS_PATH`].
    ///
    /// # Errors
    ///
    /// See [`EndpointError`].
    pub(crate) fn parse(text: &str) -> Result<Endpoint, EndpointError> {
        let mut url = Url::parse(text).map_err(|_| EndpointError::NotAUrl)?;
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" => return Err(EndpointError::Plaintext),
            _ => return Err(EndpointError::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::Credentials);
        }
        if url.path() == "/" {
            url.set_path(LOGS_PATH);
        }
        Ok(Endpoint(url))
    }

    /// Whether it is on this machine, and is reached without any network.
    pub(crate) fn is_local(&self) -> bool {
        is_loopback(&self.0)
    }

    /// The whole URL, for who set it.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.0.host_str().unwrap_or_default())
    }
}

/// Posts batches, gzipped, over one kept connection.
#[derive(Debug)]
pub(crate) struct HttpExporter {
    client: Client,
    endpoint: Endpoint,
}

impl HttpExporter {
    /// A client of its own; only to be made, used and dropped on the worker's thread.
    ///
    /// # Errors
    ///
    /// When the TLS backend cannot be set up, as with no usable root certificates.
    pub(crate) fn try_new(
        endpoint: Endpoint,
        roots: Vec<Certificate>,
    ) -> Result<HttpExporter, reqwest::Error> {
        let mut client = Client::builder()
            .user_agent(concat!(
                env!("CARGO_PKG_NAME"),
                "/",
                env!("CARGO_PKG_VERSION")
            ))
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            // A token goes to the endpoint it is meant for, and to no other it points to.
            .redirect(Policy::none());
        if endpoint.is_local() {
            client = client.no_proxy();
        }
        if !roots.is_empty() {
            client = client.tls_certs_merge(roots);
        }
        Ok(HttpExporter {
            client: client.build()?,
            endpoint,
        })
    }
}

impl Exporter for HttpExporter {
    fn export(&self, export: Export) -> Exporting {
        let mut request = self
            .client
            .post(self.endpoint.0.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(token) = &export.token
            && let Ok(mut value) = HeaderValue::try_from(format!("Bearer {}", token.expose()))
        {
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        request = match gzip(&export.body) {
            Some(body) => request
                .header(CONTENT_ENCODING, HeaderValue::from_static("gzip"))
                .body(body),
            None => request.body(export.body),
        };
        Box::pin(async move {
            match request.send().await {
                Ok(response) => outcome(response).await,
                Err(error) => ExportOutcome::Unreachable {
                    error: describe(&error),
                    may_have_arrived: !error.is_connect(),
                },
            }
        })
    }
}

fn gzip(body: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), COMPRESSION);
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}

async fn outcome(response: Response) -> ExportOutcome {
    let status = response.status();
    if !status.is_success() {
        return ExportOutcome::of_status(status.as_u16(), retry_after(&response));
    }
    let status = status.as_u16();
    match read(response).await {
        Ok(Some(body)) => of_answer(status, &body),
        // No answer of ours is that long, and another would be no shorter.
        Ok(None) => ExportOutcome::Misplaced { status },
        // The server has the batch or not: sending it again is harmless, forgetting it is not.
        Err(error) => ExportOutcome::Unreachable {
            error,
            may_have_arrived: true,
        },
    }
}

/// A server that says no more than 2xx has accepted all. One that says something else than our
/// answer is another server: a login page, say, that a proxy puts in front of everything.
fn of_answer(status: u16, body: &[u8]) -> ExportOutcome {
    if body.trim_ascii().is_empty() {
        return ExportOutcome::Accepted(Answer::default());
    }
    let ours =
        |answer: &serde_json::Map<_, _>| answer.is_empty() || answer.contains_key("accepted");
    match serde_json::from_slice(body) {
        Ok(answer) if ours(&answer) => serde_json::from_value(answer.into())
            .map_or(ExportOutcome::Misplaced { status }, ExportOutcome::Accepted),
        _ => ExportOutcome::Misplaced { status },
    }
}

/// The answer's body; none where it is longer than any of ours.
async fn read(mut response: Response) -> Result<Option<Vec<u8>>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| describe(&error))? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    wait_named(text, Timestamp::now())
}

/// Seconds, or an HTTP date: RFC 9110, section 10.2.3.
fn wait_named(text: &str, now: Timestamp) -> Option<Duration> {
    let wait = match text.trim().parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let then = jiff::fmt::rfc2822::parse(text.trim()).ok()?.timestamp();
            Duration::try_from(then.duration_since(now)).unwrap_or_default()
        }
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

/// The error without its URL, which may tell a host name, and with its causes, which tell what to
/// do.
fn describe(error: &reqwest::Error) -> String {
    let kind = if error.is_timeout() {
        "timed out"
    } else if error.is_connect() {
        "could not connect"
    } else {
        "connection failed"
    };
    match error.source() {
        Some(cause) => format!("{kind}: {}", chain(cause)),
        None => kind.to_owned(),
    }
}
