//! The `redact` program as it is run: its flags, what it reads, writes and refuses.

#![allow(
    clippy::unwrap_used,
    reason = "test code that is not itself a test function may be blunt, too"
)]

use std::fs;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

/// What the program answers to these lines.
fn redact(args: &[&str], lines: &str) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_redact"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that refuses its arguments reads nothing.
    let _ = program.stdin.take().unwrap().write_all(lines.as_bytes());
    program.wait_with_output().unwrap()
}

fn check(args: &[&str], lines: &str, expected: &str) {
    let output = redact(args, lines);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {said}");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        expected,
        "{args:?}"
    );
}

#[test]
fn lines_are_redacted_by_the_standard_rules() {
    check(
        &[],
        "mail ann@example.com, token=s3cr3t!\nnothing to hide\n",
        "mail [EMAIL], token=[REDACTED]\nnothing to hide\n",
    );
}

#[test]
fn explain_writes_rules_and_places_and_nothing_of_the_text() {
    check(
        &["--explain"],
        "fine\nmail ann@example.com, token=s3cr3t!\n",
        "2\t5..20\temail\n2\t28..35\tkey\n",
    );
}

#[test]
fn jsonl_keeps_ids_and_shapes() {
    check(
        &["--jsonl"],
        "{\"id\":7,\"in\":{\"password\":\"x\",\"n\":[1,\"ann@example.com\"]}}\n{\"id\":8,\"in\":\"ann@example.com\"}\n",
        "{\"id\":7,\"out\":{\"n\":[1,\"[EMAIL]\"],\"password\":\"[REDACTED]\"}}\n{\"id\":8,\"out\":\"[EMAIL]\"}\n",
    );
}

#[test]
fn a_rules_file_is_followed() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("rules.toml");
    fs::write(
        &file,
        "deny_keys = ['mrn']\nwithout = ['email']\nallow_only = ['kept']\n[[pattern]]\nname = 'ticket'\nregex = 'TCK-[0-9]+'\n[logger.app]\npreset = 'none'\n",
    )
    .unwrap();
    let rules = file.to_str().unwrap();
    // No allowlist on text, which has no fields, and no logger.
    check(
        &["--rules", rules],
        "app mrn=A-77 for TCK-12 to ann@example.com\n",
        "app mrn=[REDACTED] for [TICKET] to ann@example.com\n",
    );
    check(
        &["--rules", rules, "--jsonl"],
        "{\"id\":1,\"in\":{\"kept\":\"TCK-12\",\"other\":true}}\n",
        "{\"id\":1,\"out\":{\"kept\":\"[TICKET]\"}}\n",
    );
}

#[test]
fn what_cannot_be_done_is_refused_and_nothing_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("rules.toml");
    fs::write(&file, "[[pattern]]\nname = 'open'\nregex = '('\n").unwrap();
    let missing = directory.path().join("missing.toml");
    for (args, said) in [
        (
            vec!["--rules", file.to_str().unwrap()],
            "pattern open does not compile",
        ),
        (
            vec!["--rules", missing.to_str().unwrap()],
            "cannot read the rules file",
        ),
        (vec!["--explain", "--jsonl"], "cannot be used with"),
    ] {
        let output = redact(&args, "mail ann@example.com\n");
        assert!(!output.status.success(), "{args:?}");
        assert_eq!(output.stdout, b"", "{args:?}");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains(said), "{told}");
    }
}

#[test]
fn help_says_what_a_rules_file_cannot_do_here() {
    let output = redact(&["--help"], "");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        told.contains("[logger.") && told.contains("`allow_only`"),
        "{told}"
    );
}
