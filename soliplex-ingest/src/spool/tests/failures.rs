//! A disk that fails, and commits that share it.

use std::collections::BTreeSet;

use super::*;

/// Appends ten batches and gives what was acknowledged, by the first id of each.
fn append_ten(spool: &Spool) -> BTreeMap<u64, bool> {
    (0..10)
        .map(|n| {
            (
                n * 3,
                block_on(spool.append(batch(&[n * 3, n * 3 + 1, n * 3 + 2]))).is_ok(),
            )
        })
        .collect()
}

fn acknowledged(answers: &BTreeMap<u64, bool>) -> Vec<u128> {
    let good = answers.iter().filter(|(_, good)| **good);
    good.flat_map(|(first, _)| *first..*first + 3)
        .map(u128::from)
        .collect()
}

#[test]
fn a_failed_write_refuses_its_batch_and_costs_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let mut refused_somewhere = false;
    for fail_at in 20..120 {
        let disk = Disk::new(fail_at, i64::MAX, false);
        // A write that fails while the file is made is a server that does not start.
        let Ok(spool) = Spool::open_with(dir.path(), &limits(""), &disk.opener()) else {
            continue;
        };
        let answers = append_ten(&spool);
        refused_somewhere |= answers.values().any(|good| !good);
        assert!(
            answers.values().filter(|good| !**good).count() <= 1,
            "write {fail_at}: {answers:?}"
        );
        assert_eq!(
            waiting_ids(&spool),
            acknowledged(&answers),
            "write {fail_at}"
        );
        for first in answers
            .iter()
            .filter(|(_, good)| !**good)
            .map(|(first, _)| *first)
        {
            let appended = block_on(spool.append(batch(&[first, first + 1, first + 2]))).unwrap();
            assert_eq!(
                (appended.records, appended.duplicates),
                (3, 0),
                "write {fail_at}"
            );
        }
        assert_eq!(spool.pending().records, 30);
    }
    assert!(
        refused_somewhere,
        "no write failed after the start: the range is wrong"
    );
}

#[test]
fn a_power_cut_at_any_sync_keeps_what_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut cut_somewhere = false;
    for cut_at in 2..40 {
        let disk = Disk::new(i64::MAX, cut_at, true);
        let Ok(spool) = Spool::open_with(dir.path(), &limits(""), &disk.opener()) else {
            continue;
        };
        let answers = append_ten(&spool);
        cut_somewhere |= answers.values().any(|good| !good);
        drop(spool);
        let spool =
            Spool::open_with(dir.path(), &limits(""), &disk.after_power_cut().opener()).unwrap();
        let kept = waiting_ids(&spool);
        for id in acknowledged(&answers) {
            assert!(
                kept.contains(&id),
                "sync {cut_at}: {id} was acknowledged and is gone"
            );
        }
        // What was refused may have reached the disk after all; sent again it is there once.
        for first in answers.keys() {
            let _ = block_on(spool.append(batch(&[*first, first + 1, first + 2]))).unwrap();
        }
        let mut all = waiting_ids(&spool);
        all.sort_unstable();
        assert_eq!(all, (0..30).collect::<Vec<u128>>(), "sync {cut_at}");
    }
    assert!(
        cut_somewhere,
        "no sync failed after the start: the range is wrong"
    );
}

/// What a server does with a batch after it was acknowledged, cut off at every sync of it.
#[test]
fn a_power_cut_at_a_confirm_a_split_or_a_forgetting_costs_no_record_and_doubles_none() {
    let dir = tempfile::tempdir().unwrap();
    let limits = limits("dedupe_ids = 6");
    let mut cut_at = BTreeSet::new();
    for sync in 2..60 {
        let disk = Disk::new(i64::MAX, sync, true);
        let Ok(spool) = Spool::open_with(dir.path(), &limits, &disk.opener()) else {
            continue;
        };
        let (mut safe, mut confirmed) = (BTreeSet::new(), BTreeSet::new());
        let mut last = None;
        for round in 0..8 {
            let ids = [round * 3, round * 3 + 1, round * 3 + 2];
            let forgets = spool.ids_forgotten_early();
            if block_on(spool.append(batch(&ids))).is_err() {
                cut_at.insert(if round >= 2 {
                    "a forgetting"
                } else {
                    "an append"
                });
                break;
            }
            assert!(round < 2 || spool.ids_forgotten_early() > forgets);
            safe.extend(ids.map(u128::from));
            last = Some(ids);
            let loan = spool.peek(1, 1)[0];
            let held = ids_of(&spool.read(loan.seq).unwrap().unwrap());
            let is_split = round % 2 == 0 && held.len() > 1;
            if is_split {
                let halves = [&held[..1], &held[1..]].map(|half| {
                    let half: Vec<u64> = half.iter().map(|id| *id as u64).collect();
                    Batch {
                        ids: Vec::new(),
                        ..batch(&half)
                    }
                });
                // Not waited for: of one in doubt nothing is said before the disk is back.
                spool.send(Command::Split {
                    seq: loan.seq,
                    parts: halves.into(),
                    reply: oneshot::channel().0,
                });
            } else {
                confirmed.extend(held);
                spool.confirm(vec![loan.seq]);
            }
            block_on(spool.flush());
            if spool.refusal() == Some(Refusal::Storage) {
                cut_at.insert(if is_split { "a split" } else { "a confirm" });
                break;
            }
        }
        drop(spool);
        let disk = disk.after_power_cut();
        let spool = Spool::open_with(dir.path(), &limits, &disk.opener()).unwrap();
        let waiting = waiting_ids(&spool);
        let found: BTreeSet<u128> = waiting.iter().copied().collect();
        assert_eq!(found.len(), waiting.len(), "sync {sync}: {waiting:?}");
        for id in safe.difference(&confirmed) {
            assert!(found.contains(id), "sync {sync}: {id} is gone");
        }
        // For its ids there was room.
        if let Some(last) = last {
            let answer = block_on(spool.append(batch(&last))).unwrap();
            assert_eq!((answer.records, answer.duplicates), (0, 3), "sync {sync}");
        }
    }
    let all = ["a confirm", "a forgetting", "a split", "an append"];
    assert_eq!(cut_at, BTreeSet::from(all), "the range is wrong");
}

