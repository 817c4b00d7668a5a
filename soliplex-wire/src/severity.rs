//! How bad it is, in OpenTelemetry's numbers and texts.

use std::fmt;

/// The severity of a record, ordered from [`Unspecified`](Severity::Unspecified) to
/// [`Fatal`](Severity::Fatal).
///
/// | variant | [number](Severity::number) | [text](Severity::text) | [on the wire](Severity::level) |
/// |---|---|---|---|
/// | `Unspecified` | 0 | | |
/// | `Trace` | 1 | TRACE | trace |
/// | `Debug` | 5 | DEBUG | debug |
/// | `Info` | 9 | INFO | info |
/// | `Warn` | 13 | WARN | warning |
/// | `Error` | 17 | ERROR | error |
/// | `Fatal` | 21 | FATAL | fatal |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Severity {
    /// The level was absent or is none of ours; a record keeps its text beside it.
    #[default]
    Unspecified = 0,
    /// Every step.
    Trace = 1,
    /// What a developer wants to see.
    Debug = 5,
    /// What happened.
    Info = 9,
    /// What should not happen often.
    Warn = 13,
    /// What failed.
    Error = 17,
    /// What ended the program.
    Fatal = 21,
}

impl Severity {
    /// Every severity, least first.
    pub const ALL: [Severity; 7] = [
        Severity::Unspecified,
        Severity::Trace,
        Severity::Debug,
        Severity::Info,
        Severity::Warn,
        Severity::Error,
        Severity::Fatal,
    ];

    /// OpenTelemetry's `SeverityNumber`.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The severity whose [number](Severity::number) this is.
    pub fn from_number(number: u8) -> Option<Severity> {
        Self::ALL.into_iter().find(|s| s.number() == number)
    }

    /// OpenTelemetry's `SeverityText`; empty for [`Unspecified`](Severity::Unspecified).
    pub const fn text(self) -> &'static str {
        match self {
            Severity::Unspecified => "",
            Severity::Trace => "TRACE",
            Severity::Debug => "DEBUG",
            Severity::Info => "INFO",
            Severity::Warn => "WARN",
            Severity::Error => "ERROR",
            Severity::Fatal => "FATAL",
        }
    }

    /// The spelling on the wire; empty for [`Unspecified`](Severity::Unspecified).
    pub const fn level(self) -> &'static str {
        match self {
            Severity::Unspecified => "",
            Severity::Trace => "trace",
            Severity::Debug => "debug",
            Severity::Info => "info",
            Severity::Warn => "warning",
            Severity::Error => "error",
            Severity::Fatal => "fatal",
        }
    }

    /// Reads a level in any case; `warn` and `warning` both. `None` when it is none of ours.
    pub fn from_level(text: &str) -> Option<Severity> {
        if text.eq_ignore_ascii_case("warn") {
            return Some(Severity::Warn);
        }
        Self::ALL
            .into_iter()
            .skip(1)
            .find(|s| text.eq_ignore_ascii_case(s.level()))
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Severity::Unspecified => "UNSPECIFIED",
            named => named.text(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_leads_back_to_its_severity() {
        for severity in Severity::ALL.into_iter().skip(1) {
            assert_eq!(Severity::from_level(severity.level()), Some(severity));
            assert_eq!(Severity::from_level(severity.text()), Some(severity));
            assert_eq!(Severity::from_number(severity.number()), Some(severity));
        }
    }

    #[test]
    fn a_foreign_level_is_not_guessed() {
        for text in ["", "notice", "warnin", "errors", "7"] {
            assert_eq!(Severity::from_level(text), None, "{text:?}");
        }
    }
}
