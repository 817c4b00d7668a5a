//! What the rules say of a field name, remembered.
//!
//! Names are static, so the verdict on one never changes; matching it against the key rules for
//! every event would cost more than all the rest. The memory is a small table per thread, indexed
//! by the name's address: no lock, nothing to grow, and where too many names meet, they take turns.
//! Being keyed by name rather than by callsite, it serves late records too, which do not
//! know their callsite's metadata.

use std::ptr;

use super::RewriterId;
use crate::{KeyVerdict, Rules};

/// Verdicts by the address and length of a static name.
#[derive(Debug)]
pub(super) struct KeyCache {
    slots: [Option<(Key, Name)>; SLOTS],
}

/// Whose verdict it is, and the address and length of the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    rewriter: RewriterId,
    rules: usize,
    address: usize,
    length: usize,
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
        let sought = Key {
            rewriter,
            rules: ptr::from_ref(rules).addr(),
            address: name.as_ptr().addr(),
            length: name.len(),
        };
        let home = slot_of(sought.address);
        let mut vacant = home;
        for at in home..home + PROBES {
            match self.slots.get(at % SLOTS).and_then(Option::as_ref) {
                Some((key, name)) if *key == sought => return *name,
                Some(_) => {}
                None => {
                    vacant = at;
                    break;
                }
            }
        }
        let learned = Name::learn(rules, name);
        if let Some(slot) = self.slots.get_mut(vacant % SLOTS) {
            *slot = Some((sought, learned));
        }
        learned
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

/// Several times the few dozen field names that an application has on its hot paths.
const SLOTS: usize = 256;

/// Slots in which a name may lie, from its own onwards.
const PROBES: usize = 8;
