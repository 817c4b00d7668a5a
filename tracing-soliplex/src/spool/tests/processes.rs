//! The directory belongs to one process at a time, and to the next as soon as that one ends,
//! however it ends.

use super::*;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

const CHILD: &str = "SOLIPLEX_SPOOL_HOLDER_DIRECTORY";

/// Starts this binary again, to run one test with a directory to work in.
fn start(test: &str, directory: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Starts a process that opens the spool, appends records, says so and waits.
fn start_holder(directory: &Path) -> Child {
    let mut child = start("spool::tests::processes::hold", directory);
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("holding")));
    child
}

/// What the holder does; on its own it does nothing.
#[test]
fn hold() {
    let Some(directory) = std::env::var_os(CHILD) else {
        return;
    };
    let mut spool = in_directory(Path::new(&directory));
    spool.append_records(&records(Lane::High, 1..4)).unwrap();
    println!("holding");
    // Until the parent kills us, or is gone itself.
    let _ = std::io::stdin().read_line(&mut String::new());
}

/// What the killed process does; on its own it does nothing. Appends a record, says its seq, and
/// confirms all it has after every tenth.
#[test]
fn work_until_killed() {
    let Some(directory) = std::env::var_os(CHILD) else {
        return;
    };
    let mut spool = in_directory(Path::new(&directory));
    for seq in 1.. {
        spool.append_records(&[record(Lane::High, seq)]).unwrap();
        println!("{seq} appended");
        if seq % 10 == 0 {
            let peeked = spool.peek_first();
            spool.confirm(&peeked.handle, &[], 0).unwrap();
            println!("{seq} confirmed");
        }
    }
}

#[test]
fn a_process_killed_at_work_leaves_what_it_had_told_and_takes_back_nothing() {
    for lines_read in [1, 4, 9, 10, 11, 12, 25] {
        let directory = tempfile::tempdir().unwrap();
        let mut child = start(
            "spool::tests::processes::work_until_killed",
            directory.path(),
        );
        let told = BufReader::new(child.stdout.as_mut().unwrap())
            .lines()
            .filter_map(|line| {
                let line = line.unwrap();
                // The harness may have begun the first line.
                let (seq, what) = line.rsplit_once(' ')?;
                let seq: u64 = seq.rsplit(' ').next()?.parse().ok()?;
                ["appended", "confirmed"]
                    .contains(&what)
                    .then_some((seq, what == "confirmed"))
            })
            .take(lines_read)
            .collect::<Vec<_>>();
        child.kill().unwrap();
        child.wait().unwrap();

        let (last, _) = *told.last().unwrap();
        let confirmed = told.iter().filter(|(_, confirmed)| *confirmed);
        let confirmed = confirmed.map(|(seq, _)| *seq).max().unwrap_or(0);
        let waiting = in_directory(directory.path()).waiting();
        let through = in_directory(directory.path()).ring_through().unwrap();
        assert!(through >= last, "{told:?}: {through}");
        let first = waiting.first().copied().unwrap_or(through + 1);
        assert!(first > confirmed, "{told:?}: {waiting:?}");
        assert_eq!(first % 10, 1, "a confirmation is whole or has not been");
        assert_eq!(waiting, (first..=through).collect::<Vec<_>>());
    }
}

#[test]
fn a_second_process_is_kept_out_and_told_by_whom() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = start_holder(directory.path());
    let refused = open(directory.path(), &SpoolOptions::default());
    let Err(
        error @ OpenError::Held {
            holder: Some(holder),
        },
    ) = refused.map(drop)
    else {
        panic!("let in beside another process");
    };
    assert_eq!(holder.pid, child.id());
    assert!(holder.since_unix_seconds > 1_700_000_000);
    assert!(
        error
            .to_string()
            .contains(&format!("process {}", child.id())),
        "{error}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_killed_process_leaves_its_records_and_no_lock() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = start_holder(directory.path());
    child.kill().unwrap();
    child.wait().unwrap();
    let (mut spool, opened) = open(directory.path(), &SpoolOptions::default()).unwrap();
    assert!(opened.set_aside.is_none());
    assert_eq!(spool.stats().records(), 3);
    assert_eq!(spool.waiting(), [1, 2, 3]);
}

#[test]
fn a_second_spool_in_the_same_process_is_kept_out_until_the_first_is_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let first = in_directory(directory.path());
    let refused = open(directory.path(), &SpoolOptions::default());
    assert!(matches!(refused.map(drop), Err(OpenError::Held { .. })));
    drop(first);
    in_directory(directory.path());
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let refused = open(&file.join("spool"), &SpoolOptions::default());
    let Err(error @ OpenError::Directory { .. }) = refused.map(drop) else {
        panic!("opened below a file");
    };
    assert!(
        error
            .to_string()
            .starts_with("spool directory not writable: "),
        "{error}"
    );
}

/// Where nothing can be written even by an administrator.
#[cfg(target_os = "linux")]
#[test]
fn a_read_only_directory_is_named() {
    let refused = open(Path::new("/proc/self/task"), &SpoolOptions::default());
    assert!(matches!(
        refused.map(drop),
        Err(OpenError::Directory { .. })
    ));
}

#[cfg(unix)]
#[test]
fn only_the_user_may_read_what_is_stored() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let _spool = in_directory(directory.path());
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.file_name());
    }
}
