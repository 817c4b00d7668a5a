//! The layer that keeps breadcrumbs: of every event it sees, who tells, what, and when.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use soliplex_sanitize::{Rewriter, Rules, caught, is_deaf, want_clean_values, with_clean_values};
use tracing_core::field::Visit;
use tracing_core::{Dispatch, Event, Field, Metadata, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_subscriber::layer::{Context, Layer};

use super::text::Text;
use crate::capture::plan::{Plan, Plans};
use crate::capture::{Capture, severity};

/// Keeps the short form of recent events: what an error carries as its breadcrumbs, and what
/// [`Soliplex::recent`](crate::Soliplex::recent) shows.
///
/// Made by [`Soliplex::breadcrumb_layer`](crate::Soliplex::breadcrumb_layer). Takes every event it
/// is shown; to have it see fewer, give it a filter with
/// [`with_filter`](tracing_subscriber::Layer::with_filter).
///
/// Of an event it keeps time, severity, logger and message. The category is that of the field
/// `breadcrumb_category`, where there is one, and otherwise [follows from the
/// logger](crate::Builder::breadcrumb_category). Other fields are kept only of an event without a
/// message, in its place, as `name=value`: to write them all would cost more than all the rest.
#[derive(Debug)]
pub struct BreadcrumbLayer {
    capture: Arc<Capture>,
    rewriter: Rewriter,
    /// Whether the rules change anything at all.
    has_rules: bool,
    /// Whether to keep nothing without a root.
    strict: bool,
    /// Whether there is nothing to sanitize here: a root above has done it, or there are no rules.
    clean: AtomicBool,
    /// Whether it counts as one that hands over what is logged.
    collects: AtomicBool,
}

/// The field by which an event says what kind of thing it tells of.
pub(crate) const CATEGORY: &str = "breadcrumb_category";

/// Bytes of a category that are rendered, several times those that are kept.
const MAX_RENDERED_BYTES: usize = 1024;

/// What a value becomes when its own `Debug` or `Display` panics.
const UNPRINTABLE: &str = "[UNPRINTABLE]";

impl BreadcrumbLayer {
    pub(crate) fn new(capture: Arc<Capture>, rules: Rules, strict: bool) -> BreadcrumbLayer {
        want_clean_values();
        BreadcrumbLayer {
            capture,
            has_rules: !rules.is_none(),
            clean: AtomicBool::new(rules.is_none()),
            rewriter: Rewriter::new(rules),
            strict,
            collects: AtomicBool::new(false),
        }
    }

    /// Says whether what is logged comes by here: whether this is installed and does not refuse.
    fn set_collects(&self, collects: bool) {
        if self.collects.swap(collects, Ordering::Relaxed) != collects {
            self.capture.breadcrumbs.set_collected(collects);
        }
    }

    fn is_clean(&self) -> bool {
        self.clean.load(Ordering::Relaxed)
    }

    fn keep(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        // All records of the bridge have this target; to ask the bridge itself costs more.
        let bridged = (metadata.target() == "log").then(|| event.normalized_metadata());
        let bridged = bridged.flatten();
        self.keep_as(event, bridged.as_ref().unwrap_or(metadata));
    }

    fn keep_as(&self, event: &Event<'_>, metadata: &Metadata<'_>) {
        let severity = severity(metadata.level());
        let unix_nanos = self.capture.clock.unix_nanos();
        // Before it is kept: what ends a silence is a breadcrumb of the session that it begins.
        self.capture.note_time(unix_nanos);
        let breadcrumbs = &self.capture.breadcrumbs;
        let ticket = Text::with(|text| {
            text.begin(metadata.target());
            if !take_message(&self.capture.plans, event, text) {
                event.record(&mut Fields { text });
            }
            if !text.has_message() {
                event.record(&mut Pairs { text });
            }
            breadcrumbs.write(severity, unix_nanos, text)
        });
        if let Some(ticket) = ticket {
            breadcrumbs.remember_own(ticket, unix_nanos);
        }
    }
}

impl<S: Subscriber> Layer<S> for BreadcrumbLayer {
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        let clean = soliplex_sanitize::is_sanitized(dispatch) || !self.has_rules;
        self.clean.store(clean, Ordering::Relaxed);
        if !clean {
            self.capture.diagnostics.note_unsanitized_stack();
        }
        self.set_collects(clean || !self.strict);
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if is_deaf() || !self.capture.takes() {
            return;
        }
        match self.is_clean() {
            true => self.keep(event),
            // A breadcrumb is no record: the export layer counts what is given up.
            false if self.strict => {}
            false => self.rewriter.event(event, |event| self.keep(event)),
        }
    }
}

