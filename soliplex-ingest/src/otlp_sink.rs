//! A small OTLP/HTTP receiver for logs: takes what is right, says what is wrong, keeps nothing.
//!
//! For development without an account, for the quick start, and as the far end in tests. It is
//! strict where backends are lenient: each request is [validated](crate::otlp::validate) against
//! the protocol's rules, and the violations are handed on beside the records.

mod shown;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use prost::Message as _;
use tokio::net::TcpListener;

use crate::body::{self, BodyError, Media};
use crate::otlp::proto::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use crate::otlp::validate::{Violation, validate};
pub use shown::Shown;

/// One request that arrived.
#[derive(Debug)]
#[non_exhaustive]
pub struct Received {
    /// The request.
    pub request: ExportLogsServiceRequest,
    /// What in it breaks a rule of the protocol.
    pub violations: Vec<Violation>,
}

impl Received {
    /// Its records, each with its resource and scope, ready to be shown.
    pub fn records(&self) -> impl Iterator<Item = Shown<'_>> {
        Shown::all(&self.request)
    }
}

/// Called with each request before it is acknowledged.
pub type OnRequest = Arc<dyn Fn(&Received) + Send + Sync>;

/// The receiver, its address taken.
#[derive(Debug)]
pub struct OtlpSink {
    listener: TcpListener,
    address: SocketAddr,
}

impl OtlpSink {
    /// Takes the address; port 0 takes a free one.
    pub async fn bind(address: SocketAddr) -> io::Result<OtlpSink> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(OtlpSink { listener, address })
    }

    /// The address to post to, as `forward.endpoint` wants it.
    pub fn endpoint(&self) -> String {
        format!("http://{}/v1/logs", self.address)
    }

    /// Receives until `shutdown` is ready.
    pub async fn serve(
        self,
        on_request: OnRequest,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let router = Router::new()
            .route("/v1/logs", post(receive))
            .with_state(on_request);
        axum::serve(self.listener, router)
            .with_graceful_shutdown(shutdown)
            .await
    }
}

async fn receive(State(on_request): State<OnRequest>, headers: HeaderMap, body: Body) -> Response {
    let media = Media::of(&headers);
    match read(&headers, body, media).await {
        Ok(request) => {
            let violations = validate(&request);
            on_request(&Received {
                request,
                violations,
            });
            // OTLP: on full success, partial_success stays unset.
            answer(
                StatusCode::OK,
                media,
                &ExportLogsServiceResponse::default(),
                "{}".to_owned(),
            )
        }
        Err((status, message)) => {
            let json = serde_json::json!({ "message": message }).to_string();
            answer(
                status,
                media,
                &RpcStatus {
                    code: 3,
                    message: message.to_owned(),
                },
                json,
            )
        }
    }
}

async fn read(
    headers: &HeaderMap,
    body: Body,
    media: Option<Media>,
) -> Result<ExportLogsServiceRequest, (StatusCode, &'static str)> {
    const UNDECODABLE: (StatusCode, &str) = (
        StatusCode::BAD_REQUEST,
        "the body is not an ExportLogsServiceRequest",
    );
    let media = media.ok_or((
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "send application/x-protobuf or application/json",
    ))?;
    let bytes = body::read_any(headers, body, MAX_BODY_BYTES, BODY_TIMEOUT)
        .await
        .map_err(|error| match error {
            BodyError::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "the body is over 64 MiB"),
            BodyError::Encoding => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "send gzip, zstd or no encoding",
            ),
            _ => (StatusCode::BAD_REQUEST, "the body could not be read"),
        })?;
    match media {
        Media::Protobuf => ExportLogsServiceRequest::decode(bytes).map_err(|_| UNDECODABLE),
        Media::Json => serde_json::from_slice(&bytes).map_err(|_| UNDECODABLE),
    }
}

/// OTLP: the answer comes in the encoding of the request.
fn answer(
    status: StatusCode,
    media: Option<Media>,
    message: &impl prost::Message,
    json: String,
) -> Response {
    let (content_type, bytes) = match media {
        Some(Media::Json) | None => ("application/json", json.into_bytes()),
        Some(Media::Protobuf) => ("application/x-protobuf", message.encode_to_vec()),
    };
    (
        status,
        [(CONTENT_TYPE, HeaderValue::from_static(content_type))],
        bytes,
    )
        .into_response()
}

/// `google.rpc.Status`, which OTLP wants as the body of a failure.
#[derive(Clone, PartialEq, prost::Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

/// OTLP's recommendation for receivers.
const MAX_BODY_BYTES: usize = 64 << 20;

const BODY_TIMEOUT: Duration = Duration::from_secs(60);
