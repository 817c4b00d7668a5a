//! From what was chosen to a pipeline that runs, in two steps: the files are opened and records
//! are taken in ([`Builder::early`]), then the worker begins to store and send them
//! ([`Builder::start`]). What an application logs while it still reads its configuration lies in
//! the queue in between, which is as much of a promise as it is later: it outlives the process.

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};

use soliplex_sanitize::Rules;
use soliplex_wire::Attributes;

use crate::alias;
use crate::breadcrumbs;
use crate::breadcrumbs::layer::BreadcrumbLayer;
use crate::builder::{Builder, Fresh, StartError};
use crate::capture::Capture;
use crate::clock::SystemClock;
use crate::command::Consent;
use crate::connectivity::Connectivity;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::end_of_main;
use crate::export_layer::ExportLayer;
use crate::exporter::Exporter;
use crate::exporter::http::{Endpoint, HttpExporter};
use crate::install;
use crate::intake::Intake;
use crate::lifecycle::Told;
use crate::panic_hook;
use crate::queue::{Queue, Reader, Recovered};
use crate::receipt::Receipts;
use crate::resource;
use crate::run::{self, Found, Run};
use crate::session::Session;
use crate::soliplex::{Inner, Soliplex};
use crate::spool::{Directory, OpenError};
use crate::start_marker;
use crate::store::{self, Store};
use crate::wake::Wake;
use crate::worker::{self, MakeExporter, Parts, Settings};

#[cfg(test)]
mod tests;
mod withdrawn;

/// The queue's file in the store directory.
const RING: &str = "queue.ring";

/// What takes records in although its start was refused, and its folder, which nobody else may have
/// as long as it does: an application may crash for want of a pipeline, and that is to be told of.
/// One, until another is begun.
static REFUSED: Mutex<Option<(Arc<Capture>, Option<Directory>)>> = Mutex::new(None);

/// What a [`Builder`] becomes by [`Builder::early`]: its files are open, it takes in records, and
/// how they are delivered can still be chosen.
pub struct Early {
    capture: Arc<Capture>,
    directory: Option<Directory>,
    refused: Option<String>,
    /// What is to be told of the other files, on the worker's thread.
    troubles: Vec<Diagnostic>,
    reader: Reader,
    recovered: Recovered,
    /// What the run before has left in its marker.
    found: Found,
    receipts: Receipts,
}

impl Builder<Fresh> {
    /// Takes in records from now on, before it is known where they go.
    ///
    /// Opens the store directory, begins the session and installs the panic hook; reads no
    /// configuration, makes no thread, asks for no network. What is logged is kept in the queue,
    /// which is bounded ([`queue_bytes`](Builder::queue_bytes)); what does not fit is counted, by
    /// severity. [`start`](Builder::start) delivers it, and when the application does not get that
    /// far, the next start on the directory does: a crash at the very start is told of too. Only
    /// what has a [`store_dir`](Builder::store_dir) outlives a crash.
    ///
    /// ```
    /// use tracing_soliplex::{Sanitize as _, Soliplex};
    /// use tracing_subscriber::layer::SubscriberExt as _;
    /// use tracing_subscriber::util::SubscriberInitExt as _;
    ///
    /// # fn read_configuration() -> Option<String> { None }
    /// let early = Soliplex::builder("field-app", "1.4.2").early()?;
    /// tracing_subscriber::registry()
    ///     .with(early.export_layer())
    ///     .sanitize(&early)
    ///     .init();
    ///
    /// tracing::info!("reading the configuration");
    /// let early = match read_configuration() {
    ///     Some(endpoint) => early.endpoint(endpoint),
    ///     None => early,
    /// };
    /// let soliplex = early.start()?;
    /// assert_eq!(soliplex.stats().captured, 1);
    /// # Ok::<(), tracing_soliplex::StartError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StartError::StoreInUse`] and [`StartError::NoRules`].
    pub fn early(mut self) -> Result<Builder<Early>, StartError> {
        if self.strict && self.rules.is_none() {
            return Err(StartError::NoRules);
        }
        replace_refused(None);
        // First, so that it tells what is sanitized from here on.
        let receipts = Receipts::new(self.rules.clone());
        let diagnostics = Arc::new(Diagnostics::new(self.on_diagnostic.take()));
        let (mut directory, mut refused) = self.take_directory()?;
        let asked = self.store_dir.clone();
        if directory.is_none() {
            self.store_dir = None;
        }
        let mut troubles = Vec::new();
        let (mut run, mut found) = self.open_run(&mut troubles);
        let withdrawn = self.finish_wipe(&run, directory.as_ref());
        if let Err(error) = &withdrawn {
            // What cannot be deleted must not be sent either: this run leaves it alone.
            refused = Some(store::chain(error));
            (directory, self.store_dir) = (None, None);
            (run, found) = (Run::unmarked(), Found::Nothing);
        }
        let (queue, mut reader, recovered) = self.open_queue(&found);
        let (breadcrumbs, mut previous) = self.open_breadcrumbs();
        if let Some(error) = &previous.trouble {
            troubles.push(trouble(breadcrumbs::FILE, error.clone()));
        }
        if let Ok(Some(stored)) = withdrawn {
            let queued = (&*queue, &mut reader);
            troubles.extend(withdrawn::empty(stored, queued, &breadcrumbs, &diagnostics));
            previous = breadcrumbs::Previous::default();
        }
        // A directory that can be read and no more still knows whose it is.
        let install_id = install::id(asked.as_deref(), found.install_id());
        let capture = Arc::new(Capture {
            session: Arc::new(self.session(&install_id, run)),
            queue,
            clock: Arc::new(SystemClock),
            diagnostics,
            wake: Arc::new(Wake::default()),
            breadcrumbs,
            plans: Default::default(),
            enabled: AtomicBool::new(true),
            denied: AtomicBool::new(self.consent == Consent::Denied),
            withdrawals: AtomicU64::new(0),
            forgotten: AtomicU64::new(0),
            barred: AtomicBool::new(false),
        });
        start_marker::begin_run(&capture, &found, &previous);
        end_of_main::watch(&capture);
        panic_hook::install(self.panic_hook, &capture, &self.rules);
        Ok(self.with_stage(Early {
            capture,
            directory,
            refused,
            troubles,
            reader,
            recovered,
            found,
            receipts,
        }))
    }

