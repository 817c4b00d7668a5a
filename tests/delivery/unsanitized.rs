//! Stacks without a sanitizing root: what we send of them is what a root would have made of it, or,
//! where the pipeline is strict, nothing, and that is counted.

use std::error::Error;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing::{error, field, info, info_span};
use tracing_soliplex::{
    Diagnostic, DiscardReason, Filter, PanicHook, Rules, Sanitize as _, Soliplex, StartError,
};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::{Begin as _, SOON, assert_balance, builder, log_some, start};
use crate::failure::Failure;
use crate::scripted::{Reply, Request, Scripted};

/// A value of every kind, each with a secret of its own that the standard rules know.
pub(super) fn log_every_kind() {
    let source = Failure("asked displaycanary@example.org", None);
    let failure = Failure("mail to errorcanary@example.org", Some(Box::new(source)));
    let error: &(dyn Error + 'static) = &failure;
    let span = info_span!(
        "work",
        imei = 490_154_203_237_518_u64,
        api_key = "spancanary",
        late = field::Empty
    );
    span.record("late", "latecanary@example.org");
    let _entered = span.enter();
    info!(
        signed = 4_111_111_111_111_111_i64, unsigned = 4_111_111_111_111_111_u64,
        wide = 4_111_111_111_111_111_i128, wider = 4_111_111_111_111_111_u128,
        lat = 38.889_484, lon = -77.035_278, password = "strcanary", pin = 4711, is_secret = true,
        bytes = &b"bytescanary@example.org"[..], debugged = ?"debugcanary@example.org",
        displayed = %"showncanary@example.org", attempt = 3, share = 0.5,
        "to messagecanary@example.org"
    );
    // Without a message, which puts fields into the breadcrumb.
    info!(
        card = 4_111_111_111_111_111_u64,
        lat = 38.889_484,
        bytes = &b"bytescanary@a.org"[..],
        ok = true
    );
    info!(target: "app::loose", "loose to messagecanary@example.org");
    info!(target: "app::closed", is_open = true, count = 1, "closed");
    tracing_log::format_trace(
        &log::Record::builder()
            .args(format_args!("bridged to logcanary@example.org"))
            .level(log::Level::Info)
            .target("app::closed")
            .build(),
    )
    .unwrap();
    error!(error, cause = error, "failed");
}

pub(super) const SECRETS: [&str; 9] = [
    "canary",
    "490154203237518",
    "4111111111111111",
    "38.8894",
    "77.0352",
    "4711",
    // As bytes are shown: "canary@".
    "63 61 6e 61 72 79 40",
    "63616e61727940",
    "63, 61, 6e",
];

/// The records of [`log_every_kind`] under these rules, without what differs from run to run.
fn records(rules: &Rules, root: bool) -> Vec<Value> {
    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = builder(&server).rules(rules.clone()).begin();
    let stack = tracing_subscriber::registry()
        .with(soliplex.breadcrumb_layer())
        .with(soliplex.export_layer());
    {
        let _default = match root {
            true => stack.sanitize(&soliplex).set_default(),
            false => stack.set_default(),
        };
        log_every_kind();
    }
    assert!(soliplex.flush(SOON).is_complete());
    assert_balance(&soliplex);
    let mut records = super::arrived(&server);
    records.retain(|record| record["logger"] != "soliplex");
    for record in &mut records {
        for varying in [
            "id",
            "seq",
            "timestamp",
            "sessionId",
            "installId",
            "stackTrace",
        ] {
            record.as_object_mut().unwrap().remove(varying);
        }
        let crumbs = record.get_mut("breadcrumbs").and_then(Value::as_array_mut);
        for crumb in crumbs.into_iter().flatten() {
            crumb.as_object_mut().unwrap().remove("timestamp");
        }
    }
    records
}

fn rule_sets() -> [(&'static str, Rules); 4] {
    let scoped = Rules::builder()
        .for_logger("app::loose", Rules::none())
        .for_logger("app::closed", allow_only(&["message", "count"]));
    [
        ("standard", Rules::standard()),
        ("dod", Rules::dod()),
        ("allowlist", allow_only(&["message", "attempt", "cause"])),
        ("scoped", scoped.build().unwrap()),
    ]
}

fn allow_only(names: &[&str]) -> Rules {
    Rules::builder().allow_only(names).build().unwrap()
}

#[test]
fn what_is_sent_without_a_root_is_what_a_root_would_have_passed() {
    for (name, rules) in rule_sets() {
        let (with, without) = (records(&rules, true), records(&rules, false));
        assert!(with.len() >= 6, "{with:?}");
        assert_eq!(with, without, "{name}");
    }
}

#[test]
fn no_value_of_any_kind_goes_out_raw_without_a_root() {
    for (name, rules) in rule_sets() {
        for record in records(&rules, false) {
            let text = record.to_string();
            // What the scope without rules lets pass is in the breadcrumbs of others, too.
            let text = text.replace("loose to messagecanary@example.org", "");
            for secret in SECRETS {
                assert!(!text.contains(secret), "{name}: {secret} in {text}");
            }
        }
    }
}

#[test]
fn a_bridged_record_keeps_its_logger_under_an_allowlist() {
    for root in [true, false] {
        let records = records(&allow_only(&["message"]), root);
        let bridged = records.iter().find(|record| {
            let message = record["message"].as_str();
            message.is_some_and(|message| message.starts_with("bridged"))
        });
        assert_eq!(bridged.unwrap()["logger"], "app::closed");
    }
}

#[test]
fn a_stack_without_a_root_is_reported_once() {
    let server = Scripted::start(|_| Reply::accepted());
    let (soliplex, told) = telling(builder(&server));
    {
        let stack = tracing_subscriber::registry().with(soliplex.export_layer());
        let _default = stack.set_default();
        info!(password = "Kestrel-91-Zw", "by grace.hopper@example.org");
    }
    assert!(soliplex.flush(SOON).is_complete());
    let records: Vec<_> = server
        .wait_for(1)
        .iter()
        .flat_map(Request::records)
        .collect();
    assert_eq!(records[0]["message"], "by [EMAIL]");
    assert_eq!(records[0]["attributes"]["password"], "[REDACTED]");
    assert_eq!(warnings(&told), 1);
}

type Told = Arc<Mutex<Vec<Diagnostic>>>;

fn telling(builder: tracing_soliplex::Builder) -> (Soliplex, Told) {
    let told = Told::default();
    let teller = Arc::clone(&told);
    let soliplex = builder
        .on_diagnostic(move |diagnostic| teller.lock().unwrap().push(diagnostic.clone()))
        .begin();
    (soliplex, told)
}

fn warnings(told: &Told) -> usize {
    let told = told.lock().unwrap();
    let warnings = told
        .iter()
        .filter(|told| **told == Diagnostic::UnsanitizedStack);
    warnings.count()
}

#[test]
fn a_strict_pipeline_gives_up_what_comes_without_a_root_and_counts_it() {
    let server = Scripted::start(|_| Reply::accepted());
    let (soliplex, told) = telling(builder(&server).strict());
    {
        let stack = tracing_subscriber::registry().with(soliplex.export_layer());
        let _default = stack.set_default();
        info!("unseen");
        error!("unseen, too");
    }
    log_some(&soliplex, 1);
    assert!(soliplex.flush(SOON).is_complete());
    let stats = soliplex.stats();
    assert_eq!(stats.captured, 3);
    assert_eq!(stats.discarded, [(DiscardReason::Unsanitized, 2)]);
    assert_balance(&soliplex);
    assert_eq!(warnings(&told), 1);

    let records = super::arrived(&server);
    let logged: Vec<_> = records.iter().map(|record| &record["message"]).collect();
    assert!(
        !logged
            .iter()
            .any(|message| message.to_string().contains("unseen"))
    );
    let losses = records
        .iter()
        .filter(|record| record["message"] == "records discarded")
        .filter(|record| record["attributes"]["soliplex.discard.reason"] == "unsanitized");
    let lost = losses.map(|loss| {
        loss["attributes"]["soliplex.discard.count"]
            .as_u64()
            .unwrap()
    });
    assert_eq!(lost.sum::<u64>(), 2, "{records:?}");
}

#[test]
fn a_strict_pipeline_does_not_start_where_it_can_see_that_nothing_would_be_sanitized() {
    let strict = || {
        Soliplex::builder("strict-test", "1.0.0")
            .panic_hook(PanicHook::Off)
            .strict()
    };
    let started = strict().rules(Rules::none()).start();
    assert!(matches!(started, Err(StartError::NoRules)), "{started:?}");

    let early = strict().early().unwrap();
    let bare = tracing_subscriber::registry().with(early.export_layer());
    drop(bare.set_default());
    let started = early.start();
    assert!(matches!(started, Err(StartError::NoRoot)), "{started:?}");

    let early = strict().early().unwrap();
    let stack = tracing_subscriber::registry().with(early.export_layer());
    drop(stack.sanitize(&early).set_default());
    assert!(early.start().is_ok());
}

/// The pipeline's own threads are such: what its HTTP client logs stays out of the pipeline without a
/// root, too.
#[test]
fn without_a_root_the_layers_hear_no_deaf_thread_either() {
    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = start(&server);
    let stack = tracing_subscriber::registry()
        .with(soliplex.breadcrumb_layer())
        .with(soliplex.export_layer());
    let stack = tracing::Dispatch::new(stack);
    let thread = std::thread::spawn(move || {
        soliplex_sanitize::deafen();
        tracing::dispatcher::with_default(&stack, || error!("unheard"));
    });
    thread.join().unwrap();
    assert_eq!(soliplex.stats().captured, 0);
    assert_eq!(soliplex.recent(&Filter::new()).records.len(), 0);
}
