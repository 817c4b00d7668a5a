//! Values as they are read: their texts still stand in the body they came from.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::{AnyValue, Attributes, Double};
use crate::limits::{MAX_ATTRIBUTES, MAX_DEPTH, MAX_KEY_BYTES, TRUNCATED};
use crate::truncate::cut_borrowed;

/// An [`AnyValue`] whose texts are borrowed from what was read, but for those with escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnyValueRef<'a> {
    /// No value. Only kept inside arrays.
    Null,
    /// Text.
    String(Cow<'a, str>),
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Double(Double),
    /// Values in order.
    Array(Vec<AnyValueRef<'a>>),
    /// Values by key.
    Map(MapRef<'a>),
}

/// Values by key: in the order of their keys, each key once. Reading costs one allocation, not one
/// a key.
///
/// `Debug` shows the keys, never the values.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct MapRef<'a>(Vec<(Cow<'a, str>, AnyValueRef<'a>)>);

/// The [`Attributes`] of a record as it was read.
///
/// `Debug` shows the keys, never the values.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AttributesRef<'a> {
    values: MapRef<'a>,
    dropped: u32,
    /// Whether something was pushed since the last time they were put in order.
    unsettled: bool,
}

impl<'a> AnyValueRef<'a> {
    /// The value with texts of its own.
    pub fn into_owned(self) -> AnyValue {
        match self {
            AnyValueRef::Null => AnyValue::Null,
            AnyValueRef::String(text) => AnyValue::String(text.into_owned()),
            AnyValueRef::Bool(value) => AnyValue::Bool(value),
            AnyValueRef::Int(number) => AnyValue::Int(number),
            AnyValueRef::Double(number) => AnyValue::Double(number),
            AnyValueRef::Array(values) => {
                AnyValue::Array(values.into_iter().map(Self::into_owned).collect())
            }
            AnyValueRef::Map(map) => AnyValue::Map(map.into_owned().collect()),
        }
    }
}

impl From<AnyValue> for AnyValueRef<'_> {
    fn from(value: AnyValue) -> Self {
        match value {
            AnyValue::Null => AnyValueRef::Null,
            AnyValue::String(text) => AnyValueRef::String(Cow::Owned(text)),
            AnyValue::Bool(value) => AnyValueRef::Bool(value),
            AnyValue::Int(number) => AnyValueRef::Int(number),
            AnyValue::Double(number) => AnyValueRef::Double(number),
            AnyValue::Array(values) => {
                AnyValueRef::Array(values.into_iter().map(Self::from).collect())
            }
            AnyValue::Map(values) => AnyValueRef::Map(MapRef::from_sorted(values)),
        }
    }
}

impl<'a> MapRef<'a> {
    /// Keys and values, by key.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &AnyValueRef<'a>)> {
        self.0.iter().map(|(key, value)| (&**key, value))
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&AnyValueRef<'a>> {
        let at = self.0.binary_search_by(|(other, _)| (**other).cmp(key));
        at.ok().map(|at| &self.0[at].1)
    }

    /// What was read, put in order; the last value of a key wins.
    pub(crate) fn settled(pairs: Vec<(Cow<'a, str>, AnyValueRef<'a>)>) -> Self {
        let mut map = MapRef(pairs);
        map.settle();
        map
    }

    fn from_sorted(values: impl IntoIterator<Item = (String, AnyValue)>) -> Self {
        let owned = |(key, value)| (Cow::Owned(key), AnyValueRef::from(value));
        MapRef(values.into_iter().map(owned).collect())
    }

    fn into_owned(self) -> impl Iterator<Item = (String, AnyValue)> {
        self.0
            .into_iter()
            .map(|(key, value)| (key.into_owned(), value.into_owned()))
    }

    /// Puts what was pushed in order; the last value of a key wins.
    fn settle(&mut self) {
        if self.0.is_sorted_by(|(one, _), (next, _)| one < next) {
            return;
        }
        self.0.sort_by(|(one, _), (other, _)| one.cmp(other));
        self.0.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                std::mem::swap(later, kept);
            }
            same
        });
    }
}

impl<'a> IntoIterator for MapRef<'a> {
    type Item = (Cow<'a, str>, AnyValueRef<'a>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Debug for MapRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.0.iter().map(|(key, _)| key))
            .finish()
    }
}

