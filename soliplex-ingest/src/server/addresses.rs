//! How many connections each address has open.
//!
//! One address that opens all there are would leave none for the rest. Addresses are told apart as
//! the rates are: an IPv6 network of a provider's customer is one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::rate_limit::network;

/// The connections that are open, by address.
#[derive(Debug)]
pub(super) struct Addresses {
    open: Mutex<HashMap<u128, usize>>,
    /// Zero is no limit.
    limit: usize,
}

/// A place that an address has taken; it is free again when this is dropped.
#[derive(Debug)]
#[must_use]
pub(super) struct Place {
    addresses: Arc<Addresses>,
    network: u128,
}

impl Addresses {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Addresses {
            open: Mutex::default(),
            limit,
        })
    }

    /// A place for one more connection; `None` when the address has all it may have.
    pub(super) fn place(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let network = network(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(network).or_default();
        if self.limit > 0 && *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(Place {
            addresses: Arc::clone(self),
            network,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let open = &self.addresses.open;
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                // Only addresses that are here now take memory.
                open.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_at_its_limit_gets_a_place_when_it_gives_one_back() {
        let addresses = Addresses::new(2);
        let first = addresses.place(ip("192.0.2.1"));
        let _second = addresses.place(ip("192.0.2.1")).unwrap();
        assert!(addresses.place(ip("192.0.2.1")).is_none());
        assert!(addresses.place(ip("192.0.2.2")).is_some());
        drop(first);
        assert!(addresses.place(ip("192.0.2.1")).is_some());
    }

    #[test]
    fn a_network_of_ipv6_shares_its_places_and_leaves_no_memory_behind() {
        let addresses = Addresses::new(1);
        let place = addresses.place(ip("2001:db8::1")).unwrap();
        assert!(addresses.place(ip("2001:db8::2")).is_none());
        assert!(addresses.place(ip("2001:db8:0:1::1")).is_some());
        drop(place);
        assert!(addresses.open.lock().unwrap().is_empty());
    }

    #[test]
    fn zero_is_no_limit() {
        let addresses = Addresses::new(0);
        let places: Vec<_> = (0..1000).map(|_| addresses.place(ip("::1"))).collect();
        assert!(places.iter().all(Option::is_some));
    }
}
