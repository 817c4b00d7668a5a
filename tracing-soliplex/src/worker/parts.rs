//! What the worker is made of, and how delivery is to go about it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

use crate::breadcrumbs::Breadcrumbs;
use crate::capture::Capture;
use crate::clock::Clock;
use crate::command::{Command, Consent};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::exporter::Exporter;
use crate::exporter::http::Endpoint;
use crate::intake::Intake;
use crate::queue::{Queue, Recovered};
use crate::receipt::Receipts;
use crate::store::Store;
use crate::wake::Wake;

/// What the worker needs to start.
pub(crate) struct Parts {
    pub(crate) capture: Weak<Capture>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) intake: Intake,
    pub(crate) recovered: Recovered,
    /// What was wrong with files that others opened.
    pub(crate) troubles: Vec<Diagnostic>,
    pub(crate) store: Store,
    pub(crate) wake: Arc<Wake>,
    pub(crate) breadcrumbs: Arc<Breadcrumbs>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) diagnostics: Arc<Diagnostics>,
    pub(crate) commands: UnboundedReceiver<Command>,
    pub(crate) receipts: Receipts,
    pub(crate) settings: Settings,
}

/// How delivery goes about it; see the builder's methods of the same names.
pub(crate) struct Settings {
    pub(crate) service_name: String,
    /// Where batches go; nowhere without one.
    pub(crate) endpoint: Option<Endpoint>,
    /// Makes the exporter, on the worker's thread.
    pub(crate) exporter: MakeExporter,
    pub(crate) token_provider: Option<TokenProvider>,
    pub(crate) network_checker: Option<NetworkChecker>,
    pub(crate) flush_interval: Duration,
    pub(crate) startup_jitter: Duration,
    pub(crate) consent: Consent,
    /// Makes one device's waits differ from another's.
    pub(crate) seed: u64,
}

pub(crate) type MakeExporter = Box<dyn Fn(&Endpoint) -> Result<Box<dyn Exporter>, String> + Send>;
pub(crate) type TokenProvider = Box<dyn Fn() -> Option<String> + Send + Sync>;
pub(crate) type NetworkChecker = Box<dyn Fn() -> bool + Send + Sync>;
