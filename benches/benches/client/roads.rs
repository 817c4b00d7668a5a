//! The roads an event can take, each a whole subscriber.

use std::io;
use std::path::Path;
use std::time::Duration;

use opentelemetry_sdk::logs::SdkLoggerProvider;
use soliplex_benches::event;
use tracing::{Dispatch, error};
use tracing_appender::non_blocking::WorkerGuard;
use tracing_soliplex::{PanicHook, Rules, Sanitize as _, Soliplex};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{fmt, registry};

use crate::peers;

/// What the roads are called, in tables, plots and on the command line.
pub(crate) mod name {
    pub(crate) const NOTHING: &str = "no subscriber";
    pub(crate) const REGISTRY: &str = "registry only";
    pub(crate) const FMT: &str = "fmt json to null";
    pub(crate) const NON_BLOCKING: &str = "fmt json, non_blocking, file";
    pub(crate) const OTEL: &str = "opentelemetry, batch";
    pub(crate) const SENTRY_CRUMBS: &str = "sentry breadcrumbs";
    pub(crate) const SENTRY_LOGS: &str = "sentry logs";
    pub(crate) const ROOT_EMPTY: &str = "ours: root, no rules";
    pub(crate) const ROOT_STANDARD: &str = "ours: root, rules";
    pub(crate) const ROOT_CRUMBS: &str = "ours: root, rules, breadcrumbs";
    pub(crate) const RING: &str = "ours: ring alone";
    pub(crate) const ROOT_RING: &str = "ours: root, rules, ring";
    pub(crate) const ALL: &str = "ours: all";
    pub(crate) const FAILURE: &str = "ours: all, an error with its breadcrumbs";

    /// The roads that do the same work in the end, for the plot.
    pub(crate) const SIDE_BY_SIDE: [&str; 6] =
        [FMT, NON_BLOCKING, OTEL, SENTRY_CRUMBS, SENTRY_LOGS, ALL];

    /// The parts of our road in the order of travel, and the road that has all parts so far.
    pub(crate) const PARTS: [(&str, &str); 5] = [
        ("tracing and its registry", REGISTRY),
        ("root: render and rewrite", ROOT_EMPTY),
        ("standard rules", ROOT_STANDARD),
        ("capture and ring", ROOT_RING),
        ("breadcrumbs", ALL),
    ];
}

/// One way an event can go.
pub(crate) struct Road {
    pub(crate) name: &'static str,
    pub(crate) dispatch: Dispatch,
    /// What goes down it.
    pub(crate) log: fn(u64),
    /// Events between two pauses: what its queue can hold.
    pub(crate) burst: u64,
    /// How long its queue needs to empty after a burst.
    pub(crate) pause: Duration,
}

/// Events between two pauses: half of what the smallest queue, OpenTelemetry's 2,048, can hold.
const BURST: u64 = 1_000;

/// An error takes its breadcrumbs along, and is many times as long.
const FAILURES: u64 = 100;

/// What the roads lead through, kept alive while they are in use.
pub(crate) struct Stage {
    otel: SdkLoggerProvider,
    file: tracing_appender::non_blocking::NonBlocking,
    _guard: WorkerGuard,
    bare: Soliplex,
    standard: Soliplex,
}

impl Stage {
    /// Sets everything up, with its files in this folder.
    pub(crate) fn set(folder: &Path) -> Stage {
        let appender = tracing_appender::rolling::never(folder, "peer.log");
        let (file, guard) = tracing_appender::non_blocking(appender);
        sentry_core::Hub::main().bind_client(Some(peers::sentry(peers::Count::default())));
        Stage {
            otel: peers::opentelemetry(peers::Count::default()),
            file,
            _guard: guard,
            bare: soliplex(folder, "bare", Rules::none()),
            standard: soliplex(folder, "standard", Rules::standard()),
        }
    }

    /// Every road.
    pub(crate) fn roads(&self) -> Vec<Road> {
        let breath = Duration::from_millis(120);
        let nap = Duration::from_millis(10);
        let direct = |name, dispatch| road(name, nap, dispatch);
        let queued = |name, dispatch| road(name, breath, dispatch);
        vec![
            direct(name::NOTHING, Dispatch::none()),
            direct(name::REGISTRY, registry().into()),
            direct(
                name::FMT,
                registry()
                    .with(fmt::layer().json().with_writer(io::sink))
                    .into(),
            ),
            queued(
                name::NON_BLOCKING,
                registry()
                    .with(fmt::layer().json().with_writer(self.file.clone()))
                    .into(),
            ),
            queued(
                name::OTEL,
                registry().with(peers::bridge(&self.otel)).into(),
            ),
            direct(
                name::SENTRY_CRUMBS,
                registry()
                    .with(sentry_tracing::BreadcrumbLayer::new())
                    .into(),
            ),
            queued(
                name::SENTRY_LOGS,
                registry().with(sentry_tracing::LogLayer::new()).into(),
            ),
            direct(name::ROOT_EMPTY, registry().sanitize(Rules::none()).into()),
            direct(
                name::ROOT_STANDARD,
                registry().sanitize(Rules::standard()).into(),
            ),
            queued(name::RING, registry().with(self.bare.export_layer()).into()),
            direct(
                name::ROOT_CRUMBS,
                registry()
                    .with(self.standard.breadcrumb_layer())
                    .sanitize(&self.standard)
                    .into(),
            ),
            queued(
                name::ROOT_RING,
                registry()
                    .with(self.standard.export_layer())
                    .sanitize(&self.standard)
                    .into(),
            ),
            queued(name::ALL, self.all()),
            Road {
                log: failure,
                burst: FAILURES,
                ..queued(name::FAILURE, self.all())
            },
        ]
    }

    fn all(&self) -> Dispatch {
        registry()
            .with(self.standard.breadcrumb_layer())
            .with(self.standard.export_layer())
            .sanitize(&self.standard)
            .into()
    }
}

fn road(name: &'static str, pause: Duration, dispatch: Dispatch) -> Road {
    Road {
        name,
        dispatch,
        log: event::log,
        burst: BURST,
        pause,
    }
}

fn failure(index: u64) {
    error!(user_id = index, "request failed in the usual way");
}

/// A pipeline that stores and never sends; its records are taken in between bursts.
fn soliplex(folder: &Path, name: &str, rules: Rules) -> Soliplex {
    Soliplex::builder("bench", "1.0.0")
        .store_dir(folder.join(name))
        .rules(rules)
        .panic_hook(PanicHook::Off)
        .start()
        .unwrap()
}
