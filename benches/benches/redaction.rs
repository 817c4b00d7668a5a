//! What looking costs: the rules beside what one would write first, beside what one would write
//! next, and beside crates that promise the same; and what hostile text costs.
//!
//! The lines are made by `soliplex_benches::lines`. Every contender gets the same ones in turns,
//! the slow ones fewer of them, and returns the text as it may be shown. How much each of them
//! finds and ruins is another question; `soliplex-sanitize/docs/rules.md` answers it for ours.
//!
//! `cargo bench -p soliplex-benches --features peers --bench redaction`

#![allow(clippy::unwrap_used, reason = "a bench may be blunt")]

use std::hint::black_box;
use std::time::Instant;

use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use soliplex_benches::contest::{Contest, Results};
use soliplex_benches::figures::{nanos, number};
use soliplex_benches::lines::{HOSTILE, lines};
use soliplex_benches::options::Options;
use soliplex_benches::plot::{Plot, Shape};
use soliplex_benches::section::{Bound, Section, Table};
use soliplex_sanitize::Rules;

/// Every line of a mixture so far apart has something to hide.
const MIXED: usize = 4;

/// Lines of a turn, and of a turn of those who need a hundred times as long.
const LINES: usize = 4_000;
#[cfg(feature = "peers")]
const FEW_LINES: usize = 200;

/// The time a mebibyte of hostile text may take, in milliseconds.
const HOSTILE_MILLIS: f64 = 4.0;

const OURS: &str = "ours: standard rules";

fn main() -> std::io::Result<()> {
    let options = Options::from_args();
    let rounds = options.pick(3, 9);
    let clean = contest(0).run(rounds, &options);
    let mixed = contest(MIXED).run(rounds, &options);

    let mut section = Section::new(
        "redaction",
        "Sanitizer: text looked through and redacted",
        "Lines in the shapes of ten systems' logs, some 120 bytes each, all clean or every fourth \
         with something to hide; megabytes a second on one core.",
        "cargo bench -p soliplex-benches --features peers --bench redaction",
    );
    section.tables.push(speeds(&clean, &mixed));
    section.plots.push(plot(&clean, &mixed));
    let allocations = allocations_on_clean_lines();
    let (hostile, slowest) = hostile(rounds);
    section.tables.push(hostile);
    section.aim(
        "clean lines",
        Bound::AtLeast(700.0),
        clean.median(OURS),
        "MB/s",
    );
    section.aim(
        "mixed lines",
        Bound::AtLeast(500.0),
        mixed.median(OURS),
        "MB/s",
    );
    section.aim(
        "allocations on a clean line",
        Bound::AtMost(0.0),
        allocations,
        "",
    );
    section.aim(
        "the slowest hostile mebibyte",
        Bound::AtMost(HOSTILE_MILLIS),
        slowest,
        "ms",
    );
    section.note(
        "The ten patterns are those one would write first; ours are over fifty kinds. \
         The set finds which patterns match at all, and only those are then replaced; tuned, its \
         classes are ASCII and its lazy automaton may take 64 MB.",
    );
    if !cfg!(feature = "peers") {
        section.note("SKIPPED: redact-core and sanitize-pii, which need `--features peers`.");
    }
    section.finish(&options)
}

fn contest(every: usize) -> Contest<'static> {
    let mut contest = Contest::new();
    enter(&mut contest, OURS, lines(LINES, every), {
        let rules = Rules::standard();
        move |line| drop(black_box(rules.sanitize(line)))
    });
    enter(&mut contest, "ten regexes in turn", lines(LINES, every), {
        let patterns = PATTERNS.map(|pattern| Regex::new(pattern).unwrap());
        move |line| {
            for pattern in &patterns {
                black_box(pattern.replace_all(line, "[X]"));
            }
        }
    });
    enter(
        &mut contest,
        "RegexSet, then replace",
        lines(LINES, every),
        {
            let set = RegexSet::new(PATTERNS).unwrap();
            set_then_replace(set, PATTERNS.map(|pattern| Regex::new(pattern).unwrap()))
        },
    );
    enter(
        &mut contest,
        "RegexSet, ASCII, 64 MB",
        lines(LINES, every),
        {
            let set = RegexSetBuilder::new(PATTERNS.map(ascii))
                .dfa_size_limit(64 << 20)
                .build()
                .unwrap();
            let build = |pattern: &str| {
                RegexBuilder::new(&ascii(pattern))
                    .dfa_size_limit(64 << 20)
                    .build()
                    .unwrap()
            };
            set_then_replace(set, PATTERNS.map(build))
        },
    );
    #[cfg(feature = "peers")]
    {
        enter(&mut contest, "sanitize-pii", lines(FEW_LINES, every), {
            let sanitizer = sanitize_pii::Sanitizer::default();
            move |line| drop(black_box(sanitizer.sanitize(line)))
        });
        enter(&mut contest, "redact-core", lines(FEW_LINES, every), {
            let engine = redact_core::AnalyzerEngine::new();
            let config = redact_core::AnonymizerConfig::default();
            move |line| drop(black_box(engine.anonymize(line, None, &config)))
        });
    }
    contest
}