/// With its subscriber gone nothing comes by any more.
impl Drop for BreadcrumbLayer {
    fn drop(&mut self) {
        self.set_collects(false);
    }
}

/// Takes the message that the root has printed, if it is still there and all that there is to keep.
#[inline]
fn take_message(plans: &Plans, event: &Event<'_>, text: &mut Text) -> bool {
    let plan = || Plan::of_event(event);
    let lends = |plan: &Plan| plan.says_once && !plan.categorizes;
    if !plans.with(event.metadata(), plan, lends) {
        return false;
    }
    with_clean_values(event, |values| {
        values.message().map(|message| text.push(message))
    })
    .flatten()
    .is_some()
}

/// Finds the message and the category among an event's fields.
struct Fields<'a> {
    text: &'a mut Text,
}

impl Visit for Fields<'_> {
    #[inline]
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => render(self.text, value),
            CATEGORY => self.text.set_category(&rendered(value)),
            _ => {}
        }
    }

    #[inline]
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.text.push(value),
            CATEGORY => self.text.set_category(value),
            _ => {}
        }
    }

    // The others would be rendered on their way to `record_debug`.
    fn record_f64(&mut self, _: &Field, _: f64) {}
    fn record_i64(&mut self, _: &Field, _: i64) {}
    fn record_u64(&mut self, _: &Field, _: u64) {}
    fn record_bool(&mut self, _: &Field, _: bool) {}
    fn record_error(&mut self, _: &Field, _: &(dyn Error + 'static)) {}
}

/// Writes all fields in the place of a message.
struct Pairs<'a> {
    text: &'a mut Text,
}

impl Visit for Pairs<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = &mut *self.text;
        let name = field.name();
        // A bridged `log` record brings its own metadata along as fields.
        if text.is_full() || name == CATEGORY || name.starts_with("log.") {
            return;
        }
        if text.has_message() {
            text.push(" ");
        }
        text.push(name);
        text.push("=");
        let _ = caught(|| write!(text, "{value:?}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

/// Renders what is not ours to trust: a `Debug` that panics ends here, not in the application.
#[inline]
fn render(text: &mut Text, value: &dyn fmt::Debug) {
    let written = caught(|| write!(text, "{value:?}"));
    let failed = match written {
        Ok(Ok(())) => false,
        // An error is how a full text stops a value that prints without end.
        Ok(Err(_)) => !text.is_full(),
        Err(_) => true,
    };
    if failed {
        text.clear_message();
        text.push(UNPRINTABLE);
    }
}

/// The value's text, at most [`MAX_RENDERED_BYTES`] of it.
fn rendered(value: &dyn fmt::Debug) -> String {
    let mut rendered = Bounded(String::new());
    let written = caught(|| write!(rendered, "{value:?}"));
    // A character is never split, so up to three bytes may be left.
    let is_full = rendered.0.len() + 3 >= MAX_RENDERED_BYTES;
    match written {
        Ok(Ok(())) => rendered.0,
        Ok(Err(_)) if is_full => rendered.0,
        _ => UNPRINTABLE.to_owned(),
    }
}

/// Takes so many bytes and then fails.
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut end = (MAX_RENDERED_BYTES - self.0.len()).min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.0.push_str(&text[..end]);
        if end < text.len() {
            return Err(fmt::Error);
        }
        Ok(())
    }
}
