//! Attribute values: typed, nested, bounded in depth.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::limits::{MAX_ATTRIBUTES, MAX_KEY_BYTES};
use crate::truncate::cut_text;

mod borrowed;

pub(crate) use borrowed::Text;
pub use borrowed::{AnyValueRef, AttributesRef, MapRef};

/// The value of an attribute: OpenTelemetry's `AnyValue`, as far as JSON can tell its kinds apart.
///
/// A whole number outside `i64` becomes its decimal text: exact text beats a rounded number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnyValue {
    /// No value. Only kept inside arrays, where leaving it out would move its neighbors.
    Null,
    /// Text.
    String(String),
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Double(Double),
    /// Values in order.
    Array(Vec<AnyValue>),
    /// Values by key.
    Map(BTreeMap<String, AnyValue>),
}

/// An `f64` that JSON can carry: neither infinite nor NaN.
#[derive(Clone, Copy, PartialEq)]
pub struct Double(f64);

impl Double {
    /// `None` when the number is infinite or NaN.
    pub fn try_new(number: f64) -> Option<Double> {
        number.is_finite().then_some(Double(number))
    }

    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// A finite number equals itself, so equality is total.
impl Eq for Double {}

impl fmt::Debug for Double {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<&str> for AnyValue {
    fn from(text: &str) -> Self {
        AnyValue::String(text.to_owned())
    }
}

impl From<String> for AnyValue {
    fn from(text: String) -> Self {
        AnyValue::String(text)
    }
}

impl From<bool> for AnyValue {
    fn from(value: bool) -> Self {
        AnyValue::Bool(value)
    }
}

impl From<i64> for AnyValue {
    fn from(number: i64) -> Self {
        AnyValue::Int(number)
    }
}

impl From<u64> for AnyValue {
    fn from(number: u64) -> Self {
        i64::try_from(number).map_or_else(|_| AnyValue::String(number.to_string()), AnyValue::Int)
    }
}

impl From<i128> for AnyValue {
    fn from(number: i128) -> Self {
        i64::try_from(number).map_or_else(|_| AnyValue::String(number.to_string()), AnyValue::Int)
    }
}

/// An infinite number or NaN becomes the text `inf`, `-inf` or `NaN`.
impl From<f64> for AnyValue {
    fn from(number: f64) -> Self {
        Double::try_new(number)
            .map_or_else(|| AnyValue::String(number.to_string()), AnyValue::Double)
    }
}

impl Serialize for AnyValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            AnyValue::Null => serializer.serialize_unit(),
            AnyValue::String(text) => serializer.serialize_str(text),
            AnyValue::Bool(value) => serializer.serialize_bool(*value),
            AnyValue::Int(number) => serializer.serialize_i64(*number),
            AnyValue::Double(number) => serializer.serialize_f64(number.get()),
            AnyValue::Array(values) => serializer.collect_seq(values),
            AnyValue::Map(values) => serializer.collect_map(values),
        }
    }
}

impl<'de> Deserialize<'de> for AnyValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        AnyValueRef::deserialize(deserializer).map(AnyValueRef::into_owned)
    }
}

/// The attributes of a record or a resource: unique keys in order, at most
/// [`MAX_ATTRIBUTES`] of them.
///
/// What does not fit is not kept but [counted](Attributes::dropped), as OpenTelemetry's
/// `dropped_attributes_count` does.
///
/// `Debug` shows the keys, never the values.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    values: BTreeMap<String, AnyValue>,
    dropped: u32,
}

impl Attributes {
    /// No attributes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `key` to `value`; the last value of a key wins.
    ///
    /// A [`Null`](AnyValue::Null) means absent, an empty key cannot be asked for, and neither is
    /// kept. A key over [`MAX_KEY_BYTES`] is cut.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<AnyValue>) {
        let (mut key, value) = (key.into(), value.into());
        if key.is_empty() || value == AnyValue::Null {
            return;
        }
        cut_text(&mut key, MAX_KEY_BYTES);
        if self.values.len() < MAX_ATTRIBUTES || self.values.contains_key(&key) {
            self.values.insert(key, value);
        } else {
            self.count_dropped(1);
        }
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&AnyValue> {
        self.values.get(key)
    }