/// A turn goes through all lines; its figure is megabytes a second.
fn enter(
    contest: &mut Contest<'_>,
    name: &str,
    lines: Vec<String>,
    mut redact: impl FnMut(&str) + 'static,
) {
    let bytes = lines.iter().map(String::len).sum::<usize>() as f64;
    contest.enter(name, move || {
        let start = Instant::now();
        lines.iter().for_each(|line| redact(black_box(line)));
        bytes / 1e6 / start.elapsed().as_secs_f64()
    });
}

fn set_then_replace(set: RegexSet, patterns: [Regex; 10]) -> impl FnMut(&str) {
    move |line| {
        for hit in set.matches(line) {
            black_box(patterns[hit].replace_all(line, "[X]"));
        }
    }
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

/// The same pattern with classes that know ASCII only.
fn ascii(pattern: &str) -> String {
    pattern
        .replace(r"\b", r"(?-u:\b)")
        .replace(r"\d", "[0-9]")
        .replace(r"[\w", "[0-9A-Za-z_")
        .replace(r"\s+", r"[ \t]+")
        .replace(r"\s*", r"[ \t]*")
}

fn allocations_on_clean_lines() -> f64 {
    let rules = Rules::standard();
    let lines = lines(LINES, 0);
    // The first pass warms whatever the thread keeps.
    lines.iter().for_each(|line| drop(rules.sanitize(line)));
    let counted = allocation_counter::measure(|| {
        lines
            .iter()
            .for_each(|line| drop(black_box(rules.sanitize(line))));
    });
    counted.count_total as f64 / LINES as f64
}

fn speeds(clean: &Results, mixed: &Results) -> Table {
    let mut table = Table::new(
        "MB/s, median",
        [
            "road",
            "clean lines",
            "every fourth redacted",
            "ours is so many times as fast",
        ],
    );
    for (name, speed) in clean.iter() {
        let (clean_speed, mixed_speed) = (speed.median(), mixed.median(name));
        let lead = [
            clean.median(OURS) / clean_speed,
            mixed.median(OURS) / mixed_speed,
        ];
        table.row([
            name.to_owned(),
            number(clean_speed),
            number(mixed_speed),
            format!("{} and {}", number(lead[0]), number(lead[1])),
        ]);
    }
    table
}

fn plot(clean: &Results, mixed: &Results) -> Plot {
    let groups = clean
        .iter()
        .map(|(name, speed)| (name.to_owned(), vec![speed.median(), mixed.median(name)]))
        .collect();
    let series = ["clean lines", "every fourth redacted"]
        .map(str::to_owned)
        .to_vec();
    let shape = Shape::Bars { series, groups };
    Plot::new(
        "redaction",
        "Text looked through on one core",
        "MB/s, median",
        shape,
    )
}

/// The time of each hostile mebibyte, and the slowest in milliseconds.
fn hostile(rounds: usize) -> (Table, f64) {
    let rules = Rules::standard();
    let rules = &rules;
    let mut contest = Contest::new();
    for unit in HOSTILE {
        let text = unit.repeat((1 << 20) / unit.len());
        contest.enter(unit, move || {
            let start = Instant::now();
            drop(black_box(rules.sanitize(black_box(&text))));
            start.elapsed().as_nanos() as f64
        });
    }
    let results = contest.run(rounds, &Options::default());
    let mut table = Table::new("A mebibyte of hostile text", ["repeated", "takes"]);
    let mut slowest = 0.0_f64;
    for (unit, times) in results.iter() {
        table.row([format!("`{unit}`"), nanos(times.median())]);
        slowest = slowest.max(times.median());
    }
    (table, slowest / 1e6)
}
