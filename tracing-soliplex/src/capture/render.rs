//! Rendering what is not ours to trust: it may panic, have no end, or be huge.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Write as _};

use soliplex_sanitize::caught;
use soliplex_wire::limits::{MAX_RECORD_BYTES, TRUNCATED};

/// Bytes of one text that are looked at. What is longer than a whole record may be is cut before
/// it is escaped, so that one huge value costs its thread a bounded time.
pub(super) const MAX_TEXT_BYTES: usize = 2 * MAX_RECORD_BYTES;

/// Errors under an error that are told. A chain this long has a loop or no meaning.
const MAX_SOURCES: usize = 16;

/// What a value becomes when its own `Debug` or `Display` panics.
const UNPRINTABLE: &str = "[UNPRINTABLE]";

/// Renders a value's `Debug` form.
pub(super) fn debug(text: &mut String, value: &dyn fmt::Debug) {
    render(text, |text| write!(text, "{value:?}"));
}

/// An error and its sources, outermost first. A source whose text the error above already tells,
/// as many do, is not told twice.
pub(super) fn error(text: &mut String, error: &(dyn Error + 'static)) {
    render(text, |text| {
        write!(text, "{error}")?;
        let mut source = error.source();
        for _ in 0..MAX_SOURCES {
            let Some(inner) = source else { break };
            let told = inner.to_string();
            if !text.ends_with(&told) {
                write!(text, ": {told}")?;
            }
            source = inner.source();
        }
        Ok(())
    });
}

/// A `Debug` that panics ends here, not in the application.
fn render(text: &mut String, write: impl FnOnce(&mut String) -> fmt::Result) {
    text.clear();
    let rendered = caught(|| write(text));
    if !matches!(rendered, Ok(Ok(()))) {
        text.clear();
        text.push_str(UNPRINTABLE);
    }
}

/// As much of a text as is looked at.
#[inline]
pub(super) fn bounded(text: &str) -> Cow<'_, str> {
    match text.len() {
        ..=MAX_TEXT_BYTES => Cow::Borrowed(text),
        _ => Cow::Owned(cut(text)),
    }
}

#[cold]
fn cut(text: &str) -> String {
    let mut end = MAX_TEXT_BYTES;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    [&text[..end], TRUNCATED].concat()
}
