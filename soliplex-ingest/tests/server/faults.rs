//! An upstream that fails in every way there is; afterwards the records add up.

use serde_json::json;

use crate::road::{Road, data_dir, record, records, uid};
use crate::upstream::{Step, Upstream, assert_taken_once, body_text, text};

#[tokio::test]
async fn a_storm_of_failures_loses_nothing_and_repeats_nothing() {
    // The first failure costs a second; those that follow it ask for one.
    let storm = [
        Step::Break,
        Step::Status(503, Some("1")),
        Step::Status(429, Some("1")),
        Step::Accept,
        Step::Status(502, Some("1")),
        Step::Status(504, Some("1")),
    ];
    let upstream = Upstream::start(storm).await;
    let dir = data_dir();
    let road = Road::start(dir.path(), &upstream.endpoint(), "").await;
    for batch in 0..10 {
        road.accept(&records(batch * 10..batch * 10 + 10)).await;
    }
    upstream.until(|seen| seen.taken.len() == 100).await;
    let account = road.stop().await.account;
    assert_eq!(
        (account.received, account.forwarded, account.pending),
        (100, 100, 0)
    );
    assert_taken_once(&upstream, 100);
}

#[tokio::test]
async fn what_is_too_large_is_split_until_it_fits() {
    let upstream = Upstream::start([]).await;
    upstream.otherwise(Step::AtMost(3));
    let dir = data_dir();
    let road = Road::start(dir.path(), &upstream.endpoint(), "").await;
    road.accept(&records(0..25)).await;
    road.accept(&records(25..50)).await;
    upstream.until(|seen| seen.taken.len() == 50).await;
    let account = road.stop().await.account;
    assert_eq!((account.forwarded, account.dead), (50, 0));
    assert_taken_once(&upstream, 50);
}

#[tokio::test]
async fn a_poisonous_record_is_found_and_the_rest_gets_through() {
    let upstream = Upstream::start([]).await;
    upstream.otherwise(Step::Refuse("poison"));
    let dir = data_dir();
    let road = Road::start(dir.path(), &upstream.endpoint(), "").await;
    let mut batch = records(0..40);
    batch.push(record(40, "info", "poison"));
    road.accept(&batch).await;
    road.accept(&records(41..60)).await;
    upstream.until(|seen| seen.taken.len() == 59).await;
    let account = road.stop().await.account;
    assert_eq!(
        (account.forwarded, account.dead, account.pending),
        (59, 1, 0)
    );
    upstream.seen(|seen| assert!(!seen.taken.contains_key(&uid(40))));
    let letters: Vec<_> = std::fs::read_dir(dir.path().join("dead-letters"))
        .unwrap()
        .collect();
    assert_eq!(letters.len(), 1);
    let letter = std::fs::read_to_string(letters[0].as_ref().unwrap().path()).unwrap();
    let letter: serde_json::Value = serde_json::from_str(&letter).unwrap();
    assert_eq!(
        (letter["reason"].as_str(), letter["records"].as_u64()),
        (Some("refused"), Some(1))
    );
    // The upstream's own words stand with what it refused, on one line.
    assert_eq!(letter["answer"], "status 400: not like this");
    assert!(letter.to_string().contains(&uid(40)));
}

#[tokio::test]
async fn partial_success_is_counted_and_kept_for_an_operator() {
    let upstream = Upstream::start([Step::Partial(2)]).await;
    let dir = data_dir();
    let road = Road::start(dir.path(), &upstream.endpoint(), "").await;
    road.accept(&records(0..10)).await;
    upstream.until(|seen| seen.taken.len() == 10).await;
    let report = road.stop().await;
    // OTLP does not say which; the count is all there is.
    assert_eq!((report.account.forwarded, report.account.dead), (8, 2));
    assert_eq!(upstream.requests(), 1);
    let letters: Vec<_> = std::fs::read_dir(dir.path().join("dead-letters"))
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    assert_eq!(letters.len(), 1);
    // What the upstream said is kept for the operator.
    let said = "partial success: 2 refused: some were refused";
    assert!(letters[0].contains(said), "{}", letters[0]);
}

