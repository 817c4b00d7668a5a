//! The program a stranger runs first.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::tempdir;

fn quickstart(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tested-quickstart"));
    command.args(arguments);
    // A proxy that its user may have set leads nowhere from one process of this machine to another.
    command.env("HTTP_PROXY", "http://127.0.0.1:1");
    command
}

fn text(output: &Output) -> String {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    text
}

/// The number in a row of the account.
fn account(text: &str, row: &str) -> u64 {
    let line = text.lines().find(|line| line.trim_start().starts_with(row));
    let rest = line
        .unwrap_or_else(|| panic!("no {row} in:\n{text}"))
        .trim_start();
    let number = rest[row.len()..].split_whitespace().next().unwrap();
    number.replace(',', "").parse().unwrap()
}

#[test]
fn the_quick_start_adds_up_and_no_canary_gets_out() {
    let text = text(&quickstart(&[]).output().unwrap());
    assert_eq!(account(&text, "canary secrets found"), 0, "{text}");
    assert_eq!(account(&text, "duplicates"), 0, "{text}");
    assert_eq!(account(&text, "discarded"), 0, "{text}");
    // A first part of 22 events, photos until the kill, a second part of 5.
    assert!(account(&text, "events logged") >= 30, "{text}");
    for shown in [
        "signed in as [EMAIL]",
        "authorization=[REDACTED]",
        "password=[REDACTED]",
        "in visit > sync:",
        "photo could not be uploaded",
        "because: UploadError: the photo store refused: signing with",
        "network  http.client: no connection",
        "system   camera: photo saved",
        "ui       ui.inspection: screen shown",
        "user tech-4711",
        "panicked: no plan covers this: card [CARD] was declined",
        "user tech-4711 from here on",
        "SIGKILL",
        "signed in again",
        "online=false type=none",
        "online=true type=wifi",
        "session started",
        "field-app 1.4.2, user tech-4711",
        "app.build_id=2026.02.1",
        "previous session ended uncleanly",
        "soliplex.previous.end=uncleanly",
        "It adds up",
    ] {
        assert!(text.contains(shown), "{shown} is missing in:\n{text}");
    }
    // The killed session is named, and what it did last stands under its end, with its times.
    let killed = text.split("Session 1  ").nth(1).unwrap();
    let killed = killed.split(' ').next().unwrap();
    let end = text
        .split("previous session ended uncleanly")
        .nth(1)
        .unwrap();
    let end = end.split("application started").next().unwrap();
    assert!(
        end.contains(&format!("session.previous_id={killed}")),
        "{end}"
    );
    let photos = end
        .lines()
        .filter(|line| line.ends_with("system   camera: photo saved"));
    let times: Vec<&str> = photos
        .filter_map(|line| line.split("before: ").nth(1)?.split(' ').next())
        .collect();
    assert!(times.len() >= 3 && times.is_sorted(), "{end}");
    assert!(
        times.iter().all(|time| time.len() == "11:15:51.592".len()),
        "{end}"
    );
    // Under the error stands that the network had gone before.
    let error = text.split("photo could not be uploaded").nth(1).unwrap();
    let error = error.split("FATAL").next().unwrap();
    let error = error.split_whitespace().collect::<Vec<_>>().join(" ");
    let gone = error.find("network Connectivity: network_changed type=none online=false");
    assert!(
        gone < error.find("network http.client: no connection"),
        "{error}"
    );
    assert!(gone.is_some(), "{error}");
    // Both sessions are of one device, whose name can be told on the phone.
    let named = text
        .lines()
        .filter_map(|line| line.strip_prefix("  device "));
    let names: Vec<_> = named
        .filter(|line| line.contains("(install "))
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(names.len(), 2, "{text}");
    assert_eq!(names[0], names[1]);
    assert_eq!(names[0].split('-').count(), 3, "{}", names[0]);
    // And on what it is: the model, the system, the architecture.
    let device = text.lines().find(|line| line.contains("(install "));
    let device = device.and_then(|line| line.split("): ").nth(1)).unwrap();
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        arch => arch,
    };
    assert!(
        device.starts_with("rugged-10 ") && device.ends_with(arch),
        "{device}"
    );
    assert!(device.split(' ').count() >= 3, "no system: {device}");
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "over the page's width: {line}");
    }
}

#[test]
fn the_quick_start_leaves_nothing_behind_unless_asked() {
    let temporary = tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let file = temporary.path().join("a.log");
        fs::write(&file, "one line\n").unwrap();
        let mut command = quickstart(&["--replay", file.to_str().unwrap()]);
        text(
            &command
                .args(arguments)
                .env("TMPDIR", temporary.path())
                .output()
                .unwrap(),
        )
    };
    run(&[]);
    let left = |dir: &Path| fs::read_dir(dir).unwrap().count();
    assert_eq!(left(temporary.path()), 1);
    let text = run(&["--keep"]);
    let kept = text
        .lines()
        .find_map(|line| line.strip_prefix("Kept: "))
        .unwrap();
    assert!(Path::new(kept).join("device").is_dir());
}

/// Replays the bytes from standard input, and checks that each line became one event.
fn check_replay(bytes: &[u8], lines: u64) -> String {
    let mut child = quickstart(&["--replay", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&bytes).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = text(&output);
    // One event is the replay's own.
    assert_eq!(account(&text, "events logged"), lines + 1, "{text}");
    assert_eq!(account(&text, "delivered"), lines + 1, "{text}");
    text
}

#[test]
fn an_empty_file_can_be_replayed() {
    check_replay(b"", 0);
}

#[test]
fn empty_lines_are_events_too() {
    check_replay(b"\n\n\r\n\nlast line without its end", 5);
}

#[test]
fn a_line_of_ten_megabytes_is_cut_and_arrives() {
    let mut bytes = vec![b'x'; 10_000_000];
    bytes.extend_from_slice(b"\nshort\n");
    let text = check_replay(&bytes, 2);
    assert!(text.contains("bytes=10000000"), "{text}");
}

#[test]
fn binary_junk_can_be_replayed() {
    let mut random = crate::random::Random::from_seed(1);
    let mut bytes: Vec<u8> = (0..100_000).map(|_| random.below(256) as u8).collect();
    bytes.push(b'\n');
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
    let text = check_replay(&bytes, lines);
    let controls = text
        .chars()
        .filter(|c| c.is_control() && *c != '\n')
        .count();
    assert_eq!(controls, 0, "what arrived moves the terminal's cursor");
}

#[test]
fn a_file_larger_than_the_queue_is_delivered_whole() {
    let mut bytes = Vec::new();
    for line in 0..10_000 {
        writeln!(
            bytes,
            "2026-02-06T10:00:00Z DEBUG app: request {line} {}",
            "- ".repeat(250)
        )
        .unwrap();
    }
    assert!(bytes.len() > 4 * 1024 * 1024);
    let text = check_replay(&bytes, 10_000);
    assert_eq!(account(&text, "discarded"), 0, "{text}");
}

#[test]
fn a_missing_file_fails_with_its_reason() {
    let output = quickstart(&["--replay", "/no/such/file"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("the file cannot be read"), "{errors}");
}
