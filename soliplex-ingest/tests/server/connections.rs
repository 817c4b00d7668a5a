//! Connections: how many there may be, of all and of one address, and what one without a whole request
//! may cost.

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::road::{Road, config, data_dir, records, with_road};
use crate::upstream::Upstream;
use crate::within::{eventually, heard, within};

const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";

/// A client that keeps its connection.
struct Client(TcpStream);

impl Client {
    async fn connect(road: &Road) -> Client {
        let address = road.base.strip_prefix("http://").unwrap();
        Client(TcpStream::connect(address).await.unwrap())
    }

    async fn ask(&mut self) {
        self.0.write_all(REQUEST).await.unwrap();
    }

    /// Reads one answer to its end; gives its first line.
    async fn answer(&mut self) -> String {
        let text = heard(&mut self.0, "ok\n").await;
        text.lines().next().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_connection_beyond_the_limit_waits_until_another_ends() {
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    let more = "---\n[limits]\nconnections = 1";
    let road = Road::with(config(dir.path(), &upstream.endpoint(), more)).await;
    let mut first = Client::connect(&road).await;
    first.ask().await;
    assert_eq!(first.answer().await, "HTTP/1.1 200 OK");

    let mut second = Client::connect(&road).await;
    second.ask().await;
    // The first is served all the same, several times; the second is not looked at meanwhile.
    for _ in 0..20 {
        first.ask().await;
        assert_eq!(first.answer().await, "HTTP/1.1 200 OK");
    }
    let unheard = second.0.try_read(&mut [0; 1]).unwrap_err();
    assert_eq!(unheard.kind(), std::io::ErrorKind::WouldBlock);
    drop(first);
    assert_eq!(second.answer().await, "HTTP/1.1 200 OK");
    drop(second);
    let _ = road.stop().await;
}

#[tokio::test]
async fn an_address_with_all_its_connections_gets_no_other_and_is_counted() {
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    let more = "---\n[limits]\nconnections_per_address = 2";
    let road = Road::with(config(dir.path(), &upstream.endpoint(), more)).await;
    let mut one = Client::connect(&road).await;
    one.ask().await;
    let _ = one.answer().await;
    // Keeps its connection too.
    assert_eq!(road.get("/healthz").await.0, 200);

    let mut third = Client::connect(&road).await;
    // Closed, or reset where the request came first.
    let heard = within(third.0.read_to_end(&mut Vec::new())).await;
    assert!(heard.is_err() || heard.is_ok_and(|len| len == 0));
    let (_, metrics) = road.get("/metrics").await;
    assert!(
        metrics.contains("soliplex_ingest_connections_refused_total 1"),
        "{metrics}"
    );
    drop(one);
    let _ = road.stop().await;
}

#[tokio::test]
async fn clients_that_hang_up_leave_the_account_balanced() {
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    let road = Road::start(dir.path(), &upstream.endpoint(), "").await;
    let address = road.base.strip_prefix("http://").unwrap();
    for number in 0..50 {
        let body = json!({ "logs": records(number..number + 1) }).to_string();
        let head = format!(
            "POST /api/v1/logs HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
            road.token,
            body.len()
        );
        let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
        client
            .write_all(format!("{head}{body}").as_bytes())
            .await
            .unwrap();
        // Gone before the answer; `stop` below checks that the account balances all the same.
        drop(client);
    }
    let account = road.stop().await.account;
    assert_eq!((account.received, account.pending), (account.forwarded, 0));
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed_whatever_it_says_instead() {
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    let mut config = crate::road::config(dir.path(), &upstream.endpoint(), "");
    config.limits.header_timeout = std::time::Duration::from_millis(200);
    config.limits.connections = 1;
    let road = Road::with(config).await;
    let address = road.base.strip_prefix("http://").unwrap();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    for said in [
        // Nothing, the beginning of HTTP/2's preface, all of it, and a request over with its
        // connection kept.
        &b""[..],
        &preface[..4],
        &[&preface[..], &settings].concat(),
        b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n",
    ] {
        let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
        client.write_all(said).await.unwrap();
        // Ends when the server closes; each client here takes the only place there is.
        let mut heard = Vec::new();
        let _ = within(client.read_to_end(&mut heard)).await;
    }
    assert_eq!(road.get("/healthz").await.0, 200);
    let _ = road.stop().await;
}

#[tokio::test]
async fn bodies_that_arrive_slowly_take_no_more_memory_than_they_may() {
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    let bounds = "---\n[limits]\nbodies_bytes = 65536\nbody_bytes = 65536";
    let road = Road::start(dir.path(), &upstream.endpoint(), bounds).await;
    let address = road.base.strip_prefix("http://").unwrap();
    let mut slow = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/v1/logs HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 65536\r\n\r\n",
        road.token
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    // Until the slow one's head has been read, others are taken.
    let one = json!({ "logs": records(0..1) });
    let refused = eventually(async || {
        let response = road.request(one.to_string()).send().await.unwrap();
        (response.status() != 200).then_some(response)
    });
    let refused = refused.await;
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    drop(slow);
    eventually(async || (road.post(&one).await.0 == 200).then_some(())).await;
    let _ = road.stop().await;
}

#[tokio::test]
async fn a_connection_that_does_not_send_its_headers_is_closed() {
    with_road("---\n[limits]\nheader_timeout_seconds = 1", async |road| {
        let address = road.base.strip_prefix("http://").unwrap();
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(b"POST /api/v1/logs HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            .await
            .unwrap();
        let mut answer = Vec::new();
        // The end of the stream is the proof; how long it took is the system's business.
        let _ = within(slow.read_to_end(&mut answer)).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"));
    })
    .await;
}

#[tokio::test]
async fn headers_are_bounded() {
    with_road("", async |road| {
        let mut request = road.request(r#"{"logs":[]}"#);
        for number in 0..100 {
            request = request.header(format!("x-{number}"), "1");
        }
        assert_eq!(request.send().await.unwrap().status(), 431);
        let long = road
            .request(r#"{"logs":[]}"#)
            .header("x-long", "x".repeat(64 * 1024));
        assert_eq!(long.send().await.unwrap().status(), 431);
    })
    .await;
}
