//! What a telemetry screen binds to: a switch, the endpoint, how delivery is doing, and a test.
//!
//! # Who may change the endpoint
//! It decides where a session's records and its token go. In the field it is therefore what the
//! application was built with: [`TelemetryControl::set_endpoint`] is refused unless this crate was
//! compiled with debug assertions, as in cargo's own debug profile, or with the feature
//! `unlocked-endpoint`. Reading it is always allowed.

use std::fmt;
use std::sync::PoisonError;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use soliplex_wire::Severity;
use tokio::sync::oneshot;

use crate::command::{Command, TestEvent, TestOutcome};
use crate::diagnostics::Stats;
use crate::exporter::http::{Endpoint, EndpointError};
use crate::soliplex::{GRACE, LONGEST, Soliplex};
use crate::start_marker;

/// Whether this build lets the endpoint be set at run time.
const ENDPOINT_IS_SETTABLE: bool = cfg!(any(debug_assertions, feature = "unlocked-endpoint"));

/// The pipeline as the user of a device sees it. Made by [`Soliplex::control`].
///
/// All clones and all others of the same pipeline see and switch the same.
///
/// ```
/// use std::time::Duration;
/// use tracing_soliplex::Soliplex;
///
/// # let soliplex = Soliplex::builder("field-app", "1.4.2").start()?;
/// let control = soliplex.control();
/// let mut screen = control.subscribe();
/// control.set_enabled(false);
/// let shown = screen.changed_timeout(Duration::from_secs(5));
/// assert!(shown.is_some_and(|snapshot| !snapshot.is_enabled));
/// # Ok::<(), tracing_soliplex::StartError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TelemetryControl {
    soliplex: Soliplex,
}

/// What a telemetry screen shows.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TelemetrySnapshot {
    /// Whether anything is captured and sent.
    pub is_enabled: bool,
    /// The URL that records are posted to, if there is one.
    pub endpoint: Option<String>,
    /// Whether [`TelemetryControl::set_endpoint`] is allowed in this build.
    pub endpoint_is_settable: bool,
    /// The counters, what delivery is doing, and the last error.
    pub stats: Stats,
}

/// Tells of each change. Made by [`TelemetryControl::subscribe`].
///
/// While there is one the worker compares its counters at each turn, some twenty times a second.
#[derive(Debug)]
pub struct TelemetrySubscription {
    control: TelemetryControl,
    seen: TelemetrySnapshot,
}

/// Why the endpoint was not set. Holds no part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetEndpointError {
    /// This build keeps the endpoint it was started with.
    #[error("the endpoint is locked in this build: set it where the pipeline is started")]
    Locked,
    /// The endpoint cannot be used.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
}

// === impl TelemetryControl ===

impl TelemetryControl {
    pub(crate) fn new(soliplex: Soliplex) -> TelemetryControl {
        TelemetryControl { soliplex }
    }

    /// Everything a screen shows, as it is now.
    pub fn snapshot(&self) -> TelemetrySnapshot {
        TelemetrySnapshot {
            is_enabled: self.soliplex.is_enabled(),
            endpoint: self.endpoint(),
            endpoint_is_settable: self.endpoint_is_settable(),
            stats: self.soliplex.stats(),
        }
    }

    /// Tells of each change from now on.
    pub fn subscribe(&self) -> TelemetrySubscription {
        self.changes().watch();
        TelemetrySubscription {
            control: self.clone(),
            seen: self.snapshot(),
        }
    }

    /// Switches the pipeline on or off, see [`Soliplex::set_enabled`]. It is for the application to
    /// remember this for its next start.
    pub fn set_enabled(&self, enabled: bool) {
        self.soliplex.set_enabled(enabled);
    }

    /// The URL that records are posted to, if there is one.
    pub fn endpoint(&self) -> Option<String> {
        let endpoint = self.soliplex.inner.endpoint.lock();
        let endpoint = endpoint.unwrap_or_else(PoisonError::into_inner);
        endpoint.as_ref().map(|url| url.as_str().to_owned())
    }

