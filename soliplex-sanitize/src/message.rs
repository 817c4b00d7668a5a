//! The message of the event that a root is handing on, for layers that want little more of it.
//!
//! A layer gets at an event's message by having all fields shown to it, of which the one it wants is
//! printed through a formatter: for a layer that keeps little else this is most of its work. The
//! root has that text, clean, but what tracing lets it hand on holds no way to a single field. So
//! it leaves the text where [`with_clean_message`] finds it while the event is on its way.
//!
//! Nothing rests on it: whoever finds no message there visits the event.

use std::cell::RefCell;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing_core::Event;

/// Longer messages are not left here: most are a line, and to copy one should cost next to nothing.
const MAX_BYTES: usize = 512;

/// Whether any layer of this process has asked for messages.
static WANTED: AtomicBool = AtomicBool::new(false);

/// A message and whose it is.
struct Left {
    /// Where the event lies; none when none is on its way.
    event: Option<usize>,
    text: String,
}

thread_local! {
    static LEFT: RefCell<Left> = const { RefCell::new(Left { event: None, text: String::new() }) };
}

/// Makes roots leave messages from now on: for the constructor of a layer that asks for them.
pub fn want_clean_messages() {
    WANTED.store(true, Ordering::Relaxed);
}

/// Lends the message of an event to `use_it`, as it was sanitized by the root above, if that has
/// left it. Roots do so once [`want_clean_messages`] was called.
///
/// `None` says nothing about the event: it may come from no root, its message may be long, and after
/// another event was logged from within a layer the message of the one around it is gone. Then it
/// is to be visited. A message is lent as printed, empty ones included.
///
/// # Examples
///
/// ```
/// use soliplex_sanitize::{Rules, Sanitize as _, want_clean_messages, with_clean_message};
/// use tracing_core::{Event, Subscriber};
/// use tracing_subscriber::{Layer, layer::{Context, SubscriberExt as _}};
///
/// struct Shout;
///
/// impl<S: Subscriber> Layer<S> for Shout {
///     fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
///         let loud = with_clean_message(event, str::to_uppercase);
///         assert_eq!(loud.as_deref(), Some("[EMAIL] SIGNED IN"));
///     }
/// }
///
/// want_clean_messages();
/// let stack = tracing_subscriber::registry().with(Shout).sanitize(Rules::standard());
/// tracing::dispatcher::with_default(&stack.into(), || {
///     tracing::info!("jane@example.org signed in");
/// });
/// ```
#[inline]
pub fn with_clean_message<R>(event: &Event<'_>, use_it: impl FnOnce(&str) -> R) -> Option<R> {
    let with = |left: &RefCell<Left>| {
        let left = left.try_borrow().ok()?;
        if left.event != Some(address(event)) {
            return None;
        }
        Some(use_it(&left.text))
    };
    LEFT.try_with(with).ok().flatten()
}

/// Leaves the event's message, if `find` finds one, while `deliver` hands the event on.
#[inline]
pub(crate) fn leave<'m, R>(
    event: &Event<'_>,
    find: impl FnOnce() -> Option<&'m str>,
    deliver: impl FnOnce() -> R,
) -> R {
    if !WANTED.load(Ordering::Relaxed) {
        return deliver();
    }
    let _taken_away = find()
        .filter(|message| message.len() <= MAX_BYTES)
        .and_then(|message| TakenAway::after(event, message));
    deliver()
}

/// Takes a message away, also when a layer panics: another event may lie where this one did.
struct TakenAway;

impl TakenAway {
    #[inline]
    fn after(event: &Event<'_>, message: &str) -> Option<TakenAway> {
        let leave = |left: &RefCell<Left>| {
            let mut left = left.try_borrow_mut().ok()?;
            left.event = Some(address(event));
            left.text.clear();
            left.text.push_str(message);
            Some(TakenAway)
        };
        LEFT.try_with(leave).ok().flatten()
    }
}

impl Drop for TakenAway {
    #[inline]
    fn drop(&mut self) {
        let _ = LEFT.try_with(|left| {
            if let Ok(mut left) = left.try_borrow_mut() {
                left.event = None;
            }
        });
    }
}

#[inline]
fn address(event: &Event<'_>) -> usize {
    ptr::from_ref(event).addr()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::dispatcher::with_default;
    use tracing_core::field::Value;
    use tracing_core::{Dispatch, Subscriber};
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
    use tracing_subscriber::registry;

    use super::*;
    use crate::{Rules, Sanitize as _};

    /// Keeps what it is lent; logs, now and then, from within.
    #[derive(Clone, Default)]
    struct Listener {
        heard: Arc<Mutex<Vec<Option<String>>>>,
        logs: bool,
    }

    impl<S: Subscriber> Layer<S> for Listener {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            if self.logs && event.metadata().target() == "outer" {
                // Handed on past the thread's own dispatcher, which gives a layer none.
                let other = Listener::default();
                let fields = event.metadata().fields();
                let message = fields.field("message").unwrap();
                let values = [(&message, Some(&"from within" as &dyn Value))];
                let values = fields.value_set(&values);
                let within = Event::new(event.metadata(), &values);
                rooted(registry().with(other.clone())).event(&within);
                assert_eq!(other.heard(), [Some("from within".to_owned())]);
            }
            let heard = with_clean_message(event, str::to_owned);
            self.heard.lock().unwrap().push(heard);
        }
    }

    impl Listener {
        fn heard(&self) -> Vec<Option<String>> {
            std::mem::take(&mut self.heard.lock().unwrap())
        }
    }

    fn rooted<S: Subscriber + Send + Sync>(stack: S) -> Dispatch {
        want_clean_messages();
        stack.sanitize(Rules::standard()).into()
    }

    #[test]
    fn each_layer_is_lent_the_clean_message_of_its_own_event() {
        let [first, second] = [Listener::default(), Listener::default()];
        let stack = rooted(registry().with(first.clone()).with(second.clone()));
        with_default(&stack, || {
            tracing::info!(number = 1, "jane@example.org called");
            tracing::info!(error = %"none", "{} of {}", 1, 2);
            tracing::info!("");
        });
        let told = ["[EMAIL] called", "1 of 2", ""].map(|text| Some(text.to_owned()));
        assert_eq!(first.heard(), told);
        assert_eq!(second.heard(), told);
    }

    #[test]
    fn without_a_root_or_a_message_or_beyond_the_limit_none_is_lent() {
        let listener = Listener::default();
        let stack = rooted(registry().with(listener.clone()));
        with_default(&stack, || {
            tracing::info!(number = 1);
            tracing::info!("{}", "x".repeat(MAX_BYTES + 1));
        });
        with_default(&registry().with(listener.clone()).into(), || {
            tracing::info!("as it was logged");
        });
        assert_eq!(listener.heard(), [None, None, None]);
    }

    #[test]
    fn what_a_layer_logs_meanwhile_is_never_taken_for_the_event_around_it() {
        let before = Listener::default();
        let logs = Listener {
            logs: true,
            ..Listener::default()
        };
        let stack = rooted(registry().with(before.clone()).with(logs.clone()));
        with_default(&stack, || tracing::info!(target: "outer", "around it"));
        assert_eq!(before.heard(), [Some("around it".to_owned())]);
        assert_eq!(logs.heard(), [None]);
    }
}
