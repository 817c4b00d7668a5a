//! The session as a support engineer reads it: what arrived, in the order it happened.

use serde_json::{Map, Value};

use super::arrivals::Tally;
use super::page::{self, Ink, Page};

/// Prints what arrived: all of a scripted session, a sample of a replayed file.
pub(super) fn print(page: Page, tally: &Tally, scripted: bool) {
    let mut records: Vec<Record<'_>> = tally.first.iter().chain(&tally.last).map(Record).collect();
    if !scripted {
        page.heading("What arrived, at the begin and at the end");
        print_sample(page, tally, &records);
        return;
    }
    page.heading("What the support engineer reads");
    // Sessions in the order in which they began, records in that of their numbers.
    records.sort_by_key(|record| (record.session().to_owned(), record.number()));
    let mut sessions: Vec<&[Record<'_>]> = records
        .chunk_by(|a, b| a.session() == b.session())
        .collect();
    sessions.sort_by_key(|session| session.first().map(|record| record.time().to_owned()));
    for (number, session) in sessions.iter().enumerate() {
        print_session(page, number + 1, session);
    }
}

fn print_session(page: Page, number: usize, records: &[Record<'_>]) {
    let (Some(first), Some(last)) = (records.first(), records.last()) else {
        return;
    };
    page.line("");
    let title = format!("Session {number}  {}", first.session());
    let (day, from, to) = (first.day(), first.clock(), last.clock());
    let when = format!("  {day} {from} to {to} UTC");
    let title = page.ink(Ink::Bold, &title);
    page.line(&format!("{title}{}", page.ink(Ink::Dim, &when)));
    let about = [
        format!("  {}, {}", first.application(), users(records)),
        format!(
            "  device {} (install {}): {}",
            first.alias(),
            short(first.attribute("install.id")),
            first.system()
        ),
    ];
    for line in about {
        page.line(&page.ink(Ink::Dim, &line));
    }
    page.line("");
    let mut user = None;
    for record in records {
        let now = record.text("user.id");
        if user != now {
            user = now;
            let from_here = format!("user {} from here on", now.unwrap_or("nobody"));
            page.line(&format!(
                "  {}",
                page.ink(Ink::Dim, &format!("--- {from_here} ---"))
            ));
        }
        record.print(page);
    }
}

/// Who was logged in, one after the other.
fn users(records: &[Record<'_>]) -> String {
    let mut users: Vec<&str> = Vec::new();
    for user in records.iter().filter_map(|record| record.text("user.id")) {
        if !users.contains(&user) {
            users.push(user);
        }
    }
    match users[..] {
        [] => "nobody logged in".to_owned(),
        _ => format!("user {}", users.join(", then ")),
    }
}

fn print_sample(page: Page, tally: &Tally, records: &[Record<'_>]) {
    page.line("");
    let shown = tally.first.len();
    for (index, record) in records.iter().enumerate() {
        let left_out = (tally.delivered + tally.own).saturating_sub(records.len() as u64);
        if index == shown && left_out > 0 {
            let text = format!("  ... {} more ...", page::count(left_out));
            page.line(&page.ink(Ink::Dim, &text));
        }
        record.print(page);
    }
}

/// One record as the receiver printed it.
struct Record<'a>(&'a Value);

impl<'a> Record<'a> {
    fn attribute(&self, name: &str) -> &'a Value {
        &self.0["attributes"][name]
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.attribute(name).as_str()
    }

    fn session(&self) -> &'a str {
        self.text("session.id").unwrap_or_default()
    }

    fn number(&self) -> u64 {
        self.attribute("soliplex.seq").as_u64().unwrap_or(0)
    }

    fn time(&self) -> &'a str {
        self.0["time"].as_str().unwrap_or_default()
    }

    fn day(&self) -> &str {
        self.time().split_once('T').map_or("", |(day, _)| day)
    }

    fn clock(&self) -> String {
        clock(self.time())
    }

    /// What runs, and in which version.
    fn application(&self) -> String {
        let value = |name: &str| self.resource(name).unwrap_or("unknown");
        format!("{} {}", value("service.name"), value("service.version"))
    }

    /// What it runs on, as far as the device could find out.
    fn system(&self) -> String {
        let os = self.resource("os.name").or(self.resource("os.type"));
        let known = [
            self.resource("device.model.identifier"),
            os,
            self.resource("os.version"),
            self.resource("host.arch"),
        ];
        known.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    fn resource(&self, name: &str) -> Option<&'a str> {
        self.0["resource"][name].as_str()
    }

    /// The device's name on the phone.
    fn alias(&self) -> &'a str {
        let alias = self.0["resource"]["soliplex.device.alias"].as_str();
        alias.unwrap_or("unknown")
    }

    /// Whether it tells how the session before ended.
    fn tells_of_an_end(&self) -> bool {
        self.text("event.name") == Some("previous_session_ended")
    }

    fn print(&self, page: Page) {
        let severity = self.0["severity"].as_str().unwrap_or_default();
        let ink = match severity {
            "ERROR" | "FATAL" => Ink::Red,
            "WARN" => Ink::Yellow,
            _ => Ink::Plain,
        };
        let logger = cut(self.0["scope"].as_str().unwrap_or_default(), LOGGER_COLUMNS);
        let head = format!(
            "  {}  {}  {logger:<LOGGER_COLUMNS$}  ",
            page.ink(Ink::Dim, &self.clock()),
            page.ink(ink, &format!("{severity:<5}"))
        );
        let mut head = Some(head);
        let message = one_line(self.0["body"].as_str().unwrap_or_default());
        let ink = if matches!(ink, Ink::Plain) {
            Ink::Bold
        } else {
            ink
        };
        let message = cut(&message, MAX_MESSAGE_CHARACTERS);
        for line in page.fill(MESSAGE_MARGIN, message.split(' ')) {
            let begin = head.take();
            let begin = begin.unwrap_or_else(|| format!("{:MESSAGE_MARGIN$}", ""));
            page.line(format!("{begin}{}", page.ink(ink, &line)).trim_end());
        }
        let below = |ink: Ink, words: &[String]| {
            for line in page.fill(MARGIN, words.iter().map(String::as_str)) {
                page.line(&format!("{:MARGIN$}{}", "", page.ink(ink, &line)));
            }
        };
        if let Some(error) = self.text("exception.message") {
            below(Ink::Plain, &words(&format!("because: {error}")));
        }
        let attributes = self.shown_attributes();
        if !attributes.is_empty() {
            below(Ink::Dim, &attributes);
        }
        if let Some(trace) = self.text("exception.stacktrace") {
            let lines = trace.lines().count();
            let summary = format!("stack trace of {lines} lines{}", own_frame(trace));
            below(Ink::Dim, &words(&summary));
        }
        let breadcrumbs = self.breadcrumbs();
        let earlier = breadcrumbs.len().saturating_sub(SHOWN_BREADCRUMBS);
        if earlier > 0 {
            below(
                Ink::Dim,
                &words(&format!("before: {earlier} more, and then")),
            );
        }
        for crumb in breadcrumbs.iter().skip(earlier) {
            below(Ink::Dim, &words(&cut(crumb, MAX_MESSAGE_CHARACTERS)));
        }
    }

    /// The spans, and the attributes the application gave as `name=value`.
    fn shown_attributes(&self) -> Vec<String> {
        let none = Map::new();
        let attributes = self.0["attributes"].as_object().unwrap_or(&none);
        let path = self
            .text("span.path")
            .map(|path| format!("in {}:", path.replace(':', " > ")));
        let own = attributes
            .iter()
            .filter(|(name, _)| !is_plumbing(name))
            // Which session it was is told above, and the head of this one says the rest.
            .filter(|(name, _)| self.0["scope"] != "soliplex" || !is_said_above(name))
            // Whose end is told has to be said; what came before the first record goes with it.
            .filter(|(name, _)| self.tells_of_an_end() || !name.contains("previous"))
            .map(|(name, value)| match value {
                Value::String(text) if text.contains(' ') || text.is_empty() => {
                    format!("{name}={:?}", one_line(text))
                }
                Value::String(text) => format!("{name}={}", one_line(text)),
                other => format!("{name}={other}"),
            });
        path.into_iter().chain(own).collect()
    }

    /// What led up to an error, oldest first.
    fn breadcrumbs(&self) -> Vec<String> {
        let crumbs = self.text("breadcrumbs").unwrap_or("[]");
        let crumbs: Vec<Value> = serde_json::from_str(crumbs).unwrap_or_default();
        let text = |crumb: &Value, name: &str| one_line(crumb[name].as_str().unwrap_or_default());
        crumbs
            .iter()
            .map(|crumb| {
                let category = text(crumb, "category");
                format!(
                    "before: {}  {category:<7}  {}: {}",
                    clock(&text(crumb, "timestamp")),
                    text(crumb, "logger"),
                    text(crumb, "message")
                )
            })
            .collect()
    }
}