    /// Whether [`set_endpoint`](Self::set_endpoint) is allowed: in debug builds, and with this
    /// crate's feature `unlocked-endpoint`.
    pub fn endpoint_is_settable(&self) -> bool {
        ENDPOINT_IS_SETTABLE
    }

    /// Has everything that is stored and everything that follows posted there, from now on and
    /// until the process ends. The session's token goes there too.
    ///
    /// What the server before had refused or asked for is forgotten; no record is.
    ///
    /// # Errors
    ///
    /// [`SetEndpointError::Locked`] in builds that do not allow it, or why the text is no endpoint.
    /// Then nothing has changed.
    pub fn set_endpoint(&self, url: &str) -> Result<(), SetEndpointError> {
        if !ENDPOINT_IS_SETTABLE {
            return Err(SetEndpointError::Locked);
        }
        let endpoint = Endpoint::parse(url)?;
        let shown = self.soliplex.inner.endpoint.lock();
        let mut shown = shown.unwrap_or_else(PoisonError::into_inner);
        *shown = Some(endpoint.clone());
        // Sent while it is held, so that what is shown is what the worker heard last.
        self.soliplex
            .command(Command::SetEndpoint(endpoint.clone()));
        self.soliplex.inner.connectivity.endpoint_changed(&endpoint);
        drop(shown);
        self.changes().tell();
        Ok(())
    }

    /// Logs a test event and has it delivered at once, with all that waits; says what became of it
    /// as soon as that is known, at `timeout` at the latest.
    pub fn send_test_event(&self, timeout: Duration) -> TestOutcome {
        let (reply, answer) = sync_channel(1);
        let reply = move |outcome| {
            let _ = reply.try_send(outcome);
        };
        if !self.begin_test(timeout, reply) {
            return TestOutcome::NotCaptured;
        }
        answer
            .recv_timeout(timeout.min(LONGEST) + GRACE)
            .unwrap_or_else(|_| self.unanswered())
    }

    /// [`send_test_event`](Self::send_test_event) for asynchronous code; works in any runtime.
    pub async fn send_test_event_async(&self, timeout: Duration) -> TestOutcome {
        let (reply, answer) = oneshot::channel();
        let reply = move |outcome| {
            let _ = reply.send(outcome);
        };
        if !self.begin_test(timeout, reply) {
            return TestOutcome::NotCaptured;
        }
        answer.await.unwrap_or_else(|_| self.unanswered())
    }

    /// Puts a test event into the queue, and has the worker look for it; whether it was captured.
    fn begin_test(
        &self,
        timeout: Duration,
        reply: impl FnOnce(TestOutcome) + Send + 'static,
    ) -> bool {
        let capture = &self.soliplex.inner.capture;
        if !capture.takes() {
            return false;
        }
        let head = capture
            .session
            .head(Severity::Info, capture.clock.unix_nanos());
        let (context, seq) = (head.context, head.seq);
        let pushed = start_marker::push(capture, head, |members| {
            members.attribute("event.name", "test_event");
            members.message("test event");
            capture.session.bound.write(members);
        });
        if pushed.is_err() {
            capture.count_refused(&head);
            return false;
        }
        self.soliplex.command(Command::Test(TestEvent {
            context,
            seq,
            end: capture.queue.end(),
            deadline: tokio::time::Instant::now() + timeout.min(LONGEST),
            reply: Box::new(reply),
        }));
        true
    }

    /// What can be said of a test event when the worker has ended or does not answer.
    fn unanswered(&self) -> TestOutcome {
        TestOutcome::Waiting {
            state: self.soliplex.stats().state,
            reason: "the pipeline has ended, or its store does not answer".to_owned(),
        }
    }

