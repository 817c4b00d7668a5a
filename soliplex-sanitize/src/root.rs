//! The outermost subscriber: the one place from which every layer can be given clean values.
//!
//! A `Layer` sees an event, but its siblings see the same one; only what stands outside the whole
//! stack can hand it something else. [`Sanitize::sanitize`] puts such a root around any
//! subscriber. The root decides *where* values are rewritten and keeps filters judging the clean
//! event; how a value is rewritten is `rewrite`'s affair, and what is confidential is the rules'.

use std::{any::TypeId, cell::Cell, fmt, ptr};

use tracing_core::{
    Dispatch, Event, Interest, LevelFilter, Metadata, Subscriber,
    span::{Attributes, Current, Id, Record},
};

use crate::deaf::is_deaf;
use crate::{
    Rules,
    marker::SanitizedMarker,
    rewrite::{self, Rewriter},
};

/// Closes a stack of layers with the sanitizing root.
///
/// Implemented for every subscriber: a `registry().with(…)`, a `fmt().finish()`, one of your own.
pub trait Sanitize: Subscriber + Sized {
    /// Sanitizes every value before any layer of `self` sees it.
    ///
    /// Must come last: the result is no `Subscriber`, only something that turns into a
    /// [`Dispatch`], so that no layer can be put where it would see raw values.
    ///
    /// # Examples
    ///
    /// ```
    /// use soliplex_sanitize::{Rules, Sanitize as _};
    /// use tracing_subscriber::{fmt, prelude::*};
    ///
    /// tracing_subscriber::registry()
    ///     .with(fmt::layer())
    ///     .sanitize(Rules::standard())
    ///     .init();
    ///
    /// tracing::info!(user = "jane@example.org", "signed in"); // user="[EMAIL]"
    /// ```
    ///
    /// An existing set-up changes by one word:
    ///
    /// ```
    /// use soliplex_sanitize::{Rules, Sanitize as _};
    /// use tracing_subscriber::{fmt, util::SubscriberInitExt as _};
    ///
    /// fmt().json().finish().sanitize(Rules::standard()).init();
    /// ```
    ///
    /// A layer above the root does not compile …
    ///
    /// ```compile_fail,E0599
    /// use soliplex_sanitize::{Rules, Sanitize as _};
    /// use tracing_subscriber::{Layer, Registry, prelude::*};
    ///
    /// struct Peek;
    /// impl<S: tracing_core::Subscriber> Layer<S> for Peek {}
    ///
    /// let stack = Registry::default().sanitize(Rules::standard()).with(Peek);
    /// let _guard = stack.set_default();
    /// ```
    ///
    /// … and below it does:
    ///
    /// ```
    /// use soliplex_sanitize::{Rules, Sanitize as _};
    /// use tracing_subscriber::{Layer, Registry, prelude::*};
    ///
    /// struct Peek;
    /// impl<S: tracing_core::Subscriber> Layer<S> for Peek {}
    ///
    /// let stack = Registry::default().with(Peek).sanitize(Rules::standard());
    /// let _guard = stack.set_default();
    /// ```
    ///
    /// Nor can a stack be put below a layer by the layer's own method, or be sanitized twice:
    ///
    /// ```compile_fail,E0277
    /// # use soliplex_sanitize::{Rules, Sanitize as _};
    /// # use tracing_subscriber::{Layer, Registry, prelude::*};
    /// # struct Peek;
    /// # impl<S: tracing_core::Subscriber> Layer<S> for Peek {}
    /// let stack = Peek.with_subscriber(Registry::default().sanitize(Rules::standard()));
    /// ```
    fn sanitize(self, rules: impl Into<Rules>) -> SanitizedStack<Self> {
        SanitizedStack {
            root: Sanitized::new(self, rules.into()),
        }
    }
}

impl<S: Subscriber> Sanitize for S {}

/// A finished stack: every layer below the sanitizing root, and nothing above it.
///
/// It only turns into a [`Dispatch`], which gives it `init`, `try_init` and `set_default` through
/// `tracing_subscriber::util::SubscriberInitExt`. Made by [`Sanitize::sanitize`].
#[must_use = "a stack does nothing until it is installed, for instance with `.init()`"]
pub struct SanitizedStack<S> {
    root: Sanitized<S>,
}

impl<S> From<SanitizedStack<S>> for Dispatch
where
    S: Subscriber + Send + Sync,
{
    fn from(stack: SanitizedStack<S>) -> Dispatch {
        Dispatch::new(stack.root)
    }
}

impl<S> fmt::Debug for SanitizedStack<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SanitizedStack")
            .field("rewriter", &self.root.rewriter)
            .finish_non_exhaustive()
    }
}

// === impl Sanitized ===

