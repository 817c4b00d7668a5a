//! How large a queue may be.

/// How large a queue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueOptions {
    /// Bytes for frames, 16 bytes of header each included. Rounded up to a power of two between
    /// 256 KiB and 64 MiB.
    pub(crate) capacity_bytes: u64,
}

impl QueueOptions {
    pub(super) fn capacity(self) -> u64 {
        self.capacity_bytes
            .clamp(MIN_CAPACITY_BYTES, MAX_CAPACITY_BYTES)
            .next_power_of_two()
    }
}

impl Default for QueueOptions {
    /// 8 MiB: some sixteen thousand records of 500 bytes, which is two seconds of a busy
    /// application. Two threads that do nothing but log fill it before the first commit has reached
    /// the disk, and what they log is kept as far as it goes: of 50,000 short records a third at
    /// half the size, two thirds at this. It is also little enough for a phone to keep in memory,
    /// and its pages are touched in a few milliseconds at the start.
    fn default() -> QueueOptions {
        QueueOptions {
            capacity_bytes: 8 * 1024 * 1024,
        }
    }
}

/// The smallest ring: in half of it, which is all that DEBUG may fill, the largest frame fits.
const MIN_CAPACITY_BYTES: u64 = 256 * 1024;

/// The largest ring: read whole at each start, in some tens of milliseconds.
pub(super) const MAX_CAPACITY_BYTES: u64 = 64 * 1024 * 1024;
