//! The client against a server that does as it is told.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::Value;
use tracing_soliplex::{Builder, PanicHook, Sanitize as _, Soliplex};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::scripted::{Request, Scripted};

mod answers;
mod canaries;
mod connectivity;
mod consent;
mod control;
mod dropped;
mod files;
mod lifecycle;
mod lost_stores;
mod promises;
mod restarts;
mod session;
mod unsanitized;

/// For what is expected to happen; a flush returns as soon as it has.
const SOON: Duration = Duration::from_secs(30);

/// For what is expected not to happen.
const BRIEFLY: Duration = Duration::from_millis(300);

/// A pipeline in memory, which sends when it is flushed, and at once on errors.
fn builder(server: &Scripted) -> Builder {
    Soliplex::builder("delivery-test", "1.0.0")
        .endpoint(server.url())
        .startup_jitter(Duration::ZERO)
        .flush_interval(Duration::from_secs(3600))
        .panic_hook(PanicHook::Off)
}

fn start(server: &Scripted) -> Soliplex {
    builder(server).begin()
}

trait Begin {
    /// Starts, and has the records of how the session began behind it where the server can be
    /// reached, so that a test's requests are its own.
    fn begin(self) -> Soliplex;
}

impl Begin for Builder {
    fn begin(self) -> Soliplex {
        let soliplex = self.start().unwrap();
        let _ = soliplex.flush(SOON);
        soliplex
    }
}

/// Logs on this thread through the pipeline.
fn log<T>(soliplex: &Soliplex, log: impl FnOnce() -> T) -> T {
    let stack = tracing_subscriber::registry().with(soliplex.export_layer());
    let _default = stack.sanitize(soliplex).set_default();
    log()
}

fn log_some(soliplex: &Soliplex, count: u64) {
    log(soliplex, || {
        for number in 0..count {
            tracing::info!(number, "event {number}");
        }
    });
}

/// Flushes again and again, each time with an attempt at once, until all is delivered.
fn insist(soliplex: &Soliplex) {
    for _ in 0..100 {
        if soliplex.flush(BRIEFLY).is_complete() {
            return;
        }
    }
    panic!("not delivered: {:?}", soliplex.stats());
}

/// The records that have arrived, each once: what is called back on its way is sent again under
/// the same id.
fn arrived(server: &Scripted) -> Vec<Value> {
    let mut ids = HashSet::new();
    let requests = server.requests();
    let records = requests.iter().flat_map(Request::records);
    records
        .filter(|record| ids.insert(record["id"].to_string()))
        .collect()
}

fn assert_balance(soliplex: &Soliplex) {
    let stats = soliplex.stats();
    let fates = stats.delivered + stats.waiting + stats.total_discarded();
    assert_eq!(
        stats.captured + stats.recovered + stats.own,
        fates,
        "{stats:?}"
    );
}
