//! The one thread that writes: it takes what has come together since the last commit, and commits it.

use std::sync::mpsc::Receiver;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use prost::Message as _;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::seen::Seen;
use super::store::{Changes, IdGroup, StoreError};
use super::{AppendError, Appended, Batch, Facts, Shared};
use crate::config::Limits;
use crate::otlp;

/// What the writer is asked to do.
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
}

pub(super) struct Writer {
    shared: Arc<Shared>,
    seen: Seen,
    next_seq: u64,
    spool_bytes: u64,
    headroom_bytes: u64,
    disk: Disk,
    /// Confirmed batches whose removal failed; they go with the next commit.
    unremoved: Vec<u64>,
}

/// What a group of commands comes to: first worked out, then committed, then told.
#[derive(Default)]
struct Group {
    append: Vec<(u64, Batch)>,
    new_ids: Vec<Uuid>,
    remove: Vec<u64>,
    split_away: Vec<u64>,
    replies: Vec<(oneshot::Sender<Result<Appended, AppendError>>, Appended)>,
    split_replies: Vec<oneshot::Sender<Result<(), AppendError>>>,
    flushes: Vec<oneshot::Sender<()>>,
    bytes: u64,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        limits: &Limits,
        next_seq: u64,
        ids: Vec<IdGroup>,
    ) -> Self {
        let mut seen = Seen::new(limits.dedupe_window, limits.dedupe_ids);
        for group in ids {
            for id in &group.ids {
                seen.insert(*id);
            }
            seen.committed(group.key, group.at_ms, group.ids.len());
        }
        Writer {
            shared,
            seen,
            next_seq,
            spool_bytes: limits.spool_bytes,
            headroom_bytes: limits.disk_headroom_bytes,
            disk: Disk::default(),
            unremoved: Vec::new(),
        }
    }

    pub(super) fn run(mut self, commands: &Receiver<Command>) {
        while let Ok(first) = commands.recv() {
            let mut group = Group::default();
            self.take(first, &mut group);
            // Whoever came while the last commit was under way shares this one.
            while group.bytes < MAX_COMMIT_BYTES
                && let Ok(next) = commands.try_recv()
            {
                self.take(next, &mut group);
            }
            self.commit(group);
        }
    }

    fn take(&mut self, command: Command, group: &mut Group) {
        match command {
            Command::Append { batch, reply } => self.take_append(batch, reply, group),
            Command::Confirm { seqs } => group.remove.extend(seqs),
            Command::Flush { reply } => group.flushes.push(reply),
            Command::Split { seq, parts, reply } => {
                group.split_away.push(seq);
                for part in parts {
                    self.place(part, group);
                }
                group.split_replies.push(reply);
            }
        }
    }

    fn take_append(
        &mut self,
        mut batch: Batch,
        reply: oneshot::Sender<Result<Appended, AppendError>>,
        group: &mut Group,
    ) {
        if let Err(error) = self.room_for(batch.request.len() as u64 + group.bytes) {
            // Nobody waits any more when the client has gone.
            let _ = reply.send(Err(error));
            return;
        }
        let records = batch.facts.records;
        let duplicates = self.take_new_ids(&mut batch, group);
        group.replies.push((
            reply,
            Appended {
                records: records.saturating_sub(duplicates),
                duplicates,
            },
        ));
        if batch.facts.records > 0 {
            self.place(batch, group);
        }
    }

    /// Remembers the batch's ids and takes the records out of it that were remembered before.
    fn take_new_ids(&mut self, batch: &mut Batch, group: &mut Group) -> u32 {
        let (new, known): (Vec<Uuid>, Vec<Uuid>) =
            batch.ids.drain(..).partition(|id| self.seen.insert(*id));
        group.new_ids.extend(new);
        if known.is_empty() {
            return 0;
        }
        let duplicates = u32::try_from(known.len()).unwrap_or(u32::MAX);
        if duplicates == batch.facts.records {
            batch.facts.records = 0;
            return duplicates;
        }
        let uids: Vec<String> = known.iter().map(Uuid::to_string).collect();
        // What this server encoded it can decode; were it not so, forwarding twice beats losing.
        if let Ok(rest) = otlp::without(&batch.request, &uids) {
            batch.request = rest.encode_to_vec();
            batch.facts.records = batch.facts.records.saturating_sub(duplicates);
            batch.facts.bytes = u32::try_from(batch.request.len()).unwrap_or(u32::MAX);
        }
        duplicates
    }

    fn place(&mut self, batch: Batch, group: &mut Group) {
        group.bytes += batch.request.len() as u64;
        group.append.push((self.next_seq, batch));
        self.next_seq += 1;
    }

    fn room_for(&mut self, more: u64) -> Result<(), AppendError> {
        let waiting = self.shared.waiting().pending().bytes;
        if waiting.saturating_add(more) > self.spool_bytes {
            return Err(AppendError::Full);
        }
        if self
            .disk
            .free_bytes(&self.shared)
            .is_some_and(|free| free < self.headroom_bytes.saturating_add(more))
        {
            return Err(AppendError::DiskFull);
        }
        Ok(())
    }

    fn commit(&mut self, mut group: Group) {
        let now_ms = now_ms();
        group.remove.append(&mut self.unremoved);
        let expired = self.forget_expired(now_ms);
        let ids_key = self.next_seq;
        let mut changes = Changes {
            append: group
                .append
                .iter()
                .map(|(seq, batch)| (*seq, batch.facts, &*batch.request))
                .collect(),
            remove: group
                .remove
                .iter()
                .chain(&group.split_away)
                .copied()
                .collect(),
            remember: None,
            forget: expired,
        };
        if !group.new_ids.is_empty() {
            self.next_seq += 1;
            changes.remember = Some((ids_key, now_ms, &group.new_ids));
        }
        let nothing = changes.append.is_empty()
            && changes.remove.is_empty()
            && changes.remember.is_none()
            && changes.forget.is_empty();
        let result = if nothing {
            Ok(())
        } else {
            self.shared.store.commit(&changes)
        };
        match result {
            Ok(()) => {
                if !group.new_ids.is_empty() {
                    self.seen.committed(ids_key, now_ms, group.new_ids.len());
                }
                self.tell_success(group);
            }
            Err(error) => self.tell_failure(group, error),
        }
    }

    fn forget_expired(&mut self, now_ms: u64) -> Vec<u64> {
        let mut expired = Vec::new();
        while let Some(key) = self.seen.pop_expired(now_ms) {
            // Ids that cannot be read stay marked until the next start: a few bytes, no harm.
            self.seen
                .forget(&self.shared.store.ids(key).unwrap_or_default());
            expired.push(key);
        }
        expired
    }

    fn tell_success(&self, group: Group) {
        let mut waiting = self
            .shared
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        waiting.remove(&group.split_away);
        for (seq, batch) in &group.append {
            waiting.add(*seq, batch.facts);
        }
        drop(waiting);
        if !group.append.is_empty() {
            self.shared.arrived.notify_one();
        }
        // A receiver that is gone was a client that hung up; its records are safe all the same.
        for (reply, appended) in group.replies {
            let _ = reply.send(Ok(appended));
        }
        for reply in group.split_replies {
            let _ = reply.send(Ok(()));
        }
        for reply in group.flushes {
            let _ = reply.send(());
        }
    }

    fn tell_failure(&mut self, group: Group, error: StoreError) {
        tracing::error!(error = %Chain(&error), "the spool could not be written");
        self.seen.forget(&group.new_ids);
        self.unremoved = group.remove;
        let error = Arc::new(error);
        for (reply, _) in group.replies {
            let _ = reply.send(Err(AppendError::Storage(Arc::clone(&error))));
        }
        for reply in group.split_replies {
            let _ = reply.send(Err(AppendError::Storage(Arc::clone(&error))));
        }
        for reply in group.flushes {
            let _ = reply.send(());
        }
        // redb refuses everything after a failed write until the file is opened again.
        if let Err(error) = self.shared.store.reopen() {
            tracing::error!(error = %Chain(&error), "the spool could not be opened again");
        }
    }
}

