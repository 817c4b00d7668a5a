//! Setting the pipeline up: what can be chosen, its defaults, and what can go wrong.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use soliplex_sanitize::Rules;
use soliplex_wire::{AnyValue, Attributes, SpanId, TraceId};
use tracing_core::{Dispatch, span};

use crate::breadcrumbs::BreadcrumbOptions;
use crate::command::Consent;
#[cfg(doc)]
use crate::diagnostics::DiscardReason;
use crate::diagnostics::{Callback, Diagnostic};
use crate::exporter::http::EndpointError;
use crate::lifecycle;
use crate::panic_hook::PanicHook;
use crate::queue::QueueOptions;
use crate::soliplex::LONGEST;
use crate::spool::SpoolOptions;
use crate::trace_context::TraceContextHook;
use crate::worker::{NetworkChecker, TokenProvider};

mod breadcrumbs;

/// How often what is waiting is sent, unless something is urgent.
const FLUSH_INTERVAL: Duration = Duration::from_secs(30);

/// How far the first requests of a fleet that is switched on together are spread.
const STARTUP_JITTER: Duration = Duration::from_secs(1);

/// Sets up a [`Soliplex`](crate::Soliplex). Made by [`Soliplex::builder`](crate::Soliplex::builder).
///
/// Everything is chosen, then [`start`](Builder::start) is called; an application that logs before
/// it has read its configuration calls [`early`](Builder::early) in between.
#[must_use = "nothing is set up before `start`"]
pub struct Builder<Stage = Fresh> {
    pub(crate) stage: Stage,
    pub(crate) service_name: String,
    pub(crate) resource: Attributes,
    pub(crate) store_dir: Option<PathBuf>,
    pub(crate) endpoint: Option<String>,
    pub(crate) roots: Vec<Vec<u8>>,
    pub(crate) token_provider: Option<TokenProvider>,
    pub(crate) network_checker: Option<NetworkChecker>,
    pub(crate) rules: Rules,
    pub(crate) strict: bool,
    pub(crate) user_id: Option<String>,
    pub(crate) session_timeout: Option<Duration>,
    pub(crate) flush_interval: Duration,
    pub(crate) startup_jitter: Duration,
    pub(crate) queue: QueueOptions,
    pub(crate) spool: SpoolOptions,
    pub(crate) breadcrumbs: BreadcrumbOptions,
    pub(crate) panic_hook: PanicHook,
    pub(crate) consent: Consent,
    pub(crate) lifecycle_timeout: Duration,
    pub(crate) releases_files: bool,
    pub(crate) trace_context: Option<TraceContextHook>,
    pub(crate) on_diagnostic: Option<Callback>,
}

/// What a [`Builder`] begins as: everything can be chosen, and nothing is set up.
pub struct Fresh(());

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
    /// The pipeline is [strict](Builder::strict), and its [rules](Builder::rules) change nothing.
    #[error("a strict pipeline needs rules that sanitize")]
    NoRules,
    /// The pipeline is [strict](Builder::strict), and a layer of it that was made before the start is
    /// installed without a sanitizing root.
    #[error("a layer of a strict pipeline has no sanitizing root above it")]
    NoRoot,
    /// The system would not start the worker's thread.
    #[error("the worker's thread could not be started")]
    Thread(#[source] std::io::Error),
}

