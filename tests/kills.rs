//! A device that is killed again and again, at random points, on one directory, against a server
//! that fails at random too. In the end every event it had told has arrived, exactly once; or, where
//! its store has no room for all of them, is told of as given up.
//!
//! A fault-injecting proxy stands before the real server: it answers 503, 500 and 429, loses
//! requests, loses answers after the server has taken the batch, refuses large batches with 413, and
//! is slow.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tempfile::tempdir;

use crate::backend::{Backend, count_by};
use crate::device::{Device, NO_BOUND, drain_within};
use crate::random::Random;
use crate::scripted::{Reply, Request, Scripted};

/// Threads of the device, each of which may be in the middle of an event when it dies.
const THREADS: usize = 3;

/// What a kill may leave as a gap without a loss: each thread may have taken a number for an event
/// that it was in the middle of, and the worker one for each session and reason of which it was about
/// to tell.
const NUMBERS_TAKEN: u64 = THREADS as u64 + 17;

/// A start, a failure and the wait after it.
const SOON: Duration = Duration::from_secs(2);

#[test]
fn every_event_told_before_a_kill_arrives_exactly_once() {
    let wanted = std::env::var("SOLIPLEX_KILLS").map_or(20, |kills| kills.parse().unwrap());
    let mut random = Random::seeded();
    let backend = Backend::start();
    let (address, token) = (backend.address(), backend.token());
    let faults = Faults::new(random.clone());
    let dealt = faults.clone();
    let proxy = Scripted::proxy(move |request| dealt.reply(request, address));
    proxy.forget_requests();
    let store = tempdir().unwrap();

    let mut told = Vec::new();
    let (mut kills, mut while_sending) = (0, 0);
    // Some more, should the dice have left anything out.
    while kills < wanted || while_sending == 0 || faults.dealt().contains(&0) {
        assert!(kills < 3 * wanted + 50, "{:?}", faults.dealt());
        kills += 1;
        // Now slowly, now as fast as the threads can; with few or many errors, which are sent at
        // once.
        let rate = ["150", "1500", "0"][random.below(3) as usize];
        let events = match random.below(6) {
            0 if rate != "150" => random.below(1_200),
            _ => random.below(80),
        };
        let error_every = (2 + random.below(20)).to_string();
        let of = [
            "--events",
            "20000",
            "--rate",
            rate,
            "--error-every",
            &error_every,
        ];
        let mut device = start(store.path(), &proxy.url(), &token, NO_BOUND, &of);
        device.wait_for(events as usize);
        told.extend(device.kill());
        match random.below(4) {
            // A run that waits out no failure begins with a request, so that the server has its
            // chance to fail.
            0 => drop(drain_within(store.path(), &proxy.url(), &token, "0.4")),
            // Killed while a request is under way, or its answer.
            1 => {
                let next = proxy.request_count() + 1 + random.below(2) as usize;
                let device = Device::start_draining(store.path(), &proxy.url(), &token);
                while_sending += usize::from(proxy.count_up_to(next, SOON) >= next);
                device.kill();
            }
            _ => {}
        }
    }
    let faulty = proxy.request_count();
    let dealt = faults.dealt();
    let counted = faults.clone();
    proxy.now(move |request| counted.forward(request, address));
    let (account, empty) = drain_within(store.path(), &proxy.url(), &token, "600");
    assert!(empty, "{account}");
    assert_eq!(account["balances"], true, "{account}");
    let records = backend.finish();
    let arrived = count_by(&records, "event_id");
    let lost: Vec<&String> = told
        .iter()
        .filter(|id| !arrived.contains_key(*id))
        .collect();
    assert!(
        lost.is_empty(),
        "{} of {} lost: {lost:?}\n{account}",
        lost.len(),
        told.len()
    );
    let twice: Vec<_> = arrived.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    let uids = count_by(&records, "log.record.uid");
    assert_eq!(
        uids.len(),
        records.len(),
        "one record arrived under one id twice"
    );
    for fact in ["session.id", "install.id"] {
        let known = |record: &&Value| {
            let id = record["attributes"][fact].as_str();
            id.is_some_and(|id| !id.is_empty() && id != "unknown")
        };
        let known = records.iter().filter(known).count();
        assert_eq!(known, records.len(), "records without their {fact}");
    }
    let untold = arrived.len() - told.len();
    assert!(
        untold <= kills * THREADS,
        "{untold} events that nobody told"
    );
    let twice = faults.forwarded() - records.len() as u64;
    assert!(twice > 0, "nothing had to be sent twice");
    println!(
        "{kills} kills, {while_sending} more while a batch was sent, {} events told, {untold} logged \
         in the instant of a kill, {faulty} requests to a server that failed at random: {dealt:?}; \
         {twice} records reached the server twice",
        told.len(),
    );
}

