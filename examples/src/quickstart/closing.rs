//! The closing account: what became of every record, and whether that adds up.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::arrivals::Tally;
use super::canary::{Found, Watch};
use super::page::{self, COLUMNS, Ink, Page};

/// One process of the device, as it told of itself.
#[derive(Debug, Default)]
pub(super) struct Run {
    session: String,
    pub(super) told: u64,
    pub(super) killed: bool,
    /// Its pipeline's own account; a process that was killed has none.
    account: Option<Value>,
}

impl Run {
    /// Takes in a line of what the device tells.
    pub(super) fn hear(&mut self, line: &str) {
        match line.split_once(' ') {
            Some(("session", id)) => self.session = id.to_owned(),
            Some(("logged", count)) => self.told = count.parse().unwrap_or(self.told),
            Some(("account", json)) => self.account = serde_json::from_str(json).ok(),
            _ => {}
        }
    }
}

/// Everything the account is made of.
pub(super) struct Closing {
    told: u64,
    delivered: u64,
    own: u64,
    discarded: BTreeMap<String, u64>,
    repeated: u64,
    sent_twice: u64,
    markers: Vec<(&'static str, u64)>,
    canaries: Vec<&'static str>,
    found: Vec<Found>,
    places: Vec<(&'static str, u64)>,
    troubles: Vec<String>,
}

impl Closing {
    pub(super) fn new(
        runs: Vec<Run>,
        tally: &Tally,
        watch: &Watch,
        canaries: Vec<&'static str>,
    ) -> Closing {
        let mut markers: Vec<(&'static str, u64)> = tally
            .markers
            .iter()
            .map(|(marker, count)| (*marker, *count))
            .collect();
        markers.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let accounts = runs.iter().filter_map(|run| run.account.as_ref());
        Closing {
            told: runs.iter().map(|run| run.told).sum(),
            delivered: tally.delivered,
            own: tally.own,
            discarded: tally.discarded.clone(),
            repeated: tally.repeated,
            sent_twice: accounts
                .filter_map(|account| account["duplicates"].as_u64())
                .sum(),
            markers,
            canaries,
            found: watch.found(),
            places: watch.places(),
            troubles: troubles(&runs, tally, watch),
        }
    }

    pub(super) fn adds_up(&self) -> bool {
        self.troubles.is_empty()
    }

    pub(super) fn print(&self, page: Page, took: Duration, kept: Option<&Path>) {
        page.heading("The account");
        page.line("");
        self.print_records(page);
        self.print_secrets(page);
        page.line("");
        let seconds = took.as_secs_f64();
        if self.adds_up() {
            let verdict = format!(
                "It adds up: nothing is missing, nothing came twice, no secret got out. ({seconds:.1} s)"
            );
            page.line(&page.ink(Ink::Green, &verdict));
        }
        for trouble in &self.troubles {
            page.line(&page.ink(Ink::Red, &format!("IT DOES NOT ADD UP: {trouble}")));
        }
        print_next(page, kept);
    }

    fn print_records(&self, page: Page) {
        let discarded: u64 = self.discarded.values().sum();
        let more = (self.delivered + discarded).saturating_sub(self.told);
        row(
            page,
            "events logged",
            self.told,
            "as the device itself told, after each macro call had returned",
        );
        if more > 0 {
            row(
                page,
                "",
                more,
                "logged in the instant of the kill, before the device could tell",
            );
        }
        row(
            page,
            "delivered",
            self.delivered,
            "as the receiver counted them, each record once",
        );
        if self.own > 0 {
            row(
                page,
                "the pipeline's own",
                self.own,
                "records about the session and about losses",
            );
        }
        row(page, "discarded", discarded, "");
        for (reason, count) in &self.discarded {
            row(page, "", *count, reason);
        }
        let sent_twice = match self.sent_twice {
            0 => "none was sent twice".to_owned(),
            count => format!(
                "{} were sent twice, and recognized by their ids",
                page::count(count)
            ),
        };
        row(page, "duplicates", self.repeated, &sent_twice);
    }

    fn print_secrets(&self, page: Page) {
        let bytes: u64 = self.places.iter().map(|(_, bytes)| bytes).sum();
        let about = format!("of the {} that the application logged", self.canaries.len());
        row(
            page,
            "canary secrets found",
            self.found.len() as u64,
            &about,
        );
        prose(page, &self.canaries.join(", "));
        let places: Vec<&str> = self.places.iter().map(|(place, _)| *place).collect();
        let places = places.join(", ");
        prose(page, &format!("searched {}: {places}", page::bytes(bytes)));
        let markers: Vec<String> = self
            .markers
            .iter()
            .map(|(marker, count)| format!("{} {marker}", page::count(*count)))
            .collect();
        if !markers.is_empty() {
            prose(page, &format!("in their place: {}", markers.join(", ")));
        }
    }
}

/// Every way in which the account may fail to add up.
fn troubles(runs: &[Run], tally: &Tally, watch: &Watch) -> Vec<String> {
    let mut troubles = Vec::new();
    let told: u64 = runs.iter().map(|run| run.told).sum();
    let killed = runs.iter().filter(|run| run.killed).count() as u64;
    let discarded: u64 = tally.discarded.values().sum();
    let fates = tally.delivered + discarded;
    if fates < told {
        troubles.push(format!("{} events are missing", told - fates));
    }
    // A process that is killed may have logged one event it could not tell any more.
    if fates > told + killed {
        troubles.push(format!(
            "{} events arrived that nobody logged",
            fates - told
        ));
    }
    if tally.repeated > 0 {
        troubles.push(format!("{} records arrived twice", tally.repeated));
    }
    let missing: u64 = tally
        .sessions
        .values()
        .map(|session| session.numbers.missing())
        .sum();
    if missing > discarded {
        troubles.push(format!(
            "{missing} numbers are missing, and nothing says why"
        ));
    }
    for run in runs {
        let delivered = tally
            .sessions
            .get(&run.session)
            .map_or(0, |session| session.delivered);
        if delivered + discarded < run.told {
            troubles.push(format!("session {} is not complete", run.session));
        }
        match &run.account {
            Some(account) if account["balances"] != true => {
                troubles.push("the device's own counters contradict each other".to_owned());
            }
            Some(account) if account["waiting"] != 0 => {
                troubles.push("records are left waiting on the device".to_owned());
            }
            None if !run.killed => troubles.push("the device gave no account".to_owned()),
            _ => {}
        }
    }
    troubles.extend(
        tally
            .violations
            .iter()
            .take(3)
            .map(|text| format!("bad OTLP: {text}")),
    );
    for Found { what, place } in watch.found() {
        troubles.push(format!("a canary got out: the {what}, in {place}"));
    }
    troubles
}

fn row(page: Page, name: &str, count: u64, about: &str) {
    let number = page.ink(Ink::Bold, &format!("{:>9}", page::count(count)));
    let about = page.ink(Ink::Dim, about);
    page.line(format!("  {name:<22}{number}   {about}").trim_end());
}

/// A remark below a row, in its last column.
fn prose(page: Page, text: &str) {
    let margin = 36;
    for line in page.fill(margin, text.split(' ')) {
        debug_assert!(line.chars().count() + margin <= COLUMNS);
        page.line(&format!("{:margin$}{}", "", page.ink(Ink::Dim, &line)));
    }
}

fn print_next(page: Page, kept: Option<&Path>) {
    page.heading("Where to look next");
    page.line("");
    for (what, about) in [
        (
            "quickstart --replay FILE",
            "your own log file on the same road (- is standard input)",
        ),
        ("redact < FILE", "what the rules make of your own log lines"),
        (
            "quickstart --keep",
            "keeps the device's store, the server's data and all logs",
        ),
        (
            "examples/src/quickstart/device.rs",
            "how an application installs the layers",
        ),
        (
            "soliplex-ingest serve",
            "the server by itself; config-keys lists what can be set",
        ),
        ("ARCHITECTURE.md", "the rooms in the order a record travels"),
    ] {
        page.line(&format!("  {what:<34}  {}", page.ink(Ink::Dim, about)));
    }
    if let Some(kept) = kept {
        page.line("");
        page.line(&format!("Kept: {}", kept.display()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quickstart::arrivals::Arrivals;
    use crate::quickstart::canary::Canaries;

    /// A session of which these numbers arrived, beside what the device told.
    fn closing(numbers: &[u64], told: &[&str], killed: bool, logged: &str) -> Closing {
        let canaries = Canaries::new();
        let watch = Watch::new(&canaries);
        watch.look(
            "the log",
            logged.replace("SECRET", &canaries.password).as_bytes(),
        );
        let arrivals = Arrivals::new(0);
        for number in numbers {
            let line = format!(
                r#"{{"scope":"app","attributes":{{"session.id":"s","soliplex.seq":{number}}}}}"#
            );
            arrivals.take(line.as_bytes());
        }
        let mut run = Run {
            killed,
            ..Run::default()
        };
        run.hear("session s");
        told.iter().for_each(|line| run.hear(line));
        let closing = Closing::new(vec![run], &arrivals.tally(), &watch, canaries.names());
        assert_eq!(closing.adds_up(), closing.troubles.is_empty());
        closing
    }

    #[test]
    fn an_account_says_what_does_not_add_up() {
        let account = r#"account {"balances":true,"waiting":0}"#;
        let crooked = r#"account {"balances":false,"waiting":0}"#;
        let waiting = r#"account {"balances":true,"waiting":2}"#;
        for (numbers, told, killed, logged, expected) in [
            (&[1, 2, 3][..], &["logged 3", account][..], false, "", None),
            (&[1, 2, 3], &["logged 3"], true, "", None),
            (&[1, 2, 3, 4], &["logged 3"], true, "", None),
            (
                &[1, 2],
                &["logged 3", account],
                false,
                "",
                Some("1 events are missing"),
            ),
            (
                &[1, 2, 3, 4],
                &["logged 3", account],
                false,
                "",
                Some("that nobody logged"),
            ),
            (
                &[1, 2, 3, 4, 5],
                &["logged 3"],
                true,
                "",
                Some("that nobody logged"),
            ),
            (
                &[1, 2, 2],
                &["logged 2", account],
                false,
                "",
                Some("arrived twice"),
            ),
            (
                &[1, 3],
                &["logged 2", account],
                false,
                "",
                Some("1 numbers are missing"),
            ),
            (&[1], &["logged 1"], false, "", Some("gave no account")),
            (
                &[1],
                &["logged 1", crooked],
                false,
                "",
                Some("contradict each other"),
            ),
            (
                &[1],
                &["logged 1", waiting],
                false,
                "",
                Some("left waiting"),
            ),
            (
                &[1],
                &["logged 1", account],
                false,
                "x SECRET",
                Some("the password, in the log"),
            ),
        ] {
            let troubles = closing(numbers, told, killed, logged).troubles;
            match expected {
                None => assert!(troubles.is_empty(), "{numbers:?} {told:?}: {troubles:?}"),
                Some(text) => assert!(
                    troubles.iter().any(|trouble| trouble.contains(text)),
                    "{text} for {numbers:?} {told:?}: {troubles:?}"
                ),
            }
        }
    }
}
