//! How a layer learns whether what it receives has been sanitized.
//!
//! A layer that keeps or sends records must not trust that somebody wrapped it: it asks
//! [`is_sanitized`] in `on_register_dispatch` and, told no, sanitizes its own copy or refuses to
//! start. The answer is yes only where rules really run: a stack built with
//! [`Rules::none`](crate::Rules::none) carries no marker.
//!
//! Who carries the marker is decided in `root` and `layer`; this file only knows how to ask.

use std::cell::Cell;

use tracing_core::Dispatch;

/// Whether everything a layer of `dispatch` receives has been through the rules.
///
/// True for every layer below [`.sanitize(…)`](crate::Sanitize::sanitize), and for a layer inside
/// [`SanitizeLayer`](crate::SanitizeLayer) while its `on_register_dispatch` runs. A layer beside
/// a `SanitizeLayer` is told no: the neighbor's cleaning does nothing for it.
///
/// # Examples
///
/// A layer that refuses to work on raw values:
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// use soliplex_sanitize::{Rules, Sanitize as _, is_sanitized};
/// use tracing_core::{Dispatch, Subscriber};
/// use tracing_subscriber::{Layer, layer::SubscriberExt as _};
///
/// #[derive(Default)]
/// struct ExportLayer {
///     may_export: AtomicBool,
/// }
///
/// impl<S: Subscriber> Layer<S> for ExportLayer {
///     fn on_register_dispatch(&self, dispatch: &Dispatch) {
///         self.may_export.store(is_sanitized(dispatch), Ordering::Relaxed);
///     }
/// }
///
/// let registry = || tracing_subscriber::registry().with(ExportLayer::default());
/// let may_export = |dispatch: &Dispatch| {
///     let layer = dispatch.downcast_ref::<ExportLayer>().unwrap();
///     layer.may_export.load(Ordering::Relaxed)
/// };
/// assert!(!may_export(&Dispatch::new(registry())));
/// assert!(may_export(&registry().sanitize(Rules::standard()).into()));
/// ```
#[must_use]
pub fn is_sanitized(dispatch: &Dispatch) -> bool {
    INSIDE_SANITIZE_LAYER.get() || dispatch.is::<SanitizedMarker>()
}

/// What the root answers to a downcast when its rules do something.
#[derive(Debug)]
pub(crate) struct SanitizedMarker(());

impl SanitizedMarker {
    pub(crate) const fn new() -> SanitizedMarker {
        SanitizedMarker(())
    }
}

/// Runs `register`, during which [`is_sanitized`] holds on this thread.
///
/// A marker found by downcasting would speak for the whole stack, siblings included. Being inside
/// a wrapper is a property of the call, so it is kept with the call.
pub(crate) fn inside_sanitize_layer(register: impl FnOnce()) {
    /// Restores the answer of the surrounding call, also when `register` panics.
    struct Restore(bool);

    impl Drop for Restore {
        fn drop(&mut self) {
            INSIDE_SANITIZE_LAYER.set(self.0);
        }
    }

    let _restore = Restore(INSIDE_SANITIZE_LAYER.replace(true));
    register();
}

thread_local! {
    static INSIDE_SANITIZE_LAYER: Cell<bool> = const { Cell::new(false) };
}
