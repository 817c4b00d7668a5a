//! The layer that keeps breadcrumbs: of every event it sees, who tells, what, and when.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use soliplex_sanitize::{KeyVerdict, Rules, caught};
use tracing_core::field::Visit;
use tracing_core::{Dispatch, Event, Field, Metadata, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_subscriber::layer::{Context, Layer};

use super::text::Text;
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
    rules: Rules,
    /// Whether to keep nothing without a root.
    strict: bool,
    /// Whether there is nothing to sanitize here: a root above has done it, or there are no rules.
    clean: AtomicBool,
    /// Whether it counts as one that hands over what is logged.
    collects: AtomicBool,
}

/// The field by which an event says what kind of thing it tells of.
const CATEGORY: &str = "breadcrumb_category";

/// Bytes of a text that is sanitized here. Of this a few hundred are kept, so that where it is cut
/// is far behind what is.
const MAX_TEXT_BYTES: usize = 64 * 1024;

/// What a value becomes when its own `Debug` or `Display` panics.
const UNPRINTABLE: &str = "[UNPRINTABLE]";

/// What takes a redacted number's place when the stack has no sanitizing root.
const REDACTED: &str = "[REDACTED]";

impl BreadcrumbLayer {
    pub(crate) fn new(capture: Arc<Capture>, rules: Rules, strict: bool) -> BreadcrumbLayer {
        BreadcrumbLayer {
            capture,
            clean: AtomicBool::new(rules.is_none()),
            rules,
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

    /// The rules to run on what arrives: none when that was done above, or when there are none.
    fn rules(&self) -> Option<&Rules> {
        (!self.clean.load(Ordering::Relaxed)).then_some(&self.rules)
    }

    fn keep(&self, event: &Event<'_>, metadata: &Metadata<'_>, rules: Option<&Rules>) {
        let severity = severity(metadata.level());
        let unix_nanos = self.capture.clock.unix_nanos();
        // Before it is kept: what ends a silence is a breadcrumb of the session that it begins.
        self.capture.note_time(unix_nanos);
        let breadcrumbs = &self.capture.breadcrumbs;
        let ticket = Text::with(|text| {
            text.begin(metadata.target());
            let rules = rules.map(|rules| rules.for_logger(metadata.target()));
            event.record(&mut Fields { text, rules });
            if !text.has_message() {
                event.record(&mut Pairs(Fields { text, rules }));
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
        let clean = soliplex_sanitize::is_sanitized(dispatch) || self.rules.is_none();
        self.clean.store(clean, Ordering::Relaxed);
        if !clean {
            self.capture.diagnostics.note_unsanitized_stack();
        }
        let refuses = self.strict && self.rules().is_some();
        self.set_collects(!refuses);
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let rules = self.rules();
        if (self.strict && rules.is_some()) || !self.capture.takes() {
            return;
        }
        let metadata = event.metadata();
        // All records of the bridge have this target; to ask the bridge itself costs more.
        let bridged = (metadata.target() == "log").then(|| event.normalized_metadata());
        let bridged = bridged.flatten();
        self.keep(event, bridged.as_ref().unwrap_or(metadata), rules);
    }
}

/// With its subscriber gone nothing comes by any more.
impl Drop for BreadcrumbLayer {
    fn drop(&mut self) {
        self.set_collects(false);
    }
}

/// Finds the message and the category among an event's fields.
struct Fields<'a> {
    text: &'a mut Text,
    /// Present when the stack does not sanitize: then this copy is.
    rules: Option<&'a Rules>,
}

impl Fields<'_> {
    fn message(&mut self, value: &dyn fmt::Debug) {
        let Some(rules) = self.rules else {
            return render(self.text, value);
        };
        // Whole first: half a secret would not be recognized.
        let rendered = rendered(value);
        self.text.push(&rules.sanitize_value("message", &rendered));
    }

    fn category(&mut self, name: &str) {
        let clean = match self.rules {
            None => Cow::Borrowed(name),
            Some(rules) if rules.key(CATEGORY) == KeyVerdict::Drop => return,
            Some(rules) => rules.sanitize_value(CATEGORY, name),
        };
        self.text.set_category(&clean);
    }
}

impl Visit for Fields<'_> {
    #[inline]
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message(value),
            CATEGORY => self.category(&rendered(value)),
            _ => {}
        }
    }

    #[inline]
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" if self.rules.is_none() => self.text.push(value),
            "message" => self.message(&format_args!("{value}")),
            CATEGORY => self.category(value),
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
struct Pairs<'a>(Fields<'a>);

impl Visit for Pairs<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let Fields { text, rules } = &mut self.0;
        let name = field.name();
        let verdict = rules.map_or(KeyVerdict::Keep, |rules| rules.key(name));
        // A bridged `log` record brings its own metadata along as fields.
        if text.is_full()
            || name == CATEGORY
            || name.starts_with("log.")
            || verdict == KeyVerdict::Drop
        {
            return;
        }
        if text.has_message() {
            text.push(" ");
        }
        text.push(name);
        text.push("=");
        match rules {
            None => {
                let _ = caught(|| write!(text, "{value:?}"));
            }
            Some(_) if verdict == KeyVerdict::Redact => text.push(REDACTED),
            Some(rules) => text.push(&rules.sanitize_value(name, &rendered(value))),
        }
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

/// The value's text, at most [`MAX_TEXT_BYTES`] of it.
fn rendered(value: &dyn fmt::Debug) -> String {
    let mut rendered = Bounded(String::new());
    let written = caught(|| write!(rendered, "{value:?}"));
    let is_full = rendered.0.len() >= MAX_TEXT_BYTES;
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
        let mut end = (MAX_TEXT_BYTES - self.0.len()).min(text.len());
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