    fn changes(&self) -> &crate::changes::Changes {
        &self.soliplex.inner.capture.diagnostics.changes
    }
}

// === impl TelemetrySubscription ===

impl TelemetrySubscription {
    /// Waits until something is not as it was last seen here, and returns what it is now. Works
    /// in any runtime. Nothing is missed when the future is dropped: the next call sees it.
    pub async fn changed(&mut self) -> TelemetrySnapshot {
        loop {
            let version = self.control.changes().version();
            if let Some(now) = self.look() {
                return now;
            }
            self.control.changes().after(version).await;
        }
    }

    /// [`changed`](Self::changed) for a thread that may wait, at most that long.
    pub fn changed_timeout(&mut self, timeout: Duration) -> Option<TelemetrySnapshot> {
        let deadline = Instant::now() + timeout.min(LONGEST);
        loop {
            let version = self.control.changes().version();
            let left = deadline.saturating_duration_since(Instant::now());
            let now = self.look();
            if now.is_some() || left.is_zero() {
                return now;
            }
            self.control.changes().wait(version, left);
        }
    }

    fn look(&mut self) -> Option<TelemetrySnapshot> {
        let now = self.control.snapshot();
        (now != self.seen).then(|| {
            self.seen = now.clone();
            now
        })
    }
}

impl Drop for TelemetrySubscription {
    fn drop(&mut self) {
        self.control.changes().unwatch();
    }
}

/// An endpoint may hold a key in its query.
impl fmt::Debug for TelemetrySnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TelemetrySnapshot")
            .field("is_enabled", &self.is_enabled)
            .field("has_endpoint", &self.endpoint.is_some())
            .field("endpoint_is_settable", &self.endpoint_is_settable)
            .field("stats", &self.stats)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pipeline in memory that sends nothing.
    fn control() -> TelemetryControl {
        let builder = Soliplex::builder("control-test", "1.0.0");
        let off = builder.panic_hook(crate::PanicHook::Off);
        off.start().unwrap().control()
    }

    // Both sides of the lock are compiled and run by `.ci/run`: the second one with this package's
    // debug assertions off, as in a release build.

    #[cfg(any(debug_assertions, feature = "unlocked-endpoint"))]
    #[test]
    fn the_endpoint_can_be_set_in_a_debug_build_or_with_the_feature() {
        let control = control();
        assert!(control.endpoint_is_settable());
        assert_eq!(control.endpoint(), None);
        assert_eq!(control.set_endpoint("https://ingest.example.org"), Ok(()));
        let expected = "https://ingest.example.org/api/v1/logs";
        assert_eq!(control.snapshot().endpoint.as_deref(), Some(expected));
    }

    #[cfg(not(any(debug_assertions, feature = "unlocked-endpoint")))]
    #[test]
    fn the_endpoint_is_locked_in_a_release_build() {
        let control = control();
        assert!(!control.endpoint_is_settable());
        let refused = control.set_endpoint("https://ingest.example.org");
        assert_eq!(refused, Err(SetEndpointError::Locked));
        assert_eq!(control.snapshot().endpoint, None);
    }

    #[tokio::test]
    async fn a_change_made_by_another_thread_wakes_who_awaits_one() {
        let control = control();
        let mut subscription = control.subscribe();
        let switch = control.clone();
        let switching = std::thread::spawn(move || switch.set_enabled(false));
        while subscription.changed().await.is_enabled {}
        switching.join().unwrap();
    }

    #[test]
    fn no_debug_text_shows_a_key_in_the_endpoint() {
        let inner = control();
        let endpoint = Endpoint::parse("https://ingest.example.org/?key=hunter2").unwrap();
        *inner.soliplex.inner.endpoint.lock().unwrap() = Some(endpoint);
        let subscription = inner.subscribe();
        for text in [
            format!("{:?}", inner.snapshot()),
            format!("{inner:?}"),
            format!("{subscription:?}"),
        ] {
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
}
