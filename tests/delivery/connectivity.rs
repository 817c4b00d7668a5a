//! What a change of the network means for the records, and for whether any are sent.

use serde_json::Value;
use tracing_soliplex::NetworkKind::{Cellular, None as Nothing, Wifi};
use tracing_soliplex::{Soliplex, State};

use super::{SOON, arrived, assert_balance, log, log_some, start};
use crate::scripted::{Reply, Request, Scripted};

/// What arrived about the network: its type and whether one was online.
fn networks(server: &Scripted) -> Vec<(String, bool)> {
    let about = |record: &Value| {
        assert_eq!(record["message"], "network_changed");
        assert_eq!(record["level"], "info");
        let attributes = &record["attributes"];
        let kind = attributes["type"].as_str().unwrap().to_owned();
        (kind, attributes["online"].as_bool().unwrap())
    };
    let records = arrived(server);
    let of_network = |record: &&Value| record["logger"] == "Connectivity";
    records.iter().filter(of_network).map(about).collect()
}

/// Waits until a flush has delivered everything.
fn deliver(soliplex: &Soliplex) {
    assert!(soliplex.flush(SOON).is_complete(), "{:?}", soliplex.stats());
}

#[test]
fn each_change_of_the_network_is_on_record_once() {
    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = start(&server);
    for (kind, online) in [
        (Wifi, true),
        (Wifi, true),
        (Nothing, false),
        (Nothing, false),
        (Cellular, false),
        (Cellular, true),
        (Wifi, true),
    ] {
        soliplex.network_changed(kind, online);
    }
    deliver(&soliplex);
    let expected = [
        ("wifi", true),
        ("none", false),
        ("cellular", false),
        ("cellular", true),
        ("wifi", true),
    ];
    let expected = expected.map(|(kind, online)| (kind.to_owned(), online));
    assert_eq!(networks(&server), expected);
    assert_balance(&soliplex);
}

#[test]
fn offline_nothing_is_tried_and_once_online_it_goes_out_at_once() {
    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = start(&server);
    soliplex.network_changed(Nothing, false);
    log(&soliplex, || tracing::error!("far from everything"));
    let report = soliplex.flush(SOON);
    assert_eq!(report.delivered, 0);
    assert_eq!(soliplex.stats().state, State::Offline);
    assert!(server.requests().is_empty());

    // The next regular occasion is an hour away.
    soliplex.network_changed(Wifi, true);
    let requests = server.wait_for(1);
    assert!(
        requests[0]
            .messages()
            .contains(&"far from everything".to_owned())
    );
    deliver(&soliplex);
    assert_eq!(soliplex.stats().state, State::Active);
    assert_balance(&soliplex);
}

#[test]
fn what_hangs_in_a_network_that_is_gone_is_sent_through_the_next_one() {
    let mut first = true;
    let server = Scripted::start(move |_| {
        if std::mem::take(&mut first) {
            Reply::Silence
        } else {
            Reply::accepted()
        }
    });
    let soliplex = start(&server);
    soliplex.network_changed(Wifi, true);
    log(&soliplex, || tracing::error!("sent on the way out"));
    server.wait_for(1);
    soliplex.network_changed(Cellular, true);
    deliver(&soliplex);
    // Had it been waited for, the request would have failed by its time.
    assert_eq!(soliplex.stats().failures, 0);
    let ids: Vec<String> = server.requests()[1..]
        .iter()
        .flat_map(Request::ids)
        .collect();
    for id in server.requests()[0].ids() {
        assert!(ids.contains(&id), "{id} was not sent again");
    }
    assert_balance(&soliplex);
}

#[test]
fn a_change_while_switched_off_is_on_record_afterwards() {
    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = start(&server);
    soliplex.network_changed(Wifi, true);
    soliplex.set_enabled(false);
    soliplex.network_changed(Nothing, false);
    soliplex.network_changed(Cellular, true);
    soliplex.set_enabled(true);
    deliver(&soliplex);
    let expected = [("wifi".to_owned(), true), ("cellular".to_owned(), true)];
    assert_eq!(networks(&server), expected);
    assert_balance(&soliplex);
}

#[test]
fn an_error_tells_by_its_breadcrumbs_that_the_network_was_gone() {
    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = start(&server);
    soliplex.network_changed(Nothing, false);
    log(&soliplex, || tracing::error!("upload failed"));
    soliplex.network_changed(Wifi, true);
    deliver(&soliplex);
    let records = arrived(&server);
    let failed = records
        .iter()
        .find(|record| record["message"] == "upload failed");
    let crumb = failed.unwrap()["breadcrumbs"]
        .as_array()
        .unwrap()
        .last()
        .unwrap();
    assert_eq!(crumb["category"], "network");
    assert_eq!(crumb["message"], "network_changed type=none online=false");
}

#[test]
fn threads_that_tell_of_different_networks_leave_the_record_and_delivery_agreed() {
    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = start(&server);
    std::thread::scope(|scope| {
        for kind in [Nothing, Wifi, Cellular] {
            let soliplex = &soliplex;
            scope.spawn(move || {
                for _ in 0..50 {
                    soliplex.network_changed(kind, kind != Nothing);
                }
            });
        }
    });
    log_some(&soliplex, 1);
    let complete = soliplex.flush(SOON).is_complete();
    let offline = soliplex.stats().state == State::Offline;
    assert_ne!(complete, offline);
    soliplex.network_changed(Wifi, true);
    deliver(&soliplex);
    let told = networks(&server);
    assert!(told.windows(2).all(|two| two[0] != two[1]), "{told:?}");
    assert_balance(&soliplex);
}

#[test]
fn a_watcher_tells_at_once_how_the_network_is() {
    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = start(&server);
    let watcher = soliplex.watch_network().unwrap();
    // Whether this machine has a network or not: the server is on it.
    deliver(&soliplex);
    drop(watcher);
    soliplex.network_changed(Cellular, false);
    soliplex.network_changed(Cellular, true);
    deliver(&soliplex);
    let told = networks(&server);
    // The machine's network may change while it is watched.
    let [watched @ .., left, back] = &told[..] else {
        panic!("{told:?}");
    };
    assert!(
        !watched.is_empty() && watched.iter().all(|(_, online)| *online),
        "{told:?}"
    );
    assert_eq!(*left, ("cellular".to_owned(), false));
    assert_eq!(*back, ("cellular".to_owned(), true));
    assert_balance(&soliplex);
}
