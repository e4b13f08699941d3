//! Values as text.

use std::fmt::{Display, Formatter, Result};

use super::Value;

/// How much of a long text, of long bytes and of a long list is shown where not all of it is wanted.
const TEXT_CHARS: usize = 80;
const BYTES: usize = 40;
const LIST_ITEMS: usize = 12;

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        Shown { value: self, full: true }.fmt(f)
    }
}

/// A value as text.
#[derive(Clone, Copy)]
pub(crate) struct Shown<'a> {
    pub(crate) value: &'a Value,
    /// Whether what is long is shown to its end.
    pub(crate) full: bool,
}

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.value {
            Value::Unit => f.write_str("()"),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Signed(value) => write!(f, "{value}"),
            Value::Unsigned(value) => write!(f, "{value}"),
            Value::F32(value) => write!(f, "{value:?}"),
            Value::F64(value) => write!(f, "{value:?}"),
            Value::Time(value) => write!(f, "{value}"),
            Value::Char(value) => write!(f, "{value:?}"),
            Value::Text(text) => match text.char_indices().nth(TEXT_CHARS).filter(|_| !self.full) {
                Some((end, _)) => write!(f, "{:?}…", &text[..end]),
                None => write!(f, "{text:?}"),
            },
            Value::Bytes(bytes) => {
                let shown = if self.full { bytes.len() } else { bytes.len().min(BYTES) };
                f.write_str(&hex(&bytes[..shown]))?;
                f.write_str(if shown < bytes.len() { "…" } else { "" })
            }
            Value::Option(None) => f.write_str("none"),
            Value::Option(Some(value)) if matches!(**value, Value::Option(_)) => {
                write!(f, "some({})", self.of(value))
            }
            Value::Option(Some(value)) => self.of(value).fmt(f),
            Value::List(values) => self.separated(f, "[", values, "]", |f, value| self.of(value).fmt(f)),
            Value::Tuple(values) => self.tuple(f, values),
            Value::Map(entries) => self.separated(f, "{", entries, "}", |f, (key, value)| {
                write!(f, "{}: {}", self.of(key), self.of(value))
            }),
            Value::Struct(fields) => {
                self.all(f, "{", fields, "}", |f, (name, value)| write!(f, "{name}: {}", self.of(value)))
            }
            Value::Variant(name, content) => match &**content {
                Value::Unit => f.write_str(name),
                Value::Struct(_) => write!(f, "{name} {}", self.of(content)),
                Value::Tuple(values) => {
                    f.write_str(name)?;
                    self.separated(f, "(", values, ")", |f, value| self.of(value).fmt(f))
                }
                _ => write!(f, "{name}({})", self.of(content)),
            },
        }
    }
}

impl<'a> Shown<'a> {
    fn of(self, value: &'a Value) -> Shown<'a> {
        Shown { value, ..self }
    }

    fn tuple(self, f: &mut Formatter<'_>, values: &'a [Value]) -> Result {
        match values {
            [one] => write!(f, "({},)", self.of(one)),
            values => self.separated(f, "(", values, ")", |f, value| self.of(value).fmt(f)),
        }
    }

    /// Any number of parts, of which perhaps only the first are shown.
    fn separated<T>(
        self,
        f: &mut Formatter<'_>,
        open: &str,
        parts: &'a [T],
        close: &str,
        show: impl Fn(&mut Formatter<'_>, &'a T) -> Result,
    ) -> Result {
        // One more is shorter than saying so.
        if self.full || parts.len() <= LIST_ITEMS + 1 {
            return self.all(f, open, parts, close, show);
        }
        self.all(f, open, &parts[..LIST_ITEMS], "", show)?;
        write!(f, ", … {} more{close}", parts.len() - LIST_ITEMS)
    }

    fn all<T>(
        self,
        f: &mut Formatter<'_>,
        open: &str,
        parts: &'a [T],
        close: &str,
        show: impl Fn(&mut Formatter<'_>, &'a T) -> Result,
    ) -> Result {
        f.write_str(open)?;
        for (number, part) in parts.iter().enumerate() {
            f.write_str(if number == 0 { "" } else { ", " })?;
            show(f, part)?;
        }
        f.write_str(close)
    }
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
