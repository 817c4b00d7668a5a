//! A device that is killed again and again, at random points, on one directory, against a server
//! that fails at random too. In the end every event it had told has arrived, exactly once.
//!
//! A fault-injecting proxy stands before the real server: it answers 503 and 429, loses requests,
//! loses answers after the server has taken the batch, refuses large batches with 413, and is slow.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tempfile::tempdir;

use crate::backend::{Backend, count_by};
use crate::device::{Device, drain, drain_within};
use crate::random::Random;
use crate::scripted::{Reply, Request, Scripted};

/// Threads of the device, each of which may be in the middle of an event when it dies.
const THREADS: usize = 3;

#[test]
fn every_event_told_before_a_kill_arrives_exactly_once() {
    let kills = std::env::var("SOLIPLEX_KILLS").map_or(20, |kills| kills.parse().unwrap());
    let mut random = Random::seeded();
    let backend = Backend::start();
    let (address, token) = (backend.address(), backend.token());
    let mut luck = random.clone();
    let proxy = Scripted::proxy(move |request| fate(&mut luck, request, address));
    let store = tempdir().unwrap();

    let mut told = Vec::new();
    for _ in 0..kills {
        // Now slowly, now as fast as the threads can; with few or many errors, which are sent at
        // once.
        let rate = ["150", "1500", "0"][random.below(3) as usize];
        let error_every = (2 + random.below(20)).to_string();
        let mut device = Device::start(
            store.path(),
            &proxy.url(),
            &token,
            &[
                "--events",
                "2000",
                "--rate",
                rate,
                "--threads",
                &THREADS.to_string(),
                "--error-every",
                &error_every,
                "--flush-interval",
                "0.05",
                "--startup-jitter",
                "0",
            ],
        );
        device.wait_for(random.below(80) as usize);
        told.extend(device.kill());
        if random.below(2) == 0 {
            // A run that waits out no failure begins with a request, so that the server has its
            // chance to fail.
            drain_within(store.path(), &proxy.url(), &token, "0.4");
        }
    }
    let faulty = proxy.requests().len();

    proxy.now(move |_| Reply::Forward(address));
    let (account, empty) = drain(store.path(), &proxy.url(), &token);
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
    println!(
        "{kills} kills, {} events told, {untold} logged in the instant of a kill, {faulty} requests \
         to a server that failed at random",
        told.len(),
    );
}

fn fate(luck: &mut Random, request: &Request, server: SocketAddr) -> Reply {
    const AT_ONCE: &[(&str, &str)] = &[("retry-after", "0")];
    match luck.below(20) {
        0 | 1 => Reply::status(503),
        2 => Reply::Status(429, AT_ONCE, String::new()),
        3 => Reply::status(500),
        4 | 5 => Reply::Break,
        6..=8 => Reply::ForwardAndBreak(server),
        9 if request.records().len() > 1 => Reply::status(413),
        10 | 11 => Reply::Late(Duration::from_millis(60), Box::new(Reply::Forward(server))),
        _ => Reply::Forward(server),
    }
}
