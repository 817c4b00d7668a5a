//! A place between two frames, to be stored beside the records before it.

/// A place between two frames of one ring.
///
/// Positions of the same ring grow with every frame, restarts included; only a power cut, after which
/// a file is what the kernel had written of it, takes them back. Those of different rings
/// have nothing to do with each other, which the ring's id in them makes sure of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(super) ring: u64,
    pub(super) at: u64,
}

impl Position {
    /// Bytes of a stored position.
    pub(crate) const BYTES: usize = 16;

    /// Whether a frame that ends here has been passed when `other` is reached; false for another
    /// ring's position.
    pub(crate) fn is_reached_by(self, other: Position) -> bool {
        self.ring == other.ring && self.at <= other.at
    }

    /// The form to store: ring, then place, both little-endian.
    pub(crate) fn to_bytes(self) -> [u8; Position::BYTES] {
        let mut bytes = [0; Position::BYTES];
        bytes[..8].copy_from_slice(&self.ring.to_le_bytes());
        bytes[8..].copy_from_slice(&self.at.to_le_bytes());
        bytes
    }

    /// What [`Position::to_bytes`] stored.
    pub(crate) fn from_bytes(bytes: [u8; Position::BYTES]) -> Position {
        let [mut ring, mut at] = [[0; 8]; 2];
        ring.copy_from_slice(&bytes[..8]);
        at.copy_from_slice(&bytes[8..]);
        Position {
            ring: u64::from_le_bytes(ring),
            at: u64::from_le_bytes(at),
        }
    }
}
