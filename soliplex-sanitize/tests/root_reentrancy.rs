//! Values that log while they are being printed.
//!
//! Only a process-wide subscriber shows what matters here: with a thread's own, tracing itself
//! refuses to be entered twice. Hence a test program of its own, with one stack for all tests.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code that is not itself a test function may be blunt, too"
)]

use std::{
    fmt,
    sync::{Arc, LazyLock, Mutex},
};

use soliplex_sanitize::{Rules, Sanitize as _};
use tracing::{debug, error, info, info_span, warn};
use tracing_core::{
    Event, Field, LevelFilter, Subscriber,
    field::Visit,
    span::{Attributes, Id},
};
use tracing_subscriber::{
    Layer, Registry,
    filter::Targets,
    layer::{Context, SubscriberExt as _},
    util::SubscriberInitExt as _,
};

/// Keeps events and new spans as lines of `target: field=value …`.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    /// The lines of one test, which logs under a target of its own.
    fn of(&self, target: &str) -> Vec<String> {
        let lines = self.0.lock().unwrap();
        let mine = lines
            .iter()
            .filter_map(|line| line.strip_prefix(target)?.strip_prefix(": "));
        mine.map(str::to_owned).collect()
    }

    fn push(&self, target: &str, visit: impl FnOnce(&mut dyn Visit)) {
        let mut line = format!("{target}:");
        visit(&mut |field: &Field, value: &dyn fmt::Debug| {
            line.push_str(&format!(" {field}={value:?}"));
        });
        self.0.lock().unwrap().push(line);
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.push(event.metadata().target(), |visitor| event.record(visitor));
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        self.push(attributes.metadata().target(), |visitor| {
            attributes.record(visitor)
        });
    }
}

/// What an unfiltered layer of the process-wide stack saw.
static ALL: LazyLock<Lines> = LazyLock::new(Lines::default);
/// What a layer saw whose filter wants warnings only, and nothing of the target `inner`.
static SOME: LazyLock<Lines> = LazyLock::new(Lines::default);

fn install() {
    static INSTALLED: LazyLock<()> = LazyLock::new(|| {
        let filter = Targets::new()
            .with_default(LevelFilter::WARN)
            .with_target("inner", LevelFilter::OFF);
        Registry::default()
            .with(ALL.clone())
            .with(SOME.clone().with_filter(filter))
            .with(LevelFilter::DEBUG)
            .sanitize(Rules::standard())
            .init();
    });
    LazyLock::force(&INSTALLED);
}

/// Logs while it is printed.
struct Chatty(fn());

impl fmt::Debug for Chatty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0();
        f.write_str("chatty a@example.org")
    }
}

#[test]
fn a_value_that_logs_is_printed_and_what_it_logs_arrives_clean() {
    install();
    let value = Chatty(|| info!(target: "chatty", "from inside b@example.org"));
    info!(target: "chatty", before = "c@example.org", ?value, after = 1);
    assert_eq!(
        ALL.of("chatty"),
        [
            "message=from inside [EMAIL]",
            "before=\"[EMAIL]\" value=chatty [EMAIL] after=1",
        ]
    );
}

/// Logs itself while it is printed, and so on.
struct Recursive;

impl fmt::Debug for Recursive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        info!(target: "recursive", value = ?self);
        info!(target: "recursive", "again {self:?}");
        f.write_str("printed")
    }
}

#[test]
fn a_value_that_logs_itself_comes_to_an_end() {
    install();
    info!(target: "recursive", value = ?Recursive);
    let lines = ALL.of("recursive");
    assert_eq!(
        lines.len(),
        31,
        "one event, and two more for each at each of four levels"
    );
    assert_eq!(lines[0], "value=[UNPRINTABLE]");
    assert_eq!(lines[30], "value=printed");
}

#[test]
fn a_span_value_that_opens_spans_and_records_late_values_does_not_deadlock() {
    install();
    let value = Chatty(|| {
        let span = info_span!(target: "spans", "inside", mail = "b@example.org", late = tracing::field::Empty);
        span.record(
            "late",
            tracing::field::debug(Chatty(|| info!(target: "spans", "deepest"))),
        );
        let _entered = span.enter();
    });
    let _span = info_span!(target: "spans", "outside", ?value).entered();
    assert_eq!(
        ALL.of("spans"),
        [
            "mail=\"[EMAIL]\"",
            "message=deepest",
            "value=chatty [EMAIL]"
        ]
    );
}

#[test]
fn an_event_logged_while_rendering_leaves_every_filter_in_force() {
    install();
    // Refused by the filter of `SOME`; the nested one resets the filters' shared state.
    info!(target: "filtered", value = ?Chatty(|| error!(target: "inner", "nested")), "refused");
    debug!(target: "filtered", value = ?Chatty(|| warn!(target: "filtered", "nested")), "refused");
    let _span =
        info_span!(target: "filtered", "s", value = ?Chatty(|| error!(target: "inner", "nested")));
    // Wanted by it, with a nested one that it refuses.
    warn!(target: "filtered", value = ?Chatty(|| info!(target: "inner", "nested")), "wanted");
    assert_eq!(
        SOME.of("filtered"),
        ["message=nested", "message=wanted value=chatty [EMAIL]",]
    );
    assert_eq!(ALL.of("filtered").len(), 5);
    assert_eq!(SOME.of("inner"), Vec::<String>::new());
}

#[test]
fn the_most_verbose_level_below_the_root_is_still_known_to_the_macros() {
    install();
    assert_eq!(LevelFilter::current(), LevelFilter::DEBUG);
}
