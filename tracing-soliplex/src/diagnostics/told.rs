//! The words in which the pipeline speaks of itself: why a record went, what delivery is doing, and
//! what the application's callback is told.

use std::fmt;

/// Why a record was given up. Every record that was captured and not delivered is waiting, or is
/// counted under one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DiscardReason {
    /// The pipeline is [strict](crate::Builder::strict), and the event came to an export layer that
    /// is not below a sanitizing root.
    Unsanitized,
    /// The queue had no room for a record of this severity: it was logged faster than it could
    /// be stored, or while the queue's file was let go of. What was refused between the store's
    /// last commit and a kill is counted and told by the next start; where the files were let go of
    /// meanwhile, only the gap in the numbers tells.
    QueueFull,
    /// A crash tore the record apart before it was whole.
    Torn,
    /// The spool reached its bound in bytes; the least severe, oldest records went.
    SpoolFull,
    /// The record was older than the spool keeps.
    Expired,
    /// The store was damaged and has been set aside under another name.
    SpoolDamaged,
    /// The server will never take the record as it is; see the dead letters.
    Rejected,
    /// Consent was withdrawn.
    Denied,
    /// Another process gave the record up, which had the store while this one had
    /// [let go of it](crate::Soliplex::suspend). Why, the loss record tells which that process made.
    Elsewhere,
}

impl DiscardReason {
    /// Every reason, in the order in which a record can meet them.
    pub const ALL: [DiscardReason; 9] = [
        DiscardReason::Unsanitized,
        DiscardReason::QueueFull,
        DiscardReason::Torn,
        DiscardReason::SpoolFull,
        DiscardReason::Expired,
        DiscardReason::SpoolDamaged,
        DiscardReason::Rejected,
        DiscardReason::Denied,
        DiscardReason::Elsewhere,
    ];

    /// The reason as it stands in loss records and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            DiscardReason::Unsanitized => "unsanitized",
            DiscardReason::QueueFull => "queue_full",
            DiscardReason::Torn => "torn",
            DiscardReason::SpoolFull => "spool_full",
            DiscardReason::Expired => "expired",
            DiscardReason::SpoolDamaged => "spool_damaged",
            DiscardReason::Rejected => "rejected",
            DiscardReason::Denied => "denied",
            DiscardReason::Elsewhere => "elsewhere",
        }
    }
}

impl fmt::Display for DiscardReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What delivery is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Records go out as they come.
    #[default]
    Active,
    /// There is no network, as the application or its network checker says.
    Offline,
    /// The server failed or could not be reached; the next attempt has its time.
    BackingOff,
    /// A token or a changed configuration is needed: nobody is logged in, or the server refuses this
    /// client.
    Parked,
    /// Delivery is switched off, has no endpoint, or waits for the user's consent or for the files
    /// that a sleep has let go of.
    Disabled,
}

/// Something the application's owner may want to know. Holds no token and no record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Diagnostic {
    /// Records were given up.
    Discarded {
        /// Why.
        reason: DiscardReason,
        /// How many.
        count: u64,
    },
    /// An attempt to deliver failed; it will be made again.
    ExportFailed {
        /// What happened, in words.
        error: String,
    },
    /// Delivery has come to a stop until something changes.
    Parked {
        /// What has to change, in words.
        error: String,
    },
    /// Delivery goes on after a stop or a failure.
    Recovered,
    /// The worker has ended by a defect of its own. Records are kept in the queue as long as it
    /// has room, and the next start delivers them.
    Stopped,
    /// The store could not be used. Records stay in the queue, and it is tried again; without a
    /// queue on disk they are kept in memory only.
    StoreUnavailable {
        /// What happened, in words.
        error: String,
    },
    /// A damaged file was set aside and a fresh one begun.
    SetAside {
        /// The name under which the file was kept.
        file: String,
    },
    /// A file beside the store could not be used as it was: the breadcrumbs', or the marker by which
    /// a run tells the next how it ended. What it said of earlier runs is lost; where it could not
    /// be replaced, the next start knows as little of this one.
    FileUnavailable {
        /// Its name in the store directory.
        file: String,
        /// What happened, in words.
        error: String,
    },
    /// The layers are not below a sanitizing root. Our own copy of each record is sanitized all
    /// the same, or none is made where the pipeline is [strict](crate::Builder::strict); what other
    /// layers show is not sanitized. Told once for each stack.
    UnsanitizedStack,
}
