//! The handle an application holds.

use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use soliplex_sanitize::Rules;
use soliplex_wire::ActiveRun;
use tokio::sync::mpsc::UnboundedSender;

use crate::alias;
use crate::breadcrumbs::filter::Filter;
use crate::breadcrumbs::layer::BreadcrumbLayer;
use crate::breadcrumbs::recent::{Collection, Recent};
use crate::breadcrumbs::subscription::Subscription;
use crate::builder::Builder;
use crate::capture::Capture;
use crate::command::{Command, FlushReport, StoredDeadLetter};
use crate::connectivity::{Connectivity, NetworkKind};
use crate::control::TelemetryControl;
use crate::diagnostics::Stats;
use crate::export_layer::ExportLayer;
use crate::exporter::http::Endpoint;
use crate::flush::flush;
use crate::lifecycle::Told;
use crate::main_thread;
use crate::trace_context::TraceContextHook;

/// The pipeline, from the layers to the server. Clone it freely; all clones are one pipeline.
///
/// Not a guard: dropping it, or forgetting to shut it down, delays what was logged last and loses
/// nothing where there is a store directory: records are stored as they are logged, and the next
/// start delivers them.
#[derive(Clone, Debug)]
pub struct Soliplex {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) capture: Arc<Capture>,
    pub(crate) rules: Rules,
    pub(crate) strict: bool,
    pub(crate) trace_context: Option<TraceContextHook>,
    pub(crate) lifecycle: Told,
    pub(crate) connectivity: Arc<Connectivity>,
    /// Where batches go, to be shown; the worker has its own copy.
    pub(crate) endpoint: Arc<Mutex<Option<Endpoint>>>,
    pub(crate) commands: UnboundedSender<Command>,
}

/// The longest time that is waited for: nobody means more, and an instant has its limits.
pub(crate) const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// What the worker may take beyond a deadline to notice it has passed.
pub(crate) const GRACE: Duration = Duration::from_millis(250);

impl Soliplex {
    /// Begins to set up a pipeline for this application: its OpenTelemetry `service.name` and
    /// `service.version`.
    pub fn builder(service_name: &str, service_version: &str) -> Builder {
        Builder::new(service_name, service_version)
    }

    pub(crate) fn new(inner: Inner) -> Soliplex {
        Soliplex {
            inner: Arc::new(inner),
        }
    }

    /// The layer that hands events to the pipeline. Install it once.
    pub fn export_layer(&self) -> ExportLayer {
        let Inner {
            capture,
            rules,
            strict,
            trace_context,
            ..
        } = &*self.inner;
        ExportLayer::new(
            Arc::clone(capture),
            rules.clone(),
            *strict,
            trace_context.clone(),
        )
    }

    /// The layer that keeps breadcrumbs: what an error carries of the records before it. Install it
    /// once, below the export layer.
    ///
    /// ```
    /// use tracing_soliplex::{Rules, Sanitize as _, Soliplex};
    /// use tracing_subscriber::filter::{LevelFilter, filter_fn};
    /// use tracing_subscriber::{Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _};
    ///
    /// let soliplex = Soliplex::builder("field-app", "1.4.2").start()?;
    /// let _guard = tracing_subscriber::registry()
    ///     .with(soliplex.breadcrumb_layer().with_filter(LevelFilter::DEBUG))
    ///     .with(soliplex.export_layer().with_filter(LevelFilter::INFO))
    ///     .sanitize(&soliplex);
    /// # Ok::<(), tracing_soliplex::StartError>(())
    /// ```
    pub fn breadcrumb_layer(&self) -> BreadcrumbLayer {
        let Inner {
            capture,
            rules,
            strict,
            ..
        } = &*self.inner;
        BreadcrumbLayer::new(Arc::clone(capture), rules.clone(), *strict)
    }

    /// The rules by which values are sanitized.
    pub fn rules(&self) -> &Rules {
        &self.inner.rules
    }

    /// The device's alias: three words for a phone call, as `calm-amber-otter`.
    ///
    /// Made from the installation's id, so that it lasts as long as that and is the same on the
    /// device, on the server and in each record's resource (`soliplex.device.alias`). Among ten
    /// thousand devices some two or three pairs share one.
    pub fn device_alias(&self) -> String {
        alias::of(self.inner.capture.session.install_id())
    }

    /// The session's id: a UUID, new at each start, and after a long silence where the
    /// [builder](Builder::session_timeout) says so.
    pub fn session_id(&self) -> String {
        self.inner.capture.session.session_id().to_string()
    }

    /// Records captured from now on belong to this user, or to nobody. Those captured before keep
    /// theirs.
    pub fn set_user(&self, user_id: Option<&str>) {
        let clean = |id| self.inner.rules.sanitize_id("user.id", id).into_owned();
        self.inner
            .capture
            .session
            .bound
            .set_user_id(user_id.map(clean));
    }

