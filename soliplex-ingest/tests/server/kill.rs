//! `kill -9` of the real server: what was acknowledged is forwarded, and what may be forwarded twice
//! is known to the record.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::sync::Notify;

use crate::process::{Process, configured, token};
use crate::road::{data_dir, record, uid};
use crate::upstream::{Step, Upstream};

fn start(dir: &Path, endpoint: &str) -> Process {
    let mut command = configured(&["serve"], dir, endpoint);
    command
        .env("SOLIPLEX_INGEST_FORWARD__LINGER_MS", "1")
        .env("SOLIPLEX_INGEST_LOG__FILTER", "off");
    Process::start(command)
}

/// What clients were told is safe.
#[derive(Default)]
struct Acknowledged {
    ids: Mutex<BTreeSet<String>>,
    grew: Notify,
}

/// Posts batches of five until the server is gone; only what is answered with 200 counts.
async fn post_until_gone(
    base: String,
    token: String,
    next: Arc<AtomicU64>,
    acknowledged: Arc<Acknowledged>,
) {
    let client = reqwest::Client::new();
    loop {
        let from = next.fetch_add(5, Ordering::Relaxed);
        let logs: Vec<_> = (from..from + 5)
            .map(|number| record(number, "info", "hello"))
            .collect();
        let request = client
            .post(format!("{base}/api/v1/logs"))
            .header("authorization", format!("Bearer {token}"))
            .body(json!({ "logs": logs }).to_string());
        let Ok(response) = request.send().await else {
            return;
        };
        if response.status() == 200 && response.bytes().await.is_ok() {
            acknowledged
                .ids
                .lock()
                .unwrap()
                .extend((from..from + 5).map(uid));
            acknowledged.grew.notify_one();
        }
    }
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

/// A server's counters, once nothing waits any more; then every record has one fate.
async fn settled(server: &Process) -> Sums {
    let sums = until(server, |sums| sums.of("records_pending") == 0).await;
    sums.assert_adds_up();
    sums
}

/// A server's counters, once they are as they are expected to become.
async fn until(server: &Process, are: impl Fn(&Sums) -> bool) -> Sums {
    loop {
        let sums = Sums::read(&server.base).await;
        if are(&sums) {
            return sums;
        }
        tokio::task::yield_now().await;
    }
}

/// A server's counters.
struct Sums(String);

impl Sums {
    async fn read(base: &str) -> Sums {
        let page = reqwest::get(format!("{base}/metrics")).await.unwrap();
        Sums(page.text().await.unwrap())
    }

    fn assert_adds_up(&self) {
        let sum = |names: &[&str]| names.iter().map(|name| self.of(name)).sum::<u64>();
        let entered = sum(&["records_received_total", "records_recovered_total"]);
        let left = sum(&[
            "records_forwarded_total",
            "records_duplicate_total",
            "records_rejected_total",
            "records_dead_total",
            "records_pending",
        ]);
        assert_eq!(entered, left, "{}", self.0);
    }

    /// The sum of a counter over its labels.
    fn of(&self, name: &str) -> u64 {
        let values = self.0.lines().filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let series = series.strip_prefix("soliplex_ingest_")?;
            let found = series.split('{').next() == Some(name);
            found.then(|| value.parse::<u64>().unwrap())
        });
        values.sum()
    }
}