#[tokio::test]
async fn what_otlp_forbids_to_send_again_is_not_sent_again() {
    for status in [500, 501, 408] {
        let upstream = Upstream::start([Step::Status(status, Some("0"))]).await;
        let dir = data_dir();
        let road = Road::start(dir.path(), &upstream.endpoint(), "").await;
        road.accept(&records(0..1)).await;
        upstream.until(|seen| seen.headers.len() == 1).await;
        let account = road.stop().await.account;
        assert_eq!(
            (account.dead, account.pending, upstream.requests()),
            (1, 0, 1),
            "{status}"
        );
    }
}

#[tokio::test]
async fn an_upstream_that_fails_over_everything_costs_one_batch_a_probe_and_readiness_says_so() {
    for status in [500, 408, 400] {
        let upstream = Upstream::start([]).await;
        upstream.otherwise(Step::Status(401, None));
        let dir = data_dir();
        let road = Road::start(dir.path(), &upstream.endpoint(), "").await;
        for number in 0..20 {
            road.accept(&records(number..number + 1)).await;
        }
        let _ = road.stop().await;

        upstream.otherwise(Step::Status(status, None));
        let before = upstream.requests();
        let road = Road::start(
            dir.path(),
            &upstream.endpoint(),
            "request_records = 1\nin_flight = 1\n---",
        )
        .await;
        upstream.until(|seen| seen.headers.len() > before).await;
        let page = road.until_page("/readyz", "the upstream fails").await;
        assert!(page.1.contains("degraded"), "{}", page.1);
        let account = road.stop().await.account;
        // The first request's batch, and at most one probe's.
        assert!(
            (1..=2).contains(&account.dead) && account.pending >= 18,
            "{status}: {account:?}"
        );
    }
}

#[tokio::test]
async fn the_wait_an_upstream_asks_for_is_waited() {
    let upstream = Upstream::start([Step::Status(503, Some("2"))]).await;
    let dir = data_dir();
    let road = Road::start(dir.path(), &upstream.endpoint(), "").await;
    road.accept(&records(0..1)).await;
    upstream.until(|seen| seen.headers.len() == 2).await;
    // Without the header the wait is a second at most.
    let waited = upstream.seen(|seen| seen.times[1] - seen.times[0]);
    assert!(waited.as_millis() >= 2000, "{waited:?}");
    let _ = road.stop().await;
    assert_taken_once(&upstream, 1);
}

#[tokio::test]
async fn a_refused_token_keeps_everything_and_readiness_says_so() {
    let upstream = Upstream::start([]).await;
    upstream.otherwise(Step::Status(401, None));
    let dir = data_dir();
    let road = Road::start(dir.path(), &upstream.endpoint(), "").await;
    road.accept(&records(0..10)).await;
    upstream.until(|seen| seen.headers.len() == 1).await;
    // The request has been answered; the forwarder notes it a moment later.
    let page = road.until_page("/readyz", "refuses us").await;
    assert_eq!(page.0, 200);
    assert!(page.1.contains("degraded"), "{}", page.1);
    let account = road.stop().await.account;
    assert_eq!(
        (account.forwarded, account.dead, account.pending),
        (0, 0, 10)
    );

    upstream.otherwise(Step::Accept);
    let road = Road::start(dir.path(), &upstream.endpoint(), "").await;
    upstream.until(|seen| seen.taken.len() == 10).await;
    let account = road.stop().await.account;
    assert_eq!(
        (account.recovered, account.forwarded, account.pending),
        (10, 10, 0)
    );
    assert_taken_once(&upstream, 10);
}

