//! The layer in real stacks: what it keeps of an event, and what it must not.

use soliplex_sanitize::{Rules, Sanitize as _};
use tracing::{debug, error, info, warn};
use tracing_core::Dispatch;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer as _, registry};

use super::super::filter::Filter;
use super::super::recent::Collection;
use crate::{Builder, Category, Consent, PanicHook, Recent, Severity, Soliplex};

fn builder() -> Builder {
    Soliplex::builder("test", "1.0.0").panic_hook(PanicHook::Off)
}

/// What is shown after `log` ran below a sanitizing root.
fn kept(builder: Builder, log: impl FnOnce()) -> Recent {
    let soliplex = builder.start().expect("a pipeline");
    let stack = registry().with(soliplex.breadcrumb_layer());
    tracing::dispatcher::with_default(&stack.sanitize(&soliplex).into(), log);
    soliplex.recent(&Filter::new())
}

fn messages(recent: &Recent) -> Vec<&str> {
    let records = recent.records.iter().rev();
    records
        .map(|record| record.breadcrumb.message.as_str())
        .collect()
}

#[test]
fn of_an_event_time_severity_logger_message_and_category_are_kept() {
    let before = soliplex_wire::Timestamp::now();
    let recent = kept(builder(), || {
        info!(target: "app::router", number = 3, "opened {}", "the map");
        warn!(target: "app", breadcrumb_category = "sync", "late");
    });
    let [late, opened] = &recent.records[..] else {
        panic!("{recent:?}");
    };
    let opened = &opened.breadcrumb;
    assert_eq!(opened.message, "opened the map");
    assert_eq!(opened.logger, "app::router");
    assert_eq!(opened.severity, Severity::Info);
    assert_eq!(opened.category, Category::Ui);
    assert!(opened.timestamp.is_some_and(|time| time >= before));
    assert_eq!(late.breadcrumb.category, Category::Other("sync".into()));
    assert_eq!(late.breadcrumb.severity, Severity::Warn);
}

#[test]
fn an_event_without_a_message_tells_its_fields_instead() {
    let recent = kept(builder(), || {
        info!(attempt = 2, room = "b", ok = true, password = "hunter2");
    });
    let expected = "attempt=2 room=\"b\" ok=true password=\"[REDACTED]\"";
    assert_eq!(messages(&recent), [expected]);
}

#[test]
fn only_the_last_ones_are_kept_and_a_filter_keeps_out_what_it_does_not_like() {
    let soliplex = builder().breadcrumbs(8).start().expect("a pipeline");
    let layer = soliplex.breadcrumb_layer().with_filter(LevelFilter::INFO);
    let stack = registry().with(layer).sanitize(&soliplex);
    tracing::dispatcher::with_default(&stack.into(), || {
        for number in 0..20 {
            info!("{number}");
            debug!("not this");
        }
    });
    let recent = soliplex.recent(&Filter::new());
    assert_eq!(
        messages(&recent),
        ["12", "13", "14", "15", "16", "17", "18", "19"]
    );
}

#[test]
fn records_are_found_by_level_logger_text_and_session_newest_first() {
    let soliplex = builder().start().expect("a pipeline");
    let stack = registry().with(soliplex.breadcrumb_layer());
    tracing::dispatcher::with_default(&stack.sanitize(&soliplex).into(), || {
        info!(target: "app::http", "GET /rooms");
        warn!(target: "app::http", "Slow Answer");
        error!(target: "app::sync", "gave up");
    });
    let this = soliplex.session_id();
    for (filter, expected) in [
        (Filter::new(), &["gave up", "Slow Answer", "GET /rooms"][..]),
        (
            Filter::new().at_least(Severity::Warn),
            &["gave up", "Slow Answer"],
        ),
        (
            Filter::new().logger("APP::http"),
            &["Slow Answer", "GET /rooms"],
        ),
        (Filter::new().text("slow ANSWER"), &["Slow Answer"]),
        (Filter::new().text("sync"), &["gave up"]),
        (Filter::new().session(&this).limit(1), &["gave up"]),
        (Filter::new().session("another"), &[]),
        (
            Filter::new().at_least(Severity::Warn).logger("app::http"),
            &["Slow Answer"],
        ),
    ] {
        let recent = soliplex.recent(&filter);
        let shown = recent
            .records
            .iter()
            .map(|record| record.breadcrumb.message.as_str());
        assert_eq!(shown.collect::<Vec<_>>(), expected, "{filter:?}");
    }
    soliplex.clear_recent();
    assert!(soliplex.recent(&Filter::new()).records.is_empty());
}

