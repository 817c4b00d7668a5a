//! What led up to an error: the last records of its session before it, without the error itself.

use std::cell::Cell;
use std::ptr;

use serde::ser::{Serialize, SerializeSeq, Serializer};
use soliplex_wire::encode::Members;
use soliplex_wire::{Breadcrumb, BreadcrumbRef};

use super::Breadcrumbs;
use super::ring::Found;
use super::slot::Slot;
use crate::clock::timestamp;

/// Slots that are looked at for each record that is wanted: those of records that were skipped, or
/// are being written, come between, and an error must not search a large ring for ever.
const MOST_LOOKED_AT: u64 = 4;

/// The records before one moment; serializes to the wire's `breadcrumbs`, oldest first, without
/// allocating.
#[derive(Debug)]
pub(super) struct Preceding<'a> {
    breadcrumbs: &'a Breadcrumbs,
    session: u64,
    /// Tickets, from the oldest on.
    from: u64,
    before: u64,
}

thread_local! {
    /// The record of the error that this thread is handing from layer to layer, where the
    /// breadcrumbs' layer stands before the export layer: whose ring, and which ticket.
    static OWN: Cell<Option<(usize, u64)>> = const { Cell::new(None) };
}

impl Breadcrumbs {
    /// This thread has begun with another event: what it kept before is no longer the same one.
    pub(crate) fn forget_own() {
        OWN.set(None);
    }

    /// The record with this ticket is the event that this thread is handing on.
    pub(super) fn remember_own(&self, ticket: u64) {
        OWN.set(Some((ptr::from_ref(self).addr(), ticket)));
    }

    /// Attaches to an error's record what led up to the error that this thread is handing on.
    pub(crate) fn attach(&self, members: &mut Members<'_>) {
        let here = ptr::from_ref(self).addr();
        let own = OWN.take().filter(|(ring, _)| *ring == here);
        self.attach_before(members, own.map(|(_, ticket)| ticket));
    }

    /// Attaches what led up to this moment, for a panic.
    pub(crate) fn attach_latest(&self, members: &mut Members<'_>) {
        self.attach_before(members, None);
    }

    fn attach_before(&self, members: &mut Members<'_>, ticket: Option<u64>) {
        let preceding = self.preceding(ticket);
        if !preceding.is_empty() {
            members.breadcrumbs(&preceding);
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
        let mut slot = Slot::new();
        let mut wanted = self.attached;
        for ticket in (oldest..before).rev() {
            if wanted == 0 {
                break;
            }
            if self.ring.read(ticket, &mut slot) == Found::Whole {
                if slot.session != preceding.session {
                    break;
                }
                preceding.from = ticket;
                wanted -= 1;
            }
        }
        preceding
    }
}

impl Preceding<'_> {
    fn is_empty(&self) -> bool {
        self.from == self.before
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

impl Serialize for Preceding<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(None)?;
        let mut slot = Slot::new();
        for ticket in self.from..self.before {
            // Another thread may have written over it by now.
            if !self.read(ticket, &mut slot) {
                continue;
            }
            if let Some(texts) = slot.texts() {
                let by_logger = || self.breadcrumbs.categories.of(texts.logger).as_str();
                sequence.serialize_element(&BreadcrumbRef {
                    timestamp: Some(timestamp(slot.unix_nanos)),
                    severity: slot.head.severity,
                    logger: texts.logger,
                    message: texts.message,
                    category: texts.category.unwrap_or_else(by_logger),
                })?;
            }
        }
        sequence.end()
    }
}
