//! Rewriting: the same event, span or late record with clean values.
//!
//! Every value is rendered exactly once, sanitized, and passed on as rendered, with the original
//! static metadata and parent. "Probe it, and if it is clean pass the original" would not do: a
//! `Debug` may print something else the next time.
//!
//! No lock and no borrow is held while foreign code (`Debug`, `Display`, `Error::source`) runs, so
//! a value that logs from inside its own `Debug` comes back in here freely, up to
//! [`limits::MAX_NESTED_RENDERINGS`].
//!
//! The rooms, in the order a value passes them: `scope` finds the rules of its logger, which know
//! what they say of its callsite's names; `scratch` lends the memory, `render` keeps each value's
//! kind and has it printed (`print`), `error` cleans a source chain, `settle` cleans all text of the
//! event unless `repeat` knows it, `values` builds tracing's own shapes again, and `lend` leaves the
//! values to layers that need no such shapes.

mod error;
mod lend;
mod limits;
mod print;
mod render;
mod repeat;
mod scope;
mod scratch;
mod settle;
mod values;

use std::fmt;

use tracing_core::{
    Event,
    span::{Attributes, Record},
};

pub use self::lend::{CleanField, CleanValue, CleanValues, want_clean_values, with_clean_values};
pub(crate) use self::print::is_rendering;
use self::{render::Renderer, scratch::Scratch};
use crate::Rules;

/// Rewrites what passes through one root or one layer: the same event, span or late record, with
/// clean values.
///
/// For a layer that keeps or sends what it sees and may find itself without a root above: told no
/// by [`is_sanitized`](crate::is_sanitized), it takes its copy from here, by the same road as the
/// root's. Where the layer can be wrapped instead, [`SanitizeLayer`](crate::SanitizeLayer) does it.
///
/// ```
/// use soliplex_sanitize::{Rewriter, Rules};
/// use tracing_core::{Event, Subscriber};
/// use tracing_subscriber::layer::{Context, Layer};
///
/// struct KeepingLayer {
///     rewriter: Rewriter,
/// }
///
/// impl<S: Subscriber> Layer<S> for KeepingLayer {
///     fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
///         self.rewriter.event(event, |clean| println!("{clean:?}"));
///     }
/// }
///
/// let layer = KeepingLayer { rewriter: Rewriter::new(Rules::standard()) };
/// ```
pub struct Rewriter {
    rules: Rules,
}

impl Rewriter {
    /// Rewrites by these rules, or by those that they hold for the logger in question.
    pub fn new(rules: Rules) -> Rewriter {
        Rewriter { rules }
    }

    /// Whether the rules do anything at all.
    pub(crate) fn sanitizes(&self) -> bool {
        !self.rules.is_none()
    }

    /// Hands `deliver` the clean form of `event`.
    pub fn event<R>(&self, event: &Event<'_>, deliver: impl FnOnce(&Event<'_>) -> R) -> R {
        let metadata = event.metadata();
        let rules = scope::of_event(&self.rules, event);
        let names = rules.names(metadata.callsite());
        let fill = |scratch: &mut Scratch| {
            event.record(&mut Renderer::new(rules, &names.names, scratch));
            settle::settle(rules, names, metadata.fields(), scratch);
        };
        Scratch::with(fill, |scratch| {
            values::for_fields(scratch, metadata.fields(), None, |values| {
                let event = if event.is_contextual() {
                    Event::new(metadata, values)
                } else {
                    Event::new_child_of(event.parent().cloned(), metadata, values)
                };
                lend::while_on_its_way(&event, scratch, || deliver(&event))
            })
        })
    }

    /// Hands `deliver` the clean form of a new span's `attributes`.
    pub fn attributes<R>(
        &self,
        attributes: &Attributes<'_>,
        deliver: impl FnOnce(&Attributes<'_>) -> R,
    ) -> R {
        let metadata = attributes.metadata();
        let rules = scope::of_span(&self.rules, attributes);
        let names = rules.names(metadata.callsite());
        let fill = |scratch: &mut Scratch| {
            attributes.record(&mut Renderer::new(rules, &names.names, scratch));
            settle::settle(rules, names, metadata.fields(), scratch);
        };
        Scratch::with(fill, |scratch| {
            // A field announced as `Empty` is not visited, yet a layer may ask for its presence.
            let announcing = Some(attributes);
            values::for_fields(scratch, metadata.fields(), announcing, |values| {
                let attributes = match attributes.parent() {
                    Some(parent) => Attributes::child_of(parent.clone(), metadata, values),
                    None if attributes.is_root() => Attributes::new_root(metadata, values),
                    None => Attributes::new(metadata, values),
                };
                deliver(&attributes)
            })
        })
    }

    /// Hands `deliver` the clean form of a late `record`; more than once only if the record has
    /// more than 256 values.
    pub fn record(&self, record: &Record<'_>, deliver: impl FnMut(&Record<'_>)) {
        let rules = scope::of_record(&self.rules, record);
        let fill = |scratch: &mut Scratch| {
            record.record(&mut Renderer::of_record(rules, scratch));
            settle::look(rules, None, scratch);
        };
        Scratch::with(fill, |scratch| values::for_record(scratch, deliver));
    }
}

impl fmt::Debug for Rewriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rewriter")
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}
