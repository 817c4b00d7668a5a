//! An OTLP receiver that does what a test tells it to, and remembers everything.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::post;
use prost::Message as _;
use soliplex_ingest::otlp::proto::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse, LogRecord,
    any_value,
};
use soliplex_ingest::otlp::validate::validate;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::road::uid;
use crate::within::within;

/// What to do with a request.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Take it.
    Accept,
    /// Answer with a status, and a Retry-After.
    Status(u16, Option<&'static str>),
    /// Take it but for so many records.
    Partial(i64),
    /// Promise a body and break off.
    Break,
    /// Never answer.
    Stall,
    /// Take it, and never answer.
    TakeAndStall,
    /// 413 for more than so many records.
    AtMost(usize),
    /// 400 when a record says this.
    Refuse(&'static str),
}

/// The receiver.
#[derive(Clone)]
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    inner: Arc<Inner>,
}

struct Inner {
    script: Mutex<VecDeque<Step>>,
    otherwise: Mutex<Step>,
    seen: Mutex<Seen>,
    changed: Notify,
}

/// What arrived.
#[derive(Default)]
pub(crate) struct Seen {
    /// How often each record was taken, by its uid.
    pub(crate) taken: BTreeMap<String, usize>,
    /// The records that were taken, in order.
    pub(crate) records: Vec<LogRecord>,
    /// The resources of the requests that were taken.
    pub(crate) resources: Vec<BTreeMap<String, String>>,
    /// The headers of every request.
    pub(crate) headers: Vec<HeaderMap>,
    /// From where each connection came.
    pub(crate) connections: BTreeSet<SocketAddr>,
    /// When each request came.
    pub(crate) times: Vec<std::time::Instant>,
    /// What broke a rule of the protocol, in any request.
    pub(crate) violations: Vec<String>,
}

impl Upstream {
    /// A receiver that takes everything after the script is over.
    pub(crate) async fn start(script: impl IntoIterator<Item = Step>) -> Upstream {
        Upstream::start_at("127.0.0.1:0".parse().unwrap(), script).await
    }

    pub(crate) async fn start_at(
        address: SocketAddr,
        script: impl IntoIterator<Item = Step>,
    ) -> Upstream {
        let listener = TcpListener::bind(address).await.unwrap();
        let upstream = Upstream {
            address: listener.local_addr().unwrap(),
            inner: Arc::new(Inner {
                script: Mutex::new(script.into_iter().collect()),
                otherwise: Mutex::new(Step::Accept),
                seen: Mutex::default(),
                changed: Notify::new(),
            }),
        };
        let router = Router::new()
            .route("/v1/logs", post(receive))
            .with_state(upstream.clone());
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        upstream
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}/v1/logs", self.address)
    }

    /// What to do when the script is over.
    pub(crate) fn otherwise(&self, step: Step) {
        *self.inner.otherwise.lock().unwrap() = step;
    }

    pub(crate) fn seen<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.inner.seen.lock().unwrap())
    }

    /// Returns once a look at what arrived is satisfied.
    #[track_caller]
    pub(crate) fn until(
        &self,
        mut satisfied: impl FnMut(&Seen) -> bool,
    ) -> impl Future<Output = ()> {
        within(async move {
            loop {
                let changed = self.inner.changed.notified();
                if self.seen(&mut satisfied) {
                    return;
                }
                changed.await;
            }
        })
    }

    pub(crate) fn requests(&self) -> usize {
        self.seen(|seen| seen.headers.len())
    }

    fn next(&self) -> Step {
        let scripted = self.inner.script.lock().unwrap().pop_front();
        scripted.unwrap_or_else(|| self.inner.otherwise.lock().unwrap().clone())
    }

    fn connected(&self, from: SocketAddr) {
        self.inner.seen.lock().unwrap().connections.insert(from);
    }

    fn note(&self, headers: HeaderMap, request: &ExportLogsServiceRequest, taken: bool) {
        let mut seen = self.inner.seen.lock().unwrap();
        seen.headers.push(headers);
        seen.times.push(std::time::Instant::now());
        seen.violations
            .extend(validate(request).iter().map(ToString::to_string));
        if taken {
            for record in records(request) {
                *seen
                    .taken
                    .entry(text(record, "log.record.uid"))
                    .or_default() += 1;
                seen.records.push(record.clone());
            }
            for resource in &request.resource_logs {
                let attributes = &resource.resource.as_ref().unwrap().attributes;
                let pairs = attributes
                    .iter()
                    .map(|pair| (pair.key.clone(), shown(pair.value.as_ref().unwrap())));
                seen.resources.push(pairs.collect());
            }
        }
        drop(seen);
        self.inner.changed.notify_waiters();
    }
}

