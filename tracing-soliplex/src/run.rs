//! The run marker: one mapped page that says how this run of the application ended, to the next.
//!
//! There are no signal handlers. A run writes down that it goes on, and what ends it in order, the
//! end of `main` included, writes down that it did; everything else is read from what is missing. The
//! page belongs to the kernel, so whatever kills the process leaves it as it was.
//!
//! # The file
//! `run.marker` in the store directory, words of 64 bits in the machine's order.
//! ```text
//! word 0      "SPLX_RUN", written last
//!      1      version of the layout: 3
//!      2, 3   the id of the run's first session
//!      4      when it started, nanoseconds since the Unix epoch
//!      5, 6   the id of the installation, for the day its own file is lost
//!      7      CRC-32 of words 0–6
//!      8      when it was last known to be alive
//!      9      how it ended, 0 while it goes on: `Mark`
//!      10     when a thread panicked last, 0 if none did
//!      11     what the user saw of it: `Lifecycle`
//!      12     which of its sessions it is in, from 0
//!      13     how long it may take to end of that panic, in nanoseconds
//!      14     how long it had run when it was last known to be alive, in nanoseconds
//!      15     how long it had run when that thread panicked
//!      16     how long it had run when nobody was left to log, 0 if somebody is
//!      17, 18 how many records were ever refused, and whether a spool counts along: `carried.rs`
//!      19     how many records waited in the store, when that was last looked at
//!      20     which process wrote it: a number that it drew
//!      21     where word 0 is 0, whether consent was withdrawn and what is stored has yet to be
//!             deleted: 1 and how many records that are
//! ```
//! When something was is told by the wall clock, and how long after something else by one that
//! nobody sets: a clock set back after a caught panic must not make a later kill a panic.
//!
//! What is damaged, of another version or somebody else's says nothing, and stops nothing.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};

use soliplex_wire::Uuid;

use crate::clock::Moment;
use crate::in_place;
use crate::map::Memory;

mod carried;
mod ending;
mod previous;
#[cfg(test)]
mod tests;

use carried::Carried;
use ending::Mark;
pub(crate) use previous::{End, Found, Previous};

/// The marker's file in the store directory.
pub(crate) const FILE: &str = "run.marker";

/// One page.
const WORDS: usize = 512;
const BYTES: u64 = (WORDS * size_of::<AtomicU64>()) as u64;

const MAGIC: u64 = u64::from_le_bytes(*b"SPLX_RUN");
const VERSION: u64 = 3;

// The places of the words.
const ID: usize = 2;
const STARTED: usize = 4;
const INSTALL: usize = 5;
const CHECKSUM: usize = 7;
const ALIVE: usize = 8;
const ENDED: usize = 9;
const PANICKED: usize = 10;
const LIFECYCLE: usize = 11;
const GENERATION: usize = 12;
const AFTER_PANIC: usize = 13;
const RUN_ALIVE: usize = 14;
const RUN_PANICKED: usize = 15;
const LEFT: usize = 16;
const REFUSED: usize = 17;
const IS_NOTED: usize = 18;
const STORED: usize = 19;
const PROCESS: usize = 20;
const WITHDRAWN: usize = 21;

/// This run's marker. Every write is a plain store into memory: no system call, no lock.
pub(crate) struct Run {
    words: Memory,
    file: Option<File>,
    /// Whether the page is ours: let go of, it may be another process's.
    ours: AtomicBool,
    /// Whether the run is to be told of: it has begun, and consent for it was not withdrawn.
    told: AtomicBool,
    started: AtomicI64,
    /// The same by the clock that nobody sets.
    begun: AtomicI64,
    first_session: OnceLock<Uuid>,
    install_id: OnceLock<Uuid>,
    carried: Carried,
}

/// What the user saw of the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Lifecycle {
    /// It is in front, or has no such thing.
    #[default]
    Foreground,
    /// It has been put aside, and may be stopped at any moment.
    Paused,
    /// It cannot be seen.
    Hidden,
    /// Its view is gone.
    Detached,
}

// === impl Run ===

