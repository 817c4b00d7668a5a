//! The roads that are counted, each a loop over one event.

use std::error::Error;
use std::hint::black_box;

use soliplex_benches::lines;
use tracing::dispatcher::with_default;
use tracing::{Dispatch, info};
use tracing_soliplex::{PanicHook, Rules, Sanitize as _, Soliplex};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;

/// What the roads are called.
pub(crate) const NAMES: [&str; 6] = [
    "registry only",
    "root, rules",
    "root, rules, breadcrumbs",
    "ring alone",
    "all",
    "a clean line of text",
];

/// Bytes of the queue: more than all events that are counted, so that none is refused.
const QUEUE_BYTES: u64 = 64 << 20;

const PATHS: [&str; 4] = [
    "/api/v1/rooms/42",
    "/api/v1/rooms/17",
    "/api/v1/users/me",
    "/api/v1/photos/3",
];

/// Goes down one road so many times.
pub(crate) fn walk(name: &str, events: u64) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let soliplex = |rules: Rules| {
        Soliplex::builder("bench", "1.0.0")
            .store_dir(folder.path())
            .queue_bytes(QUEUE_BYTES)
            .rules(rules)
            .panic_hook(PanicHook::Off)
            .start()
    };
    match name {
        "registry only" => log(&registry().into(), events),
        "root, rules" => log(&registry().sanitize(Rules::standard()).into(), events),
        "ring alone" => {
            let soliplex = soliplex(Rules::none())?;
            log(&registry().with(soliplex.export_layer()).into(), events);
        }
        "root, rules, breadcrumbs" => {
            let soliplex = soliplex(Rules::standard())?;
            let stack = registry().with(soliplex.breadcrumb_layer());
            log(&stack.sanitize(&soliplex).into(), events);
        }
        "all" => {
            let soliplex = soliplex(Rules::standard())?;
            let stack = registry()
                .with(soliplex.breadcrumb_layer())
                .with(soliplex.export_layer());
            log(&stack.sanitize(&soliplex).into(), events);
        }
        "a clean line of text" => {
            let (rules, line) = (Rules::standard(), lines::clean(3));
            for _ in 0..events {
                drop(black_box(rules.sanitize(black_box(&line))));
            }
        }
        _ => return Err("no such road".into()),
    }
    Ok(())
}

fn log(dispatch: &Dispatch, events: u64) {
    with_default(dispatch, || {
        for index in 0..events {
            // The event of the client's bench. Every index has as many digits, and every path as
            // many letters; none is the one before.
            info!(
                user_id = 1_000_000 + index,
                method = if index.is_multiple_of(2) {
                    "GET"
                } else {
                    "PUT"
                },
                path = PATHS[index as usize % PATHS.len()],
                status = 200_i64,
                elapsed_ms = 12.5,
                "request handled in the usual way"
            );
        }
    });
}