/// What every record carries, and what is shown in a place of its own.
fn is_plumbing(name: &str) -> bool {
    const PREFIXES: [&str; 2] = ["exception.", "soliplex.auth"];
    const NAMES: [&str; 12] = [
        "breadcrumbs",
        "client_timestamp",
        "enduser.id",
        "install.id",
        "log.record.uid",
        "server.received_at",
        "server_received_at",
        "session.id",
        "soliplex.clock_skew_ms",
        "soliplex.seq",
        "span.name",
        "span.path",
    ];
    name == "user.id"
        || NAMES.contains(&name)
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// What a session's first records repeat of its head.
fn is_said_above(name: &str) -> bool {
    [
        "app.installation.id",
        "event.name",
        "host.arch",
        "device.model.identifier",
        "os.name",
        "os.type",
        "os.version",
        "service.name",
        "service.version",
        "soliplex.device.alias",
    ]
    .contains(&name)
}

/// The time of day of an instant, to the millisecond.
fn clock(time: &str) -> String {
    let of_day = time
        .split_once('T')
        .map_or("", |(_, time)| time.trim_end_matches('Z'));
    let (seconds, fraction) = of_day.split_once('.').unwrap_or((of_day, ""));
    format!("{seconds}.{fraction:0<3.3}")
}

/// The first frame that is neither the standard library's nor the pipeline's.
fn own_frame(trace: &str) -> String {
    let frames = trace
        .lines()
        .filter_map(|line| line.trim().split_once(": "));
    let own = frames
        .map(|(_, frame)| frame)
        .find(|frame| frame.contains("soliplex_examples"));
    let function = own.map(|frame| frame.trim_end_matches("::{{closure}}"));
    let function = function.and_then(|function| function.rsplit("::").next());
    function.map_or_else(String::new, |function| format!(", from {function}"))
}

fn words(text: &str) -> Vec<String> {
    one_line(text).split(' ').map(str::to_owned).collect()
}

/// What the terminal shows as it is: a record must not move the cursor or forge another line.
fn one_line(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

fn short(id: &Value) -> &str {
    id.as_str()
        .and_then(|id| id.split('-').next())
        .unwrap_or("unknown")
}

/// At most so many columns; what is cut away is hinted at.
fn cut(text: &str, columns: usize) -> String {
    match text.char_indices().nth(columns) {
        None => text.to_owned(),
        Some(_) => text
            .chars()
            .take(columns.saturating_sub(1))
            .chain(['…'])
            .collect(),
    }
}

/// The longest logger of the scripted session has as many.
const LOGGER_COLUMNS: usize = 16;

/// Breadcrumbs that are shown below an error; the record has twenty.
const SHOWN_BREADCRUMBS: usize = 8;

/// Characters of a message that are shown; the record has them all.
const MAX_MESSAGE_CHARACTERS: usize = 180;

/// Where what belongs to a record begins: time and level stand before it.
const MARGIN: usize = 2 + 12 + 2 + 5 + 2;

/// Where the message begins: the logger stands before it.
const MESSAGE_MARGIN: usize = MARGIN + LOGGER_COLUMNS + 2;
