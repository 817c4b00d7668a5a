//! What has to be told of a session and found no room in the queue: kept until there is some.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// Start markers and their like, packed, oldest first.
#[derive(Default)]
pub(crate) struct Owed(Mutex<Vec<Vec<u8>>>);

/// The most that is owed: those of a start, and of as many sessions more as nobody begins while
/// a queue is full.
const MAX_OWED: usize = 8;

impl Owed {
    /// Keeps a record of ours until there is room for it; `false` when too many are kept already.
    pub(crate) fn owe(&self, packed: Vec<u8>) -> bool {
        // Not waited for: a thread that panics may be the one that holds it.
        let mut owed = match self.0.try_lock() {
            Ok(owed) => owed,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        let has_room = owed.len() < MAX_OWED;
        if has_room {
            owed.push(packed);
        }
        has_room
    }

    /// Hands over what is owed, oldest first, until one is not taken; how many were.
    pub(crate) fn pay(&self, mut takes: impl FnMut(&[u8]) -> bool) -> u64 {
        let mut owed = self.lock();
        let paid = owed.iter().take_while(|packed| takes(packed)).count();
        owed.drain(..paid);
        paid as u64
    }

    /// As it is held while something is paid, to see who waits for it.
    #[cfg(test)]
    pub(crate) fn hold(&self) -> impl Drop {
        self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows how many, never what they say.
impl fmt::Debug for Owed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Owed").field(&self.lock().len()).finish()
    }
}
