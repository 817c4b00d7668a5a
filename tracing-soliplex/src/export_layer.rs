//! The layer an application installs: every event it sees becomes a record on its way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use soliplex_sanitize::{Rewriter, Rules, is_deaf, want_clean_values, with_clean_values};
use soliplex_wire::{Severity, SpanId, TraceId};
use tracing_core::dispatcher::WeakDispatch;
use tracing_core::field::Visit;
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Dispatch, Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, Scope, SpanRef};

use crate::breadcrumbs::Breadcrumbs;
use crate::capture::fields::{EventFields, SpanFields};
use crate::capture::plan::Plan;
use crate::capture::visitor::Visitor;
use crate::capture::{Capture, severity};
use crate::diagnostics::DiscardReason;
use crate::trace_context::TraceContextHook;

/// Turns events into records and hands them to the pipeline.
///
/// Made by [`Soliplex::export_layer`](crate::Soliplex::export_layer). Takes every event it is
/// shown; to have it see fewer, give it a filter with
/// [`with_filter`](tracing_subscriber::Layer::with_filter).
///
/// A record's attributes are the event's fields and then those of the enclosing spans, the
/// nearest first; a name that occurs twice keeps its nearest value. `span.name` is the nearest
/// span, `span.path` all of them from the outermost, joined by `:`.
#[derive(Debug)]
pub struct ExportLayer {
    capture: Arc<Capture>,
    rewriter: Rewriter,
    /// Whether to capture nothing without a root.
    strict: bool,
    /// Whether the rules change anything at all.
    has_rules: bool,
    /// Whether there is nothing to sanitize here: a root above has done it, or there are no rules.
    clean: AtomicBool,
    /// The whole stack, for the trace context's hook.
    dispatch: OnceLock<WeakDispatch>,
    trace_context: Option<TraceContextHook>,
}

impl ExportLayer {
    pub(crate) fn new(
        capture: Arc<Capture>,
        rules: Rules,
        strict: bool,
        trace_context: Option<TraceContextHook>,
    ) -> ExportLayer {
        want_clean_values();
        ExportLayer {
            capture,
            strict,
            has_rules: !rules.is_none(),
            clean: AtomicBool::new(rules.is_none()),
            rewriter: Rewriter::new(rules),
            dispatch: OnceLock::new(),
            trace_context,
        }
    }

    fn is_clean(&self) -> bool {
        self.clean.load(Ordering::Relaxed)
    }

