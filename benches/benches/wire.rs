//! What it costs to write a record, to join a batch, and to make it small.
//!
//! A record is written once, on the application's thread, with its values packed; they are printed, and
//! a batch is joined from what was printed and compressed, on the worker's. Beside it stands what serde makes of the same record as a
//! structure. One hundred records are a full batch.
//!
//! `cargo bench -p soliplex-benches --bench wire`

#![allow(clippy::unwrap_used, reason = "a bench may be blunt")]

use std::hint::black_box;
use std::io::Write as _;
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;
use soliplex_benches::contest::{Contest, Results};
use soliplex_benches::figures::{bytes, nanos, number, percent};
use soliplex_benches::options::Options;
use soliplex_benches::plot::{Plot, Shape};
use soliplex_benches::section::{Section, Table};
use soliplex_wire::encode::{self, Buffer, Head, Members};
use soliplex_wire::{Attributes, Batch, LogRecord, Severity, Timestamp, Uuid};

const BATCH: usize = 100;
const INSTALL: &str = "0190c2a5-7c4e-7d52-9b1f-0d3f8a6f2c11";
const SESSION: &str = "0190c2a5-8f10-7a3e-8c55-4be1d0a97733";

const ENCODE: &str = "ours: members packed";
const PRINT: &str = "ours: members printed";
const SERDE: &str = "serde_json of the record";
const JOIN: &str = "ours: stored pieces joined";
const SERIALIZE: &str = "serde_json of the batch";

fn main() -> std::io::Result<()> {
    let options = Options::from_args();
    let rounds = options.pick(1, 5, 25);
    let seqs = 1..=BATCH as u64;
    let packed: Vec<Vec<u8>> = seqs.clone().map(members).collect();
    let pieces: Vec<Vec<u8>> = packed.iter().map(|packed| printed(packed)).collect();
    let records: Vec<LogRecord> = seqs.map(|seq| parsed(seq, &pieces)).collect();
    let body = joined(&pieces);

    let mut section = Section::new(
        "wire",
        "Wire: pack, print, join, compress",
        "Records with seven attributes and a message, a hundred of them a batch. Packing is what \
         the application's thread pays; printing, joining and compressing is what the worker pays. All take \
         turns within one process.",
        "cargo bench -p soliplex-benches --bench wire",
    );
    let encoded = encoding(&packed, &pieces, &records).run(rounds, &options);
    section.tables.push(encoding_table(&encoded, body.len()));
    section.plots.push(encoding_plot(&encoded));
    let compressed = compressing(&body).run(rounds, &options);
    section.paced([encoded.paces(), compressed.paces()]);
    section.tables.push(compressing_table(&compressed, &body));
    section.note(
        "The exporter uses gzip level 6. The bytes of a field device's network cost more than the \
         worker's time; the table shows what each level would trade.",
    );
    section.finish(&options)
}

/// The record, written as the application's thread writes it.
fn members(seq: u64) -> Vec<u8> {
    let mut out = Buffer::new();
    write_members(seq, &mut out);
    out.into_vec()
}

fn printed(packed: &[u8]) -> Vec<u8> {
    let mut out = Buffer::new();
    encode::print(packed, &mut out).unwrap();
    out.into_vec()
}

/// Records differ in what differs in life too, or they would compress to nothing.
fn write_members(seq: u64, out: &mut Buffer) {
    let random = scattered(seq);
    let one_of = |shift: u32, words: [&'static str; 4]| words[(random >> shift) as usize % 4];
    let logger = one_of(0, ["app::net", "app::sync", "app::ui::map", "app::auth"]);
    let mut members = Members::begin(out, Severity::Info, logger);
    members.attribute(
        "http.request.method",
        one_of(8, ["GET", "PUT", "POST", "GET"]),
    );
    members.attribute(
        "url.path",
        one_of(
            16,
            [
                "/api/v1/rooms/7/messages",
                "/api/v1/photos/3",
                "/api/v1/me",
                "/healthz",
            ],
        ),
    );
    members.attribute("http.response.status_code", 200 + (random >> 24) as i64 % 5);
    members.attribute("duration_ms", (random >> 32) as f64 / 1e6);
    members.attribute("retry", seq.is_multiple_of(3));
    members.attribute(
        "span.name",
        one_of(40, ["sync_room", "upload", "sign_in", "draw"]),
    );
    members.attribute("thread.id", (random >> 44) as i64);
    members.message(one_of(
        48,
        [
            "request finished after a retry because the connection had been closed",
            "pulled changes, cursor moved",
            "no connection, trying again later",
            "photo uploaded and acknowledged by the store",
        ],
    ));
    members.user_id("tech-4711");
    members.end();
}

fn head(seq: u64) -> Head<'static> {
    let id = u128::from(0x0190_c2a5_8f10_7000 + seq) << 64 | u128::from(scattered(seq));
    Head {
        id: Some(Uuid::from_u128(id)),
        seq: Some(seq),
        timestamp: Timestamp::from_microsecond(
            1_773_480_000_000_000 + seq as i64 * 1_000_000 + (scattered(seq) >> 44) as i64,
        )
        .ok(),
        install_id: Some(INSTALL),
        session_id: Some(SESSION),
    }
}

