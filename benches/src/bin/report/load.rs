//! What the load generator printed, one file a run.
//!
//! `soliplex-ingest/examples/load` drives a server in a process of its own, so its figures come
//! as lines of text. A figure that was not printed is NaN.

/// What one run found.
#[derive(Debug)]
pub(crate) struct Run {
    /// Records posted.
    pub(crate) records: f64,
    /// Records a second.
    pub(crate) rate: f64,
    /// CPU seconds per million records acknowledged.
    pub(crate) cpu: f64,
    /// Nanoseconds until the answer.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Mebibytes resident: at most, before the first request, and by tenth of the load.
    pub(crate) peak: f64,
    pub(crate) idle: f64,
    pub(crate) tenths: Vec<f64>,
    /// The share of acknowledged records that came out at the other end.
    pub(crate) arrived: f64,
}

/// A backlog's drain.
#[derive(Debug)]
pub(crate) struct Drain {
    pub(crate) records: f64,
    /// Records a second.
    pub(crate) rate: f64,
}

impl Run {
    pub(crate) fn read(text: &str) -> Run {
        let line = last_line(text, "answers");
        Run {
            records: before(line, " records, "),
            rate: before(line, " records/s; "),
            cpu: before(line, " CPU-s per million"),
            p50: duration(line, "p50 "),
            p99: duration(line, "p99 "),
            peak: after(line, "peak "),
            idle: after(text, "idle: "),
            tenths: numbers(last_line(text, "resident by tenth: ")),
            arrived: before(text, " records of ") / before(text, " acknowledged"),
        }
    }
}

impl Drain {
    pub(crate) fn read(text: &str) -> Drain {
        let line = last_line(text, "drained ");
        Drain {
            records: after(line, "drained "),
            rate: before(line, " records/s"),
        }
    }
}

/// Empty when no line holds it.
fn last_line<'t>(text: &'t str, holding: &str) -> &'t str {
    let found = text.lines().rfind(|line| line.contains(holding));
    found.unwrap_or_default()
}

/// The number that ends where `mark` begins.
fn before(text: &str, mark: &str) -> f64 {
    let word = text
        .split_once(mark)
        .and_then(|(head, _)| head.split_whitespace().next_back());
    word.and_then(|word| word.parse().ok()).unwrap_or(f64::NAN)
}

/// The number that begins where `mark` ends.
fn after(text: &str, mark: &str) -> f64 {
    let word = text
        .split_once(mark)
        .and_then(|(_, rest)| rest.split_whitespace().next());
    word.and_then(|word| word.parse().ok()).unwrap_or(f64::NAN)
}

/// Every whole number.
fn numbers(line: &str) -> Vec<f64> {
    let words = line.split(|letter: char| !letter.is_ascii_digit());
    words.filter_map(|word| word.parse().ok()).collect()
}

/// A duration as Rust prints it, in nanoseconds.
fn duration(text: &str, mark: &str) -> f64 {
    let Some(word) = text
        .split_once(mark)
        .and_then(|(_, rest)| rest.split_whitespace().next())
    else {
        return f64::NAN;
    };
    let split = word.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let (figure, unit) = word.split_at(split.unwrap_or(word.len()));
    let scale = match unit {
        "ns" => 1.0,
        "µs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        _ => f64::NAN,
    };
    figure
        .parse()
        .map_or(f64::NAN, |figure: f64| figure * scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "idle: 14 MiB resident\n\
        drained 20000 records in 1.2s: 16000 records/s, 3.10 CPU-s per million\n\
        500000 records, 32 clients, spool, gzip: 61234 records/s; 4.20 CPU-s per million; \
        answers p50 12.5ms p99 1.2s max 2.0s; peak 39 MiB, now 21 MiB resident\n\
        resident by tenth: [15, 16, 17] MiB\n\
        upstream: 5 requests, 10 bytes\n\
        arrived: 250000 records of 500000 acknowledged\n";

    #[test]
    fn every_figure_is_found_in_what_the_load_generator_prints() {
        let run = Run::read(PRINTED);
        let found = [
            run.records,
            run.rate,
            run.cpu,
            run.p50,
            run.p99,
            run.peak,
            run.idle,
            run.arrived,
        ];
        assert_eq!(found, [5e5, 61234.0, 4.2, 12.5e6, 1.2e9, 39.0, 14.0, 0.5]);
        assert_eq!(run.tenths, [15.0, 16.0, 17.0]);
        let drain = Drain::read(PRINTED);
        assert_eq!((drain.records, drain.rate), (20000.0, 16000.0));
    }

    #[test]
    fn what_was_not_printed_is_no_figure() {
        let run = Run::read("nothing of the kind");
        assert!(run.cpu.is_nan() && run.p99.is_nan() && run.arrived.is_nan());
        assert!(run.tenths.is_empty());
    }
}
