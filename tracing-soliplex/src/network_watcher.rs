//! Watches the network of a desktop or a server, whose application nobody tells of it.
//!
//! The system tells `netwatcher` of changes to interfaces and addresses; nothing is polled. There
//! is a network while an interface that leads out of the machine has an address that does, and by
//! what the device is connected is guessed from the interface's name. Both guesses err on the side
//! of trying: a server that cannot be reached after all is backed off from.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use netwatcher::{Interface, WatchHandle};

use crate::connectivity::{Connectivity, NetworkKind, can_be_reached};
use crate::exporter::http::Endpoint;
use crate::soliplex::Soliplex;

/// Watches until it is dropped. Made by [`Soliplex::watch_network`].
#[must_use = "dropped, it no longer watches"]
pub struct NetworkWatcher {
    _handle: WatchHandle,
    // After the handle, which may tell once more.
    _watching: Watching,
}

/// While there is one, a watcher tells of the network.
struct Watching(Weak<Connectivity>);

/// The system does not tell of changes of its network.
#[derive(Debug, thiserror::Error)]
#[error("the network cannot be watched")]
pub struct WatchNetworkError(#[source] netwatcher::Error);

impl Soliplex {
    /// Tells how this machine's network is now, and then of each change, as
    /// [`network_changed`](Soliplex::network_changed) does, on a thread of its own: for desktops
    /// and servers. A phone's host knows better, and tells it by itself.
    ///
    /// What the machine is connected by is guessed from the names of its interfaces. It counts as
    /// online while an interface other than those to its own containers and virtual machines has
    /// an address that reaches beyond the next cable; and always where the endpoint is on this
    /// machine itself.
    ///
    /// # Errors
    ///
    /// When the system will not tell.
    ///
    /// ```
    /// # let soliplex = tracing_soliplex::Soliplex::builder("field-app", "1.4.2").start()?;
    /// let watcher = soliplex.watch_network();   // kept as long as it is to watch
    /// # Ok::<(), tracing_soliplex::StartError>(())
    /// ```
    pub fn watch_network(&self) -> Result<NetworkWatcher, WatchNetworkError> {
        // Not the pipeline itself: were the last of it dropped by the watching thread, that would
        // wait for itself.
        let connectivity = Arc::downgrade(&self.inner.connectivity);
        let endpoint = Arc::clone(&self.inner.endpoint);
        let watching = Watching(connectivity.clone());
        let told = netwatcher::watch_interfaces_with_callback(move |update| {
            if let Some(connectivity) = connectivity.upgrade() {
                tell(&connectivity, &endpoint, update.interfaces.values());
            }
        });
        let handle = told.map_err(WatchNetworkError)?;
        Ok(NetworkWatcher {
            _handle: handle,
            _watching: watching,
        })
    }
}

impl fmt::Debug for NetworkWatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NetworkWatcher")
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        if let Some(connectivity) = self.0.upgrade() {
            watched(&connectivity, None);
        }
    }
}

fn watched(connectivity: &Connectivity, kind: Option<NetworkKind>) {
    let watched = connectivity.watched.lock();
    *watched.unwrap_or_else(PoisonError::into_inner) = kind;
}

/// Tells how the network is now that these are the interfaces.
fn tell<'i>(
    connectivity: &Connectivity,
    endpoint: &Mutex<Option<Endpoint>>,
    interfaces: impl Iterator<Item = &'i Interface>,
) {
    let kind = best(interfaces);
    // Held until it is told, so that what is told is true of the endpoint that was set last.
    let endpoint = endpoint.lock().unwrap_or_else(PoisonError::into_inner);
    watched(connectivity, Some(kind));
    connectivity.changed(kind, can_be_reached(endpoint.as_ref(), kind));
}

/// The kind of the interface that most likely leads out.
fn best<'i>(interfaces: impl Iterator<Item = &'i Interface>) -> NetworkKind {
    interfaces
        .filter(|interface| interface.ips.iter().any(|record| leads_out(record.ip)))
        .filter_map(|interface| kind(&interface.name))
        .min_by_key(|kind| PREFERENCE.iter().position(|known| known == kind))
        .unwrap_or(NetworkKind::None)
}

/// Among several ways out, the one a system prefers.
const PREFERENCE: [NetworkKind; 6] = [
    NetworkKind::Ethernet,
    NetworkKind::Wifi,
    NetworkKind::Cellular,
    NetworkKind::Bluetooth,
    NetworkKind::Other,
    NetworkKind::Vpn,
];

/// Whether an address reaches beyond the next cable.
fn leads_out(ip: IpAddr) -> bool {
    let stays = match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_link_local() || ip.is_unspecified(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unspecified(),
    };
    !stays
}

