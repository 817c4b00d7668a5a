//! Any text file as a session: one event for each of its lines, whatever they hold.
//!
//! Memory stays bounded, because a line is read no further than a record can hold, and because the
//! device waits for delivery before the queue is half full: a file is no emergency, so that nothing
//! need be given up.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use tracing::{Level, debug, error, info, trace, warn};

use super::{Device, Failure};

/// Logs the file's lines, and tells what else there was.
pub(super) fn run(device: &Device, file: Option<&Path>) -> Result<(), Failure> {
    let canaries = &device.canaries;
    info!(target: "replay", email = canaries.email, password = canaries.password,
        authorization = format!("Bearer {}", canaries.bearer),
        "replay begins, {} pays with card {} from {}",
        canaries.api_key, canaries.card, canaries.address);
    match file {
        None => lines(device, io::stdin().lock()),
        Some(path) if path == Path::new("-") => lines(device, io::stdin().lock()),
        Some(path) => {
            let file = File::open(path).map_err(Failure::File)?;
            lines(device, BufReader::with_capacity(256 * 1024, file))
        }
    }
}

fn lines(device: &Device, mut input: impl BufRead) -> Result<(), Failure> {
    let mut line = Vec::new();
    let mut number = 0_u64;
    let mut queued = 0;
    while let Some(cut) = read_line(&mut input, &mut line).map_err(Failure::File)? {
        number += 1;
        log(number, &String::from_utf8_lossy(&line), cut);
        queued += MAX_OVERHEAD_BYTES + ESCAPE_FACTOR * line.len();
        if queued > MAX_QUEUED_BYTES {
            pause(device)?;
            queued = 0;
        }
    }
    pause(device)
}

/// Everything logged so far is delivered before more is.
fn pause(device: &Device) -> Result<(), Failure> {
    device.tell_logged()?;
    device.deliver()
}

/// Reads a line without its end, up to [`MAX_LINE_BYTES`] of it. Returns how many bytes were left
/// out, and `None` at the end of the file.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<u64>> {
    line.clear();
    let mut cut = 0;
    let mut any = false;
    loop {
        let bytes = match input.fill_buf() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if bytes.is_empty() {
            return Ok(any.then_some(cut));
        }
        any = true;
        let end = memchr::memchr(b'\n', bytes);
        let part = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or(bytes);
        let kept = part.len().min(MAX_LINE_BYTES - line.len());
        line.extend_from_slice(part.get(..kept).unwrap_or(part));
        cut += (part.len() - kept) as u64;
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            return Ok(Some(cut));
        }
    }
}

fn log(line: u64, text: &str, cut: u64) {
    if cut > 0 {
        let bytes = cut + text.len() as u64;
        info!(target: "replay", line, bytes, "{text}");
        return;
    }
    match level(text) {
        Level::ERROR => error!(target: "replay", line, "{text}"),
        Level::WARN => warn!(target: "replay", line, "{text}"),
        Level::INFO => info!(target: "replay", line, "{text}"),
        Level::DEBUG => debug!(target: "replay", line, "{text}"),
        _ => trace!(target: "replay", line, "{text}"),
    }
}

/// The level a line names near its begin: a word in capitals, or one in brackets or after
/// `level=` in any case. Prose that speaks of an error is no error.
fn level(line: &str) -> Level {
    let mut end = line.len().min(LEVEL_WITHIN_BYTES);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    let (head, _) = line.split_at(end);
    let mut before = "";
    let mut rest = head;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphabetic()) {
        let (gap, tail) = rest.split_at(start);
        let length = tail
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(tail.len());
        let (word, tail) = tail.split_at(length);
        let is_capitals = word.bytes().all(|byte| byte.is_ascii_uppercase());
        let is_label = gap.ends_with(['[', '<'])
            || (gap.ends_with(['=', ':', '"']) && matches!(before, "level" | "lvl" | "severity"));
        if (is_capitals || is_label)
            && let Some(level) = named(&word.to_ascii_uppercase())
        {
            return level;
        }
        (before, rest) = (word, tail);
    }
    Level::INFO
}

fn named(word: &str) -> Option<Level> {
    match word {
        "ERROR" | "ERR" | "FATAL" | "CRITICAL" | "CRIT" | "SEVERE" | "PANIC" | "EMERG"
        | "ALERT" => Some(Level::ERROR),
        "WARN" | "WARNING" => Some(Level::WARN),
        "INFO" | "NOTICE" => Some(Level::INFO),
        "DEBUG" | "FINE" => Some(Level::DEBUG),
        "TRACE" | "VERBOSE" | "FINEST" => Some(Level::TRACE),
        _ => None,
    }
}

/// Bytes of a line that are read: a record is cut at 64 KiB whatever it holds.
const MAX_LINE_BYTES: usize = 128 * 1024;

/// Where log lines have their level: behind a time, a host, a process and a thread.
const LEVEL_WITHIN_BYTES: usize = 96;

/// A quarter of the queue, for the least severe records may fill half of it.
const MAX_QUEUED_BYTES: usize = 1024 * 1024;

/// What a record takes beside its text.
const MAX_OVERHEAD_BYTES: usize = 384;

/// A control character is one byte in a file and six in JSON; lines of nothing else are rare, and
/// a record is cut anyway.
const ESCAPE_FACTOR: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_recognized_where_log_lines_have_it() {
        for (line, expected) in [
            ("2026-02-06T10:00:00Z ERROR app: no", Level::ERROR),
            (
                "2026-02-06 10:00:00,123 [main] WARN  o.e.Server - slow",
                Level::WARN,
            ),
            ("[error] upstream timed out", Level::ERROR),
            ("<warning> battery low", Level::WARN),
            ("level=debug msg=\"x\"", Level::DEBUG),
            (r#"{"ts":1,"level":"error","msg":"x"}"#, Level::ERROR),
            ("E0206 FATAL out of memory", Level::ERROR),
            ("no error was found", Level::INFO),
            ("INFO retry after ERROR", Level::INFO),
            ("", Level::INFO),
            ("ääääää TRACE enter", Level::TRACE),
            ("Information wants to be free", Level::INFO),
        ] {
            assert_eq!(level(line), expected, "{line}");
        }
    }

    #[test]
    fn every_line_is_read_once_and_no_further_than_a_record_holds() {
        let long = "x".repeat(3 * MAX_LINE_BYTES);
        let text = format!("one\r\n\n{long}\n\u{0}\nlast");
        // A small buffer, so that lines lie across its borders.
        let mut input = BufReader::with_capacity(7, text.as_bytes());
        let mut line = Vec::new();
        let mut lines = Vec::new();
        while let Some(cut) = read_line(&mut input, &mut line).unwrap() {
            lines.push((line.len(), cut));
        }
        let cut = 2 * MAX_LINE_BYTES as u64;
        assert_eq!(
            lines,
            [(3, 0), (0, 0), (MAX_LINE_BYTES, cut), (1, 0), (4, 0)]
        );
    }
}