    /// Records captured from now on belong to this run of an agent, in this conversation, or to
    /// none. Those captured before keep theirs.
    ///
    /// ```
    /// # let soliplex = tracing_soliplex::Soliplex::builder("field-app", "1.4.2").start()?;
    /// soliplex.set_active_run(Some(("thread-7", "run-1")));
    /// tracing::info!("asked for the plan");
    /// soliplex.set_active_run(None);
    /// # Ok::<(), tracing_soliplex::StartError>(())
    /// ```
    pub fn set_active_run(&self, thread_and_run: Option<(&str, &str)>) {
        let clean = |name, id| Some(self.inner.rules.sanitize_id(name, id).into_owned());
        let run = thread_and_run.map(|(thread_id, run_id)| ActiveRun {
            thread_id: clean("thread.id", thread_id),
            run_id: clean("run.id", run_id),
        });
        self.inner.capture.session.bound.set_active_run(run);
    }

    /// Switches the pipeline on or off at run time: off, nothing is captured and nothing is sent;
    /// what was stored stays stored.
    pub fn set_enabled(&self, enabled: bool) {
        self.inner.capture.enabled.store(enabled, Ordering::Relaxed);
        self.command(Command::SetEnabled(enabled));
        self.catch_up();
        self.inner.capture.diagnostics.changes.tell();
    }

    /// Whether the pipeline is switched on.
    pub fn is_enabled(&self) -> bool {
        self.inner.capture.enabled.load(Ordering::Relaxed)
    }

    /// Stores what has been logged and lets go of all files and their locks, for a mobile host
    /// that is put to sleep and must hold none. Another process may use the files then, so what is
    /// logged before [`resume`](Soliplex::resume) is not captured but counted as discarded; without
    /// a store directory it stays in memory until then.
    ///
    /// Returns whether that was done within `timeout`. If not, nothing is let go of for longer than
    /// a moment.
    pub fn suspend(&self, timeout: Duration) -> bool {
        let (reply, answer) = sync_channel(1);
        self.command(Command::Suspend(Box::new(move |done| {
            let _ = reply.try_send(done);
        })));
        match answer.recv_timeout(timeout.min(LONGEST)) {
            Ok(done) => done,
            // Too late is not at all: whoever was told so would never resume.
            Err(_) => {
                self.resume();
                false
            }
        }
    }

    /// Takes the files again after [`suspend`](Soliplex::suspend). When another process has taken
    /// them in the meantime, nothing is captured until it lets go.
    pub fn resume(&self) {
        self.resume_then(|| ());
    }

    /// The device is connected by this now, and the server can be reached, or it cannot.
    ///
    /// Each change is a record, `network_changed` with `type` and `online`, so that whoever reads
    /// of a failure sees whether there was a network then; saying the same twice is none. While
    /// there is no network nothing is tried and the [`State`](crate::State) is
    /// [`Offline`](crate::State::Offline); when there is one again, delivery goes on at once, over
    /// connections of its own.
    ///
    /// ```
    /// use tracing_soliplex::{NetworkKind, Soliplex};
    ///
    /// # let soliplex = Soliplex::builder("field-app", "1.4.2").start()?;
    /// soliplex.network_changed(NetworkKind::None, false);
    /// soliplex.network_changed(NetworkKind::Cellular, true);
    /// # Ok::<(), tracing_soliplex::StartError>(())
    /// ```
    pub fn network_changed(&self, kind: NetworkKind, online: bool) {
        self.inner.connectivity.changed(kind, online);
    }

    /// The token has changed, as after a login: delivery asks the provider now.
    pub fn token_changed(&self) {
        self.command(Command::Changed);
    }

    /// What a telemetry screen binds to.
    pub fn control(&self) -> TelemetryControl {
        TelemetryControl::new(self.clone())
    }

    /// The pipeline's counters.
    pub fn stats(&self) -> Stats {
        self.inner.capture.diagnostics.stats()
    }

    /// [Flushes](Soliplex::flush), then ends the pipeline and lets go of its files. What is
    /// logged afterwards is found by the next start where the store is a directory, or by a run that
    /// has started there already; only what is logged at the very moment when that one opens the
    /// queue may be missing.
    /// Without it an `exit` in any thread but the main one is taken for an unclean end.
    ///
    /// While a panic unwinds, as in a guard, it is the panic that the run ended by, unless the process
    /// lives on for ten seconds or begins another pipeline on the directory: then it was caught.
    pub fn shutdown(&self, timeout: Duration) -> FlushReport {
        if main_thread::is_unwound_here() {
            // A guard that goes down with the application: the panic is what ends this run, unless it
            // is caught.
            let Capture { session, clock, .. } = &*self.inner.capture;
            session.run.panicked(clock.moment(), Duration::MAX);
        }
        let (reply, answer) = sync_channel(1);
        let (ended, end) = sync_channel(1);
        let report = move |report| {
            let _ = reply.try_send(report);
        };
        let ended = Box::new(move || {
            let _ = ended.try_send(());
        });
        self.command(Command::Shutdown(flush(timeout, report), ended));
        let report = answer
            .recv_timeout(timeout.min(LONGEST) + GRACE)
            .unwrap_or_else(|_| self.unanswered());
        let _ = end.recv_timeout(GRACE);
        report
    }

