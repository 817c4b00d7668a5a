//! Either size, every encoding, and bodies that are not what they say.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::{HeaderName, HeaderValue};

use super::*;

const LIMIT: usize = 4096;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ::zstd::bulk::compress(bytes, 3).unwrap()
}

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
        .collect()
}

async fn check(
    name: &str,
    pairs: &[(&'static str, &'static str)],
    body: Vec<u8>,
    expected: Result<usize, BodyError>,
) {
    let read = read(
        &headers(pairs),
        Body::from(body),
        LIMIT,
        Duration::from_secs(5),
    )
    .await;
    assert_eq!(read.map(|bytes| bytes.len()), expected, "{name}");
}

#[tokio::test]
async fn a_body_is_bounded_before_and_after_decompression() {
    let exact = vec![b'a'; LIMIT];
    let over = vec![b'a'; LIMIT + 1];
    let noise: Vec<u8> = (0..LIMIT as u32 + 200)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let gz = [("content-encoding", "gzip")];
    let zs = [("content-encoding", "zstd")];
    check("exactly the limit", &[], exact.clone(), Ok(LIMIT)).await;
    check("one over", &[], over.clone(), Err(BodyError::TooLarge)).await;
    check("gzip of the limit", &gz, gzip(&exact), Ok(LIMIT)).await;
    check(
        "gzip of one over",
        &gz,
        gzip(&over),
        Err(BodyError::TooLarge),
    )
    .await;
    check(
        "gzip that is long itself",
        &gz,
        gzip(&noise),
        Err(BodyError::TooLarge),
    )
    .await;
    check(
        "a bomb",
        &gz,
        gzip(&vec![0; 4 << 20]),
        Err(BodyError::TooLarge),
    )
    .await;
    check("zstd of the limit", &zs, zstd(&exact), Ok(LIMIT)).await;
    check(
        "a zstd bomb",
        &zs,
        zstd(&vec![0; 4 << 20]),
        Err(BodyError::TooLarge),
    )
    .await;
}

#[tokio::test]
async fn a_body_must_be_what_it_says() {
    let gz = [("content-encoding", "gzip")];
    let mut cut = gzip(b"{}");
    cut.truncate(cut.len() - 4);
    check("no gzip", &gz, b"{}".to_vec(), Err(BodyError::Corrupt)).await;
    check("half a gzip", &gz, cut, Err(BodyError::Corrupt)).await;
    check(
        "no zstd",
        &[("content-encoding", "zstd")],
        b"{}".to_vec(),
        Err(BodyError::Corrupt),
    )
    .await;
    check(
        "brotli",
        &[("content-encoding", "br")],
        b"{}".to_vec(),
        Err(BodyError::Encoding),
    )
    .await;
    let twice = [("content-encoding", "gzip, gzip")];
    check(
        "twice",
        &twice,
        gzip(&gzip(b"{}")),
        Err(BodyError::Encoding),
    )
    .await;
    check(
        "text",
        &[("content-type", "text/plain")],
        b"{}".to_vec(),
        Err(BodyError::Type),
    )
    .await;
    let json = [
        ("content-type", "Application/JSON; charset=utf-8"),
        ("content-encoding", "GZIP"),
    ];
    check("any case", &json, gzip(b"{}"), Ok(2)).await;
    check("no type", &[], b"{}".to_vec(), Ok(2)).await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_is_given_up() {
    let body = Body::new(Forever);
    let read = read(&HeaderMap::new(), body, LIMIT, Duration::from_secs(30)).await;
    assert_eq!(read, Err(BodyError::Timeout));
}

/// A client that never sends the rest.
struct Forever;

impl axum::body::HttpBody for Forever {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
        std::task::Poll::Pending
    }
}

/// What is behind the limit is neither asked for nor decompressed: a body without an end costs what
/// one of the limit does.
#[tokio::test]
async fn a_body_is_read_no_further_than_the_limit() {
    for (announced, polled) in [(0, LIMIT + FRAME), (LIMIT as u64 + 1, 0)] {
        let sent = Arc::new(AtomicUsize::new(0));
        let body = Body::new(Endless {
            announced,
            sent: Arc::clone(&sent),
        });
        let read = read(&HeaderMap::new(), body, LIMIT, Duration::from_secs(5)).await;
        assert_eq!(read, Err(BodyError::TooLarge));
        assert_eq!(sent.load(Ordering::SeqCst), polled, "{announced} announced");
    }
    let mut given = 0;
    let bomb = std::io::repeat(b'a').take(u64::MAX);
    let counted = Counted(bomb, &mut given);
    assert_eq!(inflate(counted, 1 << 20, LIMIT), Err(BodyError::TooLarge));
    // One byte more tells a body of exactly the limit from a longer one.
    assert_eq!(given, LIMIT + 1);
}

const FRAME: usize = LIMIT / 4;

/// A client that sends for as long as it is listened to.
struct Endless {
    announced: u64,
    sent: Arc<AtomicUsize>,
}

impl axum::body::HttpBody for Endless {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
        self.sent.fetch_add(FRAME, Ordering::SeqCst);
        let frame = hyper::body::Frame::data(Bytes::from_static(&[b' '; FRAME]));
        std::task::Poll::Ready(Some(Ok(frame)))
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        let mut hint = hyper::body::SizeHint::new();
        hint.set_lower(self.announced);
        hint
    }
}

/// A reader, and how many bytes were read from it.
struct Counted<'a, R>(R, &'a mut usize);

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let read = self.0.read(out)?;
        *self.1 += read;
        Ok(read)
    }
}
