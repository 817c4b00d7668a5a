//! A real process, keeping breadcrumbs from several threads, is killed; the next start finds the
//! last ones.
//!
//! The test starts its own binary once more, which runs [`child`] alone: it keeps a record and,
//! after each, writes to a pipe that it has. The parent reads some of that and kills it.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use super::*;

/// Where the child finds the file.
const FILE: &str = "SOLIPLEX_TEST_BREADCRUMBS";

const THREADS: usize = 3;

const SESSION: Uuid = Uuid::from_u128(0x0192_0000_0000_4000_8000_0000_0000_0003);

/// Not a test by itself: what the test below runs in another process.
#[test]
fn child() {
    let Some(path) = env::var_os(FILE) else {
        return;
    };
    let options = BreadcrumbOptions::default();
    let (breadcrumbs, _) = Breadcrumbs::open(Some(Path::new(&path)), options);
    breadcrumbs.begin_session(SESSION);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let breadcrumbs = &breadcrumbs;
            scope.spawn(move || {
                for number in 0.. {
                    let told = format!("kept {thread} {number}");
                    breadcrumbs.note(Severity::Info, number, "app", &told);
                    if writeln!(io::stdout().lock(), "{told}").is_err() {
                        return;
                    }
                }
            });
        }
    });
}

#[test]
fn what_a_killed_process_did_last_is_told_at_the_next_start() {
    for round in 0..6 {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("breadcrumbs");
        let module = module_path!().split_once("::").expect("a crate's name").1;
        let mut child = Command::new(env::current_exe().expect("this binary"))
            .args(["--exact", &format!("{module}::child"), "--nocapture"])
            .env(FILE, &path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a child");
        let mut told = Vec::new();
        for line in BufReader::new(child.stdout.take().expect("a pipe")).lines() {
            let line = line.expect("text");
            // The test's own output has no end of line before the first.
            told.extend(line.find("kept ").map(|at| line[at..].to_owned()));
            // From here on the pipe only empties.
            if told.len() == 40 + round * 37 {
                child.kill().expect("a kill");
            }
        }
        assert!(!child.wait().expect("an end").success());

        let options = BreadcrumbOptions::default();
        let (_, previous) = Breadcrumbs::open(Some(&path), options);
        assert_eq!(previous.session_id, Some(SESSION));
        assert_eq!(previous.trouble, None);
        let kept: Vec<&str> = previous
            .breadcrumbs
            .iter()
            .map(|crumb| &*crumb.message)
            .collect();
        assert_eq!(kept.len(), 20);
        let (kept, told) = (numbers(&kept), numbers(&told));
        for thread in 0..THREADS {
            // One whose last records are older than the last twenty of all says nothing here.
            let Some(newest) = last(&kept, thread) else {
                continue;
            };
            // It may have kept one more than it told. Each other thread may have been held up in the
            // middle of a write, in a slot that then costs the records a lap later their place.
            let told = last(&told, thread).unwrap_or(-1);
            let skipped = THREADS as i64 - 1;
            let is_near = (told - skipped..=told + 1).contains(&newest);
            assert!(is_near, "{told} but {newest}");
            let its_own = kept.iter().filter(|(of, _)| *of == thread);
            let its_own: Vec<i64> = its_own.map(|(_, number)| *number).collect();
            assert!(its_own.is_sorted(), "{its_own:?}");
            let span = newest - its_own[0] + 1;
            assert!(span - its_own.len() as i64 <= skipped, "{its_own:?}");
        }
    }
}

/// Thread and number of each text.
fn numbers<T: AsRef<str>>(texts: &[T]) -> Vec<(usize, i64)> {
    let parts = texts.iter().map(|text| text.as_ref().rsplit(' '));
    let parts = parts.map(|mut part| (part.next().unwrap(), part.next().unwrap()));
    let parsed = parts.map(|(number, thread)| (thread.parse().unwrap(), number.parse().unwrap()));
    parsed.collect()
}

/// The last number of a thread.
fn last(numbers: &[(usize, i64)], thread: usize) -> Option<i64> {
    let of = numbers.iter().filter(|(of, _)| *of == thread);
    of.map(|(_, number)| *number).max()
}
