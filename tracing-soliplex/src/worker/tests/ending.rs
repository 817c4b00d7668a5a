//! The end of the pipeline, and those who wait for something else meanwhile.

use super::*;
use crate::command::{TestEvent, TestOutcome};

impl Pipeline {
    /// Returns when the worker has ended.
    async fn shut_down(&self, timeout: Duration) {
        let (reply, ended) = oneshot::channel();
        let ended_now = Box::new(move || reply.send(()).unwrap());
        let flush = Flush {
            deadline: Instant::now() + timeout,
            reply: Box::new(drop),
        };
        let command = Command::Shutdown(flush, ended_now);
        self.commands.send(command).ok().unwrap();
        ended.await.unwrap();
    }

    async fn test(&self, timeout: Duration) -> TestOutcome {
        let (reply, outcome) = oneshot::channel();
        let event = TestEvent {
            context: 0,
            seq: u64::MAX,
            end: self.capture.queue.end(),
            deadline: Instant::now() + timeout,
            reply: Box::new(move |outcome| drop(reply.send(outcome))),
        };
        self.commands.send(Command::Test(event)).ok().unwrap();
        outcome.await.unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_the_pipeline_in_its_time_and_answers_who_would_have_waited_longer() {
    let pipeline = Pipeline::start();
    pipeline.server.answers_always(Some(BUSY));
    pipeline.log_many(3);
    let begun = Instant::now();
    let second = Duration::from_secs(1);
    let (report, outcome, (), ()) = tokio::join!(
        pipeline.flush(HOUR),
        pipeline.test(HOUR),
        pipeline.shut_down(2 * second),
        // Whoever comes later and is in no hurry does not hold it up either.
        pipeline.shut_down(HOUR),
    );
    assert_eq!((report.delivered, report.waiting), (0, 3));
    assert!(
        matches!(outcome, TestOutcome::Waiting { .. }),
        "{outcome:?}"
    );
    assert!(begun.elapsed() < 3 * second, "{:?}", begun.elapsed());
    pipeline.assert_accounted();
}

#[tokio::test(start_paused = true)]
async fn an_application_may_ask_for_more_time_than_there_is() {
    let pipeline = Pipeline::start();
    pipeline.log(Severity::Info, "kept");
    let report = pipeline.flush(crate::soliplex::LONGEST).await;
    assert_eq!(report.delivered, 1);
}
