//! The lines tool: text, JSON lines, explanations.

use std::io;

use soliplex_sanitize::{RedactMode, RedactSummary, Rules, redact_lines};

fn run(input: &str, mode: RedactMode) -> (String, RedactSummary) {
    let mut out = Vec::new();
    let summary = redact_lines(&Rules::standard(), input.as_bytes(), &mut out, mode)
        .expect("memory does not fail");
    (
        String::from_utf8(out).expect("the output is UTF-8"),
        summary,
    )
}

#[test]
fn text_comes_out_line_for_line() {
    let (out, summary) = run(
        "from 10.0.0.1\nready\r\nlast ann@example.com",
        RedactMode::Text,
    );
    assert_eq!(out, "from [IPV4]\nready\r\nlast [EMAIL]");
    assert_eq!(
        summary,
        RedactSummary {
            lines: 3,
            changed: 2
        }
    );
}

#[test]
fn a_private_key_over_several_lines_is_one_secret() {
    let (out, summary) = run(
        "a\n-----BEGIN PRIVATE KEY-----\nMIIE\nabcd\n-----END PRIVATE KEY-----\nb\n",
        RedactMode::Text,
    );
    assert_eq!(out, "a\n[PRIVATE_KEY]\nb\n");
    assert_eq!(
        summary,
        RedactSummary {
            lines: 6,
            changed: 1
        }
    );
}

#[test]
fn json_lines_keep_their_ids_and_their_shape() {
    let (out, _) = run(
        "{\"id\":\"a\",\"in\":\"from 10.0.0.1\"}\n{\"id\":7,\"in\":{\"password\":\"x\",\"n\":1}}\nnot json 10.0.0.1\n",
        RedactMode::Jsonl,
    );
    assert_eq!(
        out,
        "{\"id\":\"a\",\"out\":\"from [IPV4]\"}\n{\"id\":7,\"out\":{\"n\":1,\"password\":\"[REDACTED]\"}}\nnot json [IPV4]\n"
    );
}

#[test]
fn explain_says_line_range_and_rule_but_not_what() {
    let (out, summary) = run(
        "ready\nfrom 10.0.0.1 to ann@example.com\n",
        RedactMode::Explain,
    );
    assert_eq!(out, "2\t5..13\tipv4\n2\t17..32\temail\n");
    assert_eq!(
        summary,
        RedactSummary {
            lines: 2,
            changed: 1
        }
    );
}

#[test]
fn bytes_that_are_no_text_do_not_stop_it() {
    let mut out = Vec::new();
    redact_lines(
        &Rules::standard(),
        &b"\xff\xfe 10.0.0.1\n"[..],
        &mut out,
        RedactMode::Text,
    )
    .expect("memory does not fail");
    assert_eq!(String::from_utf8_lossy(&out), "\u{fffd}\u{fffd} [IPV4]\n");
}

#[test]
fn a_writer_that_fails_stops_it() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let error = redact_lines(&Rules::standard(), &b"x\n"[..], Full, RedactMode::Text)
        .expect_err("nothing can be written");
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}
