//! The store under a server: full, damaged, taken, or on a disk without room.

use serde_json::json;

use crate::road::{Road, config, data_dir, records};
use crate::upstream::{Step, Upstream, assert_taken_once};
use crate::within::eventually;

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
    let refused = json!({ "logs": records(accepted..accepted + 10) });
    let answer = eventually(async || {
        let (status, answer) = road.post(&refused).await;
        (status == 200).then_some(answer)
    });
    let answer = answer.await;
    assert_eq!(
        (&answer["accepted"], &answer["duplicates"]),
        (&json!(10), &json!(0))
    );
    assert_eq!(road.get("/readyz").await.0, 200);
    let account = road.stop().await.account;
    assert_eq!((account.received, account.pending), (accepted + 10, 0));
    assert_taken_once(&placeholder, accepted + 10);
}

#[tokio::test]
async fn from_four_fifths_of_its_bound_on_a_spool_makes_the_server_degraded() {
    const BOUND: u64 = 20_000;
    let upstream = Upstream::start([]).await;
    // Nothing leaves, and nothing fails that readiness would tell of.
    upstream.otherwise(Step::Stall);
    let dir = data_dir();
    let more = format!("---\n[limits]\nspool_bytes = {BOUND}");
    let mut config = config(dir.path(), &upstream.endpoint(), &more);
    config.limits.shutdown_timeout = std::time::Duration::from_millis(100);
    let road = Road::with(config).await;
    let mut told = Vec::new();
    for number in 0.. {
        let batch = json!({ "logs": records(number..number + 1) });
        if road.post(&batch).await.0 != 200 {
            break;
        }
        let (_, metrics) = road.get("/metrics").await;
        let pending = metrics
            .lines()
            .find_map(|line| line.strip_prefix("soliplex_ingest_spool_bytes "));
        let percent = pending.unwrap().parse::<u64>().unwrap() * 100 / BOUND;
        let (status, page) = road.get("/readyz").await;
        let (word, reasons) = if percent < 80 {
            ("ready", json!([]))
        } else {
            (
                "degraded",
                json!([format!("the spool is {percent} % full")]),
            )
        };
        let expected = json!({ "status": word, "reasons": reasons });
        assert_eq!((status, page), (200, expected.to_string()), "{percent}");
        told.push(word);
    }
    // Both before it is full.
    assert!(told.contains(&"ready") && told.contains(&"degraded"));
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