impl Run {
    /// A marker that nobody reads, where there is no directory.
    pub(crate) fn unmarked() -> Run {
        Run {
            words: Memory::heap(WORDS),
            file: None,
            ours: AtomicBool::new(true),
            told: AtomicBool::new(false),
            started: AtomicI64::new(0),
            begun: AtomicI64::new(0),
            first_session: OnceLock::new(),
            install_id: OnceLock::new(),
            carried: Carried::default(),
        }
    }

    /// The marker at `path`, and what the run before left there. Whoever calls it holds the
    /// directory's lock. Nothing is written before [`begin`](Run::begin).
    ///
    /// A marker that cannot be had is done without: then the next start knows nothing.
    pub(crate) fn open(path: &Path) -> (Run, io::Result<Found>) {
        match open(path) {
            Ok((words, file)) => {
                let found = previous::read(&words, process());
                let run = Run {
                    words,
                    file: Some(file),
                    carried: Carried::after(&found),
                    ..Run::unmarked()
                };
                (run, Ok(found))
            }
            Err(error) => (Run::unmarked(), Err(error)),
        }
    }

    /// Writes this run's marker over the one before, or over nothing, where consent is given again.
    pub(crate) fn begin(&self, first_session: Uuid, install_id: Uuid, now: Moment) {
        self.started.store(now.unix_nanos, Relaxed);
        self.begun.store(now.monotonic_nanos, Relaxed);
        let _ = self.install_id.set(install_id);
        self.write(first_session, now);
    }

    fn write(&self, first_session: Uuid, now: Moment) {
        let _ = self.first_session.set(first_session);
        let started = self.started.load(Relaxed).cast_unsigned();
        let (high, low) = first_session.as_u64_pair();
        let install_id = self.install_id.get().copied().unwrap_or_default();
        let (install_high, install_low) = install_id.as_u64_pair();
        let fixed = [
            MAGIC,
            VERSION,
            high,
            low,
            started,
            install_high,
            install_low,
        ];
        // Invalid until it is whole.
        self.words[0].store(0, Release);
        for (word, value) in self.words[1..].iter().zip(&fixed[1..]) {
            word.store(*value, Release);
        }
        for word in &self.words[CHECKSUM..] {
            word.store(0, Release);
        }
        self.words[CHECKSUM].store(checksum(fixed), Release);
        self.words[ALIVE].store(now.unix_nanos.cast_unsigned(), Release);
        self.words[RUN_ALIVE].store(self.runs_for(now), Release);
        self.words[PROCESS].store(process(), Release);
        self.write_carried();
        self.words[0].store(MAGIC, Release);
        self.told.store(true, Release);
    }

    /// Overwrites the marker with zeros, because consent is withdrawn or was never given: the next
    /// start tells neither of this run nor of one before it. Until [all is gone](Run::has_wiped) it
    /// says that what is stored has to go.
    pub(crate) fn forget(&self) {
        self.told.store(false, Release);
        self.carried.forget();
        if self.ours.load(Relaxed) {
            self.words.iter().for_each(|word| word.store(0, Release));
            self.owe_wipe();
        }
    }

    /// Whether the page has not been let go of.
    pub(crate) fn is_held(&self) -> bool {
        self.ours.load(Relaxed)
    }

    /// How long it has run, in nanoseconds.
    fn runs_for(&self, now: Moment) -> u64 {
        now.monotonic_nanos
            .saturating_sub(self.begun.load(Relaxed))
            .max(0)
            .cast_unsigned()
    }

    /// Takes the page again after it was [let go of](Run::suspend), and says what another
    /// process left there in the meantime, if one came.
    pub(crate) fn resume(&self, first_session: Uuid, generation: u16, now: Moment) -> Found {
        if self.ours.swap(true, Relaxed) {
            return Found::Nothing;
        }
        if !self.told.load(Relaxed) {
            self.forget();
            return Found::Nothing;
        }
        let (found, lifecycle) = match previous::read(&self.words, process()) {
            Found::Previous(own) if own.first_session == first_session => {
                (Found::Nothing, own.lifecycle)
            }
            found => {
                self.carried.take_over(&found);
                (found, Lifecycle::default())
            }
        };
        self.write(first_session, now);
        self.set_generation(generation);
        self.set_lifecycle(lifecycle);
        found
    }