async fn receive(
    State(upstream): State<Upstream>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    upstream.connected(from);
    let raw = match headers
        .get("content-encoding")
        .map(|value| value.to_str().unwrap())
    {
        Some("gzip") => {
            let mut raw = Vec::new();
            flate2::read::GzDecoder::new(&body[..])
                .read_to_end(&mut raw)
                .unwrap();
            raw
        }
        Some("zstd") => zstd::stream::decode_all(&body[..]).unwrap(),
        None => body.to_vec(),
        Some(other) => panic!("{other}"),
    };
    let request = ExportLogsServiceRequest::decode(raw.as_slice()).unwrap();
    let count = records(&request).count();
    let says = |words: &str| records(&request).any(|record| body_text(record) == words);
    let (taken, response) = match upstream.next() {
        Step::Accept => (true, accepted(None)),
        Step::AtMost(limit) if count > limit => (false, status(413, None)),
        Step::Refuse(words) if says(words) => (false, status(400, None)),
        Step::AtMost(_) | Step::Refuse(_) => (true, accepted(None)),
        Step::Status(code, retry_after) => (false, status(code, retry_after)),
        Step::Partial(rejected) => (true, accepted(Some(rejected))),
        Step::Stall => {
            upstream.note(headers, &request, false);
            return std::future::pending().await;
        }
        Step::TakeAndStall => {
            upstream.note(headers, &request, true);
            return std::future::pending().await;
        }
        Step::Break => {
            let broken = Body::new(Broken);
            (
                false,
                Response::builder()
                    .header("content-length", "64")
                    .body(broken)
                    .unwrap(),
            )
        }
    };
    upstream.note(headers, &request, taken);
    response
}

fn accepted(rejected: Option<i64>) -> Response<Body> {
    let partial_success = rejected.map(|rejected_log_records| ExportLogsPartialSuccess {
        rejected_log_records,
        error_message: "some were refused".into(),
    });
    let body = ExportLogsServiceResponse { partial_success }.encode_to_vec();
    Response::builder()
        .header("content-type", "application/x-protobuf")
        .body(body.into())
        .unwrap()
}

fn status(code: u16, retry_after: Option<&str>) -> Response<Body> {
    let mut response = Response::builder().status(StatusCode::from_u16(code).unwrap());
    if let Some(retry_after) = retry_after {
        response = response.header("retry-after", retry_after);
    }
    response.body(Body::from("not like\nthis")).unwrap()
}

/// A body that ends in an error.
struct Broken;

impl axum::body::HttpBody for Broken {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
        std::task::Poll::Ready(Some(Err(std::io::Error::other("broken"))))
    }
}

pub(crate) fn records(request: &ExportLogsServiceRequest) -> impl Iterator<Item = &LogRecord> {
    request
        .resource_logs
        .iter()
        .flat_map(|resource| &resource.scope_logs)
        .flat_map(|scope| &scope.log_records)
}

/// An attribute as text; empty when absent.
pub(crate) fn text(record: &LogRecord, key: &str) -> String {
    let found = record
        .attributes
        .iter()
        .find(|attribute| attribute.key == key);
    found
        .map(|attribute| shown(attribute.value.as_ref().unwrap()))
        .unwrap_or_default()
}

pub(crate) fn body_text(record: &LogRecord) -> String {
    record.body.as_ref().map(shown).unwrap_or_default()
}

fn shown(value: &soliplex_ingest::otlp::proto::AnyValue) -> String {
    match &value.value {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        Some(any_value::Value::BoolValue(value)) => value.to_string(),
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

/// Every record of `0..count` was taken exactly once, and nothing broke a rule.
pub(crate) fn assert_taken_once(upstream: &Upstream, count: u64) {
    upstream.seen(|seen| {
        assert_eq!(seen.violations, Vec::<String>::new());
        let expected: Vec<(String, usize)> = (0..count).map(|number| (uid(number), 1)).collect();
        assert_eq!(seen.taken.clone().into_iter().collect::<Vec<_>>(), expected);
    });
}
