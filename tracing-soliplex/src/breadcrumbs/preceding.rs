//! What led up to an error: the last records of its session before it, without the error itself.

use std::cell::Cell;
use std::ptr;

use soliplex_wire::encode::Members;
use soliplex_wire::{Breadcrumb, BreadcrumbRef};

use super::Breadcrumbs;
use super::ring::Found;
use super::slot::Slot;
use crate::clock::timestamp;

/// Slots that are looked at for each record that is wanted: those of records that were skipped, or
/// are being written, come between, and an error must not search a large ring for ever.
const MOST_LOOKED_AT: u64 = 4;

/// The records before one moment.
#[derive(Debug)]
pub(super) struct Preceding<'a> {
    breadcrumbs: &'a Breadcrumbs,
    session: u64,
    /// Tickets, from the oldest on.
    from: u64,
    before: u64,
}

/// What was kept of the event that this thread is handing on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Own {
    /// Whose ring it is in.
    ring: usize,
    ticket: u64,
    /// When it happened: the clock need be asked only once an event.
    pub(crate) unix_nanos: i64,
}

thread_local! {
    /// The record of the event that this thread is handing from layer to layer, where the
    /// breadcrumbs' layer stands before the export layer.
    static OWN: Cell<Option<Own>> = const { Cell::new(None) };
}

impl Breadcrumbs {
    /// This thread has begun with another event: what it kept before is no longer the same one.
    pub(crate) fn forget_own() {
        let _ = OWN.try_with(|own| own.set(None));
    }

    /// The record with this ticket is the event that this thread is handing on.
    #[inline]
    pub(super) fn remember_own(&self, ticket: u64, unix_nanos: i64) {
        let own = Own {
            ring: ptr::from_ref(self).addr(),
            ticket,
            unix_nanos,
        };
        // A thread that is ending has its record all the same, as a breadcrumb of itself.
        let _ = OWN.try_with(|kept| kept.set(Some(own)));
    }

    /// What was kept here of the event that this thread is handing on.
    #[inline]
    pub(crate) fn take_own(&self) -> Option<Own> {
        let own = OWN.try_with(Cell::take).ok().flatten();
        own.filter(|own| own.ring == ptr::from_ref(self).addr())
    }

    /// Attaches to an error's record what led up to the error, which was kept as `own`.
    pub(crate) fn attach(&self, members: &mut Members<'_>, own: Option<Own>) {
        self.attach_before(members, own.map(|own| own.ticket));
    }

    /// Attaches what led up to this moment, for a panic.
    pub(crate) fn attach_latest(&self, members: &mut Members<'_>) {
        self.attach_before(members, None);
    }

    fn attach_before(&self, members: &mut Members<'_>, ticket: Option<u64>) {
        let preceding = self.preceding(ticket);
        if !preceding.is_empty() {
            members.breadcrumbs_by(|tell| preceding.each(tell));
        }
    }

    /// What led up to the record with this ticket, or to this moment.
    pub(super) fn preceding(&self, before: Option<u64>) -> Preceding<'_> {
        let tail = self.ring.tail();
        let before = before.unwrap_or(tail).min(tail);
        let mut preceding = Preceding {
            breadcrumbs: self,
            session: self.ring.session(),
            from: before,
            before,
        };
        let looked_at = before.saturating_sub(MOST_LOOKED_AT * self.attached as u64);
        let oldest = self.ring.oldest(tail).max(looked_at);
        let mut wanted = self.attached;
        for ticket in (oldest..before).rev() {
            if wanted == 0 {
                break;
            }
            match self.ring.session_of(ticket) {
                None => {}
                Some(session) if session != preceding.session => break,
                Some(_) => {
                    preceding.from = ticket;
                    wanted -= 1;
                }
            }
        }
        preceding
    }
}

impl Preceding<'_> {
    fn is_empty(&self) -> bool {
        self.from == self.before
    }

    /// Hands over one after the other, oldest first, without allocating.
    fn each(&self, tell: &mut dyn FnMut(&BreadcrumbRef<'_>)) {
        let mut slot = Slot::new();
        for ticket in self.from..self.before {
            // Another thread may have written over it by now.
            if !self.read(ticket, &mut slot) {
                continue;
            }
            let Some(texts) = slot.texts() else { continue };
            let by_logger = || self.breadcrumbs.categories.of(texts.logger).as_str();
            tell(&BreadcrumbRef {
                timestamp: Some(timestamp(slot.unix_nanos)),
                severity: slot.head.severity,
                logger: texts.logger,
                message: texts.message,
                category: texts.category.unwrap_or_else(by_logger),
            });
        }
    }

    pub(super) fn collect(&self) -> Vec<Breadcrumb> {
        let mut slot = Slot::new();
        (self.from..self.before)
            .filter(|ticket| self.read(*ticket, &mut Slot::new()))
            .filter_map(|ticket| self.breadcrumbs.read(ticket, &mut slot))
            .collect()
    }

    /// Whether a record of the session stands there.
    fn read(&self, ticket: u64, slot: &mut Slot) -> bool {
        self.breadcrumbs.ring.read(ticket, slot) == Found::Whole && slot.session == self.session
    }
}
