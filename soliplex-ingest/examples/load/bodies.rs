//! What is posted: the same hundred records in either form.

use serde_json::json;

use crate::BATCH;

/// A hundred records such as a field application sends: some 550 bytes each.
pub(crate) fn batch(client: u64) -> String {
    let logs: Vec<_> = (0..BATCH)
        .map(|seq| {
            json!({
                "id": uuid::Uuid::now_v7(), "seq": seq, "timestamp": jiff::Timestamp::now(),
                "level": (["debug", "info", "info", "warning"][(seq % 4) as usize]),
                "logger": (["app::net", "app::sync", "app::ui::map"][(seq % 3) as usize]),
                "message": "request finished after a retry because the connection had been closed by the peer",
                "attributes": { "http.request.method": "GET", "url.path": "/api/v1/rooms/7/messages",
                    "http.response.status_code": 200, "duration_ms": 12.5, "retry": true, "span.name": "sync_room",
                    "peer": "station-4" },
                "installId": format!("install-{client}"), "sessionId": format!("session-{client}"),
                "userId": format!("user-{client}"),
            })
        })
        .collect();
    json!({ "resource": { "service.name": "field", "service.version": "1.2.3", "os.type": "linux",
        "device.model.name": "tablet" }, "sentAt": jiff::Timestamp::now(), "logs": logs })
    .to_string()
}

/// The same hundred records as OTLP's JSON.
pub(crate) fn otlp(client: u64) -> String {
    let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let records: Vec<_> = (0..BATCH)
        .map(|seq| {
            let now = jiff::Timestamp::now().as_nanosecond().to_string();
            json!({
                "timeUnixNano": now, "observedTimeUnixNano": now,
                "severityNumber": ([5, 9, 9, 13][(seq % 4) as usize]),
                "severityText": (["DEBUG", "INFO", "INFO", "WARN"][(seq % 4) as usize]),
                "body": { "stringValue": "request finished after a retry because the connection had been closed by the peer" },
                "attributes": [
                    text("http.request.method", "GET"), text("url.path", "/api/v1/rooms/7/messages"),
                    { "key": "http.response.status_code", "value": { "intValue": "200" } },
                    { "key": "duration_ms", "value": { "doubleValue": 12.5 } },
                    { "key": "retry", "value": { "boolValue": true } },
                    text("span.name", "sync_room"), text("peer", "station-4"),
                    text("install.id", &format!("install-{client}")),
                    text("session.id", &format!("session-{client}")), text("user.id", &format!("user-{client}")),
                    text("log.record.uid", &uuid::Uuid::now_v7().to_string()),
                ],
            })
        })
        .collect();
    json!({ "resourceLogs": [{
        "resource": { "attributes": [text("service.name", "field"), text("service.version", "1.2.3")] },
        "scopeLogs": [{ "scope": { "name": "app::net" }, "logRecords": records }],
    }] })
    .to_string()
}
