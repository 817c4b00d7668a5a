//! A real process, logging from several threads, is killed; what it told it had pushed is there.
//!
//! The test starts its own binary once more, which runs [`child`] alone: it pushes and, after each
//! push, writes to a pipe that it has. The parent reads some of that and kills it.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use super::super::{Queue, QueueOptions};
use super::*;

/// Where the child finds the queue, and how it ends if nobody kills it.
const QUEUE: &str = "SOLIPLEX_TEST_QUEUE";
const END: &str = "SOLIPLEX_TEST_END";

const THREADS: u64 = 3;

const OPTIONS: QueueOptions = QueueOptions {
    capacity_bytes: 1024 * 1024,
};

/// Long enough for a kill to fall into its copying now and then.
fn payload(thread: u64, number: u64) -> Vec<u8> {
    let mut payload = format!("pushed {thread} {number}\n").into_bytes();
    payload.resize(payload.len() + (number as usize * 7) % 900, b'.');
    payload
}

/// Not a test by itself: what the tests below run in another process.
#[test]
fn child() {
    let Some(path) = env::var_os(QUEUE) else {
        return;
    };
    let (queue, _reader, _) = Queue::open(Path::new(&path), OPTIONS);
    let last = match env::var(END).as_deref() {
        Ok("abort") => 50,
        _ => u64::MAX,
    };
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let queue = &queue;
            scope.spawn(move || {
                for number in 0.. {
                    if number == last {
                        std::process::abort();
                    }
                    // Full: the parent has had enough by then and is about to end this.
                    if queue.push(Lane::Error, &payload(thread, number)).is_ok() {
                        let told = format!("pushed {thread} {number}\n");
                        let _ = io::stdout().lock().write_all(told.as_bytes());
                    }
                }
            });
        }
    });
}

fn start_child(path: &Path, end: &str) -> Child {
    let module = module_path!().split_once("::").expect("a crate's name").1;
    Command::new(env::current_exe().expect("this binary"))
        .args(["--exact", &format!("{module}::child"), "--nocapture"])
        .env(QUEUE, path)
        .env(END, end)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child")
}

/// Reads what the child tells, kills it after `until` lines, and checks what it left.
fn check(until: usize, end: &str) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("queue");
    let mut child = start_child(&path, end);
    let mut told = Vec::new();
    let output = BufReader::new(child.stdout.take().expect("a pipe"));
    for line in output.lines() {
        let line = line.expect("text");
        if line.starts_with("pushed") {
            told.push(line);
        }
        // From here on the pipe only empties: what was in it has been told as well.
        if told.len() == until {
            child.kill().expect("a kill");
        }
    }
    assert!(!child.wait().expect("an end").success());
    assert!(!told.is_empty());

    let (queue, mut reader, recovered) = Queue::open(&path, OPTIONS);
    assert!(queue.is_durable());
    assert!(recovered.set_aside.is_none());
    // A push cut short is one of the threads' last.
    assert!(recovered.torn <= THREADS, "{recovered:?}");
    let mut found = std::collections::HashSet::new();
    let _ = reader.drain(usize::MAX, |frame| {
        let text = String::from_utf8_lossy(frame.payload);
        let line = text.lines().next().unwrap_or_default().to_owned();
        let numbers: Vec<u64> = line.split(' ').skip(1).flat_map(str::parse).collect();
        assert_eq!(frame.payload, payload(numbers[0], numbers[1]));
        assert!(found.insert(line), "{text} was there twice");
    });
    for line in &told {
        assert!(found.contains(line), "{line} was told and is not there");
    }
    // What is there and was not told is at most what each thread was about to tell.
    assert!(found.len() <= told.len() + THREADS as usize);
}

#[test]
fn what_a_process_told_it_had_pushed_survives_sigkill() {
    for round in 0..12 {
        check(1 + round * 37, "never");
    }
}

#[test]
fn what_a_process_told_it_had_pushed_survives_abort() {
    for _ in 0..3 {
        check(usize::MAX, "abort");
    }
}
