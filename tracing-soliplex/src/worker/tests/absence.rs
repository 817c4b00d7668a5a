//! What became of the store while another process had it.

use super::*;
use crate::spool::{Append, Cursor, Directory, Frame, Lane, PeekLimits};

const FOUR: PeekLimits = PeekLimits {
    max_records: 4,
    max_bytes: u64::MAX,
};

fn deliver_four(spool: &mut Spool) {
    let peeked = spool.peek(Cursor::default(), FOUR).unwrap().unwrap();
    assert_eq!(peeked.records.len(), 4);
    spool.confirm(&peeked.handle, &[], 0).unwrap();
}

fn evict_all(spool: &mut Spool) {
    spool.evict(Some(i64::MAX)).unwrap();
}

fn append_three(spool: &mut Spool) {
    let frame = |seq| Frame {
        lane: Lane::Normal,
        context: 9,
        seq,
        unix_nanos: 1,
        payload: b"another's",
    };
    spool
        .append(Append {
            frames: &[frame(1), frame(2), frame(3)],
            ..Append::default()
        })
        .unwrap();
}

/// Whatever was missing afterwards was counted as delivered, and a deleted file with it.
#[tokio::test(start_paused = true)]
async fn what_another_process_did_with_the_store_is_found_out_and_never_called_delivered() {
    use DiscardReason::{Elsewhere, SpoolDamaged};
    type Does = fn(&mut Spool);
    let cases: [(&[Does], _, _, _); 6] = [
        (&[], 0, 10, None),
        (&[deliver_four], 4, 6, None),
        (&[deliver_four, evict_all], 4, 0, Some((Elsewhere, 6))),
        (&[evict_all, append_three], 0, 3, Some((Elsewhere, 7))),
        (&[deliver_four, append_three], 4, 9, None),
        (
            &[|spool| spool.wipe().unwrap()],
            0,
            0,
            Some((Elsewhere, 10)),
        ),
    ];
    let deletes = (&[][..], 0, 0, Some((SpoolDamaged, 10)));
    for (case, (does, delivered, waiting, lost)) in cases.into_iter().chain([deletes]).enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let options = SpoolOptions::default();
        let pipeline = Pipeline::start_on(Some(folder.path()), |_| {}, options.clone());
        pipeline.server.answers_always(Some(BUSY));
        // A chunk of its own, which may leave alone.
        for count in [4, 6] {
            pipeline.log_many(count);
            let _ = pipeline.flush(Duration::from_secs(1)).await;
        }
        assert!(pipeline.suspend().await);
        if case < 6 {
            let directory = Directory::open(folder.path()).unwrap();
            let (mut other, _) = Spool::open_in(directory, &options).unwrap();
            does.iter().for_each(|does| does(&mut other));
        } else {
            std::fs::remove_file(folder.path().join("spool.redb")).unwrap();
        }
        let (reply, resumed) = oneshot::channel();
        let resume = Command::Resume(Box::new(move || reply.send(()).unwrap()));
        pipeline.commands.send(resume).ok().unwrap();
        resumed.await.unwrap();
        let stats = pipeline.capture.diagnostics.stats();
        assert_eq!(
            (stats.delivered, stats.waiting),
            (delivered, waiting),
            "{case}"
        );
        assert_eq!(
            stats.discarded,
            lost.into_iter().collect::<Vec<_>>(),
            "{case}"
        );
        pipeline.assert_accounted();
    }
}
