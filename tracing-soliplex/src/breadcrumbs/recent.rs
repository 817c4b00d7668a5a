//! The recent records as an application shows them to its user.

use std::fmt;

use soliplex_wire::{Breadcrumb, Uuid};

use super::Breadcrumbs;
use super::filter::Filter;
use super::slot::Slot;

/// A record that is still there, in its short form.
///
/// `Debug` shows which record it is, never what it says.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecentRecord {
    /// Its place among all that were kept: the later, the greater.
    pub number: u64,
    /// The session that kept it; none when that is too long ago.
    pub session_id: Option<Uuid>,
    /// What is kept of it.
    pub breadcrumb: Breadcrumb,
}

/// What [`Soliplex::recent`](crate::Soliplex::recent) found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Recent {
    /// The records, newest first.
    pub records: Vec<RecentRecord>,
    /// Whether what is logged now is kept, so that "no records" can be told from "not collected".
    pub collection: Collection,
    /// Records that were not kept since the start, because two threads met in one place of the
    /// ring. It takes a thread that is held up for as long as all others need for a whole lap.
    pub skipped: u64,
}

/// Whether what is logged is kept as breadcrumbs at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Collection {
    /// It is.
    On,
    /// It is not: no [`BreadcrumbLayer`](crate::BreadcrumbLayer) is installed, or it refuses
    /// because it is [strict](crate::Builder::strict) and has no sanitizing root above.
    NoLayer,
    /// It is not: the pipeline is [switched off](crate::Soliplex::set_enabled) or
    /// [suspended](crate::Soliplex::suspend).
    Off,
    /// It is not: the user does not [allow](crate::Soliplex::set_consent) it.
    Denied,
}

impl Collection {
    /// Why nothing is kept, as a clause; none when something is.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Collection::On => None,
            Collection::NoLayer => Some("no breadcrumb layer is installed"),
            Collection::Off => Some("logging is switched off"),
            Collection::Denied => Some("the user does not allow it"),
        }
    }
}

impl Breadcrumbs {
    /// The records that the filter shows, newest first.
    pub(crate) fn recent(&self, filter: &Filter) -> Vec<RecentRecord> {
        let mut slot = Slot::new();
        let tail = self.ring.tail();
        (self.ring.oldest(tail)..tail)
            .rev()
            .filter_map(|ticket| self.recent_record(ticket, &mut slot))
            .filter(|record| filter.shows(record))
            .take(filter.most())
            .collect()
    }

    pub(super) fn recent_record(&self, ticket: u64, slot: &mut Slot) -> Option<RecentRecord> {
        Some(RecentRecord {
            number: ticket,
            breadcrumb: self.read(ticket, slot)?,
            session_id: self.session_id(slot.session),
        })
    }
}

impl fmt::Debug for RecentRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecentRecord")
            .field("number", &self.number)
            .field("session_id", &self.session_id)
            .field("breadcrumb", &self.breadcrumb)
            .finish()
    }
}
