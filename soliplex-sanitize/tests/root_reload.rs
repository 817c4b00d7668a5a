//! A level changed at run time below the root.
//!
//! Alone in its program: reloading sets the process-wide maximum level, at times from the view of
//! one thread only, and would silence tests that run beside it.

use std::sync::{Arc, Mutex};

use soliplex_sanitize::{Rules, Sanitize as _};
use tracing::{dispatcher, error, info, warn};
use tracing_core::{Event, LevelFilter, Subscriber};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt as _},
    reload,
};

/// Keeps the level of each event.
#[derive(Clone, Default)]
struct Levels(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Levels {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if let Ok(mut levels) = self.0.lock() {
            levels.push(event.metadata().level().to_string());
        }
    }
}

#[test]
fn a_level_can_be_reloaded_below_the_root() {
    let levels = Levels::default();
    let (filter, handle) = reload::Layer::new(LevelFilter::WARN);
    let stack = Registry::default().with(levels.clone().with_filter(filter));
    dispatcher::with_default(&stack.sanitize(Rules::standard()).into(), || {
        for to in [LevelFilter::INFO, LevelFilter::OFF, LevelFilter::ERROR] {
            info!("info");
            warn!("warn");
            handle.reload(to).unwrap();
        }
        info!("info");
        error!("error");
    });
    assert_eq!(*levels.0.lock().unwrap(), ["WARN", "INFO", "WARN", "ERROR"]);
}
