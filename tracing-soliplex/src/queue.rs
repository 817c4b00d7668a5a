//! The hand-over from the threads that log to the worker: a bounded ring of frames that outlives
//! the process.
//!
//! # What it promises
//! - A record whose [`push`](Queue::push) has returned is found by the next start, however the
//!   process ended: SIGKILL, `abort`, a segfault, the out-of-memory killer. The ring lies in a
//!   shared mapping of a file, and the pages belong to the kernel, not to the process. No fsync
//!   happens here, so after a power cut or a kernel crash only what the kernel had written by
//!   itself is found; what must survive that is in the spool.
//! - A push makes no system call, allocates nothing, and waits for nobody. It does write to memory
//!   that a file is behind: the first write to a page after the kernel has written that page to
//!   disk, which it does every half minute or so, costs a page fault. They are few, because an
//!   empty ring [starts over](ring) at its front, and the worker meets most of them first
//!   ([`Reader::prepare`]). All pages are touched at the start, and none needs
//!   room on the disk, which was taken when the file was made.
//! - A push that did not return leaves nothing or a torn frame. The next start steps over it,
//!   counts it, and finds all others. It never hands out a frame that was not pushed.
//! - Nothing leaves the ring before the worker says that it is elsewhere ([`Reader::release`]);
//!   what leaves it is overwritten with zeros. A frame that a crash brings back all the same has a
//!   [`Position`] that the spool has seen ([`Reader::discard_through`]).
//! - [`Queue::open`] always gives a ring: in memory if the file cannot be had, and [`Recovered`]
//!   says why.
//!
//! # Bounds
//! | what | how much | why |
//! |---|---|---|
//! | capacity | 8 MiB, set by [`QueueOptions`] | [`QueueOptions::default`] |
//! | … at least, at most | 256 KiB, 64 MiB | a frame of the largest size in half of it; no start reads more |
//! | a frame's payload | 64 KiB | the limit of a record |
//! | what a lane may fill | 50, 75, 90, 100 % | [`Lane`] |
//! | files set aside | 1 | the newest; older ones are overwritten |
//!
//! # Who writes what
//! Any thread pushes. The one [`Reader`] reads and frees. A file belongs to one process, which
//! holds its lock. A forked child that logs pushes into its parent's ring, and its frames arrive
//! there whole; but its records go by the parent's session and by numbers, and so ids, that the
//! parent gives out too, of which the server keeps one. A child that is to be heard starts a
//! pipeline of its own, in a directory of its own. (One killed in the middle of a push, some hundred
//! nanoseconds, leaves a frame that is never published: the parent's reader waits there until the
//! next start.)
//!
//! # The file
//! One page of prefix, then the frames. Words are 64 bits in the machine's order.
//! ```text
//! word 0      "SPLXRING"
//!      1      version of the layout: 3
//!      2      capacity in bytes, a power of two
//!      3      id: random, new with each file
//!      4      CRC-32 of words 1–3
//!      16     tail; bit 0: the ring is starting over
//!      32     head      33      released
//!      512 –  frames
//! ```
//! [`frame`] describes a frame, [`ring`] how they are written, [`recovery`] how they are found
//! again. A change to any of it is a new version. A file of another version, of another size than
//! it was made with, or with a damaged prefix is not read: it is renamed, a fresh one is made, and
//! [`Recovered`] reports it. There is no migration, because a ring holds what was logged in the
//! last seconds before a process ended, and an upgrade follows a process that ended in order.
//!
//! # How it is tested
//! `cargo test -p tracing-soliplex queue` runs it against a naive model, kills it between any two
//! stores, damages its file, kills a real process, and explores the interleavings of two pushing
//! threads and the reader under the memory model. `cargo +nightly fuzz run ring` opens files that
//! were changed or made up. The one `unsafe`, in [`map`](crate::map), runs under AddressSanitizer
//! with
//! ```text
//! RUSTFLAGS=-Zsanitizer=address cargo +nightly test -p tracing-soliplex --lib \
//!     --target x86_64-unknown-linux-gnu queue -- --skip interleavings
//! ```
//! (what is skipped never frees the stacks it explores on, which the sanitizer calls a leak).
//! `cargo bench -p soliplex-benches --bench queue` measures a push.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use uuid::Uuid;

