//! The end of every wait: what a test waits for comes in moments, or it never does.

use std::panic::Location;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// What comes of `future`, which must come in time: a test that hangs does not say what failed.
#[track_caller]
pub(crate) fn within<T>(future: impl Future<Output = T>) -> impl Future<Output = T> {
    let here = Location::caller();
    async move {
        let ended = tokio::time::timeout(DEADLINE, future).await;
        ended.unwrap_or_else(|_| panic!("what is waited for at {here} does not come"))
    }
}

/// What comes of the first look that finds something.
#[track_caller]
pub(crate) fn eventually<T>(mut look: impl AsyncFnMut() -> Option<T>) -> impl Future<Output = T> {
    within(async move {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::task::yield_now().await;
        }
    })
}

/// Reads until `end` has come; gives all that was read.
#[track_caller]
pub(crate) fn heard(stream: &mut TcpStream, end: &str) -> impl Future<Output = String> {
    within(async move {
        let mut heard = Vec::new();
        while !heard.ends_with(end.as_bytes()) {
            assert_ne!(stream.read_buf(&mut heard).await.unwrap(), 0, "closed");
        }
        String::from_utf8(heard).unwrap()
    })
}

/// A machine with other work needs seconds for what takes milliseconds, and an upstream that failed is
/// left alone for some.
const DEADLINE: Duration = Duration::from_secs(120);
