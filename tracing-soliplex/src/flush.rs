//! Waiting until what has been logged is delivered.

use std::sync::mpsc::{channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::command::{Command, Flush, FlushReport};
use crate::soliplex::{GRACE, LONGEST, Soliplex};

impl Soliplex {
    /// Stores everything logged before the call, and waits until it is delivered, or until
    /// `timeout`.
    ///
    /// Returns early when nothing can be delivered: no endpoint, no network, no token.
    pub fn flush(&self, timeout: Duration) -> FlushReport {
        let (reply, answer) = sync_channel(1);
        let report = move |report| {
            let _ = reply.try_send(report);
        };
        self.command(Command::Flush(flush(timeout, report)));
        answer
            .recv_timeout(timeout.min(LONGEST) + GRACE)
            .unwrap_or_else(|_| self.unanswered())
    }

    /// [`flush`](Soliplex::flush) for asynchronous code; works in any runtime and without one. A
    /// thread keeps its time, so that it returns by then even if the pipeline is held up, by a disk
    /// or by a callback of the application's.
    pub async fn flush_async(&self, timeout: Duration) -> FlushReport {
        let (reply, answer) = oneshot::channel();
        let reply = Arc::new(Mutex::new(Some(reply)));
        let take = |reply: &Mutex<Option<_>>| {
            let mut reply = reply.lock().unwrap_or_else(PoisonError::into_inner);
            reply.take()
        };
        let (answered, is_answered) = channel::<()>();
        let late = Arc::clone(&reply);
        self.command(Command::Flush(flush(timeout, move |report| {
            if let Some(reply) = take(&reply) {
                let _ = reply.send(report);
            }
            drop(answered);
        })));
        let wait = timeout.min(LONGEST) + GRACE;
        // Where there is no thread to be had, the worker's own deadline has to do.
        let _ = std::thread::Builder::new()
            .name("soliplex-flush".to_owned())
            .spawn(move || {
                let _ = is_answered.recv_timeout(wait);
                drop(take(&late));
            });
        answer.await.unwrap_or_else(|_| self.unanswered())
    }

    /// What can be said of a flush when the worker has ended or does not answer.
    pub(crate) fn unanswered(&self) -> FlushReport {
        let stats = self.stats();
        FlushReport::between(&stats, &stats)
    }
}

pub(crate) fn flush(timeout: Duration, reply: impl FnOnce(FlushReport) + Send + 'static) -> Flush {
    Flush {
        deadline: Instant::now() + timeout.min(LONGEST),
        reply: Box::new(reply),
    }
}
