//! What is shown, as a file: for a person, or for a program.
//!
//! The text of a record can forge neither another record nor the report around it: each record is
//! one line, and what could end a line, move a cursor or turn the direction of writing is escaped.

use std::fmt::Write as _;

use serde::ser::{Serialize, SerializeMap, Serializer};
use soliplex_wire::{Breadcrumb, BreadcrumbRef, Timestamp, encode};

use super::recent::{Collection, Recent, RecentRecord};

/// The version of both formats.
const VERSION: u32 = 1;

impl Recent {
    /// A report to be read: oldest first, one line a record, times in UTC.
    ///
    /// ```text
    /// soliplex records, version 1: 2 shown
    /// session 0f8c3a52-7d0e-4b3c-9a51-6f2f6ad2b7e1
    /// 2026-11-21T13:53:08.123456789Z  INFO   ui        app::router: opened the map
    /// 2026-11-21T13:53:09.003000000Z  ERROR  network   app::http: timed out
    /// ```
    pub fn to_text(&self) -> String {
        let count = self.records.len();
        let mut text = format!("soliplex records, version {VERSION}: {count} shown\n");
        match self.collection.reason() {
            Some(reason) => text.extend(["not collected: ", reason, "\n"]),
            None if count == 0 => text.push_str("no records\n"),
            None => {}
        }
        let mut session = None;
        for record in self.records.iter().rev() {
            if session != Some(record.session_id) {
                session = Some(record.session_id);
                match record.session_id {
                    // A text takes whatever is written to it.
                    Some(id) => _ = writeln!(text, "session {id}"),
                    None => text.push_str("session unknown\n"),
                }
            }
            write_line(&mut text, &record.breadcrumb);
        }
        text
    }

    /// A file to be read by a program: JSON, one value a line. The first line is about the file,
    /// the others are records, oldest first.
    ///
    /// ```text
    /// {"soliplexRecords":1,"shown":1,"collected":true}
    /// {"timestamp":"…Z","level":"info","logger":"app","message":"…","category":"ui","number":7,"sessionId":"…"}
    /// ```
    ///
    /// Where nothing is collected the first line says so, with a `reason`.
    pub fn to_jsonl(&self) -> String {
        let mut json = Vec::new();
        let head = Head {
            shown: self.records.len(),
            collection: self.collection,
        };
        encode::json(&mut json, &head);
        json.push(b'\n');
        for record in self.records.iter().rev() {
            encode::json(&mut json, &Line(record));
            json.push(b'\n');
        }
        escape_json(&String::from_utf8(json).unwrap_or_default())
    }
}

fn write_line(text: &mut String, breadcrumb: &Breadcrumb) {
    let time = breadcrumb.timestamp.unwrap_or(Timestamp::UNIX_EPOCH);
    let _ = write!(text, "{time:.9}  {:<5}  ", breadcrumb.severity.text());
    let start = text.len();
    escape(text, breadcrumb.category.as_str());
    let width = text[start..].chars().count();
    text.extend(std::iter::repeat_n(
        ' ',
        CATEGORY_COLUMNS.saturating_sub(width),
    ));
    text.push_str("  ");
    escape(text, &breadcrumb.logger);
    text.push_str(": ");
    escape(text, &breadcrumb.message);
    text.push('\n');
}

/// Columns of the longest built-in category.
const CATEGORY_COLUMNS: usize = "network".len();

/// Appends `part` so that it stays on its line and reads from left to right.
fn escape(text: &mut String, part: &str) {
    for c in part.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c if c.is_control() || is_layout(c) => text.extend(c.escape_unicode()),
            c => text.push(c),
        }
    }
}

/// Escapes in JSON what is escaped in the text, too: JSON itself asks that of fewer characters, but
/// whatever splits a file at Unicode's line ends, or shows it in a terminal, knows more of them.
fn escape_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\n' => escaped.push(c),
            c if c.is_control() || is_layout(c) => {
                // All of them lie in the first plane, and none outside a string.
                let _ = write!(escaped, "\\u{:04x}", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// Whether a character ends a line or changes the direction: Unicode's line and paragraph
/// separators, and its bidirectional controls (UAX #9, section 2).
fn is_layout(c: char) -> bool {
    matches!(
        c,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

struct Head {
    shown: usize,
    collection: Collection,
}

impl Serialize for Head {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("soliplexRecords", &VERSION)?;
        map.serialize_entry("shown", &self.shown)?;
        map.serialize_entry("collected", &self.collection.reason().is_none())?;
        if let Some(reason) = self.collection.reason() {
            map.serialize_entry("reason", reason)?;
        }
        map.end()
    }
}

struct Line<'a>(&'a RecentRecord);

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Flat<'a> {
    #[serde(flatten)]
    breadcrumb: BreadcrumbRef<'a>,
    number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<soliplex_wire::Uuid>,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let RecentRecord {
            number,
            session_id,
            breadcrumb,
        } = self.0;
        let flat = Flat {
            breadcrumb: BreadcrumbRef {
                timestamp: breadcrumb.timestamp,
                severity: breadcrumb.severity,
                logger: &breadcrumb.logger,
                message: &breadcrumb.message,
                category: breadcrumb.category.as_str(),
            },
            number: *number,
            session_id: *session_id,
        };
        flat.serialize(serializer)
    }
}
