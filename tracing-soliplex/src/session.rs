//! Who is talking: the installation, the session, the user, and what is true of the process.
//!
//! A record is bound to these when it is captured and keeps them, however much later it is sent
//! and whoever is logged in by then.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use soliplex_wire::{AnyValue, Attributes, Severity, Uuid};

use crate::bound::Bound;
use crate::clock::{Clock, Moment};
use crate::packed::{Kind, PackedHead};
use crate::run::{Found, Run};
use owed::Owed;

mod owed;
#[cfg(test)]
mod tests;

/// The session the application is in, and those it has been in before, all of one run.
///
/// A run begins with one session, and begins another when a record comes after a long silence.
/// Which of them it is in, its generation, and the number of the last record are one word, so that
/// a record gets both in one step and no two records of a session get the same number. The ids of
/// later sessions are made from the first one's, so that no record waits for an id to be read.
pub(crate) struct Session {
    first_id: Uuid,
    facts: Facts,
    /// The generation in the upper bits, the last number in the others.
    numbers: AtomicU64,
    /// How long a silence ends a session, in nanoseconds; nothing does, if none.
    timeout: Option<i64>,
    /// The wall clock's time after which the next record has its time noted, and is asked whether
    /// it ends a silence: a moment after the last one that was.
    look_at: AtomicI64,
    /// When the last record whose time was noted came, by the one clock and by the other.
    active_unix: AtomicI64,
    active_monotonic: AtomicI64,
    /// How long the device had slept by then ([`Clock::asleep`]).
    asleep: AtomicI64,
    /// Whether a thread is about to begin another session.
    beginning: AtomicBool,
    /// Start markers and their like, packed, for which the queue had no room.
    pub(crate) owed: Owed,
    pub(crate) bound: Bound,
    pub(crate) run: Run,
}

/// What is the same for all records of a session, as it is stored: JSON, to outlive this version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Facts {
    pub(crate) install_id: String,
    pub(crate) session_id: String,
    pub(crate) resource: BTreeMap<String, AnyValue>,
}

/// Bits of a record's number: an application that logs a million a second needs nine years.
const NUMBER_BITS: u32 = 48;

/// The number of a session's first record, which tells that it has begun.
pub(crate) const FIRST: u64 = 1;

/// How often a record's time is noted, at most: so exactly is a silence measured, and so exactly is
/// it known how long an application without a worker was alive.
const NOTE_EVERY: i64 = 1_000_000_000;

/// How far the wall clock and the one that nobody sets may part: a correction, and neither a sleep
/// nor another date. What a silence is mistaken by at most.
const DRIFT: i64 = 2_000_000_000;

/// Where the generation stands in a context, and so in a session's id: in its second group, where
/// no bit of a UUID says of which version it is.
const GENERATION_SHIFT: u32 = 16;

impl Session {
    /// A new session without a marker, that lasts.
    #[cfg(test)]
    pub(crate) fn new(install_id: &str, resource: &Attributes) -> Session {
        Session::begin(install_id, resource, Run::unmarked(), None)
    }

    /// A new session of this installation, with a marker for the next start, and another session
    /// after each silence of `timeout`. The resource is sanitized by the caller.
    pub(crate) fn begin(
        install_id: &str,
        resource: &Attributes,
        run: Run,
        timeout: Option<Duration>,
    ) -> Session {
        let first_id = Uuid::new_v4();
        let facts = Facts {
            install_id: install_id.to_owned(),
            session_id: first_id.to_string(),
            resource: resource.clone().into_iter().collect(),
        };
        let nanos = |timeout: Duration| i64::try_from(timeout.as_nanos()).unwrap_or(i64::MAX);
        Session {
            first_id,
            facts,
            // The first number is the start marker's, whatever is captured before it.
            numbers: AtomicU64::new(FIRST),
            timeout: timeout.map(nanos),
            look_at: AtomicI64::new(i64::MAX),
            active_unix: AtomicI64::new(i64::MAX),
            active_monotonic: AtomicI64::new(i64::MAX),
            asleep: AtomicI64::new(0),
            beginning: AtomicBool::new(false),
            owed: Owed::default(),
            bound: Bound::default(),
            run,
        }
    }

    /// Identifies the facts of the session the application is in, in packed records: the first
    /// half of the session's id.
    pub(crate) fn context(&self) -> u64 {
        context(session_id(self.first_id, self.generation()))
    }

    /// Whether a context is that of a session of this run.
    pub(crate) fn is_own(&self, of: u64) -> bool {
        let differs = of ^ context(self.first_id);
        differs & !(u64::from(u16::MAX) << GENERATION_SHIFT) == 0
    }