/// A number that has nothing to do with the next one's: SplitMix64.
fn scattered(seq: u64) -> u64 {
    let mut bits = seq.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

fn parsed(seq: u64, pieces: &[Vec<u8>]) -> LogRecord {
    let mut json = Vec::new();
    head(seq).join(&pieces[seq as usize - 1], &mut json);
    LogRecord::parse(std::str::from_utf8(&json).unwrap()).unwrap()
}

fn resource() -> Attributes {
    [
        ("service.name", "field"),
        ("service.version", "1.2.3"),
        ("os.type", "linux"),
    ]
    .into_iter()
    .collect()
}

fn joined(pieces: &[Vec<u8>]) -> Vec<u8> {
    let mut body = Vec::new();
    let pieces = (1..)
        .zip(pieces)
        .map(|(seq, piece)| (head(seq), piece.as_slice()));
    encode::batch(&resource(), Timestamp::UNIX_EPOCH, None, pieces, &mut body);
    body
}

/// Figures are nanoseconds a record.
fn encoding<'a>(
    packed: &'a [Vec<u8>],
    pieces: &'a [Vec<u8>],
    records: &'a [LogRecord],
) -> Contest<'a> {
    let mut contest = Contest::new();
    let mut kept = Buffer::new();
    contest.enter(ENCODE, move || {
        timed(|| {
            kept.clear();
            (1..=BATCH as u64).for_each(|seq| write_members(seq, &mut kept));
            black_box(&kept);
        })
    });
    let mut kept = Buffer::new();
    contest.enter(PRINT, move || {
        timed(|| {
            kept.clear();
            for record in packed {
                encode::print(black_box(record), &mut kept).unwrap();
            }
            black_box(&kept);
        })
    });
    let mut kept = Vec::with_capacity(1 << 20);
    contest.enter(SERDE, move || {
        timed(|| {
            kept.clear();
            for record in records {
                serde_json::to_writer(&mut kept, black_box(record)).unwrap();
            }
            black_box(&kept);
        })
    });
    contest.enter(JOIN, move || {
        timed(|| {
            black_box(joined(black_box(pieces)));
        })
    });
    let resource = resource();
    contest.enter(SERIALIZE, move || {
        timed(|| {
            let batch = Batch {
                resource: &resource,
                sent_at: Timestamp::UNIX_EPOCH,
                receipt: None,
                logs: black_box(records),
            };
            black_box(serde_json::to_vec(&batch).unwrap());
        })
    });
    contest
}

/// Nanoseconds a record, of which `work` does a batch.
fn timed(mut work: impl FnMut()) -> f64 {
    const TIMES: u32 = 20;
    let start = Instant::now();
    (0..TIMES).for_each(|_| work());
    start.elapsed().as_nanos() as f64 / f64::from(TIMES) / BATCH as f64
}

fn encoding_table(results: &Results, body: usize) -> Table {
    let caption = format!(
        "A record, median; the batch of {BATCH} is {}",
        bytes(body as f64)
    );
    let mut table = Table::new(&caption, ["road", "a record", "beside serde_json"]);
    for (name, peer) in [
        (ENCODE, SERDE),
        (PRINT, SERDE),
        (SERDE, SERDE),
        (JOIN, SERIALIZE),
        (SERIALIZE, SERIALIZE),
    ] {
        let time = results.median(name);
        table.row([
            name.to_owned(),
            nanos(time),
            number(results.ratio(name, peer).median()),
        ]);
    }
    table
}

fn encoding_plot(results: &Results) -> Plot {
    let groups = results
        .names()
        .map(|name| (name.to_owned(), vec![results.median(name)]))
        .collect();
    let shape = Shape::Bars {
        series: vec!["time".to_owned()],
        groups,
    };
    Plot::new(
        "wire-encode",
        "Writing a record",
        "nanoseconds a record, median",
        shape,
    )
}

/// Figures are nanoseconds a batch.
fn compressing(body: &[u8]) -> Contest<'_> {
    let mut contest = Contest::new();
    for level in LEVELS {
        contest.enter(&format!("gzip {level}"), move || {
            timed(|| {
                black_box(gzip(black_box(body), level));
            }) * BATCH as f64
        });
    }
    contest
}

const LEVELS: [u32; 4] = [1, 3, 6, 9];

fn gzip(body: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn compressing_table(results: &Results, body: &[u8]) -> Table {
    let mut table = Table::new(
        "The batch compressed",
        ["level", "time", "size", "of the original"],
    );
    for level in LEVELS {
        let name = format!("gzip {level}");
        let size = gzip(body, level).len() as f64;
        table.row([
            name.clone(),
            nanos(results.median(&name)),
            bytes(size),
            percent(size / body.len() as f64),
        ]);
    }
    table
}
