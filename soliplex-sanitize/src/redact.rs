//! Redacting what has been written already: log files, line by line.
//!
//! The `redact` program is a command line around this module. It leaves files, flags and exit codes
//! to that program.

use std::io::{self, BufRead, Write};

use serde_json::{Value, json};

use crate::Rules;

/// What a line is, and what is written for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedactMode {
    /// A line of text becomes a line of redacted text; a private key over several lines counts as
    /// one.
    Text,
    /// `{"id": …, "in": …}` becomes `{"id": …, "out": …}`; `in` is a string or a structured value.
    Jsonl,
    /// For every hit in a line of text: line number, byte range and rule name, tab-separated.
    Explain,
}

/// What one run has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RedactSummary {
    /// Lines read.
    pub lines: u64,
    /// Lines that came out changed, or that had a hit.
    pub changed: u64,
}

/// A key that is not closed after this many lines is let go.
const MAX_KEY_LINES: usize = 400;

/// Redacts every line of `reader` into `writer`.
///
/// Bytes that are not UTF-8 come out as replacement characters. In [`RedactMode::Jsonl`], a line
/// that is not JSON, or has no `in`, is redacted as text.
///
/// # Errors
///
/// What reading or writing fails with.
pub fn redact_lines(
    rules: &Rules,
    mut reader: impl BufRead,
    mut writer: impl Write,
    mode: RedactMode,
) -> io::Result<RedactSummary> {
    let mut summary = RedactSummary::default();
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let first = summary.lines + 1;
        let lines = read_unit(&mut reader, &mut bytes, mode)?;
        if lines == 0 {
            break;
        }
        summary.lines += lines;
        let text = String::from_utf8_lossy(&bytes);
        let changed = match mode {
            RedactMode::Text => {
                let clean = rules.sanitize(&text);
                writer.write_all(clean.as_bytes())?;
                clean != text
            }
            RedactMode::Jsonl => redact_json(rules, &text, &mut writer)?,
            RedactMode::Explain => explain(rules, &text, first, &mut writer)?,
        };
        summary.changed += u64::from(changed);
    }
    writer.flush()?;
    Ok(summary)
}

/// Reads a line, or all lines of a private key; the number of lines read.
fn read_unit(reader: &mut impl BufRead, bytes: &mut Vec<u8>, mode: RedactMode) -> io::Result<u64> {
    let mut lines = 0;
    loop {
        if reader.read_until(b'\n', bytes)? == 0 {
            return Ok(lines);
        }
        lines += 1;
        let opened = memchr::memmem::rfind(bytes, b"-----BEGIN");
        let is_open = opened.is_some_and(|at| {
            memchr::memmem::find(&bytes[at..], b"PRIVATE KEY").is_some()
                && memchr::memmem::find(&bytes[at..], b"-----END").is_none()
        });
        if mode == RedactMode::Jsonl || !is_open || lines >= MAX_KEY_LINES as u64 {
            return Ok(lines);
        }
    }
}

fn redact_json(rules: &Rules, text: &str, writer: &mut impl Write) -> io::Result<bool> {
    let parsed = serde_json::from_str::<Value>(text).ok();
    let input = parsed.as_ref().and_then(|line| line.get("in"));
    let Some((line, input)) = parsed.as_ref().zip(input) else {
        let clean = rules.sanitize(text);
        writer.write_all(clean.as_bytes())?;
        return Ok(clean != text);
    };
    let mut out = input.clone();
    rules.sanitize_json(&mut out);
    let changed = out != *input;
    let line = json!({ "id": line.get("id").unwrap_or(&Value::Null), "out": out });
    writeln!(writer, "{line}")?;
    Ok(changed)
}

fn explain(rules: &Rules, text: &str, first: u64, writer: &mut impl Write) -> io::Result<bool> {
    let found = rules.explain(text);
    for finding in &found {
        let before = &text[..finding.range.start];
        let line = first + before.bytes().filter(|b| *b == b'\n').count() as u64;
        let column = before.len() - before.rfind('\n').map_or(0, |n| n + 1);
        writeln!(
            writer,
            "{line}\t{}..{}\t{}",
            column,
            column + finding.range.len(),
            finding.rule
        )?;
    }
    Ok(!found.is_empty())
}
