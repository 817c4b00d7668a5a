//! What a marker says of the run that left it.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use soliplex_wire::Uuid;

use super::{
    AFTER_PANIC, ALIVE, CHECKSUM, ENDED, GENERATION, ID, INSTALL, IS_NOTED, LEFT, LIFECYCLE,
    Lifecycle, MAGIC, Mark, PANICKED, PROCESS, REFUSED, RUN_ALIVE, RUN_PANICKED, STARTED, STORED,
    VERSION, checksum,
};

/// What the marker says of the run before this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// There was none: the first start here, or there is no store directory.
    Nothing,
    /// There was one, and it cannot be read.
    Unreadable,
    /// This.
    Previous(Previous),
}

/// The run before this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Previous {
    /// Its first session.
    pub(crate) first_session: Uuid,
    /// Which of its sessions it ended in, from 0.
    pub(crate) generation: u16,
    /// The installation that it was a run of.
    pub(crate) install_id: Uuid,
    /// Nanoseconds since the Unix epoch.
    pub(crate) started: i64,
    /// When it is last known to have been alive.
    pub(crate) last_alive: i64,
    /// How long it ran until then, in nanoseconds. Not what lies between the two times above: a
    /// device may have been given the right time in between.
    pub(crate) run_nanos: i64,
    pub(crate) end: End,
    pub(crate) lifecycle: Lifecycle,
    /// How many records it and those before it had ever refused.
    pub(crate) refused: u64,
    /// Whether a spool noted how many.
    pub(crate) is_refused_noted: bool,
    /// How many records waited in the store, when that was last looked at.
    pub(crate) stored: u64,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It was shut down, or everybody had let go of it, and all it had logged was stored; or its
    /// `main` has ended.
    Clean,
    /// A panic that it did not survive.
    Panic,
    /// In no way it could have foreseen: killed, a signal, out of memory, no power; or it ended
    /// without a word to us.
    Uncleanly,
    /// It had stored everything and let go of its files to sleep, and never took them again, nor
    /// panicked.
    Suspended,
    /// The process that it was a run of goes on, and has given it up: its start was refused, or its
    /// worker had ended by a defect of its own.
    Unknown,
}

// === impl Found ===

impl Found {
    /// The installation that the run before was one of, where it is known.
    pub(crate) fn install_id(&self) -> Option<Uuid> {
        match self {
            Found::Previous(previous) => Some(previous.install_id).filter(|id| !id.is_nil()),
            Found::Nothing | Found::Unreadable => None,
        }
    }

    /// Whether the run before let go of its files to sleep: it may be there, and want them back.
    pub(crate) fn sleeps(&self) -> bool {
        matches!(self, Found::Previous(previous) if previous.end == End::Suspended)
    }

    /// Whether a spool noted how many of them.
    pub(crate) fn is_refused_noted(&self) -> bool {
        matches!(self, Found::Previous(previous) if previous.is_refused_noted)
    }

    /// How many records were ever refused, as far as is known.
    pub(crate) fn refused(&self) -> u64 {
        match self {
            Found::Previous(previous) => previous.refused,
            Found::Nothing | Found::Unreadable => 0,
        }
    }

    /// How many records waited in the store, as far as is known.
    pub(crate) fn stored(&self) -> u64 {
        match self {
            Found::Previous(previous) => previous.stored,
            Found::Nothing | Found::Unreadable => 0,
        }
    }
}

// === impl Previous ===

impl Previous {
    /// How long it ran, in milliseconds, as far as is known.
    pub(crate) fn run_time_ms(&self) -> i64 {
        self.run_nanos / 1_000_000
    }
}

impl End {
    /// The word for it in records.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            End::Clean => "clean",
            End::Panic => "panic",
            End::Uncleanly => "uncleanly",
            End::Suspended => "suspended",
            End::Unknown => "unknown",
        }
    }
}

/// How long a process may take to end after `main`, in nanoseconds: what else it has to tidy up
/// takes no longer. One that is alive after that has lost its first thread and nothing else.
const AFTER_LEFT: u64 = 2_000_000_000;

/// Reads a marker's words, as this process does.
pub(super) fn read(words: &[AtomicU64], process: u64) -> Found {
    let word = |place: usize| words.get(place).map_or(0, |word| word.load(Relaxed));
    let fixed: [u64; CHECKSUM] = std::array::from_fn(word);
    match fixed[0] {
        // A page that was never begun, or whose run ended within the microsecond in which it was.
        0 => return Found::Nothing,
        MAGIC if fixed[1] == VERSION && word(CHECKSUM) == checksum(fixed) => {}
        _ => return Found::Unreadable,
    }
    let (Some(mark), Some(lifecycle), Ok(generation)) = (
        Mark::from_word(word(ENDED)),
        Lifecycle::from_word(word(LIFECYCLE)),
        u16::try_from(word(GENERATION)),
    ) else {
        return Found::Unreadable;
    };
    let (alive, panicked) = (word(ALIVE).cast_signed(), word(PANICKED).cast_signed());
    let is_own = word(PROCESS) == process;
    let lived_on_after = |then: u64| word(RUN_ALIVE).saturating_sub(then);
    let survived = lived_on_after(word(RUN_PANICKED)) > word(AFTER_PANIC);
    let was_left = word(LEFT) != 0 && lived_on_after(word(LEFT)) <= AFTER_LEFT;
    // A panic is a sign of life too, and may be the last one.
    let (last_alive, run_nanos) = if panicked != 0 && word(RUN_PANICKED) > word(RUN_ALIVE) {
        (panicked, word(RUN_PANICKED))
    } else {
        (alive, word(RUN_ALIVE))
    };
    Found::Previous(Previous {
        first_session: Uuid::from_u64_pair(fixed[ID], fixed[ID + 1]),
        generation,
        install_id: Uuid::from_u64_pair(fixed[INSTALL], fixed[INSTALL + 1]),
        started: fixed[STARTED].cast_signed(),
        last_alive,
        run_nanos: i64::try_from(run_nanos).unwrap_or(i64::MAX),
        end: match mark {
            // Whoever reads this has died of nothing.
            Mark::Suspended if is_own => End::Suspended,
            Mark::Clean if is_own => End::Clean,
            Mark::Running if is_own && was_left => End::Clean,
            Mark::Running if is_own => End::Unknown,
            // Shut down by what unwound.
            Mark::Clean if panicked != 0 && word(AFTER_PANIC) == u64::MAX => End::Panic,
            Mark::Clean => End::Clean,
            Mark::Running | Mark::Suspended if panicked != 0 && !survived => End::Panic,
            Mark::Suspended => End::Suspended,
            Mark::Running if was_left => End::Clean,
            Mark::Running => End::Uncleanly,
        },
        lifecycle,
        refused: word(REFUSED),
        is_refused_noted: word(IS_NOTED) != 0,
        stored: word(STORED),
    })
}
