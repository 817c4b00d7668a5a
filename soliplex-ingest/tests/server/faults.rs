//! An upstream that fails in every way there is; afterwards the records add up.

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::road::{Road, data_dir, record, records, uid};
use crate::upstream::{Step, Upstream, body_text, text};

/// Every record of `0..count` was taken exactly once, and nothing broke a rule.
fn assert_taken_once(upstream: &Upstream, count: u64) {
    upstream.seen(|seen| {
        assert_eq!(seen.violations, Vec::<String>::new());
        let expected: Vec<(String, usize)> = (0..count).map(|number| (uid(number), 1)).collect();
        assert_eq!(seen.taken.clone().into_iter().collect::<Vec<_>>(), expected);
    });
}

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
        let mut page = road.get("/readyz").await;
        while !page.1.contains("the upstream fails") {
            tokio::task::yield_now().await;
            page = road.get("/readyz").await;
        }
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
    let mut page = road.get("/readyz").await;
    // The request has been answered; the forwarder notes it a moment later.
    while !page.1.contains("refuses us") {
        tokio::task::yield_now().await;
        page = road.get("/readyz").await;
    }
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
async fn an_outage_fills_the_spool_to_its_bound_and_drains_by_itself() {
    // An address nobody listens at, until later.
    let placeholder = Upstream::start([]).await;
    placeholder.otherwise(Step::Status(503, Some("0")));
    let dir = data_dir();
    let road = Road::start(
        dir.path(),
        &placeholder.endpoint(),
        "---\n[limits]\nspool_bytes = 20000",
    )
    .await;
    let mut accepted = 0;
    let refusal = loop {
        let body = json!({ "logs": records(accepted..accepted + 10) }).to_string();
        let response = road.request(body).send().await.unwrap();
        if response.status() != 200 {
            break response;
        }
        accepted += 10;
    };
    assert_eq!(refusal.status(), 502);
    assert!(refusal.headers().contains_key("retry-after"));
    let (status, page) = road.get("/readyz").await;
    assert_eq!(status, 503, "{page}");
    assert!(page.contains("the spool is at its bound"), "{page}");

    placeholder.otherwise(Step::Accept);
    placeholder
        .until(|seen| seen.taken.len() == usize::try_from(accepted).unwrap())
        .await;
    // The refused batch, sent again, is taken and not a duplicate.
    loop {
        let (status, answer) = road
            .post(&json!({ "logs": records(accepted..accepted + 10) }))
            .await;
        if status == 200 {
            assert_eq!(
                (&answer["accepted"], &answer["duplicates"]),
                (&json!(10), &json!(0))
            );
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(road.get("/readyz").await.0, 200);
    let account = road.stop().await.account;
    assert_eq!((account.received, account.pending), (accepted + 10, 0));
    assert_taken_once(&placeholder, accepted + 10);
}

#[tokio::test]
async fn a_record_sent_twice_is_forwarded_once_even_across_a_restart() {
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    let road = Road::start(dir.path(), &upstream.endpoint(), "").await;
    road.accept(&records(0..10)).await;
    let (_, answer) = road.post(&json!({ "logs": records(5..15) })).await;
    assert_eq!(
        (&answer["accepted"], &answer["duplicates"]),
        (&json!(5), &json!(5))
    );
    assert_eq!(road.stop().await.account.duplicates, 5);
    let road = Road::start(dir.path(), &upstream.endpoint(), "").await;
    let (_, answer) = road.post(&json!({ "logs": records(0..15) })).await;
    assert_eq!(
        (&answer["accepted"], &answer["duplicates"]),
        (&json!(0), &json!(15))
    );
    let _ = road.stop().await;
    assert_taken_once(&upstream, 15);
}

#[tokio::test]
async fn the_same_batch_from_many_connections_at_once_is_forwarded_once() {
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    let road = Road::start(dir.path(), &upstream.endpoint(), "").await;
    let batch = json!({ "logs": records(0..20) });
    let (a, b, c) = tokio::join!(road.post(&batch), road.post(&batch), road.post(&batch));
    let accepted: u64 = [&a, &b, &c]
        .iter()
        .map(|(_, answer)| answer["accepted"].as_u64().unwrap())
        .sum();
    assert_eq!(accepted, 20);
    let account = road.stop().await.account;
    assert_eq!(
        (account.received, account.duplicates, account.forwarded),
        (60, 40, 20)
    );
    assert_taken_once(&upstream, 20);
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

#[tokio::test]
async fn clients_that_hang_up_leave_the_account_balanced() {
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    let road = Road::start(dir.path(), &upstream.endpoint(), "").await;
    let address = road.base.strip_prefix("http://").unwrap();
    for number in 0..50 {
        let body = json!({ "logs": records(number..number + 1) }).to_string();
        let head = format!(
            "POST /api/v1/logs HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
            road.token,
            body.len()
        );
        let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
        client
            .write_all(format!("{head}{body}").as_bytes())
            .await
            .unwrap();
        // Gone before the answer; `stop` below checks that the account balances all the same.
        drop(client);
    }
    let account = road.stop().await.account;
    assert_eq!((account.received, account.pending), (account.forwarded, 0));
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed_whatever_it_says_instead() {
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    let mut config = crate::road::config(dir.path(), &upstream.endpoint(), "");
    config.limits.header_timeout = std::time::Duration::from_millis(200);
    config.limits.connections = 1;
    let road = Road::with(config).await;
    let address = road.base.strip_prefix("http://").unwrap();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    for said in [
        // Nothing, the beginning of HTTP/2's preface, all of it, and a request over with its
        // connection kept.
        &b""[..],
        &preface[..4],
        &[&preface[..], &settings].concat(),
        b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n",
    ] {
        let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
        client.write_all(said).await.unwrap();
        // Ends when the server closes; each client here takes the only place there is.
        let mut heard = Vec::new();
        let _ = client.read_to_end(&mut heard).await;
    }
    assert_eq!(road.get("/healthz").await.0, 200);
    let _ = road.stop().await;
}

#[tokio::test]
async fn bodies_that_arrive_slowly_take_no_more_memory_than_they_may() {
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    let bounds = "---\n[limits]\nbodies_bytes = 65536\nbody_bytes = 65536";
    let road = Road::start(dir.path(), &upstream.endpoint(), bounds).await;
    let address = road.base.strip_prefix("http://").unwrap();
    let mut slow = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/v1/logs HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 65536\r\n\r\n",
        road.token
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    // Until the slow one's head has been read, others are taken.
    let one = json!({ "logs": records(0..1) });
    let refused = loop {
        let response = road.request(one.to_string()).send().await.unwrap();
        if response.status() != 200 {
            break response;
        }
    };
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    drop(slow);
    while road.post(&one).await.0 != 200 {
        tokio::task::yield_now().await;
    }
    let _ = road.stop().await;
}

#[tokio::test]
async fn a_damaged_store_is_set_aside_and_the_server_starts() {
    for damage in [&b"not a store"[..], &[0; 8192], &[]] {
        let upstream = Upstream::start([]).await;
        let dir = data_dir();
        let file = dir.path().join("spool.redb");
        // A store that was once good, and then overwritten.
        let road = Road::start(dir.path(), &upstream.endpoint(), "").await;
        road.accept(&records(0..1)).await;
        let _ = road.stop().await;
        let mut bytes = std::fs::read(&file).unwrap();
        bytes[..damage.len()].copy_from_slice(damage);
        if damage.is_empty() {
            bytes.truncate(5000);
        }
        std::fs::write(&file, bytes).unwrap();

        let road = Road::start(dir.path(), &upstream.endpoint(), "").await;
        road.accept(&records(1..2)).await;
        let (_, metrics) = road.get("/metrics").await;
        assert!(
            metrics.contains("soliplex_ingest_stores_set_aside_total 1"),
            "{damage:?}"
        );
        let _ = road.stop().await;
        let aside = |name: &str| name.starts_with("spool.redb.damaged-");
        let names = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        assert_eq!(
            names.filter(|name| aside(&name.to_string_lossy())).count(),
            1
        );
    }
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_told_so() {
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    let road = Road::start(dir.path(), &upstream.endpoint(), "").await;
    let second =
        soliplex_ingest::Server::bind(crate::road::config(dir.path(), &upstream.endpoint(), ""))
            .await;
    assert_eq!(
        second.unwrap_err().to_string(),
        "the data folder is in use by another server; give each server a folder of its own"
    );
    let _ = road.stop().await;
}

#[tokio::test]
async fn a_server_whose_disk_is_at_its_headroom_is_not_ready() {
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    let all = format!("---\n[limits]\ndisk_headroom_bytes = {}", i64::MAX);
    let road = Road::start(dir.path(), &upstream.endpoint(), &all).await;
    let (status, page) = road.get("/readyz").await;
    assert_eq!(status, 503, "{page}");
    assert!(page.contains("the disk is at its headroom"), "{page}");
    let (status, _) = road.post(&json!({ "logs": records(0..1) })).await;
    assert_eq!(status, 503);
    assert_eq!(road.get("/healthz").await.0, 200);
    let _ = road.stop().await;
}

#[tokio::test]
async fn a_window_of_ids_that_is_too_small_shows_on_the_page_and_costs_a_repetition() {
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    let more = "---\n[limits]\ndedupe_ids = 10";
    let road = Road::start(dir.path(), &upstream.endpoint(), more).await;
    let shown = async |road: &Road, line: &str| {
        let page = road.get("/metrics").await.1;
        let line = format!("soliplex_ingest_{line}");
        assert!(page.lines().any(|found| found == line), "{line}\n{page}");
    };
    shown(&road, "dedupe_ids_forgotten_early_total 0").await;
    shown(&road, "dedupe_oldest_id_age_seconds 0").await;
    for batch in 0..4 {
        road.accept(&records(batch * 5..batch * 5 + 5)).await;
    }
    // The third and the fourth commit each found fifteen where ten have room.
    shown(&road, "dedupe_ids_forgotten_early_total 10").await;
    for (from, accepted, duplicates) in [(15, 0, 5), (0, 5, 0)] {
        let (status, answer) = road.post(&json!({ "logs": records(from..from + 5) })).await;
        let found = (status, &answer["accepted"], &answer["duplicates"]);
        assert_eq!(found, (200, &json!(accepted), &json!(duplicates)), "{from}");
    }
    upstream
        .until(|seen| seen.taken.values().sum::<usize>() == 25)
        .await;
    upstream.seen(|seen| assert_eq!((seen.taken[&uid(0)], seen.taken[&uid(15)]), (2, 1)));
    let report = road.stop().await;
    assert_eq!(
        (report.account.forwarded, report.account.duplicates),
        (25, 5)
    );
}
