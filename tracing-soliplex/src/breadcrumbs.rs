//! Breadcrumbs: the short form of recent records, kept so that an error can tell what led up to it
//! and a person can look at what the application has been doing.
//!
//! # What it promises
//! - Keeping one makes no system call, allocates nothing, and waits for nobody ([`ring`]).
//! - It is of fixed size: so many slots of half a kilobyte. The oldest record makes room for the
//!   newest; a message that does not fit is cut and marked ([`text`]).
//! - What was kept when the process ended is found by the next start, however it ended: the ring
//!   lies in a mapped file (`breadcrumbs.ring` in the store directory). Without a directory, or
//!   where the file cannot be had, it is on the heap. A damaged file is begun anew.
//! - Only sanitized text is kept: by a root above, or by the layer itself ([`layer`]). When consent
//!   is withdrawn all of it is overwritten with zeros.
//!
//! # What it does not
//! It is no second queue. A record is skipped, and counted, when two threads meet in one slot, a
//! whole lap of the ring apart; what was written in the moment of a power cut may be lost.
//!
//! # Where it is read
//! [`preceding`] attaches the last ones to an error, [`recent`] shows them to a person,
//! [`subscription`] as they come. The category of a record follows from its logger and is worked
//! out there ([`category`]).

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use soliplex_wire::limits::MAX_BREADCRUMBS;
use soliplex_wire::{Breadcrumb, Severity, Uuid};

use crate::clock::timestamp;
use crate::map::Memory;
use category::Categories;
use file::{Opened, file_words};
use ring::{Entry, Found, Ring};
use slot::Slot;
use text::Text;

pub(crate) mod category;
mod file;
pub(crate) mod filter;
pub(crate) mod layer;
mod preceding;
pub(crate) mod recent;
mod report;
mod ring;
mod slot;
pub(crate) mod subscription;
#[cfg(test)]
mod tests;
mod text;
mod word;

/// The file's name in the store directory.
pub(crate) const FILE: &str = "breadcrumbs.ring";

/// Slots unless chosen otherwise: at 20 with each error, those of a few errors in a row.
const DEFAULT_SLOTS: usize = 100;

/// The most slots: 8 MiB, several thousand lines to scroll through, read whole at each start.
const MAX_SLOTS: u64 = 16 * 1024;

/// How much is kept, how much goes with an error, and what is called what.
#[derive(Clone, Debug)]
pub(crate) struct BreadcrumbOptions {
    /// Records kept at least; rounded up to a power of two, at most 16,384.
    pub(crate) slots: usize,
    /// Records that go with an error; at most [`MAX_BREADCRUMBS`].
    pub(crate) attached: usize,
    pub(crate) categories: Categories,
}

/// The records kept, shared by all who write and read them.
pub(crate) struct Breadcrumbs {
    ring: Ring<Memory>,
    path: Option<PathBuf>,
    attached: usize,
    categories: Categories,
    /// Records that found their slot taken.
    skipped: AtomicU64,
    /// How many layers hand us what is logged.
    layers: AtomicUsize,
    /// Whether consent is withdrawn: what is still there is shown to nobody.
    refused: AtomicBool,
    /// Taken by who clears, closes or opens the ring: never by a thread that logs.
    upkeep: Mutex<Upkeep>,
}

#[derive(Default)]
struct Upkeep {
    /// Whether all slots are closed, because consent is withdrawn.
    wiped: bool,
    session: Option<Uuid>,
}

/// What an earlier process left.
#[derive(Debug, Default)]
pub(crate) struct Previous {
    /// Its last session.
    pub(crate) session_id: Option<Uuid>,
    /// The last records of that session, as many as go with an error, oldest first.
    pub(crate) breadcrumbs: Vec<Breadcrumb>,
    /// What was wrong with the file, in words.
    pub(crate) trouble: Option<String>,
}