use crate::map::Memory;
use ring::{PREFIX_WORDS, Ring};
use word::WORD_BYTES;

mod copy;
mod cursor;
mod file;
mod frame;
mod lane;
mod options;
mod position;
mod reader;
mod recovery;
mod ring;
#[cfg(test)]
mod tests;
mod word;

pub(crate) use file::{Fallback, SetAside};
pub(crate) use lane::Lane;
pub(crate) use options::QueueOptions;
pub(crate) use position::Position;
pub(crate) use reader::Reader;
pub(crate) use ring::{Pushed, Refused};

/// No position reaches this: at a gigabyte a second it would take a century.
const MAX_POSITION: u64 = 1 << 62;

/// The producers' side, shared by all threads that log.
pub(crate) struct Queue {
    ring: Ring<Memory>,
    /// Frames refused, by lane, because the ring was full and because they were too large.
    full: [AtomicU64; Lane::COUNT],
    too_large: [AtomicU64; Lane::COUNT],
    /// Keeps the lock on the ring's file; none when the ring is in memory.
    file: Option<File>,
    /// Where the file was asked for, whether it could be had or not.
    path: Option<PathBuf>,
}

/// What an opened queue brought along.
#[derive(Debug, Default)]
#[must_use]
pub(crate) struct Recovered {
    /// Frames that are lost because their push was interrupted or their bytes have changed.
    pub(crate) torn: u64,
    /// A file that was of no use. How many frames were in it is not known.
    pub(crate) set_aside: Option<SetAside>,
    /// Why the ring is in memory. None if it is not, or was not to be in a file.
    pub(crate) fallback: Option<Fallback>,
}

/// Pushes that were refused since the queue was opened, by [`Lane::index`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct QueueCounts {
    /// Because the lane's share was in use.
    pub(crate) full: [u64; Lane::COUNT],
    /// Because of their size.
    pub(crate) too_large: [u64; Lane::COUNT],
}

/// How much of a queue is in use, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fill {
    pub(crate) used: u64,
    pub(crate) capacity: u64,
}

// === impl Queue ===

impl Queue {
    /// The queue in the file at `path`, with what an earlier process left in it.
    ///
    /// A new file is readable by its owner alone. Nothing that goes wrong keeps the caller from
    /// getting a queue.
    pub(crate) fn open(path: &Path, options: QueueOptions) -> (Arc<Queue>, Reader, Recovered) {
        Queue::open_file(path, options, false)
    }

    /// The same where a process that sleeps may have the file mapped, and go on writing to it: a
    /// ring that is there keeps its capacity, and so its file.
    pub(crate) fn open_beside(
        path: &Path,
        options: QueueOptions,
    ) -> (Arc<Queue>, Reader, Recovered) {
        Queue::open_file(path, options, true)
    }

    fn open_file(
        path: &Path,
        options: QueueOptions,
        as_it_is: bool,
    ) -> (Arc<Queue>, Reader, Recovered) {
        match file::open(path, options.capacity(), as_it_is) {
            Ok(opened) => {
                let recovered = Recovered {
                    torn: opened.found.torn,
                    set_aside: opened.set_aside,
                    fallback: None,
                };
                let (queue, reader) =
                    Queue::over(opened.ring, Some(opened.file), Some(path.to_owned()));
                (queue, reader, recovered)
            }
            Err(fallback) => {
                let (queue, reader) = Queue::in_memory(options, Some(path.to_owned()));
                let recovered = Recovered {
                    fallback: Some(fallback),
                    ..Recovered::default()
                };
                (queue, reader, recovered)
            }
        }
    }

