//! The clean values of the event that a root is handing on, for layers that do not want to visit it.
//!
//! A layer gets at an event's values by having each shown to it, through two calls that nobody can
//! inline, and text through a formatter: for a layer that does little else this is most of its work.
//! The root has all of them side by side, but what tracing lets it hand on holds no way to them. So
//! it leaves its memory where [`with_clean_values`] finds it while the event is on its way.
//!
//! Nothing rests on it: whoever finds nothing there visits the event.

use std::cell::RefCell;
use std::ptr;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing_core::Event;

use super::scratch::{Recorded, Rendered, Scratch};

/// Whether any layer of this process has asked for values.
static WANTED: AtomicBool = AtomicBool::new(false);

/// A root's memory, and the address of the event whose values are in it.
struct Left {
    event: usize,
    scratch: Rc<Scratch>,
}

thread_local! {
    static LEFT: RefCell<Option<Left>> = const { RefCell::new(None) };
}

/// The clean values of one event, as [`with_clean_values`] lends them.
#[derive(Clone, Copy)]
pub struct CleanValues<'a> {
    scratch: &'a Scratch,
}

/// One field of the event.
#[derive(Clone, Copy)]
pub struct CleanField<'a> {
    recorded: &'a Recorded,
    scratch: &'a Scratch,
}

/// One value of the kinds that are lent. Text that was printed by a `Debug` or a `Display` is text.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "each is what it is called")]
pub enum CleanValue<'a> {
    Str(&'a str),
    Bool(bool),
    I64(i64),
    U64(u64),
    F64(f64),
}

impl<'a> CleanValues<'a> {
    /// The message, as printed, empty ones included; `None` where it is not the event's first value,
    /// as tracing's macros have it.
    #[inline]
    pub fn message(&self) -> Option<&'a str> {
        self.scratch.message()
    }

    /// All fields in the order they were visited; `None` if the value of one of them is an error,
    /// bytes or a number of 128 bits. Then the event is to be visited.
    #[inline]
    pub fn all(&self) -> Option<impl Iterator<Item = CleanField<'a>> + use<'a>> {
        let scratch = self.scratch;
        let is_plain = scratch.errors.is_empty()
            && scratch.bytes.is_empty()
            && scratch.signed.is_empty()
            && scratch.unsigned.is_empty();
        let lend = move |recorded| CleanField { recorded, scratch };
        is_plain.then(|| scratch.recorded.iter().map(lend))
    }
}

impl<'a> CleanField<'a> {
    /// Its place in the event's set of fields.
    #[inline(always)]
    pub fn index(&self) -> usize {
        self.recorded.index
    }

    /// Its value; `None` for the kinds of which [`CleanValues::all`] lends none.
    ///
    /// For whoever looks up what becomes of the field first: with nothing between, the two matches on
    /// its kind, this one and the caller's, become one.
    #[inline(always)]
    pub fn value(&self) -> Option<CleanValue<'a>> {
        Some(match &self.recorded.value {
            Rendered::Str(range) | Rendered::Debug(range) => {
                CleanValue::Str(self.scratch.text(range))
            }
            Rendered::Bool(value) => CleanValue::Bool(*value),
            Rendered::I64(value) => CleanValue::I64(*value),
            Rendered::U64(value) => CleanValue::U64(*value),
            Rendered::F64(value) => CleanValue::F64(*value),
            _ => return None,
        })
    }
}

/// Makes roots lend values from now on: for the constructor of a layer that asks for them.
pub fn want_clean_values() {
    WANTED.store(true, Ordering::Relaxed);
}

