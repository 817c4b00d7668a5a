//! What a thread logs while it ends is sanitized like anything else.

use std::sync::mpsc::{Sender, channel};

use soliplex_sanitize::Rules;

/// Sanitizes when its thread ends, after the thread has lost its buffers.
struct Last(Sender<(String, String)>);

impl Drop for Last {
    fn drop(&mut self) {
        let rules = Rules::standard();
        let disguised = rules
            .sanitize("to \u{1b}[1mada@example\u{1b}[0m.org")
            .into_owned();
        let named = rules.sanitize_value("edipi", "1234567890").into_owned();
        let _ = self.0.send((disguised, named));
    }
}

thread_local! {
    static LAST: std::cell::RefCell<Option<Last>> = const { std::cell::RefCell::new(None) };
}

#[test]
fn values_are_sanitized_when_the_thread_has_lost_its_buffers() {
    let (send, receive) = channel();
    let thread = std::thread::spawn(move || {
        // Set up before the buffers are, and so dropped after them.
        LAST.with_borrow_mut(|last| *last = Some(Last(send)));
        let rules = Rules::standard();
        let _ = rules.sanitize("to \u{1b}[1mada@example\u{1b}[0m.org");
        let _ = rules.sanitize_value("edipi", "1234567890");
    });
    let (disguised, named) = receive.recv().unwrap();
    assert!(disguised.contains("[EMAIL]"), "{disguised}");
    assert!(!named.contains("1234567890"), "{named}");
    thread.join().unwrap();
}
