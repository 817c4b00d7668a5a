//! What led up to an error, from the macros to the server: in order, of the right kind, without
//! the error itself, and with nothing confidential, neither on the wire nor in the file.

use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::tempdir;
use tracing::{Dispatch, debug, error, info, warn};
use tracing_soliplex::{
    Builder, Category, Collection, Consent, Filter, PanicHook, Sanitize as _, Soliplex, Update,
};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;

use crate::backend::is_about_session;
use crate::scripted::{Reply, Scripted};

const SOON: Duration = Duration::from_secs(30);

fn builder(server: &Scripted) -> Builder {
    Soliplex::builder("breadcrumb-test", "1.0.0")
        .endpoint(server.url())
        .startup_jitter(Duration::ZERO)
        .flush_interval(Duration::from_secs(3600))
        .panic_hook(PanicHook::Off)
}

/// What the application itself has logged of what arrived.
fn logged(server: &Scripted) -> Vec<Value> {
    let requests = server.requests().into_iter();
    let records = requests.flat_map(|request| request.records());
    records.filter(|record| !is_about_session(record)).collect()
}

/// Logs through both layers and returns the records that arrived.
fn arrived(builder: impl FnOnce(Builder) -> Builder, log: impl Fn(&Soliplex)) -> Vec<Value> {
    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = builder(self::builder(&server)).start().unwrap();
    let stack = registry()
        .with(soliplex.breadcrumb_layer())
        .with(soliplex.export_layer());
    tracing::dispatcher::with_default(&stack.sanitize(&soliplex).into(), || log(&soliplex));
    assert!(soliplex.shutdown(SOON).is_complete());
    logged(&server)
}

/// Category and message of the record's breadcrumbs, in their order.
fn breadcrumbs(record: &Value) -> Vec<(&str, &str)> {
    let crumbs = record["breadcrumbs"].as_array().into_iter().flatten();
    crumbs
        .map(|crumb| {
            let category = crumb["category"].as_str().unwrap();
            (category, crumb["message"].as_str().unwrap())
        })
        .collect()
}

fn messages(record: &Value) -> Vec<&str> {
    let crumbs = breadcrumbs(record).into_iter();
    crumbs.map(|(_, message)| message).collect()
}

fn with_message<'r>(records: &'r [Value], message: &str) -> &'r Value {
    let found = records.iter().find(|record| record["message"] == message);
    found.unwrap_or_else(|| panic!("{message} is not among {records:?}"))
}

