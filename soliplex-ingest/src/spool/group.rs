//! The commands that share a commit, and whether that one waits for more of them.

use std::sync::Arc;

use tokio::sync::oneshot;
use uuid::Uuid;

use super::room::Space;
use super::store::StoreError;
use super::{AppendError, Appended, Batch, Facts};

/// A batch that makes place for its parts.
pub(super) struct Split {
    pub(super) seq: u64,
    pub(super) parts: Vec<(u64, Facts)>,
    pub(super) reply: oneshot::Sender<Result<(), AppendError>>,
}

/// What a group of commands comes to: first worked out, then committed, then told.
#[derive(Default)]
pub(super) struct Group {
    pub(super) append: Vec<(u64, Batch)>,
    pub(super) new_ids: Vec<Uuid>,
    pub(super) remove: Vec<u64>,
    pub(super) splits: Vec<Split>,
    pub(super) replies: Vec<(oneshot::Sender<Result<Appended, AppendError>>, Appended)>,
    pub(super) reopens: Vec<oneshot::Sender<Result<(), Arc<StoreError>>>>,
    pub(super) flushes: Vec<oneshot::Sender<()>>,
    pub(super) bytes: u64,
    /// How much room the disk has, once that was asked.
    pub(super) space: Option<Option<Space>>,
}

impl Group {
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= MAX_COMMIT_BYTES
    }

    /// Whether to wait for more: nobody waits for this, or the last commit was shared, so that more
    /// clients are about. One client alone would wait for nobody, and a batch that was refused leaves
    /// nothing to commit.
    pub(super) fn may_wait(&self, was_shared: bool) -> bool {
        let is_asked_for =
            !(self.splits.is_empty() && self.reopens.is_empty() && self.flushes.is_empty());
        if is_asked_for || self.is_full() {
            false
        } else if self.replies.is_empty() {
            !self.remove.is_empty()
        } else {
            was_shared
        }
    }

    pub(super) fn is_shared(&self) -> bool {
        self.replies.len() > 1
    }
}

/// Bytes of one commit: enough for dozens of batches, little enough to stay within milliseconds.
const MAX_COMMIT_BYTES: u64 = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_alone_a_flush_a_full_commit_and_nothing_at_all_wait_for_nobody() {
        let appended = || {
            let appended = Appended {
                records: 1,
                duplicates: 0,
            };
            vec![(oneshot::channel().0, appended)]
        };
        let alone = || Group {
            replies: appended(),
            ..Default::default()
        };
        let confirmed = || Group {
            remove: vec![1],
            ..Default::default()
        };
        let split = Group {
            splits: vec![Split {
                seq: 1,
                parts: Vec::new(),
                reply: oneshot::channel().0,
            }],
            ..Default::default()
        };
        let reopen = Group {
            reopens: vec![oneshot::channel().0],
            ..Default::default()
        };
        let flush = Group {
            flushes: vec![oneshot::channel().0],
            ..alone()
        };
        let full = Group {
            bytes: MAX_COMMIT_BYTES,
            ..alone()
        };
        for (group, was_shared, expected) in [
            (alone(), false, false),
            (alone(), true, true),
            (confirmed(), false, true),
            (confirmed(), true, true),
            // What a refused batch leaves.
            (Group::default(), false, false),
            (Group::default(), true, false),
            (split, true, false),
            (reopen, true, false),
            (flush, true, false),
            (full, true, false),
        ] {
            assert_eq!(group.may_wait(was_shared), expected);
        }
    }
}
