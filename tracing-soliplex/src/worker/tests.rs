//! The loop under a clock that only moves when everything waits: hours pass in milliseconds.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use soliplex_sanitize::Rules;
use soliplex_wire::{Answer, Attributes, Envelope, LogRecord, Rejected, Severity};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::*;
use crate::breadcrumbs::BreadcrumbOptions;
use crate::clock::SystemClock;
use crate::command::{Flush, FlushReport};
use crate::diagnostics::{DiscardReason, State};
use crate::exporter::http::Endpoint;
use crate::exporter::{Export, Exporting};
use crate::queue::{QueueOptions, Recovered};
use crate::session::Session;
use crate::spool::{Disk, SpoolOptions};

mod absence;
mod callbacks;
mod consent;
mod ending;
mod host;
mod outage;
mod room;

const HOUR: Duration = Duration::from_secs(3600);

/// A server that answers as it is told, and then accepts everything.
#[derive(Clone, Default)]
struct Server {
    script: Arc<Mutex<VecDeque<ExportOutcome>>>,
    /// What it answers while the script lasts no longer; accepts when there is nothing.
    always: Arc<Mutex<Option<ExportOutcome>>>,
    requests: Arc<Mutex<Vec<Request>>>,
    /// How long each answer takes.
    delay: Arc<Mutex<Duration>>,
}

struct Request {
    at: Instant,
    token: Option<String>,
    records: Vec<LogRecord>,
    accepted: bool,
}

impl Server {
    fn answers(&self, outcomes: impl IntoIterator<Item = ExportOutcome>) {
        self.script.lock().unwrap().extend(outcomes);
    }

    fn answers_always(&self, outcome: Option<ExportOutcome>) {
        *self.always.lock().unwrap() = outcome;
    }

    fn messages(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        let accepted = requests.iter().filter(|request| request.accepted);
        accepted
            .flat_map(|request| request.records.iter().map(|r| r.message.clone()))
            .collect()
    }

    fn times(&self) -> Vec<Instant> {
        self.requests
            .lock()
            .unwrap()
            .iter()
            .map(|request| request.at)
            .collect()
    }

    fn tokens(&self) -> Vec<Option<String>> {
        self.requests
            .lock()
            .unwrap()
            .iter()
            .map(|request| request.token.clone())
            .collect()
    }
}

impl Exporter for Server {
    fn export(&self, export: Export) -> Exporting {
        let scripted = self.script.lock().unwrap().pop_front();
        let outcome = scripted
            .or_else(|| self.always.lock().unwrap().clone())
            .unwrap_or(ExportOutcome::Accepted(Answer::default()));
        let envelope = Envelope::parse(&export.body).unwrap();
        self.requests.lock().unwrap().push(Request {
            at: Instant::now(),
            token: export.token.map(|token| token.expose().to_owned()),
            records: envelope.records.into_iter().map(Result::unwrap).collect(),
            accepted: matches!(
                outcome,
                ExportOutcome::Accepted(_)
                    | ExportOutcome::Unreachable {
                        may_have_arrived: true,
                        ..
                    }
            ),
        });
        let delay = *self.delay.lock().unwrap();
        Box::pin(async move {
            tokio::time::sleep(delay).await;
            outcome
        })
    }
}

/// A pipeline in memory, on the test's own runtime.
struct Pipeline {
    capture: Arc<Capture>,
    commands: UnboundedSender<Command>,
    server: Server,
    /// What the spool is on.
    disk: Disk,
    /// What the callback was told.
    told: Arc<Mutex<Vec<Diagnostic>>>,
}

impl Pipeline {
    fn start() -> Pipeline {
        Pipeline::start_with(|_| {}, SpoolOptions::default())
    }

    fn start_with(change: impl FnOnce(&mut Settings), spool: SpoolOptions) -> Pipeline {
        Pipeline::start_on(None, change, spool)
    }