#[test]
fn an_error_arrives_with_what_led_up_to_it_and_nothing_confidential() {
    let store = tempdir().unwrap();
    let directory = store.path().to_owned();
    let records = arrived(
        |builder| {
            let sync = Category::Other("sync".into());
            builder
                .store_dir(&directory)
                .breadcrumb_category("Sync", sync)
        },
        |_| {
            info!(target: "app::router", "opened the map");
            debug!(target: "Http.client", body = "canary-in-a-field", "GET /rooms for canary@example.org");
            info!(target: "app::login", password = "canary-hunter2", "signed in");
            warn!(target: "app::sync::upload", "position is inexact");
            info!(target: "app::worker", breadcrumb_category = "ui", "tapped");
            info!(target: "app::worker", password = "canary-hunter2", attempt = 2);
            error!(target: "app::worker", "broke");
        },
    );
    assert_eq!(
        breadcrumbs(with_message(&records, "broke")),
        [
            ("ui", "opened the map"),
            ("network", "GET /rooms for [EMAIL]"),
            ("user", "signed in"),
            ("sync", "position is inexact"),
            ("ui", "tapped"),
            ("system", "password=\"[REDACTED]\" attempt=2"),
        ]
    );
    let first = &with_message(&records, "broke")["breadcrumbs"][0];
    assert_eq!(first["logger"], "app::router");
    assert_eq!(first["level"], "info");
    let time = first["timestamp"].as_str().unwrap();
    assert!(
        time <= with_message(&records, "broke")["timestamp"]
            .as_str()
            .unwrap()
    );
    for record in &records {
        let is_error = record["level"] == "error";
        assert_eq!(record["breadcrumbs"].is_array(), is_error, "{record}");
    }

    let file = std::fs::read(store.path().join("breadcrumbs.ring")).unwrap();
    let holds = |text: &str| {
        file.windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    assert!(holds("GET /rooms for [EMAIL]"));
    assert!(!holds("canary") && !holds("hunter2"));
}

#[test]
fn an_error_is_never_its_own_breadcrumb_whichever_layer_comes_first() {
    for breadcrumbs_first in [true, false] {
        let server = Scripted::start(|_| Reply::accepted());
        let soliplex = builder(&server).start().unwrap();
        let (ours, export) = (soliplex.breadcrumb_layer(), soliplex.export_layer());
        let stack: Dispatch = match breadcrumbs_first {
            true => registry()
                .with(ours)
                .with(export)
                .sanitize(&soliplex)
                .into(),
            false => registry()
                .with(export)
                .with(ours)
                .sanitize(&soliplex)
                .into(),
        };
        tracing::dispatcher::with_default(&stack, || {
            info!("before");
            // One callsite, as in a loop that fails again and again.
            (0..3).for_each(|number| error!("error {number}"));
        });
        assert!(soliplex.shutdown(SOON).is_complete());
        let records = logged(&server);
        for (error, expected) in [
            ("error 0", &["before"][..]),
            ("error 1", &["before", "error 0"]),
            ("error 2", &["before", "error 0", "error 1"]),
        ] {
            let record = with_message(&records, error);
            assert_eq!(messages(record), expected, "{breadcrumbs_first}");
        }
    }
}

#[test]
fn an_error_carries_the_last_twenty_or_as_many_as_was_chosen() {
    for (chosen, carried) in [(None, 20), (Some(3), 3), (Some(0), 0), (Some(1000), 20)] {
        let records = arrived(
            |builder| match chosen {
                None => builder,
                Some(records) => builder.attached_breadcrumbs(records),
            },
            |_| {
                (0..30).for_each(|number| info!("{number}"));
                error!("broke");
            },
        );
        let expected: Vec<String> = (30 - carried..30)
            .map(|number| number.to_string())
            .collect();
        assert_eq!(messages(with_message(&records, "broke")), expected);
    }
}

#[test]
fn breadcrumbs_are_what_their_own_filter_lets_through() {
    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = builder(&server).start().unwrap();
    let stack = registry()
        .with(soliplex.breadcrumb_layer().with_filter(LevelFilter::DEBUG))
        .with(soliplex.export_layer().with_filter(LevelFilter::ERROR));
    tracing::dispatcher::with_default(&stack.sanitize(&soliplex).into(), || {
        debug!("seen");
        tracing::trace!("not seen");
        error!("broke");
    });
    assert!(soliplex.shutdown(SOON).is_complete());
    let records = logged(&server);
    assert_eq!(records.len(), 1);
    assert_eq!(messages(&records[0]), ["seen"]);
}

#[test]
fn a_record_at_its_limit_gives_up_its_oldest_breadcrumbs_last() {
    let records = arrived(
        |builder| builder,
        |_| {
            (0..20).for_each(|number| info!("{number} {}", "x".repeat(400)));
            error!("{}", "y".repeat(100_000));
        },
    );
    let error = records
        .iter()
        .find(|record| record["level"] == "error")
        .unwrap();
    assert!(error.to_string().len() <= 64 * 1024);
    assert!(error["message"].as_str().unwrap().ends_with("…[truncated]"));
    assert_eq!(breadcrumbs(error).len(), 20);
}

#[test]
fn what_an_earlier_run_did_is_shown_and_is_nobody_elses_breadcrumb() {
    let store = tempdir().unwrap();
    let first = arrived(
        |builder| builder.store_dir(store.path()),
        |_| info!("yesterday"),
    );
    assert_eq!(first.len(), 1);
    let records = arrived(
        |builder| builder.store_dir(store.path()),
        |soliplex| {
            info!("today");
            error!("broke");
            let all = soliplex.recent(&Filter::new()).records;
            let shown = all.iter().map(|record| record.breadcrumb.message.as_str());
            assert_eq!(shown.collect::<Vec<_>>(), ["broke", "today", "yesterday"]);
            let this = Filter::new().session(&soliplex.session_id());
            assert_eq!(soliplex.recent(&this).records.len(), 2);
        },
    );
    assert_eq!(messages(with_message(&records, "broke")), ["today"]);
}

#[test]
fn a_view_shows_nothing_more_once_consent_is_withdrawn() {
    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = builder(&server).start().unwrap();
    let mut view = soliplex.subscribe(Filter::new());
    let stack = registry().with(soliplex.breadcrumb_layer());
    tracing::dispatcher::with_default(&stack.sanitize(&soliplex).into(), || {
        info!("not seen yet");
        soliplex.set_consent(Consent::Denied);
        assert_eq!(view.next(), None);
        info!("never kept");
        soliplex.set_consent(Consent::Granted);
        // Waits longer than that does, where a busy machine takes its time.
        let _ = soliplex.flush(SOON);
        info!("allowed again");
    });
    let shown = view.next_timeout(SOON);
    let Some(Update::Record(record)) = &shown else {
        panic!("{shown:?}");
    };
    assert_eq!(record.breadcrumb.message, "allowed again");
    assert_eq!(view.next(), None);
}

#[test]
fn nothing_is_said_to_be_collected_once_the_subscriber_is_gone() {
    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = builder(&server).start().unwrap();
    let collection = || soliplex.recent(&Filter::new()).collection;
    assert_eq!(collection(), Collection::NoLayer);
    let stack = || -> Dispatch {
        let stack = registry().with(soliplex.breadcrumb_layer());
        stack.sanitize(&soliplex).into()
    };
    let (one, other) = (stack(), stack());
    assert_eq!(collection(), Collection::On);
    drop(one);
    assert_eq!(collection(), Collection::On, "the other one still does");
    drop(other);
    assert_eq!(collection(), Collection::NoLayer);
}

#[test]
fn who_wakes_up_tells_how_a_run_in_between_ended_and_what_it_did_last() {
    // Not one that keeps to itself how sessions begin.
    let server = Scripted::proxy(|_| Reply::accepted());
    let store = tempdir().unwrap();
    let sleeper = builder(&server).store_dir(store.path()).start().unwrap();
    assert!(sleeper.suspend(SOON));

    let other = builder(&server).store_dir(store.path()).breadcrumbs(1_000);
    let other = other.start().unwrap();
    let stack = registry().with(other.breadcrumb_layer());
    tracing::dispatcher::with_default(&stack.sanitize(&other).into(), || {
        info!(target: "app::router", "opened the map");
        info!(target: "app::camera", "took a photo of canary@example.org");
    });
    let session = other.session_id();
    let _ = other.shutdown(SOON);
    drop(other);

    sleeper.resume();
    // The files are taken as soon as nobody else has them: the other run's last thread, or a process
    // that this one is just starting.
    let deadline = Instant::now() + SOON;
    while !sleeper.flush(SOON).is_complete() {
        assert!(Instant::now() < deadline, "it has not woken up");
        std::thread::yield_now();
    }
    let requests = server.requests().into_iter();
    let records: Vec<Value> = requests.flat_map(|request| request.records()).collect();
    let told = records.iter().filter(|record| {
        let attributes = &record["attributes"];
        attributes["event.name"] == "previous_session_ended"
            && attributes["session.previous_id"] == session.as_str()
    });
    let told: Vec<&Value> = told.collect();
    assert_eq!(told.len(), 1, "{records:?}");
    assert_eq!(told[0]["attributes"]["soliplex.previous.end"], "clean");
    let did = [
        ("ui", "opened the map"),
        ("system", "took a photo of [EMAIL]"),
    ];
    assert_eq!(breadcrumbs(told[0]), did);
}
