//! A record as a person or a script reads it.

use std::fmt;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::otlp::proto::{AnyValue, ExportLogsServiceRequest, KeyValue, LogRecord, any_value};

/// A record with the resource and the scope it came in.
///
/// `Display` gives one line for reading; [`to_json`](Shown::to_json) gives everything.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    resource: &'a [KeyValue],
    scope: &'a str,
    record: &'a LogRecord,
}

impl<'a> Shown<'a> {
    pub(super) fn all(request: &'a ExportLogsServiceRequest) -> impl Iterator<Item = Shown<'a>> {
        request.resource_logs.iter().flat_map(|resource| {
            let attributes = resource
                .resource
                .as_ref()
                .map_or(&[][..], |resource| &resource.attributes);
            resource.scope_logs.iter().flat_map(move |scope| {
                let name = scope.scope.as_ref().map_or("", |scope| scope.name.as_str());
                scope.log_records.iter().map(move |record| Shown {
                    resource: attributes,
                    scope: name,
                    record,
                })
            })
        })
    }

    /// Everything there is: `time`, `observedTime`, `severity`, `severityNumber`, `scope`, `body`,
    /// `attributes`, `resource`, and `traceId`, `spanId` where they are set.
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("time".to_owned(), time(self.record.time_unix_nano).into());
        object.insert(
            "observedTime".to_owned(),
            time(self.record.observed_time_unix_nano).into(),
        );
        object.insert(
            "severity".to_owned(),
            self.record.severity_text.as_str().into(),
        );
        object.insert(
            "severityNumber".to_owned(),
            self.record.severity_number.into(),
        );
        object.insert("scope".to_owned(), self.scope.into());
        object.insert(
            "body".to_owned(),
            self.record.body.as_ref().map_or(Value::Null, plain),
        );
        object.insert("attributes".to_owned(), plain_all(&self.record.attributes));
        object.insert("resource".to_owned(), plain_all(self.resource));
        for (name, id) in [
            ("traceId", &self.record.trace_id),
            ("spanId", &self.record.span_id),
        ] {
            if !id.is_empty() {
                object.insert(name.to_owned(), hex(id).into());
            }
        }
        Value::Object(object)
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = self.record.body.as_ref().map_or(Value::Null, plain);
        write!(
            f,
            "{} {:5} {}: {}",
            time(self.record.time_unix_nano),
            self.record.severity_text,
            self.scope,
            bare(&body)
        )?;
        for attribute in &self.record.attributes {
            let value = attribute.value.as_ref().map_or(Value::Null, plain);
            write!(f, " {}={}", attribute.key, one_line(&value))?;
        }
        Ok(())
    }
}

fn time(nanos: u64) -> String {
    Timestamp::from_nanosecond(nanos.into())
        .map_or_else(|_| nanos.to_string(), |time| time.to_string())
}

fn plain_all(attributes: &[KeyValue]) -> Value {
    let value = |attribute: &KeyValue| attribute.value.as_ref().map_or(Value::Null, plain);
    Value::Object(
        attributes
            .iter()
            .map(|attribute| (attribute.key.clone(), value(attribute)))
            .collect(),
    )
}

fn plain(value: &AnyValue) -> Value {
    use any_value::Value as Any;
    match &value.value {
        None | Some(Any::StringValueStrindex(_)) => Value::Null,
        Some(Any::StringValue(text)) => text.as_str().into(),
        Some(Any::BoolValue(value)) => (*value).into(),
        Some(Any::IntValue(number)) => (*number).into(),
        Some(Any::DoubleValue(number)) => json!(number),
        Some(Any::ArrayValue(values)) => values.values.iter().map(plain).collect(),
        Some(Any::KvlistValue(values)) => plain_all(&values.values),
        Some(Any::BytesValue(bytes)) => hex(bytes).into(),
    }
}

/// Text as it is, anything else as JSON, line breaks visible.
fn bare(value: &Value) -> String {
    match value {
        Value::String(text) => text.replace('\n', "\\n"),
        other => other.to_string(),
    }
}

/// Text in quotes only where a reader could mistake its end.
fn one_line(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() && !text.contains([' ', '=', '"', '\n']) => {
            text.clone()
        }
        other => other.to_string(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
