//! When a connection has been idle for too long.
//!
//! The deadlines of the HTTP layer begin with the first bytes of a request; a client that sends
//! none, or keeps an HTTP/2 connection open with pings alone, would hold its place for ever. So the
//! connection's requests are counted here, from both protocols alike: with none under way, the time
//! runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// The requests under way on one connection.
#[derive(Debug, Default)]
pub(super) struct Requests {
    open: AtomicUsize,
    /// Told when one begins or ends.
    changed: Notify,
}

/// A request under way; it ends when this is dropped.
#[derive(Debug)]
#[must_use]
pub(super) struct UnderWay(Arc<Requests>);

impl Requests {
    /// Notes that a request has begun.
    pub(super) fn begin(self: &Arc<Self>) -> UnderWay {
        self.open.fetch_add(1, Ordering::SeqCst);
        self.changed.notify_one();
        UnderWay(Arc::clone(self))
    }

    /// Returns once none has been under way for so long.
    pub(super) async fn idle_for(&self, limit: Duration) {
        loop {
            let changed = self.changed.notified();
            if self.open.load(Ordering::SeqCst) > 0 {
                changed.await;
            } else if tokio::time::timeout(limit, changed).await.is_err() {
                return;
            }
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
        self.0.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    const LIMIT: Duration = Duration::from_secs(20);

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_a_request_is_idle_after_the_limit() {
        let start = Instant::now();
        Arc::new(Requests::default()).idle_for(LIMIT).await;
        assert_eq!(start.elapsed(), LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_runs_anew_from_the_end_of_the_last_request() {
        let start = Instant::now();
        let requests = Arc::new(Requests::default());
        let (long, short) = (requests.begin(), requests.begin());
        let client = async {
            drop(short);
            tokio::time::sleep(5 * LIMIT).await;
            drop(long);
        };
        tokio::join!(client, requests.idle_for(LIMIT));
        assert_eq!(start.elapsed(), 6 * LIMIT);
    }
}
