//! The rules of OTLP for a request of logs, checked one by one.
//!
//! Stricter than any backend: what passes here passes everywhere. The rules are those of the
//! protocol's specification and of the comments in its protobuf files.

use std::collections::HashSet;
use std::fmt;

use super::proto::{AnyValue, ExportLogsServiceRequest, KeyValue, LogRecord, any_value};

/// A rule that a request breaks, and where. Holds no value of the request but keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where: an index path such as `resource 0, scope 1, record 2`.
    pub place: String,
    /// Which rule.
    pub rule: &'static str,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.rule)
    }
}

/// Everything that is wrong with a request.
pub fn validate(request: &ExportLogsServiceRequest) -> Vec<Violation> {
    let mut found = Vec::new();
    for (r, resource) in request.resource_logs.iter().enumerate() {
        let mut check = Check {
            place: format!("resource {r}"),
            found: &mut found,
        };
        check.rule(resource.resource.is_some(), "a resource must be given");
        if let Some(resource) = &resource.resource {
            check.attributes(&resource.attributes);
            let named = resource
                .attributes
                .iter()
                .any(|attribute| attribute.key == "service.name");
            check.rule(named, "service.name must be given");
        }
        check.rule(
            !resource.scope_logs.is_empty(),
            "an empty envelope must not be sent",
        );
        for (s, scope) in resource.scope_logs.iter().enumerate() {
            let mut check = Check {
                place: format!("resource {r}, scope {s}"),
                found: &mut found,
            };
            check.rule(
                !scope.log_records.is_empty(),
                "an empty envelope must not be sent",
            );
            if let Some(scope) = &scope.scope {
                check.attributes(&scope.attributes);
            }
            for (i, record) in scope.log_records.iter().enumerate() {
                let place = format!("resource {r}, scope {s}, record {i}");
                Check {
                    place,
                    found: &mut found,
                }
                .record(record);
            }
        }
    }
    found
}

struct Check<'a> {
    place: String,
    found: &'a mut Vec<Violation>,
}

impl Check<'_> {
    fn rule(&mut self, holds: bool, rule: &'static str) {
        if !holds {
            self.found.push(Violation {
                place: self.place.clone(),
                rule,
            });
        }
    }

    fn record(&mut self, record: &LogRecord) {
        self.rule(
            record.observed_time_unix_nano != 0,
            "the observed time must be set",
        );
        self.rule(record.time_unix_nano != 0, "the time must be set");
        self.rule(
            record.time_unix_nano <= i64::MAX as u64,
            "the time must fit backends that count in i64",
        );
        self.rule(
            matches!(record.trace_id.len(), 0 | 16),
            "a trace id has 16 bytes or none",
        );
        self.rule(
            matches!(record.span_id.len(), 0 | 8),
            "a span id has 8 bytes or none",
        );
        let zero = |id: &[u8]| !id.is_empty() && id.iter().all(|byte| *byte == 0);
        self.rule(!zero(&record.trace_id), "a trace id must not be all zero");
        self.rule(!zero(&record.span_id), "a span id must not be all zero");
        self.rule(
            record.span_id.is_empty() || !record.trace_id.is_empty(),
            "a span id needs its trace id",
        );
        self.rule(
            record.flags & !0xff == 0,
            "the upper 24 bits of flags must be zero",
        );
        self.severity(record.severity_number, &record.severity_text);
        self.attributes(&record.attributes);
        if let Some(body) = &record.body {
            self.value(body);
        }
    }

    fn severity(&mut self, number: i32, text: &str) {
        self.rule(
            (0..=24).contains(&number),
            "a severity number lies between 0 and 24",
        );
        let name = match number {
            1 => "TRACE",
            5 => "DEBUG",
            9 => "INFO",
            13 => "WARN",
            17 => "ERROR",
            21 => "FATAL",
            _ => return,
        };
        self.rule(text == name, "severity number and text must say the same");
    }

    fn attributes(&mut self, attributes: &[KeyValue]) {
        let mut keys = HashSet::with_capacity(attributes.len());
        for attribute in attributes {
            self.rule(!attribute.key.is_empty(), "a key must not be empty");
            self.rule(keys.insert(attribute.key.as_str()), "a key must be unique");
            self.rule(
                attribute.key_strindex == 0,
                "a key's index is for profiles only",
            );
            match &attribute.value {
                Some(value) => self.value(value),
                None => self.rule(false, "an attribute must have a value"),
            }
        }
    }

    fn value(&mut self, value: &AnyValue) {
        use any_value::Value;
        match &value.value {
            Some(Value::ArrayValue(array)) => {
                array.values.iter().for_each(|value| self.value(value))
            }
            Some(Value::KvlistValue(list)) => self.attributes(&list.values),
            Some(Value::StringValueStrindex(_)) => {
                self.rule(false, "a text's index is for profiles only")
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::proto::{Resource, ResourceLogs, ScopeLogs};
    use super::*;

    fn request(record: LogRecord) -> ExportLogsServiceRequest {
        let name = KeyValue {
            key: "service.name".into(),
            value: Some(AnyValue {
                value: Some(any_value::Value::StringValue("a".into())),
            }),
            ..Default::default()
        };
        ExportLogsServiceRequest {
            resource_logs: vec![ResourceLogs {
                resource: Some(Resource {
                    attributes: vec![name],
                    ..Default::default()
                }),
                scope_logs: vec![ScopeLogs {
                    log_records: vec![record],
                    ..Default::default()
                }],
                ..Default::default()
            }],
        }
    }

    fn sound() -> LogRecord {
        LogRecord {
            time_unix_nano: 1,
            observed_time_unix_nano: 2,
            ..Default::default()
        }
    }

    #[test]
    fn a_sound_record_breaks_no_rule() {
        assert_eq!(validate(&request(sound())), []);
    }

    #[test]
    fn each_rule_is_noticed() {
        let key = |key: &str| KeyValue {
            key: key.into(),
            value: Some(AnyValue { value: None }),
            ..Default::default()
        };
        for (record, rule) in [
            (
                LogRecord {
                    observed_time_unix_nano: 0,
                    ..sound()
                },
                "the observed time must be set",
            ),
            (
                LogRecord {
                    trace_id: vec![1; 15],
                    ..sound()
                },
                "a trace id has 16 bytes or none",
            ),
            (
                LogRecord {
                    trace_id: vec![0; 16],
                    ..sound()
                },
                "a trace id must not be all zero",
            ),
            (
                LogRecord {
                    span_id: vec![1; 8],
                    ..sound()
                },
                "a span id needs its trace id",
            ),
            (
                LogRecord {
                    flags: 256,
                    ..sound()
                },
                "the upper 24 bits of flags must be zero",
            ),
            (
                LogRecord {
                    severity_number: 25,
                    ..sound()
                },
                "a severity number lies between 0 and 24",
            ),
            (
                LogRecord {
                    severity_number: 13,
                    severity_text: "WARNING".into(),
                    ..sound()
                },
                "severity number and text must say the same",
            ),
            (
                LogRecord {
                    attributes: vec![key("")],
                    ..sound()
                },
                "a key must not be empty",
            ),
            (
                LogRecord {
                    attributes: vec![key("a"), key("a")],
                    ..sound()
                },
                "a key must be unique",
            ),
        ] {
            let found = validate(&request(record));
            assert_eq!(
                found
                    .iter()
                    .map(|violation| violation.rule)
                    .collect::<Vec<_>>(),
                [rule]
            );
        }
    }
}
