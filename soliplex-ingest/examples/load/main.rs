//! Loads a real server on loopback and says what a million records cost it.
//!
//! ```text
//! cargo build --release -p soliplex-ingest && cargo run --release -p soliplex-ingest --example load -- \
//!     target/release/soliplex-ingest [records=500000] [clients=32] [delivery=spool] [backlog=0] \
//!     [count=no] [body=soliplex]
//! ```
//!
//! Starts the given binary as a process of its own with an upstream in this process that takes
//! everything at once, posts batches of 100 records (about 55 KB) from many sessions, and prints
//! the server's CPU seconds per million records, its memory (at most, at the end, and by tenth of the
//! load), and the quantiles of its answers. With
//! `backlog=N`, N records are kept waiting first (the upstream answers 503) and then drained, so
//! that the drain of two sizes of backlog can be compared. With `count=yes` the upstream reads what
//! it gets and counts the records, which takes time of its own. With `body=otlp` the same records
//! are posted as OTLP's JSON, for servers that take nothing else and have no page to ask whether
//! they are done: they are when nothing more has arrived for a second. Linux only: the figures come
//! from `/proc`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use prost::Message as _;
use tokio::net::TcpListener;

mod bodies;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const BATCH: u64 = 100;

#[derive(Clone, Default)]
struct Upstream {
    refuse: Arc<AtomicBool>,
    bytes: Arc<AtomicU64>,
    requests: Arc<AtomicU64>,
    /// Whether to read the requests.
    count: bool,
    records: Arc<AtomicU64>,
}

async fn take(
    State(upstream): State<Upstream>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, [(&'static str, &'static str); 1]) {
    if upstream.refuse.load(Ordering::Relaxed) {
        return (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "1")]);
    }
    upstream
        .bytes
        .fetch_add(body.len() as u64, Ordering::Relaxed);
    if upstream.count {
        let gzipped = headers.get("content-encoding").is_some();
        let records = records_in(&body, gzipped);
        upstream.records.fetch_add(records, Ordering::Relaxed);
    }
    upstream.requests.fetch_add(1, Ordering::Relaxed);
    (StatusCode::OK, [("content-type", "application/x-protobuf")])
}

fn records_in(body: &[u8], gzipped: bool) -> u64 {
    let mut plain = Vec::new();
    let mut body = body;
    if gzipped {
        GzDecoder::new(body).read_to_end(&mut plain).unwrap();
        body = &plain;
    }
    let request = ExportLogsServiceRequest::decode(body).unwrap();
    let scopes = request.resource_logs.iter().flat_map(|r| &r.scope_logs);
    scopes.map(|scope| scope.log_records.len() as u64).sum()
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let binary = arguments.next().expect("the path of the server's binary");
    let set: HashMap<String, String> = arguments
        .filter_map(|word| {
            word.split_once('=')
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
        })
        .collect();
    let number =
        |name: &str, default: u64| set.get(name).map_or(default, |text| text.parse().unwrap());
    let (records, clients) = (number("records", 500_000), number("clients", 32));
    let backlog = number("backlog", 0);
    let delivery = set.get("delivery").map_or("spool", String::as_str);
    let compression = set.get("compression").map_or("auto", String::as_str);

    let otlp = set.get("body").is_some_and(|body| body == "otlp");
    let upstream = Upstream {
        count: set.get("count").is_some_and(|count| count == "yes"),
        ..Upstream::default()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/v1/logs", listener.local_addr().unwrap());
    let router = Router::new()
        .route("/v1/logs", post(take))
        .layer(axum::extract::DefaultBodyLimit::disable())
        .with_state(upstream.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });

    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(&binary, dir.path(), &endpoint, delivery, compression);
    server.otlp = otlp.then(|| upstream.clone());
    println!("idle: {} MiB resident", mib(server.child.id(), "VmRSS:"));
    if backlog > 0 {
        upstream.refuse.store(true, Ordering::Relaxed);
        run(&server, backlog, clients).await;
        let taken = upstream.requests.load(Ordering::Relaxed);
        upstream.refuse.store(false, Ordering::Relaxed);
        // The server tries again when its pause is over; that is no part of the draining.
        while upstream.requests.load(Ordering::Relaxed) == taken {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let (start, cpu) = (Instant::now(), server.cpu());
        server.drained().await;
        let (took, cpu) = (start.elapsed(), server.cpu() - cpu);
        println!(
            "drained {backlog} records in {took:.1?}: {:.0} records/s, {:.2} CPU-s per million",
            backlog as f64 / took.as_secs_f64(),
            cpu * 1e6 / backlog as f64
        );
    }
    let (start, cpu) = (Instant::now(), server.cpu());
    let (mut waits, tenths) = run(&server, records, clients).await;
    let took = start.elapsed();
    server.drained().await;
    waits.sort_unstable();
    let quantile = |q: f64| waits[((waits.len() - 1) as f64 * q) as usize];
    println!(
        "{records} records, {clients} clients, {delivery}, {compression}: {:.0} records/s; {:.2} CPU-s per million; \
         answers p50 {:.1?} p99 {:.1?} max {:.1?}; peak {} MiB, now {} MiB resident",
        records as f64 / took.as_secs_f64(),
        (server.cpu() - cpu) * 1e6 / records as f64,
        quantile(0.5),
        quantile(0.99),
        quantile(1.0),
        mib(server.child.id(), "VmHWM:"),
        mib(server.child.id(), "VmRSS:"),
    );
    println!("resident by tenth: {tenths:?} MiB");
    println!(
        "upstream: {} requests, {} bytes",
        upstream.requests.load(Ordering::Relaxed),
        upstream.bytes.load(Ordering::Relaxed)
    );
    if upstream.count {
        println!(
            "arrived: {} records of {} acknowledged",
            upstream.records.load(Ordering::Relaxed),
            records + backlog
        );
    }
}

/// Posts so many records. Gives how long each answer took, and the server's memory, in MiB, after
/// each tenth of them.
async fn run(server: &Server, records: u64, clients: u64) -> (Vec<Duration>, Vec<u64>) {
    let next = Arc::new(AtomicU64::new(0));
    let answered = Arc::new(AtomicU64::new(0));
    let tenths = Arc::new(Mutex::new(Vec::new()));
    let process = server.child.id();
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let (next, url, token) = (next.clone(), server.url.clone(), server.token(client));
            let batch = if server.otlp.is_some() {
                bodies::otlp
            } else {
                bodies::batch
            };
            let (answered, tenths) = (answered.clone(), tenths.clone());
            tokio::spawn(async move {
                let http = reqwest::Client::new();
                let mut waits = Vec::new();
                while next.fetch_add(BATCH, Ordering::Relaxed) < records {
                    let body = batch(client);
                    let start = Instant::now();
                    let response = http
                        .post(format!("{url}/api/v1/logs"))
                        .header("authorization", format!("Bearer {token}"))
                        .header("content-type", "application/json")
                        .body(body)
                        .send()
                        .await
                        .unwrap();
                    assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
                    waits.push(start.elapsed());
                    let before = answered.fetch_add(BATCH, Ordering::Relaxed);
                    if before * 10 / records < (before + BATCH) * 10 / records {
                        tenths.lock().unwrap().push(mib(process, "VmRSS:"));
                    }
                }
                waits
            })
        })
        .collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await.unwrap());
    }
    let tenths = std::mem::take(&mut *tenths.lock().unwrap());
    (waits, tenths)
}

