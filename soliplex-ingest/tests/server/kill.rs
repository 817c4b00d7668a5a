//! `kill -9` of the real server, at moments that matter: what may be forwarded twice is known to the
//! record.

use std::ops::Range;
use std::path::Path;

use serde_json::json;

use crate::process::{Process, Sums, configured, token};
use crate::road::{data_dir, record, uid};
use crate::upstream::{Step, Upstream};

async fn start(dir: &Path, endpoint: &str) -> Process {
    let mut command = configured(&["serve"], dir, endpoint);
    command
        .env("SOLIPLEX_INGEST_FORWARD__LINGER_MS", "1")
        .env("SOLIPLEX_INGEST_LOG__FILTER", "off");
    Process::start(command).await
}

/// Posts records that must be accepted.
async fn accept(server: &Process, token: &str, numbers: Range<u64>) {
    let logs: Vec<_> = numbers
        .map(|number| record(number, "info", "hello"))
        .collect();
    let request = reqwest::Client::new()
        .post(format!("{}/api/v1/logs", server.base))
        .header("authorization", format!("Bearer {token}"))
        .body(json!({ "logs": logs }).to_string());
    assert_eq!(request.send().await.unwrap().status(), 200);
}

/// The whole window of repetition: requests that the upstream has not answered, and those it has
/// answered since the last commit. Whatever was settled before a batch was posted that was then
/// answered with 200 shares that batch's commit or an earlier one, and is never sent again.
#[tokio::test]
async fn only_what_the_upstream_had_not_answered_before_the_last_commit_goes_out_twice() {
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    let token = token(dir.path());
    let server = start(dir.path(), &upstream.endpoint()).await;
    accept(&server, &token, 0..5).await;
    server.settled().await;
    // The upstream has these and has not said so; their own commit settles the first five.
    upstream.otherwise(Step::TakeAndStall);
    accept(&server, &token, 5..10).await;
    upstream
        .until(|seen| seen.taken.contains_key(&uid(9)))
        .await;
    server.kill().await;

    upstream.otherwise(Step::Accept);
    let server = start(dir.path(), &upstream.endpoint()).await;
    let sums = server.settled().await;
    assert_eq!(sums.of("records_recovered_total"), 5);
    assert_eq!(sums.of("records_forwarded_total"), 5);
    accept(&server, &token, 10..11).await;
    server.kill().await;
    // Of all that went before, the third start finds the last record at most.
    let server = start(dir.path(), &upstream.endpoint()).await;
    accept(&server, &token, 0..11).await;
    let sums = server.settled().await;
    assert!(sums.of("records_recovered_total") <= 1);
    assert_eq!(sums.of("records_duplicate_total"), 11);
    server.kill().await;
    upstream.seen(|seen| {
        let times = (0..10)
            .map(|number| seen.taken[&uid(number)])
            .collect::<Vec<_>>();
        assert_eq!(times, [1, 1, 1, 1, 1, 2, 2, 2, 2, 2]);
        assert_eq!(seen.violations, Vec::<String>::new());
    });
}

/// A batch that the upstream refuses whole and takes in parts is settled when its last part is: until
/// then a kill repeats the parts that were taken. Parts that have to wait are kept apart from those
/// that were taken, and after that nothing is repeated.
#[tokio::test]
async fn a_kill_while_a_batch_is_sent_in_parts_repeats_its_parts_until_they_are_kept_apart() {
    for (last_step, recovered, times_of_first_half) in
        [(Step::Stall, 8, 2), (Step::Status(503, Some("3600")), 4, 1)]
    {
        let script = [
            Step::Accept,
            Step::Status(413, None),
            Step::Accept,
            last_step.clone(),
        ];
        let upstream = Upstream::start(script).await;
        let dir = data_dir();
        let token = token(dir.path());
        let server = start(dir.path(), &upstream.endpoint()).await;
        accept(&server, &token, 0..2).await;
        server.settled().await;
        // Whole, its first half, its second half.
        accept(&server, &token, 2..10).await;
        upstream.until(|seen| seen.headers.len() == 4).await;
        let kept_apart = |sums: &Sums| sums.of("records_pending") == recovered;
        server.until(kept_apart).await.assert_adds_up();
        server.kill().await;

        let server = start(dir.path(), &upstream.endpoint()).await;
        let sums = server.settled().await;
        assert_eq!(sums.of("records_recovered_total"), recovered);
        assert_eq!(sums.of("records_forwarded_total"), recovered);
        server.kill().await;
        upstream.seen(|seen| {
            let mut expected = vec![1; 10];
            expected[2..6].fill(times_of_first_half);
            let times = (0..10).map(|number| seen.taken[&uid(number)]);
            assert_eq!(times.collect::<Vec<_>>(), expected, "{last_step:?}");
            assert_eq!(seen.violations, Vec::<String>::new());
        });
    }
}
