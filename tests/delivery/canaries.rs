//! A secret down every way in, looked for in every file of the store and in every request, those that
//! failed included; and the receipt that says that rules have found them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tracing::info;
use tracing_soliplex::{Rules, Sanitize as _, Soliplex};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::unsanitized::{SECRETS, log_every_kind};
use super::{BRIEFLY, Begin as _, builder, insist};
use crate::backend::Backend;
use crate::scripted::{Reply, Request, Scripted};

/// Harmless, and logged beside the secrets: where it is found, they would be.
const MARKER: &str = "the-search-sees-this";

fn with_secrets(builder: tracing_soliplex::Builder) -> tracing_soliplex::Builder {
    builder
        .user("usercanary@example.org")
        .resource("owner", "ownercanary@example.org")
        .resource("card", 4_111_111_111_111_111_i64)
        .resource("namecanary@example.org", true)
}

fn log_all(soliplex: &Soliplex) {
    let stack = tracing_subscriber::registry()
        .with(soliplex.breadcrumb_layer())
        .with(soliplex.export_layer());
    let _default = stack.sanitize(soliplex).set_default();
    soliplex.set_active_run(Some(("threadcanary@example.org", "runcanary@example.org")));
    log_every_kind();
    soliplex.set_user(Some("lateusercanary@example.org"));
    info!("{MARKER}");
}

/// Whether the marker is there; no secret may be.
fn search(place: &str, bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    // Four digits are in any id, sooner or later.
    for secret in SECRETS.iter().filter(|secret| secret.len() > 4) {
        assert!(!text.contains(secret), "{secret} in {place}");
    }
    text.contains(MARKER)
}

/// The files in which the marker is.
fn search_files(directory: &Path) -> Vec<String> {
    let mut marked = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if search(&name, &fs::read(&path).unwrap_or_default()) {
            marked.push(name);
        }
    }
    marked.sort();
    marked
}

#[test]
fn no_secret_is_in_any_file_or_request_whatever_way_it_came_in() {
    let store = tempfile::tempdir().unwrap();
    let server = Scripted::start(|_| Reply::status(503));
    let builder = with_secrets(builder(&server).store_dir(store.path()));
    // As long as there is no worker, nothing leaves the queue.
    let early = builder.early().unwrap();
    {
        let stack = tracing_subscriber::registry()
            .with(early.breadcrumb_layer())
            .with(early.export_layer());
        let _default = stack.sanitize(&early).set_default();
        log_every_kind();
        info!("{MARKER}");
    }
    let marked = search_files(store.path());
    assert_eq!(marked, ["breadcrumbs.ring", "queue.ring"]);
    let soliplex = early.start().unwrap();
    log_all(&soliplex);
    let _ = soliplex.flush(BRIEFLY);
    let marked = search_files(store.path());
    assert!(marked.contains(&"spool.redb".to_owned()), "{marked:?}");

    server.now(|_| Reply::accepted());
    insist(&soliplex);
    let requests = server.requests();
    let marked = requests
        .iter()
        .filter(|request| search("a request", &request.body));
    assert!(marked.count() > 1, "refused, and then taken");
    search_files(store.path());
}

#[test]
fn no_secret_is_in_what_is_forwarded() {
    let backend = Backend::start();
    let token = backend.token();
    let soliplex = with_secrets(Soliplex::builder("canaries", "1.0.0"))
        .endpoint(backend.url())
        .token_provider(move || Some(token.clone()))
        .panic_hook(tracing_soliplex::PanicHook::Off)
        .start()
        .unwrap();
    log_all(&soliplex);
    assert!(soliplex.shutdown(super::SOON).is_complete());
    let forwarded = Value::from(backend.finish()).to_string();
    assert!(search("what was forwarded", forwarded.as_bytes()));
}

/// What a request says that the rules did.
fn receipt(request: &Request) -> (String, BTreeMap<String, u64>) {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let receipt = body["receipt"].clone();
    let redactions = serde_json::from_value(receipt["redactions"].clone()).unwrap();
    (receipt["rules"].as_str().unwrap().to_owned(), redactions)
}

#[test]
fn a_hit_is_told_until_a_batch_that_tells_it_is_taken() {
    let server = Scripted::start(|_| Reply::accepted());
    let scoped = Rules::builder()
        .pattern("ticket", "TCK-[0-9]+")
        .build()
        .unwrap();
    let rules = Rules::builder()
        .for_logger("app::desk", scoped)
        .build()
        .unwrap();
    let soliplex = builder(&server).rules(rules.clone()).begin();
    let before = server.requests().len();
    let log = |log: &dyn Fn()| super::log(&soliplex, log);

    server.now(|_| Reply::status(503));
    log(&|| info!("to a@example.org and b@example.org"));
    let _ = soliplex.flush(BRIEFLY);
    log(&|| info!(target: "app::desk", password = "hunter2", "for c@example.org: TCK-7"));
    server.now(|_| Reply::accepted());
    insist(&soliplex);
    let taken = server.requests().len();
    log(&|| info!("to d@example.org"));
    insist(&soliplex);

    let requests = server.requests();
    let hits = |hits: &[(&str, u64)]| {
        let owned = hits
            .iter()
            .map(|(rule, count)| ((*rule).to_owned(), *count));
        owned.collect::<BTreeMap<_, _>>()
    };
    let hash = rules.hash().to_string();
    assert_eq!(
        receipt(&requests[before]),
        (hash.clone(), hits(&[("email", 2)]))
    );
    let all = hits(&[("email", 3), ("key", 1), ("ticket", 1)]);
    let mut told = requests[before..taken].iter().rev().map(receipt);
    let last = told.find(|(_, redactions)| !redactions.is_empty());
    assert_eq!(last, Some((hash.clone(), all)));
    assert_eq!(receipt(&requests[taken]), (hash, hits(&[("email", 1)])));
}
