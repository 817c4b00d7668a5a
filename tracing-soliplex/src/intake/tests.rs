//! What a record keeps when the process that logged it is killed and another one stores it.

use std::path::Path;

use soliplex_wire::{Attributes, Uuid};

use super::join::SESSIONS;
use super::*;
use crate::clock::SystemClock;
use crate::queue::{Lane as QueueLane, Queue, QueueOptions};
use crate::session::Facts;
use crate::spool::{Cursor, Directory, Disk, PeekLimits, SpoolOptions};

mod before;
mod denied;
mod power_cut;
mod printing;
mod sessions;

/// One run of the application on a folder, without a worker's thread: dropping it is a kill.
struct Run {
    session: Arc<Session>,
    queue: Arc<Queue>,
    diagnostics: Arc<Diagnostics>,
    intake: Intake,
    spool: Spool,
}

impl Run {
    fn start(folder: &Path) -> Run {
        let directory = Directory::open(folder).unwrap();
        let (spool, _) = Spool::open_in(directory, &SpoolOptions::default()).unwrap();
        Run::begin(folder, spool).joined()
    }

    /// With the spool on a disk that can fail.
    fn begin_on(folder: &Path, disk: &Disk) -> Run {
        let disk = disk.clone();
        let supply = move || Ok(disk.clone());
        let (spool, _) = Spool::with_backend(supply, &SpoolOptions::default()).unwrap();
        Run::begin(folder, spool)
    }

    fn joined(mut self) -> Run {
        self.intake.join(&mut self.spool).unwrap();
        self
    }

    fn begin(folder: &Path, spool: Spool) -> Run {
        let (queue, reader, _) = Queue::open(&folder.join("queue.ring"), QueueOptions::default());
        assert!(queue.is_durable());
        let session = Arc::new(Session::new("install", &Attributes::new()));
        let announcement = session.announcement(0).to_bytes(Form::Queued);
        let facts = session.facts(session.context()).to_json();
        queue
            .push(QueueLane::Error, &[&announcement[..], &facts].concat())
            .unwrap();
        let diagnostics = Arc::new(Diagnostics::new(None));
        let intake = Intake::new(
            reader,
            Arc::clone(&session),
            Arc::new(SystemClock),
            Arc::clone(&diagnostics),
        );
        Run {
            session,
            queue,
            diagnostics,
            intake,
            spool,
        }
    }

    fn log(&self) {
        self.log_members(b"{}");
    }

    fn log_members(&self, members: &[u8]) {
        let head = self.session.head(Severity::Fatal, 1).to_bytes(Form::Queued);
        self.diagnostics.captured.fetch_add(1, Ordering::Relaxed);
        self.queue
            .push(QueueLane::Error, &[&head[..], members].concat())
            .unwrap();
    }

    fn store(&mut self) {
        let end = self.queue.end();
        while !self.intake.has_reached(end) {
            self.intake.run(&mut self.spool).unwrap();
        }
    }

    /// Delivers everything that is stored; the facts under which it went.
    fn deliver(&mut self) -> Vec<Facts> {
        const ALL: PeekLimits = PeekLimits {
            max_records: u64::MAX,
            max_bytes: u64::MAX,
        };
        let mut delivered = Vec::new();
        while let Some(peeked) = self.spool.peek(Cursor::default(), ALL).unwrap() {
            let facts = Facts::from_json(&peeked.facts).unwrap_or_default();
            delivered.extend(peeked.records.iter().map(|_| facts.clone()));
            self.spool.confirm(&peeked.handle, &[], 0).unwrap();
        }
        delivered
    }
}

#[test]
fn a_record_logged_before_a_kill_keeps_the_session_whose_records_had_all_been_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Run::start(folder.path());
    first.log();
    first.store();
    assert_eq!(first.deliver().len(), 1);
    first.log();
    let facts = first.session.facts(first.session.context());
    drop(first);

    let mut second = Run::start(folder.path());
    second.store();
    assert_eq!(second.deliver(), [facts]);
}

#[test]
fn a_start_that_is_killed_before_it_stores_anything_costs_no_record_its_session() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Run::start(folder.path());
    first.store();
    first.log();
    let facts = first.session.facts(first.session.context());
    drop(first);
    drop(Run::start(folder.path()));
    let mut third = Run::start(folder.path());
    third.store();
    assert_eq!(third.deliver(), [facts]);
}

#[test]
fn a_loss_that_cannot_be_told_keeps_the_number_it_was_given_first() {
    let disk = Disk::default();
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::begin_on(folder.path(), &disk).joined();
    run.diagnostics.discard(DiscardReason::QueueFull, 1);
    run.store();
    assert_eq!(run.spool.untold().len(), 1);
    disk.fail_from(1);
    for _ in 0..3 {
        run.intake.tell(&mut run.spool).unwrap_err();
    }
    disk.heal();
    assert_eq!(run.intake.tell(&mut run.spool).unwrap(), 1);
    assert_eq!(run.intake.tell(&mut run.spool).unwrap(), 0, "told once");
    assert_eq!(run.spool.waiting(), [FIRST + 1]);
}

