//! How many connections there may be: of all, and of one address.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::road::{Road, config, data_dir};
use crate::upstream::Upstream;

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
        let mut heard = Vec::new();
        while !heard.ends_with(b"ok\n") {
            assert_ne!(self.0.read_buf(&mut heard).await.unwrap(), 0, "closed");
        }
        let text = String::from_utf8(heard).unwrap();
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
    let heard = third.0.read_to_end(&mut Vec::new()).await;
    assert!(heard.is_err() || heard.is_ok_and(|len| len == 0));
    let (_, metrics) = road.get("/metrics").await;
    assert!(
        metrics.contains("soliplex_ingest_connections_refused_total 1"),
        "{metrics}"
    );
    drop(one);
    let _ = road.stop().await;
}
