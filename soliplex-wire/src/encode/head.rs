//! What is written in front of a record's members when it is sent, and the batch around both.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::json;
use crate::{Attributes, Batch, Receipt};

/// The members of a record that are the same for many, or are numbers until it is sent.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Head<'a> {
    /// See [`LogRecord::id`](crate::LogRecord::id).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// See [`LogRecord::seq`](crate::LogRecord::seq).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// See [`LogRecord::timestamp`](crate::LogRecord::timestamp).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Timestamp>,
    /// See [`LogRecord::install_id`](crate::LogRecord::install_id).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub install_id: Option<&'a str>,
    /// See [`LogRecord::session_id`](crate::LogRecord::session_id).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<&'a str>,
}

impl Head<'_> {
    /// Appends the whole record: this head, then the `members` [printed](super::print()) earlier.
    pub fn join(&self, members: &[u8], out: &mut Vec<u8>) {
        json(out, self);
        // The head's closing brace makes room for the members, parted by a comma if both have any.
        out.pop();
        if out.last() != Some(&b'{') && !members.is_empty() {
            out.push(b',');
        }
        out.extend_from_slice(members);
        out.push(b'}');
    }
}

/// Appends a whole batch: the envelope, and in it the records joined from their two pieces.
pub fn batch<'r>(
    resource: &Attributes,
    sent_at: Timestamp,
    receipt: Option<&Receipt>,
    records: impl IntoIterator<Item = (Head<'r>, &'r [u8])>,
    out: &mut Vec<u8>,
) {
    let logs: [(); 0] = [];
    json(
        out,
        &Batch {
            resource,
            sent_at,
            receipt,
            logs,
        },
    );
    // The records are the envelope's last field, and so far an empty array.
    out.truncate(out.len().saturating_sub(b"]}".len()));
    for (index, (head, members)) in records.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        head.join(members, out);
    }
    out.extend_from_slice(b"]}");
}

#[cfg(test)]
mod tests {
    use super::super::{Buffer, members, print};
    use super::*;
    use crate::{Envelope, LogRecord};

    #[test]
    fn a_joined_batch_is_the_batch() {
        let resource: Attributes = [("service.name", "app")].into_iter().collect();
        for count in 0..3 {
            let records: Vec<LogRecord> = (0..count)
                .map(|seq| LogRecord {
                    seq: Some(seq),
                    message: "m".into(),
                    ..LogRecord::default()
                })
                .collect();
            let pieces: Vec<(Head<'_>, Buffer)> = records
                .iter()
                .map(|record| {
                    let (mut packed, mut body) = (Buffer::new(), Buffer::new());
                    members(record, &mut packed);
                    print(&packed, &mut body).unwrap();
                    (
                        Head {
                            seq: record.seq,
                            ..Head::default()
                        },
                        body,
                    )
                })
                .collect();
            let mut json = Vec::new();
            let joined = pieces.iter().map(|(head, body)| (*head, &body[..]));
            batch(&resource, Timestamp::UNIX_EPOCH, None, joined, &mut json);
            let envelope = Envelope::parse(&json).unwrap();
            assert_eq!(
                envelope.records,
                records.into_iter().map(Ok).collect::<Vec<_>>()
            );
            assert_eq!(envelope.resource, resource);
        }
    }
}
