//! No space left: nothing is lost, what can be delivered still leaves, and appending goes on by
//! itself when space returns.

use super::*;

const A_BATCH: PeekLimits = PeekLimits {
    max_records: 100,
    max_bytes: 900_000,
};

fn fill(spool: &mut Spool) -> (u64, AppendError) {
    for seq in 1.. {
        let payload = vec![1; 3_000];
        if let Err(error) = spool.append_records(&[Record {
            payload,
            ..record(Lane::Low, seq)
        }]) {
            return (seq - 1, error);
        }
    }
    unreachable!()
}

#[test]
fn a_full_disk_refuses_new_records_and_lets_old_ones_leave() {
    let disk = Disk::default();
    let mut spool = on_disk(&disk);
    disk.set_capacity(Some(disk.len() + 300_000));
    let (stored, error) = fill(&mut spool);
    assert!(matches!(error, AppendError::DiskFull), "{error:?}");
    assert_eq!(spool.stats().records(), stored);

    let peeked = spool.peek(Cursor::default(), A_BATCH).unwrap().unwrap();
    spool.confirm(&peeked.handle, &[], 0).unwrap();
    assert_eq!(spool.stats().records(), stored - 100);
    spool.append_records(&[record(Lane::High, 9_000)]).unwrap();
}

#[test]
fn a_spool_on_a_full_disk_works_again_when_space_returns() {
    let disk = Disk::default();
    let mut spool = on_disk(&disk);
    disk.set_capacity(Some(disk.len()));
    let (stored, _) = fill(&mut spool);
    for _ in 0..3 {
        let more = Record {
            payload: vec![1; 60_000],
            ..record(Lane::Low, stored + 1)
        };
        assert!(matches!(
            spool.append_records(&[more]),
            Err(AppendError::DiskFull)
        ));
    }
    disk.set_capacity(None);
    let more = Record {
        payload: vec![1; 60_000],
        ..record(Lane::Low, stored + 1)
    };
    spool.append_records(&[more]).unwrap();
    assert_eq!(spool.waiting(), (1..=stored + 1).collect::<Vec<_>>());
}

#[test]
fn a_full_disk_can_be_emptied_to_the_last_record() {
    let disk = Disk::default();
    let mut spool = on_disk(&disk);
    disk.set_capacity(Some(disk.len()));
    let (stored, _) = fill(&mut spool);
    let mut left = 0;
    let limits = PeekLimits {
        max_records: 1,
        ..NO_LIMITS
    };
    while let Some(peeked) = spool.peek(Cursor::default(), limits).unwrap() {
        left += spool.confirm(&peeked.handle, &[], 0).unwrap().records;
    }
    assert_eq!(left, stored);
}

#[test]
fn dead_letters_without_room_are_counted_and_let_go() {
    let disk = Disk::default();
    let mut spool = on_disk(&disk);
    disk.set_capacity(Some(disk.len()));
    let (stored, _) = fill(&mut spool);
    let peeked = spool.peek(Cursor::default(), A_BATCH).unwrap().unwrap();
    let refused = peeked.records.len();
    assert!(refused > 50, "too few to fill what is held back: {refused}");
    let dead: Vec<_> = (0..refused)
        .map(|record| DeadLetter {
            record,
            reason: "no",
        })
        .collect();
    let refused = refused as u64;
    let confirmed = spool.confirm(&peeked.handle, &dead, 0).unwrap();
    assert_eq!((confirmed.records, confirmed.dead), (refused, 0));
    assert_eq!(confirmed.dead_dropped, refused);
    let stats = spool.stats();
    assert_eq!(stats.records(), stored - refused);
    assert_eq!((stats.dead, stats.dead_dropped), (0, refused));
    assert_eq!(spool.untold()[0].count, Some(refused), "and they are told");
}

#[test]
fn what_is_held_back_is_given_up_for_the_second_try_and_taken_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = in_directory(directory.path());
    let path = directory.path().join("spool.headroom");
    let held = || std::fs::metadata(&path).map_or(0, |found| found.len());
    let mut seen = Vec::new();
    let work = |_: &redb::WriteTransaction, _: &mut state::State| {
        seen.push(held());
        match seen.len() {
            1 => Err(error::Fault::DiskFull),
            _ => Ok(()),
        }
    };
    spool.store.write_freeing(work).unwrap();
    assert_eq!(seen, [limits::HEADROOM_BYTES, 0]);
    assert_eq!(held(), limits::HEADROOM_BYTES);
}

/// Not a test of ours but of the system: a process that may write no file beyond two megabytes.
#[cfg(unix)]
mod limited {
    use super::*;
    use std::process::Command;

    const CHILD: &str = "SOLIPLEX_SPOOL_LIMITED_DIRECTORY";

    #[test]
    fn a_process_at_its_file_size_limit_delivers_and_the_next_without_one_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let test = "spool::tests::disk_full::limited::within_the_limit";
        // Blocks of 512 bytes. Ignoring the signal makes the write fail instead.
        let status = Command::new("sh")
            .args(["-c", "trap '' XFSZ; ulimit -f 4200; exec \"$@\"", "sh"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(CHILD, directory.path())
            .output()
            .unwrap();
        assert!(
            status.status.success(),
            "{}",
            String::from_utf8_lossy(&status.stderr)
        );

        let mut spool = in_directory(directory.path());
        let before = spool.stats().records();
        assert!(before > 0);
        // More than the child could hold: the file must grow.
        let payload = vec![1; 60_000];
        let more: Vec<_> = (80_000..80_040)
            .map(|seq| Record {
                payload: payload.clone(),
                ..record(Lane::Low, seq)
            })
            .collect();
        spool.append_records(&more).unwrap();
        assert_eq!(spool.stats().records(), before + 40);
    }

    /// What the child of the test above does; on its own it does nothing.
    #[test]
    fn within_the_limit() {
        let Some(directory) = std::env::var_os(CHILD) else {
            return;
        };
        let mut spool = in_directory(Path::new(&directory));
        let (stored, error) = fill(&mut spool);
        assert!(matches!(error, AppendError::DiskFull), "{error:?}");
        let peeked = spool.peek(Cursor::default(), A_BATCH).unwrap().unwrap();
        spool.confirm(&peeked.handle, &[], 0).unwrap();
        assert_eq!(spool.stats().records(), stored - 100);
        spool
            .append_records(&records(Lane::High, 90_000..90_010))
            .unwrap();
    }
}
