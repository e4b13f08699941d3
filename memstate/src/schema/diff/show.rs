//! Values in the line of a change: short, and as a Rust programmer would write them.

use std::fmt::Write;

use crate::schema::value::Value;

/// A value in one line.
pub(super) fn show(value: &Value) -> String {
    let mut text = String::new();
    put(value, &mut text);
    text
}

fn put(value: &Value, text: &mut String) {
    // Writing to a `String` cannot fail.
    let _ = match value {
        Value::Unit => write!(text, "()"),
        Value::Bool(value) => write!(text, "{value}"),
        Value::Signed(value) => write!(text, "{value}"),
        Value::Unsigned(value) => write!(text, "{value}"),
        Value::F32(value) => write!(text, "{value:?}"),
        Value::F64(value) => write!(text, "{value:?}"),
        Value::Char(value) => write!(text, "{value:?}"),
        Value::Text(value) => write!(text, "{value:?}"),
        Value::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(text, "{byte:02x}")),
        Value::Option(None) => write!(text, "none"),
        Value::Option(Some(value)) => return put(value, text),
        Value::List(values) => return all(text, "[", values, "]", put),
        Value::Tuple(values) => return all(text, "(", values, ")", put),
        Value::Map(entries) => {
            return all(text, "{", entries, "}", |(key, value), text| {
                put(key, text);
                text.push_str(": ");
                put(value, text);
            });
        }
        Value::Struct(fields) => {
            return all(text, "{", fields, "}", |(name, value), text| {
                text.push_str(name);
                text.push_str(": ");
                put(value, text);
            });
        }
        Value::Variant(name, content) => {
            text.push_str(name);
            match &**content {
                Value::Unit => {}
                content @ Value::Tuple(_) => put(content, text),
                content @ Value::Struct(_) => {
                    text.push(' ');
                    put(content, text);
                }
                content => {
                    text.push('(');
                    put(content, text);
                    text.push(')');
                }
            }
            Ok(())
        }
    };
}

fn all<T>(text: &mut String, open: &str, values: &[T], close: &str, put: impl Fn(&T, &mut String)) {
    text.push_str(open);
    for (number, value) in values.iter().enumerate() {
        if number > 0 {
            text.push_str(", ");
        }
        put(value, text);
    }
    text.push_str(close);
}
