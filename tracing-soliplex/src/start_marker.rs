//! The first record of every session: on what it runs, and what came before it.
//!
//! It is in the queue before anything the application logs, and it outlives the session's other
//! records in the spool ([`Lane::Marker`](crate::spool::Lane::Marker)), so that whoever reads
//! any record of a session can look up what it was logged on. Where the run before left a marker,
//! the session's second record says how it ended.
//!
//! | attribute | of the first record, `event.name` = `session.start` |
//! |---|---|
//! | `session.previous_id` | the session before this one, where it is known and was not wiped |
//! | `soliplex.previous.end` | how that ended: a word of [`End`], `inactivity` or `consent` where this run began another session, `unknown` where the marker could not be read, or this very process goes on; absent at a first start |
//! | `app.installation.id` | which installation |
//! | [`FACTS`] | what the resource has of these; the alias is the installation's for a phone call |
//!
//! | attribute | of the second, `event.name` = `previous_session_ended` |
//! |---|---|
//! | `session.previous_id` | which session it was |
//! | `soliplex.previous.end` | a word of [`End`] |
//! | `soliplex.previous.started`, `soliplex.previous.last_alive` | from when to when it is known to have run, RFC 3339 |
//! | `soliplex.previous.run_time_ms` | how long it ran, by a clock that nobody sets; it may stand still while the device sleeps |
//! | `soliplex.previous.lifecycle` | what the user saw of it then: a word of [`Lifecycle`] |
//!
//! Its breadcrumbs are the last records before the end. It bears no user: who is logged in now need
//! not have been then.

use soliplex_wire::encode::{Buffer, Members, Value};
use soliplex_wire::{AnyValue, Severity, Uuid};
use std::sync::atomic::Ordering;

use crate::alias;
use crate::breadcrumbs;
use crate::capture::Capture;
use crate::clock::timestamp;
use crate::diagnostics::{Diagnostics, DiscardReason};
use crate::loss::LOGGER;
use crate::packed::{Form, PackedHead};
use crate::queue::Lane;
use crate::run::{End, Found, Lifecycle, Previous};
use crate::session::session_id;

/// What a session's first record repeats of the resource: what a support engineer asks first.
const FACTS: [&str; 12] = [
    "service.name",
    "service.version",
    "app.build_id",
    "deployment.environment.name",
    "os.type",
    "os.name",
    "os.version",
    "host.arch",
    "device.model.identifier",
    "process.runtime.name",
    "process.runtime.version",
    alias::ATTRIBUTE,
];

/// Why a run begins another session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Another {
    /// A record came after a long silence.
    Inactivity,
    /// Consent was given again after it had been withdrawn, and everything wiped.
    Consent,
}

/// Begins the run's first session: its facts and its first records are in the queue when this
/// returns, and its marker is in place of the one before.
pub(crate) fn begin_run(capture: &Capture, found: &Found, kept: &breadcrumbs::Previous) {
    let (session, now) = (&capture.session, capture.clock.unix_nanos());
    if capture.denied.load(Ordering::Relaxed) {
        // Nothing may be captured: the session begins when consent is given, and what an earlier
        // run left is wiped, as all that is stored.
        return session.run.forget();
    }
    capture.breadcrumbs.follow(|| session.session_id());
    announce(capture, 0);
    match found {
        Found::Nothing => push_start(capture, 0, now, None, None),
        Found::Unreadable => push_start(capture, 0, now, None, Some(End::Unknown.as_str())),
        Found::Previous(previous) => {
            let end = Some(previous.end.as_str());
            push_start(capture, 0, now, Some(previous.session_id()), end);
        }
    }
    session.has_begun(0, &*capture.clock);
    if let Found::Previous(previous) = found {
        tell_previous(capture, previous, kept);
    }
    // Only now: killed before, the next start finds the same marker and tells of it again.
    mark(capture);
}

/// Has the run's marker say that it goes on.
fn mark(capture: &Capture) {
    let session = &capture.session;
    let install_id = Uuid::parse_str(session.install_id()).unwrap_or_default();
    let now = capture.clock.moment();
    session.run.begin(session.first_id(), install_id, now);
}

/// Notes the time of something that is captured or kept, and begins another session before it if it
/// ends a long silence. To be called when
/// [`Session::is_to_note`](crate::session::Session::is_to_note) says so.
#[cold]
pub(crate) fn note_time(capture: &Capture) {
    let session = &capture.session;
    if session.has_expired(&*capture.clock) {
        begin_another(capture, Another::Inactivity);
    } else {
        session.active(&*capture.clock);
        // Before the pipeline is started nobody else says so.
        session.run.alive(capture.clock.moment());
    }
}

/// Begins another session of this run, unless another thread does, or there can be no more;
/// `false` when another thread does.
#[cold]
pub(crate) fn begin_another(capture: &Capture, why: Another) -> bool {
    let (session, now) = (&capture.session, capture.clock.unix_nanos());
    let Some(next) = session.take_next() else {
        return session.is_last();
    };
    // Another thread may have seen the same silence, and have begun a session since.
    if matches!(why, Another::Inactivity) && !session.has_expired(&*capture.clock) {
        session.begins_none();
        return false;
    }
    let before = session.session_id();
    announce(capture, next);
    let (before, why) = match why {
        Another::Inactivity => (Some(before), "inactivity"),
        Another::Consent => {
            mark(capture);
            (None, "consent")
        }
    };
    push_start(capture, next, now, before, Some(why));
    session.has_begun(next, &*capture.clock);
    capture.breadcrumbs.follow(|| session.session_id());
    true
}

/// Puts into the queue what had found no room there.
pub(crate) fn pay(capture: &Capture) {
    let takes = |packed: &[u8]| capture.queue.push(Lane::Error, packed).is_ok();
    capture.session.owed.pay(takes);
}

