//! Field-support logging for `tracing`: sanitized before any layer sees it, kept through crashes,
//! kills and days without network, delivered, and told apart from what is sent twice.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use tracing_soliplex::{Sanitize as _, Soliplex};
//! use tracing_subscriber::layer::SubscriberExt as _;
//! use tracing_subscriber::util::SubscriberInitExt as _;
//!
//! # fn current_token() -> Option<String> { None }
//! let soliplex = Soliplex::builder("field-app", env!("CARGO_PKG_VERSION"))
//!     .store_dir("/var/lib/field-app/telemetry")
//!     .endpoint("https://ingest.example.org")
//!     .token_provider(current_token)
//!     .start()?;
//!
//! tracing_subscriber::registry()
//!     .with(tracing_subscriber::fmt::layer())   // any layers at all
//!     .with(soliplex.breadcrumb_layer())        // what led up to an error
//!     .with(soliplex.export_layer())
//!     .sanitize(&soliplex)                      // last: nothing can be layered above it
//!     .init();
//!
//! tracing::info!(user = "ada@example.org", "signed in");   // reaches every layer as [EMAIL]
//!
//! let report = soliplex.shutdown(Duration::from_secs(2));
//! println!("{report}");
//! # Ok::<(), tracing_soliplex::StartError>(())
//! ```
//!
//! # When is a record on disk?
//! With a [`Builder::store_dir`], as soon as the macro call returns: it lies in a memory-mapped ring
//! that outlives the process, so that a kill, an `abort` or a segfault takes nothing with it. Within
//! a quarter of a second the worker has moved it into the store and synced that, and then it
//! outlives a power cut too. Without a directory both are memory, and end with the process.
//!
//! # When is it delivered?
//! Every 30 s, within a second or so of an error, and when [`Soliplex::flush`] asks. It leaves the
//! store when the server has confirmed it. A record that is sent twice, because an answer was lost,
//! carries the same id twice, and the server keeps one.
//!
//! # When is it lost, and who says so?
//! Never silently. Each [`DiscardReason`] says when; [`Soliplex::stats`] counts them, and a record
//! in the stream tells what is missing and which numbers it had.
//!
//! # How did the last run end?
//! Each start says so, in a record of its own (`previous_session_ended`): in order, by a panic, or
//! *uncleanly*, which is everything that could not be foreseen: a kill, a segfault, no memory, no
//! power. An application ends in order by [`Soliplex::shutdown`], by dropping every handle and
//! layer, or when its `main` returns or calls [`std::process::exit`], whatever the exit code, which
//! nobody tells us.
//!
//! Some ends in order look like a kill, and are *uncleanly* unless `shutdown` comes before them: an
//! `exit` that another thread than the main one calls, for it cannot be told from that thread's own
//! end; the end of a `main` that has neither started the pipeline nor logged anything, or that is
//! not Rust's, as in a library that a host in another language loads; with musl, where nothing of
//! ours runs at the end of `main`, any; one with records in memory that are not stored yet; and the
//! end of a `main` where no hook of ours hears of panics, for then it may be a panic's
//! ([`PanicHook::Off`]).
//!
//! A panic that is caught ends nothing. A `main` that logs after it, or lets go of its handle, and
//! then returns has ended in order, however soon. Not all can be told apart: a run that is killed
//! within two seconds of a panic in the main thread, or half a second of one in another, is told as
//! ended by the panic. So is one whose `main` returns within ten seconds of a panic of its own that it
//! caught, or half a second of another thread's, and neither logs nor lets go of a handle in between;
//! and one that a caught panic shut down on its way, if the process ends within ten seconds and has
//! begun no other. A `main` that takes longer than that to unwind, unheard, has ended in order; so has
//! one that carries on another thread's panic ([`std::panic::resume_unwind`]), if only the destructor
//! of one of its thread-locals logs or lets go of a handle then.
//!
//! A panic that the pipeline itself catches, of a value that cannot be printed, is not even a
//! record. Where the system ends applications that nobody looks at,
//! an unclean end in the background is information and no error.
//!
//! # What is a session?
//! What is logged between a start and the end of the process, or a
//! [long silence](Builder::session_timeout). Its first record, number 1, says on what it runs and
//! what came before it, and is kept as long as any other of its records.
//!
//! # What of the time before the start?
//! [`Builder::early`] takes records in before it is known where they go. A crash at the very start
//! is told by the next one, and so is one after a start that was refused.
//!
//! # What led up to an error?
//! With a [`BreadcrumbLayer`] each error and each panic carries the last twenty records before it,
//! of any level that the layer is shown, in their short form and by category. They lie in a ring of
//! fixed size that outlives the process too. [`Soliplex::recent`] and [`Soliplex::subscribe`] read
//! the same ring for a log view in the application; [`Recent::to_text`] is the report its user can
//! send by mail.
//!
//! # To which trace does a record belong?
//! To that of the tracing layer in the same stack, if there is one. The feature
//! `tracing-opentelemetry` has the layer of that crate asked, of the version this crate is built
//! with, and there is nothing else to do; any other layer is asked by [`Builder::trace_context`].
//! Without a layer no ids are invented. The example `trace_context` adopts the `traceparent` of
//! incoming requests.
//!
//! # What should the application's host tell?
//! What it knows of the network ([`Soliplex::network_changed`]): each change is a record, offline
//! nothing is tried, and online it goes on at once. And what it knows of the application's life
//! ([`Soliplex::on_paused`] and its like), so that there is a moment for delivery, files are let go
//! of where the system wants that, and a process that was tidied away in the background is not taken
//! for a crash.
//!
//! # How do I find out why nothing arrives?
//! [`Soliplex::stats`] gives the [`State`], the last error and the counters, and
//! [`Builder::on_diagnostic`] is told as it happens. [`TelemetryControl::send_test_event`] says of
//! one record how far it got, and why not farther. The pipeline never logs about itself through
//! tracing.
//!
//! # What does it cost the application?
//! An event costs the thread that logs it about half a microsecond, no allocation and no system
//! call; `cargo bench -p soliplex-benches --bench client` prints how many, beside other roads. No
//! call blocks on disk or network, none panics, and a disk or a network that fails is the
//! pipeline's own affair.
//!
//! # What can it not see?
//! What does not pass through `tracing` or `log`: `println!`, another crate's direct API. The
//! head of [`soliplex_sanitize`] has the whole list and what to do about each.