#[test]
fn without_a_root_the_layer_sanitizes_its_own_copy() {
    let soliplex = builder().start().expect("a pipeline");
    let long = "x".repeat(450);
    let stack = registry().with(soliplex.breadcrumb_layer());
    tracing::dispatcher::with_default(&Dispatch::new(stack), || {
        info!("mail to ada@example.org");
        info!(message = "mail to ada@example.org");
        info!(password = "hunter2", attempt = 2);
        info!(breadcrumb_category = "ada@example.org", "category");
        // A secret is recognized before the text is cut, even where the cut would go through it.
        info!("{long} ada@example.org");
    });
    let recent = soliplex.recent(&Filter::new());
    let shown = messages(&recent);
    assert_eq!(
        shown[..4],
        [
            "mail to [EMAIL]",
            "mail to [EMAIL]",
            "password=\"[REDACTED]\" attempt=2",
            "category"
        ]
    );
    assert_eq!(recent.records[1].breadcrumb.category.as_str(), "[EMAIL]");
    assert!(!shown[4].contains("ada"), "{}", shown[4]);
}

#[test]
fn a_strict_layer_without_a_root_keeps_nothing_and_says_so() {
    let soliplex = builder().strict().start().expect("a pipeline");
    let stack = registry().with(soliplex.breadcrumb_layer());
    tracing::dispatcher::with_default(&Dispatch::new(stack), || info!("raw"));
    let recent = soliplex.recent(&Filter::new());
    assert!(recent.records.is_empty());
    assert_eq!(recent.collection, Collection::NoLayer);
}

#[test]
fn a_value_that_panics_or_prints_without_end_costs_only_itself() {
    struct Bad;
    impl std::fmt::Debug for Bad {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("by a Debug")
        }
    }
    struct Endless;
    impl std::fmt::Debug for Endless {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            loop {
                f.write_str("again and ")?;
            }
        }
    }
    for rules in [Rules::none(), Rules::standard()] {
        let soliplex = builder().rules(rules).start().expect("a pipeline");
        let stack = registry().with(soliplex.breadcrumb_layer());
        tracing::dispatcher::with_default(&Dispatch::new(stack), || {
            info!("{Bad:?}");
            info!("{Endless:?}");
        });
        let recent = soliplex.recent(&Filter::new());
        let shown = messages(&recent);
        assert_eq!(shown[0], "[UNPRINTABLE]");
        assert!(shown[1].starts_with("again and again"), "{}", shown[1]);
        assert!(shown[1].ends_with("…[truncated]"), "{}", shown[1]);
    }
}

#[test]
fn nothing_is_kept_while_switched_off_or_not_allowed() {
    let soliplex = builder().start().expect("a pipeline");
    assert_eq!(
        soliplex.recent(&Filter::new()).collection,
        Collection::NoLayer
    );
    let stack = registry().with(soliplex.breadcrumb_layer());
    tracing::dispatcher::with_default(&stack.sanitize(&soliplex).into(), || {
        info!("one");
        soliplex.set_enabled(false);
        info!("off");
        let recent = soliplex.recent(&Filter::new());
        assert_eq!(
            (messages(&recent), recent.collection),
            (vec!["one"], Collection::Off)
        );
        soliplex.set_enabled(true);
        info!("two");
        let recent = soliplex.recent(&Filter::new());
        assert_eq!(messages(&recent), ["one", "two"]);
        soliplex.set_consent(Consent::Denied);
        info!("denied");
        let recent = soliplex.recent(&Filter::new());
        assert_eq!(
            (messages(&recent), recent.collection),
            (vec![], Collection::Denied)
        );
        soliplex.set_consent(Consent::Granted);
        // The worker obeys in order: when it answers, it has wiped and opened again.
        let _ = soliplex.flush(std::time::Duration::from_secs(30));
        info!("granted");
        assert_eq!(messages(&soliplex.recent(&Filter::new())), ["granted"]);
    });
}
