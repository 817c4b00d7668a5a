//! Prometheus's text format: a page of counters, gauges and histograms.

use std::fmt::Write as _;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::{add, read};

/// How long answers take, in fixed buckets.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    buckets: [AtomicU64; BUCKETS_MS.len()],
    count: AtomicU64,
    sum_micros: AtomicU64,
}

impl Histogram {
    pub(super) fn observe(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(at) = BUCKETS_MS.iter().position(|limit| micros <= limit * 1000) {
            add(&self.buckets[at], 1);
        }
        add(&self.count, 1);
        add(&self.sum_micros, micros);
    }

    pub(super) fn render(&self, page: &mut Page, name: &str, help: &str) {
        page.head(name, help, "histogram");
        let mut below = 0;
        for (limit, bucket) in BUCKETS_MS.iter().zip(&self.buckets) {
            below += read(bucket);
            // Bucket limits are small whole numbers of milliseconds: exact enough as a float.
            page.line(&format!(
                "{name}_bucket{{le=\"{}\"}} {below}",
                *limit as f64 / 1000.0
            ));
        }
        let count = read(&self.count);
        page.line(&format!("{name}_bucket{{le=\"+Inf\"}} {count}"));
        page.line(&format!(
            "{name}_sum {}",
            read(&self.sum_micros) as f64 / 1e6
        ));
        page.line(&format!("{name}_count {count}"));
    }
}

pub(super) struct Page(pub(super) String);

impl Page {
    pub(super) fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, help, "counter");
        self.line(&format!("{name} {value}"));
    }

    pub(super) fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, help, "gauge");
        self.line(&format!("{name} {value}"));
    }

    pub(super) fn counters<'a>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl Iterator<Item = (&'a str, &'a AtomicU64)>,
    ) {
        self.head(name, help, "counter");
        for (value, count) in values {
            self.line(&format!("{name}{{{label}=\"{value}\"}} {}", read(count)));
        }
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        // Writing to a String cannot fail.
        let _ = write!(
            self.0,
            "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}\n"
        );
    }

    fn line(&mut self, line: &str) {
        self.0.push_str(PREFIX);
        self.0.push_str(line);
        self.0.push('\n');
    }
}

const PREFIX: &str = "soliplex_ingest_";

/// From an answer out of memory to one that waited for a slow disk or a far upstream.
const BUCKETS_MS: [u64; 11] = [1, 2, 5, 10, 20, 50, 100, 250, 500, 1000, 5000];
