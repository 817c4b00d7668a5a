//! One connection of HTTP/2 and what it may carry: a client could hide behind it from the limits on
//! connections.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::Frame;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::road::{Road, data_dir, records};
use crate::upstream::{Upstream, assert_taken_once};
use crate::within::{eventually, within};

/// Streams that a connection may have at a time.
const STREAMS: u64 = 64;

/// A body that comes when it is told to.
struct Upload {
    go: oneshot::Receiver<()>,
    body: Option<Bytes>,
}

impl HttpBody for Upload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.body.is_some() {
            ready!(Pin::new(&mut self.go).poll(context)).unwrap();
        }
        Poll::Ready(self.body.take().map(|body| Ok(Frame::data(body))))
    }
}

/// A client with one connection.
struct Client<'a> {
    road: &'a Road,
    requests: SendRequest<Body>,
}

impl Client<'_> {
    async fn connect(road: &Road) -> Client<'_> {
        let address = road.base.strip_prefix("http://").unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (requests, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        Client { road, requests }
    }

    /// Begins a request and gives its status when there is one.
    fn begin(&self, method: &str, path: &str, body: Body) -> JoinHandle<u16> {
        let request = hyper::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.road.base))
            .header("authorization", format!("Bearer {}", self.road.token))
            .body(body)
            .unwrap();
        let answer = self.requests.clone().send_request(request);
        tokio::spawn(async move { answer.await.unwrap().status().as_u16() })
    }

    /// Begins a batch of one record; its body comes when the sender says so.
    fn upload(&self, number: u64) -> (oneshot::Sender<()>, JoinHandle<u16>) {
        let (begin, go) = oneshot::channel();
        let batch = json!({ "logs": records(number..number + 1) }).to_string();
        let body = Some(batch.into());
        let answer = self.begin("POST", "/api/v1/logs", Body::new(Upload { go, body }));
        (begin, answer)
    }
}

#[tokio::test]
async fn the_streams_of_a_connection_are_bounded_and_their_bodies_share_the_room_for_all() {
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    // Room for one body a stream.
    let bounds = format!(
        "---\n[limits]\nbody_bytes = 1024\nbodies_bytes = {}",
        STREAMS * 1024
    );
    let road = Road::start(dir.path(), &upstream.endpoint(), &bounds).await;
    let client = Client::connect(&road).await;
    let mut uploads: Vec<_> = (0..STREAMS).map(|number| client.upload(number)).collect();
    // Another connection finds no room once each of them is under way.
    let other = json!({ "logs": [] });
    eventually(async || (road.post(&other).await.0 == 503).then_some(())).await;

    let beyond = client.begin("GET", "/healthz", Body::empty());
    for _ in 0..100 {
        assert_eq!(road.get("/healthz").await.0, 200);
    }
    assert!(!beyond.is_finished(), "a stream too many was answered");
    let (go, answer) = uploads.pop().unwrap();
    go.send(()).unwrap();
    assert_eq!(within(answer).await.unwrap(), 200);
    assert_eq!(within(beyond).await.unwrap(), 200);
    eventually(async || (road.post(&other).await.0 == 200).then_some(())).await;

    for (go, answer) in uploads {
        go.send(()).unwrap();
        assert_eq!(within(answer).await.unwrap(), 200);
    }
    drop(client);
    let account = road.stop().await.account;
    assert_eq!((account.received, account.forwarded), (STREAMS, STREAMS));
    assert_taken_once(&upstream, STREAMS);
}