#[tokio::test]
async fn batches_that_come_during_a_commit_share_the_next_one() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::new(i64::MAX, i64::MAX, false);
    let spool = Spool::open_with(dir.path(), &limits(""), &disk.opener()).unwrap();
    let syncs = || i64::MAX - disk.syncs_left();
    let _ = spool.append(batch(&[1000])).await.unwrap();
    let before = syncs();
    let _ = spool.append(batch(&[1001])).await.unwrap();
    let per_commit = syncs() - before;

    // While the disk is held, the first of these commits and the others gather behind it.
    let before = syncs();
    let held = disk.hold();
    let (sent, answers): (Vec<_>, Vec<_>) = (0..100)
        .map(|number| oneshot_append(&spool, batch(&[number])))
        .unzip();
    drop(held);
    assert!(sent.into_iter().all(|sent| sent));
    for answer in answers {
        let _ = answer.await.unwrap().unwrap();
    }
    assert!(
        syncs() - before <= 3 * per_commit,
        "{} syncs for 100 batches",
        syncs() - before
    );
}

/// Sends a batch to the writer without waiting for it.
fn oneshot_append(
    spool: &Spool,
    batch: Batch,
) -> (bool, oneshot::Receiver<Result<Appended, AppendError>>) {
    let (reply, answer) = oneshot::channel();
    let sent = spool
        .commands
        .as_ref()
        .unwrap()
        .send(Command::Append { batch, reply });
    (sent.is_ok(), answer)
}

#[test]
fn a_commit_in_doubt_leaves_nothing_that_memory_does_not_know() {
    let dir = tempfile::tempdir().unwrap();
    let mut doubted = 0;
    // A commit syncs more than once: one of these failures comes after the batch is in the file.
    for sound in 0..3 {
        let disk = Disk::new(i64::MAX, i64::MAX, false);
        let spool = Spool::open_with(dir.path(), &limits(""), &disk.opener()).unwrap();
        let _ = block_on(spool.append(batch(&[0]))).unwrap();
        disk.fail_sync_after(sound);
        if block_on(spool.append(batch(&[1]))).is_err() {
            doubted += 1;
            let again = block_on(spool.append(batch(&[1]))).unwrap();
            assert_eq!((again.records, again.duplicates), (1, 0), "sync {sound}");
        }
        drop(spool);
        let spool = Spool::open_with(dir.path(), &limits(""), &disk.opener()).unwrap();
        assert_eq!(waiting_ids(&spool), [0, 1], "sync {sound}");
        assert_eq!(block_on(spool.append(batch(&[1]))).unwrap().duplicates, 1);
    }
    assert!(doubted > 0, "no commit failed: the range is wrong");
}

#[test]
fn a_split_in_doubt_is_told_as_it_was_found() {
    let dir = tempfile::tempdir().unwrap();
    for sound in 0..3 {
        let disk = Disk::new(i64::MAX, i64::MAX, false);
        let spool = Spool::open_with(dir.path(), &limits(""), &disk.opener()).unwrap();
        let _ = block_on(spool.append(batch(&[1, 2]))).unwrap();
        let loan = spool.peek(1, 1)[0];
        disk.fail_sync_after(sound);
        let parts = vec![batch(&[1]), batch(&[2])];
        if block_on(spool.split(loan.seq, parts)).is_err() {
            spool.release(&[loan.seq]);
        }
        assert_eq!(waiting_ids(&spool), [1, 2], "sync {sound}");
        assert_eq!(spool.pending().records, 2);
        drop(spool);
        let spool = Spool::open_with(dir.path(), &limits(""), &disk.opener()).unwrap();
        assert_eq!(waiting_ids(&spool), [1, 2], "sync {sound}, opened again");
    }
}

#[test]
fn a_spool_says_why_it_refuses_and_that_it_does_no_longer() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = batch(&[0]).request.len();
    let disk = Disk::new(i64::MAX, i64::MAX, false);
    let limits = limits(&format!("spool_bytes = {}", bytes + bytes / 2));
    let spool = Spool::open_with(dir.path(), &limits, &disk.opener()).unwrap();
    assert_eq!(spool.refusal(), None);
    let _ = block_on(spool.append(batch(&[0]))).unwrap();
    assert_eq!(spool.refusal(), None, "a smaller one would fit");
    assert!(block_on(spool.append(batch(&[1]))).is_err());
    assert_eq!(spool.refusal(), Some(Refusal::Full));
    spool.confirm(spool.peek(1, 1).iter().map(|loan| loan.seq).collect());
    assert_eq!(spool.refusal(), None);
    block_on(spool.flush());

    disk.fail_sync_after(0);
    assert!(block_on(spool.append(batch(&[1]))).is_err());
    assert_eq!(spool.refusal(), Some(Refusal::Storage));
    let _ = block_on(spool.append(batch(&[1]))).unwrap();
    assert_eq!(spool.refusal(), None);

    spool.confirm(spool.peek(1, 1).iter().map(|loan| loan.seq).collect());
    block_on(spool.flush());
    disk.panic_on_write();
    let answer = block_on(spool.append(batch(&[2])));
    assert!(matches!(answer, Err(AppendError::Closed)), "{answer:?}");
    block_on(spool.gone());
    assert_eq!(spool.refusal(), Some(Refusal::Gone));
}