    /// With the spool in a folder, if there is one.
    fn start_on(
        folder: Option<&Path>,
        change: impl FnOnce(&mut Settings),
        spool: SpoolOptions,
    ) -> Pipeline {
        let disk = Disk::default();
        let (queue, reader) = Queue::memory(QueueOptions::default());
        let session = Arc::new(Session::new("install", &Attributes::new()));
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = Arc::clone(&told);
        let note = move |told: &Diagnostic| tell.lock().unwrap().push(told.clone());
        let diagnostics = Arc::new(Diagnostics::new(Some(Box::new(note))));
        let wake = Arc::new(Wake::default());
        let (breadcrumbs, _) = Breadcrumbs::open(None, BreadcrumbOptions::default());
        let breadcrumbs = Arc::new(breadcrumbs);
        let capture = Arc::new(Capture {
            session: Arc::clone(&session),
            queue: Arc::clone(&queue),
            clock: Arc::clone(&clock),
            diagnostics: Arc::clone(&diagnostics),
            wake: Arc::clone(&wake),
            breadcrumbs: Arc::clone(&breadcrumbs),
            plans: Default::default(),
            enabled: AtomicBool::new(true),
            denied: AtomicBool::new(false),
            withdrawals: AtomicU64::new(0),
            forgotten: AtomicU64::new(0),
            barred: AtomicBool::new(false),
        });
        let server = Server::default();
        let exporter = server.clone();
        let mut settings = Settings {
            service_name: "test".to_owned(),
            endpoint: Some(Endpoint::parse("http://localhost").unwrap()),
            exporter: Box::new(move |_| Ok(Box::new(exporter.clone()))),
            token_provider: None,
            network_checker: None,
            flush_interval: Duration::from_secs(30),
            startup_jitter: Duration::ZERO,
            consent: Consent::Granted,
            seed: 42,
        };
        change(&mut settings);
        let (commands, listen) = tokio::sync::mpsc::unbounded_channel();
        let intake = Intake::new(
            reader,
            session,
            Arc::clone(&clock),
            Arc::clone(&diagnostics),
        );
        let parts = Parts {
            capture: Arc::downgrade(&capture),
            queue,
            intake,
            recovered: Recovered::default(),
            troubles: Vec::new(),
            store: Store {
                path: folder.map(Path::to_owned),
                directory: None,
                refused: None,
                options: spool,
                failures: 0,
                disk: Some(disk.clone()),
            },
            wake,
            breadcrumbs,
            clock,
            diagnostics,
            commands: listen,
            receipts: Receipts::new(Rules::none()),
            settings,
        };
        tokio::task::spawn(async {
            if let Some(stopped) = Worker::start(parts).await {
                stopped();
            }
        });
        Pipeline {
            capture,
            commands,
            server,
            disk,
            told,
        }
    }

    fn log(&self, severity: Severity, message: &str) {
        self.capture
            .record(severity, "test", |_, texts| texts.message.push_str(message));
    }

    fn log_many(&self, count: usize) {
        (0..count).for_each(|index| self.log(Severity::Info, &format!("m{index}")));
    }

    async fn flush(&self, timeout: Duration) -> FlushReport {
        let (reply, report) = oneshot::channel();
        let reply = Box::new(move |report| drop(reply.send(report)));
        let deadline = Instant::now() + timeout;
        self.commands
            .send(Command::Flush(Flush { deadline, reply }))
            .ok()
            .unwrap();
        report.await.unwrap()
    }

    /// Whether the files were let go of.
    async fn suspend(&self) -> bool {
        let (reply, suspended) = oneshot::channel();
        let reply = Box::new(move |done| reply.send(done).unwrap());
        self.commands.send(Command::Suspend(reply)).ok().unwrap();
        suspended.await.unwrap()
    }

    /// The law that holds whenever nothing is under way.
    fn assert_accounted(&self) {
        let stats = self.capture.diagnostics.stats();
        assert_eq!(
            stats.captured + stats.recovered + stats.own,
            stats.delivered + stats.waiting + stats.total_discarded(),
            "{stats:?}"
        );
    }
}

const BUSY: ExportOutcome = ExportOutcome::Busy {
    status: 503,
    retry_after: None,
};

