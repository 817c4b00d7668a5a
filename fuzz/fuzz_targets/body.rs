//! Whatever a client posts, the server reads it within its limit or says no.
//!
//! The first byte chooses the encoding, the rest is the body as it arrives. No input may panic,
//! give more than the limit, or become a batch whose records have no verdict.
//!
//! `fuzz/run body`
#![no_main]

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use soliplex_ingest::body;
use soliplex_wire::Envelope;

const LIMIT: usize = 1 << 16;

fuzz_target!(|input: &[u8]| {
    let Some((choice, raw)) = input.split_first() else {
        return;
    };
    let mut headers = HeaderMap::new();
    let encoding = match choice % 4 {
        0 => None,
        1 => Some("gzip"),
        2 => Some("zstd"),
        _ => Some("br"),
    };
    if let Some(encoding) = encoding {
        headers.insert("content-encoding", HeaderValue::from_static(encoding));
    }
    let Ok(body) = body::decode(&headers, Bytes::copy_from_slice(raw), LIMIT) else {
        return;
    };
    assert!(body.len() <= LIMIT || encoding.is_none());
    if let Ok(envelope) = Envelope::parse(&body) {
        // Every refusal has words that a person can act on.
        for error in envelope
            .records
            .iter()
            .filter_map(|record| record.as_ref().err())
        {
            assert!(!error.to_string().is_empty());
        }
    }
});
