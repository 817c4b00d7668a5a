//! The whole table of routes, asked without a socket: defects, readiness, and a server that is busy.

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
    assert!(page.contains("panics_total 1") && page.contains("answers_total{status=\"500\"} 1"));
}

/// A client's body that is a defect of what reads it.
struct Boom;

impl axum::body::HttpBody for Boom {
    type Data = axum::body::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
        panic!("canary");
    }
}

#[tokio::test]
async fn a_panic_over_a_batch_costs_that_batch_and_gives_back_what_it_held() {
    // Room for one body.
    let app = app_with("mode = 'disabled'\n[limits]\nbodies_bytes = 1048576").await;
    let router = router(Arc::clone(&app), &[]);
    for _ in 0..2 {
        let request = batch().map(|_| Body::new(Boom));
        let (status, problem) = text(router.clone().oneshot(request).await.unwrap()).await;
        assert_eq!(status, 500);
        assert!(!problem.contains("canary"), "{problem}");
    }
    assert_eq!(router.oneshot(batch()).await.unwrap().status(), 200);
    let page = app.metrics.render(&Gauges::default());
    assert!(page.contains("panics_total 2"), "{page}");
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
