//! What arrives at the OTLP receiver: counted by session, checked for gaps and repetitions, and
//! kept as far as it will be shown.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tracing_soliplex::Rules;

/// The logger of what the pipeline tells of itself.
const OWN_LOGGER: &str = "soliplex";

/// Everything that has arrived so far; shared with the thread that reads it.
#[derive(Clone)]
pub(super) struct Arrivals {
    shared: Arc<Shared>,
}

struct Shared {
    tally: Mutex<Tally>,
    changed: Condvar,
}

/// The counts, and the records that are kept.
pub(super) struct Tally {
    /// Records of the application, each counted once.
    pub(super) delivered: u64,
    /// Records the pipeline wrote about itself.
    pub(super) own: u64,
    /// Records that arrived more than once, each time after the first.
    pub(super) repeated: u64,
    /// Rules of the protocol that were broken.
    pub(super) violations: Vec<String>,
    /// What the stream itself says is missing, by reason.
    pub(super) discarded: BTreeMap<String, u64>,
    /// How often each marker stands in place of a value.
    pub(super) markers: BTreeMap<&'static str, u64>,
    pub(super) sessions: BTreeMap<String, Session>,
    /// The first and the last records, in the order of their arrival.
    pub(super) first: Vec<Value>,
    pub(super) last: VecDeque<Value>,
    keep_first: usize,
    known_markers: BTreeSet<&'static str>,
}

/// What arrived of one session.
#[derive(Default)]
pub(super) struct Session {
    pub(super) delivered: u64,
    pub(super) numbers: Numbers,
}

/// The numbers a session's records carried: one bit each, so that a million cost little.
#[derive(Default)]
pub(super) struct Numbers {
    bits: Vec<u64>,
    seen: u64,
    highest: u64,
}

/// Records kept from the end, when not all are.
const KEEP_LAST: usize = 5;

impl Arrivals {
    /// Keeps the first `keep_first` records and the last few.
    pub(super) fn new(keep_first: usize) -> Arrivals {
        let markers = Rules::built_in().map(|rule| rule.marker);
        let tally = Tally {
            delivered: 0,
            own: 0,
            repeated: 0,
            violations: Vec::new(),
            discarded: BTreeMap::new(),
            markers: BTreeMap::new(),
            sessions: BTreeMap::new(),
            first: Vec::new(),
            last: VecDeque::new(),
            keep_first,
            known_markers: markers.filter(|marker| !marker.is_empty()).collect(),
        };
        Arrivals {
            shared: Arc::new(Shared {
                tally: Mutex::new(tally),
                changed: Condvar::new(),
            }),
        }
    }

    /// Takes in a line of the receiver: one record as JSON, or a violation.
    pub(super) fn take(&self, line: &[u8]) {
        self.tally().take(line);
        self.shared.changed.notify_all();
    }

