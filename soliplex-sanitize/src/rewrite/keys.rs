//! What the rules say of a field name, remembered.
//!
//! Names are static, so the verdict on one never changes; matching it against the key rules for
//! every event would cost more than all the rest. The memory is a small table per thread, indexed
//! by the name's address: no lock, nothing to grow, and two names that meet in a slot merely take
//! turns. Being keyed by name rather than by callsite, it serves late records too, which do not
//! know their callsite's metadata.

use std::ptr;

use super::RewriterId;
use crate::{KeyVerdict, Rules};

/// Verdicts by the address and length of a static name.
#[derive(Debug)]
pub(super) struct KeyCache {
    slots: [Option<Slot>; SLOTS],
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    rewriter: RewriterId,
    rules: usize,
    address: usize,
    length: usize,
    name: Name,
}

/// What a name says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    pub(super) verdict: KeyVerdict,
    /// Whether a number with decimals may have to go under this name: it may be a coordinate.
    pub(super) hides_decimals: bool,
}

impl KeyCache {
    pub(super) const fn new() -> KeyCache {
        KeyCache {
            slots: [None; SLOTS],
        }
    }

    /// What `rules` say of the field called `name`.
    ///
    /// They belong to `rewriter` and live as long: it may have several, for its several loggers,
    /// told apart by their addresses.
    pub(super) fn name(&mut self, rules: &Rules, rewriter: RewriterId, name: &'static str) -> Name {
        let (address, length) = (name.as_ptr().addr(), name.len());
        let table = ptr::from_ref(rules).addr();
        let slot = &mut self.slots[slot_of(address)];
        if let Some(known) = slot
            && known.address == address
            && known.length == length
            && known.rewriter == rewriter
            && known.rules == table
        {
            return known.name;
        }
        let said = Name::learn(rules, name);
        *slot = Some(Slot {
            rewriter,
            rules: table,
            address,
            length,
            name: said,
        });
        said
    }
}

impl Name {
    // Out of the way of the look-ups that find what they look for.
    #[cold]
    fn learn(rules: &Rules, name: &str) -> Name {
        let coordinate = format!("{name}={COORDINATE}");
        Name {
            verdict: rules.key(name),
            hides_decimals: !rules.explain(&coordinate).is_empty(),
        }
    }
}

/// The upper bits of a product mix all bits of an address whose lower ones are alike.
fn slot_of(address: usize) -> usize {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    ((address as u64).wrapping_mul(GOLDEN) >> (64 - SLOTS.ilog2())) as usize
}

/// A number of the kind that a name like `lat` turns into a place.
const COORDINATE: &str = "38.889484";

/// Field names in use at one time; an application has a few dozen on its hot paths.
const SLOTS: usize = 64;