/// The root itself. Crate-private: outside [`SanitizedStack`] a layer could be put above it.
struct Sanitized<S> {
    inner: S,
    rewriter: Rewriter,
    /// Present only when the rules do something; see [`crate::is_sanitized`].
    marker: Option<SanitizedMarker>,
}

impl<S: Subscriber> Sanitized<S> {
    fn new(inner: S, rules: Rules) -> Sanitized<S> {
        Sanitized {
            inner,
            marker: (!rules.is_none()).then(SanitizedMarker::new),
            rewriter: Rewriter::new(rules),
        }
    }

    /// Whether the inner stack still wants what `metadata` describes, now that it is rendered.
    ///
    /// Per-layer filters keep the verdict of `enabled` in thread-local state until the event
    /// arrives, and have room for one. A `Debug` that logs mixes up its own event's verdict with
    /// that of the event being rendered: a layer would be given what its filter had refused, or
    /// not get what it had asked for. So both events' filters are asked again.
    fn still_enabled(&self, metadata: &Metadata<'_>, calls_before: u64) -> bool {
        let undisturbed = CALLS.get() == calls_before && !rewrite::is_rendering();
        undisturbed || self.inner.enabled(metadata)
    }
}

impl<S: Subscriber> Subscriber for Sanitized<S> {
    fn event(&self, event: &Event<'_>) {
        if is_deaf() {
            return;
        }
        let calls = count_call();
        self.rewriter.event(event, |event| {
            // Filters on values judge the clean event, here and not in `event_enabled`.
            if self.still_enabled(event.metadata(), calls) && self.inner.event_enabled(event) {
                self.inner.event(event);
            }
        });
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        if is_deaf() || attributes.parent().is_some_and(is_unheard) {
            return Id::from_u64(UNHEARD);
        }
        let calls = count_call();
        self.rewriter.attributes(attributes, |attributes| {
            // Asked for its effect on the filters' state: the caller needs an id either way.
            self.still_enabled(attributes.metadata(), calls);
            self.inner.new_span(attributes)
        })
    }

    fn record(&self, span: &Id, record: &Record<'_>) {
        if is_deaf() || is_unheard(span) {
            return;
        }
        self.rewriter
            .record(record, |record| self.inner.record(span, record));
    }

    fn event_enabled(&self, _: &Event<'_>) -> bool {
        true
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        if is_deaf() {
            return false;
        }
        count_call();
        self.inner.enabled(metadata)
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.inner.register_callsite(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.inner.max_level_hint()
    }

    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        self.inner.on_register_dispatch(dispatch);
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        if !is_deaf() && !is_unheard(span) && !is_unheard(follows) {
            self.inner.record_follows_from(span, follows);
        }
    }

    fn enter(&self, span: &Id) {
        if !is_deaf() && !is_unheard(span) {
            self.inner.enter(span);
        }
    }

    fn exit(&self, span: &Id) {
        if !is_deaf() && !is_unheard(span) {
            self.inner.exit(span);
        }
    }

    // The application's own spans are counted wherever they are held: a deaf thread may be the last
    // to let go of one.
    fn clone_span(&self, span: &Id) -> Id {
        if is_unheard(span) {
            return span.clone();
        }
        self.inner.clone_span(span)
    }

    fn try_close(&self, span: Id) -> bool {
        !is_unheard(&span) && self.inner.try_close(span)
    }

    fn current_span(&self) -> Current {
        self.inner.current_span()
    }

    #[expect(
        unsafe_code,
        reason = "the trait's method is unsafe, and `SpanTrace` and its like must find the layers below"
    )]
    unsafe fn downcast_raw(&self, id: TypeId) -> Option<*const ()> {
        if id == TypeId::of::<Self>() {
            return Some(ptr::from_ref(self).cast());
        }
        if id == TypeId::of::<SanitizedMarker>() {
            return self
                .marker
                .as_ref()
                .map(|marker| ptr::from_ref(marker).cast());
        }
        // SAFETY: the same request is passed on, and the inner subscriber, which this one owns,
        // keeps the promise that the pointer is of type `id` and lives as long as `self`.
        unsafe { self.inner.downcast_raw(id) }
    }
}

/// The id of every span of a deaf thread, which may let go of it elsewhere. A registry that counts up
/// does not come as far.
const UNHEARD: u64 = u64::MAX;

fn is_unheard(span: &Id) -> bool {
    span.into_u64() == UNHEARD
}

/// Counts a call that may disturb the filters' state, and returns the count.
fn count_call() -> u64 {
    let calls = CALLS.get().wrapping_add(1);
    CALLS.set(calls);
    calls
}

thread_local! {
    /// Calls into any root by this thread that ask filters or consume their verdict.
    static CALLS: Cell<u64> = const { Cell::new(0) };
}