    /// Waits until `enough`; `false` when nothing has arrived for the time given.
    pub(super) fn wait_until(&self, patience: Duration, enough: impl Fn(&Tally) -> bool) -> bool {
        let mut tally = self.tally();
        while !enough(&tally) {
            let before = tally.delivered + tally.own + tally.repeated;
            let waited = self.shared.changed.wait_timeout(tally, patience);
            let (now, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            tally = now;
            if timeout.timed_out() && before == tally.delivered + tally.own + tally.repeated {
                return enough(&tally);
            }
        }
        true
    }

    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.shared
            .tally
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    fn take(&mut self, line: &[u8]) {
        let Ok(record) = serde_json::from_slice::<Value>(line) else {
            self.violations
                .push(String::from_utf8_lossy(line).into_owned());
            return;
        };
        let attributes = &record["attributes"];
        let number = attributes["soliplex.seq"].as_u64().unwrap_or(0);
        let id = attributes["session.id"].as_str().unwrap_or_default();
        let is_own = record["scope"] == OWN_LOGGER;
        let session = self.sessions.entry(id.to_owned()).or_default();
        if !session.numbers.insert(number) {
            self.repeated += 1;
            return;
        }
        if is_own {
            self.own += 1;
        } else {
            session.delivered += 1;
            self.delivered += 1;
        }
        if let Some(reason) = attributes["soliplex.discard.reason"].as_str() {
            let count = attributes["soliplex.discard.count"].as_u64().unwrap_or(0);
            *self.discarded.entry(reason.to_owned()).or_default() += count;
        }
        self.count_markers(line);
        self.keep(record);
    }

    fn keep(&mut self, record: Value) {
        if self.first.len() < self.keep_first {
            self.first.push(record);
            return;
        }
        if self.last.len() == KEEP_LAST {
            self.last.pop_front();
        }
        self.last.push_back(record);
    }

    fn count_markers(&mut self, line: &[u8]) {
        for start in memchr::memchr_iter(b'[', line) {
            let rest = line.get(start..).unwrap_or_default();
            let marker = rest.get(..=memchr::memchr(b']', rest).unwrap_or(0));
            let marker = marker.and_then(|text| std::str::from_utf8(text).ok());
            if let Some(marker) = marker.and_then(|marker| self.known_markers.get(marker)) {
                *self.markers.entry(marker).or_default() += 1;
            }
        }
    }
}

impl Numbers {
    /// Notes a number; `false` when it was there.
    fn insert(&mut self, number: u64) -> bool {
        let (word, bit) = ((number / 64) as usize, 1 << (number % 64));
        if word >= MAX_WORDS {
            return true;
        }
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        let is_new = self.bits[word] & bit == 0;
        self.bits[word] |= bit;
        self.seen += u64::from(is_new && number > 0);
        self.highest = self.highest.max(number);
        is_new
    }

    /// How many are missing between the first and the highest.
    pub(super) fn missing(&self) -> u64 {
        self.highest - self.seen
    }
}

/// A billion records; a number beyond is no number of ours.
const MAX_WORDS: usize = 1 << 24;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(session: &str, number: u64, scope: &str, more: Value) -> Vec<u8> {
        let mut attributes = json!({ "session.id": session, "soliplex.seq": number });
        if let (Some(all), Value::Object(more)) = (attributes.as_object_mut(), more) {
            all.extend(more);
        }
        json!({ "scope": scope, "attributes": attributes })
            .to_string()
            .into_bytes()
    }

    #[test]
    fn gaps_and_repetitions_are_noticed() {
        let arrivals = Arrivals::new(10);
        for number in [1, 2, 5, 2] {
            arrivals.take(&line("a", number, "app", json!({})));
        }
        arrivals.take(&line(
            "b",
            1,
            "app",
            json!({ "user": "[EMAIL] and [EMAIL] [x]" }),
        ));
        let tally = arrivals.tally();
        assert_eq!((tally.delivered, tally.repeated), (4, 1));
        assert_eq!(tally.sessions["a"].numbers.missing(), 2);
        assert_eq!(tally.sessions["b"].numbers.missing(), 0);
        assert_eq!(tally.markers, BTreeMap::from([("[EMAIL]", 2)]));
    }

    #[test]
    fn what_the_stream_says_is_missing_is_summed_by_reason() {
        let arrivals = Arrivals::new(0);
        for (number, count) in [(1, 2), (2, 3)] {
            let loss =
                json!({ "soliplex.discard.reason": "torn", "soliplex.discard.count": count });
            arrivals.take(&line("a", number, "soliplex", loss));
        }
        let tally = arrivals.tally();
        assert_eq!((tally.delivered, tally.own), (0, 2));
        assert_eq!(tally.discarded["torn"], 5);
    }

    #[test]
    fn what_is_no_record_is_a_violation() {
        let arrivals = Arrivals::new(0);
        arrivals.take(b"VIOLATION a trace id of 3 bytes");
        assert_eq!(arrivals.tally().violations.len(), 1);
    }
}
