//! The body of one request: records from the spool, joined as they were written.

use std::ops::Range;

use soliplex_wire::encode::{self, Head};
use soliplex_wire::limits::{MAX_BATCH_BYTES, MAX_BATCH_RECORDS};
use soliplex_wire::{AnyValue, Attributes, Receipt, Timestamp, Uuid};

use crate::clock::timestamp;
use crate::packed::{Form, Packed};
use crate::session::Facts;
use crate::spool::{PeekLimits, StoredRecord};

/// Bytes a record's head takes as JSON beyond what it takes packed, at the most: names and
/// punctuation 90, a UUID 38, two numbers 20 and 32, two ids 38 each.
const MAX_HEAD_GROWTH: usize = 256;

/// What to peek, so that the body keeps within [`MAX_BATCH_BYTES`].
pub(crate) const PEEK: PeekLimits = PeekLimits {
    max_records: MAX_BATCH_RECORDS as u64,
    max_bytes: (MAX_BATCH_BYTES - MAX_BATCH_RECORDS * MAX_HEAD_GROWTH) as u64,
};

/// Who sends, for records whose facts are lost: the resource says so.
pub(crate) fn facts(stored: &[u8], service_name: &str) -> Facts {
    serde_json::from_slice(stored).unwrap_or_else(|_| Facts {
        resource: [
            ("service.name".to_owned(), AnyValue::from(service_name)),
            ("soliplex.context_lost".to_owned(), AnyValue::from(true)),
        ]
        .into(),
        ..Facts::default()
    })
}

/// The records' ids; none of what another version of this library wrote and this one cannot read.
pub(crate) fn ids(records: &[StoredRecord]) -> Vec<Option<Uuid>> {
    let id = |record: &StoredRecord| Some(Packed::parse(&record.payload, Form::Stored)?.head.id);
    records.iter().map(id).collect()
}

/// The body that carries these records.
pub(crate) fn body(
    facts: &Facts,
    records: &[StoredRecord],
    range: Range<usize>,
    sent_at: Timestamp,
    receipt: Option<&Receipt>,
) -> Vec<u8> {
    let resource: Attributes = facts.resource.clone().into_iter().collect();
    let known = |id: &'_ &str| !id.is_empty();
    let records = records.get(range).unwrap_or_default();
    let pieces = records
        .iter()
        .filter_map(|record| Packed::parse(&record.payload, Form::Stored))
        .map(|packed| {
            let head = Head {
                id: Some(packed.head.id),
                seq: Some(packed.head.seq),
                timestamp: Some(timestamp(packed.head.unix_nanos)),
                install_id: Some(facts.install_id.as_str()).filter(known),
                session_id: Some(facts.session_id.as_str()).filter(known),
            };
            (head, packed.body)
        });
    let mut body = Vec::new();
    encode::batch(&resource, sent_at, receipt, pieces, &mut body);
    body
}
