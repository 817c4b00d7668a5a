//! A set of hashes in little more than six bytes each.
//!
//! Thirteen bits of a mark say which of 8,192 sorted shards it is in, and 48 more are kept there;
//! three are left out. A hash table of whole marks would take nine bytes a place, twice as many
//! places as it needs at worst, and for a moment both tables when it grows. A shard grows by an
//! eighth. With two million marks it is a kilobyte and a half, whose half is moved along in less
//! time than the id takes to hash.

/// The marks.
#[derive(Debug)]
pub(super) struct Marks {
    shards: Vec<Vec<Mark>>,
    len: usize,
}

/// The part of a mark that its shard keeps, most significant byte first.
type Mark = [u8; 6];

impl Marks {
    pub(super) fn new() -> Self {
        Marks {
            shards: vec![Vec::new(); SHARDS],
            len: 0,
        }
    }

    /// Adds a mark; `false` when it was there already.
    pub(super) fn insert(&mut self, mark: u64) -> bool {
        let (shard, mark) = self.shard(mark);
        let Err(at) = place(shard, mark) else {
            return false;
        };
        if shard.len() == shard.capacity() {
            shard.reserve_exact(shard.len() / 8 + 4);
        }
        shard.insert(at, mark);
        self.len += 1;
        true
    }

    /// Has the places of marks at hand that are inserted next. What is inserted one by one waits for
    /// the memory one by one; here the processor asks for all of it side by side.
    pub(super) fn look_at(&mut self, marks: &[u64]) {
        let mut seen = 0;
        for mark in marks {
            let (shard, mark) = self.shard(*mark);
            if let Some([byte, ..]) = shard.get(guess(shard.len(), wide(mark))) {
                seen ^= byte;
            }
        }
        std::hint::black_box(seen);
    }

    /// Takes a mark out, if it is there.
    pub(super) fn remove(&mut self, mark: u64) {
        let (shard, mark) = self.shard(mark);
        if let Ok(at) = place(shard, mark) {
            shard.remove(at);
            if shard.capacity() > 2 * shard.len() + 4 {
                shard.shrink_to(shard.len() + 2);
            }
            self.len -= 1;
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn shard(&mut self, mark: u64) -> (&mut Vec<Mark>, Mark) {
        let [.., a, b, c, d, e, f] = (mark >> UNUSED_BITS).to_be_bytes();
        // The highest bits of a 64-bit number always name a shard.
        let shard = (mark >> (u64::BITS - SHARD_BITS)) as usize;
        (&mut self.shards[shard], [a, b, c, d, e, f])
    }
}

/// Where a mark is, or belongs: some eight places from the guess, a step or two of the processor's
/// own, where a search would jump through the shard.
fn place(shard: &[Mark], mark: Mark) -> Result<usize, usize> {
    let mark = wide(mark);
    let (before, after) = shard.split_at(guess(shard.len(), mark).min(shard.len()));
    let larger = before
        .iter()
        .rev()
        .take_while(|other| wide(**other) >= mark);
    let smaller = after.iter().take_while(|other| wide(**other) < mark);
    // One of the two is none, or the shard would not be sorted.
    let at = before.len() - larger.count() + smaller.count();
    match shard.get(at) {
        Some(found) if wide(*found) == mark => Ok(at),
        _ => Err(at),
    }
}

/// The place that a mark's size suggests, since hashes are spread evenly.
fn guess(len: usize, mark: u64) -> usize {
    // A mark is below 2^48 and a shard shorter than 2^16; were it longer, the guess would be worse.
    (mark.wrapping_mul(len as u64) >> 48) as usize
}

fn wide([a, b, c, d, e, f]: Mark) -> u64 {
    u64::from_be_bytes([0, 0, a, b, c, d, e, f])
}

const SHARD_BITS: u32 = 13;
const SHARDS: usize = 1 << SHARD_BITS;
const UNUSED_BITS: u32 = u64::BITS - SHARD_BITS - 48;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn marks_do_what_a_set_does(steps in proptest::collection::vec((any::<bool>(), 0..64_u64, 0..4_u64), 0..400)) {
            let (mut marks, mut model) = (Marks::new(), HashSet::new());
            for (insert, low, high) in steps {
                // Neighbors within a shard, and the first and last shards.
                let mark = low << 3 | high << 62;
                if insert {
                    prop_assert_eq!(marks.insert(mark), model.insert(mark));
                } else {
                    marks.remove(mark);
                    model.remove(&mark);
                }
                prop_assert_eq!(marks.len(), model.len());
            }
        }
    }

    #[test]
    fn marks_that_are_spread_unevenly_are_found_too() {
        let mut marks = Marks::new();
        // One shard with all of its marks at one end, and then some at the other.
        let all: Vec<u64> = (0..300)
            .map(|n| n << 3)
            .chain((0..9).map(|n| (1 << 51) - (n + 1) * 8))
            .collect();
        for mark in &all {
            assert!(marks.insert(*mark), "{mark}");
        }
        for mark in &all {
            assert!(!marks.insert(*mark), "{mark}");
        }
        all.iter().for_each(|mark| marks.remove(*mark));
        assert_eq!(marks.len(), 0);
    }

    #[test]
    fn a_mark_costs_less_than_seven_bytes_and_gives_them_back() {
        let mut marks = Marks::new();
        let mark = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let bytes = |marks: &Marks| -> usize {
            let shards = marks.shards.iter();
            shards
                .map(|shard| shard.capacity() * size_of::<Mark>())
                .sum()
        };
        (0..500_000).for_each(|number| assert!(marks.insert(mark(number))));
        assert!(bytes(&marks) < 7 * 500_000, "{}", bytes(&marks));
        (0..500_000).for_each(|number| marks.remove(mark(number)));
        assert!(
            marks.len() == 0 && bytes(&marks) < 300_000,
            "{}",
            bytes(&marks)
        );
    }
}