#[tokio::test]
async fn a_record_older_than_the_upstream_takes_is_moved_to_its_edge_and_says_so() {
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    let road = Road::start(dir.path(), &upstream.endpoint(), "").await;
    let mut old = record(0, "info", "old");
    old["timestamp"] = "2020-01-01T00:00:00Z".into();
    road.accept(&[old, record(1, "info", "new")]).await;
    let _ = road.stop().await;
    upstream.seen(|seen| {
        let by_text = |words: &str| {
            seen.records
                .iter()
                .find(|record| body_text(record) == words)
                .unwrap()
        };
        let old = by_text("old");
        let age = old.observed_time_unix_nano - old.time_unix_nano;
        assert!((80_000..86_400).contains(&(age / 1_000_000_000)), "{age}");
        assert_eq!(text(old, "client_timestamp"), "2020-01-01T00:00:00Z");
        assert_eq!(text(old, "soliplex.time_adjusted"), "too old");
        assert_eq!(text(by_text("new"), "soliplex.time_adjusted"), "");
    });
}

#[tokio::test]
async fn each_payload_keeps_its_own_resource() {
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    let road = Road::start(dir.path(), &upstream.endpoint(), "").await;
    for device in ["a", "b"] {
        let resource = json!({ "service.name": "field", "device.id": device });
        let (status, _) = road
            .post(&json!({ "resource": resource, "logs": [{ "message": device }] }))
            .await;
        assert_eq!(status, 200);
    }
    let _ = road.stop().await;
    upstream.seen(|seen| {
        let mut devices: Vec<&str> = seen
            .resources
            .iter()
            .map(|resource| resource["device.id"].as_str())
            .collect();
        devices.sort_unstable();
        assert_eq!(devices, ["a", "b"]);
    });
}

#[tokio::test]
async fn requests_carry_the_raw_token_and_the_configured_headers_and_encoding() {
    for (compression, encoding) in [
        ("none", None),
        ("gzip", Some("gzip")),
        ("zstd", Some("zstd")),
    ] {
        let upstream = Upstream::start([]).await;
        let dir = data_dir();
        let more = format!(
            "compression = '{compression}'\ntoken = 'tok%20en'\nheaders = {{ x-tenant = 'blue' }}\n---"
        );
        let road = Road::start(dir.path(), &upstream.endpoint(), &more).await;
        road.accept(&records(0..1)).await;
        let _ = road.stop().await;
        upstream.seen(|seen| {
            let headers = &seen.headers[0];
            assert_eq!(headers["authorization"], "tok%20en");
            assert_eq!(headers["x-tenant"], "blue");
            assert_eq!(headers["content-type"], "application/x-protobuf");
            assert_eq!(
                headers
                    .get("content-encoding")
                    .map(|value| value.to_str().unwrap()),
                encoding
            );
        });
    }
}

#[tokio::test]
async fn passthrough_answers_with_what_the_upstream_said() {
    let upstream = Upstream::start([
        Step::Accept,
        Step::Status(503, Some("7")),
        Step::Status(400, None),
    ])
    .await;
    let dir = data_dir();
    let road = Road::start(
        dir.path(),
        &upstream.endpoint(),
        "delivery = 'passthrough'\n---",
    )
    .await;
    road.accept(&records(0..10)).await;
    let response = road
        .request(json!({ "logs": records(10..20) }).to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(
        (
            response.status().as_u16(),
            response.headers()["retry-after"].to_str().unwrap()
        ),
        (502, "7")
    );
    let response = road
        .request(json!({ "logs": records(10..20) }).to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 502);
    road.accept(&records(10..20)).await;
    let account = road.stop().await.account;
    assert_eq!((account.received, account.forwarded), (20, 20));
    assert_eq!(
        std::fs::read_dir(dir.path()).unwrap().count(),
        0,
        "passthrough keeps nothing"
    );
    assert_taken_once(&upstream, 20);
}

#[tokio::test]
async fn an_upstream_that_never_answers_holds_up_nothing_for_good() {
    let upstream = Upstream::start([Step::Stall]).await;
    let dir = data_dir();
    let more = "timeout_seconds = 1\n---";
    let road = Road::start(dir.path(), &upstream.endpoint(), more).await;
    road.accept(&records(0..10)).await;
    upstream.until(|seen| seen.taken.len() == 10).await;
    let account = road.stop().await.account;
    assert_eq!((account.forwarded, account.pending), (10, 0));
    assert_taken_once(&upstream, 10);
}
