//! Looking into a value. Options that have one are looked through.

use super::Value;
use crate::Timestamp;

impl Value {
    /// The field of this name, or the value of this text in a map.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self.inner() {
            Value::Struct(fields) => fields.iter().find(|(field, _)| field == name).map(|(_, value)| value),
            Value::Map(entries) => {
                entries.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value)
            }
            Value::Variant(_, content) => content.get(name),
            _ => None,
        }
    }

    /// The element at this place of a list or a tuple.
    pub fn nth(&self, place: usize) -> Option<&Value> {
        match self.inner() {
            Value::List(values) | Value::Tuple(values) => values.get(place),
            Value::Variant(_, content) => content.nth(place),
            _ => None,
        }
    }

    /// The elements of a list or a tuple, or the values of a map or a struct; nothing for all else.
    pub fn iter(&self) -> Box<dyn Iterator<Item = &Value> + '_> {
        match self.inner() {
            Value::List(values) | Value::Tuple(values) => Box::new(values.iter()),
            Value::Map(entries) => Box::new(entries.iter().map(|(_, value)| value)),
            Value::Struct(fields) => Box::new(fields.iter().map(|(_, value)| value)),
            _ => Box::new(std::iter::empty()),
        }
    }

    /// Whether it is an option without a value.
    pub fn is_none(&self) -> bool {
        matches!(self.inner(), Value::Option(None))
    }

    /// The name of a variant, and what it holds.
    pub fn as_variant(&self) -> Option<(&str, &Value)> {
        match self.inner() {
            Value::Variant(name, content) => Some((name, content)),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self.inner() {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self.inner() {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The number, if it is an integer that fits.
    pub fn as_u64(&self) -> Option<u64> {
        match self.inner() {
            Value::Unsigned(value) => u64::try_from(*value).ok(),
            Value::Signed(value) => u64::try_from(*value).ok(),
            _ => None,
        }
    }

    /// The number, if it is an integer that fits; of a time its microseconds.
    pub fn as_i64(&self) -> Option<i64> {
        match self.inner() {
            Value::Time(value) => Some(value.as_micros()),
            Value::Unsigned(value) => i64::try_from(*value).ok(),
            Value::Signed(value) => i64::try_from(*value).ok(),
            _ => None,
        }
    }

    /// The number, if it is one with a floating point.
    pub fn as_f64(&self) -> Option<f64> {
        match self.inner() {
            Value::F32(value) => Some((*value).into()),
            Value::F64(value) => Some(*value),
            _ => None,
        }
    }

    /// The time, if it is one.
    pub fn as_timestamp(&self) -> Option<Timestamp> {
        match self.inner() {
            Value::Time(value) => Some(*value),
            _ => None,
        }
    }

    /// The bytes, if they are such.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self.inner() {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    fn inner(&self) -> &Value {
        let mut value = self;
        while let Value::Option(Some(inner)) = value {
            value = inner;
        }
        value
    }
}
