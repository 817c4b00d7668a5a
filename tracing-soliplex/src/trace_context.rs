//! Which trace and span a record belongs to: the tracing layer beside ours is asked, and where there
//! is none, no ids are invented.

use std::fmt;
use std::sync::Arc;

use soliplex_wire::{SpanId, TraceId};
use tracing_core::{Dispatch, span};

/// Asks a tracing layer for a span's real ids.
#[derive(Clone)]
pub(crate) struct TraceContextHook(Arc<Find>);

type Find = dyn Fn(&span::Id, &Dispatch) -> Option<(TraceId, SpanId)> + Send + Sync;

impl TraceContextHook {
    pub(crate) fn new(
        find: impl Fn(&span::Id, &Dispatch) -> Option<(TraceId, SpanId)> + Send + Sync + 'static,
    ) -> TraceContextHook {
        TraceContextHook(Arc::new(find))
    }

    /// The hook of an application that has chosen none: the layer of tracing-opentelemetry, where
    /// this crate is built to know it.
    pub(crate) fn unless_chosen() -> Option<TraceContextHook> {
        #[cfg(feature = "tracing-opentelemetry")]
        return Some(TraceContextHook::new(of_opentelemetry));
        #[cfg(not(feature = "tracing-opentelemetry"))]
        None
    }

    pub(crate) fn find(&self, span: &span::Id, stack: &Dispatch) -> Option<(TraceId, SpanId)> {
        (self.0)(span, stack)
    }
}

/// The ids that the OpenTelemetry layer of this stack has given the span, if it knows it.
#[cfg(feature = "tracing-opentelemetry")]
fn of_opentelemetry(span: &span::Id, stack: &Dispatch) -> Option<(TraceId, SpanId)> {
    use opentelemetry::trace::TraceContextExt as _;

    let context = tracing_opentelemetry::get_otel_context(span, stack)?;
    let span = context.span();
    let ids = span.span_context();
    // Zeros stand for none, and are none here either.
    let trace_id = TraceId::from_bytes(ids.trace_id().to_bytes())?;
    let span_id = SpanId::from_bytes(ids.span_id().to_bytes())?;
    Some((trace_id, span_id))
}

impl fmt::Debug for TraceContextHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TraceContextHook")
    }
}
