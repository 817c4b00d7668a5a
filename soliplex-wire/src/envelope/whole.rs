//! A body in which everything is right, read in one pass.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{EnvelopeRef, Received};
use crate::json::Json;
use crate::limits::{MAX_BATCH_RECORDS, MAX_DEPTH, MAX_REQUEST_RECORDS};
use crate::{Attributes, BadRecord, LogRecordRef};

/// Reads a body; `None` where something in it may be wrong.
pub(super) fn whole(text: &str) -> Option<EnvelopeRef<'_>> {
    let mut json = Json::new(text);
    let (mut logs, mut resource_of, mut sent_at, mut receipt) = (None, None, None, None);
    json.object(|json, name| {
        let again = match &*name {
            "logs" => logs.replace(records(json)?).is_some(),
            "resource" => resource_of.replace(resource(json)?).is_some(),
            "sentAt" | "sent_at" => sent_at.replace(json.raw(MAX_DEPTH)?).is_some(),
            "receipt" => receipt.replace(json.raw(MAX_DEPTH)?).is_some(),
            _ => json.raw(MAX_DEPTH).is_none(),
        };
        (!again).then_some(())
    })?;
    json.is_at_end().then_some(Received {
        records: logs?,
        resource: resource_of.unwrap_or_default(),
        sent_at: sent_at.and_then(lenient),
        receipt: receipt.and_then(lenient),
    })
}

fn records<'a>(json: &mut Json<'a>) -> Option<Vec<Result<LogRecordRef<'a>, BadRecord>>> {
    // Room for our own client's batch; growing from nothing would copy it six times.
    let mut records = Vec::with_capacity(MAX_BATCH_RECORDS);
    json.array(|json| {
        records.push(Ok(LogRecordRef::default()));
        match records.last_mut() {
            // In its place, since a record is half a kilobyte to move.
            Some(Ok(record)) => record.read(json)?,
            _ => return None,
        }
        (records.len() <= MAX_REQUEST_RECORDS).then_some(())
    })?;
    Some(records)
}

fn resource(json: &mut Json<'_>) -> Option<Attributes> {
    if json.null().is_some() {
        return Some(Attributes::default());
    }
    // By key first: the last value of a key wins, and a null is one.
    let mut values = BTreeMap::new();
    json.object(|json, name| {
        values.insert(name.into_owned(), json.value(MAX_DEPTH)?.into_owned());
        Some(())
    })?;
    Some(values.into_iter().collect())
}

pub(super) fn lenient<'a, T: Deserialize<'a>>(raw: &'a str) -> Option<T> {
    serde_json::from_str(raw).ok()
}
