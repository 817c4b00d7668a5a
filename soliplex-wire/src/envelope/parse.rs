//! Taking a request's body apart, in one pass where it is well formed.
//!
//! The records are read where they stand. Only when that fails, because one of them holds what JSON
//! or a record does not allow, is the body read again with each record cut out first, so that the
//! one that is wrong fails alone. Either way a record is read by the same [`Reader`].

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use super::{Envelope, EnvelopeError, EnvelopeRef, Received};
use crate::limits::MAX_REQUEST_RECORDS;
use crate::record::Reader;
use crate::value::Text;
use crate::{AnyValue, BadRecord, LogRecordRef};

impl Envelope {
    /// Reads a request's body.
    ///
    /// # Errors
    ///
    /// As [`EnvelopeRef::parse`].
    pub fn parse(body: &[u8]) -> Result<Envelope, EnvelopeError> {
        let envelope = Received::<LogRecordRef<'_>>::parse(body)?;
        Ok(Received {
            records: envelope
                .records
                .into_iter()
                .map(|record| record.map(LogRecordRef::into_owned))
                .collect(),
            resource: envelope.resource,
            sent_at: envelope.sent_at,
            receipt: envelope.receipt,
        })
    }
}

impl<'a> EnvelopeRef<'a> {
    /// Reads a request's body.
    ///
    /// `resource`, `sentAt` (`sent_at`) and `receipt` may be absent, and a malformed `sentAt` or
    /// `receipt` is taken for absent; `logs` is the one field that makes a body a batch.
    ///
    /// # Errors
    ///
    /// Only for what is wrong with the body as a whole; what is wrong with a record stands in its
    /// place in [`records`](Received::records).
    pub fn parse(body: &'a [u8]) -> Result<EnvelopeRef<'a>, EnvelopeError> {
        // Once for the whole body, so that no text in it is looked at again.
        let text =
            std::str::from_utf8(body).map_err(|error| not_json(body, error.valid_up_to()))?;
        read(text, Records::Whole)
            .or_else(|_| read(text, Records::Apart))
            .map_err(|error| match error.classify() {
                serde_json::error::Category::Data => EnvelopeError::WrongShape,
                _ => EnvelopeError::NotJson {
                    line: error.line(),
                    column: error.column(),
                },
            })?
    }
}

/// Where a body stops being UTF-8, and so JSON.
fn not_json(body: &[u8], at: usize) -> EnvelopeError {
    let before = body[..at].rsplit(|byte| *byte == b'\n');
    EnvelopeError::NotJson {
        line: before.clone().count(),
        column: before.map(<[u8]>::len).next().unwrap_or(0) + 1,
    }
}

fn read(
    text: &str,
    records: Records,
) -> serde_json::Result<Result<EnvelopeRef<'_>, EnvelopeError>> {
    let mut json = serde_json::Deserializer::from_str(text);
    let envelope = json.deserialize_map(records)?;
    json.end()?;
    Ok(envelope)
}

/// How the records are read: in one pass with their envelope, or each cut out first.
#[derive(Clone, Copy)]
enum Records {
    Whole,
    Apart,
}

/// The fields of an envelope, as far as they have come.
#[derive(Default)]
struct Fields<'a> {
    logs: Option<Logs<'a>>,
    resource: Option<Option<BTreeMap<String, AnyValue>>>,
    sent_at: Option<Option<&'a RawValue>>,
    receipt: Option<Option<&'a RawValue>>,
}

impl<'de> Visitor<'de> for Records {
    type Value = Result<EnvelopeRef<'de>, EnvelopeError>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a batch")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        while let Some(Text(name)) = map.next_key()? {
            let again = match &*name {
                "logs" => fields.logs.replace(map.next_value_seed(self)?).is_some(),
                "resource" => fields.resource.replace(map.next_value()?).is_some(),
                "sentAt" | "sent_at" => fields.sent_at.replace(map.next_value()?).is_some(),
                "receipt" => fields.receipt.replace(map.next_value()?).is_some(),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    false
                }
            };
            if again {
                return Err(A::Error::custom("a field twice"));
            }
        }
        let Logs { records, too_many } = fields.logs.ok_or(A::Error::missing_field("logs"))?;
        if too_many {
            return Ok(Err(EnvelopeError::TooManyRecords));
        }
        Ok(Ok(Received {
            records,
            resource: fields
                .resource
                .flatten()
                .unwrap_or_default()
                .into_iter()
                .collect(),
            sent_at: fields.sent_at.flatten().and_then(lenient),
            receipt: fields.receipt.flatten().and_then(lenient),
        }))
    }
}

fn lenient<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

/// The records of an envelope, or the first [`MAX_REQUEST_RECORDS`] of too many.
struct Logs<'a> {
    records: Verdicts<'a>,
    too_many: bool,
}

impl<'de> DeserializeSeed<'de> for Records {
    type Value = Logs<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Logs<'de>, D::Error> {
        deserializer.deserialize_seq(Array(self))
    }
}

type Verdicts<'a> = Vec<Result<LogRecordRef<'a>, BadRecord>>;

impl Records {
    /// Adds the next record; `false` when there is none.
    fn read_one<'de, A: SeqAccess<'de>>(
        self,
        seq: &mut A,
        records: &mut Verdicts<'de>,
    ) -> Result<bool, A::Error> {
        let mut record = LogRecordRef::default();
        match self {
            Records::Apart => {
                let raw = seq.next_element::<&RawValue>()?;
                records.extend(raw.map(|raw| LogRecordRef::parse(raw.get())));
                Ok(raw.is_some())
            }
            Records::Whole => match seq.next_element_seed(Reader(&mut record))? {
                Some(read) => {
                    let id = record.id;
                    records.push(
                        read.map(|()| record)
                            .map_err(|error| BadRecord { id, error }),
                    );
                    Ok(true)
                }
                None => Ok(false),
            },
        }
    }
}

struct Array(Records);

impl<'de> Visitor<'de> for Array {
    type Value = Logs<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Logs<'de>, A::Error> {
        let mut records = Vec::new();
        while records.len() < MAX_REQUEST_RECORDS {
            if !self.0.read_one(&mut seq, &mut records)? {
                return Ok(Logs {
                    records,
                    too_many: false,
                });
            }
        }
        let mut too_many = false;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            too_many = true;
        }
        Ok(Logs { records, too_many })
    }
}
