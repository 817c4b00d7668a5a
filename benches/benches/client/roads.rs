//! The roads an event can take, each a whole subscriber.

use std::io;
use std::path::Path;

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

    /// The parts of our road in the order of travel, each with a road that has it and one that has
    /// all but it.
    pub(crate) const PARTS: [(&str, &str, &str); 6] = [
        ("tracing and its registry", REGISTRY, NOTHING),
        ("root: render and rewrite", ROOT_EMPTY, REGISTRY),
        ("standard rules", ROOT_STANDARD, ROOT_EMPTY),
        ("capture and ring", ROOT_RING, ROOT_STANDARD),
        ("breadcrumbs, beside the ring", ALL, ROOT_RING),
        ("breadcrumbs, without it", ROOT_CRUMBS, ROOT_STANDARD),
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
}

/// Events between two pauses: half of what the smallest queue, OpenTelemetry's 2,048, can hold.
const BURST: u64 = 1_000;

/// An error takes its breadcrumbs along, and is many times as long.
const FAILURES: u64 = 100;

/// What the roads lead through, kept alive while they are in use. Each road of ours has a pipeline
/// of its own, so that none finds the ring warm, or full, of another one's burst.
pub(crate) struct Stage {
    otel: SdkLoggerProvider,
    file: tracing_appender::non_blocking::NonBlocking,
    _guard: WorkerGuard,
    bare: Soliplex,
    crumbs: Soliplex,
    ring: Soliplex,
    all: Soliplex,
    failure: Soliplex,
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
            crumbs: soliplex(folder, "crumbs", Rules::standard()),
            ring: soliplex(folder, "ring", Rules::standard()),
            all: soliplex(folder, "all", Rules::standard()),
            failure: soliplex(folder, "failure", Rules::standard()),
        }
    }

    /// Every road.
    pub(crate) fn roads(&self) -> Vec<Road> {
        vec![
            road(name::NOTHING, Dispatch::none()),
            road(name::REGISTRY, registry().into()),
            road(
                name::FMT,
                registry()
                    .with(fmt::layer().json().with_writer(io::sink))
                    .into(),
            ),
            road(
                name::NON_BLOCKING,
                registry()
                    .with(fmt::layer().json().with_writer(self.file.clone()))
                    .into(),
            ),
            road(
                name::OTEL,
                registry().with(peers::bridge(&self.otel)).into(),
            ),
            road(
                name::SENTRY_CRUMBS,
                registry()
                    .with(sentry_tracing::BreadcrumbLayer::new())
                    .into(),
            ),
            road(
                name::SENTRY_LOGS,
                registry().with(sentry_tracing::LogLayer::new()).into(),
            ),
            road(name::ROOT_EMPTY, registry().sanitize(Rules::none()).into()),
            road(
                name::ROOT_STANDARD,
                registry().sanitize(Rules::standard()).into(),
            ),
            road(name::RING, registry().with(self.bare.export_layer()).into()),
            road(
                name::ROOT_CRUMBS,
                registry()
                    .with(self.crumbs.breadcrumb_layer())
                    .sanitize(&self.crumbs)
                    .into(),
            ),
            road(
                name::ROOT_RING,
                registry()
                    .with(self.ring.export_layer())
                    .sanitize(&self.ring)
                    .into(),
            ),
            road(name::ALL, whole(&self.all)),
            Road {
                log: failure,
                burst: FAILURES,
                ..road(name::FAILURE, whole(&self.failure))
            },
        ]
    }
}

/// All of ours.
fn whole(soliplex: &Soliplex) -> Dispatch {
    registry()
        .with(soliplex.breadcrumb_layer())
        .with(soliplex.export_layer())
        .sanitize(soliplex)
        .into()
}

fn road(name: &'static str, dispatch: Dispatch) -> Road {
    Road {
        name,
        dispatch,
        log: event::log,
        burst: BURST,
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