    /// The context of the session of this run in which a [`place`] is.
    pub(crate) fn context_at(&self, place: u64) -> u64 {
        let which = u64::from(u16::MAX) << GENERATION_SHIFT;
        context(self.first_id) & !which | u64::from(generation(place)) << GENERATION_SHIFT
    }

    /// The facts of the session of this run with this context.
    pub(crate) fn facts(&self, of: u64) -> Facts {
        let (_, low) = self.first_id.as_u64_pair();
        Facts {
            session_id: Uuid::from_u64_pair(of, low).to_string(),
            ..self.facts.clone()
        }
    }

    /// The id of the session the application is in.
    pub(crate) fn session_id(&self) -> Uuid {
        session_id(self.first_id, self.generation())
    }

    /// The id of the run's first session, by which the run is known.
    pub(crate) fn first_id(&self) -> Uuid {
        self.first_id
    }

    pub(crate) fn install_id(&self) -> &str {
        &self.facts.install_id
    }

    pub(crate) fn resource(&self) -> &BTreeMap<String, AnyValue> {
        &self.facts.resource
    }

    /// Which session of the run it is, from 0.
    pub(crate) fn generation(&self) -> u16 {
        generation(self.numbers.load(Ordering::Relaxed))
    }

    /// The head of the next record; its number is one more than the last one's.
    #[inline]
    pub(crate) fn head(&self, severity: Severity, unix_nanos: i64) -> PackedHead {
        let word = self.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        self.head_of(word, severity, unix_nanos)
    }

    /// The head of a session's first record.
    pub(crate) fn first_head(&self, of: u16, severity: Severity, unix_nanos: i64) -> PackedHead {
        self.head_of(word(of, FIRST), severity, unix_nanos)
    }

    fn head_of(&self, word: u64, severity: Severity, unix_nanos: i64) -> PackedHead {
        PackedHead {
            kind: Kind::Record,
            severity,
            context: context(session_id(self.first_id, generation(word))),
            id: self.record_id(word, unix_nanos),
            seq: seq_at(word),
            unix_nanos,
        }
    }

    /// The head under which a session's facts travel. They are no record and take no number, or
    /// every session would begin with a gap.
    pub(crate) fn announcement(&self, of: u16) -> PackedHead {
        let id = session_id(self.first_id, of);
        PackedHead {
            kind: Kind::Context,
            severity: Severity::Unspecified,
            context: context(id),
            id,
            seq: 0,
            unix_nanos: 0,
        }
    }

    /// An id for the record with this number: UUIDv7, RFC 9562 section 5.7.
    ///
    /// The random part comes from the first session's id and the number by a bijection, so that
    /// ids of one run cannot meet, and no record costs a system call for random bytes.
    fn record_id(&self, word: u64, unix_nanos: i64) -> Uuid {
        let (key, more) = self.first_id.as_u64_pair();
        let mixed = mix(word ^ key);
        let millis = u64::try_from(unix_nanos / 1_000_000).unwrap_or(0);
        // All of `mixed` is kept: two bits with ten others in the upper half, where the version
        // leaves room for twelve, the rest behind the variant's two bits in the lower half.
        let upper = (more & 0x3ff) << 2 | mixed >> 62;
        let lower = mixed & (u64::MAX >> 2);
        Uuid::from_u64_pair(millis << 16 | 0x7000 | upper, 1 << 63 | lower)
    }

    /// Takes the run's marker again after it was let go of; what another run left there.
    pub(crate) fn resume_run(&self, now: Moment) -> Found {
        self.run.resume(self.first_id, self.generation(), now)
    }

    // === One session after another ===

    /// Whether this record's time has to be noted: once in a while, and when the clock was set.
    #[inline]
    pub(crate) fn is_to_note(&self, unix_nanos: i64) -> bool {
        // Later, the difference is negative, and so the greatest of all.
        let until = self
            .look_at
            .load(Ordering::Relaxed)
            .wrapping_sub(unix_nanos);
        until.cast_unsigned() > 2 * NOTE_EVERY.cast_unsigned()
    }

    /// Whether a record that comes now comes after the silence that ends a session.
    pub(crate) fn has_expired(&self, clock: &dyn Clock) -> bool {
        let Some(timeout) = self.timeout else {
            return false;
        };
        let awake = |now: Moment| {
            let then = self.active_monotonic.load(Ordering::Relaxed);
            now.monotonic_nanos.saturating_sub(then)
        };
        let now = clock.moment();
        awake(now) > timeout || awake(now).saturating_add(self.slept(clock, now).0) > timeout
    }

