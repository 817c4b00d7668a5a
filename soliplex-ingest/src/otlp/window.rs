//! The window of times an upstream takes, and moving a record to its edge.
//!
//! Logfire refuses a record that is more than 24 h old or 1 h ahead *when it arrives*. A device
//! that was offline for a week, or a server that waited out an upstream's outage, would lose
//! exactly the records somebody is looking for. So the time is moved when the record is forwarded,
//! not before; the true time stays in `client_timestamp`, and `soliplex.time_adjusted` says what
//! was done.

use std::time::Duration;

use prost::{DecodeError, Message as _};

use super::TIME_ADJUSTED;
use super::proto::{AnyValue, ExportLogsServiceRequest, KeyValue, LogRecord, any_value};

/// Which times an upstream takes, relative to its clock. Zero on a side leaves that side open.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// How far back.
    pub max_age: Duration,
    /// How far ahead.
    pub max_ahead: Duration,
}

impl Window {
    /// Whether times from `earliest` to `latest` all lie within, at `now`; nanoseconds since 1970.
    pub fn holds(&self, earliest: u64, latest: u64, now: u64) -> bool {
        let (first, last) = self.edges(now);
        first <= earliest && latest <= last
    }

    /// Moves the times of an encoded request into the window.
    pub fn fit(&self, request: &[u8], now: u64) -> Result<Vec<u8>, DecodeError> {
        let mut request = ExportLogsServiceRequest::decode(request)?;
        let (first, last) = self.edges(now);
        for resource in &mut request.resource_logs {
            for scope in &mut resource.scope_logs {
                scope
                    .log_records
                    .iter_mut()
                    .for_each(|record| move_into(record, first, last));
            }
        }
        Ok(request.encode_to_vec())
    }

    /// The request as it may arrive now, its times moved where they must be.
    pub(crate) fn fit_now(&self, request: Vec<u8>) -> Vec<u8> {
        let now = u64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(0);
        // What this server encoded it can decode; were it not so, the upstream may still take it.
        self.fit(&request, now).unwrap_or(request)
    }

    fn edges(&self, now: u64) -> (u64, u64) {
        let first = match nanos(self.max_age) {
            0 => 0,
            age => now.saturating_sub(age),
        };
        let last = match nanos(self.max_ahead) {
            0 => u64::MAX,
            ahead => now.saturating_add(ahead),
        };
        (first, last)
    }
}

fn move_into(record: &mut LogRecord, first: u64, last: u64) {
    let (edge, note) = match record.time_unix_nano {
        time if time < first => (first, "too old"),
        time if time > last => (last, "too far ahead"),
        _ => return,
    };
    record.time_unix_nano = edge;
    record.attributes.push(KeyValue {
        key: TIME_ADJUSTED.to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(note.to_owned())),
        }),
        ..Default::default()
    });
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::proto::{ResourceLogs, ScopeLogs};

    const HOUR: u64 = 3_600_000_000_000;
    const NOW: u64 = 1_000 * HOUR;

    fn window(age: u64, ahead: u64) -> Window {
        Window {
            max_age: Duration::from_nanos(age),
            max_ahead: Duration::from_nanos(ahead),
        }
    }

    fn fitted(time: u64, window: Window) -> (u64, bool) {
        let record = LogRecord {
            time_unix_nano: time,
            ..Default::default()
        };
        let scope = ScopeLogs {
            log_records: vec![record],
            ..Default::default()
        };
        let request = ExportLogsServiceRequest {
            resource_logs: vec![ResourceLogs {
                scope_logs: vec![scope],
                ..Default::default()
            }],
        };
        let bytes = window.fit(&request.encode_to_vec(), NOW).unwrap();
        let request = ExportLogsServiceRequest::decode(bytes.as_slice()).unwrap();
        let record = &request.resource_logs[0].scope_logs[0].log_records[0];
        (
            record.time_unix_nano,
            record.attributes.iter().any(|a| a.key == TIME_ADJUSTED),
        )
    }

    #[test]
    fn a_time_outside_moves_to_the_nearest_edge_and_says_so() {
        let logfire = window(24 * HOUR, HOUR);
        for (time, expected) in [
            (NOW, (NOW, false)),
            (NOW - 24 * HOUR, (NOW - 24 * HOUR, false)),
            (NOW - 24 * HOUR - 1, (NOW - 24 * HOUR, true)),
            (1, (NOW - 24 * HOUR, true)),
            (NOW + HOUR, (NOW + HOUR, false)),
            (NOW + HOUR + 1, (NOW + HOUR, true)),
            (u64::MAX, (NOW + HOUR, true)),
        ] {
            assert_eq!(fitted(time, logfire), expected, "{time}");
            assert_eq!(logfire.holds(time, time, NOW), !expected.1, "{time}");
        }
    }

    #[test]
    fn a_side_of_zero_is_open() {
        let open = window(0, 0);
        assert_eq!(fitted(1, open), (1, false));
        assert_eq!(fitted(u64::MAX, open), (u64::MAX, false));
        assert!(open.holds(1, u64::MAX, NOW));
    }
}