/// What an interface's name says; `None` of those that never leave the machine.
fn kind(name: &str) -> Option<NetworkKind> {
    let name = name.to_ascii_lowercase();
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    if name == "lo" || begins(&INWARD) || is_inward_bridge(&name) {
        return None;
    }
    // Apple calls cables and wireless networks alike `en0`, `en1` and so on.
    let is_apple = cfg!(target_vendor = "apple");
    let (_, kind) = BY_PREFIX
        .iter()
        .find(|(prefixes, _)| begins(prefixes))
        .filter(|(_, kind)| !is_apple || *kind != NetworkKind::Ethernet)
        .unwrap_or(&(&[], NetworkKind::Other));
    Some(*kind)
}

/// Between the machine and what runs on it: loopback, containers, virtual machines.
const INWARD: [&str; 17] = [
    "lo0",
    "loopback",
    "docker",
    "virbr",
    "vboxnet",
    "vmnet",
    "cni",
    "dummy",
    "podman",
    "lxcbr",
    "lxdbr",
    "incusbr",
    "flannel",
    "cali",
    "vethernet (default switch",
    "vethernet (nat",
    "vethernet (wsl",
];

/// A container network's bridge, `br-` and twelve digits, or one end of a container's cable. Not
/// `br-lan`, `br-ex` or a `vEthernet` that somebody made and named, which may be the only way out.
fn is_inward_bridge(name: &str) -> bool {
    let is_bridge = name
        .strip_prefix("br-")
        .is_some_and(|id| id.len() == 12 && id.bytes().all(|digit| digit.is_ascii_hexdigit()));
    is_bridge || (name.starts_with("veth") && !name.starts_with("vethernet"))
}

