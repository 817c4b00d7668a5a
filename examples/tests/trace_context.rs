//! Runs the program that adopts a trace, and reads what it prints.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by a panic"
)]

use std::process::Command;

#[test]
fn the_records_of_client_and_server_carry_the_ids_of_one_trace() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_trace_context"));
    let output = program.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    let ids = |message: &str| -> (String, String) {
        let line = text.lines().find(|line| line.ends_with(message));
        let line = line.unwrap_or_else(|| panic!("no {message} in:\n{text}"));
        let mut words = line.split_whitespace().map(str::to_owned);
        (words.next().unwrap(), words.next().unwrap())
    };
    let (trace, client) = ids("asking for the order");
    let (adopted, server) = ids("order looked up");
    assert_eq!(trace, adopted, "{text}");
    assert_ne!(client, server, "{text}");
    assert_eq!((trace.len(), server.len()), (32, 16), "{text}");
    assert!(
        trace.bytes().all(|digit| digit.is_ascii_hexdigit()),
        "{text}"
    );
    assert_eq!(ids("order arrived"), (trace, client), "{text}");
    let none = || "-".to_owned();
    assert_eq!(ids("outside of any trace"), (none(), none()), "{text}");
}
