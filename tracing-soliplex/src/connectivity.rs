//! The network, as the application tells of it: each change is a record, and decides whether
//! anything is sent.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc::UnboundedSender;

use crate::capture::Capture;
use crate::command::Command;
use crate::exporter::http::Endpoint;

/// What a device is connected by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NetworkKind {
    /// A wireless network.
    Wifi,
    /// A mobile network.
    Cellular,
    /// A cable.
    Ethernet,
    /// A telephone or a tablet nearby.
    Bluetooth,
    /// A tunnel, where no more is known.
    Vpn,
    /// Something else, or something that is not known.
    Other,
    /// Nothing.
    None,
}

impl NetworkKind {
    /// The word for it in records.
    pub const fn as_str(self) -> &'static str {
        match self {
            NetworkKind::Wifi => "wifi",
            NetworkKind::Cellular => "cellular",
            NetworkKind::Ethernet => "ethernet",
            NetworkKind::Bluetooth => "bluetooth",
            NetworkKind::Vpn => "vpn",
            NetworkKind::Other => "other",
            NetworkKind::None => "none",
        }
    }
}

impl fmt::Display for NetworkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The logger of a change's record; breadcrumbs of it are of the category `network`.
const LOGGER: &str = "Connectivity";

/// What is known of the network, shared by all who tell of it.
#[derive(Debug)]
pub(crate) struct Connectivity {
    capture: Arc<Capture>,
    commands: UnboundedSender<Command>,
    known: Mutex<Known>,
    /// By what the device is connected, as a watcher has it that knows nothing of the endpoint.
    pub(crate) watched: Mutex<Option<NetworkKind>>,
}

#[derive(Debug, Default)]
struct Known {
    now: Option<Network>,
    /// What the last record said.
    recorded: Option<Network>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    kind: NetworkKind,
    online: bool,
}

impl Connectivity {
    pub(crate) fn new(capture: Arc<Capture>, commands: UnboundedSender<Command>) -> Connectivity {
        Connectivity {
            capture,
            commands,
            known: Mutex::default(),
            watched: Mutex::default(),
        }
    }

    /// The network is like this now.
    pub(crate) fn changed(&self, kind: NetworkKind, online: bool) {
        let network = Network { kind, online };
        // Held until both are told, so that of two threads that tell of different networks the
        // last one counts for the record and for delivery alike.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.now == Some(network) {
            return;
        }
        let is_another = known.now.replace(network).is_some();
        self.record(&mut known);
        // A worker that has ended has nothing left to send.
        let _ = self.commands.send(Command::Network { online, is_another });
    }

    /// Records go there from now on, which may be reached where the one before was not, if it is a
    /// watcher that tells of the network.
    pub(crate) fn endpoint_changed(&self, endpoint: &Endpoint) {
        let watched = *self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kind) = watched {
            self.changed(kind, can_be_reached(Some(endpoint), kind));
        }
    }

    /// Something is captured again: what changed meanwhile is told now.
    pub(crate) fn catch_up(&self) {
        self.record(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// As it is held while a change is told, to see who waits for it.
    #[cfg(test)]
    pub(crate) fn hold(&self) -> impl Drop {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, known: &mut Known) {
        let Some(network) = known.now.filter(|_| known.now != known.recorded) else {
            return;
        };
        let Network { kind, online } = network;
        let breadcrumb = format!("network_changed type={kind} online={online}");
        let write = |members: &mut soliplex_wire::encode::Members<'_>| {
            members.attribute("type", kind.as_str());
            members.attribute("online", online);
        };
        let capture = &self.capture;
        if capture.tell(LOGGER, "network_changed", &breadcrumb, write) {
            known.recorded = Some(network);
        }
    }
}

/// Whether records can be sent there from a machine that is connected like this.
pub(crate) fn can_be_reached(endpoint: Option<&Endpoint>, kind: NetworkKind) -> bool {
    kind != NetworkKind::None || endpoint.is_some_and(Endpoint::is_local)
}
