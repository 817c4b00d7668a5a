//! What looking costs: the rules beside naive `replace_all` and beside `RegexSet`, on the same
//! lines.
//!
//! The lines are made here, in the shapes of ten kinds of logs: clean ones, a mixture in which
//! every fourth line has something to hide, and one megabyte of what is hardest to read. Throughput
//! is what `divan` prints as MB/s; allocations are counted, and a clean line must show none.
//!
//! `cargo bench -p soliplex-benches --bench sanitizer`

use divan::counter::BytesCount;
use divan::{AllocProfiler, Bencher, black_box};
use regex::{Regex, RegexSet};
use soliplex_sanitize::Rules;

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

const LINES: usize = 4000;

#[divan::bench]
fn clean_lines(bencher: Bencher) {
    rules_on(bencher, &lines(0));
}

#[divan::bench]
fn every_fourth_line_redacted(bencher: Bencher) {
    rules_on(bencher, &lines(4));
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
    let lines = lines(every);
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
    let lines = lines(every);
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

/// `LINES` lines, of which every `every`-th has a secret; none where `every` is zero.
fn lines(every: usize) -> Vec<String> {
    (0..LINES)
        .map(|n| {
            if every > 0 && n % every == 0 {
                secret(n)
            } else {
                clean(n)
            }
        })
        .collect()
}

/// Ordinary lines of ten systems.
fn clean(n: usize) -> String {
    let (a, b, c) = (n % 60, n * 7 % 100, n * 7919 % 1_000_000);
    match n % 10 {
        0 => format!(
            "2026-03-14 10:22:{a:02},{b:03} INFO [main] org.apache.hadoop.mapreduce.v2.app.MRAppMaster: Created job_1445144423722_{a:04} with {b} maps"
        ),
        1 => format!(
            "Mar 14 10:22:{a:02} combo sshd(pam_unix)[{c}]: session opened for user root by (uid=0) after {b} ms"
        ),
        2 => format!(
            "081109 2035{a:02} 148 INFO dfs.DataNode$PacketResponder: PacketResponder {b} for block blk_38865049064139660{c} terminating"
        ),
        3 => format!(
            "2026-03-14T10:22:{a:02}.{b:03}Z  INFO soliplex::sync: pulled {b} changes in {c} us, queue depth {a}, cursor moved to {c}"
        ),
        4 => format!(
            "03-14 10:22:{a:02}.{b:03}  1702  2395 D WindowManager: printFreezingDisplayLogs opening app wtoken = AppWindowToken, allDrawn= false, n={c}"
        ),
        5 => format!(
            "[Sun Mar 14 04:47:{a:02} 2026] [notice] workerEnv.init() ok /etc/httpd/conf/workers2.properties, child {c} in scoreboard slot {b}"
        ),
        6 => format!(
            "- 1117838570 2026.03.14 R02-M1-N0-C:J12-U11 RAS KERNEL INFO {b} instruction cache parity errors corrected, core {c}"
        ),
        7 => format!(
            "I/flutter ({c}): GoRouter: going to /items/{b}?tab=history, rebuilt {a} widgets in {b} ms"
        ),
        8 => format!(
            "nova-compute.log 10:22:{a:02}.{b:03} 2931 INFO nova.virt.libvirt.imagecache [req-addc1839-2ed5-4778-b57e-5854eb7b8b09] image in use: {b} local, version 12.{a}"
        ),
        _ => format!(
            "17/06/09 20:10:{a:02} INFO storage.MemoryStore: Block broadcast_{b} stored as values in memory (estimated size {c} B, free {b} MB)"
        ),
    }
}

/// Lines of the same systems with something to hide.
fn secret(n: usize) -> String {
    let line = clean(n);
    let (a, b) = (n % 200 + 10, n * 7 % 250);
    match n / 4 % 5 {
        0 => format!("{line} from 10.{a}.{b}.7"),
        1 => format!("{line} for ann.lee{n}@example.com"),
        2 => format!("{line} password=Tr0ub4dor{n}"),
        3 => format!("{line} Authorization: Bearer abcdef{n:08}ghijkl"),
        _ => format!("{line} ssn 219-09-{:04}", n % 9000 + 1000),
    }
}