impl Default for BreadcrumbOptions {
    fn default() -> BreadcrumbOptions {
        BreadcrumbOptions {
            slots: DEFAULT_SLOTS,
            attached: MAX_BREADCRUMBS,
            categories: Categories::default(),
        }
    }
}

// === impl Breadcrumbs ===

impl Breadcrumbs {
    /// The breadcrumbs in the file at `path`, or on the heap, and what an earlier process left.
    ///
    /// Nothing that goes wrong keeps the caller from getting breadcrumbs.
    pub(crate) fn open(path: Option<&Path>, options: BreadcrumbOptions) -> (Breadcrumbs, Previous) {
        let slots = options.ring_slots();
        let (ring, trouble) = match path.map(|path| file::open(path, slots)) {
            Some(Ok(Opened { ring, was_damaged })) => {
                (ring, was_damaged.then(|| DAMAGED.to_owned()))
            }
            Some(Err(error)) => (heap(slots), Some(crate::store::chain(&error))),
            None => (heap(slots), None),
        };
        let breadcrumbs = Breadcrumbs {
            ring,
            path: path.map(Path::to_owned),
            attached: options.attached.min(MAX_BREADCRUMBS),
            categories: options.categories,
            skipped: AtomicU64::new(0),
            layers: AtomicUsize::new(0),
            refused: AtomicBool::new(false),
            upkeep: Mutex::default(),
        };
        let previous = Previous {
            trouble,
            ..breadcrumbs.previous()
        };
        (breadcrumbs, previous)
    }

    fn previous(&self) -> Previous {
        let preceding = self.preceding(None);
        Previous {
            session_id: self.session_id(self.ring.session()),
            breadcrumbs: preceding.collect(),
            trouble: None,
        }
    }

    /// Records kept from now on are this session's.
    #[cfg(test)]
    pub(crate) fn begin_session(&self, id: Uuid) {
        self.follow(|| id);
    }