impl Builder<Fresh> {
    pub(crate) fn new(service_name: &str, service_version: &str) -> Builder {
        let resource = [
            ("service.name", service_name),
            ("service.version", service_version),
        ];
        Builder {
            stage: Fresh(()),
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
            trace_context: TraceContextHook::unless_chosen(),
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

    /// The rules by which values are sanitized; default [`Rules::standard`].
    pub fn rules(mut self, rules: impl Into<Rules>) -> Builder {
        self.rules = rules.into();
        self
    }

    /// Captures nothing unless a sanitizing root is above the export layer. By default the export
    /// layer sanitizes its own copy then, and says so through
    /// [`on_diagnostic`](Builder::on_diagnostic).
    ///
    /// What can be seen at the start is refused there: rules that change nothing
    /// ([`StartError::NoRules`]), and a layer of [`early`](Builder::early) that is installed
    /// without a root ([`StartError::NoRoot`]). A layer made after the start learns of its stack
    /// when it is installed: it then gives up each event, counted as
    /// [`DiscardReason::Unsanitized`].
    pub fn strict(mut self) -> Builder {
        self.strict = true;
        self
    }

    /// Where the application is deployed, as `production`: `deployment.environment.name`.
    pub fn environment(self, name: &str) -> Builder {
        self.resource("deployment.environment.name", name)
    }

    /// Which build of the version it is, as a store or a CI system counts them: `app.build_id`.
    pub fn build_id(self, id: &str) -> Builder {
        self.resource("app.build_id", id)
    }

    /// What the application runs in, as `("flutter", "3.32.5")`: `process.runtime.name` and
    /// `process.runtime.version`. For hosts in other languages.
    pub fn runtime(self, name: &str, version: &str) -> Builder {
        self.resource("process.runtime.name", name)
            .resource("process.runtime.version", version)
    }

    /// Something that is true of the whole process, by its OpenTelemetry name. Sanitized like any
    /// field.
    ///
    /// What can be found out is there already: `os.type`, `os.name`, `os.version`, `host.arch`,
    /// `device.model.identifier`. What is said here wins. `host.arch` is the machine's, not the
    /// program's; one that the system translates, as Rosetta does, is told the one it was built for.
    pub fn resource(mut self, name: impl Into<String>, value: impl Into<AnyValue>) -> Builder {
        self.resource.insert(name, value);
        self
    }

    /// Who is logged in already. See [`Soliplex::set_user`](crate::Soliplex::set_user).
    pub fn user(mut self, user_id: impl Into<String>) -> Builder {
        self.user_id = Some(user_id.into());
        self
    }

    /// Begins another session when a record comes after so long a silence: a new [session
    /// id](crate::Soliplex::session_id), a start marker of its own, numbers from 1. By default a
    /// session lasts as long as the process.
    ///
    /// Silence is when the application logs nothing that a layer of the pipeline is shown,
    /// breadcrumbs included; whether it can be stored or sent does not matter. It is measured to
    /// within two seconds, by a clock that nobody sets, and goes on while the device sleeps.
    pub fn session_timeout(mut self, silence: Duration) -> Builder {
        self.session_timeout = Some(silence.min(LONGEST));
        self
    }

    /// How large the queue is; default 8 MiB. A queue in a file keeps its size while there are records
    /// in it, or a process that has let go of it may come back.
    pub fn queue_bytes(mut self, bytes: u64) -> Builder {
        self.queue.capacity_bytes = bytes;
        self
    }

    /// What becomes of panics; default [`PanicHook::ChainSanitized`].
    pub fn panic_hook(mut self, hook: PanicHook) -> Builder {
        self.panic_hook = hook;
        self
    }

    /// What the user allows at the start; default [`Consent::Granted`]. See
    /// [`Soliplex::set_consent`](crate::Soliplex::set_consent).
    pub fn consent(mut self, consent: Consent) -> Builder {
        self.consent = consent;
        self
    }

    /// How long [`on_paused`](crate::Soliplex::on_paused),
    /// [`on_hidden`](crate::Soliplex::on_hidden), [`on_detached`](crate::Soliplex::on_detached) and
    /// [`on_resumed`](crate::Soliplex::on_resumed) may keep their caller waiting; default 1 s. A
    /// phone gives an application some five seconds to step aside, a person notices one, and
    /// nothing is lost when it does not suffice.
    pub fn lifecycle_timeout(mut self, timeout: Duration) -> Builder {
        self.lifecycle_timeout = timeout.min(LONGEST);
        self
    }

    /// Lets go of all files and their locks when the application is paused or detached, as
    /// [`suspend`](crate::Soliplex::suspend) does, until it is resumed: for systems that kill what
    /// sleeps with a lock in its hand. What is logged in between is counted as discarded.
    pub fn release_files_in_background(mut self) -> Builder {
        self.releases_files = true;
        self
    }

    /// Asks a tracing layer for a span's real trace and span ids, so that records carry them.
    ///
    /// Without it records carry no ids, for none are invented, unless this crate's feature
    /// `tracing-opentelemetry` is on: then the layer of that crate is asked. For another version of
    /// it, ask its `get_otel_context(span, dispatch)`; a layer of one's own is asked in the same way:
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
        self.trace_context = Some(TraceContextHook::new(find));
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
}

/// What can be chosen at any time before the start, after [`early`](Builder::early) too.
impl<Stage> Builder<Stage> {
    /// The ingest server's URL, as `https://ingest.example.org`. Without one records are stored
    /// and not sent.
    pub fn endpoint(mut self, url: impl Into<String>) -> Builder<Stage> {
        self.endpoint = Some(url.into());
        self
    }

    /// Trusts these root certificates too, as PEM text: for servers with a certificate of one's
    /// own.
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Builder<Stage> {
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
    ) -> Builder<Stage> {
        self.token_provider = Some(Box::new(provider));
        self
    }

    /// Says whether there is a network. Asked before each request, on the worker's thread;
    /// default: there is. An application that is told of changes passes them on by
    /// [`network_changed`](crate::Soliplex::network_changed) instead, which has them on record too.
    pub fn network_checker(
        mut self,
        checker: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Builder<Stage> {
        self.network_checker = Some(Box::new(checker));
        self
    }

    /// How often what is waiting is sent; default 30 s. Errors go at once.
    pub fn flush_interval(mut self, interval: Duration) -> Builder<Stage> {
        self.flush_interval = interval.min(LONGEST);
        self
    }

    /// The first request is held back by a random part of this; default 1 s.
    pub fn startup_jitter(mut self, most: Duration) -> Builder<Stage> {
        self.startup_jitter = most.min(LONGEST);
        self
    }

    /// How large the store's file may become; default 10 MB. Beyond it the least severe, oldest
    /// records are given up.
    pub fn max_store_bytes(mut self, bytes: u64) -> Builder<Stage> {
        self.spool.max_bytes = bytes;
        self
    }

    /// How much memory the store may keep its pages in; default 1 MiB, which is as fast as more. With
    /// none, storing takes about four times as long.
    pub fn store_cache_bytes(mut self, bytes: usize) -> Builder<Stage> {
        self.spool.cache_bytes = bytes;
        self
    }

    /// How long an undelivered record is kept; default 30 days, by a wall clock that has not been
    /// set for five minutes.
    pub fn max_age(mut self, age: Duration) -> Builder<Stage> {
        self.spool.max_age = age.min(LONGEST);
        self
    }

    /// The same choices at another stage.
    pub(crate) fn with_stage<Next>(self, stage: Next) -> Builder<Next> {
        Builder {
            stage,
            service_name: self.service_name,
            resource: self.resource,
            store_dir: self.store_dir,
            endpoint: self.endpoint,
            roots: self.roots,
            token_provider: self.token_provider,
            network_checker: self.network_checker,
            rules: self.rules,
            strict: self.strict,
            user_id: self.user_id,
            session_timeout: self.session_timeout,
            flush_interval: self.flush_interval,
            startup_jitter: self.startup_jitter,
            queue: self.queue,
            spool: self.spool,
            breadcrumbs: self.breadcrumbs,
            panic_hook: self.panic_hook,
            consent: self.consent,
            lifecycle_timeout: self.lifecycle_timeout,
            releases_files: self.releases_files,
            trace_context: self.trace_context,
            on_diagnostic: self.on_diagnostic,
        }
    }
}

impl<Stage> fmt::Debug for Builder<Stage> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("service_name", &self.service_name)
            .finish_non_exhaustive()
    }
}
