//! What the writer is asked to do.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::store::StoreError;
use super::{AppendError, Appended, Batch};

/// One thing the writer is asked to do; whoever asked waits for the reply.
#[derive(Debug)]
pub(super) enum Command {
    Append {
        batch: Batch,
        reply: oneshot::Sender<Result<Appended, AppendError>>,
    },
    Confirm {
        seqs: Vec<u64>,
    },
    Split {
        seq: u64,
        parts: Vec<Batch>,
        reply: oneshot::Sender<Result<(), AppendError>>,
    },
    Flush {
        reply: oneshot::Sender<()>,
    },
    /// A read failed, and redb refuses everything after that.
    Reopen {
        reply: oneshot::Sender<Result<(), Arc<StoreError>>>,
    },
}
