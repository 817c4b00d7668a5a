//! Taking an encoded batch apart: in halves, or without some of its records.

use prost::{DecodeError, Message as _};

use super::RECORD_UID;
use super::proto::{ExportLogsServiceRequest, LogRecord, ResourceLogs, ScopeLogs, any_value};

/// The first and second half of a batch's records, each with its own resource and scopes.
///
/// A batch of one record comes back whole, with an empty second half.
pub fn halves(
    request: &[u8],
) -> Result<(ExportLogsServiceRequest, ExportLogsServiceRequest), DecodeError> {
    let request = ExportLogsServiceRequest::decode(request)?;
    let first = count(&request).div_ceil(2);
    let mut seen = 0;
    let mut before = |_: &LogRecord| {
        seen += 1;
        seen <= first
    };
    let left = keep(request.clone(), &mut before);
    let mut seen = 0;
    let right = keep(request, &mut |_| {
        seen += 1;
        seen > first
    });
    Ok((left, right))
}

/// The batch without the records whose id is among `uids`.
pub fn without(request: &[u8], uids: &[String]) -> Result<ExportLogsServiceRequest, DecodeError> {
    let request = ExportLogsServiceRequest::decode(request)?;
    Ok(keep(request, &mut |record| {
        uid(record).is_none_or(|uid| !uids.iter().any(|other| other == uid))
    }))
}

/// How many records a request holds.
pub(crate) fn count(request: &ExportLogsServiceRequest) -> usize {
    records(request).count()
}

/// The records of a request, in order.
pub(crate) fn records(request: &ExportLogsServiceRequest) -> impl Iterator<Item = &LogRecord> {
    request
        .resource_logs
        .iter()
        .flat_map(|resource| &resource.scope_logs)
        .flat_map(|scope| &scope.log_records)
}

fn keep(
    mut request: ExportLogsServiceRequest,
    wanted: &mut impl FnMut(&LogRecord) -> bool,
) -> ExportLogsServiceRequest {
    for resource in &mut request.resource_logs {
        for scope in &mut resource.scope_logs {
            scope.log_records.retain(&mut *wanted);
        }
        // OTLP: empty envelopes should not be sent.
        resource
            .scope_logs
            .retain(|scope: &ScopeLogs| !scope.log_records.is_empty());
    }
    request
        .resource_logs
        .retain(|resource: &ResourceLogs| !resource.scope_logs.is_empty());
    request
}

fn uid(record: &LogRecord) -> Option<&str> {
    let attribute = record
        .attributes
        .iter()
        .find(|attribute| attribute.key == RECORD_UID)?;
    match attribute.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text),
        _ => None,
    }
}