    /// Records kept from now on are of the session that is asked for. It is asked for while nobody
    /// else does the same, so that of two who follow it the younger session stays.
    ///
    /// To be called again and again: a thread that logs, and comes to begin one while another looks
    /// after the ring, must not wait, least of all for itself while it panics.
    pub(crate) fn follow(&self, session_id: impl FnOnce() -> Uuid) {
        let mut upkeep = match self.upkeep.try_lock() {
            Ok(upkeep) => upkeep,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        if upkeep.wiped || self.is_refused() {
            // Not even an id is kept without consent.
            return;
        }
        let id = session_id();
        if upkeep.session.replace(id) != Some(id) {
            self.ring.begin_session(id.as_u64_pair());
        }
    }

    /// Goes on with the session that was begun, after another process may have used the file, and
    /// says what that left. To be called while nobody writes.
    pub(crate) fn rejoin(&self) -> Previous {
        let mut upkeep = self.upkeep();
        // Mapped once more: the other may have begun a ring of another size in it.
        let opened = self
            .path
            .as_deref()
            .map(|path| file::open(path, self.ring.slots()));
        let previous = Previous {
            trouble: opened.and_then(|opened| match opened {
                Ok(opened) => opened.was_damaged.then(|| DAMAGED.to_owned()),
                Err(error) => Some(crate::store::chain(&error)),
            }),
            ..self.previous()
        };
        match upkeep.wiped {
            true => upkeep.wiped = self.close_all(),
            // It may have closed it, because its user withdrew consent.
            false => self.ring.open(),
        }
        if let Some(id) = upkeep.session {
            self.ring.begin_session(id.as_u64_pair());
        }
        previous
    }

    /// A layer hands over what is logged from now on, or it no longer does.
    pub(crate) fn set_collected(&self, collected: bool) {
        if collected {
            self.layers.fetch_add(1, Ordering::Relaxed);
        } else {
            self.layers.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Records that were skipped since the start.
    pub(crate) fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }

    pub(crate) fn is_collected(&self) -> bool {
        self.layers.load(Ordering::Relaxed) > 0
    }

    /// Shows nobody anything more, because consent is withdrawn; it is wiped soon after.
    pub(crate) fn refuse(&self) {
        self.refused.store(true, Ordering::Relaxed);
    }

    fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    /// Keeps what did not come through the layer. The text has to be clean.
    pub(crate) fn note(&self, severity: Severity, unix_nanos: i64, logger: &str, message: &str) {
        Text::with(|text| {
            text.begin(logger);
            text.push(message);
            self.write(severity, unix_nanos, text);
        });
    }

    /// Keeps a record; its ticket, unless it had to be skipped.
    #[inline]
    fn write(&self, severity: Severity, unix_nanos: i64, text: &mut Text) -> Option<u64> {
        let (head, text) = text.finish(severity);
        let ticket = self.ring.write(&Entry {
            unix_nanos,
            session: self.ring.session(),
            head,
            text,
        });
        if ticket.is_none() {
            self.skipped.fetch_add(1, Ordering::Relaxed);
        }
        ticket
    }

    /// Overwrites everything with zeros and takes nothing more, because consent is withdrawn.
    ///
    /// To be called again and again: what a thread is in the middle of writing goes the next time.
    pub(crate) fn wipe(&self) {
        let mut upkeep = self.upkeep();
        if !upkeep.wiped {
            upkeep.session = None;
            upkeep.wiped = self.close_all();
        }
    }

    fn close_all(&self) -> bool {
        self.ring.forget_sessions();
        self.ring.close_all()
    }

    /// Takes records again after a [`wipe`](Breadcrumbs::wipe).
    pub(crate) fn reopen(&self) {
        let mut upkeep = self.upkeep();
        self.ring.open();
        upkeep.wiped = false;
        self.refused.store(false, Ordering::Relaxed);
    }

    /// Overwrites what was kept before the call with zeros.
    pub(crate) fn clear(&self) {
        let upkeep = self.upkeep();
        if !upkeep.wiped {
            self.ring.clear();
        }
    }

    /// As it is held by who clears, to see who waits for it.
    #[cfg(test)]
    pub(crate) fn hold(&self) -> impl Drop {
        self.upkeep()
    }

    fn upkeep(&self) -> MutexGuard<'_, Upkeep> {
        self.upkeep.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the record with this ticket.
    fn read(&self, ticket: u64, slot: &mut Slot) -> Option<Breadcrumb> {
        if self.ring.read(ticket, slot) != Found::Whole {
            return None;
        }
        let texts = slot.texts()?;
        Some(Breadcrumb {
            timestamp: Some(timestamp(slot.unix_nanos)),
            severity: slot.head.severity,
            logger: texts.logger.to_owned(),
            message: texts.message.to_owned(),
            category: match texts.category {
                Some(named) => category::named(named),
                None => self.categories.of(texts.logger).clone(),
            },
        })
    }

    /// The id of a session of which the ring has the first half.
    fn session_id(&self, half: u64) -> Option<Uuid> {
        let (first, second) = self.ring.session_id(half)?;
        Some(Uuid::from_u64_pair(first, second))
    }
}

impl fmt::Debug for Breadcrumbs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breadcrumbs")
            .field("slots", &self.ring.slots())
            .field("skipped", &self.skipped)
            .finish_non_exhaustive()
    }
}

impl BreadcrumbOptions {
    fn ring_slots(&self) -> u64 {
        let slots = u64::try_from(self.slots).unwrap_or(MAX_SLOTS);
        slots.clamp(1, MAX_SLOTS).next_power_of_two()
    }
}

/// What is told of a file that was of no use.
const DAMAGED: &str = "the breadcrumbs' file was damaged and has been begun anew";

fn heap(slots: u64) -> Ring<Memory> {
    Ring::format(Memory::heap(file_words(slots)))
}
