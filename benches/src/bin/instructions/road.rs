//! The roads that are counted, each a loop over one event.

use std::error::Error;
use std::hint::black_box;

use soliplex_benches::{event, lines};
use tracing::Dispatch;
use tracing::dispatcher::with_default;
use tracing_soliplex::{Filter, PanicHook, Rules, Sanitize as _, Soliplex};
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
            took(&soliplex, events)?;
        }
        "root, rules, breadcrumbs" => {
            let soliplex = soliplex(Rules::standard())?;
            let stack = registry().with(soliplex.breadcrumb_layer());
            log(&stack.sanitize(&soliplex).into(), events);
            remembers(&soliplex)?;
        }
        "all" => {
            let soliplex = soliplex(Rules::standard())?;
            let stack = registry()
                .with(soliplex.breadcrumb_layer())
                .with(soliplex.export_layer());
            log(&stack.sanitize(&soliplex).into(), events);
            took(&soliplex, events)?;
            remembers(&soliplex)?;
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
    with_default(dispatch, || (0..events).for_each(event::log));
}

/// A road that takes nothing in is cheap, and no road.
fn took(soliplex: &Soliplex, events: u64) -> Result<(), Box<dyn Error>> {
    let stats = soliplex.stats();
    if stats.captured != events || stats.total_discarded() != 0 {
        return Err(format!("of {events} events the pipeline says {stats:?}").into());
    }
    Ok(())
}

fn remembers(soliplex: &Soliplex) -> Result<(), Box<dyn Error>> {
    if soliplex.recent(&Filter::new()).records.is_empty() {
        return Err("no breadcrumb was kept".into());
    }
    Ok(())
}