    /// A queue in plain memory, which ends with the process.
    pub(crate) fn memory(options: QueueOptions) -> (Arc<Queue>, Reader) {
        Queue::in_memory(options, None)
    }

    fn in_memory(options: QueueOptions, path: Option<PathBuf>) -> (Arc<Queue>, Reader) {
        let words = PREFIX_WORDS + (options.capacity() / WORD_BYTES) as usize;
        Queue::over(Ring::format(Memory::heap(words), new_id()), None, path)
    }

    fn over(ring: Ring<Memory>, file: Option<File>, path: Option<PathBuf>) -> (Arc<Queue>, Reader) {
        let queue = Arc::new(Queue {
            ring,
            full: Default::default(),
            too_large: Default::default(),
            file,
            path,
        });
        let reader = Reader::new(Arc::clone(&queue));
        (queue, reader)
    }

    /// Copies the payload into a frame.
    ///
    /// # Errors
    /// [`Refused`] if the lane's share of the ring is in use or the payload exceeds 64 KiB; counted.
    #[inline]
    pub(crate) fn push(&self, lane: Lane, payload: &[u8]) -> Result<Pushed, Refused> {
        self.ring.push(lane, payload).inspect_err(|refused| {
            let counts = match refused {
                Refused::Full => &self.full,
                Refused::TooLarge => &self.too_large,
            };
            counts[lane.index()].fetch_add(1, Relaxed);
        })
    }

    /// How much is in use: frames not released yet, whether read or not.
    pub(crate) fn fill(&self) -> Fill {
        Fill {
            used: self.ring.fill(),
            capacity: self.ring.capacity(),
        }
    }

    /// The end of the newest frame: every push that has returned ends here or before.
    pub(crate) fn end(&self) -> Position {
        self.position(self.ring.tail())
    }

    /// Whether the ring outlives the process.
    pub(crate) fn is_durable(&self) -> bool {
        self.file.is_some()
    }

    /// Deletes the file that was set aside, if there is one: it may hold records.
    ///
    /// # Errors
    /// When it cannot be deleted.
    pub(crate) fn delete_set_aside(&self) -> std::io::Result<()> {
        self.path.as_deref().map_or(Ok(()), file::delete_set_aside)
    }

    /// Lets go of the file's lock, for a host that must hold none while it sleeps. The mapping
    /// stays, and another process may use the file: nothing may be pushed before
    /// [`relock`](Queue::relock), and the reader then has to [rejoin](Reader::rejoin).
    ///
    /// # Errors
    /// When the system says so.
    pub(crate) fn unlock(&self) -> std::io::Result<()> {
        self.file.as_ref().map_or(Ok(()), File::unlock)
    }

    /// Takes the file's lock again.
    ///
    /// # Errors
    /// When somebody else has it, or has put another file in its place: what is pushed then would
    /// be found by nobody.
    pub(crate) fn relock(&self) -> std::io::Result<()> {
        let (Some(file), Some(path)) = (&self.file, &self.path) else {
            return Ok(());
        };
        file.try_lock()?;
        if !file::is_at(file, path)? {
            file.unlock()?;
            return Err(std::io::Error::other(
                "another version has replaced the queue's file: start the application again",
            ));
        }
        Ok(())
    }

    pub(crate) fn counts(&self) -> QueueCounts {
        let load = |count: &AtomicU64| count.load(Relaxed);
        QueueCounts {
            full: self.full.each_ref().map(load),
            too_large: self.too_large.each_ref().map(load),
        }
    }

    fn position(&self, at: u64) -> Position {
        Position {
            ring: self.ring.id(),
            at,
        }
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("fill", &self.fill())
            .field("counts", &self.counts())
            .field("durable", &self.is_durable())
            .finish_non_exhaustive()
    }
}

/// A ring's id: never twice the same.
fn new_id() -> u64 {
    Uuid::new_v4().as_u64_pair().1
}
