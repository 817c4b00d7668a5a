//! Where batches go, and over which connections.

use tokio::time::Instant;

use super::Worker;
use crate::delivery::Pace;
use crate::diagnostics::Diagnostic;
use crate::exporter::http::Endpoint;

impl Worker {
    /// Makes the exporter, with connections of its own.
    pub(super) fn connect(&mut self) {
        let Some(endpoint) = &self.settings.endpoint else {
            return;
        };
        match (self.settings.exporter)(endpoint) {
            Ok(exporter) => self.exporter = Some(exporter),
            Err(error) => self.diagnostics.report(&Diagnostic::Parked { error }),
        }
    }

    /// The application says whether there is a network. A connection through one that is gone
    /// would be waited for until it times out, so what is on its way is called back: it is sent
    /// again, and the server knows the ids.
    pub(super) fn network_changed(&mut self, online: bool, is_another: bool) {
        self.host.set_online(online);
        if is_another || !online {
            self.call_back();
        }
        if online {
            if is_another {
                self.connect();
            }
            let now = Instant::now();
            self.pace.changed(now);
            self.due = now;
        }
        self.publish();
    }

    /// Everything stored goes there from now on. What the one before asked for or refused says
    /// nothing of this one.
    pub(super) fn set_endpoint(&mut self, endpoint: Endpoint) {
        self.settings.endpoint = Some(endpoint);
        self.call_back();
        self.exporter = None;
        self.connect();
        self.pace = Pace::new(self.settings.seed);
        self.host.changed();
        self.due = Instant::now();
        self.remember_pace();
        self.publish();
    }

    /// Waits no longer for the answer to what is on its way.
    fn call_back(&mut self) {
        if self.flying.take().is_some()
            && let Some(hand) = &mut self.hand
        {
            hand.fates.called_back();
        }
    }
}
