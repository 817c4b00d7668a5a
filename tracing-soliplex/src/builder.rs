//! Setting the pipeline up: what can be chosen, its defaults, and what can go wrong.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use soliplex_sanitize::Rules;
use soliplex_wire::{AnyValue, Attributes, SpanId, TraceId};
use tracing_core::{Dispatch, span};

use crate::breadcrumbs::BreadcrumbOptions;
use crate::capture::Capture;
use crate::clock::{Clock, SystemClock};
use crate::command::Consent;
use crate::connectivity::Connectivity;
use crate::diagnostics::{Callback, Diagnostic, Diagnostics};
use crate::export_layer::TraceContextHook;
use crate::exporter::Exporter;
use crate::exporter::http::{Endpoint, EndpointError, HttpExporter};
use crate::install;
use crate::intake::Intake;
use crate::lifecycle::{self, Told};
use crate::panic_hook::{self, PanicHook};
use crate::queue::{Queue, QueueOptions, Reader, Recovered};
use crate::resource;
use crate::run::{self, Found, Run};
use crate::session::Session;
use crate::soliplex::{Inner, LONGEST, Soliplex};
use crate::spool::{Directory, OpenError, SpoolOptions};
use crate::start_marker;
use crate::store::Store;
use crate::wake::Wake;
use crate::worker::{self, NetworkChecker, Parts, Settings, TokenProvider};

mod breadcrumbs;

/// How often what is waiting is sent, unless something is urgent.
const FLUSH_INTERVAL: Duration = Duration::from_secs(30);

/// How far the first requests of a fleet that is switched on together are spread.
const STARTUP_JITTER: Duration = Duration::from_secs(1);

/// The queue's file in the store directory.
const RING: &str = "queue.ring";

/// Sets up a [`Soliplex`]. Made by [`Soliplex::builder`].
#[must_use = "nothing is set up before `start`"]
pub struct Builder {
    service_name: String,
    resource: Attributes,
    store_dir: Option<PathBuf>,
    endpoint: Option<String>,
    roots: Vec<Vec<u8>>,
    token_provider: Option<TokenProvider>,
    network_checker: Option<NetworkChecker>,
    rules: Rules,
    strict: bool,
    user_id: Option<String>,
    session_timeout: Option<Duration>,
    flush_interval: Duration,
    startup_jitter: Duration,
    queue: QueueOptions,
    spool: SpoolOptions,
    breadcrumbs: BreadcrumbOptions,
    panic_hook: PanicHook,
    consent: Consent,
    lifecycle_timeout: Duration,
    releases_files: bool,
    trace_context: Option<TraceContextHook>,
    on_diagnostic: Option<Callback>,
}

