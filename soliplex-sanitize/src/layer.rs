//! Sanitizing for one layer, where the root belongs to somebody else.
//!
//! Second best, and honest about it: see [`SanitizeLayer`]. The rewriting itself is `rewrite`'s.

use std::{any::TypeId, fmt, ptr};

use tracing_core::{
    Dispatch, Event, Interest, LevelFilter, Metadata, Subscriber,
    span::{Attributes, Id, Record},
};
use tracing_subscriber::layer::{Context, Layer};

use crate::{Rules, deaf::is_deaf, marker, rewrite::Rewriter};

/// A layer, or several, that see only clean values; their siblings still see raw ones.
///
/// For a library or plug-in that is handed a stack it does not own. Whoever owns the stack should
/// take [`Sanitize::sanitize`](crate::Sanitize::sanitize) instead: it covers every layer, renders
/// each value once for all of them, and nothing can be put above it.
///
/// # What it cannot do
///
/// - **Siblings see raw values**, and so does anything that reads what they left behind.
/// - **`fmt` layers share span text.** Each keeps the formatted fields of a span in the span's
///   extensions under the type `FormattedFields<N>`, `N` being its field formatter, and the first
///   one to write wins. A raw `fmt` layer with the same `N` *beside* the wrapped one thus supplies
///   the wrapped one with raw span text, or the wrapped one supplies the other with clean text,
///   whichever was added first. Give the wrapped layer a field formatter of a type of its own
///   (`fmt_fields`), or wrap both.
/// - **Work is done twice where it counts**: values are rendered once for `event_enabled` and once
///   for `on_event`, and again by every other wrapper in the stack.
/// - **A `Debug` that logs disturbs the filters inside.** Per-layer filters keep their verdict in
///   thread-local state, and a nested event overwrites it. Put filters outside:
///   `SanitizeLayer::new(layer, rules).with_filter(filter)`.
///
/// # Examples
///
/// ```
/// use soliplex_sanitize::{Rules, SanitizeLayer};
/// use tracing_subscriber::{fmt, prelude::*};
///
/// let both = fmt::layer().and_then(fmt::layer().json());
/// let stack = tracing_subscriber::registry().with(SanitizeLayer::new(both, Rules::standard()));
/// let _guard = stack.set_default();
/// ```
pub struct SanitizeLayer<L> {
    inner: L,
    rewriter: Rewriter,
}

impl<L> SanitizeLayer<L> {
    /// Sanitizes what `layer` sees; several are wrapped at once as a `Vec` or with `and_then`.
    pub fn new(layer: L, rules: impl Into<Rules>) -> SanitizeLayer<L> {
        SanitizeLayer {
            inner: layer,
            rewriter: Rewriter::new(rules.into()),
        }
    }
}

impl<L, S> Layer<S> for SanitizeLayer<L>
where
    L: Layer<S>,
    S: Subscriber,
{
    fn event_enabled(&self, event: &Event<'_>, ctx: Context<'_, S>) -> bool {
        // Not refused: the layers beside this one are asked for themselves.
        if is_deaf() {
            return true;
        }
        self.rewriter
            .event(event, |event| self.inner.event_enabled(event, ctx))
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        if is_deaf() {
            return;
        }
        self.rewriter
            .event(event, |event| self.inner.on_event(event, ctx));
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        if is_deaf() {
            return;
        }
        self.rewriter.attributes(attributes, |attributes| {
            self.inner.on_new_span(attributes, id, ctx);
        });
    }

    fn on_record(&self, span: &Id, record: &Record<'_>, ctx: Context<'_, S>) {
        if is_deaf() {
            return;
        }
        self.rewriter.record(record, |record| {
            self.inner.on_record(span, record, ctx.clone());
        });
    }

    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        if self.rewriter.sanitizes() {
            marker::inside_sanitize_layer(|| self.inner.on_register_dispatch(dispatch));
        } else {
            self.inner.on_register_dispatch(dispatch);
        }
    }

    fn on_layer(&mut self, subscriber: &mut S) {
        self.inner.on_layer(subscriber);
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.inner.register_callsite(metadata)
    }

    fn enabled(&self, metadata: &Metadata<'_>, ctx: Context<'_, S>) -> bool {
        self.inner.enabled(metadata, ctx)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.inner.max_level_hint()
    }

    fn on_follows_from(&self, span: &Id, follows: &Id, ctx: Context<'_, S>) {
        if !is_deaf() {
            self.inner.on_follows_from(span, follows, ctx);
        }
    }

    fn on_enter(&self, id: &Id, ctx: Context<'_, S>) {
        if !is_deaf() {
            self.inner.on_enter(id, ctx);
        }
    }

    fn on_exit(&self, id: &Id, ctx: Context<'_, S>) {
        if !is_deaf() {
            self.inner.on_exit(id, ctx);
        }
    }

    fn on_close(&self, id: Id, ctx: Context<'_, S>) {
        self.inner.on_close(id, ctx);
    }

    fn on_id_change(&self, old: &Id, new: &Id, ctx: Context<'_, S>) {
        self.inner.on_id_change(old, new, ctx);
    }

    #[expect(
        unsafe_code,
        reason = "the trait's method is unsafe, and per-layer filters inside announce themselves by it"
    )]
    unsafe fn downcast_raw(&self, id: TypeId) -> Option<*const ()> {
        if id == TypeId::of::<Self>() {
            return Some(ptr::from_ref(self).cast());
        }
        // SAFETY: the same request is passed on, and the inner layer, which this one owns, keeps
        // the promise that the pointer is of type `id` and lives as long as `self`.
        unsafe { self.inner.downcast_raw(id) }
    }
}

impl<L> fmt::Debug for SanitizeLayer<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SanitizeLayer")
            .field("rewriter", &self.rewriter)
            .finish_non_exhaustive()
    }
}