/// The disk's free space, asked for at most once a second.
#[derive(Default)]
struct Disk {
    asked: Option<(Instant, Option<u64>)>,
}

impl Disk {
    fn free_bytes(&mut self, shared: &Shared) -> Option<u64> {
        match self.asked {
            Some((at, free)) if at.elapsed().as_secs() < 1 => free,
            _ => {
                let free = shared.store.free_bytes();
                self.asked = Some((Instant::now(), free));
                free
            }
        }
    }
}

/// An error and its sources, on one line.
struct Chain<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

fn now_ms() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0)
}

impl Facts {
    /// The facts of an encoded request.
    pub(crate) fn of(request: &otlp::proto::ExportLogsServiceRequest, bytes: usize) -> Facts {
        let mut facts = Facts {
            records: 0,
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
            urgent: false,
            earliest: u64::MAX,
            latest: 0,
        };
        for record in otlp::records(request) {
            facts.records += 1;
            facts.urgent |=
                record.severity_number >= i32::from(soliplex_wire::Severity::Error.number());
            facts.earliest = facts.earliest.min(record.time_unix_nano);
            facts.latest = facts.latest.max(record.time_unix_nano);
        }
        facts
    }
}

/// Bytes of one commit: enough for dozens of batches, little enough to stay within milliseconds.
const MAX_COMMIT_BYTES: u64 = 8 << 20;