/// The whole window of repetition: requests that the upstream has not answered, and those it has
/// answered since the last commit. Whatever was settled before a batch was posted that was then
/// answered with 200 shares that batch's commit or an earlier one, and is never sent again.
#[tokio::test]
async fn only_what_the_upstream_had_not_answered_before_the_last_commit_goes_out_twice() {
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    let token = token(dir.path());
    let server = start(dir.path(), &upstream.endpoint());
    accept(&server, &token, 0..5).await;
    settled(&server).await;
    // The upstream has these and has not said so; their own commit settles the first five.
    upstream.otherwise(Step::TakeAndStall);
    accept(&server, &token, 5..10).await;
    upstream
        .until(|seen| seen.taken.contains_key(&uid(9)))
        .await;
    server.kill();

    upstream.otherwise(Step::Accept);
    let server = start(dir.path(), &upstream.endpoint());
    let sums = settled(&server).await;
    assert_eq!(sums.of("records_recovered_total"), 5);
    assert_eq!(sums.of("records_forwarded_total"), 5);
    accept(&server, &token, 10..11).await;
    server.kill();
    // Of all that went before, the third start finds the last record at most.
    let server = start(dir.path(), &upstream.endpoint());
    accept(&server, &token, 0..11).await;
    let sums = settled(&server).await;
    assert!(sums.of("records_recovered_total") <= 1);
    assert_eq!(sums.of("records_duplicate_total"), 11);
    server.kill();
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
        let server = start(dir.path(), &upstream.endpoint());
        accept(&server, &token, 0..2).await;
        settled(&server).await;
        // Whole, its first half, its second half.
        accept(&server, &token, 2..10).await;
        upstream.until(|seen| seen.headers.len() == 4).await;
        let kept_apart = |sums: &Sums| sums.of("records_pending") == recovered;
        until(&server, kept_apart).await.assert_adds_up();
        server.kill();

        let server = start(dir.path(), &upstream.endpoint());
        let sums = settled(&server).await;
        assert_eq!(sums.of("records_recovered_total"), recovered);
        assert_eq!(sums.of("records_forwarded_total"), recovered);
        server.kill();
        upstream.seen(|seen| {
            let mut expected = vec![1; 10];
            expected[2..6].fill(times_of_first_half);
            let times = (0..10).map(|number| seen.taken[&uid(number)]);
            assert_eq!(times.collect::<Vec<_>>(), expected, "{last_step:?}");
            assert_eq!(seen.violations, Vec::<String>::new());
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_at_random_moments_loses_nothing_it_acknowledged() {
    // A failing upstream now and then keeps the spool from being empty when the kill comes.
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    let token = token(dir.path());
    let next = Arc::new(AtomicU64::new(0));
    let acknowledged = Arc::new(Acknowledged::default());
    for round in 0..ROUNDS {
        upstream.otherwise(if round % 3 == 1 {
            Step::Status(503, Some("0"))
        } else {
            Step::Accept
        });
        let server = start(dir.path(), &upstream.endpoint());
        let clients: Vec<_> = (0..4)
            .map(|_| {
                let post = post_until_gone(
                    server.base.clone(),
                    token.clone(),
                    next.clone(),
                    acknowledged.clone(),
                );
                tokio::spawn(post)
            })
            .collect();
        // Random, and printed by the assertion below: the number of answers after which the kill
        // comes.
        let answers = 3 + uuid::Uuid::new_v4().as_u128() % 60;
        for _ in 0..answers {
            acknowledged.grew.notified().await;
        }
        server.kill();
        for client in clients {
            client.await.unwrap();
        }
    }
    upstream.otherwise(Step::Accept);
    let server = start(dir.path(), &upstream.endpoint());
    let ids = acknowledged.ids.lock().unwrap().clone();
    upstream
        .until(|seen| ids.iter().all(|id| seen.taken.contains_key(id)))
        .await;
    // What was taken is settled a moment later.
    let account = settled(&server).await;
    assert_eq!(account.of("records_dead_total"), 0);
    server.kill();

    upstream.seen(|seen| {
        assert_eq!(seen.violations, Vec::<String>::new());
        assert!(ids.len() >= 5 * 3 * ROUNDS);
        // Twice only what was under way to the upstream, or taken and not yet confirmed, when a
        // kill came.
        let most = seen.taken.values().max().copied().unwrap_or_default();
        assert!(
            most <= 1 + ROUNDS,
            "a record was forwarded {most} times in {ROUNDS} kills"
        );
        let repeated = seen.taken.values().filter(|times| **times > 1).count();
        println!(
            "{} acknowledged, {} forwarded, {repeated} of them more than once",
            ids.len(),
            seen.taken.len()
        );
    });
}

/// Kills of one run; each start takes a fraction of a second.
const ROUNDS: usize = 8;