#![deny(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod builder;
mod connectivity;
mod consent;
mod control;
mod early;
mod flush;
mod lifecycle;
#[cfg(all(
    feature = "network-watcher",
    not(any(target_os = "android", target_os = "ios"))
))]
mod network_watcher;
mod soliplex;

mod breadcrumbs;
mod export_layer;
mod panic_hook;
mod trace_context;

mod alias;
mod bound;
mod capture;
mod end_of_main;
mod install;
mod main_thread;
mod packed;
mod resource;
mod run;
mod session;
mod start_marker;

// The one `unsafe` of this crate, mapping a file, is in here.
mod in_place;
mod map;
mod queue;
mod wake;

mod intake;
mod loss;
mod print;
mod spool;
mod store;

mod batch;
mod delivery;
mod exporter;
mod receipt;
mod worker;

mod changes;
mod clock;
mod command;
mod diagnostics;

pub use breadcrumbs::filter::Filter;
pub use breadcrumbs::layer::BreadcrumbLayer;
pub use breadcrumbs::recent::{Collection, Recent, RecentRecord};
pub use breadcrumbs::subscription::{Subscription, Update};
pub use builder::{Builder, Fresh, StartError};
pub use command::{Consent, FlushReport, StoredDeadLetter, TestOutcome};
pub use connectivity::NetworkKind;
pub use control::{SetEndpointError, TelemetryControl, TelemetrySnapshot, TelemetrySubscription};
pub use diagnostics::{Diagnostic, DiscardReason, State, Stats};
pub use early::Early;
pub use export_layer::ExportLayer;
pub use exporter::http::EndpointError;
pub use lifecycle::LifecycleReport;
#[cfg(all(
    feature = "network-watcher",
    not(any(target_os = "android", target_os = "ios"))
))]
pub use network_watcher::{NetworkWatcher, WatchNetworkError};
pub use panic_hook::PanicHook;
pub use soliplex::Soliplex;
pub use soliplex_sanitize::{Rules, Sanitize, SanitizeLayer, SanitizedStack};
pub use soliplex_wire::{Breadcrumb, Category, Severity, SpanId, TraceId, Uuid};