/// Gives up what had found no room in the queue, because consent is withdrawn.
pub(crate) fn forgive(capture: &Capture) {
    let count = capture.session.owed.pay(|_| true);
    let Diagnostics { taken_in, .. } = &*capture.diagnostics;
    taken_in.fetch_add(count, Ordering::Relaxed);
    capture.diagnostics.discard(DiscardReason::Denied, count);
}

/// Says how a run before this one ended, and what it did last, of what was kept.
pub(crate) fn tell_previous(capture: &Capture, previous: &Previous, kept: &breadcrumbs::Previous) {
    if capture.denied.load(Ordering::Relaxed) {
        return;
    }
    // Those of an older session say nothing of this end.
    let are_its_own = kept.session_id == Some(previous.session_id());
    let breadcrumbs: &[_] = if are_its_own { &kept.breadcrumbs } else { &[] };
    let severity = severity(previous);
    let head = capture.session.head(severity, capture.clock.unix_nanos());
    let end = previous.end.as_str();
    tell(capture, head, |members| {
        members.attribute("event.name", "previous_session_ended");
        members.attribute(PREVIOUS_ID, previous.session_id().to_string().as_str());
        members.attribute(PREVIOUS_END, end);
        for (name, unix_nanos) in [
            ("soliplex.previous.started", previous.started),
            ("soliplex.previous.last_alive", previous.last_alive),
        ] {
            members.attribute(name, timestamp(unix_nanos).to_string().as_str());
        }
        members.attribute("soliplex.previous.run_time_ms", previous.run_time_ms());
        let lifecycle = previous.lifecycle.as_str();
        members.attribute("soliplex.previous.lifecycle", lifecycle);
        members.message(match previous.end {
            End::Clean => "previous session ended in order",
            End::Panic => "previous session ended by a panic",
            End::Uncleanly => "previous session ended uncleanly",
            End::Suspended => "previous session ended while its files were released",
            End::Unknown => "how the previous session ended is not known",
        });
        if !breadcrumbs.is_empty() {
            members.breadcrumbs(breadcrumbs);
        }
    });
    if severity >= Severity::Error {
        capture.wake.note_urgent();
    }
}

/// An end that somebody should hear of soon is an error. What a phone does to applications that
/// nobody looks at is none.
fn severity(previous: &Previous) -> Severity {
    let seen = previous.lifecycle == Lifecycle::Foreground;
    match previous.end {
        End::Panic => Severity::Error,
        End::Uncleanly if seen => Severity::Error,
        End::Uncleanly | End::Clean | End::Suspended | End::Unknown => Severity::Info,
    }
}

/// Puts a session's facts into the queue before its first record, so that a session that ends
/// before the worker has written anything is known all the same. Where there is no room for them
/// the worker writes them with its first commit.
fn announce(capture: &Capture, generation: u16) {
    let head = capture.session.announcement(generation);
    let facts = capture.session.facts(head.context).to_json();
    let packed = [&head.to_bytes(Form::Queued)[..], &facts].concat();
    let _ = capture.queue.push(Lane::Error, &packed);
}

fn push_start(
    capture: &Capture,
    generation: u16,
    now: i64,
    previous_id: Option<Uuid>,
    previous_end: Option<&str>,
) {
    let session = &capture.session;
    let head = session.first_head(generation, Severity::Info, now);
    tell(capture, head, |members| {
        members.attribute("event.name", "session.start");
        let facts = FACTS.into_iter();
        for (name, value) in facts.filter_map(|name| Some((name, session.resource().get(name)?))) {
            attribute(members, name, value);
        }
        members.attribute("app.installation.id", session.install_id());
        if let Some(id) = previous_id {
            members.attribute(PREVIOUS_ID, id.to_string().as_str());
        }
        if let Some(end) = previous_end {
            members.attribute(PREVIOUS_END, end);
        }
        members.message("session started");
        session.bound.write(members);
    });
}

/// Puts a record of ours into the queue, now or as soon as there is room: what tells of a session
/// is told, however full the queue is.
fn tell(capture: &Capture, head: PackedHead, write: impl FnOnce(&mut Members<'_>)) {
    if let Err(packed) = push(capture, head, write)
        && !capture.session.owed.owe(packed)
    {
        capture.count_refused(&head);
    }
}

/// Counts a record of ours and puts it into the queue, where it is admitted like an error. Whose it
/// is, if anybody's, is for `write` to say.
///
/// # Errors
///
/// The record, when there is no room for it.
pub(crate) fn push(
    capture: &Capture,
    head: PackedHead,
    write: impl FnOnce(&mut Members<'_>),
) -> Result<(), Vec<u8>> {
    let mut packed = Buffer::new();
    packed.piece(&head.to_bytes(Form::Queued));
    let mut members = Members::begin(&mut packed, head.severity, LOGGER);
    write(&mut members);
    members.end();
    capture
        .diagnostics
        .announced
        .fetch_add(1, Ordering::Relaxed);
    let pushed = capture.queue.push(Lane::Error, &packed);
    pushed.map(drop).map_err(|_| packed.into_vec())
}

fn attribute(members: &mut Members<'_>, name: &str, value: &AnyValue) {
    match value {
        AnyValue::String(text) => members.attribute(name, text.as_str()),
        value => {
            let mut json = Vec::new();
            soliplex_wire::encode::json(&mut json, value);
            members.attribute(name, Value::Json(&json));
        }
    }
}

impl Previous {
    /// The session it ended in.
    fn session_id(&self) -> Uuid {
        session_id(self.first_session, self.generation)
    }
}

const PREVIOUS_ID: &str = "session.previous_id";
const PREVIOUS_END: &str = "soliplex.previous.end";

#[cfg(test)]
mod tests;