/// What is evicted is noted in the commit that evicts it, so that a kill right after loses no word of
/// it: of each session every number has arrived or is told of.
#[test]
fn every_record_evicted_between_kills_is_told_of() {
    const KILLS: usize = 12;
    let mut random = Random::seeded();
    let backend = Backend::start();
    let (address, token) = (backend.address(), backend.token());
    let proxy = Scripted::proxy(|_| Reply::status(503));
    proxy.forget_requests();
    let store = tempdir().unwrap();
    let run = |events: &str, rate: &str| {
        // The lowest bound there is.
        let of = ["--events", events, "--rate", rate, "--timeout", "0.2"];
        start(store.path(), &proxy.url(), &token, "2500000", &of)
    };
    // More than there is room for; then so fast that the worker keeps up, or it would be the queue
    // that has to refuse.
    let mut told: BTreeSet<String> = run("6000", "0").finish().0.into_iter().collect();
    for _ in 0..KILLS {
        let mut device = run("20000", "2000");
        device.wait_for(200 + random.below(800) as usize);
        told.extend(device.kill());
    }
    proxy.now(move |_| Reply::Forward(address));
    let (account, empty) = drain_within(store.path(), &proxy.url(), &token, "60");
    assert!(empty, "{account}");
    // What is told last is on its way with the next start.
    let (account, empty) = drain_within(store.path(), &proxy.url(), &token, "60");
    assert!(empty, "{account}");
    let records = backend.finish();

    let sessions = gaps(&records);
    let lost = told.len()
        - count_by(&records, "event_id")
            .keys()
            .filter(|id| told.contains(*id))
            .count();
    let given_up: u64 = sessions.values().map(|session| session.given_up).sum();
    assert!(lost > 500, "of {} events, {lost} lost", told.len());
    assert!(given_up >= lost as u64, "{lost} lost, {given_up} told");
    for (id, session) in &sessions {
        let missing = session.missing();
        assert!(
            (session.given_up..=session.given_up + NUMBERS_TAKEN).contains(&missing),
            "{missing} numbers are missing in {id}, {} are told of",
            session.given_up
        );
    }
    println!(
        "{lost} of {} events evicted and told of between {KILLS} kills",
        told.len()
    );
}

/// A session as the far end knows it.
#[derive(Default)]
struct Session {
    arrived: BTreeSet<u64>,
    /// The highest number that is told of.
    last: u64,
    given_up: u64,
}

impl Session {
    /// How many numbers up to the highest known one have not arrived.
    fn missing(&self) -> u64 {
        let last = self.arrived.last().copied().unwrap_or(0).max(self.last);
        last - self.arrived.len() as u64
    }
}

fn gaps(records: &[Value]) -> BTreeMap<String, Session> {
    let mut sessions = BTreeMap::<String, Session>::new();
    for record in records {
        let attributes = &record["attributes"];
        let number = |name: &str| attributes[name].as_u64();
        let id = attributes["session.id"].as_str().unwrap();
        let session = sessions.entry(id.to_owned()).or_default();
        session.arrived.insert(number("soliplex.seq").unwrap());
        if attributes["soliplex.discard.reason"] == "spool_full" {
            let of = attributes["soliplex.discard.session_id"].as_str().unwrap();
            let session = sessions.entry(of.to_owned()).or_default();
            session.given_up += number("soliplex.discard.count").unwrap();
            let last = number("soliplex.discard.last_seq").unwrap();
            session.last = session.last.max(last);
        }
    }
    sessions
}

