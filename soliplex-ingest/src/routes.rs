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
mod tests {
    use super::*;
    use crate::accept::Peer;
    use crate::auth::Authenticator;
    use crate::config::Config;
    use crate::forward::Upstream;
    use crate::metrics::Metrics;
    use crate::otlp::Window;
    use crate::rate_limit::RateLimits;
    use std::time::Duration;
    use tower::ServiceExt as _;

    async fn app() -> Arc<App> {
        app_with("mode = 'disabled'").await
    }

    async fn app_with(auth: &str) -> Arc<App> {
        let forward = "[forward]\nendpoint = 'stdout'\ndelivery = 'passthrough'";
        let config = Config::from_toml(&format!("[auth]\n{auth}\n{forward}")).unwrap();
        let metrics = Arc::new(Metrics::default());
        let window = Window {
            max_age: config.forward.max_age,
            max_ahead: config.forward.max_ahead,
        };
        let upstream = Arc::new(Upstream::try_new(&config.forward, Arc::clone(&metrics)).unwrap());
        Arc::new(App {
            auth: Authenticator::try_new(&config.auth).await.unwrap(),
            rates: RateLimits::new(&config.limits),
            metrics,
            delivery: Delivery::Passthrough { upstream, window },
            logfire: false,
            room: crate::body::Room::new(&config.limits),
            slots: Arc::new(tokio::sync::Semaphore::new(1)),
            draining: false.into(),
            limits: config.limits,
        })
    }

    /// A batch that nothing is wrong with.
    fn batch() -> Request {
        let mut request = Request::post(LOGS_PATH)
            .body(Body::from(r#"{"logs":[]}"#))
            .unwrap();
        let peer = Peer(([192, 0, 2, 1], 4000).into());
        request.extensions_mut().insert(peer);
        request
    }

    /// An answer's status and body.
    async fn text(response: Response) -> (StatusCode, String) {
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await;
        (status, String::from_utf8(body.unwrap().into()).unwrap())
    }

    #[tokio::test]
    async fn a_panic_costs_one_request() {
        let boom = || async {
            if true {
                panic!("a defect");
            }
        };
        let app = app().await;
        let routes = Router::new()
            .route("/boom", get(boom))
            .route("/fine", get(healthz));
        let router = with_middleware(routes, Arc::clone(&app), &[]);
        let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(get("/boom")).await.unwrap();
        assert_eq!(response.status(), 500);
        assert_eq!(
            response.headers()["content-type"],
            soliplex_wire::Problem::CONTENT_TYPE
        );
        assert_eq!(router.oneshot(get("/fine")).await.unwrap().status(), 200);
        let page = app.metrics.render(&Gauges::default());
        assert!(
            page.contains("panics_total 1") && page.contains("answers_total{status=\"500\"} 1")
        );
    }

    /// While every read fails, a key that was withdrawn is still taken; somebody must be told.
    #[tokio::test(start_paused = true)]
    async fn keys_that_cannot_be_read_again_make_a_server_degraded_until_they_can() {
        let dir = tempfile::tempdir().unwrap();
        let (file, away) = (dir.path().join("keys.json"), dir.path().join("away"));
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let set = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "k", "x": x }] });
        std::fs::write(&file, set.to_string()).unwrap();
        let auth = format!("mode = 'jwks'\njwks_file = {file:?}\njwks_refresh_seconds = 100");
        let app = app_with(&auth).await;
        let _reading = app.auth.keep_fresh();
        let look = async |name: &str| {
            let page = text(readyz(State(Arc::clone(&app))).await).await;
            let (_, counters) = text(metrics(State(Arc::clone(&app))).await).await;
            let age = "soliplex_ingest_keys_age_seconds ";
            let age = counters.lines().find_map(|line| line.strip_prefix(age));
            let age: u64 = age.unwrap().parse().unwrap();
            assert_eq!(page.0, 200, "{name}");
            (page.1.contains("degraded"), age)
        };
        tokio::time::sleep(Duration::from_secs(1000)).await;
        let (degraded, age) = look("read at their interval").await;
        assert!(!degraded && age <= 101, "{age}");

        std::fs::rename(&file, &away).unwrap();
        tokio::time::sleep(Duration::from_secs(150)).await;
        assert!(!look("one read was missed").await.0);
        tokio::time::sleep(Duration::from_secs(300)).await;
        let (degraded, age) = look("all reads fail").await;
        assert!(degraded && age > 300, "{age}");

        std::fs::rename(&away, &file).unwrap();
        tokio::time::sleep(Duration::from_secs(150)).await;
        assert!(!look("read again").await.0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_server_says_when_to_come_back() {
        let app = app().await;
        let _only = app.slots.try_acquire().unwrap();
        let start = tokio::time::Instant::now();
        let router = router(Arc::clone(&app), &[]);
        let response = router.oneshot(batch()).await.unwrap();
        assert_eq!(response.status(), 503);
        assert!(response.headers().contains_key(RETRY_AFTER));
        // It is not turned away at once: the one before may be done in a moment.
        assert!(start.elapsed() >= Duration::from_secs(5));
        let page = app.metrics.render(&Gauges::default());
        assert!(page.contains("answers_total{status=\"503\"} 1"));
    }

    #[tokio::test]
    async fn a_draining_server_is_not_ready_and_says_why() {
        let app = app().await;
        app.draining.store(true, Ordering::Relaxed);
        let (status, page) = text(readyz(State(app)).await).await;
        assert_eq!(status, 503);
        let expected = json!({ "status": "not ready", "reasons": ["shutting down"] });
        assert_eq!(page, expected.to_string());
    }

    /// A request whose head comes after the signal, on a connection that was there before.
    #[tokio::test]
    async fn a_draining_server_takes_no_batch_and_says_when_to_come_back() {
        let app = app().await;
        app.draining.store(true, Ordering::Relaxed);
        let response = router(Arc::clone(&app), &[]).oneshot(batch()).await;
        let response = response.unwrap();
        assert!(response.headers().contains_key(RETRY_AFTER));
        assert_eq!(response.status(), 503);
        let page = app.metrics.render(&Gauges::default());
        assert!(page.contains("body_bytes_total 0"), "{page}");
    }
}