    /// The records the server will never take, oldest first; they stay until newer ones take their
    /// place.
    pub fn dead_letters(&self, timeout: Duration) -> Vec<StoredDeadLetter> {
        let (reply, answer) = sync_channel(1);
        let letters = move |letters| {
            let _ = reply.try_send(letters);
        };
        self.command(Command::DeadLetters(Box::new(letters)));
        answer
            .recv_timeout(timeout.min(LONGEST))
            .unwrap_or_default()
    }

    /// The records that the [breadcrumb layer](Soliplex::breadcrumb_layer) has kept, newest first:
    /// what an application shows its user of what it has been doing, or lets them save.
    ///
    /// Those of earlier runs are among them until newer ones take their place.
    ///
    /// ```
    /// use tracing_soliplex::{Filter, Sanitize as _, Severity, Soliplex};
    /// use tracing_subscriber::{layer::SubscriberExt as _, util::SubscriberInitExt as _};
    ///
    /// let soliplex = Soliplex::builder("field-app", "1.4.2").breadcrumbs(2_000).start()?;
    /// let stack = tracing_subscriber::registry().with(soliplex.breadcrumb_layer());
    /// let _guard = tracing::Dispatch::from(stack.sanitize(&soliplex)).set_default();
    ///
    /// tracing::info!(target: "app::router", "opened the map");
    /// tracing::warn!(target: "app::http", "no answer from ada@example.org");
    ///
    /// let recent = soliplex.recent(&Filter::new().at_least(Severity::Warn));
    /// assert_eq!(recent.records[0].breadcrumb.message, "no answer from [EMAIL]");
    /// assert!(recent.to_text().ends_with("WARN   network  app::http: no answer from [EMAIL]\n"));
    /// # Ok::<(), tracing_soliplex::StartError>(())
    /// ```
    pub fn recent(&self, filter: &Filter) -> Recent {
        let collection = self.collection();
        let breadcrumbs = &self.inner.capture.breadcrumbs;
        Recent {
            records: match collection {
                // What is still there will have been wiped in a moment.
                Collection::Denied => Vec::new(),
                _ => breadcrumbs.recent(filter),
            },
            collection,
            skipped: breadcrumbs.skipped(),
        }
    }

    /// The records as they are kept from now on, for a view that follows along.
    ///
    /// ```
    /// # use tracing_soliplex::{Filter, Soliplex, Update};
    /// # let soliplex = Soliplex::builder("field-app", "1.4.2").start()?;
    /// let mut follow = soliplex.subscribe(Filter::new());
    /// for update in &mut follow {
    ///     match update {
    ///         Update::Record(record) => println!("{}", record.breadcrumb.message),
    ///         Update::Missed(count) => println!("... {count} more ..."),
    ///         _ => {}
    ///     }
    /// }
    /// # Ok::<(), tracing_soliplex::StartError>(())
    /// ```
    pub fn subscribe(&self, filter: Filter) -> Subscription {
        Subscription::new(Arc::clone(&self.inner.capture.breadcrumbs), filter)
    }

    /// Overwrites the records kept so far with zeros. Errors from here on carry only what comes
    /// later; what is on its way to the server is not touched.
    pub fn clear_recent(&self) {
        self.inner.capture.breadcrumbs.clear();
    }

    fn collection(&self) -> Collection {
        let capture = &self.inner.capture;
        if capture.denied.load(Ordering::Relaxed) {
            Collection::Denied
        } else if !capture.breadcrumbs.is_collected() {
            Collection::NoLayer
        } else if !capture.takes() {
            Collection::Off
        } else {
            Collection::On
        }
    }

    pub(crate) fn command(&self, command: Command) {
        // A worker that has ended has nothing left to obey.
        let _ = self.inner.commands.send(command);
    }
}

/// A `main` that lets go of its handle goes on, or unwinds: either is good to know.
impl Drop for Soliplex {
    fn drop(&mut self) {
        main_thread::seen();
    }
}

/// Sanitizing by the pipeline's own rules: `.sanitize(&soliplex)`.
impl From<&Soliplex> for Rules {
    fn from(soliplex: &Soliplex) -> Rules {
        soliplex.rules().clone()
    }
}