    /// The application is active: the silence, if there is one, begins now.
    pub(crate) fn active(&self, clock: &dyn Clock) {
        let now = clock.moment();
        if self.timeout.is_some() {
            let (_, asleep) = self.slept(clock, now);
            self.asleep.store(asleep, Ordering::Relaxed);
        }
        self.active_unix.store(now.unix_nanos, Ordering::Relaxed);
        self.active_monotonic
            .store(now.monotonic_nanos, Ordering::Relaxed);
        let sixteenth = |timeout| timeout / 16;
        let step = self.timeout.map_or(NOTE_EVERY, sixteenth).min(NOTE_EVERY);
        let look_at = now.unix_nanos.saturating_add(step);
        self.look_at.store(look_at, Ordering::Relaxed);
    }

    /// How long the device has slept since the application was active, in which time the clock that
    /// nobody sets may stand still, and how long it has slept in all.
    ///
    /// The system is asked only where the clocks say that it has slept or that one of them was set;
    /// where it does not tell, it has slept. What they part by otherwise may be a short sleep, and is
    /// taken for one: many of those must not be told as one long silence later.
    fn slept(&self, clock: &dyn Clock, now: Moment) -> (i64, i64) {
        let load = |then: &AtomicI64| then.load(Ordering::Relaxed);
        let dated = now.unix_nanos.saturating_sub(load(&self.active_unix));
        let elapsed = now
            .monotonic_nanos
            .saturating_sub(load(&self.active_monotonic));
        let (apart, before) = (dated.saturating_sub(elapsed), load(&self.asleep));
        if apart.abs() <= DRIFT {
            return (0, before.saturating_add(apart));
        }
        match clock.asleep() {
            Some(asleep) => (asleep.saturating_sub(before).max(0), asleep),
            None => (apart.max(0), before),
        }
    }

    /// Whether the run can begin no more sessions.
    pub(crate) fn is_last(&self) -> bool {
        self.generation() == u16::MAX
    }

    /// Takes on beginning the next session, and says which it is; `None` when another thread is
    /// about to, or when there can be no more.
    pub(crate) fn take_next(&self) -> Option<u16> {
        if self.beginning.swap(true, Ordering::AcqRel) {
            return None;
        }
        let next = self.generation().checked_add(1);
        if next.is_none() {
            self.beginning.store(false, Ordering::Release);
        }
        next
    }

    /// No session begins after all.
    pub(crate) fn begins_none(&self) {
        self.beginning.store(false, Ordering::Release);
    }

    /// The session has begun: its first record has been made, and those captured from now on are
    /// numbered after it. A record that was given a number before keeps it.
    pub(crate) fn has_begun(&self, generation: u16, clock: &dyn Clock) {
        self.numbers
            .store(word(generation, FIRST), Ordering::Relaxed);
        self.run.set_generation(generation);
        self.active(clock);
        self.beginning.store(false, Ordering::Release);
    }
}

/// The id of a session of the run whose first session has this id.
pub(crate) fn session_id(first_id: Uuid, generation: u16) -> Uuid {
    let (high, low) = first_id.as_u64_pair();
    Uuid::from_u64_pair(high ^ (u64::from(generation) << GENERATION_SHIFT), low)
}

/// Where a record of this run stands: in which session, and its number there. Of one session, later
/// records have greater places.
pub(crate) fn place(head: &PackedHead) -> u64 {
    let session = head.context >> GENERATION_SHIFT & u64::from(u16::MAX);
    session << NUMBER_BITS | head.seq
}

/// The number in a place.
pub(crate) fn seq_at(place: u64) -> u64 {
    place & (u64::MAX >> (u64::BITS - NUMBER_BITS))
}

fn word(generation: u16, number: u64) -> u64 {
    u64::from(generation) << NUMBER_BITS | number
}

pub(crate) fn generation(word: u64) -> u16 {
    // All that is left of it fits.
    u16::try_from(word >> NUMBER_BITS).unwrap_or(u16::MAX)
}

impl Facts {
    /// `None` when the JSON is none of ours.
    pub(crate) fn from_json(json: &[u8]) -> Option<Facts> {
        serde_json::from_slice(json).ok()
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut json = Vec::new();
        soliplex_wire::encode::json(&mut json, self);
        json
    }

    /// What packed records call these facts.
    pub(crate) fn context(&self) -> Option<u64> {
        Uuid::parse_str(&self.session_id).ok().map(context)
    }
}

fn context(session_id: Uuid) -> u64 {
    session_id.as_u64_pair().0
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("session_id", &self.session_id())
            .finish_non_exhaustive()
    }
}

/// The finalizer of SplitMix64: every number goes to another, and neighbors far apart.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