    /// Starts the pipeline: takes the store directory, maps the queue, starts the worker. The
    /// store itself is opened by the worker, so this returns within milliseconds.
    ///
    /// # Errors
    ///
    /// [`StartError`], for what only the application's owner can mend. A disk that cannot be
    /// written is no error: records then stay in the queue's file until the store can be opened, or
    /// in memory where there is no file, and [`on_diagnostic`](Builder::on_diagnostic) is told.
    pub fn start(self) -> Result<Soliplex, StartError> {
        // First, so that nothing has begun when the endpoint is refused.
        let target = self.target()?;
        self.early()?.run(target)
    }

    /// The folder, or why there is none, for the worker to report: the callback is its to call.
    fn take_directory(&self) -> Result<(Option<Directory>, Option<String>), StartError> {
        let Some(path) = &self.store_dir else {
            return Ok((None, None));
        };
        match Directory::open(path) {
            Ok(directory) => Ok((Some(directory), None)),
            Err(error @ OpenError::Held { .. }) => Err(StartError::StoreInUse(Box::new(error))),
            Err(error) => Ok((None, Some(store::chain(&error)))),
        }
    }

    fn open_queue(&self, found: &Found) -> (Arc<Queue>, Reader, Recovered) {
        match &self.store_dir {
            Some(path) if found.sleeps() => Queue::open_beside(&path.join(RING), self.queue),
            Some(path) => Queue::open(&path.join(RING), self.queue),
            None => {
                let (queue, reader) = Queue::memory(self.queue);
                (queue, reader, Recovered::default())
            }
        }
    }

    /// The run's marker, and what the run before left there.
    fn open_run(&self, troubles: &mut Vec<Diagnostic>) -> (Run, Found) {
        let Some(path) = &self.store_dir else {
            return (Run::unmarked(), Found::Nothing);
        };
        let (run, found) = Run::open(&path.join(run::FILE));
        let (found, error) = match found {
            Ok(Found::Unreadable) => (
                Found::Unreadable,
                "it was damaged, or of another version".to_owned(),
            ),
            Ok(found) => return (run, found),
            Err(error) => (Found::Unreadable, store::chain(&error)),
        };
        troubles.push(trouble(run::FILE, error));
        (run, found)
    }

    fn session(&self, install_id: &str, run: Run) -> Session {
        let resource = self.clean_resource(install_id);
        let session = Session::begin(install_id, &resource, run, self.session_timeout);
        let user_id = self.user_id.as_deref();
        session
            .bound
            .set_user_id(user_id.map(|id| self.rules.sanitize_id("user.id", id).into_owned()));
        session
    }

    /// What was found, and over it what was said, sanitized.
    fn clean_resource(&self, install_id: &str) -> Attributes {
        let mut resource = resource::found();
        for (name, value) in self.resource.iter() {
            resource.insert(name, value.clone());
        }
        let mut resource = resource::sanitized(&resource, &self.rules);
        resource.insert(alias::ATTRIBUTE, alias::of(install_id));
        resource
    }
}