fn start(store: &Path, endpoint: &str, token: &str, bound: &str, more: &[&str]) -> Device {
    let threads = THREADS.to_string();
    let always = [
        "--threads",
        &threads,
        "--flush-interval",
        "0.05",
        "--startup-jitter",
        "0",
        "--max-store-bytes",
        bound,
    ];
    Device::start(store, endpoint, token, &[&always[..], more].concat())
}

/// How a server fails.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Unavailable,
    TooMany,
    Broken,
    RequestLost,
    AnswerLost,
    TooLarge,
    Slow,
}

impl Fault {
    const ALL: [Fault; 7] = [
        Fault::Unavailable,
        Fault::TooMany,
        Fault::Broken,
        Fault::RequestLost,
        Fault::AnswerLost,
        Fault::TooLarge,
        Fault::Slow,
    ];
}

/// Deals faults like cards, so that none is left out for long.
#[derive(Clone)]
struct Faults(Arc<Mutex<Deck>>);

struct Deck {
    luck: Random,
    cards: Vec<Option<Fault>>,
    dealt: [u64; Fault::ALL.len()],
    forwarded: u64,
}

impl Faults {
    fn new(luck: Random) -> Faults {
        Faults(Arc::new(Mutex::new(Deck {
            luck,
            cards: Vec::new(),
            dealt: Default::default(),
            forwarded: 0,
        })))
    }

    /// How often each was dealt.
    fn dealt(&self) -> [u64; Fault::ALL.len()] {
        self.0.lock().unwrap().dealt
    }

    fn reply(&self, request: &Request, server: SocketAddr) -> Reply {
        const AT_ONCE: &[(&str, &str)] = &[("retry-after", "0")];
        let splits = request.records().len() > 1;
        let dealt = self.0.lock().unwrap().deal(splits);
        match dealt {
            Some(Fault::Unavailable) => Reply::status(503),
            Some(Fault::TooMany) => Reply::Status(429, AT_ONCE, String::new()),
            Some(Fault::Broken) => Reply::status(500),
            Some(Fault::RequestLost) => Reply::Break,
            Some(Fault::AnswerLost) => {
                self.forward(request, server);
                Reply::ForwardAndBreak(server)
            }
            Some(Fault::TooLarge) => Reply::status(413),
            Some(Fault::Slow) => {
                let reply = self.forward(request, server);
                Reply::Late(Duration::from_millis(60), Box::new(reply))
            }
            None => self.forward(request, server),
        }
    }

    fn forward(&self, request: &Request, server: SocketAddr) -> Reply {
        self.0.lock().unwrap().forwarded += request.records().len() as u64;
        Reply::Forward(server)
    }

    /// How many records have been handed to the server, some of them more than once.
    fn forwarded(&self) -> u64 {
        self.0.lock().unwrap().forwarded
    }
}

impl Deck {
    /// A single record is never too large: it would be given up.
    fn deal(&mut self, splits: bool) -> Option<Fault> {
        if self.cards.is_empty() {
            // Each fault once, some twice, and about as often none at all.
            self.cards.extend(Fault::ALL.map(Some));
            self.cards
                .extend([Some(Fault::Unavailable), Some(Fault::AnswerLost)]);
            self.cards.extend([None; 8]);
        }
        let mut place = self.luck.below(self.cards.len() as u64) as usize;
        if !splits && matches!(self.cards[place], Some(Fault::TooLarge)) {
            place = (place + 1) % self.cards.len();
        }
        if !splits && matches!(self.cards[place], Some(Fault::TooLarge)) {
            return None;
        }
        let card = self.cards.swap_remove(place);
        if let Some(fault) = card {
            self.dealt[fault as usize] += 1;
        }
        card
    }
}