    /// Takes `key` out.
    pub fn remove(&mut self, key: &str) -> Option<AnyValue> {
        self.values.remove(key)
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Keys and values, by key.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &AnyValue)> {
        self.values.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// How many had to go: over the limit, or cut away with their record.
    pub fn dropped(&self) -> u32 {
        self.dropped
    }

    pub(crate) fn count_dropped(&mut self, more: u32) {
        self.dropped = self.dropped.saturating_add(more);
    }

    pub(crate) fn values_mut(&mut self) -> &mut BTreeMap<String, AnyValue> {
        &mut self.values
    }
}

impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl<K: Into<String>, V: Into<AnyValue>> FromIterator<(K, V)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut attributes = Self::new();
        attributes.extend(pairs);
        attributes
    }
}

impl<K: Into<String>, V: Into<AnyValue>> Extend<(K, V)> for Attributes {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, pairs: I) {
        for (key, value) in pairs {
            self.insert(key, value);
        }
    }
}

impl IntoIterator for Attributes {
    type Item = (String, AnyValue);
    type IntoIter = std::collections::btree_map::IntoIter<String, AnyValue>;

    fn into_iter(self) -> Self::IntoIter {
        self.values.into_iter()
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.values.len()))?;
        for (key, value) in &self.values {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{MAX_DEPTH, TRUNCATED};

    fn read(json: &str) -> AnyValue {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn kinds_are_kept() {
        for (json, value) in [
            ("null", AnyValue::Null),
            ("true", true.into()),
            ("7", 7_i64.into()),
            ("7.0", 7.0.into()),
            ("-9223372036854775808", i64::MIN.into()),
            ("9223372036854775808", AnyValue::from(1_u64 << 63)),
            (r#""7""#, "7".into()),
        ] {
            assert_eq!(read(json), value, "{json}");
        }
    }

    #[test]
    fn a_number_json_cannot_carry_becomes_its_text() {
        assert_eq!(AnyValue::from(f64::NAN), "NaN".into());
        assert_eq!(AnyValue::from(f64::NEG_INFINITY), "-inf".into());
        assert_eq!(AnyValue::from(u64::MAX), "18446744073709551615".into());
    }

    #[test]
    fn nesting_below_the_limit_is_replaced_by_the_mark() {
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        let depth = |mut value: &AnyValue| {
            let mut levels = 0;
            while let AnyValue::Array(values) = value {
                levels += 1;
                match values.first() {
                    Some(inner) => value = inner,
                    None => break,
                }
            }
            (levels, value.clone())
        };
        assert_eq!(
            depth(&read(&deep(MAX_DEPTH))),
            (MAX_DEPTH, AnyValue::Array(vec![]))
        );
        // serde_json itself stops at 128 levels; what is posted deeper never gets here as a tree.
        assert_eq!(depth(&read(&deep(100))), (MAX_DEPTH, TRUNCATED.into()));
    }

    #[test]
    fn attributes_over_the_limit_are_counted() {
        let mut attributes: Attributes = (0..MAX_ATTRIBUTES + 5)
            .map(|i| (format!("k{i}"), i as i64))
            .collect();
        assert_eq!(
            (attributes.len(), attributes.dropped()),
            (MAX_ATTRIBUTES, 5)
        );
        attributes.insert("k0", "again");
        assert_eq!(attributes.get("k0"), Some(&"again".into()));
        assert_eq!(attributes.dropped(), 5);
    }

    #[test]
    fn nothing_is_no_attribute() {
        let mut attributes = Attributes::new();
        attributes.insert("a", AnyValue::Null);
        attributes.insert("", "b");
        assert!(attributes.is_empty());
    }
}