/// A process's memory: `VmRSS:` is what it has, `VmHWM:` the most it had.
fn mib(process: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        / 1024
}

struct Server {
    child: Child,
    binary: String,
    url: String,
    /// Where the records arrive, for a server that takes OTLP and cannot be asked.
    otlp: Option<Upstream>,
}

impl Server {
    fn start(
        binary: &str,
        dir: &std::path::Path,
        endpoint: &str,
        delivery: &str,
        compression: &str,
    ) -> Server {
        let mut child = Command::new(binary)
            .arg("serve")
            .env("SOLIPLEX_INGEST_LISTEN", "127.0.0.1:0")
            .env("SOLIPLEX_INGEST_DATA_DIR", dir)
            .env("SOLIPLEX_INGEST_AUTH__HS256_SECRET", SECRET)
            .env("SOLIPLEX_INGEST_FORWARD__ENDPOINT", endpoint)
            .env("SOLIPLEX_INGEST_FORWARD__DELIVERY", delivery)
            .env("SOLIPLEX_INGEST_FORWARD__COMPRESSION", compression)
            .env("SOLIPLEX_INGEST_LIMITS__RECORDS_PER_MINUTE_PER_USER", "0")
            .env(
                "SOLIPLEX_INGEST_LIMITS__RECORDS_PER_MINUTE_PER_SESSION",
                "0",
            )
            .env("SOLIPLEX_INGEST_LIMITS__BYTES_PER_MINUTE_PER_USER", "0")
            .env(
                "SOLIPLEX_INGEST_LIMITS__REQUESTS_PER_MINUTE_PER_ADDRESS",
                "0",
            )
            .env("SOLIPLEX_INGEST_LIMITS__SPOOL_BYTES", "8589934592")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line
            .trim()
            .strip_prefix("listening on ")
            .unwrap()
            .to_owned();
        Server {
            child,
            binary: binary.to_owned(),
            url,
            otlp: None,
        }
    }

    fn token(&self, client: u64) -> String {
        let output = Command::new(&self.binary)
            .args([
                "token",
                "--user",
                &format!("user-{client}"),
                "--session",
                &format!("login-{client}"),
            ])
            .env("SOLIPLEX_INGEST_AUTH__HS256_SECRET", SECRET)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    async fn drained(&self) {
        if let Some(upstream) = &self.otlp {
            let mut seen = None;
            loop {
                let now = upstream.requests.load(Ordering::Relaxed);
                if seen.replace(now) == Some(now) {
                    return;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        loop {
            let page = reqwest::get(format!("{}/metrics", self.url))
                .await
                .unwrap()
                .text()
                .await
                .unwrap();
            if page
                .lines()
                .any(|line| line == "soliplex_ingest_records_pending 0")
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// CPU seconds so far, in user and system mode.
    fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat
            .rsplit_once(')')
            .unwrap()
            .1
            .split_whitespace()
            .collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        ticks as f64 / 100.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Asked to stop, so that a profiler around the server writes what it saw.
        let asked = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        if !asked.is_ok_and(|status| status.success()) {
            self.child.kill().unwrap();
        }
        self.child.wait().unwrap();
    }
}
