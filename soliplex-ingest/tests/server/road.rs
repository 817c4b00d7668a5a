//! A server of this process, with a client's eyes.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use soliplex_ingest::auth::hs256;
use soliplex_ingest::{Config, Report, Server};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::upstream::Upstream;
use crate::within::{eventually, within};

pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A running server and a client's session.
pub(crate) struct Road {
    pub(crate) base: String,
    pub(crate) token: String,
    pub(crate) client: reqwest::Client,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Report>,
}

/// What to set beside the address, the store and the secret; TOML with `[sections]`.
pub(crate) fn config(dir: &Path, endpoint: &str, more: &str) -> Config {
    let forward = format!("[forward]\nendpoint = \"{endpoint}\"\nlinger_ms = 0\n");
    let auth = format!("[auth]\nhs256_secret = \"{SECRET}\"\n");
    let (more_forward, more) = more.split_once("---").unwrap_or(("", more));
    let auth = if more.contains("[auth]") { "" } else { &auth };
    let toml = format!(
        "listen = \"127.0.0.1:0\"\ndata_dir = {dir:?}\n{forward}{more_forward}\n{auth}{more}"
    );
    Config::from_toml(&toml).unwrap_or_else(|error| panic!("{error}: {toml}"))
}

pub(crate) fn data_dir() -> TempDir {
    tempfile::tempdir().unwrap()
}

impl Road {
    /// A server with defaults; `more` is `forward's keys --- other sections`.
    pub(crate) async fn start(dir: &Path, endpoint: &str, more: &str) -> Road {
        Road::with(config(dir, endpoint, more)).await
    }

    pub(crate) async fn with(config: Config) -> Road {
        let token = hs256::mint(
            &config.auth,
            "jane",
            Some("login-7"),
            Duration::from_secs(600),
        )
        .unwrap_or_default();
        let server = Server::bind(config).await.unwrap();
        let base = format!("http://{}", server.local_addr());
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(server.serve(async {
            let _ = stopped.await;
        }));
        Road {
            base,
            token,
            client: reqwest::Client::new(),
            stop,
            served,
        }
    }

    /// Posts a batch and gives status and body.
    pub(crate) async fn post(&self, batch: &Value) -> (u16, Value) {
        let response = self.request(batch.to_string()).send().await.unwrap();
        let status = response.status().as_u16();
        (
            status,
            serde_json::from_slice(&response.bytes().await.unwrap()).unwrap(),
        )
    }

    /// Posts records that must be accepted, every one.
    pub(crate) async fn accept(&self, records: &[Value]) {
        let (status, answer) = self
            .post(&json!({ "resource": { "service.name": "field" }, "logs": records }))
            .await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["accepted"], records.len(), "{answer}");
    }

    pub(crate) fn request(&self, body: impl Into<reqwest::Body>) -> reqwest::RequestBuilder {
        self.client
            .post(format!("{}/api/v1/logs", self.base))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .body(body)
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let response = self
            .client
            .get(format!("{}{path}", self.base))
            .send()
            .await
            .unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// A page, once it says what it is expected to come to say.
    #[track_caller]
    pub(crate) fn until_page(&self, path: &str, says: &str) -> impl Future<Output = (u16, String)> {
        eventually(async move || {
            let page = self.get(path).await;
            page.1.contains(says).then_some(page)
        })
    }

    /// Shuts the server down in order; the account must balance.
    pub(crate) async fn stop(self) -> Report {
        drop(self.client);
        self.stop.send(()).unwrap();
        let report = within(self.served).await.unwrap();
        assert!(report.account.balances(), "{:?}", report.account);
        report
    }
}

/// Records with ids made of `from..to`, so that a test knows them again.
pub(crate) fn records(numbers: std::ops::Range<u64>) -> Vec<Value> {
    numbers
        .map(|number| record(number, "info", "hello"))
        .collect()
}

pub(crate) fn record(number: u64, level: &str, message: &str) -> Value {
    json!({
        "id": uid(number), "seq": number, "timestamp": jiff::Timestamp::now().to_string(), "level": level,
        "logger": "test", "message": message, "installId": "i", "sessionId": "s", "userId": "jane",
    })
}

pub(crate) fn uid(number: u64) -> String {
    uuid::Builder::from_unix_timestamp_millis(number, &[7; 10])
        .into_uuid()
        .to_string()
}

/// A server with an upstream that takes everything, for as long as the test looks at it.
pub(crate) async fn with_road<F: AsyncFnOnce(&Road)>(more: &str, test: F) -> Upstream {
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    let road = Road::start(dir.path(), &upstream.endpoint(), more).await;
    test(&road).await;
    let _ = road.stop().await;
    upstream.seen(|seen| assert_eq!(seen.violations, Vec::<String>::new()));
    upstream
}
