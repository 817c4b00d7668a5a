//! `kill -9` at random moments: while a server starts, serves, writes a dead letter or is about to stop,
//! and while dead letters are sent again. Whatever it was killed over, what was acknowledged arrives.
//!
//! `SOLIPLEX_KILLS=1000 cargo test -p soliplex-ingest --test server random_kills -- --nocapture` kills
//! more often, and says what came of it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::process::{Process, configured, spawn, token};
use crate::road::{data_dir, record, uid};
use crate::upstream::{Step, Upstream};
use crate::within::{eventually, within};

/// What is killed, and while it does what.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Moment {
    /// A server whose upstream takes everything.
    Serving,
    /// A server whose upstream fails, so that the next one finds a backlog.
    Failing,
    /// A server that has just written a dead letter, or is about to.
    DeadLetter,
    /// A server that has not said yet that it listens, or only just.
    Start,
    /// A server that was asked to stop.
    Stop,
    /// `dead-letters resend`.
    Resend,
}

const MOMENTS: [Moment; 6] = [
    Moment::Serving,
    Moment::Failing,
    Moment::DeadLetter,
    Moment::Start,
    Moment::Stop,
    Moment::Resend,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_at_random_moments_loses_nothing_it_acknowledged() {
    let kills = std::env::var("SOLIPLEX_KILLS").map_or(12, |kills| kills.parse().unwrap());
    let field = Field::new().await;
    let mut letters = 0;
    for moment in MOMENTS.iter().copied().cycle().take(kills) {
        field.kill(moment).await;
        letters = letters.max(field.letters().len());
    }
    field.upstream.otherwise(Step::Accept);
    let server = Process::start(field.command(&["serve"])).await;
    let sums = server.settled().await;
    assert_eq!(sums.of("records_dead_total"), 0);
    server.kill().await;
    let mut resend = spawn(field.command(&["dead-letters", "resend"]));
    assert!(within(resend.wait()).await.unwrap().success());
    assert_eq!(field.letters(), BTreeSet::new());

    let acknowledged = field.clients.acknowledged.lock().unwrap().clone();
    field.upstream.seen(|seen| {
        assert_eq!(seen.violations, Vec::<String>::new());
        let is_lost = |id: &&String| !seen.taken.contains_key(*id);
        let lost: Vec<_> = acknowledged.iter().filter(is_lost).collect();
        assert!(lost.is_empty(), "{} are lost: {lost:?}", lost.len());
        // Twice only what was under way to the upstream, or taken and not yet settled, when a kill
        // came.
        let most = seen.taken.values().max().copied().unwrap_or_default();
        assert!(most <= 1 + kills, "{most} times in {kills} kills");
        let repeated = seen.taken.values().filter(|times| **times > 1).count();
        println!(
            "{kills} kills, {} records acknowledged, {} forwarded, {repeated} of them more than \
             once, at most {letters} dead letters at a time",
            acknowledged.len(),
            seen.taken.len()
        );
    });
    assert!(kills < MOMENTS.len() || letters > 0);
}

/// What outlives a kill.
struct Field {
    upstream: Upstream,
    dir: TempDir,
    token: String,
    clients: Arc<Clients>,
}

#[derive(Default)]
struct Clients {
    /// The number of the next record.
    next: AtomicU64,
    /// What they were told is safe.
    acknowledged: Mutex<BTreeSet<String>>,
    answered: Notify,
}

impl Field {
    async fn new() -> Field {
        let dir = data_dir();
        Field {
            upstream: Upstream::start([]).await,
            token: token(dir.path()),
            dir,
            clients: Arc::default(),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = configured(arguments, self.dir.path(), &self.upstream.endpoint());
        command
            .env("SOLIPLEX_INGEST_FORWARD__LINGER_MS", "1")
            .env("SOLIPLEX_INGEST_LOG__FILTER", "off");
        command
    }

    /// The files of the dead letters, those that are not finished among them.
    fn letters(&self) -> BTreeSet<PathBuf> {
        let files = std::fs::read_dir(self.dir.path().join("dead-letters"));
        let files = files.into_iter().flatten();
        files.map(|file| file.unwrap().path()).collect()
    }

    async fn kill(&self, moment: Moment) {
        self.upstream.otherwise(match moment {
            Moment::Failing => Step::Status(503, Some("0")),
            Moment::DeadLetter => Step::Refuse(POISON),
            _ => Step::Accept,
        });
        match moment {
            Moment::Start => {
                let mut server = spawn(self.command(&["serve"]));
                pass(200).await;
                server.kill().await.unwrap();
            }
            Moment::Resend => {
                let mut resend = spawn(self.command(&["dead-letters", "resend"]));
                let requests = self.upstream.requests() + below(3);
                tokio::select! {
                    () = self.upstream.until(|seen| seen.headers.len() > requests) => {}
                    ended = resend.wait() => assert!(ended.unwrap().success()),
                }
                // It may be over already.
                let _ = resend.kill().await;
            }
            Moment::Serving | Moment::Failing | Moment::DeadLetter | Moment::Stop => {
                self.kill_serving(moment).await;
            }
        }
    }

    async fn kill_serving(&self, moment: Moment) {
        let server = Process::start(self.command(&["serve"])).await;
        let mut posting = JoinSet::new();
        for _ in 0..4 {
            let clients = Arc::clone(&self.clients);
            posting.spawn(clients.post_until_gone(server.base.clone(), self.token.clone()));
        }
        let letters = self.letters();
        for _ in 0..3 + below(60) {
            within(self.clients.answered.notified()).await;
        }
        if moment == Moment::DeadLetter {
            eventually(async || (self.letters() != letters).then_some(())).await;
        }
        if moment == Moment::Stop {
            server.ask_to_stop();
            pass(40).await;
        }
        server.kill().await;
        within(posting.join_all()).await;
    }
}

impl Clients {
    /// Posts batches of five until the server is gone; only what is answered with 200 counts.
    async fn post_until_gone(self: Arc<Self>, base: String, token: String) {
        let client = reqwest::Client::new();
        loop {
            let from = self.next.fetch_add(5, Ordering::Relaxed);
            let logs: Vec<_> = (from..from + 5)
                .map(|number| match number % 40 {
                    0 => record(number, "info", POISON),
                    _ => record(number, "info", "hello"),
                })
                .collect();
            let request = client
                .post(format!("{base}/api/v1/logs"))
                .header("authorization", format!("Bearer {token}"))
                .body(json!({ "logs": logs }).to_string());
            let Ok(response) = request.send().await else {
                return;
            };
            if response.status() == 200 && response.bytes().await.is_ok() {
                let ids = (from..from + 5).map(uid);
                self.acknowledged.lock().unwrap().extend(ids);
                self.answered.notify_one();
            }
        }
    }
}

fn below(bound: usize) -> usize {
    uuid::Uuid::new_v4().as_u128() as usize % bound
}

/// Lets a random part of so many milliseconds pass: not to wait for anything, but so that the kill
/// comes at any moment of them.
async fn pass(millis: usize) {
    tokio::time::sleep(Duration::from_millis(below(millis) as u64)).await;
}

/// What the upstream refuses while it refuses.
const POISON: &str = "poison";