/// Names of Linux (systemd, Android, ModemManager), Windows and the BSDs.
const BY_PREFIX: [(&[&str], NetworkKind); 5] = [
    (&["wl", "wi-fi", "wifi"], NetworkKind::Wifi),
    (
        &["ww", "rmnet", "cellular", "mobile"],
        NetworkKind::Cellular,
    ),
    (&["bnep", "bluetooth"], NetworkKind::Bluetooth),
    (
        &["tun", "tap", "utun", "wg", "ppp", "ipsec"],
        NetworkKind::Vpn,
    ),
    (&["en", "eth"], NetworkKind::Ethernet),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::breadcrumbs::filter::Filter;
    use crate::soliplex::Inner;
    use netwatcher::IpRecord;

    fn interface(name: &str, ips: &[&str]) -> Interface {
        let record = |ip: &&str| IpRecord {
            ip: ip.parse().unwrap(),
            prefix_len: 24,
        };
        Interface {
            index: 1,
            name: name.to_owned(),
            hw_addr: String::new(),
            ips: ips.iter().map(record).collect(),
        }
    }

    #[test]
    fn a_machine_is_connected_by_what_leads_out_of_it() {
        type Case<'c> = (&'c [(&'c str, &'c [&'c str])], NetworkKind);
        let cases: [Case<'_>; 13] = [
            (&[], NetworkKind::None),
            (&[("lo", &["127.0.0.1", "::1"])], NetworkKind::None),
            (&[("wlp2s0", &["192.168.1.7"])], NetworkKind::Wifi),
            (&[("Wi-Fi", &["192.168.1.7"])], NetworkKind::Wifi),
            (&[("wwan0", &["10.4.0.2"])], NetworkKind::Cellular),
            (&[("bnep0", &["172.20.10.2"])], NetworkKind::Bluetooth),
            (&[("br0", &["192.168.1.7"])], NetworkKind::Other),
            (&[("br-lan", &["192.168.1.7"])], NetworkKind::Other),
            (
                &[("vEthernet (External)", &["192.168.1.7"])],
                NetworkKind::Other,
            ),
            // No lease: nothing but the address a host gives itself.
            (
                &[("wlp2s0", &["169.254.3.4", "fe80::1"])],
                NetworkKind::None,
            ),
            // Bridges to containers and virtual machines are always up.
            (
                &[
                    ("docker0", &["172.17.0.1"]),
                    ("virbr0", &["192.168.122.1"]),
                    ("br-0f3a5c11d2e4", &["172.18.0.1"]),
                    ("veth1a2b3c", &["172.18.0.2"]),
                    ("podman0", &["10.88.0.1"]),
                    ("lxcbr0", &["10.0.3.1"]),
                    ("lxdbr0", &["10.75.4.1"]),
                    ("flannel.1", &["10.244.0.0"]),
                    ("cali12d4a061371", &["10.244.0.1"]),
                    ("vEthernet (Default Switch)", &["172.29.16.1"]),
                    ("vEthernet (WSL (Hyper-V firewall))", &["172.30.0.1"]),
                    ("vEthernet (nat)", &["172.31.0.1"]),
                ],
                NetworkKind::None,
            ),
            (
                &[("utun3", &["fe80::2"]), ("wlan0", &["2001:db8::7"])],
                NetworkKind::Wifi,
            ),
            (
                &[("wg0", &["10.8.0.2"]), ("wlan0", &["192.168.1.7"])],
                NetworkKind::Wifi,
            ),
        ];
        for (interfaces, expected) in cases {
            let listed: Vec<Interface> = interfaces
                .iter()
                .map(|(name, ips)| interface(name, ips))
                .collect();
            assert_eq!(best(listed.iter()), expected, "{interfaces:?}");
        }
    }

    #[test]
    fn each_later_change_is_on_record_and_what_changes_nothing_is_not() {
        let builder = Soliplex::builder("app", "1").endpoint("https://ingest.example.org");
        let builder = builder.panic_hook(crate::PanicHook::Off);
        let soliplex = builder.start().unwrap();
        let Inner {
            connectivity,
            endpoint,
            ..
        } = &*soliplex.inner;
        let wifi = interface("wlan0", &["192.168.1.7"]);
        let container = interface("docker0", &["172.17.0.1"]);
        let without_lease = interface("wlan0", &["fe80::1"]);
        let mobile = interface("wwan0", &["10.4.0.2"]);
        for now in [
            vec![&wifi],
            vec![&wifi, &container],
            vec![&without_lease, &container],
            vec![],
            vec![&mobile],
            vec![&mobile, &wifi],
        ] {
            tell(connectivity, endpoint, now.into_iter());
        }
        let recent = soliplex.inner.capture.breadcrumbs.recent(&Filter::new());
        let told: Vec<&str> = recent
            .iter()
            .rev()
            .map(|record| &*record.breadcrumb.message)
            .collect();
        assert_eq!(
            told,
            [
                "network_changed type=wifi online=true",
                "network_changed type=none online=false",
                "network_changed type=cellular online=true",
                "network_changed type=wifi online=true",
            ]
        );
        assert_eq!(soliplex.stats().captured, 4);
    }

    #[cfg(any(debug_assertions, feature = "unlocked-endpoint"))]
    #[test]
    fn another_endpoint_may_be_reached_where_the_one_before_was_not() {
        let builder = Soliplex::builder("app", "1").endpoint("https://ingest.example.org");
        let soliplex = builder.panic_hook(crate::PanicHook::Off).start().unwrap();
        let Inner {
            connectivity,
            endpoint,
            ..
        } = &*soliplex.inner;
        let control = soliplex.control();
        tell(connectivity, endpoint, [].into_iter());
        for url in ["http://127.0.0.1:9", "https://ingest.example.org"] {
            control.set_endpoint(url).unwrap();
        }
        // Nobody watches any more: what is told next is for the host to say.
        drop(Watching(Arc::downgrade(connectivity)));
        control.set_endpoint("http://127.0.0.1:9").unwrap();
        let recent = soliplex.inner.capture.breadcrumbs.recent(&Filter::new());
        let told: Vec<bool> = recent
            .iter()
            .rev()
            .map(|record| record.breadcrumb.message.ends_with("online=true"))
            .collect();
        assert_eq!(told, [false, true, false]);
    }

    #[test]
    fn what_is_on_this_machine_can_be_reached_without_a_network() {
        for (endpoint, kind, online) in [
            (Some("http://127.0.0.1:4319"), NetworkKind::None, true),
            (Some("http://[::1]:4319"), NetworkKind::None, true),
            (Some("https://ingest.example.org"), NetworkKind::None, false),
            (Some("https://ingest.example.org"), NetworkKind::Wifi, true),
            (None, NetworkKind::None, false),
            (None, NetworkKind::Wifi, true),
        ] {
            let parsed = endpoint.map(|text| Endpoint::parse(text).unwrap());
            let found = can_be_reached(parsed.as_ref(), kind);
            assert_eq!(found, online, "{endpoint:?} {kind}");
        }
    }

    #[test]
    fn a_cable_is_told_from_a_radio_where_names_tell() {
        let expected = if cfg!(target_vendor = "apple") {
            NetworkKind::Other
        } else {
            NetworkKind::Ethernet
        };
        for name in ["enp3s0", "eth0", "Ethernet 2"] {
            assert_eq!(kind(name), Some(expected), "{name}");
        }
    }
}
