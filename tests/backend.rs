//! The real server and the real receiver, within the test's process but on real sockets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use soliplex_ingest::auth::hs256;
use soliplex_ingest::otlp_sink::{OtlpSink, Received};
use soliplex_ingest::{Config, Report, Server};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A server that forwards to a receiver that remembers.
pub(crate) struct Backend {
    runtime: Runtime,
    address: SocketAddr,
    token: String,
    arrived: Arc<Mutex<Vec<Value>>>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Report>,
    _data: TempDir,
}

impl Backend {
    pub(crate) fn start() -> Backend {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let arrived = Arc::<Mutex<Vec<Value>>>::default();
        let data = tempfile::tempdir().unwrap();
        let endpoint = runtime.block_on(start_receiver(Arc::clone(&arrived)));
        let config = Config::from_toml(&config(data.path(), &endpoint)).unwrap();
        let lifetime = Duration::from_secs(3600);
        let token = hs256::mint(&config.auth, "tester", Some("test"), lifetime).unwrap();
        let server = runtime.block_on(Server::bind(config)).unwrap();
        let address = server.local_addr();
        let (stop, stopped) = oneshot::channel();
        let serving = runtime.spawn(server.serve(async {
            let _ = stopped.await;
        }));
        Backend {
            runtime,
            address,
            token,
            arrived,
            stop,
            serving,
            _data: data,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A session's token that the server accepts.
    pub(crate) fn token(&self) -> String {
        self.token.clone()
    }

    /// Stops the server, which forwards what it has, and returns all that ever arrived.
    pub(crate) fn finish(self) -> Vec<Value> {
        self.stop.send(()).unwrap();
        let report = self.runtime.block_on(self.serving).unwrap();
        assert!(report.account.balances(), "{:?}", report.account);
        assert_eq!(report.account.pending, 0, "{:?}", report.account);
        self.arrived.lock().unwrap().clone()
    }
}

/// Whether a record only says how a session began, or how the one before it ended.
pub(crate) fn is_about_session(record: &Value) -> bool {
    let event = record["attributes"]["event.name"].as_str();
    matches!(event, Some("session.start" | "previous_session_ended"))
}

/// How often each value of an attribute arrived.
pub(crate) fn count_by(records: &[Value], attribute: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for record in records {
        if let Some(value) = record["attributes"][attribute].as_str() {
            *counts.entry(value.to_owned()).or_default() += 1;
        }
    }
    counts
}

async fn start_receiver(arrived: Arc<Mutex<Vec<Value>>>) -> String {
    let sink = OtlpSink::bind("127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let endpoint = sink.endpoint();
    let remember = move |received: &Received| {
        assert!(received.violations.is_empty(), "{:?}", received.violations);
        let records = received.records().map(|record| record.to_json());
        arrived.lock().unwrap().extend(records);
    };
    tokio::spawn(sink.serve(Arc::new(remember), std::future::pending()));
    endpoint
}

fn config(data: &Path, endpoint: &str) -> String {
    format!(
        r#"
        listen = "127.0.0.1:0"
        data_dir = "{}"
        [auth]
        mode = "hs256"
        hs256_secret = "a secret for nobody but these tests"
        [forward]
        endpoint = "{endpoint}"
        linger_ms = 10
        [limits]
        records_per_minute_per_user = 0
        records_per_minute_per_session = 0
        bytes_per_minute_per_user = 0
        "#,
        data.display()
    )
}
