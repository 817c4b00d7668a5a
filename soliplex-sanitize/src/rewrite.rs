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
//! The rooms, in the order a value passes them: `scope` finds the rules of its logger, `scratch`
//! lends the memory, `render` prints it or leaves a number alone, `keys` remembers what the rules
//! say of its name, `error` cleans a source chain, `settle` cleans all text of the event, `values`
//! builds tracing's own shapes again.

mod error;
mod keys;
mod limits;
mod render;
mod scope;
mod scratch;
mod settle;
mod values;

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use tracing_core::{
    Event, Field,
    span::{Attributes, Record},
};

pub(crate) use self::render::is_rendering;
use self::{render::Renderer, scope::Scopes, scratch::Scratch};
use crate::Rules;

/// Rewrites what passes through one root or one wrapped layer.
pub(crate) struct Rewriter {
    rules: Rules,
    scopes: Scopes,
    id: RewriterId,
}

/// Tells the key verdicts of one rewriter from another's in a cache they share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RewriterId(u64);

impl Rewriter {
    pub(crate) fn new(rules: Rules) -> Rewriter {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Rewriter {
            rules,
            scopes: Scopes::default(),
            id: RewriterId(NEXT.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// Whether the rules do anything at all.
    pub(crate) fn sanitizes(&self) -> bool {
        !self.rules.is_none()
    }

    /// Hands `deliver` the clean form of `event`.
    pub(crate) fn event<R>(&self, event: &Event<'_>, deliver: impl FnOnce(&Event<'_>) -> R) -> R {
        let metadata = event.metadata();
        let rules = self.scopes.of_event(&self.rules, event);
        Scratch::with(|scratch| {
            event.record(&mut Renderer::new(rules, self.id, scratch));
            settle::settle(rules, scratch);
            let unvisited = |_: &Field| false;
            values::for_fields(scratch, metadata.fields(), unvisited, |values| {
                let event = if event.is_contextual() {
                    Event::new(metadata, values)
                } else {
                    Event::new_child_of(event.parent().cloned(), metadata, values)
                };
                deliver(&event)
            })
        })
    }

    /// Hands `deliver` the clean form of a new span's `attributes`.
    pub(crate) fn attributes<R>(
        &self,
        attributes: &Attributes<'_>,
        deliver: impl FnOnce(&Attributes<'_>) -> R,
    ) -> R {
        let metadata = attributes.metadata();
        let rules = self.scopes.of_span(&self.rules, attributes);
        Scratch::with(|scratch| {
            attributes.record(&mut Renderer::new(rules, self.id, scratch));
            settle::settle(rules, scratch);
            // A field announced as `Empty` is not visited, yet a layer may ask for its presence.
            let unvisited = |field: &Field| attributes.contains(field);
            values::for_fields(scratch, metadata.fields(), unvisited, |values| {
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
    /// more values than [`limits::MAX_RECORD_VALUES`].
    pub(crate) fn record(&self, record: &Record<'_>, deliver: impl FnMut(&Record<'_>)) {
        let rules = self.scopes.of_record(&self.rules, record);
        Scratch::with(|scratch| {
            record.record(&mut Renderer::new(rules, self.id, scratch).keeping_fields());
            settle::settle(rules, scratch);
            values::for_record(scratch, deliver);
        });
    }
}

impl fmt::Debug for Rewriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rewriter")
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}
