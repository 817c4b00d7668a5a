//! The directory belongs to one process at a time, and to the next as soon as that one ends,
//! however it ends.

use super::*;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

const CHILD: &str = "SOLIPLEX_SPOOL_HOLDER_DIRECTORY";

/// Starts a process that opens the spool, appends a record, says so and waits.
fn start_holder(directory: &Path) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "spool::tests::processes::hold", "--nocapture"])
        .env(CHILD, directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
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
