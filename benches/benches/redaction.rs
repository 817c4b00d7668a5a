//! What looking costs: the rules beside what one would write first, beside what one would write
//! next, and beside crates that promise the same; what hostile text costs; and what it takes before
//! the first line can be looked through.
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
use soliplex_benches::figures::{bytes, nanos, number};
use soliplex_benches::lines::{HOSTILE, clean, lines};
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

/// Looks a line through and gives it back as it may be shown.
type Redact = Box<dyn FnMut(&str)>;

/// A contender: its name, its lines a turn, and how it is set up.
type Contender = (&'static str, usize, fn() -> Redact);

const CONTENDERS: &[Contender] = &[
    (OURS, LINES, || {
        let rules = Rules::standard();
        Box::new(move |line| drop(black_box(rules.sanitize(line))))
    }),
    ("ten regexes in turn", LINES, || {
        let patterns = PATTERNS.map(|pattern| Regex::new(pattern).unwrap());
        Box::new(move |line| {
            for pattern in &patterns {
                black_box(pattern.replace_all(line, "[X]"));
            }
        })
    }),
    ("RegexSet, then replace", LINES, || {
        let set = RegexSet::new(PATTERNS).unwrap();
        set_then_replace(set, PATTERNS.map(|pattern| Regex::new(pattern).unwrap()))
    }),
    ("RegexSet, ASCII, 64 MB", LINES, || {
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
    }),
    #[cfg(feature = "peers")]
    ("sanitize-pii", FEW_LINES, || {
        let sanitizer = sanitize_pii::Sanitizer::default();
        Box::new(move |line| drop(black_box(sanitizer.sanitize(line))))
    }),
    #[cfg(feature = "peers")]
    ("redact-core", FEW_LINES, || {
        let engine = redact_core::AnalyzerEngine::new();
        let config = redact_core::AnonymizerConfig::default();
        Box::new(move |line| drop(black_box(engine.anonymize(line, None, &config))))
    }),
];

/// The time a mebibyte of hostile text may take, in milliseconds.
const HOSTILE_MILLIS: f64 = 4.0;

const OURS: &str = "ours: standard rules";

fn main() -> std::io::Result<()> {
    let options = Options::from_args();
    let rounds = options.pick(1, 40, 400);
    // Before anything else has been used.
    let first_use = first_use(&options);
    let clean = contest(0).run(rounds, &options);
    let mixed = contest(MIXED).run(rounds, &options);
    let hostile = hostile(&options).run(options.pick(1, 10, 100), &Options::default());

    let mut section = Section::new(
        "redaction",
        "Sanitizer: text looked through and redacted",
        "Lines in the shapes of ten systems' logs, some 120 bytes each, all clean or every fourth \
         with something to hide; megabytes a second on one core. A round is one turn of each, some \
         milliseconds at the most, in an order that changes and within one process. Ratios are \
         those within a round, of which the median is quoted; the medians of speeds and times are \
         of the quieter half of the rounds.",
        "cargo bench -p soliplex-benches --features peers --bench redaction",
    );
    section.paced([clean.paces(), mixed.paces(), hostile.paces()]);
    section.tables.push(speeds(&clean, &mixed));
    section.plots.push(plot(&clean, &mixed));
    let allocations = allocations_a_line(&lines(LINES, 0));
    let (hostile, slowest) = hostile_table(&hostile);
    section.tables.push(hostile);
    section.tables.push(first_use);
    section.aim_by_round(
        "clean lines",
        Bound::AtLeast(700.0),
        &clean.quieter(OURS),
        "MB/s",
    );
    section.aim_by_round(
        "mixed lines",
        Bound::AtLeast(500.0),
        &mixed.quieter(OURS),
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
    let mixed_allocations = number(allocations_a_line(&lines(LINES, MIXED)));
    section.note(&format!(
        "Ours allocates {mixed_allocations} times a line where every fourth is redacted."
    ));
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

/// A turn goes through all lines; its figure is megabytes a second.
fn contest(every: usize) -> Contest<'static> {
    let mut contest = Contest::new();
    for (name, count, set_up) in CONTENDERS {
        let lines = lines(*count, every);
        let bytes = lines.iter().map(String::len).sum::<usize>() as f64;
        let mut redact = set_up();
        contest.enter(name, move || {
            let start = Instant::now();
            lines.iter().for_each(|line| redact(black_box(line)));
            bytes / 1e6 / start.elapsed().as_secs_f64()
        });
    }
    contest
}

/// What each takes until its first line is through, in a process that has not used it before, and
/// what it keeps in memory from then on.
fn first_use(options: &Options) -> Table {
    let mut table = Table::new(
        "First use: set up, and one line looked through",
        ["road", "takes", "allocations", "keeps"],
    );
    let line = clean(3);
    for (name, _, set_up) in CONTENDERS.iter().filter(|(name, ..)| options.chooses(name)) {
        let mut kept = None;
        let mut took = 0.0;
        let counted = allocation_counter::measure(|| {
            let start = Instant::now();
            let redact = kept.insert(set_up());
            redact(&line);
            took = start.elapsed().as_nanos() as f64;
        });
        table.row([
            (*name).to_owned(),
            nanos(took),
            number(counted.count_total as f64),
            bytes(counted.bytes_current as f64),
        ]);
    }
    table
}

fn set_then_replace(set: RegexSet, patterns: [Regex; 10]) -> Redact {
    Box::new(move |line| {
        for hit in set.matches(line) {
            black_box(patterns[hit].replace_all(line, "[X]"));
        }
    })
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

/// Allocations a line.
fn allocations_a_line(lines: &[String]) -> f64 {
    let rules = Rules::standard();
    let look = || {
        lines
            .iter()
            .for_each(|line| drop(black_box(rules.sanitize(line))))
    };
    // The first pass warms whatever the thread keeps.
    look();
    let counted = allocation_counter::measure(look);
    counted.count_total as f64 / lines.len() as f64
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
    for name in clean.names() {
        let lead = [clean, mixed].map(|speeds| speeds.ratio(OURS, name).median());
        table.row([
            name.to_owned(),
            number(clean.median(name)),
            number(mixed.median(name)),
            format!("{} and {}", number(lead[0]), number(lead[1])),
        ]);
    }
    table
}

fn plot(clean: &Results, mixed: &Results) -> Plot {
    let groups = clean
        .names()
        .map(|name| {
            (
                name.to_owned(),
                vec![clean.median(name), mixed.median(name)],
            )
        })
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

/// A turn is one mebibyte; its figure is nanoseconds.
fn hostile(options: &Options) -> Contest<'static> {
    let length = options.pick(1 << 12, 1 << 20, 1 << 20);
    let standard = Rules::standard();
    let mut contest = Contest::new();
    for unit in HOSTILE {
        let rules = standard.clone();
        let text = unit.repeat(length / unit.len());
        contest.enter(unit, move || {
            let start = Instant::now();
            drop(black_box(rules.sanitize(black_box(&text))));
            start.elapsed().as_nanos() as f64
        });
    }
    contest
}

/// The time of each, and the slowest in milliseconds.
fn hostile_table(times: &Results) -> (Table, f64) {
    let mut table = Table::new("A mebibyte of hostile text", ["repeated", "takes"]);
    let mut slowest = 0.0_f64;
    for unit in times.names() {
        let time = times.median(unit);
        table.row([format!("`{}`", visible(unit)), nanos(time)]);
        slowest = slowest.max(time);
    }
    (table, slowest / 1e6)
}

/// The text with its control characters spelled out, so that it stays in its cell.
fn visible(text: &str) -> String {
    let spelled = |c: char| match c.is_control() {
        true => c.escape_debug().to_string(),
        false => c.to_string(),
    };
    text.chars().map(spelled).collect()
}
