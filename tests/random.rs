//! Random choices that can be made again.

use std::time::{SystemTime, UNIX_EPOCH};

/// xorshift64, Marsaglia 2003: enough to choose where a process dies.
#[derive(Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// From `SOLIPLEX_SEED`, else from the clock. The seed is printed, for a failure to be
    /// repeated.
    pub(crate) fn seeded() -> Random {
        let given = std::env::var("SOLIPLEX_SEED").ok();
        let seed = given.and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            now.as_nanos() as u64
        });
        println!("SOLIPLEX_SEED={seed}");
        Random::from_seed(seed)
    }

    pub(crate) fn from_seed(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// From 0 up to, not including, `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }
}
