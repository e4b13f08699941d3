//! Values as text.

use std::fmt::{Display, Formatter, Result};

use super::Value;

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Value::Unit => f.write_str("()"),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Signed(value) => write!(f, "{value}"),
            Value::Unsigned(value) => write!(f, "{value}"),
            Value::F32(value) => write!(f, "{value:?}"),
            Value::F64(value) => write!(f, "{value:?}"),
            Value::Char(value) => write!(f, "{value:?}"),
            Value::Text(value) => write!(f, "{value:?}"),
            Value::Bytes(bytes) => f.write_str(&hex(bytes)),
            Value::Option(None) => f.write_str("none"),
            Value::Option(Some(value)) if matches!(**value, Value::Option(_)) => write!(f, "some({value})"),
            Value::Option(Some(value)) => write!(f, "{value}"),
            Value::List(values) => separated(f, "[", values, "]", |f, value| write!(f, "{value}")),
            Value::Tuple(values) if values.len() == 1 => write!(f, "({},)", values[0]),
            Value::Tuple(values) => separated(f, "(", values, ")", |f, value| write!(f, "{value}")),
            Value::Map(entries) => {
                separated(f, "{", entries, "}", |f, (key, value)| write!(f, "{key}: {value}"))
            }
            Value::Struct(fields) => {
                separated(f, "{", fields, "}", |f, (name, value)| write!(f, "{name}: {value}"))
            }
            Value::Variant(name, content) => match &**content {
                Value::Unit => f.write_str(name),
                Value::Struct(_) => write!(f, "{name} {content}"),
                Value::Tuple(values) => {
                    separated(f, &format!("{name}("), values, ")", |f, value| write!(f, "{value}"))
                }
                _ => write!(f, "{name}({content})"),
            },
        }
    }
}

fn separated<T>(
    f: &mut Formatter<'_>,
    open: &str,
    parts: &[T],
    close: &str,
    show: impl Fn(&mut Formatter<'_>, &T) -> Result,
) -> Result {
    f.write_str(open)?;
    for (number, part) in parts.iter().enumerate() {
        f.write_str(if number == 0 { "" } else { ", " })?;
        show(f, part)?;
    }
    f.write_str(close)
}

/// Bytes as `0x00ff`.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::from("0x");
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a String takes everything");
    }
    text
}

/// What [`hex`] wrote.
#[cfg_attr(not(feature = "cli"), allow(dead_code, reason = "the command line alone writes values"))]
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.strip_prefix("0x")?.as_bytes().as_chunks::<2>();
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let byte = |[high, low]: &[u8; 2]| Some((digit(*high)? * 16 + digit(*low)?) as u8);
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}