/// The record that named the session was kept in memory, and stored when all else had been wiped.
#[test]
fn a_loss_that_could_not_be_told_is_not_told_into_a_store_that_was_wiped() {
    let disk = Disk::default();
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::begin_on(folder.path(), &disk).joined();
    run.diagnostics.discard_record(
        DiscardReason::QueueFull,
        &run.session.head(Severity::Info, 1),
    );
    run.store();
    disk.fail_from(1);
    run.intake.tell(&mut run.spool).unwrap_err();
    disk.heal();
    run.spool.wipe().unwrap();
    run.intake.join(&mut run.spool).unwrap();
    // By a thread that had begun to before consent was withdrawn.
    run.log();
    run.intake.run_denied(&mut run.spool).unwrap();
    assert_eq!(run.spool.waiting(), [0; 0]);
    let reasons = [DiscardReason::QueueFull, DiscardReason::Denied];
    let losses = reasons.map(|reason| Loss::counted(reason.as_str(), 1));
    assert_eq!(run.spool.untold(), losses, "counted, and nobody's");
    assert_eq!(run.spool.meta(SESSIONS).unwrap(), None);
    assert_eq!(run.diagnostics.stats().own, 0);
}

#[test]
fn the_first_record_of_a_session_waits_in_a_lane_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::start(folder.path());
    let first = run.session.first_head(0, Severity::Info, 1);
    let first = first.to_bytes(Form::Queued);
    run.queue
        .push(QueueLane::Error, &[&first[..], b"{}"].concat())
        .unwrap();
    (0..2).for_each(|_| run.log());
    run.store();
    let lanes = run.spool.stats().lanes.map(|lane| lane.records);
    assert_eq!(lanes[Lane::Marker as usize], 1, "{lanes:?}");
    assert_eq!(lanes[Lane::High as usize], 2, "{lanes:?}");
}

#[test]
fn a_frame_of_another_version_is_counted_where_it_came_from() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::start(folder.path());
    run.queue.push(QueueLane::Error, b"version 9").unwrap();
    run.store();
    let stats = run.diagnostics.stats();
    assert_eq!(stats.recovered, 1);
    assert_eq!(stats.discarded, [(DiscardReason::Torn, 1)]);
}

/// A failed commit may be on the disk. When what it held were nothing but losses, nothing in the
/// ring's position told of it, and they were stored again under the same number.
#[test]
fn a_loss_is_stored_once_whichever_call_to_the_disk_fails() {
    for n in 1.. {
        let disk = Disk::default();
        let folder = tempfile::tempdir().unwrap();
        let mut run = Run::begin_on(folder.path(), &disk).joined();
        run.store();
        let before = run.deliver().len();
        assert_eq!(before, 0);
        run.diagnostics.discard(DiscardReason::QueueFull, 3);
        disk.fail_from(n);
        let note_and_tell = |run: &mut Run| {
            run.intake.run(&mut run.spool)?;
            run.intake.tell(&mut run.spool)
        };
        let first = note_and_tell(&mut run);
        let has_failed = disk.has_failed();
        disk.heal();
        if first.is_err() {
            note_and_tell(&mut run).unwrap();
        }
        assert_eq!(run.deliver().len(), 1, "call {n}");
        assert_eq!(run.diagnostics.stats().own, 1, "call {n}");
        if !has_failed {
            assert!(n > 5, "too few calls to tell anything: {n}");
            return;
        }
    }
}

/// A day of the intake: records, a loss, a fact that may fail to be stored, more records. Whichever
/// call to the disk fails, and whether it is well again at the next step or stays broken to the end
/// of the day, each record is delivered once and the account is even.
#[test]
fn every_record_is_stored_once_whichever_call_to_the_disk_fails() {
    for stays in [false, true] {
        for n in 1.. {
            let disk = Disk::default();
            let folder = tempfile::tempdir().unwrap();
            let mut run = Run::begin_on(folder.path(), &disk).joined();
            if stays {
                disk.fail_from(n);
            } else {
                disk.fail_once_at(n);
            }
            for _ in 0..3 {
                run.log();
                let _ = run.intake.run(&mut run.spool);
                run.diagnostics.discard(DiscardReason::Torn, 1);
                run.diagnostics.recovered.fetch_add(1, Ordering::Relaxed);
                let _ = run.spool.put_meta("pace", &[1]);
                let _ = run.intake.run(&mut run.spool);
                let _ = run.intake.tell(&mut run.spool);
            }
            let has_failed = disk.has_failed();
            disk.heal();
            run.intake.run(&mut run.spool).unwrap();
            run.intake.tell(&mut run.spool).unwrap();
            run.store();
            let delivered = run.deliver().len() as u64;
            let stats = run.diagnostics.stats();
            assert_eq!(delivered, 3 + stats.own, "call {n}: {stats:?}");
            assert_eq!(stats.waiting, 0, "call {n}: {stats:?}");
            if !has_failed {
                assert!(n > 20, "too few calls to tell anything: {n}");
                break;
            }
        }
    }
}

/// A new ring begins its own count. Where the store could note only whose position it keeps, and
/// not the position, everything up to the old ring's was taken for stored.
#[test]
fn a_new_ring_keeps_its_records_whichever_call_to_the_disk_fails() {
    for n in 1.. {
        let disk = Disk::default();
        let before = tempfile::tempdir().unwrap();
        let mut run = Run::begin_on(before.path(), &disk).joined();
        (0..20).for_each(|_| run.log());
        run.store();
        run.deliver();
        drop(run);

        let folder = tempfile::tempdir().unwrap();
        let mut run = Run::begin_on(folder.path(), &disk);
        run.log();
        disk.fail_once_at(n);
        let joined = run.intake.join(&mut run.spool);
        let has_failed = disk.has_failed();
        disk.heal();
        // Tried again, or only by the next start.
        let mut run = if joined.is_err() && n % 2 == 0 {
            run.joined()
        } else {
            drop(run);
            Run::begin_on(folder.path(), &disk).joined()
        };
        run.store();
        assert_eq!(run.deliver().len(), 1, "call {n}");
        if !has_failed {
            assert!(n > 5, "too few calls to tell anything: {n}");
            return;
        }
    }
}
