//! How much goes to the upstream at once, and how long a stop waits for it.

use std::time::Duration;

use crate::road::{Road, config, data_dir, record, records, uid};
use crate::upstream::{Step, Upstream, assert_taken_once, text};

#[tokio::test]
async fn what_has_waited_goes_out_together() {
    let upstream = Upstream::start([]).await;
    upstream.otherwise(Step::Status(503, Some("1")));
    let dir = data_dir();
    let road = Road::start(dir.path(), &upstream.endpoint(), "").await;
    for number in 0..20 {
        road.accept(&records(number..number + 1)).await;
    }
    let before = upstream.requests();
    upstream.otherwise(Step::Accept);
    upstream.until(|seen| seen.taken.len() == 20).await;
    let account = road.stop().await.account;
    assert_eq!((account.forwarded, account.pending), (20, 0));
    assert_taken_once(&upstream, 20);
    // One that may still have failed, a probe of one batch, and the rest.
    let after = upstream.requests() - before;
    assert!(after <= 3, "{after}");
}

#[tokio::test]
async fn after_an_outage_each_request_brings_the_newest_error_and_then_the_oldest_records() {
    let upstream = Upstream::start([]).await;
    upstream.otherwise(Step::Status(503, Some("1")));
    let dir = data_dir();
    let more = "in_flight = 1\nrequest_records = 4\n---";
    let road = Road::start(dir.path(), &upstream.endpoint(), more).await;
    for number in 0..16 {
        let level = if number < 12 { "info" } else { "error" };
        road.accept(&[record(number, level, "hello")]).await;
    }
    // The next request may have been made up before the last record came; the one after it was not.
    let requests = upstream.requests();
    upstream
        .until(|seen| seen.headers.len() > requests + 1)
        .await;
    upstream.otherwise(Step::Accept);
    upstream.until(|seen| seen.taken.len() == 16).await;
    let account = road.stop().await.account;
    assert_eq!((account.forwarded, account.pending), (16, 0));
    // A probe of one batch, and requests of four.
    let order = [15, 14, 0, 1, 2, 13, 3, 4, 5, 12, 6, 7, 8, 9, 10, 11];
    upstream.seen(|seen| {
        let arrived = seen.records.iter();
        let arrived: Vec<_> = arrived
            .map(|record| text(record, "log.record.uid"))
            .collect();
        assert_eq!(arrived, order.map(uid));
    });
}

#[tokio::test]
async fn requests_that_follow_each_other_share_a_connection() {
    for delivery in ["spool", "passthrough"] {
        let upstream = Upstream::start([]).await;
        let dir = data_dir();
        let more = format!("in_flight = 1\ndelivery = '{delivery}'\n---");
        let road = Road::start(dir.path(), &upstream.endpoint(), &more).await;
        for number in 0..5 {
            road.accept(&records(number..number + 1)).await;
            let taken = usize::try_from(number).unwrap() + 1;
            upstream.until(|seen| seen.taken.len() == taken).await;
        }
        let _ = road.stop().await;
        upstream.seen(|seen| {
            assert_eq!(
                (seen.headers.len(), seen.connections.len()),
                (5, 1),
                "{delivery}"
            );
        });
    }
}

#[tokio::test]
async fn no_more_requests_are_under_way_than_are_allowed() {
    let upstream = Upstream::start([]).await;
    upstream.otherwise(Step::Stall);
    let dir = data_dir();
    let more = "in_flight = 2\nrequest_records = 1\ntimeout_seconds = 600\n---";
    let mut config = config(dir.path(), &upstream.endpoint(), more);
    config.limits.shutdown_timeout = Duration::from_millis(100);
    let road = Road::with(config).await;
    for number in 0..10 {
        road.accept(&records(number..number + 1)).await;
    }
    upstream.until(|seen| seen.headers.len() == 2).await;
    // A stop gives up on them when its time is over, and keeps what it had lent.
    let report = road.stop().await;
    assert!(!report.in_time);
    assert_eq!((report.account.forwarded, report.account.pending), (0, 10));
    assert_eq!(upstream.requests(), 2);

    upstream.otherwise(Step::Accept);
    let road = Road::start(dir.path(), &upstream.endpoint(), "").await;
    upstream.until(|seen| seen.taken.len() == 10).await;
    let report = road.stop().await;
    assert!(report.in_time);
    assert_eq!(report.account.recovered, 10);
    assert_taken_once(&upstream, 10);
}
