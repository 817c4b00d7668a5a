//! What a server that is asked to stop does with what is under way.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::process::{Process, configured, token};
use crate::road::{data_dir, records};
use crate::upstream::{Step, Upstream, assert_taken_once};
use crate::within::{heard, within};

/// The upstream would be waited for half a minute.
#[tokio::test]
async fn a_server_whose_upstream_hangs_exits_within_its_deadline_and_keeps_what_it_has() {
    let upstream = Upstream::start([]).await;
    upstream.otherwise(Step::Stall);
    let dir = data_dir();
    let start = || {
        let mut command = configured(&["serve"], dir.path(), &upstream.endpoint());
        command.env("SOLIPLEX_INGEST_LIMITS__SHUTDOWN_TIMEOUT_SECONDS", "1");
        command.stderr(Stdio::piped());
        Process::start(command)
    };
    let server = start().await;
    let request = reqwest::Client::new()
        .post(format!("{}/api/v1/logs", server.base))
        .header("authorization", format!("Bearer {}", token(dir.path())))
        .body(json!({ "logs": records(0..1) }).to_string());
    assert_eq!(request.send().await.unwrap().status(), 200);
    upstream.until(|seen| seen.headers.len() == 1).await;

    let asked = Instant::now();
    let output = server.stop().await;
    assert!(
        asked.elapsed() < Duration::from_secs(20),
        "{:?}",
        asked.elapsed()
    );
    assert_eq!(output.status.code(), Some(0));
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.contains("account.pending=1 in_time=false"), "{log}");

    upstream.otherwise(Step::Accept);
    let server = start().await;
    upstream.until(|seen| seen.taken.len() == 1).await;
    assert_eq!(server.stop().await.status.code(), Some(0));
    assert_taken_once(&upstream, 1);
}

#[tokio::test]
async fn a_batch_that_is_half_sent_at_the_signal_is_answered_kept_and_delivered() {
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    let server = Process::start(configured(&["serve"], dir.path(), &upstream.endpoint())).await;
    let address = server.base.strip_prefix("http://").unwrap().to_owned();
    let mut idle = TcpStream::connect(&address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let _ = heard(&mut idle, "ok\n").await;

    let body = json!({ "logs": records(0..1) }).to_string();
    let (first, rest) = body.split_at(body.len() / 2);
    let mut client = TcpStream::connect(&address).await.unwrap();
    let head = format!(
        "POST /api/v1/logs HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         expect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        token(dir.path()),
        body.len()
    );
    client.write_all(head.as_bytes()).await.unwrap();
    // It says so when it begins to read the body: from here on the request is under way.
    let _ = heard(&mut client, "100 Continue\r\n\r\n").await;
    client.write_all(first.as_bytes()).await.unwrap();

    server.ask_to_stop();
    // A connection without a request is closed when the end has begun.
    assert_eq!(within(idle.read(&mut [0; 1])).await.unwrap(), 0);
    assert!(TcpStream::connect(&address).await.is_err());

    client.write_all(rest.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // No other request is waited for on this connection.
    within(client.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("\"accepted\":1"), "{answer}");
    assert_eq!(server.ended().await.status.code(), Some(0));
    assert_taken_once(&upstream, 1);
}
