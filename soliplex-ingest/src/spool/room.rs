//! Whether there is room for one more batch: in the spool's bound, and on the disk.
//!
//! redb does not give pages back to the disk when what was on them goes; it writes the next batches
//! there. So a file that has been drained has room of its own, and a disk at its headroom, whoever
//! filled it, refuses nothing that the file can take.

use super::Refusal;
use crate::config::Limits;

/// The bounds.
#[derive(Debug)]
pub(super) struct Room {
    spool_bytes: u64,
    headroom_bytes: u64,
}

/// How much the disk has left, and how much of it the file has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Space {
    /// Bytes free on the disk.
    pub(crate) free: u64,
    /// Bytes of the disk behind the file.
    pub(crate) file: u64,
}

impl Room {
    pub(super) fn new(limits: &Limits) -> Self {
        Room {
            spool_bytes: limits.spool_bytes,
            headroom_bytes: limits.disk_headroom_bytes,
        }
    }

    /// Why there is no room for `more` bytes beside those that wait and the ids that are
    /// remembered. `space` is `None` where the system does not tell.
    pub(super) fn lacks(
        &self,
        more: u64,
        waiting: u64,
        ids: u64,
        space: impl FnOnce() -> Option<Space>,
    ) -> Option<Refusal> {
        if waiting.saturating_add(more) > self.spool_bytes {
            return Some(Refusal::Full);
        }
        let space = space()?;
        let used = SHARE.saturating_mul(waiting.saturating_add(ids.saturating_mul(ID_BYTES)));
        let in_file = space.file.saturating_sub(used.saturating_add(OWN_BYTES));
        let growth = more.saturating_sub(in_file);
        (growth > 0 && space.free < self.headroom_bytes.saturating_add(growth))
            .then_some(Refusal::DiskFull)
    }
}

/// Bytes of the file per byte kept in it, at most: redb gives a value pages of a power of two, and
/// writes anew before it frees. What waits is counted before compression, so this is cautious.
const SHARE: u64 = 2;

/// Bytes of an id on disk.
const ID_BYTES: u64 = 16;

/// Bytes of the file that redb needs for itself.
const OWN_BYTES: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn a_batch_is_refused_for_the_bound_or_for_growth_into_the_headroom() {
        let room = Room {
            spool_bytes: 100 * MIB,
            headroom_bytes: 10 * MIB,
        };
        let space = |free, file| {
            Some(Space {
                free: free * MIB,
                file: file * MIB,
            })
        };
        let (full, disk) = (Some(Refusal::Full), Some(Refusal::DiskFull));
        for (waiting, space, expected) in [
            (99, space(20, 0), None),
            (100, space(20, 0), full),
            (0, None, None),
            // The last byte above the headroom, and the first within it.
            (0, space(11, 0), None),
            (0, space(10, 0), disk),
            // A drained file takes it without growing, a full one does not.
            (0, space(0, 5), None),
            (30, space(0, 64), disk),
            (29, space(0, 64), None),
        ] {
            let found = room.lacks(MIB, waiting * MIB, 0, || space);
            assert_eq!(found, expected, "{waiting} {space:?}");
        }
        // A million ids take their part of the file.
        assert_eq!(room.lacks(MIB, 0, 1_000_000, || space(0, 20)), disk);
    }
}
