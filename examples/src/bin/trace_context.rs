//! One request, two services, one trace: `cargo run --bin trace_context`.
//!
//! A client asks a server for an order. The client sends its trace along by the `traceparent`
//! header of W3C Trace Context, the server adopts it, and the records of both carry the ids. With
//! the OpenTelemetry layer left out they would carry none: no ids are invented.
//!
//! Client, server and the endpoint that the records are posted to share this process, so that it
//! runs by itself. It prints what arrives: trace id, span id, logger and message of each record.

#![forbid(unsafe_code)]

use std::error::Error;
use std::io::Read as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use flate2::read::GzDecoder;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;
use tracing::{Instrument as _, Span, info, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_soliplex::{FlushReport, Sanitize as _, Soliplex, StartError};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

// === What an application needs ===

/// Starts the pipeline beside an OpenTelemetry layer, whose ids records carry by the feature
/// `tracing-opentelemetry`.
fn install(endpoint: &str) -> Result<Soliplex, StartError> {
    let soliplex = Soliplex::builder("trace-context", env!("CARGO_PKG_VERSION"))
        .endpoint(endpoint)
        .start()?;
    let tracer = SdkTracerProvider::builder().build().tracer("trace-context");
    tracing_subscriber::registry()
        .with(tracing_opentelemetry::layer().with_tracer(tracer))
        .with(soliplex.export_layer().with_filter(LevelFilter::INFO))
        .sanitize(&soliplex)
        .init();
    Ok(soliplex)
}

/// Has whatever the server does about a request belong to the caller's trace.
async fn adopt(request: Request, next: Next) -> Response {
    let caller = TraceContextPropagator::new().extract(&HeaderExtractor(request.headers()));
    let span = info_span!("request", path = request.uri().path());
    // Refused only to a span that has begun to be sent.
    let _ = span.set_parent(caller);
    next.run(request).instrument(span).await
}

/// The headers by which the trace goes along with a request.
fn traceparent() -> HeaderMap {
    let mut headers = HeaderMap::new();
    let context = Span::current().context();
    TraceContextPropagator::new().inject_context(&context, &mut HeaderInjector(&mut headers));
    headers
}

// === The two services ===

async fn order(Path(number): Path<u64>) -> Json<Value> {
    info!(number, "order looked up");
    Json(json!({ "number": number, "parts": 3 }))
}

async fn ask_for_order(server: &str) -> Result<(), reqwest::Error> {
    info!("asking for the order");
    let client = reqwest::Client::builder().no_proxy().build()?;
    let request = client.get(format!("{server}/orders/2209"));
    let answer = request.headers(traceparent()).send().await?;
    let order: Value = serde_json::from_slice(&answer.bytes().await?).unwrap_or_default();
    info!(parts = order["parts"].as_u64(), "order arrived");
    Ok(())
}

// === The endpoint, in place of soliplex-ingest ===

type Arrived = Arc<Mutex<Vec<String>>>;

async fn receive(State(arrived): State<Arrived>, body: Bytes) -> StatusCode {
    let mut text = String::new();
    if GzDecoder::new(&*body).read_to_string(&mut text).is_err() {
        return StatusCode::BAD_REQUEST;
    }
    let batch: Value = serde_json::from_str(&text).unwrap_or_default();
    let field = |record: &Value, name: &str| record[name].as_str().unwrap_or("-").to_owned();
    let lines = batch["logs"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|record| {
            let ids = (field(record, "traceId"), field(record, "spanId"));
            let text = (field(record, "logger"), field(record, "message"));
            format!("{:32} {:16} {}: {}", ids.0, ids.1, text.0, text.1)
        });
    let mut arrived = arrived.lock().unwrap_or_else(PoisonError::into_inner);
    arrived.extend(lines);
    StatusCode::OK
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arrived = Arrived::default();
    let services = Router::new()
        .route("/orders/{number}", get(order))
        .layer(middleware::from_fn(adopt))
        .route("/api/v1/logs", post(receive))
        .with_state(Arc::clone(&arrived));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let server = format!("http://{}", listener.local_addr()?);
    let soliplex = install(&server)?;
    tokio::spawn(async move { axum::serve(listener, services).await });

    info!("outside of any trace");
    ask_for_order(&server)
        .instrument(info_span!("load order"))
        .await?;

    let report: FlushReport = soliplex.flush_async(Duration::from_secs(10)).await;
    for line in &*arrived.lock().unwrap_or_else(PoisonError::into_inner) {
        println!("{line}");
    }
    println!("{report}");
    Ok(())
}