/// Why the pipeline could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The endpoint cannot be used.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// A root certificate is not PEM.
    #[error("a root certificate cannot be read: give PEM text")]
    RootCertificate(#[source] reqwest::Error),
    /// Another process keeps its records in the store directory.
    #[error("the store directory is in use: give each process a directory of its own")]
    StoreInUse(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The system would not start the worker's thread.
    #[error("the worker's thread could not be started")]
    Thread(#[source] std::io::Error),
}

impl Builder {
    pub(crate) fn new(service_name: &str, service_version: &str) -> Builder {
        let resource = [
            ("service.name", service_name),
            ("service.version", service_version),
            ("os.type", std::env::consts::OS),
            ("host.arch", std::env::consts::ARCH),
        ];
        Builder {
            service_name: service_name.to_owned(),
            resource: resource.into_iter().collect(),
            store_dir: None,
            endpoint: None,
            roots: Vec::new(),
            token_provider: None,
            network_checker: None,
            rules: Rules::standard(),
            strict: false,
            user_id: None,
            session_timeout: None,
            flush_interval: FLUSH_INTERVAL,
            startup_jitter: STARTUP_JITTER,
            queue: QueueOptions::default(),
            spool: SpoolOptions::default(),
            breadcrumbs: BreadcrumbOptions::default(),
            panic_hook: PanicHook::default(),
            consent: Consent::default(),
            lifecycle_timeout: lifecycle::TIMEOUT,
            releases_files: false,
            trace_context: None,
            on_diagnostic: None,
        }
    }

    /// Where records are kept until they are delivered. Without one they are kept in memory, and
    /// end with the process.
    ///
    /// The directory belongs to one process at a time. It is made if need be.
    pub fn store_dir(mut self, directory: impl AsRef<Path>) -> Builder {
        self.store_dir = Some(directory.as_ref().to_owned());
        self
    }

    /// The ingest server's URL, as `https://ingest.example.org`. Without one records are stored
    /// and not sent.
    pub fn endpoint(mut self, url: impl Into<String>) -> Builder {
        self.endpoint = Some(url.into());
        self
    }

    /// Trusts these root certificates too, as PEM text: for servers with a certificate of one's
    /// own.
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Builder {
        self.roots.push(pem.into());
        self
    }

    /// Gives the session's token. Asked before each request, on the worker's thread.
    ///
    /// `None` means that nobody is logged in: records are stored and wait. Without a provider
    /// requests are made without a token.
    pub fn token_provider(
        mut self,
        provider: impl Fn() -> Option<String> + Send + Sync + 'static,
    ) -> Builder {
        self.token_provider = Some(Box::new(provider));
        self
    }

    /// Says whether there is a network. Asked before each request, on the worker's thread;
    /// default: there is. An application that is told of changes passes them on by
    /// [`network_changed`](Soliplex::network_changed) instead, which has them on record too.
    pub fn network_checker(
        mut self,
        checker: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Builder {
        self.network_checker = Some(Box::new(checker));
        self
    }

    /// The rules by which values are sanitized; default [`Rules::standard`].
    pub fn rules(mut self, rules: impl Into<Rules>) -> Builder {
        self.rules = rules.into();
        self
    }

    /// Captures nothing unless a sanitizing root is above the export layer. By default the export
    /// layer sanitizes its own copy then, and says so through [`on_diagnostic`](Builder::on_diagnostic).
    pub fn strict(mut self) -> Builder {
        self.strict = true;
        self
    }

    /// Something that is true of the whole process, by its OpenTelemetry name, as
    /// `deployment.environment.name`. Sanitized like any field.
    pub fn resource(mut self, name: impl Into<String>, value: impl Into<AnyValue>) -> Builder {
        self.resource.insert(name, value);
        self
    }

    /// Who is logged in already. See [`Soliplex::set_user`].
    pub fn user(mut self, user_id: impl Into<String>) -> Builder {
        self.user_id = Some(user_id.into());
        self
    }

    /// Begins another session when a record comes after so long a silence: a new
    /// [session id](Soliplex::session_id), a start marker of its own, numbers from 1. By default a
    /// session lasts as long as the process.
    ///
    /// The wall clock decides, which goes on while the device sleeps.
    pub fn session_timeout(mut self, silence: Duration) -> Builder {
        self.session_timeout = Some(silence.min(LONGEST));
        self
    }

    /// How often what is waiting is sent; default 30 s. Errors go at once.
    pub fn flush_interval(mut self, interval: Duration) -> Builder {
        self.flush_interval = interval.min(LONGEST);
        self
    }

    /// The first request is held back by a random part of this; default 1 s.
    pub fn startup_jitter(mut self, most: Duration) -> Builder {
        self.startup_jitter = most.min(LONGEST);
        self
    }

    /// How large the store's file may become; default 10 MB. Beyond it the least severe, oldest
    /// records are given up.
    pub fn max_store_bytes(mut self, bytes: u64) -> Builder {
        self.spool.max_bytes = bytes;
        self
    }

    /// How long an undelivered record is kept; default 30 days.
    pub fn max_age(mut self, age: Duration) -> Builder {
        self.spool.max_age = age.min(LONGEST);
        self
    }

    /// How large the queue is; default 4 MiB.
    pub fn queue_bytes(mut self, bytes: u64) -> Builder {
        self.queue.capacity_bytes = bytes;
        self
    }

    /// What becomes of panics; default [`PanicHook::ChainSanitized`].
    pub fn panic_hook(mut self, hook: PanicHook) -> Builder {
        self.panic_hook = hook;
        self
    }

    /// What the user allows at the start; default [`Consent::Granted`]. See [`Soliplex::set_consent`].
    pub fn consent(mut self, consent: Consent) -> Builder {
        self.consent = consent;
        self
    }

    /// How long [`on_paused`](Soliplex::on_paused), [`on_hidden`](Soliplex::on_hidden),
    /// [`on_detached`](Soliplex::on_detached) and [`on_resumed`](Soliplex::on_resumed) may keep
    /// their caller waiting; default 1 s. A phone gives an application some five seconds to step
    /// aside, a person notices one, and nothing is lost when it does not suffice.
    pub fn lifecycle_timeout(mut self, timeout: Duration) -> Builder {
        self.lifecycle_timeout = timeout.min(LONGEST);
        self
    }

    /// Lets go of all files and their locks when the application is paused or detached, as
    /// [`suspend`](Soliplex::suspend) does, until it is resumed: for systems that kill what sleeps
    /// with a lock in its hand. What is logged in between is counted as discarded.
    pub fn release_files_in_background(mut self) -> Builder {
        self.releases_files = true;
        self
    }

    /// Asks a tracing layer for a span's real trace and span ids, so that records carry them.
    ///
    /// Without it records carry no ids: none are invented. With tracing-opentelemetry, ask its
    /// `get_otel_context(span, dispatch)`; a layer of one's own is asked in the same way:
    ///
    /// ```
    /// # use tracing_soliplex::{Soliplex, SpanId, TraceId};
    /// # fn my_trace_of(_: &tracing_core::span::Id) -> ([u8; 16], [u8; 8]) { ([1; 16], [2; 8]) }
    /// let builder = Soliplex::builder("field-app", "1.4.2").trace_context(|span, _dispatch| {
    ///     let (trace_id, span_id) = my_trace_of(span);
    ///     Some((TraceId::from_bytes(trace_id)?, SpanId::from_bytes(span_id)?))
    /// });
    /// ```
    pub fn trace_context(
        mut self,
        find: impl Fn(&span::Id, &Dispatch) -> Option<(TraceId, SpanId)> + Send + Sync + 'static,
    ) -> Builder {
        self.trace_context = Some(TraceContextHook(Arc::new(find)));
        self
    }

    /// Is told of the pipeline's own troubles, on the worker's thread. It must not block, and
    /// what it logs is not captured.
    pub fn on_diagnostic(
        mut self,
        callback: impl Fn(&Diagnostic) + Send + Sync + 'static,
    ) -> Builder {
        self.on_diagnostic = Some(Box::new(callback));
        self
    }

    /// Starts the pipeline: takes the store directory, maps the queue, starts the worker. The
    /// store itself is opened by the worker, so this returns within milliseconds.
    ///
    /// # Errors
    ///
    /// [`StartError`], for what only the application's owner can mend. A disk that cannot be
    /// written is no error: records then stay in the queue's file until the store can be opened, or
    /// in memory where there is no file, and [`on_diagnostic`](Builder::on_diagnostic) is told.
    pub fn start(mut self) -> Result<Soliplex, StartError> {
        let endpoint = self.endpoint.as_deref().map(Endpoint::parse).transpose()?;
        let exporter = self.exporter()?;
        let diagnostics = Arc::new(Diagnostics::new(self.on_diagnostic.take()));
        let (directory, refused) = self.take_directory()?;
        let (queue, reader, recovered) = self.open_queue(directory.is_some());
        let (breadcrumbs, previous) = self.open_breadcrumbs(directory.is_some());
        if let Some(trouble) = &previous.trouble {
            diagnostics.note_error(trouble.clone());
        }
        let (run, found) = self.open_run(directory.is_some());
        let session = Arc::new(self.session(run));

        let wake = Arc::new(Wake::default());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let capture = Arc::new(Capture {
            session: Arc::clone(&session),
            queue: Arc::clone(&queue),
            clock: Arc::clone(&clock),
            diagnostics: Arc::clone(&diagnostics),
            wake: Arc::clone(&wake),
            breadcrumbs: Arc::clone(&breadcrumbs),
            enabled: AtomicBool::new(true),
            denied: AtomicBool::new(self.consent == Consent::Denied),
            barred: AtomicBool::new(false),
        });
        start_marker::begin_run(&capture, &found, &previous);
        let intake = Intake::new(
            reader,
            session,
            Arc::clone(&clock),
            Arc::clone(&diagnostics),
        );
        let (commands, listen) = tokio::sync::mpsc::unbounded_channel();
        worker::spawn(Parts {
            capture: Arc::downgrade(&capture),
            queue,
            intake,
            recovered,
            store: Store {
                path: self.store_dir.filter(|_| directory.is_some()),
                directory,
                refused,
                options: self.spool,
            },
            wake,
            breadcrumbs,
            clock,
            diagnostics,
            commands: listen,
            rules: self.rules.clone(),
            settings: Settings {
                service_name: self.service_name,
                endpoint: endpoint.clone(),
                exporter,
                token_provider: self.token_provider,
                network_checker: self.network_checker,
                flush_interval: self.flush_interval,
                startup_jitter: self.startup_jitter,
                consent: self.consent,
                seed: capture.session.context(),
            },
        })
        .map_err(StartError::Thread)?;
        panic_hook::install(self.panic_hook, &capture, &self.rules);
        Ok(Soliplex::new(Inner {
            connectivity: Arc::new(Connectivity::new(Arc::clone(&capture), commands.clone())),
            endpoint: Mutex::new(endpoint),
            lifecycle: Told::new(self.lifecycle_timeout, self.releases_files),
            capture,
            rules: self.rules,
            strict: self.strict,
            trace_context: self.trace_context,
            commands,
        }))
    }

    fn exporter(&self) -> Result<worker::MakeExporter, StartError> {
        let mut roots = Vec::new();
        for pem in &self.roots {
            let bundle = reqwest::Certificate::from_pem_bundle(pem);
            roots.extend(bundle.map_err(StartError::RootCertificate)?);
        }
        Ok(Box::new(move |endpoint| {
            match HttpExporter::try_new(endpoint.clone(), roots.clone()) {
                Ok(exporter) => Ok(Box::new(exporter) as Box<dyn Exporter>),
                Err(error) => Err(format!(
                    "no TLS to send with: {}",
                    crate::store::chain(&error)
                )),
            }
        }))
    }

    /// The folder, or why there is none, for the worker to report: the callback is its to call.
    fn take_directory(&self) -> Result<(Option<Directory>, Option<String>), StartError> {
        let Some(path) = &self.store_dir else {
            return Ok((None, None));
        };
        match Directory::open(path) {
            Ok(directory) => Ok((Some(directory), None)),
            Err(error @ OpenError::Held { .. }) => Err(StartError::StoreInUse(Box::new(error))),
            Err(error) => Ok((None, Some(crate::store::chain(&error)))),
        }
    }

    fn open_queue(&self, in_directory: bool) -> (Arc<Queue>, Reader, Recovered) {
        match &self.store_dir {
            Some(path) if in_directory => Queue::open(&path.join(RING), self.queue),
            _ => {
                let (queue, reader) = Queue::memory(self.queue);
                (queue, reader, Recovered::default())
            }
        }
    }

    /// The run's marker, and what the run before left there.
    fn open_run(&self, in_directory: bool) -> (Run, Found) {
        match &self.store_dir {
            Some(path) if in_directory => Run::open(&path.join(run::FILE)),
            _ => (Run::unmarked(), Found::Nothing),
        }
    }

    fn session(&self, run: Run) -> Session {
        let install_id = install::id(self.store_dir.as_deref());
        let session = Session::begin(
            &install_id,
            &resource::sanitized(&self.resource, &self.rules),
            run,
            self.session_timeout,
        );
        let user_id = self.user_id.as_deref();
        session
            .bound
            .set_user_id(user_id.map(|id| self.rules.sanitize_value("user.id", id).into_owned()));
        session
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("service_name", &self.service_name)
            .finish_non_exhaustive()
    }
}