/// Lends the values of an event to `use_them`, as they were sanitized by the root above, if that has
/// left them. Roots do so once [`want_clean_values`] was called.
///
/// `None` says nothing about the event: it may come from no root, and after another event was logged
/// from within a layer the values of the one around it are gone. Then it is to be visited.
///
/// # Examples
///
/// ```
/// use soliplex_sanitize::{Rules, Sanitize as _, want_clean_values, with_clean_values};
/// use tracing_core::{Event, Subscriber};
/// use tracing_subscriber::{Layer, layer::{Context, SubscriberExt as _}};
///
/// struct Shout;
///
/// impl<S: Subscriber> Layer<S> for Shout {
///     fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
///         let loud = with_clean_values(event, |values| Some(values.message()?.to_uppercase()));
///         assert_eq!(loud.flatten().as_deref(), Some("[EMAIL] SIGNED IN"));
///     }
/// }
///
/// want_clean_values();
/// let stack = tracing_subscriber::registry().with(Shout).sanitize(Rules::standard());
/// tracing::dispatcher::with_default(&stack.into(), || {
///     tracing::info!("jane@example.org signed in");
/// });
/// ```
#[inline]
pub fn with_clean_values<R>(
    event: &Event<'_>,
    use_them: impl FnOnce(CleanValues<'_>) -> R,
) -> Option<R> {
    let with = |left: &RefCell<Option<Left>>| {
        let left = left.try_borrow().ok()?;
        let left = left.as_ref().filter(|left| left.event == address(event))?;
        let scratch = &left.scratch;
        Some(use_them(CleanValues { scratch }))
    };
    LEFT.try_with(with).ok().flatten()
}

/// Leaves the event's values while `deliver` hands the event on.
#[inline]
pub(super) fn while_on_its_way<R>(
    event: &Event<'_>,
    scratch: &Rc<Scratch>,
    deliver: impl FnOnce() -> R,
) -> R {
    if !WANTED.load(Ordering::Relaxed) {
        return deliver();
    }
    let _taken_away = TakenAway::after(event, scratch);
    deliver()
}

/// Takes the values away, also when a layer panics: another event may lie where this one did.
struct TakenAway;

impl TakenAway {
    #[inline]
    fn after(event: &Event<'_>, scratch: &Rc<Scratch>) -> Option<TakenAway> {
        let leave = |left: &RefCell<Option<Left>>| {
            *left.try_borrow_mut().ok()? = Some(Left {
                event: address(event),
                scratch: Rc::clone(scratch),
            });
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
                *left = None;
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
            let heard = with_clean_values(event, |values| values.message().map(str::to_owned));
            self.heard.lock().unwrap().push(heard.flatten());
        }
    }

    impl Listener {
        fn heard(&self) -> Vec<Option<String>> {
            std::mem::take(&mut self.heard.lock().unwrap())
        }
    }

    fn rooted<S: Subscriber + Send + Sync>(stack: S) -> Dispatch {
        want_clean_values();
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
    fn without_a_root_or_a_message_none_is_lent() {
        let listener = Listener::default();
        let stack = rooted(registry().with(listener.clone()));
        with_default(&stack, || {
            tracing::info!(number = 1);
        });
        with_default(&registry().with(listener.clone()).into(), || {
            tracing::info!("as it was logged");
        });
        assert_eq!(listener.heard(), [None, None]);
    }

    /// Keeps the values it is lent, written as a visit would find them.
    #[derive(Clone, Default)]
    struct Collector(Arc<Mutex<Vec<Option<String>>>>);

    impl<S: Subscriber> Layer<S> for Collector {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let name = |index: usize| event.metadata().fields().iter().nth(index).unwrap();
            let write = |values: CleanValues<'_>| {
                let all = values.all()?;
                let all = all.map(|field| {
                    let value = field.value()?;
                    Some(format!("{}={value:?}", name(field.index())))
                });
                Some(all.collect::<Option<Vec<_>>>()?.join(" "))
            };
            let values = with_clean_values(event, write).flatten();
            self.0.lock().unwrap().push(values);
        }
    }

    #[test]
    fn all_values_are_lent_clean_and_as_the_kind_they_are() {
        let collector = Collector::default();
        with_default(&rooted(registry().with(collector.clone())), || {
            tracing::info!(
                to = "jane@example.org",
                token = "s3cr3t-value",
                ok = true,
                from = ?"here",
                none = Option::<u64>::None,
                few = -1,
                many = 1_u64,
                part = 0.5,
                "sent"
            );
            let error = std::io::Error::other("no");
            tracing::info!(error = &error as &dyn std::error::Error, "failed");
            tracing::info!(wide = 1_u128, "counted");
            tracing::info!(raw = &b"raw"[..], "read");
        });
        let all = [
            r#"message=Str("sent")"#,
            r#"to=Str("[EMAIL]")"#,
            r#"token=Str("[REDACTED]")"#,
            "ok=Bool(true)",
            "from=Str(\"\\\"here\\\"\")",
            "few=I64(-1)",
            "many=U64(1)",
            "part=F64(0.5)",
        ];
        let expected = [Some(all.join(" ")), None, None, None];
        assert_eq!(*collector.0.lock().unwrap(), expected);
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