#[tokio::test(start_paused = true)]
async fn a_flush_delivers_everything_logged_before_it_in_order() {
    let pipeline = Pipeline::start();
    pipeline.log_many(250);
    let report = pipeline.flush(HOUR).await;
    assert_eq!((report.delivered, report.waiting), (250, 0));
    let expected: Vec<String> = (0..250).map(|index| format!("m{index}")).collect();
    assert_eq!(pipeline.server.messages(), expected);
    assert_eq!(
        pipeline.server.times().len(),
        3,
        "a hundred records a batch"
    );
    pipeline.assert_accounted();
}

#[tokio::test(start_paused = true)]
async fn ordinary_records_wait_for_the_interval_and_errors_do_not() {
    let pipeline = Pipeline::start();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let start = Instant::now();
    pipeline.log(Severity::Info, "calm");
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(pipeline.server.messages(), [""; 0]);
    pipeline.log(Severity::Error, "boom");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(pipeline.server.messages(), ["calm", "boom"]);
    pipeline.log(Severity::Info, "calm again");
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(pipeline.server.messages().len(), 3);
    assert!(start.elapsed() < Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn an_error_in_a_loop_does_not_storm_the_server() {
    let pipeline = Pipeline::start();
    for _ in 0..1000 {
        pipeline.log(Severity::Error, "again");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let _ = pipeline.flush(HOUR).await;
    let requests = pipeline.server.times().len();
    assert!(requests <= 13, "{requests} requests in ten seconds");
    assert_eq!(pipeline.server.messages().len(), 1000);
}

#[tokio::test(start_paused = true)]
async fn what_the_server_rejects_becomes_a_dead_letter_and_a_told_loss() {
    let pipeline = Pipeline::start();
    let rejected = vec![Rejected {
        index: Some(1),
        id: None,
        reason: "id: expected a UUID".into(),
    }];
    pipeline.server.answers([ExportOutcome::Accepted(Answer {
        rejected,
        ..Answer::default()
    })]);
    pipeline.log_many(3);
    let report = pipeline.flush(HOUR).await;
    assert_eq!(report.delivered, 2);
    assert_eq!(report.discarded, [(DiscardReason::Rejected, 1)]);
    let (reply, letters) = oneshot::channel();
    let reply = Box::new(move |letters| drop(reply.send(letters)));
    pipeline
        .commands
        .send(Command::DeadLetters(reply))
        .ok()
        .unwrap();
    let letters = letters.await.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(
        (
            letters[0].reason.as_str(),
            letters[0].record.message.as_str()
        ),
        ("id: expected a UUID", "m1")
    );
    assert!(
        !format!("{letters:?}").contains("m1"),
        "a record's body does not show in Debug"
    );
    let _ = pipeline.flush(HOUR).await;
    pipeline.assert_accounted();
    assert_eq!(pipeline.capture.diagnostics.stats().own, 1);
}

#[tokio::test(start_paused = true)]
async fn a_flush_reports_at_its_deadline_what_is_left() {
    let pipeline = Pipeline::start();
    pipeline.server.answers_always(Some(BUSY));
    pipeline.log_many(5);
    let start = Instant::now();
    let report = pipeline.flush(Duration::from_secs(2)).await;
    assert!(start.elapsed() <= Duration::from_millis(2_100));
    assert_eq!(
        (report.delivered, report.waiting, report.is_complete()),
        (0, 5, false)
    );
}

#[tokio::test(start_paused = true)]
async fn records_keep_the_user_they_were_captured_under() {
    let pipeline = Pipeline::start();
    for user in [None, Some("ada"), Some("grace"), None] {
        pipeline
            .capture
            .session
            .bound
            .set_user_id(user.map(str::to_owned));
        pipeline.log(Severity::Info, "who");
    }
    pipeline
        .capture
        .session
        .bound
        .set_user_id(Some("somebody else".to_owned()));
    let _ = pipeline.flush(HOUR).await;
    let requests = pipeline.server.requests.lock().unwrap();
    let users: Vec<Option<&str>> = requests
        .iter()
        .flat_map(|r| &r.records)
        .map(|r| r.user_id.as_deref())
        .collect();
    assert_eq!(users, [None, Some("ada"), Some("grace"), None]);
}
