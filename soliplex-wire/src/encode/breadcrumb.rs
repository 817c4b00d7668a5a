//! A breadcrumb, printed as it serializes and written in a fraction of the time: an error carries
//! twenty.

use super::buffer::Buffer;
use super::instant::instant;
use super::packed::text;
use crate::record::field;
use crate::{BreadcrumbRef, Severity};

/// Appends what is printed as the JSON that `Serialize` gives.
pub(super) fn write(out: &mut Buffer, breadcrumb: &BreadcrumbRef<'_>) {
    let mut before = b'{';
    let mut member = |out: &mut Buffer, name: &str| {
        out.piece(&[std::mem::replace(&mut before, b','), b'"']);
        out.bytes(name.as_bytes());
        out.piece(b"\":");
    };
    if let Some(timestamp) = &breadcrumb.timestamp {
        member(out, field::TIMESTAMP);
        instant(out, timestamp);
    }
    if breadcrumb.severity != Severity::Unspecified {
        member(out, field::LEVEL);
        text(out, breadcrumb.severity.level());
    }
    member(out, field::LOGGER);
    text(out, breadcrumb.logger);
    member(out, field::MESSAGE);
    text(out, breadcrumb.message);
    member(out, field::CATEGORY);
    text(out, breadcrumb.category);
    out.piece(b"}");
}

#[cfg(test)]
mod tests {
    use super::super::print;
    use super::*;
    use crate::Timestamp;

    #[test]
    fn a_breadcrumb_is_written_as_it_is_serialized() {
        for text in ["", "plain", "a \"quoted\" \\ path", "a\nb\u{0}", "ä€😀"] {
            for (timestamp, severity) in [
                (None, Severity::Unspecified),
                (Timestamp::from_second(1).ok(), Severity::Fatal),
                (Timestamp::from_nanosecond(-1).ok(), Severity::Trace),
                (
                    Timestamp::from_nanosecond(1_770_379_200_120_000_000).ok(),
                    Severity::Warn,
                ),
            ] {
                let breadcrumb = BreadcrumbRef {
                    timestamp,
                    severity,
                    logger: text,
                    message: text,
                    category: text,
                };
                let mut written = Buffer::new();
                write(&mut written, &breadcrumb);
                let mut printed = Buffer::new();
                print(&written, &mut printed).unwrap();
                let serialized = serde_json::to_vec(&breadcrumb).unwrap();
                assert_eq!(*printed, serialized);
            }
        }
    }
}