impl<'a> AttributesRef<'a> {
    /// Keys and values, by key.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &AnyValueRef<'a>)> {
        self.values.iter()
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&AnyValueRef<'a>> {
        self.values.get(key)
    }

    /// How many had to go.
    pub fn dropped(&self) -> u32 {
        self.dropped
    }

    /// The attributes with texts of their own.
    pub fn into_owned(self) -> Attributes {
        Attributes {
            values: self.values.into_owned().collect(),
            dropped: self.dropped,
        }
    }

    pub(crate) fn count_dropped(&mut self, more: u32) {
        self.dropped = self.dropped.saturating_add(more);
    }

    /// Adds a value, to be [settled](AttributesRef::settle). As in [`Attributes::insert`], a null
    /// and an empty key are not kept, and a long key is cut.
    pub(crate) fn push(&mut self, mut key: Cow<'a, str>, value: AnyValueRef<'a>) {
        if key.is_empty() || matches!(value, AnyValueRef::Null) {
            return;
        }
        cut_borrowed(&mut key, MAX_KEY_BYTES);
        self.values.0.push((key, value));
        self.unsettled = true;
    }

    /// Adds the values of an object.
    pub(crate) fn extend(&mut self, map: MapRef<'a>) {
        if self.values.0.is_empty() && map.0.first().is_none_or(|(key, _)| !key.is_empty()) {
            // An object's keys are in order, so an empty one is the first; nulls are not kept.
            self.values = map;
            return;
        }
        for (key, value) in map.0 {
            self.push(key, value);
        }
    }

    /// Puts the attributes in order and within their number.
    pub(crate) fn settle(&mut self) {
        if std::mem::take(&mut self.unsettled) {
            self.values.settle();
        }
        let over = self.values.0.len().saturating_sub(MAX_ATTRIBUTES);
        if over > 0 {
            self.count_dropped(u32::try_from(over).unwrap_or(u32::MAX));
            self.values.0.truncate(MAX_ATTRIBUTES);
        }
    }
}

impl From<Attributes> for AttributesRef<'_> {
    fn from(attributes: Attributes) -> Self {
        AttributesRef {
            values: MapRef::from_sorted(attributes.values),
            dropped: attributes.dropped,
            unsettled: false,
        }
    }
}

impl fmt::Debug for AttributesRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.values.fmt(f)
    }
}

impl<'de> Deserialize<'de> for AnyValueRef<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Depth(MAX_DEPTH).deserialize(deserializer)
    }
}

/// A text, borrowed where it has no escapes.
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(Reader)
    }
}

/// Reads a value with this many levels of nesting left.
struct Depth(usize);

impl<'de> DeserializeSeed<'de> for Depth {
    type Value = AnyValueRef<'de>;

    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<AnyValueRef<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Depth {
    type Value = AnyValueRef<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<AnyValueRef<'de>, E> {
        Ok(AnyValueRef::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<AnyValueRef<'de>, E> {
        Ok(AnyValueRef::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<AnyValueRef<'de>, E> {
        Ok(AnyValueRef::Int(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<AnyValueRef<'de>, E> {
        Ok(AnyValue::from(number).into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<AnyValueRef<'de>, E> {
        Ok(AnyValue::from(number).into())
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<AnyValueRef<'de>, E> {
        Ok(AnyValueRef::String(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<AnyValueRef<'de>, E> {
        Ok(AnyValueRef::String(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<AnyValueRef<'de>, A::Error> {
        let Some(depth) = self.0.checked_sub(1) else {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(AnyValueRef::String(Cow::Borrowed(TRUNCATED)));
        };
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(Depth(depth))? {
            values.push(value);
        }
        Ok(AnyValueRef::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AnyValueRef<'de>, A::Error> {
        let Some(depth) = self.0.checked_sub(1) else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(AnyValueRef::String(Cow::Borrowed(TRUNCATED)));
        };
        // Room for what a record usually has; growing from nothing would copy it three times.
        let mut values = MapRef(Vec::with_capacity(8));
        while let Some(Text(mut key)) = map.next_key()? {
            cut_borrowed(&mut key, MAX_KEY_BYTES);
            match map.next_value_seed(Depth(depth))? {
                AnyValueRef::Null => {}
                value => values.0.push((key, value)),
            }
        }
        values.settle();
        Ok(AnyValueRef::Map(values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> AnyValueRef<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn text_is_borrowed_unless_it_has_escapes() {
        for (json, borrowed) in [(r#""plain ä""#, true), (r#""a\nb""#, false)] {
            let AnyValueRef::String(text) = read(json) else {
                panic!("{json}");
            };
            assert_eq!(matches!(text, Cow::Borrowed(_)), borrowed, "{json}");
        }
    }

    #[test]
    fn an_object_is_in_order_and_its_last_value_of_a_key_wins() {
        let json = r#"{"b":1,"a":2,"b":3,"c":null,"b":null,"":4}"#;
        let AnyValueRef::Map(map) = read(json) else {
            panic!("no object");
        };
        let pairs: Vec<_> = map.iter().collect();
        let int = AnyValueRef::Int;
        assert_eq!(pairs, [("", &int(4)), ("a", &int(2)), ("b", &int(3))]);
        assert_eq!(map.get("b"), Some(&int(3)));
        assert_eq!(map.get("c"), None);
    }

    #[test]
    fn debug_shows_keys_only() {
        let mut attributes = AttributesRef::default();
        attributes.push("password".into(), read(r#""hunter2""#));
        assert_eq!(format!("{attributes:?}"), r#"{"password"}"#);
    }
}
