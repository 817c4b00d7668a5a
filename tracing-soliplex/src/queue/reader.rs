//! The worker's side of a queue: reading, oldest first, and freeing what is stored elsewhere.

use std::fmt;
use std::sync::Arc;

use super::Queue;
use super::cursor::Cursor;
use super::position::Position;

/// By what part the busiest moment counts less with each look: halved in about nine seconds of them.
const BUSIEST_FADES: u64 = 256;

/// The worker's side. There is one to a queue.
pub(crate) struct Reader {
    queue: Arc<Queue>,
    cursor: Cursor,
    /// About how many bytes were lately freed at once, at the most.
    busiest: u64,
}

/// A frame, copied out of the ring.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    /// What was pushed.
    pub(crate) payload: &'a [u8],
}

/// What [`Reader::drain`] handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Drained {
    pub(crate) frames: u64,
    /// Bytes of payload.
    pub(crate) bytes: usize,
    /// Frames that were given up because the process has written over them.
    pub(crate) damaged: u64,
    /// The end of the last frame handed out: what to [`Reader::release`].
    pub(crate) end: Position,
}

impl Reader {
    pub(super) fn new(queue: Arc<Queue>) -> Reader {
        Reader {
            cursor: Cursor::new(&queue.ring),
            queue,
            busiest: 0,
        }
    }

    /// Hands the frames not handed out yet to `each`, oldest first, and keeps them in the ring.
    ///
    /// Stops before `max_bytes` of payload are exceeded, but not before the first frame; at a
    /// frame that some thread is still copying; and when there is nothing more.
    pub(crate) fn drain(&mut self, max_bytes: usize, mut each: impl FnMut(Frame<'_>)) -> Drained {
        let mut bytes = 0;
        self.read(|_, payload| {
            if bytes > 0 && bytes + payload.len() > max_bytes {
                return false;
            }
            bytes += payload.len();
            each(Frame { payload });
            true
        })
    }

    /// Frees the frames that end at `upto` or before and have been handed out.
    ///
    /// To be called when they are durable elsewhere.
    pub(crate) fn release(&mut self, upto: Position) {
        if upto.ring == self.queue.ring.id() {
            let freed = self.cursor.free(&self.queue.ring, upto.at);
            self.busiest = self.busiest.max(freed);
        }
    }

    /// Meets the page faults that the next pushes would meet otherwise, as many of them as there
    /// were lately between two releases.
    ///
    /// To be called now and then while records come in: the kernel writes a page to disk half a
    /// minute after it was first changed, and the next store to it is a fault, which may wait for
    /// the file system's journal.
    pub(crate) fn prepare(&mut self) {
        self.queue.ring.touch(self.busiest);
        self.busiest -= self.busiest / BUSIEST_FADES;
    }

    /// Frees the frames that end at `upto` or before, up to the first that `is_stored` does not
    /// know by its payload, without handing them out, and says how many there were.
    ///
    /// To be called at the start with the position stored beside the records: a process that ended
    /// between storing and [releasing](Reader::release) has left frames that are elsewhere already.
    /// A position of another ring frees nothing.
    pub(crate) fn discard_through(
        &mut self,
        upto: Position,
        is_stored: impl Fn(&[u8]) -> bool,
    ) -> u64 {
        if upto.ring != self.queue.ring.id() {
            return 0;
        }
        let skipped = self.read(|end, payload| end <= upto.at && is_stored(payload));
        self.release(skipped.end);
        skipped.frames
    }

    /// Starts over with the oldest frame that is in the ring now, after another process may have
    /// read and freed what was there. A frame that process did not finish is waited for until the
    /// next start.
    pub(crate) fn rejoin(&mut self) {
        self.queue.ring.finish_starting_over();
        self.cursor = Cursor::new(&self.queue.ring);
    }

    /// Where the next frame to be handed out starts: everything that ends here or before has been.
    pub(crate) fn position(&self) -> Position {
        self.queue.position(self.cursor.at())
    }

    fn read(&mut self, take: impl FnMut(u64, &[u8]) -> bool) -> Drained {
        let read = self.cursor.read(&self.queue.ring, take);
        Drained {
            frames: read.frames,
            bytes: read.bytes,
            damaged: read.damaged,
            end: self.position(),
        }
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("position", &self.position())
            .finish_non_exhaustive()
    }
}