    /// The process is alive.
    pub(crate) fn alive(&self, now: Moment) {
        // Let go of, the page is left alone, but to say of a panic that it was survived.
        if self.may_note() || self.is_lent() && self.word(PANICKED) != 0 {
            self.store(ALIVE, now.unix_nanos.cast_unsigned());
            self.store(RUN_ALIVE, self.runs_for(now));
        }
    }

    /// What the user sees of the application from now on.
    pub(crate) fn set_lifecycle(&self, lifecycle: Lifecycle) {
        self.note(LIFECYCLE, lifecycle as u64);
    }

    /// The run is in another of its sessions.
    pub(crate) fn set_generation(&self, generation: u16) {
        self.note(GENERATION, generation.into());
    }

    /// Has the page on the disk, for the day the power goes. To be called where waiting harms
    /// nobody.
    pub(crate) fn sync(&self) {
        if let Some(file) = &self.file {
            // Where it cannot be done, only a loss of power has one answer less.
            let _ = file.sync_data();
        }
    }

    fn note(&self, place: usize, value: u64) {
        if self.may_note() {
            self.store(place, value);
        }
    }

    fn may_note(&self) -> bool {
        self.ours.load(Relaxed) && self.told.load(Relaxed) && self.is_in_place()
    }

    /// Whether the page has been let go of, and nobody has taken it.
    fn is_lent(&self) -> bool {
        self.told.load(Relaxed) && self.is_in_place() && self.word(ENDED) == Mark::Suspended as u64
    }

    /// Whether nobody has begun a run in this page since. One whose pipeline could not be started, or
    /// has lost its worker, holds no lock that keeps others out.
    fn is_in_place(&self) -> bool {
        self.first_session.get().is_some_and(|id| {
            let (high, low) = id.as_u64_pair();
            self.word(ID) == high && self.word(ID + 1) == low
        })
    }

    fn store(&self, place: usize, value: u64) {
        if let Some(word) = self.words.get(place) {
            word.store(value, Release);
        }
    }

    fn word(&self, place: usize) -> u64 {
        self.words.get(place).map_or(0, |word| word.load(Relaxed))
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("marked", &self.file.is_some())
            .finish_non_exhaustive()
    }
}

impl Lifecycle {
    const ALL: [Lifecycle; 4] = [
        Lifecycle::Foreground,
        Lifecycle::Paused,
        Lifecycle::Hidden,
        Lifecycle::Detached,
    ];

    /// The word for it in records.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Lifecycle::Foreground => "foreground",
            Lifecycle::Paused => "paused",
            Lifecycle::Hidden => "hidden",
            Lifecycle::Detached => "detached",
        }
    }

    fn from_word(word: u64) -> Option<Lifecycle> {
        Lifecycle::ALL
            .into_iter()
            .find(|lifecycle| *lifecycle as u64 == word)
    }
}

/// What another process finds at this path.
#[cfg(test)]
pub(crate) fn found_elsewhere(path: &Path) -> Found {
    previous::read(&open(path).unwrap().0, 0)
}

/// What this process calls itself in its markers. The system's number for it may be another's soon.
fn process() -> u64 {
    static DRAWN: OnceLock<u64> = OnceLock::new();
    *DRAWN.get_or_init(|| Uuid::new_v4().as_u64_pair().0)
}

fn checksum(fixed: [u64; CHECKSUM]) -> u64 {
    let mut hasher = crc32fast::Hasher::new();
    for word in fixed {
        hasher.update(&word.to_le_bytes());
    }
    hasher.finalize().into()
}

/// The page of the file, all of it written, so that no later store meets a full disk.
fn open(path: &Path) -> io::Result<(Memory, File)> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let mut bytes = Vec::new();
    (&file).take(BYTES).read_to_end(&mut bytes)?;
    if bytes.is_empty() {
        in_place::ask(&file);
    }
    bytes.resize(BYTES as usize, 0);
    // Written where they stand, and the file is never made shorter: a process that sleeps may have
    // it mapped. Copied, and not left as a hole, where the file system shares pages.
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&bytes)?;
    Ok((Memory::map(&file, WORDS)?, file))
}
