//! The one thread that writes: it takes what has come together since the last commit, and commits
//! it.

use std::ops::RangeInclusive;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use prost::Message as _;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::command::Command;
use super::group::{Group, Split};
use super::seen::Seen;
use super::store::{Changes, IdGroup, StoreError};
use super::{AppendError, Appended, Batch, Refusal, Shared};
use crate::config::Limits;
use crate::error::Chain;
use crate::otlp::{self, packed};

pub(super) struct Writer {
    shared: Arc<Shared>,
    seen: Seen,
    next_seq: u64,
    /// What failed commits leave to be done; it goes with the next commit.
    owed: Owed,
    /// Splits whose commit failed: the file knows whether it took place.
    doubtful: Vec<(Split, Arc<StoreError>)>,
    /// Whether the file must be opened again before anything else.
    broken: bool,
}

/// What a failed commit leaves to be done. A commit that failed may have reached the disk all the
/// same, so what it appended is removed again and what it remembered is forgotten again; removing
/// what is not there does nothing.
#[derive(Default)]
struct Owed {
    remove: Vec<u64>,
    forget: Vec<RangeInclusive<u64>>,
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
        let writer = Writer {
            shared,
            seen,
            next_seq,
            owed: Owed::default(),
            doubtful: Vec::new(),
            broken: false,
        };
        writer.tell_ids();
        writer
    }

    pub(super) fn run(mut self, commands: &Receiver<Command>) {
        let mut was_shared = false;
        while let Some(first) = self.next(commands) {
            let mut group = Group::default();
            self.take(first, &mut group);
            // Whoever came while the last commit was under way shares this one.
            self.take_waiting(commands, &mut group);
            if group.may_wait(was_shared) {
                std::thread::sleep(GATHERING);
                self.take_waiting(commands, &mut group);
            }
            was_shared = group.is_shared();
            self.commit(group);
        }
    }

    fn take_waiting(&mut self, commands: &Receiver<Command>, group: &mut Group) {
        while !group.is_full()
            && let Ok(next) = commands.try_recv()
        {
            self.take(next, group);
        }
    }

    /// Waits for a command; while something is owed, tries to do it now and then.
    fn next(&mut self, commands: &Receiver<Command>) -> Option<Command> {
        while self.owes() {
            match commands.recv_timeout(RETRY_INTERVAL) {
                Ok(command) => return Some(command),
                Err(RecvTimeoutError::Timeout) => self.commit(Group::default()),
                Err(RecvTimeoutError::Disconnected) => {
                    self.commit(Group::default());
                    return None;
                }
            }
        }
        commands.recv().ok()
    }

    fn owes(&self) -> bool {
        self.broken || !self.owed.remove.is_empty() || !self.owed.forget.is_empty()
    }

    fn take(&mut self, command: Command, group: &mut Group) {
        match command {
            Command::Append { batch, reply } => self.take_append(batch, reply, group),
            Command::Confirm { seqs } => group.remove.extend(seqs),
            Command::Flush { reply } => group.flushes.push(reply),
            Command::Reopen { reply } => group.reopens.push(reply),
            Command::Split { seq, parts, reply } => {
                let parts = parts
                    .into_iter()
                    .map(|part| {
                        let facts = part.facts;
                        (self.place(part, group), facts)
                    })
                    .collect();
                group.splits.push(Split { seq, parts, reply });
            }
        }
    }

    fn take_append(
        &mut self,
        mut batch: Batch,
        reply: oneshot::Sender<Result<Appended, AppendError>>,
        group: &mut Group,
    ) {
        let bytes = u64::from(batch.facts.bytes);
        // Asked once a commit: what the commit itself takes is counted.
        let space = || *(group.space).get_or_insert_with(|| self.shared.store.space());
        if let Some(refusal) = self.shared.lacks(bytes + group.bytes, space) {
            self.shared.refused_bytes.store(bytes, Ordering::Relaxed);
            // Nobody waits any more when the client has gone.
            let _ = reply.send(Err(match refusal {
                Refusal::Full => AppendError::Full,
                _ => AppendError::DiskFull,
            }));
            return;
        }
        self.shared.refused_bytes.store(0, Ordering::Relaxed);
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
        let (new, known) = self.seen.insert_all(std::mem::take(&mut batch.ids));
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
        let is_packed = packed::is_packed(&batch.request);
        if let Ok(request) = packed::unpack(batch.request.clone())
            && let Ok(rest) = otlp::without(&request, &uids)
        {
            let rest = rest.encode_to_vec();
            batch.facts.records = batch.facts.records.saturating_sub(duplicates);
            batch.facts.bytes = u32::try_from(rest.len()).unwrap_or(u32::MAX);
            batch.request = if is_packed { packed::pack(&rest) } else { rest };
        }
        duplicates
    }

    fn place(&mut self, batch: Batch, group: &mut Group) -> u64 {
        let seq = self.next_seq;
        group.bytes += u64::from(batch.facts.bytes);
        group.append.push((seq, batch));
        self.next_seq += 1;
        seq
    }

    fn commit(&mut self, mut group: Group) {
        if (self.broken || !group.reopens.is_empty())
            && let Err(error) = self.reopen()
        {
            self.owed.remove.append(&mut group.remove);
            return self.refuse(group, &Arc::new(error));
        }
        let now_ms = now_ms();
        group.remove.append(&mut self.owed.remove);
        let mut forget = self.forget_expired(now_ms);
        forget.append(&mut self.owed.forget);
        let ids_key = self.next_seq;
        self.next_seq += 1;
        let split_away = group.splits.iter().map(|split| split.seq);
        let changes = Changes {
            append: group
                .append
                .iter()
                .map(|(seq, batch)| (*seq, batch.facts, &*batch.request))
                .collect(),
            remove: group.remove.iter().copied().chain(split_away).collect(),
            remember: (!group.new_ids.is_empty()).then_some((ids_key, now_ms, &*group.new_ids)),
            forget,
        };
        match self.shared.store.commit(&changes) {
            Ok(()) => {
                self.shared.failing.store(false, Ordering::Relaxed);
                if !group.new_ids.is_empty() {
                    self.seen.committed(ids_key, now_ms, group.new_ids.len());
                }
                self.tell_ids();
                self.tell_success(group);
            }
            Err(error) => {
                self.owed.forget = changes.forget;
                self.owed.forget.push(ids_key..=ids_key);
                self.tell_failure(group, Arc::new(error));
            }
        }
    }

    fn forget_expired(&mut self, now_ms: u64) -> Vec<RangeInclusive<u64>> {
        let mut expired = Vec::new();
        let ids = |keys| self.shared.store.ids(keys).ok();
        while let Some(keys) = self.seen.pop_expired(now_ms, ids) {
            expired.push(keys);
        }
        expired
    }

    /// Tells whoever asks which ids are remembered.
    fn tell_ids(&self) {
        let shared = &self.shared;
        let ids = self.seen.len() as u64;
        shared.ids.store(ids, Ordering::Relaxed);
        let oldest = self.seen.oldest_ms().unwrap_or(0);
        shared.oldest_id_ms.store(oldest, Ordering::Relaxed);
        let early = self.seen.early();
        shared.ids_forgotten_early.store(early, Ordering::Relaxed);
    }

    fn tell_success(&self, group: Group) {
        let mut waiting = self
            .shared
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for split in &group.splits {
            waiting.remove(&[split.seq]);
        }
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
        for split in group.splits {
            let _ = split.reply.send(Ok(()));
        }
        for reply in group.flushes {
            let _ = reply.send(());
        }
        for reply in group.reopens {
            let _ = reply.send(Ok(()));
        }
    }

    /// Takes back what a failed commit may have written.
    fn tell_failure(&mut self, mut group: Group, error: Arc<StoreError>) {
        tracing::error!(error = %Chain(&*error), "the spool could not be written");
        let splits = std::mem::take(&mut group.splits);
        let of_a_split = |seq: &u64| {
            let mut parts = splits.iter().flat_map(|split| &split.parts);
            parts.any(|(part, _)| part == seq)
        };
        let appended = group.append.iter().map(|(seq, _)| *seq);
        self.owed.remove = std::mem::take(&mut group.remove);
        self.owed
            .remove
            .extend(appended.filter(|seq| !of_a_split(seq)));
        let doubtful = splits.into_iter().map(|split| (split, Arc::clone(&error)));
        self.doubtful.extend(doubtful);
        self.refuse(group, &error);
        // redb refuses everything after a failed write until the file is opened again.
        self.broken = true;
        if let Err(error) = self.reopen() {
            tracing::error!(error = %Chain(&error), "the spool could not be opened again");
        }
    }

    /// Tells everyone in a group that nothing of it was kept.
    fn refuse(&mut self, group: Group, error: &Arc<StoreError>) {
        self.shared.failing.store(true, Ordering::Relaxed);
        self.seen.forget(&group.new_ids);
        for (reply, _) in group.replies {
            let _ = reply.send(Err(AppendError::Storage(Arc::clone(error))));
        }
        for split in group.splits {
            let _ = split
                .reply
                .send(Err(AppendError::Storage(Arc::clone(error))));
        }
        for reply in group.flushes {
            let _ = reply.send(());
        }
        for reply in group.reopens {
            let _ = reply.send(Err(Arc::clone(error)));
        }
    }

    /// Opens the file again, and looks up what became of the splits in doubt.
    fn reopen(&mut self) -> Result<(), StoreError> {
        self.broken = true;
        self.shared.store.reopen()?;
        while let Some((split, error)) = self.doubtful.pop() {
            match self.shared.store.holds(split.seq) {
                Ok(true) => {
                    let _ = split.reply.send(Err(AppendError::Storage(error)));
                }
                Ok(false) => {
                    let mut waiting = self.shared.waiting();
                    waiting.remove(&[split.seq]);
                    for (seq, facts) in split.parts {
                        waiting.add(seq, facts);
                    }
                    drop(waiting);
                    self.shared.arrived.notify_one();
                    let _ = split.reply.send(Ok(()));
                }
                Err(failed) => {
                    self.doubtful.push((split, error));
                    return Err(failed);
                }
            }
        }
        self.broken = false;
        Ok(())
    }
}

fn now_ms() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0)
}

/// How long a commit waits for others to share it.
const GATHERING: Duration = Duration::from_millis(3);

/// How often what a failed commit left is tried again while nobody asks for anything.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
