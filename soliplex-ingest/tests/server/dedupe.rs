//! Records that come twice, and for how long that is known.

use serde_json::json;

use crate::road::{Road, data_dir, records, uid};
use crate::upstream::{Upstream, assert_taken_once};

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
