//! Reports: what a person and a program read, and what nobody can forge.

use soliplex_wire::{Breadcrumb, Category, Timestamp, Uuid};

use super::super::recent::{Collection, Recent, RecentRecord};
use super::*;

fn record(number: u64, logger: &str, message: &str) -> RecentRecord {
    RecentRecord {
        number,
        session_id: Some(Uuid::from_u128(1)),
        breadcrumb: Breadcrumb {
            timestamp: Timestamp::from_second(1_770_379_200 + number as i64).ok(),
            severity: Severity::Warn,
            logger: logger.to_owned(),
            message: message.to_owned(),
            category: Category::Network,
        },
    }
}

fn recent(records: Vec<RecentRecord>, collection: Collection) -> Recent {
    Recent {
        records,
        collection,
        skipped: 0,
    }
}

#[test]
fn a_report_tells_time_severity_category_logger_and_message_oldest_first() {
    let recent = recent(
        vec![
            record(1, "app::http", "timed out"),
            record(0, "app", "sent"),
        ],
        Collection::On,
    );
    assert_eq!(
        recent.to_text(),
        "soliplex records, version 1: 2 shown\n\
         session 00000000-0000-0000-0000-000000000001\n\
         2026-02-06T12:00:00.000000000Z  WARN   network  app: sent\n\
         2026-02-06T12:00:01.000000000Z  WARN   network  app::http: timed out\n"
    );
    assert_eq!(
        recent.to_jsonl(),
        "{\"soliplexRecords\":1,\"shown\":2,\"collected\":true}\n\
         {\"timestamp\":\"2026-02-06T12:00:00Z\",\"level\":\"warning\",\"logger\":\"app\",\
         \"message\":\"sent\",\"category\":\"network\",\"number\":0,\
         \"sessionId\":\"00000000-0000-0000-0000-000000000001\"}\n\
         {\"timestamp\":\"2026-02-06T12:00:01Z\",\"level\":\"warning\",\"logger\":\"app::http\",\
         \"message\":\"timed out\",\"category\":\"network\",\"number\":1,\
         \"sessionId\":\"00000000-0000-0000-0000-000000000001\"}\n"
    );
}

#[test]
fn no_text_can_forge_a_record_or_turn_its_line_around() {
    for text in [
        "done\n2026-02-06T12:00:00.000000000Z  INFO   user     auth: signed in",
        "a\r\nb",
        "a\u{85}b",
        "a\u{2028}b",
        "a\u{2029}b",
        "a\u{b}b\u{c}c",
        "\u{1b}[2K\u{1b}[1A",
        "a\u{9b}2Kb\u{7f}",
        "nimda\u{202e}",
        "\u{2066}a\u{2069}",
        "a\\nb",
    ] {
        let recent = recent(vec![record(0, text, text)], Collection::On);
        let report = recent.to_text();
        assert_eq!(report.lines().count(), 3, "{text:?}");
        let is_raw =
            |c: char| c != '\n' && (c.is_control() || "\u{202e}\u{2066}\u{2069}".contains(c));
        let jsonl = recent.to_jsonl();
        for file in [&report, &jsonl] {
            let raw = file.contains(['\u{2028}', '\u{2029}', '\u{85}']) || file.contains(is_raw);
            assert!(!raw, "{text:?}");
        }
        assert_eq!(jsonl.matches('\n').count(), 2, "{text:?}");
        let line: serde_json::Value =
            serde_json::from_str(jsonl.lines().nth(1).expect("a record")).expect("JSON");
        assert_eq!(line["message"], text);
    }
    let plain = recent(vec![record(0, "a", "a\\nb")], Collection::On).to_text();
    let broken = recent(vec![record(0, "a", "a\nb")], Collection::On).to_text();
    assert_ne!(
        plain, broken,
        "what was escaped can be told from what was written"
    );
}

#[test]
fn no_records_are_told_apart_from_not_collected() {
    let head = "soliplex records, version 1: 0 shown\n";
    for (collection, text, reason) in [
        (Collection::On, "no records", None),
        (
            Collection::NoLayer,
            "not collected: no breadcrumb layer is installed",
            Some("no breadcrumb layer is installed"),
        ),
        (
            Collection::Off,
            "not collected: logging is switched off",
            Some("logging is switched off"),
        ),
        (
            Collection::Denied,
            "not collected: the user does not allow it",
            Some("the user does not allow it"),
        ),
    ] {
        let recent = recent(vec![], collection);
        assert_eq!(recent.to_text(), format!("{head}{text}\n"));
        let line: serde_json::Value = serde_json::from_str(&recent.to_jsonl()).expect("JSON");
        assert_eq!(line["collected"], reason.is_none());
        assert_eq!(line["reason"].as_str(), reason);
    }
}

#[test]
fn debug_output_shows_no_message() {
    let recent = recent(vec![record(0, "app", "a patient's name")], Collection::On);
    assert!(!format!("{recent:?}").contains("patient"));
}
