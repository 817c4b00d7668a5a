//! Bodies in every encoding, on both sides of the server.

use std::io::Write as _;

use serde_json::json;

use crate::road::{Road, data_dir, records, with_road};
use crate::upstream::{Upstream, assert_taken_once};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A batch of exactly so many bytes.
fn batch_of(bytes: usize) -> Vec<u8> {
    let frame = br#"{"logs":[],"pad":""}"#.len();
    format!(r#"{{"logs":[],"pad":"{}"}}"#, "x".repeat(bytes - frame)).into_bytes()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 1).unwrap()
}

#[tokio::test]
async fn records_arrive_whichever_encodings_the_client_and_the_upstream_have() {
    for forwarded in ["none", "gzip", "zstd"] {
        for delivery in ["spool", "passthrough"] {
            let upstream = Upstream::start([]).await;
            let dir = data_dir();
            let more = format!("compression = '{forwarded}'\ndelivery = '{delivery}'\n---");
            let road = Road::start(dir.path(), &upstream.endpoint(), &more).await;
            let plain = |from| json!({ "logs": records(from..from + 5) }).to_string();
            for (encoding, body) in [
                ("identity", plain(0).into_bytes()),
                ("gzip", gzip(plain(5).as_bytes())),
                ("zstd", zstd(plain(10).as_bytes())),
            ] {
                let request = road.request(body).header("content-encoding", encoding);
                let response = request.send().await.unwrap();
                assert_eq!(response.status(), 200, "{encoding}");
            }
            let account = road.stop().await.account;
            assert_eq!((account.received, account.forwarded), (15, 15));
            assert_taken_once(&upstream, 15);
            let expected = (forwarded != "none").then_some(forwarded);
            upstream.seen(|seen| {
                for headers in &seen.headers {
                    let encoding = headers.get("content-encoding");
                    let encoding = encoding.map(|value| value.to_str().unwrap());
                    assert_eq!(encoding, expected, "{delivery}");
                }
            });
        }
    }
}

#[tokio::test]
async fn a_body_that_is_not_what_its_encoding_says_is_refused() {
    with_road("", async |road| {
        let body = json!({ "logs": records(0..5) }).to_string();
        let (gzip, zstd) = (gzip(body.as_bytes()), zstd(body.as_bytes()));
        for (encoding, body) in [
            ("gzip", &zstd[..]),
            ("zstd", &gzip[..]),
            ("gzip", &gzip[..gzip.len() - 9]),
            ("zstd", &zstd[..zstd.len() - 9]),
            ("zstd", body.as_bytes()),
        ] {
            let request = road.request(body.to_vec());
            let response = request.header("content-encoding", encoding).send().await;
            assert_eq!(response.unwrap().status(), 400, "{encoding}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_limit_holds_before_and_after_decompression_chunked_or_not() {
    with_road("", async |road| {
        const MIB: usize = 1 << 20;
        let chunked = |bytes: Vec<u8>| {
            let chunks: Vec<Result<Vec<u8>, std::io::Error>> =
                bytes.chunks(64 * 1024).map(|c| Ok(c.to_vec())).collect();
            reqwest::Body::wrap(Chunked(chunks.into()))
        };
        for (name, body, encoding, status) in [
            ("exactly", reqwest::Body::from(batch_of(MIB)), None, 200),
            ("one over", batch_of(MIB + 1).into(), None, 413),
            ("chunked, exactly", chunked(batch_of(MIB)), None, 200),
            ("chunked, one over", chunked(batch_of(MIB + 1)), None, 413),
            (
                "gzip, exactly",
                gzip(&batch_of(MIB)).into(),
                Some("gzip"),
                200,
            ),
            (
                "gzip, one over",
                gzip(&batch_of(MIB + 1)).into(),
                Some("gzip"),
                413,
            ),
            ("a bomb", gzip(&batch_of(8 * MIB)).into(), Some("gzip"), 413),
            ("zstd", zstd(&batch_of(MIB)).into(), Some("zstd"), 200),
            (
                "a zstd bomb",
                zstd(&batch_of(8 * MIB)).into(),
                Some("zstd"),
                413,
            ),
        ] {
            let mut request = road.request(body);
            if let Some(encoding) = encoding {
                request = request.header("content-encoding", encoding);
            }
            // A refusal may come before the body is sent whole; then the connection is all there is
            // to see.
            match request.send().await {
                Ok(response) => assert_eq!(response.status(), status, "{name}"),
                Err(_) => assert_eq!(status, 413, "{name}"),
            }
        }
    })
    .await;
}

/// A body without a length.
struct Chunked(std::collections::VecDeque<Result<Vec<u8>, std::io::Error>>);

impl axum::body::HttpBody for Chunked {
    type Data = bytes::Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<bytes::Bytes>, Self::Error>>> {
        std::task::Poll::Ready(
            self.0
                .pop_front()
                .map(|chunk| chunk.map(|bytes| hyper::body::Frame::data(bytes.into()))),
        )
    }
}
