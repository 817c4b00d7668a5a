//! Threads from which no layer hears.

use soliplex_sanitize::{Rules, Sanitize as _, deafen};
use tracing::{Dispatch, dispatcher, error};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::capture::{FORMATS, Output};

#[test]
fn what_a_deaf_thread_logs_reaches_no_layer_and_what_others_log_does() {
    let output = Output::default();
    let stack = Registry::default().with(FORMATS[0].layer(&output));
    let stack = Dispatch::from(stack.sanitize(Rules::standard()));
    for (deaf, said) in [(true, "unheard"), (false, "heard")] {
        let stack = stack.clone();
        let thread = std::thread::spawn(move || {
            if deaf {
                deafen();
            }
            dispatcher::with_default(&stack, || error!("{said}"));
        });
        thread.join().unwrap();
    }
    let text = output.text();
    assert!(text.contains(" heard"), "{text}");
    assert!(!text.contains("unheard"), "{text}");
}
