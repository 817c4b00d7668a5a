//! Work that is done to its end, whoever stops waiting for it.
//!
//! A task of its own would do that too, but for every request one, which another thread is woken
//! for; most clients wait for their answer.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// Work that goes on as a task of its own when whoever waits for it is gone.
pub(super) struct ToTheEnd<T: Send + 'static>(Option<Pin<Box<dyn Future<Output = T> + Send>>>);

impl<T: Send + 'static> ToTheEnd<T> {
    pub(super) fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        ToTheEnd(Some(Box::pin(work)))
    }
}

impl<T: Send + 'static> Future for ToTheEnd<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // Taken out while it runs: after a panic there is nothing left to go on with.
        let Some(mut work) = self.0.take() else {
            return Poll::Pending;
        };
        let state = work.as_mut().poll(context);
        if state.is_pending() {
            self.0 = Some(work);
        }
        state
    }
}

impl<T: Send + 'static> Drop for ToTheEnd<T> {
    fn drop(&mut self) {
        // Without a runtime the process is ending, and nothing could be waited for.
        if let Some(work) = self.0.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::{Notify, oneshot};

    use super::*;

    #[tokio::test]
    async fn work_that_nobody_waits_for_any_more_is_done_all_the_same() {
        let (begin, (done, told)) = (Arc::new(Notify::new()), oneshot::channel());
        let begun = Arc::clone(&begin);
        let work = ToTheEnd::new(async move {
            begun.notified().await;
            done.send(7).unwrap();
        });
        tokio::select! {
            biased;
            () = work => panic!("it was not to be done yet"),
            () = std::future::ready(()) => {}
        }
        begin.notify_one();
        assert_eq!(told.await, Ok(7));
    }

    #[tokio::test]
    async fn work_that_is_waited_for_is_done_once() {
        let runs = Arc::new(());
        let run = Arc::clone(&runs);
        let work = ToTheEnd::new(async move {
            tokio::task::yield_now().await;
            drop(run);
            7
        });
        assert_eq!(work.await, 7);
        assert_eq!(Arc::strong_count(&runs), 1);
    }

    #[tokio::test]
    async fn work_that_ended_in_a_defect_is_not_begun_again() {
        let defect = ToTheEnd::<()>::new(async { panic!("a defect") });
        assert!(tokio::spawn(defect).await.is_err());
        let alive = Handle::current().metrics().num_alive_tasks();
        assert_eq!(alive, 0);
    }
}