    /// The span whose fields are to be kept; without consent none are, for a later record would tell
    /// them.
    fn span_to_keep<'s, S>(&self, id: &Id, context: &'s Context<'_, S>) -> Option<SpanRef<'s, S>>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let denied = self.capture.denied.load(Ordering::Relaxed);
        context.span(id).filter(|_| !denied)
    }

    fn forgotten(&self) -> u64 {
        self.capture.forgotten.load(Ordering::Acquire)
    }

    /// Fields of a span, whether new or recorded later, as `record` shows them.
    fn span_fields(
        &self,
        forgotten: u64,
        metadata: &'static Metadata<'static>,
        record: impl FnOnce(&mut dyn Visit),
    ) -> SpanFields {
        let mut fields = SpanFields::new(forgotten);
        let plan = || Plan::of_span(metadata);
        self.capture.plans.with(metadata, plan, |plan| {
            record(&mut Visitor {
                plan,
                rendered: &mut String::new(),
                to: &mut fields,
            });
        });
        fields
    }

    fn capture_event<S>(&self, event: &Event<'_>, plan: &Plan, context: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let severity = severity(event.metadata().level());
        let own = self.capture.breadcrumbs.take_own();
        self.capture.record_opened(
            severity,
            own.map(|own| own.unix_nanos),
            |packed| plan.begin(packed, event),
            |members, texts, scratch| {
                let mut fields = EventFields::new(members, texts, plan);
                // From the root's memory if it is at hand, or shown one by one.
                if with_clean_values(event, |values| fields.take_all(values)) != Some(true) {
                    event.record(&mut Visitor {
                        plan,
                        rendered: &mut scratch.rendered,
                        to: &mut fields,
                    });
                }
                let scope = context.event_scope(event);
                let trace = self.write_scope(scope, &mut fields, &mut scratch.path);
                fields.end();
                if let Some((trace_id, span_id)) = trace {
                    members.trace(trace_id, span_id);
                }
                if severity >= Severity::Error {
                    self.capture.breadcrumbs.attach(members, own);
                }
            },
        );
    }

    fn trace_of(&self, span: &Id) -> Option<(TraceId, SpanId)> {
        let hook = self.trace_context.as_ref()?;
        hook.find(span, &self.dispatch.get()?.upgrade()?)
    }

    fn write_scope<'r, S: LookupSpan<'r>>(
        &self,
        scope: Option<Scope<'r, S>>,
        fields: &mut EventFields<'_, '_>,
        path: &mut String,
    ) -> Option<(TraceId, SpanId)> {
        let mut trace = None;
        let mut nearest = None;
        let (scope, forgotten) = (scope?, self.forgotten());
        for span in scope {
            let extensions = span.extensions();
            let told = extensions.get::<SpanFields>();
            if let Some(values) = told.filter(|values| values.is_known(forgotten)) {
                fields.inherit(values);
            }
            drop(extensions);
            // Asked while no lock on the span is held: the tracing layer takes one.
            trace = trace.or_else(|| self.trace_of(&span.id()));
            nearest = nearest.or(Some(span.name()));
            if !path.is_empty() {
                path.insert(0, ':');
            }
            path.insert_str(0, span.name());
        }
        if let Some(name) = nearest {
            fields.add("span.name", name);
            fields.add("span.path", path);
        }
        trace
    }
}

impl<S> Layer<S> for ExportLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        let clean = soliplex_sanitize::is_sanitized(dispatch) || !self.has_rules;
        self.clean.store(clean, Ordering::Relaxed);
        let _ = self.dispatch.set(dispatch.downgrade());
        if !clean {
            self.capture.diagnostics.note_unsanitized_stack();
        }
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if is_deaf() {
            return;
        }
        // Before consent is looked at: withdrawn in between, the fields are forgotten.
        let forgotten = self.forgotten();
        let Some(span) = self.span_to_keep(id, &context) else {
            return;
        };
        let keep = |attributes: &Attributes<'_>| {
            // Rendered before the span's extensions are locked: a value's `Debug` may look at spans.
            let fields = self.span_fields(forgotten, span.metadata(), |visitor| {
                attributes.record(visitor)
            });
            span.extensions_mut().replace(fields);
        };
        match self.is_clean() {
            true => keep(attributes),
            false => self.rewriter.attributes(attributes, keep),
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if is_deaf() {
            return;
        }
        // Before consent is looked at: withdrawn in between, the fields are forgotten.
        let forgotten = self.forgotten();
        let Some(span) = self.span_to_keep(id, &context) else {
            return;
        };
        let keep = |values: &Record<'_>| {
            let late =
                self.span_fields(forgotten, span.metadata(), |visitor| values.record(visitor));
            let mut extensions = span.extensions_mut();
            match extensions.get_mut::<SpanFields>() {
                Some(fields) if fields.is_known(forgotten) => fields.extend(&late),
                _ => {
                    extensions.replace(late);
                }
            }
        };
        match self.is_clean() {
            true => keep(values),
            false => self.rewriter.record(values, keep),
        }
    }

    fn event_enabled(&self, _: &Event<'_>, _: Context<'_, S>) -> bool {
        // Asked of all layers before any of them gets the event.
        Breadcrumbs::forget_own();
        true
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if is_deaf() {
            return;
        }
        let keep = |event: &Event<'_>| {
            let plan = || Plan::of_event(event);
            self.capture.plans.with(event.metadata(), plan, |plan| {
                self.capture_event(event, plan, &context);
            });
        };
        match self.is_clean() {
            true => keep(event),
            false if self.strict => self.capture.refuse(DiscardReason::Unsanitized),
            false => self.rewriter.event(event, keep),
        }
    }
}
