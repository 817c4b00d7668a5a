//! What looking costs: the rules beside naive `replace_all` and beside `RegexSet`, on the same
//! lines.
//!
//! The lines are those of the report, in the shapes of ten kinds of logs: clean ones, a mixture in which
//! every fourth line has something to hide, and one megabyte of what is hardest to read. Throughput
//! is what `divan` prints as MB/s; allocations are counted, and a clean line must show none.
//!
//! `cargo bench -p soliplex-benches --bench sanitizer`

use divan::counter::BytesCount;
use divan::{AllocProfiler, Bencher, black_box};
use regex::{Regex, RegexSet};
use soliplex_benches::lines::{clean, lines};
use soliplex_sanitize::Rules;

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

const LINES: usize = 4000;

#[divan::bench]
fn clean_lines(bencher: Bencher) {
    rules_on(bencher, &lines(LINES, 0));
}

#[divan::bench]
fn every_fourth_line_redacted(bencher: Bencher) {
    rules_on(bencher, &lines(LINES, 4));
}

#[divan::bench]
fn one_clean_line_of_120_bytes(bencher: Bencher) {
    let rules = Rules::standard();
    let line = clean(3);
    bencher
        .counter(BytesCount::of_str(&line))
        .bench_local(|| black_box(rules.sanitize(black_box(&line))).len());
}

#[divan::bench(args = ["@", "7", "1.", "password=", "eyJ", "{", "a@b.", "key=\"", "key=", "::1 ", "AA11 ", "1234-"])]
fn hostile_megabyte(bencher: Bencher, unit: &str) {
    let rules = Rules::standard();
    let text = unit.repeat((1 << 20) / unit.len());
    bencher
        .counter(BytesCount::of_str(&text))
        .bench_local(|| black_box(rules.sanitize(black_box(&text))).len());
}

#[divan::bench(args = [0, 4])]
fn ten_regexes_in_turn(bencher: Bencher, every: usize) {
    let patterns: Vec<Regex> = PATTERNS.iter().filter_map(|p| Regex::new(p).ok()).collect();
    let lines = lines(LINES, every);
    let bytes = lines.iter().map(String::len).sum::<usize>();
    bencher.counter(BytesCount::new(bytes)).bench_local(|| {
        for line in &lines {
            for pattern in &patterns {
                black_box(pattern.replace_all(black_box(line), "[X]"));
            }
        }
    });
}

#[divan::bench(args = [0, 4])]
fn regex_set_of_ten_then_replace(bencher: Bencher, every: usize) {
    let patterns: Vec<Regex> = PATTERNS.iter().filter_map(|p| Regex::new(p).ok()).collect();
    let Ok(set) = RegexSet::new(PATTERNS) else {
        return;
    };
    let lines = lines(LINES, every);
    let bytes = lines.iter().map(String::len).sum::<usize>();
    bencher.counter(BytesCount::new(bytes)).bench_local(|| {
        for line in &lines {
            for hit in set.matches(black_box(line)) {
                black_box(patterns[hit].replace_all(line, "[X]"));
            }
        }
    });
}

fn rules_on(bencher: Bencher, lines: &[String]) {
    let rules = Rules::standard();
    let bytes = lines.iter().map(String::len).sum::<usize>();
    bencher.counter(BytesCount::new(bytes)).bench_local(|| {
        for line in lines {
            black_box(rules.sanitize(black_box(line)));
        }
    });
}

/// What one would write first.
const PATTERNS: [&str; 10] = [
    r"[\w.+-]+@[\w-]+\.[\w.-]+",
    r"\b\d{3}-\d{2}-\d{4}\b",
    r"(?i)\bbearer\s+[\w.~+/=-]+",
    r"\b(?:\d{1,3}\.){3}\d{1,3}\b",
    r"\b(?:[0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}\b",
    r"\b\d{4}[ -]?\d{4}[ -]?\d{4}[ -]?\d{4}\b",
    r"\beyJ[\w-]+\.[\w-]+\.[\w-]*",
    r"\bgh[pousr]_[A-Za-z0-9]{36}\b",
    r#"(?i)\b(?:password|passwd|pwd|secret|token|api_?key)\b["']?\s*[=:]\s*["']?[^\s"',;]+"#,
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
];
