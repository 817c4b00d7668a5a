//! Every path of the server, with its method, its limit and its middleware.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use serde_json::json;
use soliplex_wire::LOGS_PATH;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::accept::{self, App, Delivery};
use crate::auth::KeysAtHand;
use crate::error::{IngestError, RATE_LIMIT};
use crate::forward::ForwardState;
use crate::metrics::Gauges;
use crate::openapi;

/// The whole table. From the outside in: CORS, counting, a panic's end, the routes.
///
/// | path | methods | body | who |
/// |---|---|---|---|
/// | `/api/v1/logs` | POST, OPTIONS | JSON up to `limits.body_bytes`, gzip or zstd, on either side of it | a session |
/// | `/healthz`, `/readyz`, `/metrics`, `/openapi.json` | GET, HEAD | none | anyone who reaches the port |
pub(crate) fn router(app: Arc<App>, cors_origins: &[String]) -> Router {
    let routes = Router::new()
        .route(
            LOGS_PATH,
            post(accept::logs)
                .options(logs_options)
                .fallback(|| async { IngestError::Method("POST, OPTIONS") }),
        )
        .fallback(|| async { IngestError::NotFound });
    let routes = pages().into_iter().fold(routes, |routes, (path, _, page)| {
        routes.route(path, page.fallback(only_get))
    });
    with_middleware(routes, app, cors_origins)
}

/// What can be looked at without a session: path, what it tells, and who tells it.
pub(crate) fn pages() -> [(&'static str, &'static str, MethodRouter<Arc<App>>); 4] {
    [
        ("/healthz", "Whether the process answers", get(healthz)),
        (
            "/readyz",
            "Whether batches are taken, and why not",
            get(readyz),
        ),
        ("/metrics", "Every counter, for Prometheus", get(metrics)),
        ("/openapi.json", "This document", get(openapi_document)),
    ]
}

fn with_middleware(routes: Router<Arc<App>>, app: Arc<App>, cors_origins: &[String]) -> Router {
    let panicking = Arc::clone(&app);
    let router = routes
        .layer(CatchPanicLayer::custom(move |panic| {
            defect(&panicking, panic)
        }))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), count))
        .with_state(app);
    match cors(cors_origins) {
        Some(cors) => router.layer(cors),
        None => router,
    }
}

/// Alive: the process answers. Nothing else is asked, so that nothing else restarts it.
async fn healthz() -> &'static str {
    "ok\n"
}

/// Ready: batches are taken. *Degraded* is ready: records are safe here while the upstream is not.
async fn readyz(State(app): State<Arc<App>>) -> Response {
    let mut reasons = Vec::new();
    let mut ready = true;
    if app.draining.load(Ordering::Relaxed) {
        ready = false;
        reasons.push("shutting down".to_owned());
    }
    let keys = app.auth.keys_at_hand();
    match keys {
        KeysAtHand { missing: 0, .. } => {}
        KeysAtHand { present: 0, .. } => {
            ready = false;
            reasons.push("the identity provider's keys have not been fetched yet".to_owned());
        }
        KeysAtHand {
            present, missing, ..
        } => {
            let all = present + missing;
            let reason =
                format!("the keys of {missing} of {all} issuers have not been fetched yet");
            reasons.push(reason);
        }
    }
    if keys.stale > 0 {
        let seconds = keys.oldest.as_secs();
        reasons.push(format!(
            "the identity provider's keys could not be read again for {seconds} s; one that was withdrawn is still taken"
        ));
    }
    if let Delivery::Spool { spool, forwarder } = &app.delivery {
        match forwarder.state() {
            ForwardState::Flowing => {}
            ForwardState::Retrying(cause) => reasons.push(format!("the upstream fails: {cause}")),
            ForwardState::Held(cause) => reasons.push(format!("the upstream refuses us: {cause}")),
        }
        if let Some(refusal) = spool.refusal() {
            ready = false;
            reasons.push(refusal.to_string());
        }
        let full = spool.pending().bytes.saturating_mul(100) / app.limits.spool_bytes.max(1);
        if full >= ALMOST_FULL_PERCENT {
            reasons.push(format!("the spool is {full} % full"));
        }
    }
    let (status, word) = match (ready, reasons.is_empty()) {
        (true, true) => (StatusCode::OK, "ready"),
        (true, false) => (StatusCode::OK, "degraded"),
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
    };
    (status, Json(json!({ "status": word, "reasons": reasons }))).into_response()
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    let keys_age = app.auth.keys_at_hand().oldest;
    let gauges = match &app.delivery {
        Delivery::Spool { spool, forwarder } => Gauges {
            pending: spool.pending(),
            dead_letters: forwarder.dead_letters().await,
            oldest_id: spool.oldest_id(),
            ids_forgotten_early: spool.ids_forgotten_early(),
            keys_age,
        },
        Delivery::Passthrough { .. } => Gauges {
            keys_age,
            ..Gauges::default()
        },
    };
    let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(CONTENT_TYPE, text)], app.metrics.render(&gauges)).into_response()
}

async fn openapi_document() -> Json<serde_json::Value> {
    Json(openapi::document())
}

async fn logs_options() -> Response {
    (
        StatusCode::NO_CONTENT,
        [(axum::http::header::ALLOW, "POST, OPTIONS")],
    )
        .into_response()
}

async fn only_get() -> IngestError {
    IngestError::Method("GET, HEAD")
}

/// Counts every answer, and states the policies on those a quota has to do with.
async fn count(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let mut response = next.run(request).await;
    app.metrics
        .answered(response.status().as_u16(), start.elapsed());
    if response.headers().contains_key(RATE_LIMIT)
        && let Ok(policies) = HeaderValue::from_str(app.rates.policies())
    {
        response.headers_mut().insert(RATE_LIMIT_POLICY, policies);
    }
    response
}

/// A panic costs its request: the connection, the server and the batch at the client live on.
fn defect(app: &App, panic: Box<dyn Any + Send>) -> axum::http::Response<Body> {
    app.metrics.panicked();
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(
        panic = text.unwrap_or("not a text"),
        "a request ended in a defect"
    );
    IngestError::Defect.into_response()
}

fn cors(origins: &[String]) -> Option<CorsLayer> {
    let origins: Vec<HeaderValue> = origins
        .iter()
        .filter_map(|origin| origin.parse().ok())
        .collect();
    (!origins.is_empty()).then(|| {
        CorsLayer::new()
            .allow_origin(AllowOrigin::list(origins))
            .allow_methods([Method::POST])
            .allow_headers([AUTHORIZATION, CONTENT_TYPE, CONTENT_ENCODING])
            .expose_headers([RETRY_AFTER, RATE_LIMIT, RATE_LIMIT_POLICY])
    })
}

const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// From here on readiness mentions the spool: time enough to look at the upstream.
const ALMOST_FULL_PERCENT: u64 = 80;

#[cfg(test)]
mod tests;
