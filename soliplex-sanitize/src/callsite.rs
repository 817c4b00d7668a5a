//! What is known of a callsite, worked out once: its fields' names never change.

use std::fmt;
use std::hash::{Hash as _, Hasher};
use std::sync::OnceLock;

use tracing_core::callsite::Identifier;

/// Callsites remembered: twice those of a large application. Each place takes some words, and what
/// finds none is worked out anew at every event.
const SLOTS: usize = 4096;

/// Slots looked at for one callsite, so that a table that is full costs a bounded time.
const MAX_PROBES: usize = 8;

/// One `T` per callsite, made at its first event and kept.
///
/// Reading waits for nobody: a slot is written once and never again.
pub struct PerCallsite<T> {
    slots: Box<[OnceLock<(Identifier, T)>]>,
}

impl<T> PerCallsite<T> {
    /// Remembers nothing yet.
    pub fn new() -> PerCallsite<T> {
        PerCallsite {
            slots: (0..SLOTS).map(|_| OnceLock::new()).collect(),
        }
    }

    /// What is known of this callsite, made by `make` when it is new; `None` when there is no room
    /// to remember it.
    #[inline]
    pub fn get_or_insert_with(&self, callsite: Identifier, make: impl FnOnce() -> T) -> Option<&T> {
        let place = place(&callsite);
        // The first slot is almost always the right one.
        if let Some((known, value)) = self.slots.get(place)?.get()
            && *known == callsite
        {
            return Some(value);
        }
        self.find_or_insert(place, callsite, make)
    }

    #[cold]
    fn find_or_insert(
        &self,
        place: usize,
        callsite: Identifier,
        make: impl FnOnce() -> T,
    ) -> Option<&T> {
        let mut made = None;
        let mut make = Some(make);
        for probe in 0..MAX_PROBES {
            let slot = self.slots.get((place + probe) % SLOTS)?;
            if slot.get().is_none() {
                // Made before the slot is taken: `make` may log, and come back here.
                let value = made.take().or_else(|| make.take().map(|make| make()))?;
                if let Err((_, value)) = slot.set((callsite.clone(), value)) {
                    made = Some(value);
                }
            }
            match slot.get() {
                Some((known, value)) if *known == callsite => return Some(value),
                _ => {}
            }
        }
        None
    }
}

impl<T> Default for PerCallsite<T> {
    fn default() -> PerCallsite<T> {
        PerCallsite::new()
    }
}

impl<T> fmt::Debug for PerCallsite<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerCallsite").finish_non_exhaustive()
    }
}

/// Where a callsite is looked for first.
#[inline]
fn place(callsite: &Identifier) -> usize {
    let mut address = Address(0);
    callsite.hash(&mut address);
    // Fibonacci hashing; callsites are statics, so the low bits of their addresses say little.
    (address.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % SLOTS
}

/// Takes an identifier's hash, which is its address, as it is.
struct Address(u64);

impl Hasher for Address {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    #[inline]
    fn write_usize(&mut self, address: usize) {
        self.0 ^= address as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_core::{Callsite, Interest, Metadata};

    /// Never registered: only its address is looked at.
    struct Site(#[expect(dead_code)] u8);

    impl Callsite for Site {
        fn set_interest(&self, _: Interest) {}
        fn metadata(&self) -> &Metadata<'_> {
            unreachable!("only the address counts")
        }
    }

    fn sites(count: usize) -> Vec<Identifier> {
        let sites: &'static [Site] = Box::leak((0..count).map(|_| Site(0)).collect());
        sites.iter().map(|site| Identifier(site)).collect()
    }

    #[test]
    fn each_callsite_is_worked_out_once_and_keeps_its_own() {
        let table = PerCallsite::new();
        let sites = sites(500);
        for (number, site) in sites.iter().enumerate() {
            let made = table.get_or_insert_with(site.clone(), || number);
            assert_eq!(made, Some(&number));
        }
        for (number, site) in sites.iter().enumerate() {
            let known = table.get_or_insert_with(site.clone(), || unreachable!());
            assert_eq!(known, Some(&number));
        }
    }

    #[test]
    fn a_full_table_forgets_nobody_and_admits_nobody() {
        let table = PerCallsite::new();
        let sites = sites(3 * SLOTS);
        let kept: Vec<bool> = sites
            .iter()
            .map(|site| table.get_or_insert_with(site.clone(), || ()).is_some())
            .collect();
        assert!(kept.contains(&false));
        for (site, kept) in sites.iter().zip(kept) {
            let found = table.get_or_insert_with(site.clone(), || ()).is_some();
            assert_eq!(found, kept);
        }
    }

    #[test]
    fn what_makes_an_entry_may_look_up_the_same_callsite() {
        let table = PerCallsite::new();
        let site = sites(1).remove(0);
        let found = table.get_or_insert_with(site.clone(), || {
            table.get_or_insert_with(site.clone(), || 1);
            2
        });
        assert_eq!(found, Some(&1));
    }
}
