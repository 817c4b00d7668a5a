//! The short form of an earlier record, carried by an error.

use std::fmt;

use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::Severity;
use crate::record::field;

/// What kind of thing a breadcrumb tells of.
///
/// The four kinds of the contract, and whatever an application names itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Category {
    /// Navigation, taps, screens.
    Ui,
    /// Requests, connectivity.
    Network,
    /// Lifecycle, permissions, and all that has no other category.
    #[default]
    System,
    /// Login, logout, what a user did on purpose.
    User,
    /// Named by the application.
    Other(String),
}

impl Category {
    /// The spelling on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Category::Ui => "ui",
            Category::Network => "network",
            Category::System => "system",
            Category::User => "user",
            Category::Other(name) => name,
        }
    }
}

impl From<&str> for Category {
    fn from(name: &str) -> Self {
        match name {
            "ui" => Category::Ui,
            "network" => Category::Network,
            "system" | "" => Category::System,
            "user" => Category::User,
            other => Category::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The short form of an earlier record.
///
/// `Debug` shows how large it is, never what it says.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Breadcrumb {
    /// When it happened, by the device's clock.
    pub timestamp: Option<Timestamp>,
    /// How bad it was.
    pub severity: Severity,
    /// Which part of the application told.
    pub logger: String,
    /// What happened.
    pub message: String,
    /// What kind of thing it was.
    pub category: Category,
}

impl fmt::Debug for Breadcrumb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breadcrumb")
            .field("severity", &self.severity)
            .field("logger", &self.logger)
            .field("message_bytes", &self.message.len())
            .finish_non_exhaustive()
    }
}

impl Breadcrumb {
    /// The same, with nothing copied.
    pub fn borrowed(&self) -> BreadcrumbRef<'_> {
        BreadcrumbRef {
            timestamp: self.timestamp,
            severity: self.severity,
            logger: &self.logger,
            message: &self.message,
            category: self.category.as_str(),
        }
    }
}

impl Serialize for Breadcrumb {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.borrowed().serialize(serializer)
    }
}

/// A [`Breadcrumb`] whose texts are somebody else's: written the same, with nothing copied.
///
/// `Debug` shows how large it is, never what it says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BreadcrumbRef<'a> {
    /// See [`Breadcrumb::timestamp`].
    pub timestamp: Option<Timestamp>,
    /// See [`Breadcrumb::severity`].
    pub severity: Severity,
    /// See [`Breadcrumb::logger`].
    pub logger: &'a str,
    /// See [`Breadcrumb::message`].
    pub message: &'a str,
    /// See [`Breadcrumb::category`].
    pub category: &'a str,
}

impl fmt::Debug for BreadcrumbRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BreadcrumbRef")
            .field("severity", &self.severity)
            .field("logger", &self.logger)
            .field("message_bytes", &self.message.len())
            .finish_non_exhaustive()
    }
}

impl Serialize for BreadcrumbRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(timestamp) = &self.timestamp {
            map.serialize_entry(field::TIMESTAMP, timestamp)?;
        }
        if self.severity != Severity::Unspecified {
            map.serialize_entry(field::LEVEL, self.severity.level())?;
        }
        map.serialize_entry(field::LOGGER, self.logger)?;
        map.serialize_entry(field::MESSAGE, self.message)?;
        map.serialize_entry(field::CATEGORY, self.category)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_reads_what_it_writes() {
        for category in [
            Category::Ui,
            Category::Network,
            Category::System,
            Category::User,
            Category::Other("sync".into()),
        ] {
            assert_eq!(Category::from(category.as_str()), category);
        }
    }
}
