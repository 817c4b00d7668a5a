//! A body in which something may be wrong: each record is cut out first, and read by itself.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use super::whole::lenient;
use super::{EnvelopeError, EnvelopeRef, Received};
use crate::limits::MAX_REQUEST_RECORDS;
use crate::value::Text;
use crate::{AnyValue, BadRecord, LogRecordRef};

/// Reads a body, or says where and how it is none.
pub(super) fn apart(text: &str) -> serde_json::Result<Result<EnvelopeRef<'_>, EnvelopeError>> {
    let mut json = serde_json::Deserializer::from_str(text);
    let envelope = json.deserialize_map(Body)?;
    json.end()?;
    Ok(envelope)
}

/// The fields of an envelope, as far as they have come.
#[derive(Default)]
struct Fields<'a> {
    logs: Option<Logs<'a>>,
    resource: Option<Option<BTreeMap<String, AnyValue>>>,
    sent_at: Option<Option<&'a RawValue>>,
    receipt: Option<Option<&'a RawValue>>,
}

struct Body;

impl<'de> Visitor<'de> for Body {
    type Value = Result<EnvelopeRef<'de>, EnvelopeError>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a batch")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        while let Some(Text(name)) = map.next_key()? {
            let again = match &*name {
                "logs" => fields.logs.replace(map.next_value_seed(Array)?).is_some(),
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
        let read = |raw: Option<Option<&'de RawValue>>| raw.flatten().map(RawValue::get);
        Ok(Ok(Received {
            records,
            resource: fields
                .resource
                .flatten()
                .unwrap_or_default()
                .into_iter()
                .collect(),
            sent_at: read(fields.sent_at).and_then(lenient),
            receipt: read(fields.receipt).and_then(lenient),
        }))
    }
}

/// The records of an envelope, or the first [`MAX_REQUEST_RECORDS`] of too many.
struct Logs<'a> {
    records: Vec<Result<LogRecordRef<'a>, BadRecord>>,
    too_many: bool,
}

struct Array;

impl<'de> DeserializeSeed<'de> for Array {
    type Value = Logs<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Logs<'de>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Array {
    type Value = Logs<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Logs<'de>, A::Error> {
        let mut records = Vec::new();
        while records.len() < MAX_REQUEST_RECORDS {
            match seq.next_element::<&RawValue>()? {
                Some(raw) => records.push(LogRecordRef::parse(raw.get())),
                None => {
                    return Ok(Logs {
                        records,
                        too_many: false,
                    });
                }
            }
        }
        let mut too_many = false;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            too_many = true;
        }
        Ok(Logs { records, too_many })
    }
}