impl Builder<Early> {
    /// The layer that hands events to the pipeline. Install it once, here or after the start.
    pub fn export_layer(&self) -> ExportLayer {
        ExportLayer::new(
            Arc::clone(&self.stage.capture),
            self.rules.clone(),
            self.strict,
            self.trace_context.clone(),
        )
    }

    /// The layer that keeps breadcrumbs. Install it once, here or after the start.
    pub fn breadcrumb_layer(&self) -> BreadcrumbLayer {
        let capture = Arc::clone(&self.stage.capture);
        BreadcrumbLayer::new(capture, self.rules.clone(), self.strict)
    }

    /// Starts the worker, which stores and delivers what was logged so far and from now on.
    ///
    /// # Errors
    ///
    /// [`StartError`]. The layers go on taking in records then as long as there is room, and so does
    /// the panic hook, which for that holds on to the store directory until the process ends or
    /// begins another pipeline. The next start finds the records and tells how the run ended.
    pub fn start(self) -> Result<Soliplex, StartError> {
        let diagnostics = &self.stage.capture.diagnostics;
        let refused = self.strict && diagnostics.is_stack_unsanitized();
        let target = match refused {
            true => Err(StartError::NoRoot),
            false => self.target(),
        };
        match target {
            Ok(target) => self.run(target),
            Err(error) => {
                replace_refused(Some((self.stage.capture, self.stage.directory)));
                Err(error)
            }
        }
    }

    fn run(self, target: Target) -> Result<Soliplex, StartError> {
        let Target { endpoint, exporter } = target;
        let (commands, listen) = tokio::sync::mpsc::unbounded_channel();
        let Early {
            capture,
            directory,
            refused,
            troubles,
            reader,
            recovered,
            found,
            receipts,
        } = self.stage;
        let mut intake = Intake::new(
            reader,
            Arc::clone(&capture.session),
            Arc::clone(&capture.clock),
            Arc::clone(&capture.diagnostics),
        );
        intake.follows(&found);
        let kept = directory.clone();
        let parts = Parts {
            capture: Arc::downgrade(&capture),
            queue: Arc::clone(&capture.queue),
            intake,
            recovered,
            troubles,
            store: Store {
                path: self.store_dir,
                directory,
                refused,
                options: self.spool,
                failures: 0,
                #[cfg(test)]
                disk: None,
            },
            wake: Arc::clone(&capture.wake),
            breadcrumbs: Arc::clone(&capture.breadcrumbs),
            clock: Arc::clone(&capture.clock),
            diagnostics: Arc::clone(&capture.diagnostics),
            commands: listen,
            receipts,
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
        };
        match worker::spawn(parts) {
            Ok(()) => Ok(Soliplex::new(Inner {
                connectivity: Arc::new(Connectivity::new(Arc::clone(&capture), commands.clone())),
                endpoint: Arc::new(Mutex::new(endpoint)),
                lifecycle: Told::new(self.lifecycle_timeout, self.releases_files),
                capture,
                rules: self.rules,
                strict: self.strict,
                trace_context: self.trace_context,
                commands,
            })),
            Err(error) => {
                replace_refused(Some((capture, kept)));
                Err(StartError::Thread(error))
            }
        }
    }
}

/// Sanitizing by the pipeline's own rules: `.sanitize(&early)`.
impl From<&Builder<Early>> for Rules {
    fn from(early: &Builder<Early>) -> Rules {
        early.rules.clone()
    }
}

fn replace_refused(refused: Option<(Arc<Capture>, Option<Directory>)>) {
    let mut kept = REFUSED.lock().unwrap_or_else(PoisonError::into_inner);
    let before = std::mem::replace(&mut *kept, refused);
    // Dropped when the lock is not held any more: it lets go of files.
    drop(kept);
    drop(before);
}

fn trouble(file: &str, error: String) -> Diagnostic {
    Diagnostic::FileUnavailable {
        file: file.to_owned(),
        error,
    }
}

/// Where records go.
struct Target {
    endpoint: Option<Endpoint>,
    exporter: MakeExporter,
}

impl<Stage> Builder<Stage> {
    fn target(&self) -> Result<Target, StartError> {
        let endpoint = self.endpoint.as_deref().map(Endpoint::parse).transpose()?;
        let mut roots = Vec::new();
        for pem in &self.roots {
            let bundle = reqwest::Certificate::from_pem_bundle(pem);
            roots.extend(bundle.map_err(StartError::RootCertificate)?);
        }
        let exporter: MakeExporter = Box::new(move |endpoint| {
            match HttpExporter::try_new(endpoint.clone(), roots.clone()) {
                Ok(exporter) => Ok(Box::new(exporter) as Box<dyn Exporter>),
                Err(error) => Err(format!("no TLS to send with: {}", store::chain(&error))),
            }
        });
        Ok(Target { endpoint, exporter })
    }
}
