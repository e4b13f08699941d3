//! Values for formats that describe themselves.

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{Value, show::hex};

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Unit => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Signed(value) => match i64::try_from(*value) {
                Ok(value) => serializer.serialize_i64(value),
                Err(_) => serializer.collect_str(value),
            },
            Value::Unsigned(value) => match u64::try_from(*value) {
                Ok(value) => serializer.serialize_u64(value),
                Err(_) => serializer.collect_str(value),
            },
            Value::F32(value) if !value.is_finite() => {
                serializer.serialize_str(not_finite(f64::from(*value)))
            }
            Value::F64(value) if !value.is_finite() => serializer.serialize_str(not_finite(*value)),
            Value::F32(value) => serializer.serialize_f32(*value),
            Value::F64(value) => serializer.serialize_f64(*value),
            Value::Time(value) => serializer.serialize_i64(value.as_micros()),
            Value::Char(value) => serializer.serialize_char(*value),
            Value::Text(value) => serializer.serialize_str(value),
            Value::Bytes(bytes) => serializer.serialize_str(&hex(bytes)),
            Value::Option(None) => serializer.serialize_none(),
            Value::Option(Some(value)) => serializer.serialize_some(value),
            Value::List(values) | Value::Tuple(values) => serializer.collect_seq(values),
            Value::Struct(fields) => serializer.collect_map(fields.iter().map(|(name, value)| (name, value))),
            Value::Map(entries) => {
                let named: Option<Vec<_>> =
                    entries.iter().map(|(key, value)| Some((key.as_key()?, value))).collect();
                match named {
                    Some(named) => serializer.collect_map(named),
                    None => serializer.collect_seq(entries),
                }
            }
            Value::Variant(name, content) if **content == Value::Unit => serializer.serialize_str(name),
            Value::Variant(name, content) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(name, content)?;
                map.end()
            }
        }
    }
}

impl Value {
    /// The text that it is as the key of an object, if it can be one.
    fn as_key(&self) -> Option<String> {
        match self {
            Value::Text(text) => Some(text.clone()),
            Value::Char(value) => Some(value.to_string()),
            Value::Time(value) => Some(value.as_micros().to_string()),
            Value::Bool(_) | Value::Signed(_) | Value::Unsigned(_) => Some(self.to_string()),
            Value::Variant(name, content) if **content == Value::Unit => Some(name.clone()),
            _ => None,
        }
    }
}

/// The name of a number that JSON does not have.
fn not_finite(number: f64) -> &'static str {
    match number {
        number if number.is_nan() => "NaN",
        number if number > 0.0 => "Infinity",
        _ => "-Infinity",
    }
}
